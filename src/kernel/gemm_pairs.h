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
 *
 * Sums are not held where they stand (gemm_tiles.h): these instructions write to their first
 * operand, which keeps them in order, and compilers that must hold them too move them to memory.
 */
#ifndef DLX__GEMM_PAIRS_H
#define DLX__GEMM_PAIRS_H

#include "kernel/gemm_widened.h"

enum {
    RUN = 8, /* inputs */
    RUN_BYTES = 2 * RUN,
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
            sum[r * N_VECS + v] = dot_pairs(sum[r * N_VECS + v], w[v], all);
    }
}

/* y [n_rows][STRIP] += n runs from `panel` on, times the rows' runs, `step` bytes apart. */
INLINE void tile_runs(float *y, const uint8_t *const *panel, size_t n, const uint8_t *x,
                      size_t step, coming *next, const distance d, const int n_rows)
{
    enum { PAIRS = RUN / 2 };
    vec sum[MOST_PAIRS * N_VECS];
    size_t offset = 0;
    load_sums(sum, y, n_rows);
    for (; n > 0; n--, x += step) {
        UNROLL
        for (size_t i = 0; i < PAIRS; i++, offset += PAIR_BYTES) {
            fetch_line_at(next, d);
            multiply_pair(sum, panel, offset, x + 4 * i, n_rows);
        }
    }
    store_sums(y, sum, n_rows);
}

typedef void (*pairs_fn)(float *y, const uint8_t *const *panel, size_t n, const uint8_t *x,
                         size_t step, coming *next, int n_rows);

static void tile_near(float *y, const uint8_t *const *panel, size_t n, const uint8_t *x,
                      size_t step, coming *next, int n_rows)
{
    BODIES(MOST_PAIRS, tile_runs, y, panel, n, x, step, next, NEAR)
}

static void tile_far(float *y, const uint8_t *const *panel, size_t n, const uint8_t *x, size_t step,
                     coming *next, int n_rows)
{
    BODIES(MOST_PAIRS, tile_runs, y, panel, n, x, step, next, FAR)
}

/* y [n_rows][STRIP] += n pairs that are less than a run. */
static void rest_pairs(float *y, const uint8_t *const *panel, size_t n, const uint8_t *x,
                       size_t n_rows)
{
    for (; n_rows > 0; n_rows--, y += STRIP, x += RUN_BYTES) {
        vec sum[N_VECS];
        load_sums(sum, y, 1);
        for (size_t i = 0; i < n; i++)
            multiply_pair(sum, panel, i * PAIR_BYTES, x + 4 * i, 1);
        store_sums(y, sum, 1);
    }
}

/* The inputs [k, end) for all rows; their weights are asked for from `ahead` inputs before. */
static void strip_inputs(const strip *s, pairs_fn tile, size_t k, size_t end, size_t ahead)
{
    const dlx__acts *a = s->rows.acts;
    const size_t input_bytes = PAIR_BYTES / 2, n_tiles = (s->n_rows + MOST_PAIRS - 1) / MOST_PAIRS;
    const uint8_t *panel[N_PANELS];
    coming next = coming_of(s, (k + ahead) * input_bytes, 64, n_tiles);
    for (size_t p = 0; p < N_PANELS; p++)
        panel[p] = s->panel[p] + k * input_bytes;
    for (size_t t = 0; t < n_tiles; t++) {
        const size_t r = first_row(s, t, n_tiles), n_rows = first_row(s, t + 1, n_tiles) - r;
        tile(s->y + r * STRIP, panel, (end - k) / RUN, run_of(a, s->rows.row + r, k),
             a->n_rows * RUN_BYTES, &next, (int)n_rows);
    }
}

/*
 * One tile of rows reads weights from memory as fast as it multiplies: they are asked for shortly
 * before, those of the next strip where this one's end is near. More tiles read a chunk again, and
 * ask for the next one meanwhile.
 */
static void strip_pairs(const strip *s)
{
    enum { NEAR_INPUTS = 32 };
    const size_t n_in = s->w->n_in, input_bytes = PAIR_BYTES / 2, whole = n_in / RUN * RUN;
    const bool alone = s->n_rows <= MOST_PAIRS;
    const size_t last = alone && whole > NEAR_INPUTS ? whole - NEAR_INPUTS : whole;
    const size_t chunk = alone ? last : chunk_floats(n_in, input_bytes);
    for (size_t k = 0, end; k < whole; k = end) {
        end = k < last ? dlx__min(k + chunk, last) : whole;
        strip_inputs(s, alone ? tile_near : tile_far, k, end, alone ? NEAR_INPUTS : chunk);
    }
    if (whole == n_in)
        return;
    const uint8_t *panel[N_PANELS];
    for (size_t p = 0; p < N_PANELS; p++)
        panel[p] = s->panel[p] + whole * input_bytes;
    rest_pairs(s->y, panel, (n_in - whole + 1) / 2, run_of(s->rows.acts, s->rows.row, whole),
               s->n_rows);
}

static void gemm_pairs(float *y, size_t y_stride, const dlx__acts *a, const dlx__packed *w,
                       size_t first_panel, size_t n_panels)
{
    const bool pairs = a->halves && w->form == DLX__FORM_BF16;
    gemm_by(pairs ? strip_pairs : strip_of(a, w), y, y_stride, a, w, first_panel, n_panels);
}

#endif
