/*
 * head.c - the LM head on chosen rows. The vocabulary is cut into tiles of a fixed size; a tile's
 * logits live for one run of ids, long enough for the running statistics, and are written out only
 * when the caller wants them. Tiles are merged in the order of their ids, so that neither the
 * number of threads nor their timing shows in the result.
 */
#include "backends/cpu/session.h"
#include "backends/row_stat.h"

#include "base/fail.h"

#include <math.h>
#include <string.h>

typedef struct head_job {
    dlx__backend *b;
    const dlx__head *in;
    size_t first; /* of in->rows: this round's first row */
    size_t n;     /* rows of this round */
    size_t n_ids; /* allowed are ids below */
    size_t end;   /* logits are computed below; beyond n_ids only for a caller who wants them all */
} head_job;

static bool guided(const dlx__head *in)
{
    return in->cfg_scale != 0;
}

/*
 * A chosen row, normed. The head is linear, so guidance may be applied to what goes in instead of
 * what comes out: W u + (s + 1)(W c - W u) = W (u + (s + 1)(c - u)), one product instead of two,
 * equal up to rounding. A bias b is left alone by either side: b + (s + 1)(b - b) = b.
 */
static void gather_row(const head_job *j, size_t r, float *other)
{
    const dlx__backend *b = j->b;
    const size_t d = b->shape.n_embd, row = j->in->rows[j->first + r];
    const dlx__cpu_norm *norm = &b->program->final_norm;
    float *c = b->h.x + r * b->h.stride; /* [d] */
    b->kernels->norm(c, b->x[guided(j->in) ? 0 : j->in->stream] + row * d, norm->weight, d,
                     norm->eps);
    if (!guided(j->in))
        return;
    b->kernels->norm(other, b->x[1] + row * d, norm->weight, d, norm->eps);
    for (size_t i = 0; i < d; i++)
        c[i] = other[i] + (j->in->cfg_scale + 1) * (c[i] - other[i]);
}

static void gather_phase(void *arg, int thread, int n_threads)
{
    const head_job *j = arg;
    const dlx__backend *b = j->b;
    const dlx__acts h = dlx__cpu_rows(&b->h, j->n);
    size_t begin, end;
    dlx__pool_share(j->n, 1, thread, n_threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        gather_row(j, r, b->threads[thread].buffer);
        dlx__cpu_round_row(b, &h, r, &b->program->head);
    }
}

