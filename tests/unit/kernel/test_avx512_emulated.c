// labels: quick
/*
 * test_avx512_emulated.c - kernel_avx512.c with its instructions in plain C, against the scalar
 * table. It proves the file's logic on machines that lack them; where they are, test_kernels.c runs
 * the table itself.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O0") /* tiles of structures instead of registers take minutes to optimise */
#endif
#include "unit.h"

#include "kernel_checks.h"

#if defined(__x86_64__)

#include "emulated_avx512.h"

#undef __AVX512F__
#undef __AVX512BW__
#undef __AVX512VNNI__
#define __AVX512F__ 1
#define __AVX512BW__ 1
#define __AVX512VNNI__ 1
#define IN_REGISTER "+m"
#define dlx__kernels_avx512 emulated_kernels
extern const dlx__kernels emulated_kernels;
#include "kernel/kernel_avx512.c"

static void check_passes(void **state)
{
    const kernel_check *check = *state;
    const char *said = check->run(&emulated_kernels);
    if (said)
        fail_msg("%s: %s", check->name, said);
}

int main(void)
{
    struct CMUnitTest tests[DLX__LEN(kernel_checks)];
    for (size_t i = 0; i < DLX__LEN(kernel_checks); i++)
        tests[i] = (struct CMUnitTest){
            .name = kernel_checks[i].name,
            .test_func = check_passes,
            .initial_state = (void *)(uintptr_t)&kernel_checks[i],
        };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
