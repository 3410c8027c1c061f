/*
 * vector_avx512.h - the vector of the headers behind vector_table.h for x86-64 with AVX-512 F, BW,
 * DQ, VL and VNNI: sixteen floats, thirty-two registers, and an instruction that multiplies bytes
 * and adds four products; included once by each kernel file of these.
 */
#ifndef DLX__VECTOR_AVX512_H
#define DLX__VECTOR_AVX512_H

#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512VNNI__)
#error "this needs the flags of cmake/isa.cmake"
#endif

#include "kernel/panels.h"

#include <immintrin.h>
#include <string.h>

/* Where the compiler keeps a vector; a test that has no such registers says otherwise. */
#ifndef IN_REGISTER
#define IN_REGISTER "+v"
#endif

enum { VL = 16 };
typedef __m512 vec;
typedef __m512i ivec;
typedef __mmask16 test;

INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

INLINE void vec_store(float *p, vec a)
{
    _mm512_storeu_ps(p, a);
}

INLINE test first_lanes(size_t n)
{
    return (test)((1u << n) - 1);
}

INLINE vec vec_load_first(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}

INLINE void vec_store_first(float *p, vec a, size_t n)
{
    _mm512_mask_storeu_ps(p, first_lanes(n), a);
}

INLINE vec vec_set(float x)
{
    return _mm512_set1_ps(x);
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

INLINE test vec_above(vec a, vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}

INLINE test vec_equal(vec a, vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

INLINE vec vec_select(test t, vec a, vec b)
{
    return _mm512_mask_blend_ps(t, b, a);
}

INLINE test test_or(test a, test b)
{
    return (test)(a | b);
}

INLINE unsigned test_lanes(test t)
{
    return t;
}

INLINE vec vec_of(ivec a)
{
    return _mm512_cvtepi32_ps(a);
}

INLINE ivec ivec_of(vec x)
{
    return _mm512_cvtps_epi32(x);
}

INLINE ivec vec_bits(vec x)
{
    return _mm512_castps_si512(x);
}

INLINE ivec bytes_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

INLINE ivec ivec_load(const int32_t *p)
{
    return bytes_load(p);
}

INLINE void ivec_store(int32_t *p, ivec a)
{
    _mm512_storeu_si512(p, a);
}

INLINE ivec ivec_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}

INLINE ivec ivec_add(ivec a, ivec b)
{
    return _mm512_add_epi32(a, b);
}

INLINE ivec ivec_and(ivec a, ivec b)
{
    return _mm512_and_si512(a, b);
}

INLINE ivec ivec_max(ivec a, ivec b)
{
    return _mm512_max_epi32(a, b);
}

INLINE test ivec_above(ivec a, ivec b)
{
    return _mm512_cmpgt_epi32_mask(a, b);
}

INLINE vec vec_exp2_int(vec x, vec *n)
{
    const ivec whole = ivec_of(x);
    *n = vec_of(whole);
    return _mm512_castsi512_ps(_mm512_slli_epi32(ivec_add(whole, ivec_set(127)), 23));
}

INLINE float vec_sum(vec a)
{
    return _mm512_reduce_add_ps(a);
}

INLINE float vec_top(vec a)
{
    return _mm512_reduce_max_ps(a);
}

INLINE int32_t ivec_top(ivec a)
{
    return _mm512_reduce_max_epi32(a);
}

INLINE vec vec_of_halves(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

INLINE vec vec_of_bf16(const uint8_t *p)
{
    const ivec low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(low, 16));
}

INLINE ivec ivec_of_signed(const uint8_t *p)
{
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE vec vec_of_signed(const uint8_t *p)
{
    return vec_of(ivec_of_signed(p));
}

INLINE ivec ivec_of_bytes(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE vec vec_of_bytes(const uint8_t *p)
{
    return vec_of(ivec_of_bytes(p));
}

INLINE vec vec_of_pairs(const uint8_t *p, const size_t odd)
{
    const ivec pairs = bytes_load(p);
    return _mm512_castsi512_ps(odd ? ivec_and(pairs, ivec_set((int32_t)0xFFFF0000))
                                   : _mm512_slli_epi32(pairs, 16));
}

/* gemm_strips.h says why. */
INLINE vec vec_held(vec a)
{
    __asm__("" : IN_REGISTER(a));
    return a;
}

INLINE ivec held(ivec a)
{
    __asm__("" : IN_REGISTER(a));
    return a;
}

INLINE const float *address_held(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}

/* ---- integers: dot_dpbusd.h ---------------------------------------------------------------- */

enum { MOST_TILE_ROWS = 12, ALONE_BYTES = 4, ALONE_NIBBLES = 3, ALONE_FLOATS = 2, LANE_SUMS = 24 };
enum {
    MOST_F32 = 12,
    MOST_S4 = 12,
    MOST_U4 = 12,
    MOST_U5 = 12,
    MOST_S6 = 9,
    MOST_S8 = 12,
    MOST_I8 = 12
};

INLINE ivec dpbusd(ivec sum, ivec u, ivec s)
{
    return _mm512_dpbusd_epi32(sum, u, s);
}

/* Sixteen bytes in all quarters, and one word of these in all lanes. */
INLINE ivec four_words(const void *p)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128(p));
}

INLINE ivec word_of_four(ivec words, const size_t which)
{
    return which == 0   ? _mm512_shuffle_epi32(words, 0x00)
           : which == 1 ? _mm512_shuffle_epi32(words, 0x55)
           : which == 2 ? _mm512_shuffle_epi32(words, 0xAA)
                        : _mm512_shuffle_epi32(words, 0xFF);
}

INLINE ivec low_halves(ivec bytes)
{
    return ivec_and(bytes, _mm512_set1_epi8(15));
}

INLINE ivec high_halves(ivec bytes)
{
    return low_halves(_mm512_srli_epi16(bytes, 4));
}

INLINE ivec with_offset(ivec bytes)
{
    return _mm512_xor_si512(bytes, _mm512_set1_epi32((int32_t)0x80008000));
}

INLINE ivec ivec_mul(ivec a, ivec b)
{
    return _mm512_mullo_epi32(a, b);
}

INLINE int32_t ivec_sum(ivec a)
{
    return _mm512_reduce_add_epi32(a);
}

INLINE void put_bytes(int8_t *q, const ivec *ints)
{
    _mm_storeu_si128((__m128i *)(void *)q, _mm512_cvtepi32_epi8(ints[0]));
    _mm_storeu_si128((__m128i *)(void *)(q + VL), _mm512_cvtepi32_epi8(ints[1]));
}

#endif
