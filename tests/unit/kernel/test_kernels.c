// labels: quick
/* test_kernels.c - every table of kernels that this machine runs, against the scalar one. */
#include "unit.h"

#include "kernel_checks.h"

static void every_table(void **state)
{
    const kernel_check *check = *state;
    const dlx__kernels *const *tables = dlx__kernels_list();
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    for (size_t i = 0; tables[i]; i++) {
        if (!tables[i]->runs_on(&cpu))
            continue;
        const char *said = check->run(tables[i]);
        if (said)
            fail_msg("%s %s: %s", tables[i]->name, check->name, said);
    }
}

static void best_table(void **state)
{
    (void)state;
    dlx__cpu cpu = {.avx2_fma = false};
    assert_string_equal(dlx__kernels_best(&cpu)->name, "scalar");
#if defined(__x86_64__)
    cpu.avx2_fma = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "avx2");
    cpu.avx_vnni = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "avxvnni");
    cpu.avx512 = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "avxvnni");
    cpu.avx512_vnni = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "avx512");
    cpu.avx512_bf16 = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "avx512bf16");
    cpu.avx512_wide = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "avx512wide");
#elif defined(__aarch64__)
    cpu.neon = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "neon");
    cpu.neon_dotprod = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "neondot");
    cpu.neon_i8mm = true;
    assert_string_equal(dlx__kernels_best(&cpu)->name, "neoni8mm");
#endif
}

int main(void)
{
    enum { N = DLX__LEN(kernel_checks) };
    struct CMUnitTest tests[N + 1];
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = kernel_checks[i].name,
            .test_func = every_table,
            .initial_state = (void *)(uintptr_t)&kernel_checks[i],
        };
    tests[N] = (struct CMUnitTest)cmocka_unit_test(best_table);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
