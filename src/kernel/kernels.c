/* kernels.c - which tables this build has, and which of them a processor runs best. */
#include "kernel/kernel.h"

/* From plain to fast. */
static const dlx__kernels *const tables[] = {
    &dlx__kernels_scalar,
#if defined(__x86_64__)
    &dlx__kernels_avx2,
#elif defined(__aarch64__)
    &dlx__kernels_neon,
#endif
    NULL,
};

const dlx__kernels *const *dlx__kernels_list(void)
{
    return tables;
}

const dlx__kernels *dlx__kernels_best(const dlx__cpu *cpu)
{
    const dlx__kernels *best = tables[0];
    for (size_t i = 1; tables[i]; i++)
        if (tables[i]->runs_on(cpu))
            best = tables[i];
    return best;
}
