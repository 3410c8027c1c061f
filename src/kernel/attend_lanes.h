/*
 * attend_lanes.h - attention over an abstract vector, included once by each kernel_<isa>.c. It
 * wants, beside what vector_rows.h lists:
 *
 *   LANE_SUMS           registers for the sums of a tile
 *   vec_load_first(p, n) vec_store_first(p, x, n)   the first n lanes, of loaded ones the others 0
 *
 * A head's queries lie in lanes, feature by feature: [features][width], a (head, row) pair being
 * one lane. No sum crosses lanes then, and a lane's numbers do not depend on those beside it.
 */
#ifndef DLX__ATTEND_LANES_H
#define DLX__ATTEND_LANES_H

#include "kernel/vector_rows.h"

enum {
    MOST_WEIGHTS = 12,
    SLOTS = 64 /* of a softmax tile: keys or values, q and scores then share the L1 cache */
};

/* Lanes of vector v of `width`; the last of them may be a part of a vector. */
INLINE size_t lanes_of(size_t width, size_t v)
{
    return dlx__min(VL, width - v * VL);
}

/* sum += one column of w, w(r) at w[r * row_step], times the lanes x of that column. */
INLINE void step(vec *sum, const float *x, const float *w, size_t row_step, const size_t width,
                 const size_t n_rows)
{
    const size_t n_vec = (width + VL - 1) / VL;
    vec weight[MOST_WEIGHTS], lanes[DLX__LANES / VL];
    if (n_rows < n_vec) { /* hold the fewer ones */
        UNROLL
        for (size_t r = 0; r < n_rows; r++)
            weight[r] = vec_set(w[r * row_step]);
        UNROLL
        for (size_t v = 0; v < n_vec; v++) {
            const vec x_v = vec_load_first(x + v * VL, lanes_of(width, v));
            UNROLL
            for (size_t r = 0; r < n_rows; r++)
                sum[r * n_vec + v] = vec_held(vec_fma(weight[r], x_v, sum[r * n_vec + v]));
        }
    } else {
        UNROLL
        for (size_t v = 0; v < n_vec; v++)
            lanes[v] = vec_load_first(x + v * VL, lanes_of(width, v));
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            const vec w_r = vec_set(w[r * row_step]);
            UNROLL
            for (size_t v = 0; v < n_vec; v++)
                sum[r * n_vec + v] = vec_held(vec_fma(w_r, lanes[v], sum[r * n_vec + v]));
        }
    }
}

/*
 * y [n_rows][width] (+)= w x, as many rows of w as there are registers for. w(r, k) lies at
 * w[r * row_step + k * col_step]. One chain of fused multiply-adds for each result, k ascending.
 */
INLINE void lane_tile(float *y, const float *x, const float *w, size_t row_step, size_t col_step,
                      size_t n_cols, const bool add, const size_t width, const size_t n_rows)
{
    const size_t n_vec = (width + VL - 1) / VL;
    vec sum[LANE_SUMS];
    UNROLL
    for (size_t i = 0; i < n_rows * n_vec; i++)
        sum[i] =
            add ? vec_load_first(y + i / n_vec * width + i % n_vec * VL, lanes_of(width, i % n_vec))
                : vec_set(0);
    for (size_t k = 0; k < n_cols; k++)
        step(sum, x + k * width, w + k * col_step, row_step, width, n_rows);
    UNROLL
    for (size_t i = 0; i < n_rows * n_vec; i++)
        vec_store_first(y + i / n_vec * width + i % n_vec * VL, sum[i], lanes_of(width, i % n_vec));
}

/* Any number of rows of w: full tiles, then thirds of a tile, then single rows. */
INLINE void lane_strip(float *y, const float *x, const float *w, size_t row_step, size_t col_step,
                       size_t n_rows, size_t n_cols, const bool add, const size_t width)
{
    const size_t n_vec = (width + VL - 1) / VL;
    const size_t full = dlx__min(MOST_WEIGHTS, LANE_SUMS / n_vec), third = full / 3;
    size_t r = 0;
    for (; r + full <= n_rows; r += full)
        lane_tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, width, full);
    for (; third > 1 && r + third <= n_rows; r += third)
        lane_tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, width,
                  third);
    for (; r < n_rows; r++)
        lane_tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, width, 1);
}

