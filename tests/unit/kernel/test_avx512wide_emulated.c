// labels: quick
/*
 * test_avx512wide_emulated.c - kernel_avx512wide.c with its instructions in plain C, against the
 * scalar table. It proves the file's logic on machines that lack them; where they are,
 * test_kernels.c runs the table itself.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O0") /* tiles of structures instead of registers take minutes to optimise */
#endif
#include "unit.h"

#include "kernel_checks.h"

#if defined(__x86_64__)

#include "emulated_avx512.h"

#define dlx__kernels_avx512wide emulated_kernels
extern const dlx__kernels emulated_kernels;
#include "kernel/kernel_avx512wide.c"

#define EMULATED_PRODUCTS /* the rest is that of kernel_avx512bf16.c */
#include "emulated_table.h"

int main(void)
{
    return check_emulated();
}

#else

int main(void)
{
    return 0;
}

#endif
