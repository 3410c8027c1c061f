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

static int check_emulated(void)
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

#endif