/* The widths as literals. */
#define FOR_WIDTH(width, call)                                                                     \
    do {                                                                                           \
        if ((width) == 32) {                                                                       \
            enum { WIDTH = 32 };                                                                   \
            call;                                                                                  \
        } else if ((width) == 24) {                                                                \
            enum { WIDTH = 24 };                                                                   \
            call;                                                                                  \
        } else if ((width) == 16) {                                                                \
            enum { WIDTH = 16 };                                                                   \
            call;                                                                                  \
        } else {                                                                                   \
            enum { WIDTH = 8 };                                                                    \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

/* w(r, k) = w[r * row_step + k]: keys. */
static void product_rows(float *y, const float *x, size_t width, const float *w, size_t row_step,
                         size_t n_rows, size_t n_cols)
{
    FOR_WIDTH(width, lane_strip(y, x, w, row_step, 1, n_rows, n_cols, false, WIDTH));
}

/* y += w x with w(r, k) = w[r + k * col_step]: values. */
static void product_cols(float *y, const float *x, size_t width, const float *w, size_t col_step,
                         size_t n_rows, size_t n_cols)
{
    FOR_WIDTH(width, lane_strip(y, x, w, 1, col_step, n_rows, n_cols, true, WIDTH));
}

/*
 * n_lanes scores of n slots at s become exp(score - top); returns total + these. The other lanes of
 * a vector hold anything.
 */
INLINE vec softmax_part(float *s, size_t width, size_t n_lanes, vec top, vec total, const int n)
{
    vec p[EXPS];
    EACH p[i] = vec_sub(vec_load_first(s + (size_t)i * width, n_lanes), top);
    exponentials(p, n);
    EACH vec_store_first(s + (size_t)i * width, p[i], n_lanes);
    EACH total = vec_add(total, p[i]);
    return total;
}

/* Scores s [n][width] of the slots from `slot`, scaled and masked; returns the largest or `top`. */
INLINE vec scale_scores(float *s, size_t width, size_t n_lanes, size_t n, int32_t slot, ivec seen,
                        float scale, vec top)
{
    for (size_t j = 0; j < n; j++, s += width) {
        const vec score = vec_mul(vec_load_first(s, n_lanes), vec_set(scale));
        const test visible = ivec_above(seen, ivec_set(slot + (int32_t)j));
        const vec masked = vec_select(visible, score, vec_set(-INFINITY));
        vec_store_first(s, masked, n_lanes);
        top = vec_max(masked, top);
    }
    return top;
}

/* What is kept of the lanes from one tile of slots to the next; whole vectors, whatever the width.
 */
typedef struct lane_state {
    float max[DLX__LANES], sum[DLX__LANES];
    float shrink[DLX__LANES]; /* what earlier results must be multiplied by */
    int32_t n_seen[DLX__LANES];
} lane_state;

/* Scores s [n][width] of the slots from `slot` become exp(score - max). */
static void softmax_tile(float *s, size_t width, size_t n, int32_t slot, float scale, lane_state *l)
{
    for (size_t v = 0; v * VL < width; v++) {
        const size_t at = v * VL, n_lanes = lanes_of(width, v);
        const vec before = vec_load(l->max + at);
        const vec top =
            scale_scores(s + at, width, n_lanes, n, slot, ivec_load(l->n_seen + at), scale, before);
        vec smaller = vec_sub(before, top), total = vec_set(0);
        exponentials(&smaller, 1);
        size_t j = 0;
        for (; j + EXPS <= n; j += EXPS)
            total = softmax_part(s + j * width + at, width, n_lanes, top, total, EXPS);
        for (; j < n; j++)
            total = softmax_part(s + j * width + at, width, n_lanes, top, total, 1);
        vec_store(l->shrink + at, smaller);
        vec_store(l->sum + at, vec_fma(vec_load(l->sum + at), smaller, total));
        vec_store(l->max + at, top);
    }
}

/* y [n][width] *= factor [width] */
static void scale_lanes(float *y, const float *factor, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++, y += width)
        for (size_t v = 0; v * VL < width; v++) {
            const size_t at = v * VL, n_lanes = lanes_of(width, v);
            const vec scaled = vec_mul(vec_load_first(y + at, n_lanes), vec_load(factor + at));
            vec_store_first(y + at, scaled, n_lanes);
        }
}

/* Tiles of SLOTS slots with a running maximum. Slot 0 is visible to every lane, so that the first
 * tile always finds a maximum. */
static void attend(float *y, const float *q, size_t width, const dlx__attend_in *in)
{
    float s[SLOTS * DLX__LANES]; /* [SLOTS][width] */
    lane_state lanes = {.n_seen = {0}};
    for (size_t l = 0; l < width; l++) {
        lanes.max[l] = -INFINITY;
        lanes.n_seen[l] = in->n_seen[l];
    }
    memset(y, 0, in->head_dim * width * sizeof *y);
    for (size_t slot = 0; slot < in->n_slots; slot += SLOTS) {
        size_t n = dlx__min(SLOTS, in->n_slots - slot);
        product_rows(s, q, width, in->keys + slot * in->head_dim, in->head_dim, n, in->head_dim);
        softmax_tile(s, width, n, (int32_t)slot, in->scale, &lanes);
        if (slot > 0)
            scale_lanes(y, lanes.shrink, width, in->head_dim);
        product_cols(y, s, width, in->values + slot * in->head_dim, in->head_dim, in->head_dim, n);
    }
    for (size_t l = 0; l < width; l++)
        lanes.sum[l] = 1.0f / lanes.sum[l];
    scale_lanes(y, lanes.sum, width, in->head_dim);
}

#endif
