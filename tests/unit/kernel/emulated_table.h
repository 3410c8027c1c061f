/* emulated_table.h - the program of a test that has made a table `emulated_kernels`. */
#ifndef EMULATED_TABLE_H
#define EMULATED_TABLE_H

#include "unit.h"

#include "kernel_checks.h"

static void check_passes(void **state)
{
    const kernel_check *check = *state;
    const char *said = check->run(&emulated_kernels);
    if (said)
        fail_msg("%s: %s", check->name, said);
}

/* Of a table that shares all else with another, EMULATED_PRODUCTS leaves the checks of products. */
static bool is_wanted(const char *name)
{
#ifdef EMULATED_PRODUCTS
    return strncmp(name, "gemm", 4) == 0 || strncmp(name, "halves", 6) == 0;
#else
    return name != NULL;
#endif
}

static int check_emulated(void)
{
    struct CMUnitTest tests[DLX__LEN(kernel_checks)];
    size_t n = 0;
    for (size_t i = 0; i < DLX__LEN(kernel_checks); i++)
        if (is_wanted(kernel_checks[i].name))
            tests[n++] = (struct CMUnitTest){
                .name = kernel_checks[i].name,
                .test_func = check_passes,
                .initial_state = (void *)(uintptr_t)&kernel_checks[i],
            };
    return _cmocka_run_group_tests("emulated", tests, n, NULL, NULL);
}

#endif
