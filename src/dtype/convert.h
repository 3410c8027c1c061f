/*
 * convert.h - between float32 and the storage types. Scalar and portable: these are the truth that
 * the kernels are tested against.
 *
 * Block layouts are those of ggml (GGUF): https://github.com/ggml-org/ggml, ggml-common.h.
 */
#ifndef DLX__CONVERT_H
#define DLX__CONVERT_H

#include "base/tensor.h"

#include <string.h>

/* f16: IEEE 754 binary16, subnormals and infinities included; rounding to nearest even. */
float dlx__f16_to_f32(uint16_t h);
uint16_t dlx__f32_to_f16(float x);

/* bf16: the upper half of a float32; rounding to nearest even, NaN stays NaN. */
static inline float dlx__bf16_to_f32(uint16_t b)
{
    uint32_t bits = (uint32_t)b << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline uint16_t dlx__f32_to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t rounded = bits + 0x7FFFu + (bits >> 16 & 1u);
    const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    return (uint16_t)((is_nan ? bits | 0x400000u : rounded) >> 16);
}

/* n elements, n a multiple of the type's block; src and dst do not overlap. */
void dlx__to_f32(float *dst, const void *src, dlx__dtype dtype, size_t n);

/*
 * Packs n elements. F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0 round exactly as ggml's
 * reference quantizers do; for the K types the scales with the least squared error are searched, at
 * some 10 million elements a second (grid.h weighs the errors). false: n tears a block.
 */
bool dlx__from_f32(void *dst, dlx__dtype dtype, const float *src, size_t n);

/* Sum of w[i] * x[i] over n elements, accumulated in double. */
double dlx__dot_ref(const void *w, dlx__dtype dtype, const float *x, size_t n);

#endif
