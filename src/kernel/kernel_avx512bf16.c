/* kernel_avx512bf16.c - x86-64 with AVX-512 F, BW, DQ, VL, VNNI and BF16. */
#include "kernel/kernel.h"

#if defined(__x86_64__)

/* Of the cells of quantized inputs: cells.h. */
enum { N_WIDE = 0, N_STARTS = 5 };

#include "kernel/cells.h"
#include "kernel/vector_avx512bf16.h"

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx512 && cpu->avx512_vnni && cpu->avx512_bf16;
}

#define SET_NAME dlx__kernels_avx512bf16
#define SET_TEXT "avx512bf16"
#define SET_SIDES
#define SET_PAIRS
#include "kernel/dot_dpbusd.h"
#include "kernel/vector_table.h"

#endif
