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

/* ---- pairs of bf16: gemm_pairs.h ----------------------------------------------------------- */

enum { MOST_PAIRS = 12 };

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

/* VL pairs: of two vectors the numbers at the same place. */
INLINE ivec pairs_from(vec low, vec high)
{
    uint16_t halves[2][VL];
    put_halves(halves[0], low);
    put_halves(halves[1], high);
    const ivec odd = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(void *)halves[1]));
    const ivec even = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(void *)halves[0]));
    return _mm512_xor_si512(even, _mm512_slli_epi32(odd, 16));
}

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx512 && cpu->avx512_vnni && cpu->avx512_bf16;
}

#define SET_NAME dlx__kernels_avx512bf16
#define SET_TEXT "avx512bf16"
#define SET_PAIRS
#include "kernel/dot_dpbusd.h"
#include "kernel/vector_table.h"

#endif
