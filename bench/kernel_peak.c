/*
 * kernel_peak.c - loops that do nothing but multiply and add, and one that does nothing but read.
 * They are written as instructions, for a compiler concludes that nobody needs their results.
 */
#include "kernel_peak.h"

#include <string.h>

#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define USED                                                                                       \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/* One step of sum i: registers 12 to 15 are whatever they are. */
#define F32_YMM(i) "vfmadd231ps %%ymm13, %%ymm12, %%ymm" #i "\n"
#define F32_ZMM(i) "vfmadd231ps %%zmm13, %%zmm12, %%zmm" #i "\n"
#define DOT_YMM(i) "%{vex%} vpdpbusd %%ymm13, %%ymm12, %%ymm" #i "\n"
#define DOT_ZMM(i) "vpdpbusd %%zmm13, %%zmm12, %%zmm" #i "\n"
#define INT4_YMM(i)                                                                                \
    "vpmaddubsw %%ymm13, %%ymm12, %%ymm15\n vpaddw %%ymm15, %%ymm" #i ", %%ymm" #i "\n"
/* Of the ways without VNNI as fast as any: magnitudes times bytes that take the sign. */
#define INT8_YMM(i)                                                                                \
    "vpsignb %%ymm13, %%ymm12, %%ymm15\n vpmaddubsw %%ymm15, %%ymm12, %%ymm15\n"                   \
    "vpmaddwd %%ymm14, %%ymm15, %%ymm15\n vpaddd %%ymm15, %%ymm" #i ", %%ymm" #i "\n"

/* n multiplications, so many in an instruction. */
#define REPEAT(n, in_one, step)                                                                    \
    do {                                                                                           \
        __asm__ volatile("vzeroall\n" ::: USED);                                                   \
        for (size_t k = 0; k < (n); k += (in_one)*12)                                              \
            __asm__ volatile(TWELVE(step)::: USED);                                                \
    } while (0)

void peak_multiply(const char *table, peak_kind kind, size_t n)
{
    if (strcmp(table, "avx512") == 0) {
        if (kind == PEAK_F32)
            REPEAT(n, 16, F32_ZMM);
        else
            REPEAT(n, 64, DOT_ZMM);
    } else if (kind == PEAK_F32) {
        REPEAT(n, 8, F32_YMM);
    } else if (strcmp(table, "avxvnni") == 0) {
        REPEAT(n, 32, DOT_YMM);
    } else if (kind == PEAK_INT8) {
        REPEAT(n, 32, INT8_YMM);
    } else {
        REPEAT(n, 32, INT4_YMM);
    }
}

void peak_read(const uint8_t *data, size_t n_bytes)
{
    for (size_t at = 0; at + 128 <= n_bytes; at += 128)
        __asm__ volatile("vmovdqa (%0), %%ymm0\n vmovdqa 32(%0), %%ymm1\n"
                         "vmovdqa 64(%0), %%ymm2\n vmovdqa 96(%0), %%ymm3\n" ::"r"(data + at)
                         : USED);
}
