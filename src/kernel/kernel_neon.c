/* kernel_neon.c - AArch64: vectors of four floats, thirty-two registers. */
#include "kernel/kernel.h"

#if defined(__aarch64__)

#include "dtype/convert.h"

#include <arm_neon.h>

enum { VL = 4 };
typedef float32x4_t vec;
typedef int32x4_t ids;
typedef uint32x4_t test;

#define INLINE static inline __attribute__((always_inline))

INLINE vec vec_load(const float *p)
{
    return vld1q_f32(p);
}

INLINE void vec_store(float *p, vec a)
{
    vst1q_f32(p, a);
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

INLINE vec vec_sqrt(vec a)
{
    return vsqrtq_f32(a);
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

INLINE test vec_regular(vec a)
{
    return vcltq_f32(a, vdupq_n_f32(__builtin_inff()));
}

INLINE vec vec_select(test t, vec a, vec b)
{
    return vbslq_f32(t, a, b);
}

INLINE vec vec_exp2_int(vec x, vec *n)
{
    int32x4_t whole = vcvtnq_s32_f32(x); /* to nearest */
    *n = vcvtq_f32_s32(whole);
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(whole, vdupq_n_s32(127)), 23));
}

INLINE ids ids_load(const int32_t *p)
{
    return vld1q_s32(p);
}

INLINE void ids_store(int32_t *p, ids a)
{
    vst1q_s32(p, a);
}

INLINE ids ids_set(int32_t x)
{
    return vdupq_n_s32(x);
}

INLINE test ids_above(ids a, ids b)
{
    return vcgtq_s32(a, b);
}

INLINE ids ids_select(test t, ids a, ids b)
{
    return vbslq_s32(t, a, b);
}

/* Four halves from any address. */
INLINE uint16x4_t load_halves(const uint8_t *p)
{
    return vreinterpret_u16_u8(vld1_u8(p));
}

INLINE void unpack(float *dst, const uint8_t *src, dlx__dtype dtype, size_t n)
{
    size_t i = 0;
    if (dtype == DLX__BF16)
        for (; i + 4 <= n; i += 4)
            vec_store(dst + i, vreinterpretq_f32_u32(vshll_n_u16(load_halves(src + 2 * i), 16)));
    else if (dtype == DLX__F16)
        for (; i + 4 <= n; i += 4)
            vec_store(dst + i, vcvt_f32_f16(vreinterpret_f16_u16(load_halves(src + 2 * i))));
    if (i < n)
        dlx__to_f32(dst + i, src + 2 * i, dtype, n - i);
}

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->neon;
}

#define SET_NAME dlx__kernels_neon
#define SET_TEXT "neon"
#include "kernel/kernel_lanes.h"

#endif
