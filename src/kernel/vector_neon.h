/*
 * vector_neon.h - the vector of the headers behind vector_table.h for AArch64: four floats,
 * thirty-two registers; included once by each kernel file of that processor.
 */
#ifndef DLX__VECTOR_NEON_H
#define DLX__VECTOR_NEON_H

#include "kernel/panels.h"

#include <arm_neon.h>
#include <string.h>

enum { VL = 4, LANE_SUMS = 24 };
typedef float32x4_t vec;
typedef int32x4_t ivec;
typedef uint32x4_t test;

INLINE vec vec_load(const float *p)
{
    return vld1q_f32(p);
}

INLINE void vec_store(float *p, vec a)
{
    vst1q_f32(p, a);
}

/* A width of lanes is whole vectors here. */
INLINE vec vec_load_first(const float *p, size_t n)
{
    (void)n;
    return vec_load(p);
}

INLINE void vec_store_first(float *p, vec a, size_t n)
{
    (void)n;
    vec_store(p, a);
}

INLINE vec vec_set(float x)
{
    return vdupq_n_f32(x);
}

INLINE vec vec_add(vec a, vec b)
{
    return vaddq_f32(a, b);
}

INLINE vec vec_sub(vec a, vec b)
{
    return vsubq_f32(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return vmulq_f32(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return vdivq_f32(a, b);
}

/* Written as a comparison, so that a NaN on either side gives b, as on the other machines. */
INLINE vec vec_max(vec a, vec b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

INLINE vec vec_fma(vec a, vec b, vec c)
{
    return vfmaq_f32(c, a, b);
}

INLINE test vec_above(vec a, vec b)
{
    return vcgtq_f32(a, b);
}

INLINE test vec_equal(vec a, vec b)
{
    return vceqq_f32(a, b);
}

INLINE vec vec_select(test t, vec a, vec b)
{
    return vbslq_f32(t, a, b);
}

INLINE test test_or(test a, test b)
{
    return vorrq_u32(a, b);
}

INLINE unsigned test_lanes(test t)
{
    const uint32_t bits[] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(t, vld1q_u32(bits)));
}

INLINE float vec_sum(vec a)
{
    return vaddvq_f32(a);
}

INLINE float vec_top(vec a)
{
    return vmaxvq_f32(a);
}

/* gemm_strips.h says why. */
INLINE vec vec_held(vec a)
{
    __asm__("" : "+w"(a));
    return a;
}

INLINE const float *address_held(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}

INLINE vec vec_of(ivec a)
{
    return vcvtq_f32_s32(a);
}

INLINE ivec ivec_of(vec x)
{
    return vcvtnq_s32_f32(x);
}

INLINE vec vec_exp2_int(vec x, vec *n)
{
    const ivec whole = ivec_of(x);
    *n = vec_of(whole);
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(whole, vdupq_n_s32(127)), 23));
}

INLINE ivec vec_bits(vec x)
{
    return vreinterpretq_s32_f32(x);
}

INLINE ivec ivec_load(const int32_t *p)
{
    return vld1q_s32(p);
}

INLINE void ivec_store(int32_t *p, ivec a)
{
    vst1q_s32(p, a);
}

INLINE ivec ivec_set(int32_t x)
{
    return vdupq_n_s32(x);
}

INLINE ivec ivec_and(ivec a, ivec b)
{
    return vandq_s32(a, b);
}

INLINE ivec ivec_max(ivec a, ivec b)
{
    return vmaxq_s32(a, b);
}

INLINE int32_t ivec_top(ivec a)
{
    return vmaxvq_s32(a);
}

INLINE test ivec_above(ivec a, ivec b)
{
    return vcgtq_s32(a, b);
}

INLINE vec vec_of_halves(const uint8_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

INLINE vec vec_of_bf16(const uint8_t *p)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16));
}

/* Four bytes, widened to 16 bits twice. */
INLINE uint16x8_t words_of_bytes(const uint8_t *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
}

INLINE vec vec_of_bytes(const uint8_t *p)
{
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(words_of_bytes(p))));
}

INLINE vec vec_of_signed(const uint8_t *p)
{
    const int8x8_t bytes = vreinterpret_s8_u8(vmovn_u16(words_of_bytes(p)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
}

INLINE vec vec_of_pairs(const uint8_t *p, const size_t odd)
{
    const uint32x4_t pairs = vreinterpretq_u32_u8(vld1q_u8(p));
    return vreinterpretq_f32_u32(odd ? vandq_u32(pairs, vdupq_n_u32(0xFFFF0000))
                                     : vshlq_n_u32(pairs, 16));
}

/* ---- integers ------------------------------------------------------------------------------ */

/* 32 integers to bytes. */
INLINE void put_bytes(int8_t *q, const ivec *ints)
{
    UNROLL
    for (size_t v = 0; v < 8; v += 2) {
        const int16x8_t words = vcombine_s16(vqmovn_s32(ints[v]), vqmovn_s32(ints[v + 1]));
        vst1_s8(q + v * VL, vqmovn_s16(words));
    }
}

/* Sums of the first and the second half of a group. */
INLINE void halves_of(int32_t half[2], const ivec *ints)
{
    half[0] = vaddvq_s32(vaddq_s32(vaddq_s32(ints[0], ints[1]), vaddq_s32(ints[2], ints[3])));
    half[1] = vaddvq_s32(vaddq_s32(vaddq_s32(ints[4], ints[5]), vaddq_s32(ints[6], ints[7])));
}

INLINE void unpack_subs(int32_t *to, const uint8_t *subs)
{
    for (size_t i = 0; i < 2 * DLX__PANEL; i += VL) {
        const int8x8_t bytes = vreinterpret_s8_u8(vmovn_u16(words_of_bytes(subs + i)));
        ivec_store(to + i, vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
    }
}

/* The stored levels of a step of four outputs. */
INLINE uint8x16_t levels_at(const uint8_t *level, const size_t step, const size_t v,
                            const dlx__kind kind)
{
    if (kind == DLX__S8 || kind == DLX__U5 || kind == DLX__S6)
        return vld1q_u8(level + step * 64 + v * 16);
    const uint8x16_t both = vld1q_u8(level + step % 4 * 64 + v * 16);
    return step < 4 ? vandq_u8(both, vdupq_n_u8(15)) : vshrq_n_u8(both, 4);
}

/* Levels of 8 bits, of which the even ones have an offset, as numbers. */
INLINE int8x16_t signed_of(uint8x16_t stored)
{
    return vreinterpretq_s8_u8(veorq_u8(stored, vreinterpretq_u8_u16(vdupq_n_u16(0x0080))));
}

#endif
