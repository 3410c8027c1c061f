/*
 * et_compat.c - calls of programs in the form of the Python original: every pass has Q rows, the
 * whole cache of M positions goes in and out, and masks say what is visible and where rows are
 * kept. Rows beyond those of the pass are hidden from it.
 */
#include "backends/xnnpack/xnnpack.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/compat_sizes.h"

#include <string.h>

static const float HIDDEN = -10000.0f;

static dlx__compat_sizes sizes_of(const dlx__backend *b)
{
    return dlx__compat_sizes_of(&b->model->hp, b->program.facts.n_rows, b->program.facts.n_ctx);
}

static void cache_dims(size_t dims[6], const dlx__backend *b)
{
    const dlx__graph *g = &b->model->graph;
    const size_t all[] = {g->n_layers, 2, 1, g->n_heads_kv, b->program.facts.n_ctx, g->head_dim};
    memcpy(dims, all, sizeof all);
}

/* Does the row at position `at` see `other` as far as blocks go? */
static bool by_block(const dlx__step *s, size_t at, size_t other)
{
    return s->visibility == DLX__VISIBLE_FULL || other / s->block <= at / s->block;
}

/* A row of the mask, [M + Q]: positions that were kept, then the rows of the pass. */
static void fill_mask_row(float *to, const dlx__backend *b, const dlx__xnnpack_call *c, size_t row)
{
    const size_t M = b->program.facts.n_ctx, Q = b->program.facts.n_rows, own = c->rows.at + row;
    for (size_t j = 0; j < M; j++) {
        const bool kept = j < c->rows.at || (j >= c->rows.at + c->rows.n && j < c->rows.end);
        to[j] = row < c->rows.n && kept && by_block(c->rows.step, own, j) ? 0.0f : HIDDEN;
    }
    for (size_t j = 0; j < Q; j++) {
        const bool there = j < c->rows.n && row < c->rows.n;
        to[M + j] = there && by_block(c->rows.step, own, c->rows.at + j) ? 0.0f : HIDDEN;
    }
}

/* A pass of which nothing is kept leaves the cache alone; one that goes on in another call is kept.
 */
static bool keeps(const dlx__xnnpack_call *c)
{
    return c->rows.step->n_keep > 0 ||
           c->rows.at + c->rows.n < c->rows.step->start + c->rows.step->n;
}

static void fill_layer(dlx__backend *b, const dlx__xnnpack_call *c)
{
    const size_t M = b->program.facts.n_ctx, Q = b->program.facts.n_rows;
    for (size_t row = 0; row < Q; row++)
        fill_mask_row(b->compat.mask + row * (M + Q), b, c, row);
    memset(b->compat.insert, 0, M * Q * sizeof *b->compat.insert);
    for (size_t m = 0; m < M; m++)
        b->compat.keep[m] = 1.0f;
    for (size_t i = 0; i < c->rows.n && keeps(c); i++) {
        b->compat.insert[(c->rows.at + i) * Q + i] = 1.0f;
        b->compat.keep[c->rows.at + i] = 0.0f;
    }
}

/* The first layer's [n] for all of them. */
static void repeat(float *layers, size_t n, size_t n_layers)
{
    for (size_t l = 1; l < n_layers; l++)
        memcpy(layers + l * n, layers, n * sizeof *layers);
}

int dlx__xnnpack_compat_inputs(dlx__backend *b, const dlx__xnnpack_call *c)
{
    const size_t L = b->model->graph.n_layers;
    const size_t M = b->program.facts.n_ctx, Q = b->program.facts.n_rows, rows[] = {1, Q};
    size_t cache[6];
    cache_dims(cache, b);
    for (size_t i = 0; i < Q; i++)
        b->compat.positions[i] = i < c->rows.n ? (int64_t)(c->rows.at + i) : 0;
    for (size_t i = c->rows.n; i < Q; i++)
        b->ids[i] = 0;
    fill_layer(b, c);
    repeat(b->compat.mask, Q * (M + Q), L);
    repeat(b->compat.insert, M * Q, L);
    repeat(b->compat.keep, M, L);
    b->in[0] = dlx__xnnpack_tensor(DLX__PTE_LONG, b->ids, 2, rows);
    b->in[1] = dlx__xnnpack_tensor(DLX__PTE_LONG, b->compat.positions, 2, rows);
    b->in[2] = dlx__xnnpack_tensor(DLX__PTE_FLOAT, b->kv[c->rows.step->stream], 6, cache);
    b->in[3] =
        dlx__xnnpack_tensor(DLX__PTE_FLOAT, b->compat.mask, 5, (size_t[]){L, 1, 1, Q, M + Q});
    b->in[4] = dlx__xnnpack_tensor(DLX__PTE_FLOAT, b->compat.insert, 5, (size_t[]){L, 1, 1, M, Q});
    b->in[5] = dlx__xnnpack_tensor(DLX__PTE_FLOAT, b->compat.keep, 5, (size_t[]){L, 1, 1, M, 1});
    return DLX__XNNPACK_INPUTS;
}

dlx_result dlx__xnnpack_compat_keep(dlx__backend *b, const dlx__xnnpack_call *c, dlx_error *err)
{
    size_t dims[6];
    cache_dims(dims, b);
    DLX__TRY(dlx__xnnpack_expect(b, 1, DLX__PTE_FLOAT, 6, dims, err));
    if (keeps(c))
        memcpy(b->kv[c->rows.step->stream], b->out[1].data, sizes_of(b).cache);
    return DLX_OK;
}

dlx_result dlx__xnnpack_compat_load(dlx__backend *b, dlx_error *err)
{
    const dlx_allocator *mem = b->opts.mem;
    const size_t Q = b->program.facts.n_rows;
    const dlx__compat_sizes s = sizes_of(b);
    bool ok = (b->compat.positions = dlx__alloc_zero(mem, Q, sizeof *b->compat.positions)) != NULL;
    ok = ok && (b->compat.mask = dlx__alloc_zero(mem, 1, s.mask));
    ok = ok && (b->compat.insert = dlx__alloc_zero(mem, 1, s.insert));
    ok = ok && (b->compat.keep = dlx__alloc_zero(mem, 1, s.keep));
    return ok ? DLX_OK : dlx__fail_memory(err, "opening a program", s.mask);
}

void dlx__xnnpack_compat_close(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    dlx__free(mem, b->compat.positions);
    dlx__free(mem, b->compat.mask);
    dlx__free(mem, b->compat.insert);
    dlx__free(mem, b->compat.keep);
}
