/*
 * qnn_step.c - a pass by the functions of a directory. Shapes are fixed: rows that are missing are
 * padded and masked; rows that do not fit into one call are computed in several, cut where a block
 * ends, for later rows see what earlier calls left.
 *
 * A graph that chooses ids is asked for the masked rows at once, whose head will be asked next.
 */
#include "backends/qnn/qnn.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/onnx_lower.h"

#include <math.h>
#include <string.h>

/* Rows [at, at + n) of a pass, by a function. */
typedef struct call {
    const dlx__step *step;
    const dlx__onnx_seen_function *f;
    void *session;
    size_t at, n;
    size_t rows[256]; /* [n_rows] of the pass that the graph is asked for */
    size_t n_rows;
} call;

/* ---- which function ------------------------------------------------------------------------ */

/* The smallest that has room for n rows; otherwise the largest. */
static size_t function_for(const dlx__backend *b, size_t n)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < b->seen.n; i++) {
        const size_t rows = b->seen.functions[i].n_rows;
        const size_t found = best == SIZE_MAX ? 0 : b->seen.functions[best].n_rows;
        const bool fits = found >= n;
        if (rows > 0 && (found == 0 || (fits ? rows >= n && rows < found : rows > found)))
            best = i;
    }
    return best;
}

static call next_call(const dlx__backend *b, const dlx__step *in, size_t at)
{
    const size_t left = in->start + in->n - at, i = function_for(b, left), block = in->block;
    call c = {.step = in,
              .f = &b->seen.functions[i],
              .session = b->sessions[i],
              .at = at,
              .n = dlx__min(left, b->seen.functions[i].n_rows)};
    if (c.n < left && in->visibility == DLX__VISIBLE_BLOCK_CAUSAL) {
        const size_t cut = (at + c.n) / block * block;
        c.n = cut > at ? cut - at : c.n;
    }
    return c;
}

static dlx_result check(const dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    const char *path = b->opts.path;
    if (in->tap || in->observe)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: what is inside of a graph cannot be seen",
                         path);
    if (in->n == 0 || in->start + in->n > b->seen.n_ctx || in->stream >= b->opts.n_streams)
        return dlx__fail(err, DLX_E_ARG,
                         "expected a pass of rows within %zu positions on one of %d streams, found "
                         "%zu rows from %zu on stream %d",
                         b->seen.n_ctx, b->opts.n_streams, in->n, in->start, in->stream);
    if (!b->seen.has_past && (in->start > 0 || in->n_kv > in->n))
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: the graphs keep no keys and values: take --cache none, or export it "
                         "with --cache io",
                         path);
    const bool blocks = in->visibility == DLX__VISIBLE_BLOCK_CAUSAL;
    const size_t together = blocks ? dlx__min(in->n, in->block) : in->n;
    if (together > b->most_rows)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected passes of at most %zu rows that see each other, found %zu; "
                         "export it with --%s %zu",
                         path, b->most_rows, together, blocks ? "rows" : "canvas", together);
    return DLX_OK;
}

/* ---- what goes in -------------------------------------------------------------------------- */

static void fill_rotation(dlx__backend *b, const call *c)
{
    const size_t width = b->model->graph.head_dim, half = width / 2;
    for (size_t i = 0; i < c->f->n_rows; i++)
        for (size_t k = 0; k < half; k++) {
            const double turn = (double)(c->at + i) *
                                pow(b->model->hp.rope_theta, -2.0 * (double)k / (double)width);
            b->cos[i * width + k] = b->cos[i * width + half + k] = (float)cos(turn);
            b->sin[i * width + k] = b->sin[i * width + half + k] = (float)sin(turn);
        }
}

/* Does the row at `position` see position j? */
static bool sees(const call *c, size_t position, size_t j)
{
    return c->step->visibility != DLX__VISIBLE_BLOCK_CAUSAL ||
           j / c->step->block <= position / c->step->block;
}

/* Columns: the kept positions, then the rows; rows that are padding see themselves, so that there
 * is something to take a softmax of. */
