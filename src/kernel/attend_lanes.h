/*
 * attend_lanes.h - attention over an abstract vector (vector_rows.h lists what it takes; also
 * ivec_load), included once by each kernel_<isa>.c.
 *
 * A head's queries lie in lanes, feature by feature: [features][width], a (head, row) pair being
 * one lane. No sum crosses lanes then, and a lane's numbers do not depend on those beside it.
 *
 * Loops whose bounds are literals at the call are unrolled into registers by the compiler.
 */
#ifndef DLX__ATTEND_LANES_H
#define DLX__ATTEND_LANES_H

#include "kernel/vector_rows.h"

enum {
    N_SUMS = 96 / VL, /* registers of sums in a tile: 3 x 32 lanes, 4 x 24, 6 x 16, 12 x 8 */
    MOST_WEIGHTS = 12,
    SLOTS =
        64 /* KV slots of a softmax tile: keys or values, q and scores then share the L1 cache */
};

/* sum += one column of w, w(r) at w[r * row_step], times the lanes x of that column. */
INLINE void step(vec *sum, const float *x, const float *w, size_t row_step, const int n_vec,
                 const int n_rows)
{
    if (n_vec * VL == DLX__LANES) { /* few rows: hold their weights, stream the lanes */
        vec weight[MOST_WEIGHTS];
        for (int r = 0; r < n_rows; r++)
            weight[r] = vec_set(w[(size_t)r * row_step]);
        for (int v = 0; v < n_vec; v++) {
            vec lanes = vec_load(x + v * VL);
            for (int r = 0; r < n_rows; r++)
                sum[r * n_vec + v] = vec_fma(weight[r], lanes, sum[r * n_vec + v]);
        }
    } else { /* few lanes: hold them, stream the weights */
        vec lanes[DLX__LANES / VL];
        for (int v = 0; v < n_vec; v++)
            lanes[v] = vec_load(x + v * VL);
        for (int r = 0; r < n_rows; r++) {
            vec weight = vec_set(w[(size_t)r * row_step]);
            for (int v = 0; v < n_vec; v++)
                sum[r * n_vec + v] = vec_fma(weight, lanes[v], sum[r * n_vec + v]);
        }
    }
}

/*
 * y [n_rows][width] (+)= w x, n_vec vectors of lanes by n_rows rows of w in registers. w(r, k) lies
 * at w[r * row_step + k * col_step]. One chain of fused multiply-adds for each result, k ascending.
 */
INLINE void lane_tile(float *y, const float *x, const float *w, size_t row_step, size_t col_step,
                      size_t n_cols, bool add, const int n_vec, const int n_rows)
{
    const size_t width = (size_t)(n_vec * VL);
    vec sum[N_SUMS];
    for (int r = 0; r < n_rows; r++)
        for (int v = 0; v < n_vec; v++)
            sum[r * n_vec + v] = add ? vec_load(y + (size_t)r * width + v * VL) : vec_set(0);
    for (size_t k = 0; k < n_cols; k++)
        step(sum, x + k * width, w + k * col_step, row_step, n_vec, n_rows);
    for (int r = 0; r < n_rows; r++)
        for (int v = 0; v < n_vec; v++)
            vec_store(y + (size_t)r * width + v * VL, sum[r * n_vec + v]);
}

/* Any number of rows of w: full tiles, then thirds of a tile, then single rows. */
INLINE void lane_strip(float *y, const float *x, const float *w, size_t row_step, size_t col_step,
                       size_t n_rows, size_t n_cols, bool add, const int n_vec, const int n_tile)
{
    const size_t width = (size_t)(n_vec * VL), full = (size_t)n_tile, third = full / 3;
    size_t r = 0;
    for (; r + full <= n_rows; r += full)
        lane_tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, n_vec,
                  n_tile);
    for (; third > 1 && r + third <= n_rows; r += third)
        lane_tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, n_vec,
                  n_tile / 3);
    for (; r < n_rows; r++)
        lane_tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, n_vec, 1);
}

