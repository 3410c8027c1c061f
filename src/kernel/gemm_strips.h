/*
 * gemm_strips.h - a product as strips: some outputs for a batch of rows. Included once by each
 * kernel_<isa>.c, which has the vector of vector_rows.h and has defined
 *
 *   STRIP                  outputs of a strip of floats: the panels of one (16) or two (32)
 *   vec_held(x) address_held(p)   the same, which the compiler must have computed here
 *
 * gemm_ints.h, gemm_floats.h and gemm_pairs.h say how the products of a strip are made: by tiles of
 * rows, whose sums stay in registers. Between tiles and between chunks of inputs they wait in
 * memory.
 *
 * Arrays with literal indices become registers. Compilers delay a sum to the end of a loop's body,
 * by which they run out of registers, unless it is held where it stands.
 */
#ifndef DLX__GEMM_STRIPS_H
#define DLX__GEMM_STRIPS_H

#include "kernel/panels.h"
#include "kernel/vector_rows.h"

enum {
    MOST_ROWS = 128, /* of a batch */
    N_PANELS = STRIP / DLX__PANEL,
    PANEL_VECS = DLX__PANEL / VL
};

/* Some outputs of a product for some of its rows. */
typedef struct strip {
    const dlx__packed *w;
    const uint8_t *panel[N_PANELS]; /* of integers the first alone */
    const uint8_t *next[N_PANELS];  /* the panels of the strip that follows */
    const dlx__acts *acts;
    size_t row, n_rows;                  /* of these */
    size_t n_tiles, tile_rows, n_longer; /* tiles of so many rows, the first ones of one more */
    float *y;                            /* [n_rows][16 for each panel] */
} strip;

/* How strips are computed. */
typedef struct strip_kind {
    void (*multiply)(const strip *s);
    size_t n_panels;
    size_t most; /* rows of a tile */
} strip_kind;

/* sum [n] to or from y. */
INLINE void load_sums(vec *sum, const float *y, const int n)
{
    UNROLL
    for (int i = 0; i < n; i++)
        sum[i] = vec_load(y + i * VL);
}

INLINE void store_sums(float *y, const vec *sum, const int n)
{
    UNROLL
    for (int i = 0; i < n; i++)
        vec_store(y + i * VL, sum[i]);
}

/* n in as few parts as can be of at most `most`, each but the last as long: a multiple of grain. */
INLINE size_t even_part(size_t n, size_t most, size_t grain)
{
    const size_t n_parts = (n + most - 1) / most;
    return n_parts > 1 ? dlx__align((n + n_parts - 1) / n_parts, grain) : n;
}

/* The rows of tile t of n_tiles: as even as can be. */
INLINE size_t first_row(const strip *s, size_t t)
{
    return t * s->tile_rows + dlx__min(t, s->n_longer);
}

/* ---- one body for each number of rows, so that sums stay in registers ---------------------- */

#define BODY(n, most, tile, ...)                                                                   \
    case n:                                                                                        \
        if (n <= (most))                                                                           \
            tile(__VA_ARGS__, n);                                                                  \
        break;

#define BODIES(most, tile, ...)                                                                    \
    switch (n_rows) {                                                                              \
        BODY(1, most, tile, __VA_ARGS__)                                                           \
        BODY(2, most, tile, __VA_ARGS__)                                                           \
        BODY(3, most, tile, __VA_ARGS__)                                                           \
        BODY(4, most, tile, __VA_ARGS__)                                                           \
        BODY(5, most, tile, __VA_ARGS__)                                                           \
        BODY(6, most, tile, __VA_ARGS__)                                                           \
        BODY(7, most, tile, __VA_ARGS__)                                                           \
        BODY(8, most, tile, __VA_ARGS__)                                                           \
        BODY(9, most, tile, __VA_ARGS__)                                                           \
        BODY(10, most, tile, __VA_ARGS__)                                                          \
        BODY(11, most, tile, __VA_ARGS__)                                                          \
        BODY(12, most, tile, __VA_ARGS__)                                                          \
    default:                                                                                       \
        break;                                                                                     \
    }

/* ---- the product --------------------------------------------------------------------------- */

/* Results of panel p of a strip to y [n_rows][y_stride]; I8 has its scales to apply. */
static void finish(float *y, size_t y_stride, const strip *s, size_t p, size_t width, size_t n_out)
{
    const float *scale =
        (const float *)(const void *)(s->panel[p] + s->w->panel_bytes) - DLX__PANEL;
    for (size_t r = 0; r < s->n_rows; r++, y += y_stride) {
        const float *from = s->y + r * width + p * DLX__PANEL;
        for (size_t v = 0; v < DLX__PANEL; v += VL) {
            const vec sum = vec_load(from + v);
            vec_store(y + v, s->w->form == DLX__FORM_I8 ? vec_mul(sum, vec_load(scale + v)) : sum);
        }
        for (size_t o = n_out; o < DLX__PANEL; o++)
            y[o] = 0; /* not 0 * NaN */
    }
}

/* The panels from `panel`, of which the strip has n; y is its first output of the first row. */
static void gemm_strip(strip_kind kind, float *y, size_t y_stride, strip *s, size_t panel, size_t n)
{
    _Alignas(64) float sums[MOST_ROWS * STRIP];
    const dlx__packed *w = s->w;
    const size_t width = kind.n_panels * DLX__PANEL;
    for (size_t p = 0; p < kind.n_panels; p++) {
        const size_t last = w->n_panels - 1;
        s->panel[p] = w->data + (panel + dlx__min(p, n - 1)) * w->panel_bytes;
        s->next[p] = w->data + dlx__min(panel + kind.n_panels + p, last) * w->panel_bytes;
    }
    s->y = sums;
    memset(sums, 0, s->n_rows * width * sizeof *sums);
    kind.multiply(s);
    for (size_t p = 0; p < n; p++) {
        const size_t n_left = w->n_out - (panel + p) * DLX__PANEL;
        finish(y + p * DLX__PANEL, y_stride, s, p, width, dlx__min(DLX__PANEL, n_left));
    }
}

/* kernels.gemm by strips of a kind, for a batch of rows. */
static void gemm_batch(strip_kind kind, float *y, size_t y_stride, strip *s, size_t first_panel,
                       size_t n_panels)
{
    s->n_tiles = (s->n_rows + kind.most - 1) / kind.most;
    s->tile_rows = s->n_rows / s->n_tiles;
    s->n_longer = s->n_rows % s->n_tiles;
    for (size_t p = 0; p < n_panels; p += kind.n_panels)
        gemm_strip(kind, y + p * DLX__PANEL, y_stride, s, first_panel + p,
                   dlx__min(kind.n_panels, n_panels - p));
}

static void gemm_by(strip_kind kind, float *y, size_t y_stride, const dlx__acts *a,
                    const dlx__packed *w, size_t first_panel, size_t n_panels)
{
    strip s = {.w = w, .acts = a};
    for (; s.row < a->n_rows; s.row += s.n_rows) {
        s.n_rows = dlx__min(MOST_ROWS, a->n_rows - s.row);
        gemm_batch(kind, y + s.row * y_stride, y_stride, &s, first_panel, n_panels);
    }
}

#endif
