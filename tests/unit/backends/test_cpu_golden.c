// labels: golden
/* test_cpu_golden.c - the cpu backend against every golden folder. */
#include "golden_logits.h"

extern const dlx__backend_class dlx__backend_cpu;

static void folder(void **state)
{
    golden_folder(*state, &dlx__backend_cpu, 1e-4);
}

int main(void)
{
    enum { N = DLX__LEN(golden_folders) };
    struct CMUnitTest tests[N];
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = golden_folders[i],
            .test_func = folder,
            .initial_state = (void *)(uintptr_t)golden_folders[i],
        };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
