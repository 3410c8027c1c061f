/*
 * probe_avx512.c - x86-64 with AVX-512: thirty-two registers of sixteen floats or 64 int8. Where
 * the processor has them, dot products of bf16 pairs and of int8 fours in one instruction; 4-bit
 * numbers go the same way as int8.
 */
#include "kernel/probe.h"

#if defined(__x86_64__)

#include <immintrin.h>

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx512;
}

static bool has_vnni(const dlx__cpu *cpu)
{
    return cpu->avx512_vnni;
}

static bool has_bf16(const dlx__cpu *cpu)
{
    return cpu->avx512_bf16;
}

static uint64_t read_vectors(const uint8_t *p, size_t n_bytes)
{
    __m512i sum[4];
    for (int i = 0; i < 4; i++)
        sum[i] = _mm512_setzero_si512();
    for (const uint8_t *end = p + n_bytes; p < end; p += 512) {
        sum[0] = _mm512_xor_si512(sum[0], _mm512_load_si512(p));
        sum[1] = _mm512_xor_si512(sum[1], _mm512_load_si512(p + 64));
        sum[2] = _mm512_xor_si512(sum[2], _mm512_load_si512(p + 128));
        sum[3] = _mm512_xor_si512(sum[3], _mm512_load_si512(p + 192));
        sum[0] = _mm512_xor_si512(sum[0], _mm512_load_si512(p + 256));
        sum[1] = _mm512_xor_si512(sum[1], _mm512_load_si512(p + 320));
        sum[2] = _mm512_xor_si512(sum[2], _mm512_load_si512(p + 384));
        sum[3] = _mm512_xor_si512(sum[3], _mm512_load_si512(p + 448));
    }
    __m512i all =
        _mm512_xor_si512(_mm512_xor_si512(sum[0], sum[1]), _mm512_xor_si512(sum[2], sum[3]));
    uint64_t words[8], result = 0;
    _mm512_storeu_si512(words, all);
    for (int i = 0; i < 8; i++)
        result ^= words[i];
    return result;
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
#define DOT(op, sum) op " %%zmm14, %%zmm15, %%zmm" #sum "\n\t"
#define DOTS(op)                                                                                   \
    DOT(op, 0) DOT(op, 1) DOT(op, 2) DOT(op, 3) DOT(op, 4) DOT(op, 5)                              \
    DOT(op, 6) DOT(op, 7) DOT(op, 8) DOT(op, 9) DOT(op, 10) DOT(op, 11)
/* uint8 by int8 products, pairs summed to int16, those to int32 */
#define BYTES(sum, temp)                                                                           \
    "vpmaddubsw %%zmm14, %%zmm15, %%zmm" #temp "\n\t"                                              \
    "vpmaddwd %%zmm13, %%zmm" #temp ", %%zmm" #temp "\n\t"                                         \
    "vpaddd %%zmm" #temp ", %%zmm" #sum ", %%zmm" #sum "\n\t"
/* clang-format on */

LOOP(fma_f32, DOTS("vfmadd231ps"))
LOOP(dot_bf16, DOTS("vdpbf16ps"))
LOOP(dot_int8, DOTS("vpdpbusd"))
LOOP(dot_bytes, BYTES(0, 8) BYTES(1, 9) BYTES(2, 10) BYTES(3, 11) BYTES(4, 12) BYTES(5, 8)
                    BYTES(6, 9) BYTES(7, 10))

static const dlx__probe_loop loops[] = {
    {DLX__PEAK_F32, runs_on, fma_f32, (size_t)12 * 16 * 2},
    {DLX__PEAK_BF16, has_bf16, dot_bf16, (size_t)12 * 32 * 2},
    {DLX__PEAK_INT8, has_vnni, dot_int8, (size_t)12 * 64 * 2},
    {DLX__PEAK_INT8, runs_on, dot_bytes, (size_t)8 * 64 * 2},
};

const dlx__probe_set dlx__probe_avx512 = {.name = "avx512",
                                          .runs_on = runs_on,
                                          .read = read_vectors,
                                          .loops = loops,
                                          .n_loops = DLX__LEN(loops)};

#endif
