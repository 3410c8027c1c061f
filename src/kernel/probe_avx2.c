/*
 * probe_avx2.c - x86-64 with AVX2 and FMA: sixteen registers of eight floats or 32 int8.
 * The loops are written as instructions, so that what is measured is what stands here. Operands are
 * zero; no x86 multiplier is faster for that.
 */
#include "kernel/probe.h"

#if defined(__x86_64__)

#include <immintrin.h>

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx2_fma;
}

static uint64_t read_vectors(const uint8_t *p, size_t n_bytes)
{
    __m256i sum[4];
    for (int i = 0; i < 4; i++)
        sum[i] = _mm256_setzero_si256();
    for (const uint8_t *end = p + n_bytes; p < end; p += 256) {
        const __m256i *v = (const void *)p;
        sum[0] = _mm256_xor_si256(sum[0], _mm256_load_si256(v));
        sum[1] = _mm256_xor_si256(sum[1], _mm256_load_si256(v + 1));
        sum[2] = _mm256_xor_si256(sum[2], _mm256_load_si256(v + 2));
        sum[3] = _mm256_xor_si256(sum[3], _mm256_load_si256(v + 3));
        sum[0] = _mm256_xor_si256(sum[0], _mm256_load_si256(v + 4));
        sum[1] = _mm256_xor_si256(sum[1], _mm256_load_si256(v + 5));
        sum[2] = _mm256_xor_si256(sum[2], _mm256_load_si256(v + 6));
        sum[3] = _mm256_xor_si256(sum[3], _mm256_load_si256(v + 7));
    }
    __m256i all =
        _mm256_xor_si256(_mm256_xor_si256(sum[0], sum[1]), _mm256_xor_si256(sum[2], sum[3]));
    uint64_t words[4];
    _mm256_storeu_si256((void *)words, all);
    return words[0] ^ words[1] ^ words[2] ^ words[3];
}

#define REGISTERS                                                                                  \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/* A function that clears the registers and then runs `body` n_rounds times. */
#define LOOP(name, body)                                                                           \
    static void name(size_t n_rounds)                                                              \
    {                                                                                              \
        __asm__ volatile("vzeroall\n\t" ::: REGISTERS);                                            \
        for (size_t r = 0; r < n_rounds; r++)                                                      \
            __asm__ volatile(body ::: REGISTERS);                                                  \
        __asm__ volatile("vzeroupper" ::: REGISTERS);                                              \
    }

/* clang-format off */
#define FMA(sum) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #sum "\n\t"
/* int16 products, pairs summed to int32 */
#define WORDS(sum, temp)                                                                           \
    "vpmaddwd %%ymm14, %%ymm15, %%ymm" #temp "\n\t"                                                \
    "vpaddd %%ymm" #temp ", %%ymm" #sum ", %%ymm" #sum "\n\t"
/* uint8 by int8 products, pairs summed to int16, those to int32 */
#define BYTES(sum, temp)                                                                           \
    "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #temp "\n\t"                                              \
    "vpmaddwd %%ymm13, %%ymm" #temp ", %%ymm" #temp "\n\t"                                         \
    "vpaddd %%ymm" #temp ", %%ymm" #sum ", %%ymm" #sum "\n\t"
/* 4-bit by int8 products: eight pair sums fit int16, so only every eighth goes on to int32 */
#define HALF_FIRST(pair) "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #pair "\n\t"
#define HALF_MORE(pair, temp)                                                                      \
    "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #temp "\n\t"                                              \
    "vpaddw %%ymm" #temp ", %%ymm" #pair ", %%ymm" #pair "\n\t"
#define HALF_LAST(sum, pair)                                                                       \
    "vpmaddwd %%ymm13, %%ymm" #pair ", %%ymm" #pair "\n\t"                                         \
    "vpaddd %%ymm" #pair ", %%ymm" #sum ", %%ymm" #sum "\n\t"
#define HALF_MORE_4 HALF_MORE(4, 8) HALF_MORE(5, 9) HALF_MORE(6, 10) HALF_MORE(7, 11)
/* clang-format on */

LOOP(fma_f32, FMA(0) FMA(1) FMA(2) FMA(3) FMA(4) FMA(5) FMA(6) FMA(7) FMA(8) FMA(9) FMA(10) FMA(11))
LOOP(dot_words, WORDS(0, 8) WORDS(1, 9) WORDS(2, 10) WORDS(3, 11) WORDS(4, 12) WORDS(5, 8)
                    WORDS(6, 9) WORDS(7, 10))
LOOP(dot_bytes, BYTES(0, 8) BYTES(1, 9) BYTES(2, 10) BYTES(3, 11) BYTES(4, 12) BYTES(5, 8)
                    BYTES(6, 9) BYTES(7, 10))
LOOP(dot_halves, HALF_FIRST(4) HALF_FIRST(5) HALF_FIRST(6) HALF_FIRST(7) HALF_MORE_4 HALF_MORE_4
                     HALF_MORE_4 HALF_MORE_4 HALF_MORE_4 HALF_MORE_4 HALF_MORE_4 HALF_LAST(0, 4)
                         HALF_LAST(1, 5) HALF_LAST(2, 6) HALF_LAST(3, 7))

static const dlx__probe_loop loops[] = {
    {DLX__PEAK_F32, runs_on, fma_f32, (size_t)12 * 8 * 2},
    {DLX__PEAK_INT8, runs_on, dot_words, (size_t)8 * 16 * 2},
    {DLX__PEAK_INT8, runs_on, dot_bytes, (size_t)8 * 32 * 2},
    {DLX__PEAK_INT4, runs_on, dot_halves, (size_t)4 * 8 * 32 * 2},
};

const dlx__probe_set dlx__probe_avx2 = {.name = "avx2",
                                        .runs_on = runs_on,
                                        .read = read_vectors,
                                        .loops = loops,
                                        .n_loops = DLX__LEN(loops)};

#endif
