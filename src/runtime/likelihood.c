/*
 * likelihood.c - the likelihood of given tokens: a Monte Carlo bound by masking for bidirectional
 * families, the same block by block for block-causal ones, and the exact sum of every token's
 * given those before it for autoregressive ones. Decides nothing and reveals nothing.
 */
#include "runtime/likelihood.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/rng.h"
#include "runtime/decode.h"

#include <math.h>
#include <string.h>

enum { ROWS_AT_ONCE = 16 }; /* logits rows that are held together */

typedef struct scorer {
    dlx__engine *engine;
    const dlx_token *ids; /* [n] the truth */
    size_t n;
    const dlx__likelihood_opts *opts;
    dlx__rng rng;
    bool shift;
    size_t block;       /* 0: bidirectional; 1: autoregressive */
    size_t n_positions; /* n, rounded up to whole blocks where there are blocks */
    dlx_token mask_id;
    dlx_token *canvas; /* [n_positions] */
    size_t *hidden;    /* [n] positions, shuffled: the first few are the masked ones */
    size_t tile;       /* rows of the widest forward */
    float *logits;     /* [ROWS_AT_ONCE, n_vocab_rows] */
    dlx_error *err;
} scorer;

static dlx_result forward(scorer *s, size_t start, size_t end, size_t n_keep, size_t n_unread)
{
    const dlx__model *model = s->engine->model;
    if (dlx__engine_stopped(s->engine))
        return dlx__fail(s->err, DLX_CANCELLED, "stopped by the caller");
    dlx__step step = {.ids = s->canvas + start,
                      .n = end - start,
                      .start = start,
                      .n_kv = start,
                      .n_keep = n_keep,
                      .n_unread = n_unread,
                      .visibility = model->family->visibility,
                      .block = s->block ? s->block : 1,
                      .stop = dlx__engine_stopped,
                      .stop_user = s->engine};
    return s->engine->opts.backend->step(s->engine->backend, &step, s->err);
}

/* -ln p(id) by one row of logits [n_vocab_rows]; ids that can never be written have no share. */
static double surprise(const scorer *s, const float *row, dlx_token id)
{
    size_t n_ids = s->engine->model->hp.n_vocab;
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < n_ids; i++)
        if ((dlx_token)i != s->mask_id && row[i] > top)
            top = row[i];
    for (size_t i = 0; i < n_ids; i++)
        if ((dlx_token)i != s->mask_id)
            sum += exp(row[i] - top);
    return top + log(sum) - row[id];
}

/* Sum of -ln p(truth) over positions, from the last forward, which began at `start`. */
static dlx_result sum_surprise(scorer *s, const size_t *positions, size_t n, size_t start,
                               double *sum)
{
    size_t width = s->engine->model->hp.n_rows_vocab;
    size_t rows[ROWS_AT_ONCE];
    for (size_t i = 0; i < n; i += ROWS_AT_ONCE) {
        size_t count = dlx__min(ROWS_AT_ONCE, n - i);
        for (size_t k = 0; k < count; k++) {
            size_t row = positions[i + k] - start;
            rows[k] = s->shift && row > 0 ? row - 1 : row;
        }
        dlx__head head = {.rows = rows, .n = count, .logits = s->logits};
        DLX__TRY(s->engine->opts.backend->head(s->engine->backend, &head, s->err));
        for (size_t k = 0; k < count; k++)
            *sum += surprise(s, s->logits + k * width, s->ids[positions[i + k]]);
    }
    if (!isfinite(*sum))
        return dlx__fail(s->err, DLX_E_BACKEND,
                         "the model's logits are not finite: its weights are damaged");
    return DLX_OK;
}

/* Hides l of the positions (l uniform in 1..n_free, a Fisher-Yates prefix) and returns l. */
static size_t hide(scorer *s, size_t n_free)
{
    size_t n_hidden = 1 + (size_t)(dlx__rng_uniform(&s->rng) * (double)n_free);
    n_hidden = dlx__min(n_hidden, n_free);
    for (size_t i = 0; i < n_hidden; i++) {
        size_t j = i + (size_t)(dlx__rng_uniform(&s->rng) * (double)(n_free - i));
        size_t swapped = s->hidden[j];
        s->hidden[j] = s->hidden[i];
        s->hidden[i] = swapped;
        s->canvas[swapped] = s->mask_id;
    }
    return n_hidden;
}

/* The bound over the positions [from, to), with rows start .. end forwarded. */
static dlx_result sample_window(scorer *s, size_t from, size_t to, size_t start, size_t end,
                                double *nats)
{
    size_t n_free = to - from;
    double total = 0;
    for (size_t k = 0; k < n_free; k++)
        s->hidden[k] = from + k;
    for (size_t sample = 0; n_free && sample < s->opts->n_samples; sample++) {
        double sum = 0;
        size_t n_hidden = hide(s, n_free);
        DLX__TRY(forward(s, start, end, 0, 0));
        DLX__TRY(sum_surprise(s, s->hidden, n_hidden, start, &sum));
        total += sum * (double)n_free / (double)n_hidden;
        for (size_t k = 0; k < n_hidden; k++)
            s->canvas[s->hidden[k]] = s->ids[s->hidden[k]];
    }
    if (n_free)
        *nats += total / (double)s->opts->n_samples;
    return DLX_OK;
}

/* Puts the clean block [start, end) behind the K/V; a seeding family predicts what follows from it.
 */
