/*
 * gemm_pairs.h - products of bf16 weights with rows that are rounded to bf16 too,
 * included once by each kernel_<isa>.c that has defined SET_PAIRS and, beside the vector of
 * gemm_tiles.h:
 *
 *   MOST_PAIRS              rows of a tile
 *   dot_pairs(sum, w, x)    sum of VL floats + the two products of each of VL pairs of bf16
 *   put_halves(to, x)       VL floats to bf16, to the nearest, even of two
 *
 * The rows lie in runs of eight inputs, and the runs of all rows at the same inputs side by side:
 * a tile of rows reads one stretch of memory, each pair at a fixed distance from the first.
 */
#ifndef DLX__GEMM_PAIRS_H
#define DLX__GEMM_PAIRS_H

#include "kernel/gemm_tiles.h"

enum {
    RUN = 8, /* inputs */
    RUN_BYTES = 2 * RUN,
    NEAR_RUNS = 16,             /* the panels of a strip take 8 KiB then, a part of the L1 cache */
    FAR_RUNS = 128,             /* and 64 KiB, a part of the L2 cache */
    FEW_ROWS = 4,               /* with which reading the weights takes longer than multiplying */
    PAIR_BYTES = 4 * DLX__PANEL /* a pair of inputs in a panel */
};

static size_t halves_bytes(size_t n_in, size_t n_rows)
{
    return dlx__mul(dlx__mul(n_in / RUN + (n_in % RUN != 0), n_rows), RUN_BYTES);
}

static uint8_t *run_of(const dlx__acts *a, size_t row, size_t col)
{
    return a->halves + (col / RUN * a->n_rows + row) * RUN_BYTES;
}

static void halve(const dlx__acts *a, size_t row, size_t col, size_t n)
{
    const float *x = a->x + row * a->stride + col;
    for (size_t i = 0; i < n; i += VL) {
        uint16_t halves[VL];
        put_halves(halves, i + VL <= n ? vec_load(x + i) : load_end(x + i, n - i, 0));
        for (size_t k = 0; k < VL && i + k < n; k += RUN)
            memcpy(run_of(a, row, col + i + k), halves + k, RUN_BYTES);
    }
}

/* sum [n_rows][N_VECS] += a pair of inputs; x is the first row's. */
INLINE void multiply_pair(vec *sum, const uint8_t *const *panel, size_t offset, const uint8_t *x,
                          const int n_rows)
{
    ivec w[N_VECS];
    UNROLL
    for (int v = 0; v < N_VECS; v++)
        w[v] = held(bytes_load(panel[v / PANEL_VECS] + offset + v % PANEL_VECS * VL * 4));
    UNROLL
    for (int r = 0; r < n_rows; r++) {
        int32_t pair;
        memcpy(&pair, x + r * RUN_BYTES, sizeof pair);
        const ivec all = ivec_set(pair);
        UNROLL
        for (int v = 0; v < N_VECS; v++)
            sum[r * N_VECS + v] = vec_held(dot_pairs(sum[r * N_VECS + v], w[v], all));
    }
}

/* y [n_rows][STRIP] += n pairs from `panel` on, times the rows' runs, `step` bytes apart. */
INLINE void tile_runs(float *y, const uint8_t *const *panel, size_t n, const uint8_t *x,
                      size_t step, ahead *next, const int n_rows)
{
    enum { PAIRS = RUN / 2 };
    vec sum[MOST_PAIRS * N_VECS];
    size_t offset = 0;
    load_sums(sum, y, n_rows);
    for (; n >= PAIRS; n -= PAIRS, x += step) {
        fetch_floats(next);
        UNROLL
        for (size_t i = 0; i < PAIRS; i++, offset += PAIR_BYTES)
            multiply_pair(sum, panel, offset, x + 4 * i, n_rows);
    }
    for (; n > 0; n--, x += 4, offset += PAIR_BYTES)
        multiply_pair(sum, panel, offset, x, n_rows);
    store_sums(y, sum, n_rows);
}

static void tile_pairs(float *y, const uint8_t *const *panel, size_t n, const uint8_t *x,
                       size_t step, ahead *next, int n_rows)
{
    BODIES(MOST_PAIRS, tile_runs, y, panel, n, x, step, next)
}

/* Runs of inputs that all tiles of rows are taken through at once: few, which then stay in the L1
 * cache, where there are few tiles to share the work of asking for the next. */
static size_t runs_of_chunk(size_t n_rows)
{
    return n_rows > FEW_ROWS && n_rows <= 2 * MOST_PAIRS ? NEAR_RUNS : FAR_RUNS;
}

static void strip_pairs(const strip *s)
{
    const dlx__acts *a = s->rows.acts;
    const size_t n_pairs = (s->w->n_in + 1) / 2, n_runs = runs_of_chunk(s->n_rows);
    const size_t n_tiles = (s->n_rows + MOST_PAIRS - 1) / MOST_PAIRS, chunk = n_runs * RUN / 2;
    for (size_t k = 0; k < n_pairs; k += chunk) {
        const size_t n = dlx__min(chunk, n_pairs - k);
        ahead next = ahead_of(s, k * PAIR_BYTES, chunk * PAIR_BYTES, n_tiles * n_runs);
        next.far = n_runs == FAR_RUNS;
        if (s->n_rows <= FEW_ROWS)
            next.n_lines = 0; /* the processor sees what comes next by itself, and as soon */
        const uint8_t *panel[N_PANELS];
        for (size_t p = 0; p < N_PANELS; p++)
            panel[p] = s->panel[p] + k * PAIR_BYTES;
        for (size_t t = 0; t < n_tiles; t++) {
            const size_t r = first_row(s, t, n_tiles), end = first_row(s, t + 1, n_tiles);
            tile_pairs(s->y + r * STRIP, panel, n, run_of(a, s->rows.row + r, 2 * k),
                       a->n_rows * RUN_BYTES, &next, (int)(end - r));
        }
    }
}

static void gemm_pairs(float *y, size_t y_stride, const dlx__acts *a, const dlx__packed *w,
                       size_t first_panel, size_t n_panels)
{
    const bool pairs = a->halves && w->form == DLX__FORM_BF16;
    gemm_by(pairs ? strip_pairs : strips[w->form], y, y_stride, a, w, first_panel, n_panels);
}

#endif
