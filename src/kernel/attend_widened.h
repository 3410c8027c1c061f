/*
 * attend_widened.h - attention over keys and values in bf16 by products of floats,
 * included once by each kernel_<isa>.c that has not defined SET_PAIRS: a tile of them is widened,
 * some features at once, and then multiplied as floats are. All that is rounded is in the cache.
 */
#ifndef DLX__ATTEND_WIDENED_H
#define DLX__ATTEND_WIDENED_H

#include "dtype/convert.h"
#include "kernel/attend_lanes.h"

enum { FEATURES = 64 }; /* widened at once */

/* w [n][FEATURES] = n_features numbers of each of n rows, `step` apart. */
static void widen_keys(float *w, const uint16_t *keys, size_t step, size_t n, size_t n_features)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < n_features; i++)
            w[r * FEATURES + i] = dlx__bf16_to_f32(keys[r * step + i]);
}

/* w [n][FEATURES] = n_features numbers of each of n slots, of which two lie side by side. */
static void widen_values(float *w, const uint16_t *values, size_t step, size_t n, size_t n_features)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < n_features; i++)
            w[r * FEATURES + i] = dlx__bf16_to_f32(values[r / 2 * step + 2 * i + r % 2]);
}

static void attend_halves(float *y, const float *q, size_t width, const dlx__attend_in *in)
{
    const size_t c = in->head_dim;
    float s[SLOTS * DLX__LANES], w[SLOTS * FEATURES], ones[DLX__LANES];
    lane_state lanes;
    lanes_reset(&lanes, width, in);
    for (size_t l = 0; l < DLX__LANES; l++)
        ones[l] = 1;
    for (size_t slot = 0; slot < in->n_slots; slot += SLOTS) {
        const size_t n = dlx__min(SLOTS, in->n_slots - slot);
        for (size_t i = 0; i < c; i += FEATURES) {
            const size_t m = dlx__min(FEATURES, c - i);
            widen_keys(w, in->key_halves + slot * c + i, c, n, m);
            multiply_lanes(
                &(lane_product){s, i > 0 ? ones : NULL, q + i * width, w, FEATURES, 1, n, m},
                width);
        }
        softmax_tile(s, width, n, (int32_t)slot, in->scale, &lanes);
        for (size_t i = 0; i < c; i += FEATURES) {
            const size_t m = dlx__min(FEATURES, c - i);
            widen_values(w, in->value_halves + slot * c + 2 * i, 2 * c, n, m);
            multiply_lanes(&(lane_product){y + i * width, slot > 0 ? lanes.shrink : NULL, s, w, 1,
                                           FEATURES, m, n},
                           width);
        }
    }
    divide_lanes(y, &lanes, width, c);
}

#endif