/* The first place in the suppressed ids that is not below `id`. */
static size_t first_suppressed(const dlx__head *in, size_t id)
{
    size_t low = 0, high = in->n_suppress;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (in->suppress[middle] < 0 || (size_t)in->suppress[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Ids that may not be chosen weigh nothing. logits [n] of the ids from `id`. */
static void suppress(const head_job *j, float *logits, size_t id, size_t n)
{
    const dlx__head *in = j->in;
    for (size_t s = first_suppressed(in, id); s < in->n_suppress; s++) {
        size_t i = (size_t)in->suppress[s] - id;
        if (i >= n)
            break;
        logits[i] = -INFINITY;
    }
    for (size_t i = j->n_ids > id ? j->n_ids - id : 0; i < n; i++)
        logits[i] = -INFINITY;
}

/* What becomes of row r's logits [n] of the ids from `id`. */
static void use_logits(const head_job *j, dlx__stats *stats, size_t r, float *logits, size_t id,
                       size_t n)
{
    const dlx__backend *b = j->b;
    if (b->program->head.bias)
        b->kernels->add(logits, b->program->head.bias + id, n);
    if (j->in->logits)
        memcpy(j->in->logits + (j->first + r) * b->shape.n_vocab + id, logits, n * sizeof *logits);
    if (j->in->stats) {
        suppress(j, logits, id, n);
        b->kernels->stats(stats, logits, n, (int32_t)id);
    }
}

static void vocab_tile(const head_job *j, size_t tile, float *logits)
{
    const dlx__backend *b = j->b;
    const dlx__acts h = dlx__cpu_rows(&b->h, j->n);
    const size_t begin = tile * DLX__CPU_VOCAB_TILE;
    const size_t end = dlx__min(j->end, begin + DLX__CPU_VOCAB_TILE);
    dlx__stats *stats = b->stats + tile * DLX__CPU_TILE; /* [n] */
    for (size_t r = 0; r < j->n; r++)
        dlx__stats_reset(&stats[r]);
    for (size_t id = begin; id < end; id += DLX__CPU_RUN) {
        const size_t n = dlx__min(DLX__CPU_RUN, end - id);
        b->kernels->gemm(logits, DLX__CPU_RUN, &h, &b->program->head.w, id / DLX__PANEL,
                         dlx__align(n, DLX__PANEL) / DLX__PANEL);
        for (size_t r = 0; r < j->n; r++)
            use_logits(j, &stats[r], r, logits + r * DLX__CPU_RUN, id, n);
    }
}

static void vocab_phase(void *arg, int thread, int n_threads)
{
    const head_job *j = arg;
    float *logits = j->b->threads[thread].buffer; /* [n][DLX__CPU_RUN] */
    size_t begin, end;
    dlx__pool_share(dlx__cpu_vocab_tiles(j->end), 1, thread, n_threads, &begin, &end);
    for (size_t tile = begin; tile < end; tile++)
        vocab_tile(j, tile, logits);
}

static void finish_stats(const head_job *j)
{
    for (size_t r = 0; r < j->n; r++) {
        dlx__stats all = j->b->stats[r];
        for (size_t tile = 1; tile < dlx__cpu_vocab_tiles(j->end); tile++)
            dlx__stats_merge(&all, &j->b->stats[tile * DLX__CPU_TILE + r]);
        j->in->stats[j->first + r] = dlx__row_stat_of(&all);
    }
}

static dlx_result check_head(const dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    if (in->stream < 0 || in->stream >= b->n_streams)
        return dlx__fail(err, DLX_E_ARG, "head: expected a stream below %d, found %d", b->n_streams,
                         in->stream);
    if (guided(in) && b->n_streams < 2)
        return dlx__fail(err, DLX_E_ARG,
                         "head: guidance of scale %g needs two streams, the session has one",
                         (double)in->cfg_scale);
    if (in->n_ids > b->shape.n_vocab)
        return dlx__fail(err, DLX_E_ARG, "head: expected at most %zu ids, found %zu",
                         b->shape.n_vocab, in->n_ids);
    const dlx__row_span first = b->read[guided(in) ? 0 : in->stream];
    const dlx__row_span second = b->read[guided(in) ? 1 : in->stream];
    const size_t begin = dlx__max(first.begin, second.begin);
    const size_t end = dlx__min(first.end, second.end);
    for (size_t i = 0; i < in->n; i++)
        if (in->rows[i] < begin || in->rows[i] >= end)
            return dlx__fail(err, DLX_E_ARG,
                             "head: row %zu was asked for, the last step left rows [%zu, %zu)",
                             in->rows[i], begin, end);
    return DLX_OK;
}

dlx_result dlx__cpu_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    DLX__TRY(check_head(b, in, err));
    head_job j = {.b = b, .in = in};
    j.n_ids = in->n_ids ? in->n_ids : b->shape.n_vocab;
    j.end = in->logits ? b->shape.n_vocab : j.n_ids;
    const size_t n_tile = dlx__min(b->n_rows, DLX__CPU_TILE);
    for (j.first = 0; j.first < in->n; j.first += n_tile) {
        j.n = dlx__min(n_tile, in->n - j.first);
        dlx__pool_run(b->pool, gather_phase, &j);
        dlx__pool_run(b->pool, vocab_phase, &j);
        if (in->stats)
            finish_stats(&j);
    }
    return DLX_OK;
}