static void fill_mask(dlx__backend *b, const call *c)
{
    const size_t T = c->f->n_rows, P = c->f->n_past, width = P + T;
    const size_t limit = dlx__max(c->step->n_kv, c->at);
    for (size_t i = 0; i < T; i++) {
        float *row = b->mask + i * width;
        const size_t position = c->at + i;
        for (size_t j = 0; j < P; j++) {
            const bool kept = j < limit && (j < c->at || j >= c->at + c->n);
            row[j] = i < c->n && kept && sees(c, position, j) ? 0.0f : DLX__ONNX_UNSEEN;
        }
        for (size_t j = 0; j < T; j++) {
            const bool seen = i < c->n ? j < c->n && sees(c, position, c->at + j) : i == j;
            row[P + j] = seen ? 0.0f : DLX__ONNX_UNSEEN;
        }
    }
}

static void fill_ids(dlx__backend *b, const call *c)
{
    const dlx_token *ids = c->step->ids + (c->at - c->step->start);
    for (size_t i = 0; i < c->f->n_rows; i++)
        b->ids[i] = i < c->n ? (int32_t)ids[i] : 0;
}

/* The rows whose logits predict a masked position, as far as the function has room. */
static void guess_rows(dlx__backend *b, call *c)
{
    const size_t shift = b->model->family->shift, first = c->at - c->step->start;
    const size_t most = dlx__min(c->f->n_head_rows, DLX__LEN(c->rows));
    for (size_t i = shift; i < c->n && c->n_rows < most; i++)
        if (c->step->ids[first + i] == (dlx_token)b->model->hp.mask_id.value)
            c->rows[c->n_rows++] = first + i - shift;
    for (size_t i = 0; i < c->f->n_head_rows; i++)
        b->head_rows[i] = i < c->n_rows ? (int32_t)(c->rows[i] - first) : 0;
}

/* ---- tensors ------------------------------------------------------------------------------- */

static dlx__ort_tensor tensor(const char *name, dlx__ort_type type, void *data, int n_dims,
                              const size_t *dims)
{
    dlx__ort_tensor t = {.name = name, .type = type, .data = data, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++)
        t.dims[i] = (int64_t)dims[i];
    return t;
}

static size_t list_inputs(dlx__backend *b, const call *c)
{
    const dlx__graph *g = &b->model->graph;
    const size_t T = c->f->n_rows, P = c->f->n_past, width = g->head_dim, kv = g->n_heads_kv;
    const size_t turn[] = {1, 1, T, width}, mask[] = {1, 1, T, P + T}, past[] = {1, kv, P, width};
    size_t n = 0;
    b->in[n++] = tensor("input_ids", DLX__ORT_INT32, b->ids, 2, (size_t[]){1, T});
    b->in[n++] = tensor("cos", DLX__ORT_FLOAT, b->cos, 4, turn);
    b->in[n++] = tensor("sin", DLX__ORT_FLOAT, b->sin, 4, turn);
    b->in[n++] = tensor("mask", DLX__ORT_FLOAT, b->mask, 4, mask);
    if (c->f->n_head_rows)
        b->in[n++] = tensor("head_rows", DLX__ORT_INT32, b->head_rows, 1, &c->f->n_head_rows);
    for (size_t i = 0; i < dlx__qnn_kv_values(b) && P > 0; i++)
        b->in[n++] = tensor(b->names[i][0], DLX__ORT_FLOAT,
                            b->kv[c->step->stream] + i * kv * P * width, 4, past);
    return n;
}

