/*
 * et_step.c - a pass by the methods of a program. Rows that do not fit into one call are computed
 * in several, cut where a block ends: later rows see what earlier calls left.
 */
#include "backends/xnnpack/xnnpack.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/pte_types.h"

#include <string.h>

/* Rows [at, at + n) of a pass, which see positions [0, at), themselves, and [at + n, end). */
typedef struct call {
    const dlx__step *step;
    size_t at, n, end;
    bool masked; /* rows of several blocks */
} call;

/* ---- keys and values that the caller keeps -----------------------------------------------------
 */

static size_t head_floats(const dlx__backend *b)
{
    return b->program.facts.n_ctx * b->model->graph.head_dim;
}

/* [n_kv_values][kv, P, c]: of each head its kept rows, one after the other. */
static void gather(dlx__backend *b, const call *c)
{
    const dlx__past_key key = {c->step->stream, c->at, c->at + c->n, c->end};
    const size_t n_heads = b->n_kv_values * b->model->graph.n_heads_kv;
    const size_t width = b->model->graph.head_dim, tail = key.end - key.tail;
    if (b->key.stream == key.stream && b->key.start == key.start && b->key.tail == key.tail &&
        b->key.end == key.end)
        return;
    b->key = key;
    float *to = b->past;
    for (size_t h = 0; h < n_heads; h++) {
        const float *from = b->kv[key.stream] + h * head_floats(b);
        memcpy(to, from, key.start * width * sizeof *to);
        to += key.start * width;
        memcpy(to, from + key.tail * width, tail * width * sizeof *to);
        to += tail * width;
    }
}

/* The call's own rows [kv, n, c] to their positions. */
static void keep(dlx__backend *b, const call *c)
{
    const size_t n_kv = b->model->graph.n_heads_kv, width = b->model->graph.head_dim;
    for (size_t i = 0; i < b->n_kv_values; i++)
        for (size_t h = 0; h < n_kv; h++) {
            const float *from = (const float *)b->out[1 + i].data + h * c->n * width;
            float *to = b->kv[c->step->stream] + (i * n_kv + h) * head_floats(b) + c->at * width;
            memcpy(to, from, c->n * width * sizeof *to);
        }
}

/* ---- a call ------------------------------------------------------------------------------------
 */

/* 0 where a row sees a position; else so little that nothing is left of it. */
static void fill_mask(dlx__backend *b, const call *c)
{
    const size_t width = c->at + c->n, block = c->step->block;
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = 0; j < width; j++)
            b->mask[i * width + j] = j / block <= (c->at + i) / block ? 0.0f : -1e9f;
}

static dlx__et_tensor tensor(dlx__pte_type type, void *data, int n_dims, size_t a, size_t b,
                             size_t c)
{
    return (dlx__et_tensor){data, (int32_t)type, n_dims, {(int32_t)a, (int32_t)b, (int32_t)c}};
}

static int fill_inputs(dlx__backend *b, const call *c, int64_t *start)
{
    const dlx__graph *g = &b->model->graph;
    const size_t n_past = c->at + c->end - (c->at + c->n);
    int n = 0;
    for (size_t i = 0; i < c->n; i++)
        b->ids[i] = c->step->ids[c->at - c->step->start + i];
    b->in[n++] = tensor(DLX__PTE_LONG, b->ids, 2, 1, c->n, 0);
    if (b->program.facts.cache != DLX__EXPORT_NO_CACHE)
        b->in[n++] = tensor(DLX__PTE_LONG, start, 1, 1, 0, 0);
    if (c->masked) {
        fill_mask(b, c);
        b->in[n++] = tensor(DLX__PTE_FLOAT, b->mask, 2, c->n, c->at + c->n, 0);
    }
    if (b->program.facts.cache != DLX__EXPORT_IO)
        return n;
    gather(b, c);
    for (size_t i = 0; i < b->n_kv_values; i++)
        b->in[n++] = tensor(DLX__PTE_FLOAT, b->past + i * g->n_heads_kv * n_past * g->head_dim, 3,
                            g->n_heads_kv, n_past, g->head_dim);
    return n;
}

static dlx_result check_logits(const dlx__backend *b, const call *c, dlx_error *err)
{
    const dlx__et_tensor *t = &b->out[0];
    if (t->type == DLX__PTE_FLOAT && t->n_dims == 3 && (size_t)t->dims[1] == c->n &&
        (size_t)t->dims[2] == b->model->graph.n_vocab)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected logits f32 [1, %zu, %zu], found another tensor; export it again",
                     b->program.path, c->n, b->model->graph.n_vocab);
}

