/* cpu.h - which instruction sets this machine runs. */
#ifndef DLX__CPU_H
#define DLX__CPU_H

#include "base/base.h"

typedef struct dlx__cpu {
    bool avx2_fma; /* AVX2, FMA, F16C and the system saves their registers */
    bool avx_vnni;
    bool avx512; /* F, BW, DQ, VL */
    bool avx512_vnni;
    bool avx512_bf16;
    bool avx512_wide; /* executes 512 bits at once, not in halves */
    bool neon;        /* AArch64 Advanced SIMD */
    bool neon_dotprod;
    bool neon_i8mm;
    bool neon_bf16;
    char name[64]; /* as the processor calls itself; "unknown" else */
} dlx__cpu;

void dlx__cpu_detect(dlx__cpu *cpu);

/* Does an x86-64 processor with AVX-512 execute 512 bits in halves? By the vendor's name and eax of
 * CPUID leaf 1. */
bool dlx__cpu_in_halves(const char vendor[12], uint32_t version);

#endif
