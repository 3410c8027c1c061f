/*
 * step.c - one forward pass: a list of phases with a barrier after each.
 *
 * A step of more rows than a tile goes over each layer twice: first the keys and values of all
 * rows, because the rows see one another, then everything else tile by tile. In the last layer
 * everything else is for the rows that the head may read.
 */
#include "backends/cpu/session.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <math.h>
#include <string.h>

static void run(dlx__cpu_job *j, dlx__pool_fn phase)
{
    dlx__pool_run(j->b->pool, phase, j);
}

/* Rows of the embedding, their rotations beside them. */
static void embed_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    dlx__backend *b = j->b;
    const dlx__tensor *table = b->program->embedding;
    const size_t d = b->shape.n_embd, half = b->shape.head_dim / 2;
    const size_t row_bytes = dlx__dtype_bytes(table->dtype, d);
    size_t begin, end;
    dlx__pool_share(j->in->n, 1, thread, n_threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const uint8_t *from = (const uint8_t *)table->data + (size_t)j->in->ids[r] * row_bytes;
        dlx__to_f32(b->x[j->in->stream] + r * d, from, table->dtype, d);
        for (size_t i = 0; i < half; i++) {
            float angle = (float)(j->in->start + r) * b->frequency[i];
            b->cosine[r * half + i] = cosf(angle);
            b->sine[r * half + i] = sinf(angle);
        }
    }
}

static void set_tile(dlx__cpu_job *j, size_t first_row, size_t end)
{
    j->first_row = first_row;
    j->n_rows = dlx__min(DLX__CPU_TILE, end - first_row);
    j->x = j->b->x[j->in->stream] + first_row * j->b->shape.n_embd;
}

/* Shows the caller the rows that a product is about to read. */
static void observe(const dlx__cpu_job *j, const dlx__cpu_linear *reader, const dlx__acts *rows)
{
    if (j->in->observe)
        j->in->observe(j->in->observe_user, reader->tensor, rows->x, rows->stride, j->n_rows,
                       rows->n_in);
}

/* The phase whose products read norm(x), `first` one of them. */
static void run_normed(dlx__cpu_job *j, const dlx__cpu_norm *norm, const dlx__cpu_linear *first,
                       dlx__pool_fn phase)
{
    j->norm = norm;
    j->reader = first;
    if (!dlx__cpu_norms_alone(j))
        run(j, dlx__cpu_norm_phase);
    run(j, phase);
}

/* A phase of products whose results the caller may observe. */
static void run_kept(dlx__cpu_job *j, const dlx__cpu_linear *const products[3], dlx__pool_fn phase)
{
    dlx__cpu_keep_products(j, products);
    run(j, phase);
    dlx__cpu_show_products(j, products);
}

/* The projections of the tile in j, ready for attention. */
static void project(dlx__cpu_job *j, bool queries, bool keys)
{
    j->queries = queries;
    j->keys = keys;
    const dlx__cpu_layer *l = j->layer;
    const dlx__cpu_linear *const products[3] = {queries ? &l->q : NULL, keys ? &l->k : NULL,
                                                keys ? &l->v : NULL};
    dlx__cpu_keep_products(j, products);
    run_normed(j, &l->attn_norm, &l->q, dlx__cpu_project_phase);
    dlx__cpu_show_products(j, products);
    if (queries)
        observe(j, &l->q, &j->b->h);
}

static void run_tile(dlx__cpu_job *j, bool keys)
{
    const dlx__backend *b = j->b;
    const dlx__cpu_layer *l = j->layer;
    project(j, true, keys);
    run(j, dlx__cpu_attend_phase);
    observe(j, &l->o, &b->q);
    if (dlx__cpu_rounds_q_apart(j))
        run(j, dlx__cpu_round_q_phase);
    run_kept(j, (const dlx__cpu_linear *const[3]){&l->o}, dlx__cpu_output_phase);
    const dlx__cpu_linear *const gated[3] = {&l->gate, &l->up};
    dlx__cpu_keep_products(j, gated);
    run_normed(j, &l->mlp_norm, &l->gate, dlx__cpu_gate_phase);
    dlx__cpu_show_products(j, gated);
    observe(j, &l->gate, &b->h);
    observe(j, &l->down, &b->ff);
    if (!dlx__cpu_rounds_parts(b))
        run(j, dlx__cpu_round_ff_phase);
    run_kept(j, (const dlx__cpu_linear *const[3]){&l->down}, dlx__cpu_down_phase);
}

