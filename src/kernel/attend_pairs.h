/*
 * attend_pairs.h - attention over keys and values in bf16, by an instruction that multiplies pairs
 * of them and adds both products to a float; included once by each kernel_<isa>.c that has defined,
 * beside what attend_lanes.h lists:
 *
 *   dot_pairs(sum, w, x)    sum + w[0] x[0] + w[1] x[1] of VL pairs
 *   pairs_from(low, high)   VL pairs: of two vectors the numbers at the same place, rounded
 *
 * The same tiles of slots as in attend_lanes.h. Lanes are whole vectors here. Two rows of numbers,
 * [2][width], become one of pairs, [width], where they lie.
 */
#ifndef DLX__ATTEND_PAIRS_H
#define DLX__ATTEND_PAIRS_H

#include "kernel/attend_lanes.h"

/* Matrix of pairs w(r, k) at w[r * row_step + k * pair_step], in halves. */
typedef struct pair_matrix {
    const uint16_t *w;
    size_t row_step, pair_step;
} pair_matrix;

INLINE ivec pair_at(const uint16_t *p)
{
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return ivec_set(pair);
}

/* y [n_rows][width] (+)= w x, x [n_pairs][width] pairs. */
INLINE void pair_tile(float *y, const float *x, const pair_matrix *m, size_t row, size_t n_pairs,
                      const bool add, const size_t width, const size_t n_rows)
{
    const size_t n_vec = width / VL;
    vec sum[LANE_SUMS];
    const uint16_t *w = m->w + row * m->row_step;
    UNROLL
    for (size_t i = 0; i < n_rows * n_vec; i++)
        sum[i] = add ? vec_load(y + i * VL) : vec_set(0);
    for (size_t k = 0; k < n_pairs; k++, w += m->pair_step) {
        ivec lanes[DLX__LANES / VL];
        UNROLL
        for (size_t v = 0; v < n_vec; v++)
            lanes[v] = bytes_load(x + k * width + v * VL);
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            const ivec pair = pair_at(w + r * m->row_step);
            UNROLL
            for (size_t v = 0; v < n_vec; v++)
                sum[r * n_vec + v] = dot_pairs(sum[r * n_vec + v], pair, lanes[v]);
        }
    }
    UNROLL
    for (size_t i = 0; i < n_rows * n_vec; i++)
        vec_store(y + i * VL, sum[i]);
}

/* All n_rows of w: full tiles, thirds of a tile, single rows. */
INLINE void pair_strip(float *y, const float *x, const pair_matrix *m, size_t n_rows,
                       size_t n_pairs, const bool add, const size_t width)
{
    enum { FULL = MOST_WEIGHTS, THIRD = FULL / 3 };
    size_t r = 0;
    for (; r + FULL <= n_rows; r += FULL)
        pair_tile(y + r * width, x, m, r, n_pairs, add, width, FULL);
    for (; r + THIRD <= n_rows; r += THIRD)
        pair_tile(y + r * width, x, m, r, n_pairs, add, width, THIRD);
    for (; r < n_rows; r++)
        pair_tile(y + r * width, x, m, r, n_pairs, add, width, 1);
}

static void pair_scores(float *s, const float *q, size_t width, const pair_matrix *keys, size_t n,
                        size_t head_dim)
{
    if (width == DLX__LANES)
        pair_strip(s, q, keys, n, head_dim / 2, false, DLX__LANES);
    else
        pair_strip(s, q, keys, n, head_dim / 2, false, DLX__PAIR_LANES);
}

static void pair_values(float *y, const float *p, size_t width, const pair_matrix *values, size_t n,
                        size_t head_dim)
{
    if (width == DLX__LANES)
        pair_strip(y, p, values, head_dim, (n + 1) / 2, true, DLX__LANES);
    else
        pair_strip(y, p, values, head_dim, (n + 1) / 2, true, DLX__PAIR_LANES);
}

/* x [2 n][width] floats become [n][width] pairs. */
static void make_pairs(float *x, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t v = 0; v < width; v += VL) {
            const float *two = x + 2 * i * width + v;
            const ivec pairs = pairs_from(vec_load(two), vec_load(two + width));
            memcpy(x + i * width + v, &pairs, sizeof pairs);
        }
}

static void attend_pairs(float *y, float *q, size_t width, const dlx__attend_in *in)
{
    _Alignas(64) float s[SLOTS * DLX__LANES]; /* [SLOTS][width]; then pairs [SLOTS / 2][width] */
    const size_t c = in->head_dim;
    lane_state lanes = {.n_seen = {0}};
    for (size_t l = 0; l < width; l++) {
        lanes.max[l] = -INFINITY;
        lanes.n_seen[l] = in->n_seen[l];
    }
    make_pairs(q, width, c / 2);
    memset(y, 0, c * width * sizeof *y);
    for (size_t slot = 0; slot < in->n_slots; slot += SLOTS) {
        const size_t n = dlx__min(SLOTS, in->n_slots - slot);
        const pair_matrix keys = {in->key_halves + slot * c, c, 2};
        const pair_matrix values = {in->value_halves + slot * c, 2, 2 * c};
        pair_scores(s, q, width, &keys, n, c);
        softmax_tile(s, width, n, (int32_t)slot, in->scale, &lanes);
        if (slot > 0)
            scale_lanes(y, lanes.shrink, width, c);
        if (n % 2 == 1)
            memset(s + n * width, 0, width * sizeof *s);
        make_pairs(s, width, (n + 1) / 2);
        pair_values(y, s, width, &values, n, c);
    }
    for (size_t l = 0; l < width; l++)
        lanes.sum[l] = 1.0f / lanes.sum[l];
    scale_lanes(y, lanes.sum, width, c);
}

#endif
