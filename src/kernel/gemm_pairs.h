/*
 * gemm_pairs.h - products of bf16 weights with rows that are rounded to bf16 too,
 * included once by each kernel_<isa>.c that has defined SET_PAIRS and, beside the vector of
 * gemm_strips.h:
 *
 *   MOST_PAIRS              rows of a tile
 *   ALONE_PAIRS             rows up to which it asks for nothing
 *   dot_pairs(sum, w, x)    sum of VL floats + the two products of each of VL pairs of bf16
 *   put_halves(to, x)       VL floats to bf16, to the nearest, even of two
 *
 * The rows lie in runs of eight inputs, and the runs of all rows at the same inputs side by side:
 * a tile of rows reads one stretch of memory, each pair at a fixed distance from the first.
 *
 * Sums are not held where they stand (gemm_strips.h): these instructions write to their first
 * operand, which keeps them in order, and compilers that must hold them too move them to memory.
 */
#ifndef DLX__GEMM_PAIRS_H
#define DLX__GEMM_PAIRS_H

#include "kernel/gemm_widened.h"

enum {
    RUN = 8, /* inputs */
    RUN_BYTES = 2 * RUN,
    PAIR_BYTES = 4 * DLX__PANEL, /* a pair of inputs in a panel */
    PAIRS_CHUNK = 512            /* inputs: half of an L1 cache */
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

/* sum [n_rows][PANEL_VECS] += a pair of inputs; x is the first row's. */
INLINE void multiply_pair(vec *sum, const uint8_t *pair, const uint8_t *x, const int n_rows)
{
    ivec w[PANEL_VECS];
    UNROLL
    for (int v = 0; v < PANEL_VECS; v++)
        w[v] = held(bytes_load(pair + v * VL * 4));
    UNROLL
    for (int r = 0; r < n_rows; r++) {
        int32_t two;
        memcpy(&two, x + r * RUN_BYTES, sizeof two);
        const ivec all = ivec_set(two);
        UNROLL
        for (int v = 0; v < PANEL_VECS; v++)
            sum[r * PANEL_VECS + v] = dot_pairs(sum[r * PANEL_VECS + v], w[v], all);
    }
}

/* y [n_rows][16] += n runs from `panel` on, times the rows' runs, `step` bytes apart. */
INLINE void tile_runs(float *y, const uint8_t *panel, size_t n, const uint8_t *x, size_t step,
                      coming *next, const int n_rows)
{
    enum { PAIRS = RUN / 2 };
    vec sum[MOST_PAIRS * PANEL_VECS];
    coming then = *next, *const fetch = n_rows > ALONE_PAIRS ? &then : NULL;
    load_sums(sum, y, n_rows * PANEL_VECS);
    for (; n > 0; n--, x += step, panel += PAIRS * PAIR_BYTES) {
        UNROLL
        for (size_t i = 0; i < PAIRS; i++) {
            fetch_line(fetch);
            multiply_pair(sum, panel + i * PAIR_BYTES, x + 4 * i, n_rows);
        }
    }
    store_sums(y, sum, n_rows * PANEL_VECS);
    *next = then;
}

static void tile_pairs(float *y, const uint8_t *panel, size_t n, const uint8_t *x, size_t step,
                       coming *next, int n_rows)
{
    BODIES(MOST_PAIRS, tile_runs, y, panel, n, x, step, next)
}

/* y [n_rows][16] += n pairs that are less than a run. */
static void rest_pairs(float *y, const uint8_t *panel, size_t n, const uint8_t *x, size_t n_rows)
{
    for (; n_rows > 0; n_rows--, y += DLX__PANEL, x += RUN_BYTES) {
        vec sum[PANEL_VECS];
        load_sums(sum, y, PANEL_VECS);
        for (size_t i = 0; i < n; i++)
            multiply_pair(sum, panel + i * PAIR_BYTES, x + 4 * i, 1);
        store_sums(y, sum, PANEL_VECS);
    }
}

static void strip_pairs(const strip *s)
{
    const dlx__acts *a = s->acts;
    const size_t n_in = s->w->n_in, n_runs = n_in / RUN, run_bytes = RUN / 2 * PAIR_BYTES;
    const parts chunks = parts_of(n_runs, s->tiles.n > 1 ? PAIRS_CHUNK / RUN : SIZE_MAX);
    for (size_t i = 0; i < chunks.n; i++) {
        const size_t first = part_begin(&chunks, i), n = part_begin(&chunks, i + 1) - first;
        const uint8_t *panel = s->panel + first * run_bytes;
        coming next = coming_of(s, panel, longest_part(&chunks) * run_bytes,
                                dlx__max(n * RUN / 2, 1) * s->tiles.n);
        for (size_t t = 0; t < s->tiles.n; t++) {
            const size_t r = part_begin(&s->tiles, t), n_rows = part_begin(&s->tiles, t + 1) - r;
            tile_pairs(s->y + r * DLX__PANEL, panel, n, run_of(a, s->row + r, first * RUN),
                       a->n_rows * RUN_BYTES, &next, (int)n_rows);
        }
    }
    if (n_runs * RUN < n_in)
        rest_pairs(s->y, s->panel + n_runs * run_bytes, (n_in % RUN + 1) / 2,
                   run_of(a, s->row, n_runs * RUN), s->n_rows);
}

/* How a product's strips are computed. */
static strip_kind strips_of_pairs(const dlx__acts *a, const dlx__packed *w)
{
    const bool pairs = a->halves && w->form == DLX__FORM_BF16;
    return pairs ? (strip_kind){.multiply = strip_pairs, .most = MOST_PAIRS} : strips_of(a, w);
}

#ifndef SET_WIDE /* gemm_wide.h has its own */
static void gemm_pairs(float *y, size_t y_stride, const dlx__acts *a, const dlx__packed *w,
                       size_t first_panel, size_t n_panels)
{
    gemm_by(strips_of_pairs(a, w), y, y_stride, a, w, first_panel, n_panels);
}
#endif

#endif
