/*
 * kernel_avx512bf16.c - x86-64 with AVX-512 F, BW, DQ, VL, VNNI and BF16: beside all of
 * kernel_avx512.c an instruction that multiplies pairs of bf16 and adds both products to a float.
 */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#if !defined(__AVX512BF16__)
#error "this file needs the flags of cmake/isa.cmake"
#endif

/* Of the cells of quantized inputs: cells.h. */
enum { N_WIDE = 0, N_STARTS = 5 };

#include "kernel/cells.h"
#include "kernel/vector_avx512.h"

/* ---- pairs of bf16: gemm_pairs.h, attend_pairs.h -------------------------------------------- */

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

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx512 && cpu->avx512_vnni && cpu->avx512_bf16;
}

static bool runs_wide_on(const dlx__cpu *cpu)
{
    return runs_on(cpu) && cpu->avx512_wide;
}

#define SET_NAME dlx__kernels_avx512bf16
#define SET_TEXT "avx512bf16"
#define SET_SIDES
#define SET_WIDE dlx__kernels_avx512wide
#define SET_WIDE_TEXT "avx512wide"
#define SET_PAIRS
#include "kernel/dot_dpbusd.h"
#include "kernel/vector_table.h"

#endif
