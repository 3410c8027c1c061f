/*
 * attend_pairs.h - attention over keys and values in bf16 by products of pairs,
 * included once by each kernel_<isa>.c that has defined SET_PAIRS and, beside dot_pairs of
 * gemm_pairs.h:
 *
 *   pairs_of_floats(even, odd)   two floats to a lane's pair of bf16, to the nearest, even of two
 *   vec_of_bits(a)               the same bits as floats
 *
 * The queries are paired along the features, the softmax along the slots, each lane by lane in the
 * place of the floats. Scores are powers of two, the factor for that being in the queries: what
 * rounding to eight bits leaves of a power needs but a short polynomial. The sum of a lane is that
 * of the rounded numbers, so that weights of equal slots stay equal parts of one.
 */
#ifndef DLX__ATTEND_PAIRS_H
#define DLX__ATTEND_PAIRS_H

#include "kernel/attend_lanes.h"

enum { PAIR_SLOTS = 96 }; /* of a softmax tile: whole tiles of MOST_WEIGHTS rows */

static void multiply_pairs(const lane_product *p, size_t width)
{
    FOR_WIDTH(width, lane_strip(p, WIDTH, true));
}

/* x [n][width] floats times factor become [n / 2][width] pairs. */
static void pair_queries(float *x, size_t n, size_t width, float factor)
{
    for (size_t j = 0; j < n / 2; j++)
        for (size_t at = 0; at < width; at += VL) {
            const size_t n_lanes = dlx__min(VL, width - at);
            const float *from = x + 2 * j * width + at;
            const vec even = vec_mul(vec_load_first(from, n_lanes), vec_set(factor));
            const vec odd = vec_mul(vec_load_first(from + width, n_lanes), vec_set(factor));
            vec_store_first(x + j * width + at, vec_of_bits(pairs_of_floats(even, odd)), n_lanes);
        }
}

/* x [n] = 2^x to twelve bits, x up to 127, and 0 below -126.5. NaN stays NaN. */
INLINE void powers(vec *x, const int n)
{
    static const float taylor[] = {0.2426111251f, 0.6932609677f, 0.9999280572f};
    vec m[EXPS], power[EXPS], p[EXPS];
    EACH x[i] = vec_max(vec_set(-127), x[i]);
    EACH power[i] = vec_exp2_int(x[i], &m[i]); /* of -127: 0 */
    EACH x[i] = vec_sub(x[i], m[i]);
    EACH p[i] = vec_set(0.0551716685f);
    UNROLL
    for (size_t t = 0; t < DLX__LEN(taylor); t++)
        EACH p[i] = vec_fma(p[i], x[i], vec_set(taylor[t]));
    EACH x[i] = vec_mul(p[i], power[i]);
}

/* Scores s [n][width] of the slots from `slot` that a lane does not see. */
INLINE void mask_scores(float *s, size_t n, int32_t slot, ivec seen, const size_t width,
                        const size_t n_lanes)
{
    for (size_t j = 0; j < n; j++, s += width) {
        const test visible = ivec_above(seen, ivec_set(slot + (int32_t)j));
        vec_store_first(s, vec_select(visible, vec_load_first(s, n_lanes), vec_set(-INFINITY)),
                        n_lanes);
    }
}

/* The largest of n scores, n a multiple of EXPS, or `top`. */
INLINE vec top_score(const float *s, size_t n_slots, vec top, const size_t width,
                     const size_t n_lanes)
{
    enum { n = EXPS };
    vec most[n];
    EACH most[i] = top;
    for (size_t j = 0; j < n_slots; j += n, s += n * width)
        EACH most[i] = vec_max(vec_load_first(s + (size_t)i * width, n_lanes), most[i]);
    return vec_max(vec_max(most[0], most[1]), vec_max(most[2], most[3]));
}

/* The scores s [n][width], n a multiple of EXPS, become pairs [n / 2][width] of 2^(score - top);
 * returns their sum. */
INLINE vec pair_powers(float *s, size_t n_slots, vec top, const size_t width, const size_t n_lanes)
{
    enum { n = EXPS };
    const ivec ones = pairs_of_floats(vec_set(1), vec_set(1));
    vec sum[n / 2];
    UNROLL
    for (size_t k = 0; k < n / 2; k++)
        sum[k] = vec_set(0);
    float *to = s;
    for (size_t j = 0; j < n_slots; j += n, s += n * width, to += n / 2 * width) {
        vec p[n];
        EACH p[i] = vec_sub(vec_load_first(s + (size_t)i * width, n_lanes), top);
        powers(p, n);
        UNROLL
        for (size_t k = 0; k < n / 2; k++) {
            const ivec pair = pairs_of_floats(p[2 * k], p[2 * k + 1]);
            vec_store_first(to + k * width, vec_of_bits(pair), n_lanes);
            sum[k] = dot_pairs(sum[k], pair, ones);
        }
    }
    return vec_add(sum[0], sum[1]);
}

