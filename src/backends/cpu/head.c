/*
 * head.c - the LM head on chosen rows. The vocabulary is cut into tiles of a fixed size; a tile's
 * logits live for one panel, long enough for the running statistics, and are written out only
 * when the caller wants them. Tiles are merged in the order of their ids, so that neither the
 * number of threads nor their timing shows in the result.
 */
#include "backends/cpu/session.h"

#include "base/fail.h"

#include <math.h>

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

/* Eight chosen rows of a stream, normed, into to [n_embd][width] of the round's chunk. */
static void take_rows(const head_job *j, float *to, int stream, size_t r, size_t width)
{
    const dlx__backend *b = j->b;
    const size_t d = b->shape.n_embd, n_last = b->n_last[stream];
    for (size_t l = 0; l < DLX__LANE_STEP; l++) {
        const size_t row = j->in->rows[j->first + dlx__min(r + l, j->n - 1)];
        const float *from = b->x[stream] + dlx__cpu_at(n_last, d, 0, row);
        const size_t step = dlx__cpu_width(n_last, row / DLX__LANES);
        for (size_t i = 0; i < d; i++)
            to[i * width + l] = from[i * step];
    }
    const dlx__cpu_norm *norm = &b->program.final_norm;
    b->kernels->norm(to, to, width, DLX__LANE_STEP, norm->weight, d, norm->eps);
}

/*
 * The head is linear, so guidance may be applied to what goes in instead of what comes out:
 * W u + (s + 1)(W c - W u) = W (u + (s + 1)(c - u)), one product instead of two, equal up to
 * rounding. A bias b is left alone by either side: b + (s + 1)(b - b) = b.
 */
static void gather_phase(void *arg, int thread, int n_threads)
{
    const head_job *j = arg;
    const dlx__backend *b = j->b;
    const size_t d = b->shape.n_embd;
    size_t begin, end;
    dlx__pool_share(dlx__align(j->n, DLX__LANE_STEP), DLX__LANE_STEP, thread, n_threads, &begin,
                    &end);
    for (size_t r = begin; r < end; r += DLX__LANE_STEP) {
        const size_t at = dlx__cpu_at(j->n, d, 0, r), width = dlx__cpu_width(j->n, r / DLX__LANES);
        take_rows(j, b->h + at, guided(j->in) ? 0 : j->in->stream, r, width);
        if (!guided(j->in))
            continue;
        take_rows(j, b->h2 + at, 1, r, width);
        for (size_t i = 0; i < d; i++)
            for (size_t l = 0; l < DLX__LANE_STEP; l++) {
                float *c = b->h + at + i * width + l, u = b->h2[at + i * width + l];
                *c = u + (j->in->cfg_scale + 1) * (*c - u);
            }
    }
}

/* logits [n][width] of the ids from `id` into the caller's rows. */
static void write_logits(const head_job *j, const float *logits, size_t chunk, size_t width,
                         size_t id, size_t n)
{
    const size_t row = chunk * DLX__LANES, n_rows = dlx__min(DLX__LANES, j->n - row);
    for (size_t r = 0; r < n_rows; r++) {
        float *to = j->in->logits + (j->first + row + r) * j->b->shape.n_vocab + id;
        for (size_t i = 0; i < n; i++)
            to[i] = logits[i * width + r];
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

/* Ids that may not be chosen weigh nothing. */
static void suppress(const head_job *j, float *logits, size_t width, size_t id, size_t n)
{
    const dlx__head *in = j->in;
    for (size_t s = first_suppressed(in, id); s < in->n_suppress; s++) {
        size_t i = (size_t)in->suppress[s] - id;
        if (i >= n)
            break;
        for (size_t l = 0; l < width; l++)
            logits[i * width + l] = -INFINITY;
    }
    for (size_t i = j->n_ids > id ? j->n_ids - id : 0; i < n; i++)
        for (size_t l = 0; l < width; l++)
            logits[i * width + l] = -INFINITY;
}

static void vocab_tile(const head_job *j, size_t tile, float *logits)
{
    const dlx__backend *b = j->b;
    const dlx__cpu_linear *head = &b->program.head;
    const size_t n_chunks = dlx__cpu_chunks(j->n), d = b->shape.n_embd;
    const size_t begin = tile * DLX__CPU_VOCAB_TILE;
    const size_t end = dlx__min(j->end, begin + DLX__CPU_VOCAB_TILE);
    dlx__lane_stats *stats = b->stats + tile * n_chunks; /* [n_chunks] */
    for (size_t c = 0; c < n_chunks; c++)
        dlx__stats_reset(&stats[c]);
    for (size_t id = begin; id < end; id += DLX__CPU_PANEL) {
        const size_t n = dlx__min(DLX__CPU_PANEL, end - id);
        for (size_t c = 0; c < n_chunks; c++) {
            const size_t width = dlx__cpu_width(j->n, c);
            b->kernels->gemm(logits, b->h + c * DLX__LANES * d, width, &head->w, id, n);
            if (head->bias)
                b->kernels->add_bias(logits, head->bias + id, width, n);
            if (j->in->logits)
                write_logits(j, logits, c, width, id, n);
            if (j->in->stats) {
                suppress(j, logits, width, id, n);
                b->kernels->stats(&stats[c], logits, width, n, (int32_t)id);
            }
        }
    }
}

static void vocab_phase(void *arg, int thread, int n_threads)
{
    const head_job *j = arg;
    float *logits = j->b->scratch + (size_t)thread * j->b->n_scratch; /* [panel][width] */
    size_t begin, end;
    dlx__pool_share(dlx__cpu_vocab_tiles(j->end), 1, thread, n_threads, &begin, &end);
    for (size_t tile = begin; tile < end; tile++)
        vocab_tile(j, tile, logits);
}

/* With p = exp(l - max) / sum: sum p ln p = weighted / sum - ln sum. */
static dlx__row_stat row_stat(const dlx__lane_stats *s, size_t l)
{
    if (s->best[l] < 0 || s->broken[l])
        return (dlx__row_stat){.finite = false};
    float sum = s->sum[l];
    return (dlx__row_stat){.best = s->best[l],
                           .logit = s->max[l],
                           .prob = 1 / sum,
                           .margin = (1 - expf(s->second[l] - s->max[l])) / sum,
                           .neg_entropy = fminf(s->weighted[l] / sum - logf(sum), 0),
                           .finite = true};
}

static void finish_stats(const head_job *j)
{
    const size_t n_chunks = dlx__cpu_chunks(j->n);
    for (size_t c = 0; c < n_chunks; c++) {
        const size_t width = dlx__cpu_width(j->n, c);
        dlx__lane_stats all = j->b->stats[c];
        for (size_t tile = 1; tile < dlx__cpu_vocab_tiles(j->end); tile++)
            dlx__stats_merge(&all, &j->b->stats[tile * n_chunks + c], width);
        for (size_t l = 0; l < dlx__min(width, j->n - c * DLX__LANES); l++)
            j->in->stats[j->first + c * DLX__LANES + l] = row_stat(&all, l);
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
    size_t n_last = guided(in) ? dlx__min(b->n_last[0], b->n_last[1]) : b->n_last[in->stream];
    for (size_t i = 0; i < in->n; i++)
        if (in->rows[i] >= n_last)
            return dlx__fail(err, DLX_E_ARG, "head: row %zu was asked for, the last step had %zu",
                             in->rows[i], n_last);
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
