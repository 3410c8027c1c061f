// labels: quick
/*
 * test_avxvnni_emulated.c - kernel_avxvnni.c with its one instruction beyond AVX2 put together from
 * others, against the scalar table, on machines that have AVX2.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma,f16c")
#define CAN_EMULATE
#endif
#include "unit.h"

#include "kernel_checks.h"

#if defined(CAN_EMULATE)

#include <immintrin.h>

/* Products of the even and of the odd bytes, each exact in 16 bits by 16. */
static inline __m256i emulated_dpbusd(__m256i sum, __m256i u, __m256i s)
{
    const __m256i low = _mm256_set1_epi16(255);
    const __m256i even =
        _mm256_madd_epi16(_mm256_and_si256(u, low), _mm256_srai_epi16(_mm256_slli_epi16(s, 8), 8));
    const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(u, 8), _mm256_srai_epi16(s, 8));
    return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
}

#define _mm256_dpbusd_avx_epi32 emulated_dpbusd
#ifndef __AVXVNNI__
#define __AVXVNNI__ 1
#endif
#define dlx__kernels_avxvnni emulated_kernels
extern const dlx__kernels emulated_kernels;
#include "kernel/kernel_avxvnni.c"

#include "emulated_table.h"

int main(void)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    return cpu.avx2_fma ? check_emulated() : 0;
}

#else

int main(void)
{
    return 0;
}

#endif