/* Scores s [n][width] of the slots from `slot` become pairs of exp(score - max). */
INLINE void softmax_pairs(float *s, size_t n, int32_t slot, lane_state *l, const size_t width)
{
    const size_t n_all = dlx__align(n, EXPS);
    for (size_t i = n * width; i < n_all * width; i++)
        s[i] = -INFINITY;
    UNROLL
    for (size_t at = 0; at < width; at += VL) {
        const size_t n_lanes = dlx__min(VL, width - at);
        const ivec seen = ivec_load(l->n_seen + at);
        const vec before = vec_load(l->max + at);
        mask_scores(s + at, n, slot, seen, width, n_lanes);
        const vec top = top_score(s + at, n_all, before, width, n_lanes);
        const vec sum = pair_powers(s + at, n_all, top, width, n_lanes);
        vec smaller = vec_mul(vec_sub(before, top), vec_set(0.6931471806f));
        exponentials(&smaller, 1);
        vec_store(l->shrink + at, smaller);
        vec_store(l->sum + at, vec_fma(vec_load(l->sum + at), smaller, sum));
        vec_store(l->max + at, top);
    }
}

/* y [head_dim][width] = y times factor + one pair of slots of which only the first is there: what
 * lies beside it may be no number. */
static void add_last(float *y, const float *factor, const float *p, const uint16_t *values,
                     size_t width, size_t head_dim)
{
    enum { FEATURES = 64 };
    for (size_t i = 0; i < head_dim; i += FEATURES) {
        const size_t n = dlx__min(FEATURES, head_dim - i);
        _Alignas(4) uint16_t first[2 * FEATURES] = {0};
        for (size_t k = 0; k < n; k++)
            first[2 * k] = values[2 * (i + k)];
        multiply_pairs(&(lane_product){y + i * width, factor, p, first, 1, 1, n, 1, p, 0}, width);
    }
}

/* y [head_dim][width] = y times the lanes' shrink + n slots from `slot`. */
static void add_values(float *y, lane_state *l, const float *p, size_t width, size_t slot, size_t n,
                       const dlx__attend_in *in)
{
    const size_t c = in->head_dim, after = slot + n;
    const uint16_t *values = (const uint16_t *)in->values.numbers + slot * c;
    const uint16_t *keys = (const uint16_t *)in->keys.numbers + after * c;
    const size_t n_after = dlx__min(PAIR_SLOTS, in->n_slots - after);
    const float *factor = slot > 0 ? l->shrink : NULL;
    multiply_pairs(
        &(lane_product){y, factor, p, values, 1, c, c, n / 2, keys, n_after * sizeof *keys}, width);
    if (n % 2 == 0)
        return;
    for (size_t i = 0; i < width; i++)
        l->shrink[i] = 1;
    add_last(y, l->shrink, p + n / 2 * width, values + (n - 1) * c, width, c);
}

static void attend_by_pairs(float *y, float *q, size_t width, const dlx__attend_in *in)
{
    const size_t c = in->head_dim;
    const uint16_t *keys = in->keys.numbers, *values = in->values.numbers; /* [n_slots][c] */
    float s[PAIR_SLOTS * DLX__LANES];                                      /* [PAIR_SLOTS][width] */
    lane_state lanes;
    lanes_reset(&lanes, width, in);
    pair_queries(q, c, width, in->scale * 1.44269504088896341f);
    for (size_t slot = 0; slot < in->n_slots; slot += PAIR_SLOTS) {
        const size_t n = dlx__min(PAIR_SLOTS, in->n_slots - slot), at = slot * c;
        multiply_pairs(&(lane_product){s, NULL, q, keys + at, c / 2, 1, n, c / 2, values + at,
                                       c * sizeof *values},
                       width);
        FOR_WIDTH(width, softmax_pairs(s, n, (int32_t)slot, &lanes, WIDTH));
        add_values(y, &lanes, s, width, slot, n, in);
    }
    divide_lanes(y, &lanes, width, c);
}

#endif
