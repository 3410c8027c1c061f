/*
 * vector_avx2.h - the vector of the headers behind vector_table.h for x86-64 with AVX2, FMA and
 * F16C: eight floats, sixteen registers; included once by each kernel file of these.
 */
#ifndef DLX__VECTOR_AVX2_H
#define DLX__VECTOR_AVX2_H

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "this needs -mavx2 -mfma -mf16c: see cmake/isa.cmake"
#endif

#include "kernel/panels.h"

#include <immintrin.h>
#include <string.h>

enum { VL = 8, LANE_SUMS = 12 };
typedef __m256 vec;
typedef __m256i ivec;
typedef __m256 test;

INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

INLINE void vec_store(float *p, vec a)
{
    _mm256_storeu_ps(p, a);
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

INLINE test vec_equal(vec a, vec b)
{
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
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

INLINE test test_or(test a, test b)
{
    return _mm256_or_ps(a, b);
}

INLINE unsigned test_lanes(test t)
{
    return (unsigned)_mm256_movemask_ps(t);
}

INLINE float vec_sum(vec a)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

INLINE float vec_top(vec a)
{
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

/* gemm_strips.h says why. */
INLINE vec vec_held(vec a)
{
    __asm__("" : "+x"(a));
    return a;
}

INLINE const float *address_held(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}

INLINE ivec held(ivec a)
{
    __asm__("" : "+x"(a));
    return a;
}

INLINE vec vec_of(ivec a)
{
    return _mm256_cvtepi32_ps(a);
}

INLINE ivec ivec_of(vec x)
{
    return _mm256_cvtps_epi32(x);
}

INLINE ivec vec_bits(vec x)
{
    return _mm256_castps_si256(x);
}

INLINE ivec bytes_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

INLINE void bytes_store(void *p, ivec a)
{
    _mm256_storeu_si256((__m256i *)p, a);
}

INLINE ivec ivec_load(const int32_t *p)
{
    return bytes_load(p);
}

INLINE void ivec_store(int32_t *p, ivec a)
{
    bytes_store(p, a);
}

INLINE ivec ivec_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}

INLINE ivec ivec_add(ivec a, ivec b)
{
    return _mm256_add_epi32(a, b);
}

INLINE ivec ivec_and(ivec a, ivec b)
{
    return _mm256_and_si256(a, b);
}

INLINE ivec ivec_max(ivec a, ivec b)
{
    return _mm256_max_epi32(a, b);
}

INLINE int32_t ivec_sum(ivec a)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
}

INLINE int32_t ivec_top(ivec a)
{
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xB1)));
}

INLINE test ivec_above(ivec a, ivec b)
{
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b));
}

INLINE vec vec_of_halves(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE vec vec_of_bf16(const uint8_t *p)
{
    const ivec low = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(low, 16));
}

INLINE vec vec_of_signed(const uint8_t *p)
{
    return vec_of(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

INLINE vec vec_of_bytes(const uint8_t *p)
{
    return vec_of(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

INLINE vec vec_of_pairs(const uint8_t *p, const size_t odd)
{
    const ivec pairs = bytes_load(p);
    return _mm256_castsi256_ps(odd ? _mm256_and_si256(pairs, ivec_set((int32_t)0xFFFF0000))
                                   : _mm256_slli_epi32(pairs, 16));
}

/* Four bytes or two int16 to all lanes. */
INLINE ivec broadcast(const void *p)
{
    int32_t word;
    memcpy(&word, p, sizeof word);
    return ivec_set(word);
}

#endif