static dlx_result commit_block(scorer *s, size_t start, size_t end, size_t first, double *nats)
{
    const size_t n = end - start;
    const bool seeds = s->engine->model->family->seeds_blocks && end >= first && end < s->n;
    DLX__TRY(forward(s, start, end, n, seeds ? n - 1 : n));
    if (!seeds)
        return DLX_OK;
    size_t row = n - 1;
    dlx__head head = {.rows = &row, .n = 1, .logits = s->logits};
    DLX__TRY(s->engine->opts.backend->head(s->engine->backend, &head, s->err));
    *nats += surprise(s, s->logits, s->ids[end]);
    return DLX_OK;
}

static dlx_result score_blocks(scorer *s, size_t first, double *nats)
{
    for (size_t start = 0; start < s->n; start += s->block) {
        size_t end = start + s->block;
        if (end > first) {
            bool seeded = s->engine->model->family->seeds_blocks && start > 0 && start >= first;
            size_t from = dlx__max(first, seeded ? start + 1 : start);
            size_t to = dlx__min(s->n, end);
            if (from < to)
                DLX__TRY(sample_window(s, from, to, start, end, nats));
        }
        if (end < s->n)
            DLX__TRY(commit_block(s, start, end, first, nats));
    }
    return DLX_OK;
}

/* Nothing is masked: every row predicts the position behind it. Position 0 is given. */
static dlx_result score_left_to_right(scorer *s, size_t first, double *nats)
{
    for (size_t start = 0; start < s->n; start += s->tile) {
        size_t end = dlx__min(start + s->tile, s->n);
        size_t from = dlx__max(first, start + 1);
        size_t to = dlx__min(end + 1, s->n);
        size_t n = to > from ? to - from : 0;
        for (size_t i = 0; i < n; i++)
            s->hidden[i] = from + i;
        /* The row before `from` is the first that is asked. */
        size_t n_unread = n > 0 ? from - 1 - start : end - start;
        DLX__TRY(forward(s, start, end, end - start, n_unread));
        DLX__TRY(sum_surprise(s, s->hidden, n, start, nats));
    }
    return DLX_OK;
}

static dlx_result score(scorer *s, size_t first, double *nats)
{
    if (s->engine->rules.autoregressive)
        return score_left_to_right(s, first, nats);
    return s->block ? score_blocks(s, first, nats) : sample_window(s, first, s->n, 0, s->n, nats);
}

/* 0: bidirectional */
static size_t block_of(const dlx__model *model)
{
    if (model->family->visibility == DLX__VISIBLE_FULL)
        return 0;
    return model->family->autoregressive ? 1 : (size_t)model->hp.block_length.value;
}

static dlx_result scorer_open(scorer *s)
{
    const dlx_allocator *mem = s->engine->mem;
    size_t width = s->engine->model->hp.n_rows_vocab;
    s->canvas = dlx__alloc(mem, dlx__mul(s->n_positions, sizeof *s->canvas));
    s->hidden = dlx__alloc(mem, dlx__mul(s->n, sizeof *s->hidden));
    s->logits = dlx__alloc(mem, dlx__mul(ROWS_AT_ONCE * sizeof *s->logits, width));
    if (!s->canvas || !s->hidden || !s->logits)
        return dlx__fail_memory(s->err, "judging a text", ROWS_AT_ONCE * sizeof *s->logits * width);
    memcpy(s->canvas, s->ids, s->n * sizeof *s->ids);
    for (size_t i = s->n; i < s->n_positions; i++)
        s->canvas[i] = s->mask_id;
    dlx__rng_seed(&s->rng, s->opts->seed);
    s->tile = s->block ? s->block : s->n_positions;
    if (s->engine->rules.autoregressive)
        s->tile = dlx__min(s->n, dlx__engine_tile(1));
    return dlx__engine_reserve(s->engine, s->tile, 1, s->err);
}

static void scorer_release(scorer *s)
{
    dlx__free(s->engine->mem, s->canvas);
    dlx__free(s->engine->mem, s->hidden);
    dlx__free(s->engine->mem, s->logits);
}

static dlx_result check(const dlx__engine *engine, const dlx_token *ids, size_t n,
                        size_t n_positions, dlx_error *err)
{
    size_t n_rows = engine->model->hp.n_rows_vocab;
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= n_rows)
            return dlx__fail(err, DLX_E_ARG,
                             "token id %d at position %zu is outside the vocabulary of %zu",
                             (int)ids[i], i, n_rows);
    if (n_positions > engine->opts.n_ctx)
        return dlx__fail(err, DLX_E_FULL,
                         "the text needs %zu positions, the context has %zu (--ctx)", n_positions,
                         engine->opts.n_ctx);
    return DLX_OK;
}

dlx_result dlx__engine_likelihood(dlx__engine *engine, const dlx_token *ids, size_t n, size_t first,
                                  const dlx__likelihood_opts *opts, double *nats, dlx_error *err)
{
    const dlx__model *model = engine->model;
    size_t block = block_of(model);
    size_t n_positions = block ? (n + block - 1) / block * block : n;
    *nats = 0;
    DLX__TRY(check(engine, ids, n, n_positions, err));
    if (first >= n)
        return DLX_OK;
    scorer s = {.engine = engine,
                .ids = ids,
                .n = n,
                .opts = opts,
                .shift = model->family->shift,
                .block = block,
                .n_positions = n_positions,
                .mask_id = (dlx_token)model->hp.mask_id.value,
                .err = err};
    engine->n_kept = 0;
    atomic_store(&engine->cancelled, false);
    dlx_result r = scorer_open(&s);
    if (r == DLX_OK)
        r = score(&s, first, nats);
    scorer_release(&s);
    return r;
}
