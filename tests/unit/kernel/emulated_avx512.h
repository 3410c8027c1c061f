/*
 * emulated_avx512.h - the AVX-512 intrinsics that the kernel_avx512*.c use, as plain C, for
 * machines without the instructions: included before one of these files, it takes the place of
 * <immintrin.h>.
 */
#ifndef EMULATED_AVX512_H
#define EMULATED_AVX512_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dtype/convert.h"

/* The compilers' own headers then stay empty. */
#define _IMMINTRIN_H_INCLUDED
#define __IMMINTRIN_H

typedef struct __m512 {
    float f[16];
} __m512;
typedef struct __m512i {
    uint8_t b[64];
} __m512i;
typedef struct __m256i {
    uint8_t b[32];
} __m256i;
typedef struct __m128i {
    uint8_t b[16];
} __m128i;
typedef struct __m512bh {
    uint16_t h[32];
} __m512bh;
typedef struct __m256bh {
    uint16_t h[16];
} __m256bh;
typedef uint16_t __mmask16;

enum { _CMP_EQ_OQ, _CMP_GT_OQ };

#define EMULATED static __attribute__((noinline, unused))
#define EACH_LANE for (int i = 0; i < 16; i++)

EMULATED int32_t emulated_lane(const __m512i *a, int i)
{
    int32_t x;
    memcpy(&x, a->b + 4 * i, sizeof x);
    return x;
}

EMULATED void emulated_put(__m512i *a, int i, int32_t x)
{
    memcpy(a->b + 4 * i, &x, sizeof x);
}

#define EMULATED_LOAD(name, type, from)                                                            \
    EMULATED type name(const from *p)                                                              \
    {                                                                                              \
        type a;                                                                                    \
        memcpy(&a, p, sizeof a);                                                                   \
        return a;                                                                                  \
    }
EMULATED_LOAD(_mm512_loadu_ps, __m512, float)
EMULATED_LOAD(_mm512_loadu_si512, __m512i, void)
EMULATED_LOAD(_mm256_loadu_si256, __m256i, __m256i)
EMULATED_LOAD(_mm_loadu_si128, __m128i, __m128i)

#define EMULATED_STORE(name, type, to)                                                             \
    EMULATED void name(to *p, type a)                                                              \
    {                                                                                              \
        memcpy(p, &a, sizeof a);                                                                   \
    }
EMULATED_STORE(_mm512_storeu_ps, __m512, float)
EMULATED_STORE(_mm512_storeu_si512, __m512i, void)
EMULATED_STORE(_mm_storeu_si128, __m128i, __m128i)

EMULATED __m512 _mm512_maskz_loadu_ps(__mmask16 m, const float *p)
{
    __m512 a;
    EACH_LANE a.f[i] = m >> i & 1 ? p[i] : 0;
    return a;
}

EMULATED void _mm512_mask_storeu_ps(float *p, __mmask16 m, __m512 a)
{
    EACH_LANE if (m >> i & 1) p[i] = a.f[i];
}

#define EMULATED_FLOATS(name, ...)                                                                 \
    EMULATED __m512 name(__m512 a, __m512 b)                                                       \
    {                                                                                              \
        EACH_LANE a.f[i] = __VA_ARGS__;                                                            \
        return a;                                                                                  \
    }
EMULATED_FLOATS(_mm512_add_ps, a.f[i] + b.f[i])
EMULATED_FLOATS(_mm512_sub_ps, a.f[i] - b.f[i])
EMULATED_FLOATS(_mm512_mul_ps, a.f[i] * b.f[i])
EMULATED_FLOATS(_mm512_div_ps, a.f[i] / b.f[i])
EMULATED_FLOATS(_mm512_max_ps, a.f[i] > b.f[i] ? a.f[i] : b.f[i]) /* NaN: b */

EMULATED __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c)
{
    EACH_LANE a.f[i] = fmaf(a.f[i], b.f[i], c.f[i]);
    return a;
}

EMULATED __m512 _mm512_set1_ps(float x)
{
    __m512 a;
    EACH_LANE a.f[i] = x;
    return a;
}

