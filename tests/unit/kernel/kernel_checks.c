/*
 * kernel_checks.c - the checks of test_kernels.c without cmocka, for cross builds. From the root:
 *
 *   aarch64-linux-gnu-gcc -std=c11 -O2 -march=armv8.2-a+dotprod+i8mm -ffp-contract=off -static
 *       -Iinclude -Isrc -Itests tests/unit/kernel/kernel_checks.c src/kernel/{[a-o]*,pack}.c
 *       src/dtype/[a-z]*.c src/base/{tensor,rng,cpu,mem,fail,printable,utf8}.c -lm -o kernel_checks
 *   qemu-aarch64 -cpu max ./kernel_checks
 */
#include "kernel_checks.h"

int main(void)
{
    const dlx__kernels *const *tables = dlx__kernels_list();
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    int n_failed = 0;
    for (size_t i = 0; tables[i]; i++) {
        if (!tables[i]->runs_on(&cpu))
            continue;
        for (size_t c = 0; c < DLX__LEN(kernel_checks); c++) {
            const char *said = kernel_checks[c].run(tables[i]);
            printf("%s %s: %s\n", tables[i]->name, kernel_checks[c].name, said ? said : "ok");
            n_failed += said != NULL;
        }
    }
    return n_failed != 0;
}
