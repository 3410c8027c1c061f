/*
 * step.c - one forward pass. A pass is a list of phases; in each, every thread computes its own
 * part of the outputs, and the phases are separated by the pool's barrier.
 *
 * A step of more rows than a tile goes over each layer twice: first the keys and values of all
 * rows, because the rows see one another, then everything else tile by tile.
 */
#include "backends/cpu/session.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <math.h>

/* One phase's work: what every thread's function gets. */
typedef struct job {
    dlx__backend *b;
    const dlx__step *in;
    const dlx__cpu_layer *layer;
    size_t layer_index;
    size_t first_row; /* of the tile in the step */
    size_t n_rows;    /* of the tile */
    float *x;         /* [n_embd] x n_rows: the tile's residual stream */
    const dlx__cpu_norm *norm;
    bool queries, keys; /* which projections this round makes */
} job;

static void run(job *j, dlx__pool_fn phase)
{
    dlx__pool_run(j->b->pool, phase, j);
}

/* Rows of the embedding into lanes, their rotations beside them; lanes without a row become 0. */
static void embed_phase(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    dlx__backend *b = j->b;
    const dlx__tensor *table = b->program.embedding;
    const size_t d = b->shape.n_embd, half = b->shape.head_dim / 2, n = j->in->n;
    const size_t row_bytes = dlx__dtype_bytes(table->dtype, d);
    float *row = b->scratch + (size_t)thread * b->n_scratch; /* [d] */
    size_t begin, end;
    dlx__pool_share(dlx__align(n, DLX__LANE_STEP), DLX__LANE_STEP, thread, n_threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const size_t width = dlx__cpu_width(n, r / DLX__LANES);
        float *x = b->x[j->in->stream] + dlx__cpu_at(n, d, 0, r);
        if (r < n)
            dlx__to_f32(row, (const uint8_t *)table->data + (size_t)j->in->ids[r] * row_bytes,
                        table->dtype, d);
        for (size_t i = 0; i < d; i++)
            x[i * width] = r < n ? row[i] : 0;
        const size_t at = dlx__cpu_at(n, half, 0, r);
        for (size_t i = 0; i < half; i++) {
            float angle = (float)(j->in->start + r) * b->frequency[i];
            b->cosine[at + i * width] = cosf(angle);
            b->sine[at + i * width] = sinf(angle);
        }
    }
}

/* h = norm(x), eight lanes at a time. */
static void norm_phase(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    const size_t d = j->b->shape.n_embd;
    size_t begin, end;
    dlx__pool_share(dlx__align(j->n_rows, DLX__LANE_STEP), DLX__LANE_STEP, thread, n_threads,
                    &begin, &end);
    for (size_t r = begin; r < end; r += DLX__LANE_STEP) {
        const size_t at = dlx__cpu_at(j->n_rows, d, 0, r);
        j->b->kernels->norm(j->b->h + at, j->x + at, dlx__cpu_width(j->n_rows, r / DLX__LANES),
                            DLX__LANE_STEP, j->norm->weight, d, j->norm->eps);
    }
}

static void project_phase(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    const dlx__backend *b = j->b;
    const dlx__kernels *kernels = b->kernels;
    if (j->queries)
        dlx__cpu_multiply(kernels, &j->layer->q, b->q, b->h, j->n_rows, thread, n_threads);
    if (j->keys) {
        dlx__cpu_multiply(kernels, &j->layer->k, b->k, b->h, j->n_rows, thread, n_threads);
        dlx__cpu_multiply(kernels, &j->layer->v, b->v, b->h, j->n_rows, thread, n_threads);
    }
}

/* A chunk of one head, x [head_dim][width], is normed (where the model does so) and rotated. */
static void turn_head(const job *j, float *x, const dlx__cpu_norm *norm, size_t chunk)
{
    const dlx__backend *b = j->b;
    const size_t width = dlx__cpu_width(j->n_rows, chunk), c = b->shape.head_dim;
    if (norm->weight)
        b->kernels->norm(x, x, width, width, norm->weight, c, norm->eps);
    const size_t at = dlx__cpu_at(j->in->n, c / 2, 0, j->first_row + chunk * DLX__LANES);
    b->kernels->rope(x, b->cosine + at, b->sine + at, width, c / 2);
}

/* A chunk of one head into its slots: x [head_dim][width] to slots [n_slots, head_dim]. */
static void keep_head(const job *j, float *slots, const float *x, size_t chunk)
{
    const size_t width = dlx__cpu_width(j->n_rows, chunk), c = j->b->shape.head_dim;
    const size_t n = dlx__min(DLX__LANES, j->n_rows - chunk * DLX__LANES);
    float *slot = slots + (j->in->start + j->first_row + chunk * DLX__LANES) * c;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < c; i++)
            slot[r * c + i] = x[i * width + r];
}

