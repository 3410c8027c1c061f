/* dense.c - the right operand goes into panels, each thread takes some of these and all rows. */
#include "quant/dense.h"

#include "base/fail.h"
#include "base/mem.h"

enum {
    ROWS = 192,   /* of the left operand at once: a product of them stays in the L2 cache */
    COLUMNS = 64, /* of the result at once: whole panels */
};

dlx_result dlx__dense_open(dlx__dense *d, int n_threads, const dlx_allocator *mem, dlx_error *err)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    *d = (dlx__dense){.mem = mem, .kernels = dlx__kernels_best(&cpu)};
    DLX__TRY(dlx__pool_open(&d->pool, n_threads, mem, err));
    const size_t n_bytes = (size_t)dlx__pool_size(d->pool) * ROWS * COLUMNS * sizeof(float);
    d->products = dlx__alloc_aligned(mem, n_bytes);
    if (d->products)
        return DLX_OK;
    dlx__dense_release(d);
    return dlx__fail_memory(err, "making room for products of matrices", n_bytes);
}

void dlx__dense_release(dlx__dense *d)
{
    dlx__pool_free(d->pool);
    dlx__free_aligned(d->mem, d->panels);
    dlx__free_aligned(d->mem, d->products);
    *d = (dlx__dense){0};
}

typedef struct product {
    const dlx__dense *d;
    dlx__packed packed; /* b */
    dlx__rows c, a, b;
    float factor;
    bool lower;
} product;

static void pack_phase(void *arg, int share, int n_shares)
{
    const product *p = arg;
    const dlx__mat b = {.data = (const uint8_t *)p->b.x,
                        .dtype = DLX__F32,
                        .n_rows = p->b.n_rows,
                        .n_cols = p->b.n_cols,
                        .row_bytes = p->b.stride * sizeof(float)};
    size_t begin, end;
    dlx__pool_share(p->packed.n_panels, 1, share, n_shares, &begin, &end);
    for (size_t i = begin; i < end; i++)
        p->d->kernels->pack(p->packed.data + i * p->packed.panel_bytes, DLX__FORM_F32, &b, i);
}

/* The rows [row, row + n_rows) and the columns from `panel` on, n of them. */
static void add_tile(const product *p, float *sums, size_t row, size_t n_rows, size_t panel,
                     size_t n)
{
    const dlx__acts a = {.x = p->a.x + row * p->a.stride,
                         .stride = p->a.stride,
                         .n_in = p->a.n_cols,
                         .n_rows = n_rows};
    p->d->kernels->gemm(sums, COLUMNS, &a, &p->packed, panel,
                        dlx__align(n, DLX__PANEL) / DLX__PANEL);
    for (size_t r = 0; r < n_rows; r++) {
        float *c = p->c.x + (row + r) * p->c.stride + panel * DLX__PANEL;
        const float *sum = sums + r * COLUMNS;
        for (size_t i = 0; i < n; i++)
            c[i] += p->factor * sum[i];
    }
}

static void multiply_phase(void *arg, int share, int n_shares)
{
    const product *p = arg;
    float *sums = p->d->products + (size_t)share * ROWS * COLUMNS;
    const size_t n = p->b.n_rows, n_strips = (n + COLUMNS - 1) / COLUMNS;
    /* Dealt out like cards: of a lower triangle the first strips are the longest. */
    for (size_t s = (size_t)share; s < n_strips; s += (size_t)n_shares) {
        const size_t column = s * COLUMNS;
        for (size_t row = p->lower ? column : 0; row < p->a.n_rows; row += ROWS)
            add_tile(p, sums, row, dlx__min(ROWS, p->a.n_rows - row), column / DLX__PANEL,
                     dlx__min(COLUMNS, n - column));
    }
}

static dlx_result make_room(dlx__dense *d, size_t n_bytes, dlx_error *err)
{
    if (n_bytes <= d->n_panel_bytes)
        return DLX_OK;
    dlx__free_aligned(d->mem, d->panels);
    d->panels = dlx__alloc_aligned(d->mem, n_bytes);
    d->n_panel_bytes = d->panels ? n_bytes : 0;
    return d->panels ? DLX_OK : dlx__fail_memory(err, "multiplying matrices", n_bytes);
}

dlx_result dlx__dense_add_product(dlx__dense *d, dlx__rows c, float factor, dlx__rows a,
                                  dlx__rows b, bool lower, dlx_error *err)
{
    if (a.n_rows == 0 || b.n_rows == 0 || b.n_cols == 0)
        return DLX_OK;
    product p = {.d = d, .c = c, .a = a, .b = b, .factor = factor, .lower = lower};
    p.packed = (dlx__packed){.form = DLX__FORM_F32, .n_out = b.n_rows, .n_in = b.n_cols};
    p.packed.n_panels = (b.n_rows + DLX__PANEL - 1) / DLX__PANEL;
    p.packed.panel_bytes = d->kernels->panel_bytes(DLX__FORM_F32, b.n_cols);
    DLX__TRY(make_room(d, dlx__mul(p.packed.n_panels, p.packed.panel_bytes), err));
    p.packed.data = d->panels;
    dlx__pool_run(d->pool, pack_phase, &p);
    dlx__pool_run(d->pool, multiply_phase, &p);
    return DLX_OK;
}
