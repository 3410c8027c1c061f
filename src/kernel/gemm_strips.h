/*
 * gemm_strips.h - a product panel by panel; included once by each kernel_<isa>.c, which has the
 * vector of vector_rows.h and
 *
 *   vec_held(x) address_held(p)   the same, which the compiler must have computed here
 *
 * A strip is a panel times a batch of rows. gemm_ints.h, gemm_floats.h and gemm_pairs.h say how: by
 * tiles of rows, whose sums stay in registers. Between chunks of inputs they wait in memory.
 *
 * One tile reads the panel from its first byte to its last: processors fetch one stretch of memory,
 * read in order, twice as fast as what they are asked for line by line, or as two stretches in
 * turns. They do so while it is read fast; where many rows make that slow they fall behind, and the
 * tile asks for the lines itself, all of them, evenly. Reading twice confuses them: several tiles
 * go over a chunk, which stays in a cache, and meanwhile ask for the next one. gemm_sides.h and
 * gemm_wide.h have the exceptions, two panels at once.
 *
 * Arrays with literal indices become registers. Compilers delay a sum to the end of a loop's body,
 * by which they run out of registers, unless it is held where it stands.
 */
#ifndef DLX__GEMM_STRIPS_H
#define DLX__GEMM_STRIPS_H

#include "kernel/coming.h"
#include "kernel/panels.h"
#include "kernel/vector_rows.h"

enum {
    MOST_ROWS = 128,       /* of a batch */
    TILE_AHEAD = 200 * 64, /* bytes that one tile asks ahead; not as good: powers of two */
    PANEL_VECS = DLX__PANEL / VL
};

/* n things in parts, as few as can be of at most `most`, which differ by one at most. */
typedef struct parts {
    size_t n, each, n_longer; /* parts, things in each, the first parts that have one more */
} parts;

INLINE parts parts_of(size_t n, size_t most)
{
    const size_t n_parts = n > most ? (n + most - 1) / most : 1;
    return n_parts > 1 ? (parts){n_parts, n / n_parts, n % n_parts} : (parts){1, n, 0};
}

/* Things before part i, and those of the longest. */
INLINE size_t part_begin(const parts *p, size_t i)
{
    return i * p->each + dlx__min(i, p->n_longer);
}

INLINE size_t longest_part(const parts *p)
{
    return p->each + (p->n_longer > 0);
}

/* A panel of a product for some of its rows. */
typedef struct strip {
    const dlx__packed *w;
    const uint8_t *panel;
    const dlx__acts *acts;
    size_t row, n_rows; /* of these */
    parts tiles;        /* of the rows */
    float *y;           /* [n_rows][16], or of two panels side by side [2][n_rows][16] */
} strip;

typedef void (*strip_fn)(const strip *s);

/* How a panel and the next one are multiplied side by side; NULL: never. */
typedef struct strip_sides {
    strip_fn multiply;
    size_t least, most; /* rows that it is for */
    size_t most_bytes;  /* of both panels */
} strip_sides;

/* How strips are computed. */
typedef struct strip_kind {
    strip_fn multiply;
    size_t most; /* rows of a tile */
    strip_sides sides;
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

/* What a chunk's tiles ask for in n_asks steps: n_bytes, of several tiles those of the next chunk.
 * That may lie past the last panel: what is there will mostly be read next, and asking for what is
 * not there does nothing. */
INLINE coming coming_of(const strip *s, const uint8_t *chunk, size_t n_bytes, size_t n_asks)
{
    const size_t ahead = s->tiles.n > 1 ? n_bytes : dlx__min(n_bytes, (size_t)TILE_AHEAD);
    return coming_from((uintptr_t)chunk + ahead, n_bytes, n_asks);
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

/* The results of a panel of a strip to y [n_rows][y_stride]; I8 has its scales to apply. */
static void finish(float *y, size_t y_stride, const strip *s, size_t side, size_t n_out)
{
    const uint8_t *end = s->panel + (side + 1) * s->w->panel_bytes;
    const float *scale = (const float *)(const void *)end - DLX__PANEL;
    const float *from = s->y + side * s->n_rows * DLX__PANEL;
    for (size_t r = 0; r < s->n_rows; r++, y += y_stride, from += DLX__PANEL) {
        for (size_t v = 0; v < DLX__PANEL; v += VL) {
            const vec sum = vec_load(from + v);
            vec_store(y + v, s->w->form == DLX__FORM_I8 ? vec_mul(sum, vec_load(scale + v)) : sum);
        }
        for (size_t o = n_out; o < DLX__PANEL; o++)
            y[o] = 0; /* not 0 * NaN */
    }
}

/* Are panels multiplied two at a time? */
static bool by_sides(const strip_sides *sides, const strip *s)
{
    return sides->multiply && s->n_rows >= sides->least && s->n_rows <= sides->most &&
           2 * s->w->panel_bytes <= sides->most_bytes;
}

/* kernels.gemm by strips of a kind, for a batch of rows. */
static void gemm_batch(strip_kind kind, float *y, size_t y_stride, strip *s, size_t first_panel,
                       size_t n_panels)
{
    const dlx__packed *w = s->w;
    const size_t most_sides = by_sides(&kind.sides, s) ? 2 : 1, end = first_panel + n_panels;
    s->tiles = parts_of(s->n_rows, kind.most);
    for (size_t p = first_panel, n_sides; p < end; p += n_sides) {
        n_sides = dlx__min(most_sides, end - p);
        s->panel = w->data + p * w->panel_bytes;
        memset(s->y, 0, n_sides * s->n_rows * DLX__PANEL * sizeof *s->y);
        (n_sides == 2 ? kind.sides.multiply : kind.multiply)(s);
        for (size_t side = 0; side < n_sides; side++, y += DLX__PANEL)
            finish(y, y_stride, s, side, dlx__min(DLX__PANEL, w->n_out - (p + side) * DLX__PANEL));
    }
}

static void gemm_by(strip_kind kind, float *y, size_t y_stride, const dlx__acts *a,
                    const dlx__packed *w, size_t first_panel, size_t n_panels)
{
    _Alignas(64) float sums[2 * MOST_ROWS * DLX__PANEL];
    strip s = {.w = w, .acts = a, .y = sums};
    const parts batches = parts_of(a->n_rows, MOST_ROWS);
    for (size_t b = 0; b < batches.n; b++) {
        s.row = part_begin(&batches, b);
        s.n_rows = part_begin(&batches, b + 1) - s.row;
        gemm_batch(kind, y + s.row * y_stride, y_stride, &s, first_panel, n_panels);
    }
}

#endif