#define FOR_WIDTH(width, call)                                                                     \
    do {                                                                                           \
        if ((width) == 32) {                                                                       \
            enum { N_VEC = 32 / VL, N_TILE = 3 };                                                  \
            call;                                                                                  \
        } else if ((width) == 24) {                                                                \
            enum { N_VEC = 24 / VL, N_TILE = 4 };                                                  \
            call;                                                                                  \
        } else if ((width) == 16) {                                                                \
            enum { N_VEC = 16 / VL, N_TILE = 6 };                                                  \
            call;                                                                                  \
        } else {                                                                                   \
            enum { N_VEC = 8 / VL, N_TILE = 12 };                                                  \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

/* w(r, k) = w[r * step + k]: keys. */
static void product_rows(float *y, const float *x, size_t width, const float *w, size_t step,
                         size_t n_rows, size_t n_cols)
{
    FOR_WIDTH(width, lane_strip(y, x, w, step, 1, n_rows, n_cols, false, N_VEC, N_TILE));
}

/* y += w x with w(r, k) = w[r + k * step]: values. */
static void product_cols(float *y, const float *x, size_t width, const float *w, size_t step,
                         size_t n_rows, size_t n_cols)
{
    FOR_WIDTH(width, lane_strip(y, x, w, 1, step, n_rows, n_cols, true, N_VEC, N_TILE));
}

/*
 * Scores s [n][width] of the slots from `slot` become exp(score - max); max and sum [width] are
 * brought up to date, and `shrink` [width] is what earlier results must be multiplied by.
 */
static void softmax_tile(float *s, size_t width, size_t n, int32_t slot, const dlx__attend_in *in,
                         float *max, float *sum, float *shrink)
{
    const vec scale = vec_set(in->scale);
    for (size_t l = 0; l < width; l += VL) {
        const ivec seen = ivec_load(in->n_seen + l);
        vec before = vec_load(max + l), top = before;
        for (size_t j = 0; j < n; j++) {
            float *at = s + j * width + l;
            vec score = vec_mul(vec_load(at), scale);
            score = vec_select(ivec_above(seen, ivec_set(slot + (int32_t)j)), score,
                               vec_set(-INFINITY));
            vec_store(at, score);
            top = vec_max(score, top);
        }
        vec smaller = exponential(vec_sub(before, top)), total = vec_set(0);
        for (size_t j = 0; j < n; j++) {
            float *at = s + j * width + l;
            vec p = exponential(vec_sub(vec_load(at), top));
            vec_store(at, p);
            total = vec_add(total, p);
        }
        vec_store(shrink + l, smaller);
        vec_store(sum + l, vec_fma(vec_load(sum + l), smaller, total));
        vec_store(max + l, top);
    }
}

/* y [n][width] *= factor [width] */
static void scale_lanes(float *y, const float *factor, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < width; l += VL)
            vec_store(y + i * width + l,
                      vec_mul(vec_load(y + i * width + l), vec_load(factor + l)));
}

/* Tiles of SLOTS slots with a running maximum. Slot 0 is visible to every lane, so that the first
 * tile always finds a maximum. */
static void attend(float *y, const float *q, size_t width, const dlx__attend_in *in)
{
    float s[SLOTS * DLX__LANES]; /* [SLOTS][width] */
    float max[DLX__LANES], sum[DLX__LANES], shrink[DLX__LANES];
    for (size_t l = 0; l < width; l++) {
        max[l] = -INFINITY;
        sum[l] = 0;
    }
    for (size_t i = 0; i < in->head_dim * width; i++)
        y[i] = 0;
    for (size_t slot = 0; slot < in->n_slots; slot += SLOTS) {
        size_t n = dlx__min(SLOTS, in->n_slots - slot);
        product_rows(s, q, width, in->keys + slot * in->head_dim, in->head_dim, n, in->head_dim);
        softmax_tile(s, width, n, (int32_t)slot, in, max, sum, shrink);
        if (slot > 0)
            scale_lanes(y, shrink, width, in->head_dim);
        product_cols(y, s, width, in->values + slot * in->head_dim, in->head_dim, in->head_dim, n);
    }
    for (size_t l = 0; l < width; l += VL)
        vec_store(shrink + l, vec_div(vec_set(1), vec_load(sum + l)));
    scale_lanes(y, shrink, width, in->head_dim);
}

#endif
