// labels: golden
/* test_cpu_golden.c - the cpu backend against every golden folder. */
#include "golden_logits.h"

extern const dlx__backend_class dlx__backend_cpu;

static void folder(void **state)
{
    golden_folder(*state, &dlx__backend_cpu, 1e-4);
}

static struct CMUnitTest test_of(const char *name)
{
    return (struct CMUnitTest){
        .name = name, .test_func = folder, .initial_state = (void *)(uintptr_t)name};
}

int main(void)
{
    static const char *const autoregressive[] = AUTOREGRESSIVE_FOLDERS;
    enum { N = DLX__LEN(golden_folders) };
    struct CMUnitTest tests[N + N_AUTOREGRESSIVE];
    for (size_t i = 0; i < N + N_AUTOREGRESSIVE; i++)
        tests[i] = test_of(i < N ? golden_folders[i] : autoregressive[i - N]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
