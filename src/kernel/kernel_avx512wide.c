/*
 * kernel_avx512wide.c - the instructions of kernel_avx512bf16.c on processors that execute 512 bits
 * at once, not in halves. They multiply two vectors a cycle and load two, so that what products
 * wait for are loads: gemm_wide.h and dot_dpbusd.h have the ways to do with fewer.
 */
#include "kernel/kernel.h"

#if defined(__x86_64__)

/* Of the cells of quantized inputs: cells.h. */
enum { N_WIDE = 0, N_STARTS = 5 };

#define SET_WIDE
#include "kernel/cells.h"
#include "kernel/vector_avx512bf16.h"

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx512_wide && cpu->avx512_vnni && cpu->avx512_bf16;
}

#define SET_NAME dlx__kernels_avx512wide
#define SET_TEXT "avx512wide"
#define SET_SIDES
#define SET_PAIRS
#include "kernel/dot_dpbusd.h"
#include "kernel/vector_table.h"

#endif