static size_t list_outputs(dlx__backend *b, const call *c)
{
    const dlx__graph *g = &b->model->graph;
    const size_t T = c->f->n_rows, width = g->head_dim, kv = g->n_heads_kv, *R = &c->f->n_head_rows;
    const size_t fresh[] = {1, kv, T, width}, hidden[] = {1, T, g->n_embd};
    size_t n = 0;
    b->out[n++] = tensor("output_hidden", DLX__ORT_FLOAT, b->hidden, 3, hidden);
    if (c->n_rows) {
        b->out[n++] = tensor("output_best", DLX__ORT_INT32, b->best, 1, R);
        b->out[n++] = tensor("output_logit", DLX__ORT_FLOAT, b->logit, 1, R);
        b->out[n++] = tensor("output_lse", DLX__ORT_FLOAT, b->lse, 1, R);
    }
    for (size_t i = 0; i < dlx__qnn_kv_values(b) && c->f->n_past > 0; i++)
        b->out[n++] =
            tensor(b->names[i][1], DLX__ORT_FLOAT, b->fresh + i * kv * T * width, 4, fresh);
    return n;
}

/* ---- what comes out ------------------------------------------------------------------------ */

/* Rows [kv, n, c] of the call to their positions. */
static void keep(dlx__backend *b, const call *c)
{
    const dlx__graph *g = &b->model->graph;
    const size_t width = g->head_dim, P = c->f->n_past, T = c->f->n_rows;
    if (P == 0)
        return;
    for (size_t h = 0; h < dlx__qnn_kv_values(b) * g->n_heads_kv; h++)
        memcpy(b->kv[c->step->stream] + (h * P + c->at) * width, b->fresh + h * T * width,
               c->n * width * sizeof(float));
}

static void tell(dlx__backend *b, const call *c)
{
    dlx__qnn_pass *p = &b->passes[c->step->stream];
    const size_t first = c->at - c->step->start, d = b->model->graph.n_embd;
    memcpy(p->hidden + first * d, b->hidden, c->n * d * sizeof *b->hidden);
    for (size_t i = 0; i < c->n_rows; i++) {
        const bool finite = isfinite(b->logit[i]) && isfinite(b->lse[i]);
        p->known[c->rows[i]] = true;
        p->stats[c->rows[i]] = (dlx__row_stat){.best = b->best[i],
                                               .logit = b->logit[i],
                                               .prob = expf(b->logit[i] - b->lse[i]),
                                               .finite = finite};
    }
}

static dlx_result run(dlx__backend *b, call *c, dlx_error *err)
{
    if (c->step->stop && c->step->stop(c->step->stop_user))
        return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
    fill_ids(b, c);
    fill_rotation(b, c);
    fill_mask(b, c);
    guess_rows(b, c);
    const size_t n_in = list_inputs(b, c), n_out = list_outputs(b, c);
    DLX__TRY(dlx__ort_run(&b->ort, c->session, b->opts.path, b->in, n_in, b->out, n_out, err));
    keep(b, c);
    tell(b, c);
    return DLX_OK;
}

/* ---- a pass -------------------------------------------------------------------------------- */

static dlx_result reserve(dlx__backend *b, dlx__qnn_pass *p, size_t n, dlx_error *err)
{
    const dlx_allocator *mem = b->opts.mem;
    const size_t row = dlx__mul(b->model->graph.n_embd, sizeof *p->hidden);
    if (n <= p->capacity)
        return DLX_OK;
    dlx__free(mem, p->hidden);
    dlx__free(mem, p->stats);
    dlx__free(mem, p->known);
    p->hidden = dlx__alloc(mem, dlx__mul(n, row));
    p->stats = dlx__alloc_zero(mem, n, sizeof *p->stats);
    p->known = dlx__alloc_zero(mem, n, sizeof *p->known);
    p->capacity = p->hidden && p->stats && p->known ? n : 0;
    return p->capacity ? DLX_OK : dlx__fail_memory(err, "keeping rows of a pass", n * row);
}

dlx_result dlx__qnn_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(check(b, in, err));
    dlx__qnn_pass *p = &b->passes[in->stream];
    p->n = 0; /* until it is whole there is none */
    DLX__TRY(reserve(b, p, in->n, err));
    memset(p->known, 0, in->n * sizeof *p->known);
    for (size_t at = in->start; at < in->start + in->n;) {
        call c = next_call(b, in, at);
        DLX__TRY(run(b, &c, err));
        at += c.n;
    }
    p->n = in->n;
    return DLX_OK;
}
