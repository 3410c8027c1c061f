/*
 * vector_avx512bf16.h - vector_avx512.h for processors that have BF16 too: an instruction that
 * multiplies pairs of bf16 and adds both products to a float; included once by each kernel file of
 * these.
 */
#ifndef DLX__VECTOR_AVX512BF16_H
#define DLX__VECTOR_AVX512BF16_H

#if !defined(__AVX512BF16__)
#error "this needs the flags of cmake/isa.cmake"
#endif

#include "kernel/vector_avx512.h"

enum { MOST_PAIRS = 12, ALONE_PAIRS = 2 };

INLINE __m512bh pairs_of(ivec a)
{
    __m512bh pairs;
    memcpy(&pairs, &a, sizeof pairs);
    return pairs;
}

INLINE vec dot_pairs(vec sum, ivec w, ivec x)
{
    return _mm512_dpbf16_ps(sum, pairs_of(w), pairs_of(x));
}

INLINE void put_halves(uint16_t *to, vec x)
{
    const __m256bh halves = _mm512_cvtneps_pbh(x);
    memcpy(to, &halves, sizeof halves);
}

INLINE ivec pairs_of_floats(vec even, vec odd)
{
    static const uint16_t order[] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                     8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512bh apart = _mm512_cvtne2ps_pbh(odd, even);
    ivec bits;
    memcpy(&bits, &apart, sizeof bits);
    return _mm512_permutexvar_epi16(bytes_load(order), bits);
}

INLINE vec vec_of_bits(ivec a)
{
    return _mm512_castsi512_ps(a);
}

#endif