/* Units of work: the heads of q, then of k, then of v, chunk by chunk. */
static void heads_phase(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    dlx__backend *b = j->b;
    const dlx__kv_cache *kv = &b->kv[j->in->stream];
    const size_t n_q = j->queries ? b->shape.n_heads : 0;
    const size_t n_kv = j->keys ? b->shape.n_heads_kv : 0, c = b->shape.head_dim;
    const size_t n_heads = n_q + 2 * n_kv;
    size_t begin, end;
    dlx__pool_share(dlx__cpu_chunks(j->n_rows) * n_heads, 1, thread, n_threads, &begin, &end);
    for (size_t unit = begin; unit < end; unit++) {
        const size_t chunk = unit / n_heads, row = chunk * DLX__LANES;
        size_t head = unit % n_heads;
        if (head < n_q) {
            turn_head(j, b->q + dlx__cpu_at(j->n_rows, b->shape.n_heads * c, head * c, row),
                      &j->layer->q_norm, chunk);
            continue;
        }
        head -= n_q;
        const bool is_key = head < n_kv;
        head -= is_key ? 0 : n_kv;
        float *x = (is_key ? b->k : b->v) + dlx__cpu_at(j->n_rows, n_kv * c, head * c, row);
        if (is_key)
            turn_head(j, x, &j->layer->k_norm, chunk);
        keep_head(j,
                  is_key ? dlx__kv_keys(kv, j->layer_index, head)
                         : dlx__kv_values(kv, j->layer_index, head),
                  x, chunk);
    }
}

static void attend_phase(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    const dlx__cpu_attend a = {.b = j->b,
                               .in = j->in,
                               .layer = j->layer_index,
                               .scale = j->layer->scale,
                               .first_row = j->first_row,
                               .n_rows = j->n_rows};
    dlx__cpu_attend_part(&a, thread, n_threads);
}

/* x += w from (+ bias). The sum is formed apart from x, which is larger and would round it. */
static void add_product(const job *j, const dlx__cpu_linear *linear, const float *from, int thread,
                        int n_threads)
{
    const dlx__backend *b = j->b;
    const size_t n_out = linear->w.n_rows, n_in = linear->w.n_cols;
    float *sum = b->scratch + (size_t)thread * b->n_scratch; /* [panel][width] */
    size_t begin, end;
    dlx__pool_share(n_out, DLX__WEIGHT_GRAIN, thread, n_threads, &begin, &end);
    for (size_t i = begin; i < end; i += DLX__CPU_PANEL) {
        const size_t n = dlx__min(DLX__CPU_PANEL, end - i);
        for (size_t c = 0; c < dlx__cpu_chunks(j->n_rows); c++) {
            const size_t width = dlx__cpu_width(j->n_rows, c);
            b->kernels->gemm(sum, from + c * DLX__LANES * n_in, width, &linear->w, i, n);
            if (linear->bias)
                b->kernels->add_bias(sum, linear->bias + i, width, n);
            b->kernels->add(j->x + c * DLX__LANES * n_out + i * width, sum, n * width);
        }
    }
}

static void output_phase(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    add_product(j, &j->layer->o, j->b->q, thread, n_threads);
}

/* ff = silu(gate h) * (up h), both for the same outputs while they are in the cache. */
static void gate_phase(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    const dlx__backend *b = j->b;
    const dlx__cpu_linear *gate = &j->layer->gate, *up = &j->layer->up;
    const size_t n_ff = gate->w.n_rows, d = b->shape.n_embd;
    float *gated = b->scratch + (size_t)thread * b->n_scratch; /* [panel][width] */
    size_t begin, end;
    dlx__pool_share(n_ff, DLX__WEIGHT_GRAIN, thread, n_threads, &begin, &end);
    for (size_t i = begin; i < end; i += DLX__CPU_PANEL) {
        const size_t n = dlx__min(DLX__CPU_PANEL, end - i);
        for (size_t c = 0; c < dlx__cpu_chunks(j->n_rows); c++) {
            const size_t width = dlx__cpu_width(j->n_rows, c);
            const float *h = b->h + c * DLX__LANES * d;
            float *out = b->ff + c * DLX__LANES * n_ff + i * width;
            b->kernels->gemm(gated, h, width, &gate->w, i, n);
            b->kernels->gemm(out, h, width, &up->w, i, n);
            if (gate->bias)
                b->kernels->add_bias(gated, gate->bias + i, width, n);
            if (up->bias)
                b->kernels->add_bias(out, up->bias + i, width, n);
            b->kernels->silu_mul(out, gated, n * width);
        }
    }
}

static void down_phase(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    add_product(j, &j->layer->down, j->b->ff, thread, n_threads);
}