EMULATED __mmask16 _mm512_cmp_ps_mask(__m512 a, __m512 b, int how)
{
    unsigned m = 0;
    EACH_LANE m |= (unsigned)(how == _CMP_GT_OQ ? a.f[i] > b.f[i] : a.f[i] == b.f[i]) << i;
    return (__mmask16)m;
}

EMULATED __m512 _mm512_mask_blend_ps(__mmask16 m, __m512 a, __m512 b)
{
    EACH_LANE a.f[i] = m >> i & 1 ? b.f[i] : a.f[i];
    return a;
}

/* Sums and maxima in the order of the compilers' sequences: halves, then halves of these. */
EMULATED float _mm512_reduce_add_ps(__m512 a)
{
    for (int n = 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            a.f[i] += a.f[i + n];
    return a.f[0];
}

EMULATED float _mm512_reduce_max_ps(__m512 a)
{
    EACH_LANE a.f[0] = a.f[i] > a.f[0] ? a.f[i] : a.f[0];
    return a.f[0];
}

EMULATED __m512i _mm512_castps_si512(__m512 a)
{
    __m512i b;
    memcpy(&b, &a, sizeof b);
    return b;
}

EMULATED __m512 _mm512_castsi512_ps(__m512i a)
{
    __m512 b;
    memcpy(&b, &a, sizeof b);
    return b;
}

/* To nearest, even of two; what has no int32 becomes the lowest. */
EMULATED __m512i _mm512_cvtps_epi32(__m512 a)
{
    __m512i b;
    EACH_LANE emulated_put(&b, i, fabsf(a.f[i]) < 0x1p31f ? (int32_t)rintf(a.f[i]) : INT32_MIN);
    return b;
}

EMULATED __m512 _mm512_cvtepi32_ps(__m512i a)
{
    __m512 b;
    EACH_LANE b.f[i] = (float)emulated_lane(&a, i);
    return b;
}

EMULATED __m512 _mm512_cvtph_ps(__m256i a)
{
    __m512 b;
    dlx__to_f32(b.f, a.b, DLX__F16, 16);
    return b;
}

EMULATED __m512i _mm512_cvtepu8_epi32(__m128i a)
{
    __m512i b;
    EACH_LANE emulated_put(&b, i, a.b[i]);
    return b;
}

EMULATED __m512i _mm512_cvtepu16_epi32(__m256i a)
{
    __m512i b;
    EACH_LANE
    {
        uint16_t half;
        memcpy(&half, (const char *)&a + 2 * i, sizeof half);
        emulated_put(&b, i, half);
    }
    return b;
}

EMULATED __m512i _mm512_cvtepi8_epi32(__m128i a)
{
    __m512i b;
    EACH_LANE emulated_put(&b, i, (int8_t)a.b[i]);
    return b;
}

EMULATED __m128i _mm512_cvtepi32_epi8(__m512i a)
{
    __m128i b;
    EACH_LANE b.b[i] = (uint8_t)emulated_lane(&a, i);
    return b;
}

EMULATED __m512i _mm512_set1_epi32(int32_t x)
{
    __m512i a;
    EACH_LANE emulated_put(&a, i, x);
    return a;
}

EMULATED __m512i _mm512_set1_epi8(char x)
{
    __m512i a;
    memset(&a, x, sizeof a);
    return a;
}

/* Wraps around. */
#define EMULATED_INTS(name, ...)                                                                   \
    EMULATED __m512i name(__m512i a, __m512i b)                                                    \
    {                                                                                              \
        EACH_LANE                                                                                  \
        {                                                                                          \
            const int32_t x = emulated_lane(&a, i), y = emulated_lane(&b, i);                      \
            emulated_put(&a, i, (int32_t)(__VA_ARGS__));                                           \
        }                                                                                          \
        return a;                                                                                  \
    }
EMULATED_INTS(_mm512_add_epi32, (uint32_t)x + (uint32_t)y)
EMULATED_INTS(_mm512_mullo_epi32, (uint32_t)x *(uint32_t)y)
EMULATED_INTS(_mm512_and_si512, x &y)
EMULATED_INTS(_mm512_xor_si512, x ^ y)
EMULATED_INTS(_mm512_max_epi32, x > y ? x : y)

EMULATED __m512i _mm512_slli_epi32(__m512i a, int n)
{
    EACH_LANE emulated_put(&a, i, (int32_t)((uint32_t)emulated_lane(&a, i) << n));
    return a;
}

EMULATED __m512i _mm512_srli_epi16(__m512i a, int n)
{
    for (size_t i = 0; i < 32; i++) {
        uint16_t x;
        memcpy(&x, a.b + 2 * i, sizeof x);
        x = (uint16_t)(x >> n);
        memcpy(a.b + 2 * i, &x, sizeof x);
    }
    return a;
}

EMULATED __mmask16 _mm512_cmpgt_epi32_mask(__m512i a, __m512i b)
{
    unsigned m = 0;
    EACH_LANE m |= (unsigned)(emulated_lane(&a, i) > emulated_lane(&b, i)) << i;
    return (__mmask16)m;
}

EMULATED int32_t _mm512_reduce_add_epi32(__m512i a)
{
    uint32_t sum = 0;
    EACH_LANE sum += (uint32_t)emulated_lane(&a, i);
    return (int32_t)sum;
}

EMULATED int32_t _mm512_reduce_max_epi32(__m512i a)
{
    int32_t most = INT32_MIN;
    EACH_LANE most = emulated_lane(&a, i) > most ? emulated_lane(&a, i) : most;
    return most;
}

/* Four products of an unsigned and a signed byte, added to each lane. */
EMULATED __m512i _mm512_dpbusd_epi32(__m512i sum, __m512i u, __m512i s)
{
    EACH_LANE
    {
        uint32_t x = (uint32_t)emulated_lane(&sum, i);
        for (int k = 4 * i; k < 4 * i + 4; k++)
            x += (uint32_t)(u.b[k] * (int8_t)s.b[k]);
        emulated_put(&sum, i, (int32_t)x);
    }
    return sum;
}

/* To nearest, even of two. */
EMULATED __m256bh _mm512_cvtneps_pbh(__m512 a)
{
    __m256bh b;
    EACH_LANE b.h[i] = dlx__f32_to_bf16(a.f[i]);
    return b;
}

/* b, then a. */
EMULATED __m512bh _mm512_cvtne2ps_pbh(__m512 a, __m512 b)
{
    __m512bh both;
    EACH_LANE
    {
        both.h[i] = dlx__f32_to_bf16(b.f[i]);
        both.h[16 + i] = dlx__f32_to_bf16(a.f[i]);
    }
    return both;
}

EMULATED __m512i _mm512_broadcast_i32x4(__m128i a)
{
    __m512i b;
    for (size_t i = 0; i < sizeof b; i += sizeof a)
        memcpy(b.b + i, &a, sizeof a);
    return b;
}

EMULATED __m512i _mm512_shuffle_epi32(__m512i a, int order)
{
    __m512i b;
    EACH_LANE emulated_put(&b, i, emulated_lane(&a, i / 4 * 4 + (order >> i % 4 * 2 & 3)));
    return b;
}

EMULATED __m512i _mm512_permutexvar_epi16(__m512i order, __m512i a)
{
    __m512i b;
    for (size_t i = 0; i < 32; i++)
        memcpy(b.b + 2 * i, a.b + 2 * (order.b[2 * i] & 31), 2);
    return b;
}

/* Two products of bf16, added to each lane one after the other. */
EMULATED __m512 _mm512_dpbf16_ps(__m512 sum, __m512bh a, __m512bh b)
{
    EACH_LANE
    for (int k = 2 * i + 1; k >= 2 * i; k--)
        sum.f[i] = fmaf(dlx__bf16_to_f32(a.h[k]), dlx__bf16_to_f32(b.h[k]), sum.f[i]);
    return sum;
}

/* What the files ask of the compiler. */
#undef __AVX512F__
#undef __AVX512BW__
#undef __AVX512VNNI__
#undef __AVX512BF16__
#define __AVX512F__ 1
#define __AVX512BW__ 1
#define __AVX512VNNI__ 1
#define __AVX512BF16__ 1
#define IN_REGISTER "+m"

#endif
