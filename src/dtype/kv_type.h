/*
 * kv_type.h - the numbers in which keys and values are kept: their names, and how a head's row of
 * them is rounded. Scalar: the truth that the kernels are tested against.
 */
#ifndef DLX__KV_TYPE_H
#define DLX__KV_TYPE_H

#include "dtype/convert.h"

/* name, text, bytes of a number */
#define DLX__KV_TYPES(X)                                                                           \
    X(F32, "float32", 4)                                                                           \
    X(BF16, "bf16", 2)                                                                             \
    X(F16, "f16", 2)                                                                               \
    X(INT8, "int8", 1) /* and one f32 scale for a row */

typedef enum dlx__kv_type {
    DLX__KV_NONE, /* nobody said */
#define DLX__KV_ENUM(name, text, n_bytes) DLX__KV_##name,
    DLX__KV_TYPES(DLX__KV_ENUM)
#undef DLX__KV_ENUM
        DLX__N_KV_TYPES
} dlx__kv_type;

const char *dlx__kv_type_name(dlx__kv_type type); /* "none", "float32" ... */
dlx__kv_type dlx__kv_type_find(const char *name); /* NONE when unknown */
size_t dlx__kv_number_bytes(dlx__kv_type type);

/* Bytes of a row of n numbers, its scale included. */
size_t dlx__kv_row_bytes(dlx__kv_type type, size_t n);

/*
 * One head's keys, or values: a row for each slot. Of values in bf16 two slots lie side by side,
 * [n_slots / 2][head_dim][2]: sums over slots then read pairs, as sums over head_dim do in the
 * keys.
 */
typedef struct dlx__kv_rows {
    const void *numbers; /* [n_slots][head_dim] */
    const float *scales; /* [n_slots]: INT8; else NULL */
} dlx__kv_rows;

/* Where a number lies, counted in numbers. */
static inline size_t dlx__kv_key_at(size_t head_dim, size_t slot, size_t i)
{
    return slot * head_dim + i;
}

static inline size_t dlx__kv_value_at(dlx__kv_type type, size_t head_dim, size_t slot, size_t i)
{
    return type == DLX__KV_BF16 ? (slot / 2 * head_dim + i) * 2 + slot % 2 : slot * head_dim + i;
}

/* The number at `at`, in the row of `slot`. */
static inline float dlx__kv_number(dlx__kv_type type, dlx__kv_rows rows, size_t at, size_t slot)
{
    switch (type) {
    case DLX__KV_BF16:
        return dlx__bf16_to_f32(((const uint16_t *)rows.numbers)[at]);
    case DLX__KV_F16:
        return dlx__f16_to_f32(((const uint16_t *)rows.numbers)[at]);
    case DLX__KV_INT8:
        return (float)((const int8_t *)rows.numbers)[at] * rows.scales[slot];
    case DLX__KV_F32:
    case DLX__KV_NONE:
    case DLX__N_KV_TYPES:
        break;
    }
    return ((const float *)rows.numbers)[at];
}

/*
 * x [n] to the nearest numbers of a type, even of two, `step` numbers apart. INT8: *scale is
 * max|x| / 127, and x becomes x (127 / max|x|); a row whose maximum is below 1e-30 counts as zeros,
 * and one with NaN or infinity gets a NaN scale. Of f16, what is beyond 65504 becomes infinity.
 */
void dlx__kv_round(dlx__kv_type type, void *to, size_t step, float *scale, const float *x,
                   size_t n);

#endif