static void set_tile(job *j, size_t first_row)
{
    j->first_row = first_row;
    j->n_rows = dlx__min(DLX__CPU_TILE, j->in->n - first_row);
    j->x = j->b->x[j->in->stream] + first_row * j->b->shape.n_embd;
}

/* The projections of the tile in j, ready for attention. */
static void project(job *j, bool queries, bool keys)
{
    j->norm = &j->layer->attn_norm;
    j->queries = queries;
    j->keys = keys;
    run(j, norm_phase);
    run(j, project_phase);
    run(j, heads_phase);
}

static void run_layer(job *j)
{
    const bool one_tile = j->in->n <= DLX__CPU_TILE;
    for (size_t r = 0; r < j->in->n && !one_tile; r += DLX__CPU_TILE) {
        set_tile(j, r);
        project(j, false, true);
    }
    for (size_t r = 0; r < j->in->n; r += DLX__CPU_TILE) {
        set_tile(j, r);
        project(j, true, one_tile);
        run(j, attend_phase);
        run(j, output_phase);
        j->norm = &j->layer->mlp_norm;
        run(j, norm_phase);
        run(j, gate_phase);
        run(j, down_phase);
    }
}

/* Gives the caller's tap the tile's x (or h) out of the lanes; rows [n, n_embd]. */
static void copy_rows(const job *j, float *rows, const float *x)
{
    const size_t d = j->b->shape.n_embd;
    for (size_t r = 0; r < j->n_rows; r++) {
        const float *from = x + dlx__cpu_at(j->n_rows, d, 0, r);
        const size_t width = dlx__cpu_width(j->n_rows, r / DLX__LANES);
        for (size_t i = 0; i < d; i++)
            rows[(j->first_row + r) * d + i] = from[i * width];
    }
}

static void tap(job *j, size_t index, float *rows, bool normed)
{
    if (!rows)
        return;
    for (size_t r = 0; r < j->in->n; r += DLX__CPU_TILE) {
        set_tile(j, r);
        if (normed) {
            j->norm = &j->b->program.final_norm;
            run(j, norm_phase);
        }
        copy_rows(j, rows, normed ? j->b->h : j->x);
    }
    j->in->tap(j->in->tap_user, index, rows, j->in->n, j->b->shape.n_embd);
}

static dlx_result check_step(const dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    if (in->stream < 0 || in->stream >= b->n_streams)
        return dlx__fail(err, DLX_E_ARG, "step: expected a stream below %d, found %d", b->n_streams,
                         in->stream);
    if (in->n == 0 || in->n > b->n_rows)
        return dlx__fail(err, DLX_E_ARG, "step: expected 1 to %zu rows, found %zu", b->n_rows,
                         in->n);
    if (in->start > b->n_ctx || in->n > b->n_ctx - in->start || in->n_kv > b->n_ctx)
        return dlx__fail(err, DLX_E_FULL,
                         "step: %zu rows from position %zu over %zu cached ones do not fit the "
                         "context of %zu slots; open the session with a longer context",
                         in->n, in->start, in->n_kv, b->n_ctx);
    if (in->start > in->n_kv)
        return dlx__fail(err, DLX_E_ARG,
                         "step: rows start at position %zu but only %zu slots hold keys and values",
                         in->start, in->n_kv);
    if (in->visibility == DLX__VISIBLE_BLOCK_CAUSAL && in->block == 0)
        return dlx__fail(err, DLX_E_ARG, "step: expected a block width of at least 1, found 0");
    for (size_t i = 0; i < in->n; i++)
        if (in->ids[i] < 0 || (size_t)in->ids[i] >= b->program.embedding->shape[0])
            return dlx__fail(err, DLX_E_ARG,
                             "step: the id of row %zu is %ld, expected 0 to %zu: rows of the "
                             "embedding",
                             i, (long)in->ids[i], b->program.embedding->shape[0] - 1);
    return DLX_OK;
}

/* The tap's copy of the rows is the one allocation of a step, made for a caller who debugs. */
dlx_result dlx__cpu_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(check_step(b, in, err));
    float *rows = NULL; /* [n, n_embd] */
    if (in->tap) {
        size_t n_bytes = dlx__mul(dlx__mul(in->n, b->shape.n_embd), sizeof *rows);
        rows = dlx__alloc(b->mem, n_bytes);
        if (!rows)
            return dlx__fail_memory(err, "copying rows for the tap of a step", n_bytes);
    }
    job j = {.b = b, .in = in};
    run(&j, embed_phase);
    tap(&j, 0, rows, false);
    for (size_t i = 0; i < b->shape.n_layers; i++) {
        j.layer = &b->program.layers[i];
        j.layer_index = i;
        run_layer(&j);
        tap(&j, i + 1, rows, false);
    }
    tap(&j, b->shape.n_layers + 1, rows, true);
    b->n_last[in->stream] = in->n;
    dlx__free(b->mem, rows);
    return DLX_OK;
}