static bool stopped(const dlx__step *in)
{
    return in->stop && in->stop(in->stop_user);
}

/*
 * The rows that need all of the layer in j. Behind the last layer nobody looks at unread rows: they
 * leave their keys and values, which in a pass of one tile costs a phase of its own.
 */
static dlx__row_span rows_in_full(const dlx__cpu_job *j)
{
    const dlx__step *in = j->in;
    const dlx__row_span all = {0, in->n}, read = dlx__read_rows(in);
    const bool last = j->layer_index + 1 == j->b->shape.n_layers;
    const bool watched = in->tap || in->observe || in->observe_out;
    const bool pays = in->n > DLX__CPU_TILE || 2 * (read.end - read.begin) <= in->n;
    return last && !watched && pays ? read : all;
}

/* False: stopped by the caller. */
static bool run_layer(dlx__cpu_job *j)
{
    const size_t n = j->in->n;
    const dlx__row_span full = rows_in_full(j);
    const bool at_once = n <= DLX__CPU_TILE && full.end - full.begin == n;
    for (size_t r = 0; r < n && !at_once; r += DLX__CPU_TILE) {
        if (stopped(j->in))
            return false;
        set_tile(j, r, n);
        project(j, false, true);
    }
    for (size_t r = full.begin; r < full.end; r += DLX__CPU_TILE) {
        if (stopped(j->in))
            return false;
        set_tile(j, r, full.end);
        run_tile(j, at_once);
    }
    return true;
}

/* rows [n, n_embd] are the tap's copy; NULL: no tap. */
static void tap(dlx__cpu_job *j, size_t index, float *rows, bool normed)
{
    if (!rows)
        return;
    const size_t d = j->b->shape.n_embd;
    for (size_t r = 0; r < j->in->n; r += DLX__CPU_TILE) {
        set_tile(j, r, j->in->n);
        if (normed) {
            j->norm = &j->b->program->final_norm;
            j->as_is = true;
            run(j, dlx__cpu_norm_phase);
            j->as_is = false;
        }
        for (size_t i = 0; i < j->n_rows; i++)
            memcpy(rows + (r + i) * d, normed ? j->b->h.x + i * j->b->h.stride : j->x + i * d,
                   d * sizeof *rows);
    }
    j->in->tap(j->in->tap_user, index, rows, j->in->n, d);
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
    if (!dlx__unread_fit(in))
        return dlx__fail(err, DLX_E_ARG,
                         "step: expected at most %zu unread rows, found %zu and %zu at the end",
                         in->n, in->n_unread, in->n_unread_end);
    if (in->visibility == DLX__VISIBLE_BLOCK_CAUSAL && in->block == 0)
        return dlx__fail(err, DLX_E_ARG, "step: expected a block width of at least 1, found 0");
    for (size_t i = 0; i < in->n; i++)
        if (in->ids[i] < 0 || (size_t)in->ids[i] >= b->program->embedding->shape[0])
            return dlx__fail(err, DLX_E_ARG,
                             "step: the id of row %zu is %ld, expected 0 to %zu: rows of the "
                             "embedding",
                             i, (long)in->ids[i], b->program->embedding->shape[0] - 1);
    return DLX_OK;
}

static dlx_result run_layers(dlx__cpu_job *j, float *rows, dlx_error *err)
{
    dlx__backend *b = j->b;
    run(j, embed_phase);
    tap(j, 0, rows, false);
    for (size_t i = 0; i < b->shape.n_layers; i++) {
        j->layer = &b->program->layers[i];
        j->layer_index = i;
        if (!run_layer(j))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        tap(j, i + 1, rows, false);
    }
    tap(j, b->shape.n_layers + 1, rows, true);
    b->read[j->in->stream] = dlx__read_rows(j->in);
    return DLX_OK;
}

/* The copies for the tap and for observers are the only allocations of a step, made for callers who
 * debug or calibrate. */
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
    dlx__cpu_job j = {.b = b, .in = in};
    dlx_result r = DLX_OK;
    if (in->observe_out) {
        j.room = dlx__alloc(b->mem, dlx__cpu_written_bytes(&b->shape));
        if (!j.room)
            r = dlx__fail_memory(err, "keeping what products write",
                                 dlx__cpu_written_bytes(&b->shape));
    }
    b->read[in->stream] = (dlx__row_span){0};
    if (r == DLX_OK)
        r = run_layers(&j, rows, err);
    dlx__free(b->mem, j.room);
    dlx__free(b->mem, rows);
    return r;
}
