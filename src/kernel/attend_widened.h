/*
 * attend_widened.h - attention over keys and values that are kept in fewer bits, by products of
 * floats; included once by each kernel_<isa>.c. It wants, beside what attend_lanes.h lists:
 *
 *   vec_of_halves(p) vec_of_bf16(p) vec_of_signed(p)   VL numbers as floats
 *   vec_of_pairs(p, odd)   the even or the odd ones of VL pairs of bf16
 *
 * A tile of them is widened, some features at once, and then multiplied as floats are. All that is
 * rounded is in the cache.
 */
#ifndef DLX__ATTEND_WIDENED_H
#define DLX__ATTEND_WIDENED_H

#include "kernel/attend_lanes.h"

enum { WIDENED = 64 }; /* features at once */

/* Where rows come from: the numbers of the first slot and feature of a part. */
typedef struct kept_part {
    const uint8_t *from;
    const float *scales; /* INT8: of the first slot on */
    size_t row_bytes;    /* from one slot to the next; of pairs: from one pair to the next */
    size_t n_slots, n_features;
} kept_part;

INLINE vec vec_of_kept(const uint8_t *p, const dlx__kv_type type)
{
    if (type == DLX__KV_F16)
        return vec_of_halves(p);
    return type == DLX__KV_BF16 ? vec_of_bf16(p) : vec_of_signed(p);
}

/* w [n_slots][WIDENED] */
INLINE void widen_as(float *w, const kept_part *part, const dlx__kv_type type)
{
    const size_t n = part->n_features, n_bytes = type == DLX__KV_INT8 ? 1 : 2;
    const uint8_t *from = part->from;
    for (size_t r = 0; r < part->n_slots; r++, w += WIDENED, from += part->row_bytes) {
        const float scale = type == DLX__KV_INT8 ? part->scales[r] : 1;
        const dlx__kv_rows row = {from, &scale};
        size_t i = 0;
        for (; i + VL <= n; i += VL) {
            const vec x = vec_of_kept(from + i * n_bytes, type);
            vec_store(w + i, type == DLX__KV_INT8 ? vec_mul(x, vec_set(scale)) : x);
        }
        for (; i < n; i++)
            w[i] = dlx__kv_number(type, row, i, 0);
    }
}

/* Two slots of values in bf16 at once, [n_features][2]; of the last pair maybe the first alone. */
static void widen_pairs(float *w, const kept_part *part)
{
    const size_t n = part->n_features;
    const uint8_t *from = part->from;
    for (size_t r = 0; r < part->n_slots; r += 2, w += 2 * WIDENED, from += part->row_bytes) {
        const size_t n_here = dlx__min(2, part->n_slots - r);
        for (size_t s = 0; s < n_here; s++) {
            size_t i = 0;
            for (; i + VL <= n; i += VL)
                vec_store(w + s * WIDENED + i, vec_of_pairs(from + 4 * i, s));
            for (; i < n; i++)
                w[s * WIDENED + i] =
                    dlx__kv_number(DLX__KV_BF16, (dlx__kv_rows){from, NULL}, 2 * i + s, 0);
        }
    }
}

static void widen(float *w, const kept_part *part, dlx__kv_type type)
{
    if (type == DLX__KV_F16)
        widen_as(w, part, DLX__KV_F16);
    else if (type == DLX__KV_BF16)
        widen_as(w, part, DLX__KV_BF16);
    else
        widen_as(w, part, DLX__KV_INT8);
}

/* Rows of n slots and m features, from `slot` and feature `i` on. */
static kept_part part_of(const dlx__kv_rows *rows, size_t at, size_t step, size_t slot, size_t n,
                         size_t m, dlx__kv_type type)
{
    const size_t size = dlx__kv_number_bytes(type);
    return (kept_part){(const uint8_t *)rows->numbers + at * size,
                       rows->scales ? rows->scales + slot : NULL, step * size, n, m};
}

static void widen_keys(float *w, const dlx__attend_in *in, size_t slot, size_t n, size_t i,
                       size_t m)
{
    const size_t c = in->head_dim;
    const kept_part part = part_of(&in->keys, dlx__kv_key_at(c, slot, i), c, slot, n, m, in->type);
    widen(w, &part, in->type);
}

/* `slot` is even. */
static void widen_values(float *w, const dlx__attend_in *in, size_t slot, size_t n, size_t i,
                         size_t m)
{
    const bool pairs = in->type == DLX__KV_BF16;
    const size_t c = in->head_dim, at = dlx__kv_value_at(in->type, c, slot, i);
    const kept_part part = part_of(&in->values, at, pairs ? 2 * c : c, slot, n, m, in->type);
    if (pairs)
        widen_pairs(w, &part);
    else
        widen(w, &part, in->type);
}

static void attend_widened(float *y, const float *q, size_t width, const dlx__attend_in *in)
{
    const size_t c = in->head_dim;
    float s[SLOTS * DLX__LANES], w[SLOTS * WIDENED], ones[DLX__LANES];
    lane_state lanes;
    lanes_reset(&lanes, width, in);
    for (size_t l = 0; l < DLX__LANES; l++)
        ones[l] = 1;
    for (size_t slot = 0; slot < in->n_slots; slot += SLOTS) {
        const size_t n = dlx__min(SLOTS, in->n_slots - slot);
        for (size_t i = 0; i < c; i += WIDENED) {
            const size_t m = dlx__min(WIDENED, c - i);
            widen_keys(w, in, slot, n, i, m);
            multiply_lanes(
                &(lane_product){s, i > 0 ? ones : NULL, q + i * width, w, WIDENED, 1, n, m, w, 0},
                width);
        }
        softmax_tile(s, width, n, (int32_t)slot, in->scale, &lanes);
        for (size_t i = 0; i < c; i += WIDENED) {
            const size_t m = dlx__min(WIDENED, c - i);
            widen_values(w, in, slot, n, i, m);
            multiply_lanes(&(lane_product){y + i * width, slot > 0 ? lanes.shrink : NULL, s, w, 1,
                                           WIDENED, m, n, w, 0},
                           width);
        }
    }
    divide_lanes(y, &lanes, width, c);
}

#endif
