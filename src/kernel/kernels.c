/* kernels.c - which tables this build has, and which of them a processor runs best. */
#include "kernel/kernel.h"

#include <string.h>

/* From plain to fast. */
static const dlx__kernels *const tables[] = {
    &dlx__kernels_scalar,
#if defined(__x86_64__)
    &dlx__kernels_avx2,
    &dlx__kernels_avxvnni,
    &dlx__kernels_avx512,
    &dlx__kernels_avx512bf16,
    &dlx__kernels_avx512wide,
#elif defined(__aarch64__)
    &dlx__kernels_neon,
    &dlx__kernels_neondot,
    &dlx__kernels_neoni8mm,
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

const dlx__kernels *dlx__kernels_find(const char *name, const dlx__cpu *cpu)
{
    if (!name)
        return dlx__kernels_best(cpu);
    for (size_t i = 0; tables[i]; i++)
        if (strcmp(tables[i]->name, name) == 0 && tables[i]->runs_on(cpu))
            return tables[i];
    return NULL;
}