static dlx_result run_call(dlx__backend *b, const call *c, dlx_error *err)
{
    const size_t n_vocab = b->model->graph.n_vocab;
    const bool io = b->program.facts.cache == DLX__EXPORT_IO;
    int64_t start = (int64_t)c->at;
    const int n_in = fill_inputs(b, c, &start);
    DLX__TRY(dlx__program_run(&b->program, c->masked ? "forward_masked" : "forward", b->in, n_in,
                              b->out, io ? 1 + (int)b->n_kv_values : 1, err));
    DLX__TRY(check_logits(b, c, err));
    memcpy(b->logits[c->step->stream] + (c->at - c->step->start) * n_vocab, b->out[0].data,
           c->n * n_vocab * sizeof(float));
    if (io)
        keep(b, c);
    return DLX_OK;
}

/* ---- a pass ------------------------------------------------------------------------------------
 */

/* The next call from position `at` on. */
static call next_call(const dlx__backend *b, const dlx__step *in, size_t at)
{
    const size_t end = in->start + in->n, rows = b->program.facts.n_rows, block = in->block;
    const bool blocks = in->visibility == DLX__VISIBLE_BLOCK_CAUSAL;
    call c = {.step = in, .at = at, .n = end - at};
    if (blocks && c.n > rows)
        c.n = (at + rows) / block * block - at;
    c.end = at + c.n;
    if (c.end == end && in->n_kv > end) { /* what earlier passes left behind the rows */
        const size_t limit = blocks ? ((end - 1) / block + 1) * block : in->n_kv;
        c.end = dlx__max(end, dlx__min(in->n_kv, limit));
    }
    c.masked = blocks && at / block != (at + c.n - 1) / block;
    return c;
}

static dlx_result check_call(const dlx__backend *b, const call *c, dlx_error *err)
{
    const char *path = b->program.path;
    if (c->n > b->program.facts.n_rows)
        return dlx__fail(
            err, DLX_E_ARG,
            "%s: expected passes of at most %zu rows, found %zu; export it with --rows "
            "%zu",
            path, b->program.facts.n_rows, c->n, c->n);
    if (b->program.facts.cache == DLX__EXPORT_NO_CACHE && (c->at > 0 || c->end > c->n))
        return dlx__fail(
            err, DLX_E_UNSUPPORTED,
            "%s: the program keeps no keys and values: take --cache none, or export it "
            "with --cache io",
            path);
    if (b->program.facts.cache == DLX__EXPORT_STATE && c->end > c->at + c->n)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: a pass wants to see positions behind its rows, which the program's "
                         "own keys and values cannot give: export it with --cache io",
                         path);
    if (c->masked && (!b->program.facts.masked || c->end > c->at + c->n))
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: the program has no method for rows of several blocks that see what "
                         "is behind them",
                         path);
    return DLX_OK;
}

static dlx_result reserve(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    const size_t bytes = dlx__mul(dlx__mul(in->n, b->model->graph.n_vocab), sizeof(float));
    if (in->n <= b->capacity[in->stream])
        return DLX_OK;
    dlx__free(b->opts.mem, b->logits[in->stream]);
    b->logits[in->stream] = dlx__alloc(b->opts.mem, bytes);
    b->capacity[in->stream] = b->logits[in->stream] ? in->n : 0;
    return b->logits[in->stream] ? DLX_OK : dlx__fail_memory(err, "keeping logits", bytes);
}

dlx_result dlx__xnnpack_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    if (in->tap || in->observe)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: what is inside of a program cannot be seen",
                         b->program.path);
    if (in->n == 0 || in->start + in->n > b->program.facts.n_ctx || in->stream >= b->opts.n_streams)
        return dlx__fail(err, DLX_E_ARG,
                         "expected a pass of rows within %zu positions on one of %d streams, found "
                         "%zu rows from %zu on stream %d",
                         b->program.facts.n_ctx, b->opts.n_streams, in->n, in->start, in->stream);
    b->n_hidden[in->stream] = 0;
    DLX__TRY(reserve(b, in, err));
    for (size_t at = in->start; at < in->start + in->n;) {
        const call c = next_call(b, in, at);
        if (in->stop && in->stop(in->stop_user))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        DLX__TRY(check_call(b, &c, err));
        DLX__TRY(run_call(b, &c, err));
        at += c.n;
    }
    b->n_hidden[in->stream] = in->n;
    return DLX_OK;
}
