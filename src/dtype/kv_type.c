/* kv_type.c - names of the types that keys and values are kept in, and rounding to them. */
#include "dtype/kv_type.h"

#include <float.h>
#include <math.h>

static const char *const names[DLX__N_KV_TYPES] = {[DLX__KV_NONE] = "none",
#define KV_NAME(name, text, n_bytes) [DLX__KV_##name] = text,
                                                   DLX__KV_TYPES(KV_NAME)
#undef KV_NAME
};

static const uint8_t number_bytes[DLX__N_KV_TYPES] = {
#define KV_BYTES(name, text, n_bytes) [DLX__KV_##name] = n_bytes,
    DLX__KV_TYPES(KV_BYTES)
#undef KV_BYTES
};

const char *dlx__kv_type_name(dlx__kv_type type)
{
    return names[type];
}

dlx__kv_type dlx__kv_type_find(const char *name)
{
    for (int i = DLX__KV_NONE + 1; i < DLX__N_KV_TYPES; i++)
        if (strcmp(names[i], name) == 0)
            return (dlx__kv_type)i;
    return DLX__KV_NONE;
}

size_t dlx__kv_number_bytes(dlx__kv_type type)
{
    return number_bytes[type];
}

size_t dlx__kv_row_bytes(dlx__kv_type type, size_t n)
{
    const size_t scale = type == DLX__KV_INT8 ? sizeof(float) : 0;
    return dlx__add(dlx__mul(n, number_bytes[type]), scale);
}

/* The largest magnitude; NaN: one of them is no number. */
static float largest_of(const float *x, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        const float size = fabsf(x[i]);
        if (!(size <= FLT_MAX))
            return NAN;
        largest = size > largest ? size : largest;
    }
    return largest;
}

static void round_int8(int8_t *to, size_t step, float *scale, const float *x, size_t n)
{
    const float largest = largest_of(x, n);
    const bool counts = largest >= 1e-30f; /* not of NaN */
    const float inverse = counts ? 127.0f / largest : 0;
    *scale = counts ? largest / 127.0f : isnan(largest) ? largest : 0;
    for (size_t i = 0; i < n; i++)
        to[i * step] = counts ? (int8_t)rintf(x[i] * inverse) : 0;
}

void dlx__kv_round(dlx__kv_type type, void *to, size_t step, float *scale, const float *x, size_t n)
{
    uint16_t *halves = to;
    if (type == DLX__KV_INT8)
        round_int8(to, step, scale, x, n);
    else if (type == DLX__KV_F16)
        for (size_t i = 0; i < n; i++)
            halves[i * step] = dlx__f32_to_f16(x[i]);
    else if (type == DLX__KV_BF16)
        for (size_t i = 0; i < n; i++)
            halves[i * step] = dlx__f32_to_bf16(x[i]);
    else
        for (size_t i = 0; i < n; i++)
            ((float *)to)[i * step] = x[i];
}
