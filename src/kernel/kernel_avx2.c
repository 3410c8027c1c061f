/* kernel_avx2.c - x86-64 with AVX2, FMA and F16C: vectors of eight floats, sixteen registers. */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "this file needs -mavx2 -mfma -mf16c: see cmake/isa.cmake"
#endif

#include "dtype/convert.h"

#include <immintrin.h>

enum { VL = 8 };
typedef __m256 vec;
typedef __m256i ids;
typedef __m256 test;

#define INLINE static inline __attribute__((always_inline))

INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

INLINE void vec_store(float *p, vec a)
{
    _mm256_storeu_ps(p, a);
}

INLINE vec vec_set(float x)
{
    return _mm256_set1_ps(x);
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm256_div_ps(a, b);
}

INLINE vec vec_sqrt(vec a)
{
    return _mm256_sqrt_ps(a);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

INLINE test vec_above(vec a, vec b)
{
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}

INLINE test vec_regular(vec a)
{
    return _mm256_cmp_ps(a, _mm256_set1_ps(__builtin_inff()), _CMP_LT_OQ);
}

INLINE vec vec_select(test t, vec a, vec b)
{
    return _mm256_blendv_ps(b, a, t);
}

INLINE vec vec_exp2_int(vec x, vec *n)
{
    __m256i whole = _mm256_cvtps_epi32(x); /* to nearest */
    *n = _mm256_cvtepi32_ps(whole);
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(whole, _mm256_set1_epi32(127)), 23));
}

INLINE ids ids_load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

INLINE void ids_store(int32_t *p, ids a)
{
    _mm256_storeu_si256((__m256i *)(void *)p, a);
}

INLINE ids ids_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}

INLINE test ids_above(ids a, ids b)
{
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b));
}

INLINE ids ids_select(test t, ids a, ids b)
{
    return _mm256_blendv_epi8(b, a, _mm256_castps_si256(t));
}

/* Eight halves from any address. */
INLINE __m128i load_halves(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE void unpack(float *dst, const uint8_t *src, dlx__dtype dtype, size_t n)
{
    size_t i = 0;
    if (dtype == DLX__BF16)
        for (; i + 8 <= n; i += 8) {
            __m256i wide = _mm256_cvtepu16_epi32(load_halves(src + 2 * i));
            vec_store(dst + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
        }
    else if (dtype == DLX__F16)
        for (; i + 8 <= n; i += 8)
            vec_store(dst + i, _mm256_cvtph_ps(load_halves(src + 2 * i)));
    if (i < n)
        dlx__to_f32(dst + i, src + 2 * i, dtype, n - i);
}

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx2_fma;
}

#define SET_NAME dlx__kernels_avx2
#define SET_TEXT "avx2"
#include "kernel/kernel_lanes.h"

#endif
