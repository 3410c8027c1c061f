/* et_call.c - one call of a method of a program: what goes in, and K and V that come out. */
#include "backends/xnnpack/xnnpack.h"

#include "base/fail.h"

#include <string.h>

/* ---- keys and values that the caller keeps --------------------------------------------------- */

static size_t head_floats(const dlx__backend *b)
{
    return b->program.facts.n_ctx * b->model->graph.head_dim;
}

/* [n_kv_values][kv, P, c]: of each head its kept rows, one after the other. */
static void gather(dlx__backend *b, const dlx__xnnpack_call *c)
{
    const dlx__past_key key = {c->rows.step->stream, c->rows.at, c->rows.at + c->rows.n,
                               c->rows.end};
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

/* The call's own rows [kv, n, c] to their positions; they are results from `first` on. */
static dlx_result keep(dlx__backend *b, const dlx__xnnpack_call *c, int first, dlx_error *err)
{
    const size_t n_kv = b->model->graph.n_heads_kv, width = b->model->graph.head_dim;
    const size_t dims[] = {n_kv, c->rows.n, width};
    for (size_t i = 0; i < b->n_kv_values; i++) {
        DLX__TRY(dlx__xnnpack_expect(b, first + (int)i, DLX__PTE_FLOAT, 3, dims, err));
        for (size_t h = 0; h < n_kv; h++) {
            const float *from = (const float *)b->out[first + (int)i].data + h * c->rows.n * width;
            float *to =
                b->kv[c->rows.step->stream] + (i * n_kv + h) * head_floats(b) + c->rows.at * width;
            memcpy(to, from, c->rows.n * width * sizeof *to);
        }
    }
    return DLX_OK;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

dlx__et_tensor dlx__xnnpack_tensor(dlx__pte_type type, void *data, int n_dims, const size_t *dims)
{
    dlx__et_tensor t = {.data = data, .type = (int32_t)type, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++)
        t.dims[i] = (int32_t)dims[i];
    return t;
}

/* 0 where a row sees a position; else so little that nothing is left of it. */
static void fill_mask(dlx__backend *b, const dlx__xnnpack_call *c)
{
    const size_t width = c->rows.at + c->rows.n, block = c->rows.step->block;
    for (size_t i = 0; i < c->rows.n; i++)
        for (size_t j = 0; j < width; j++)
            b->mask[i * width + j] = j / block <= (c->rows.at + i) / block ? 0.0f : -1e9f;
}

static int fill_inputs(dlx__backend *b, const dlx__xnnpack_call *c, int64_t *start)
{
    const dlx__graph *g = &b->model->graph;
    const size_t n_past = c->rows.at + c->rows.end - (c->rows.at + c->rows.n);
    const size_t past[] = {g->n_heads_kv, n_past, g->head_dim};
    int n = 0;
    b->in[n++] = dlx__xnnpack_tensor(DLX__PTE_LONG, b->ids, 2, (size_t[]){1, c->rows.n});
    if (b->program.facts.cache != DLX__EXPORT_NO_CACHE)
        b->in[n++] = dlx__xnnpack_tensor(DLX__PTE_LONG, start, 1, (size_t[]){1});
    if (c->masked) {
        fill_mask(b, c);
        b->in[n++] = dlx__xnnpack_tensor(DLX__PTE_FLOAT, b->mask, 2,
                                         (size_t[]){c->rows.n, c->rows.at + c->rows.n});
    }
    if (c->n_chosen)
        b->in[n++] = dlx__xnnpack_tensor(DLX__PTE_LONG, b->rows, 1, &c->n_chosen);
    if (b->program.facts.cache != DLX__EXPORT_IO)
        return n;
    gather(b, c);
    for (size_t i = 0; i < b->n_kv_values; i++)
        b->in[n++] =
            dlx__xnnpack_tensor(DLX__PTE_FLOAT, b->past + i * past[0] * past[1] * past[2], 3, past);
    return n;
}

/* ---- results --------------------------------------------------------------------------------- */

dlx_result dlx__xnnpack_expect(const dlx__backend *b, int i, dlx__pte_type type, int n_dims,
                               const size_t *dims, dlx_error *err)
{
    const dlx__et_tensor *t = &b->out[i];
    char shape[96];
    bool ok = t->type == (int32_t)type && t->n_dims == n_dims && t->data;
    for (int k = 0; ok && k < n_dims; k++)
        ok = t->dims[k] >= 0 && (size_t)t->dims[k] == dims[k];
    if (ok)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected result %d as %s %s, found another tensor; export it again",
                     b->program.path, i, dlx__pte_type_name((int)type),
                     dlx__shape_text(shape, dims, n_dims));
}

/* ---- the call -------------------------------------------------------------------------------- */

static const char *method_of(const dlx__xnnpack_call *c)
{
    if (c->n_chosen)
        return c->masked ? "denoise_masked" : "denoise";
    return c->masked ? "forward_masked" : "forward";
}

dlx_result dlx__xnnpack_call_run(dlx__backend *b, const dlx__xnnpack_call *c, dlx_error *err)
{
    const bool compat = b->program.facts.cache == DLX__EXPORT_COMPAT;
    const bool io = b->program.facts.cache == DLX__EXPORT_IO;
    const int n_told = c->n_chosen ? DLX__XNNPACK_OUTPUTS : 1;
    const int n_kept = io ? (int)b->n_kv_values : compat;
    int64_t start = (int64_t)c->rows.at;
    for (size_t i = 0; i < c->rows.n; i++)
        b->ids[i] = c->rows.step->ids[c->rows.at - c->rows.step->start + i];
    const int n_in = compat ? dlx__xnnpack_compat_inputs(b, c) : fill_inputs(b, c, &start);
    DLX__TRY(
        dlx__program_run(&b->program, method_of(c), b->in, n_in, b->out, n_told + n_kept, err));
    if (io)
        return keep(b, c, n_told, err);
    return compat ? dlx__xnnpack_compat_keep(b, c, err) : DLX_OK;
}
