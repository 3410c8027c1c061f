/* test_probe.c - the probe reads what it says it reads, runs what it says it runs. labels: quick */
#include "failing_mem.h"
#include "kernel/probe.h"
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"

#include <stdio.h>

static void every_set_reads_every_byte(void **state)
{
    (void)state;
    enum { N = 5 * DLX__PROBE_GRAIN };
    uint8_t *bytes = dlx__alloc_aligned(NULL, N);
    dlx__rng rng;
    dlx__cpu cpu;
    assert_non_null(bytes);
    dlx__cpu_detect(&cpu);
    dlx__rng_seed(&rng, 1);
    for (size_t i = 0; i < N; i++)
        bytes[i] = (uint8_t)dlx__rng_bits(&rng);
    for (const dlx__probe_set *const *set = dlx__probe_sets(); *set; set++) {
        if (!(*set)->runs_on(&cpu))
            continue;
        uint64_t all = (*set)->read(bytes, N);
        assert_true(all == dlx__probe_scalar.read(bytes, N));
        for (size_t i = 0; i < N; i += 8) {
            bytes[i] ^= 1;
            if ((*set)->read(bytes, N) == all)
                fail_msg("%s does not read byte %zu", (*set)->name, i);
            bytes[i] ^= 1;
        }
        assert_true((*set)->read(bytes, 0) == 0);
    }
    dlx__free_aligned(NULL, bytes);
}

static void every_loop_runs(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    for (const dlx__probe_set *const *set = dlx__probe_sets(); *set; set++) {
        bool f32 = false;
        for (size_t i = 0; i < (*set)->n_loops && (*set)->runs_on(&cpu); i++) {
            const dlx__probe_loop *loop = &(*set)->loops[i];
            assert_true(loop->n_ops > 0);
            f32 = f32 || loop->peak == DLX__PEAK_F32;
            if (loop->runs_on(&cpu))
                loop->run(100);
        }
        assert_true(f32 || !(*set)->runs_on(&cpu));
    }
}

static void rates_are_there_and_in_order(void **state)
{
    (void)state;
    dlx__probe *probe;
    dlx__rates rates;
    dlx_error err = {.code = DLX_OK};
    dlx__probe_opts o = {.n_threads = 2, .weights_bytes = 1 << 20, .layer_bytes = 100};
    assert_ok(dlx__probe_open(&probe, &o, NULL, &err), &err);
    dlx__probe_run(probe, &rates);
    dlx__probe_run(probe, &rates);
    for (int i = 0; i < DLX__N_READS; i++)
        assert_true(rates.read[i] > 1e6);
    for (int i = 0; i < DLX__N_PEAKS; i++)
        assert_true(rates.peak[i] > 1e6);
    assert_true(rates.peak[DLX__PEAK_BF16] >= rates.peak[DLX__PEAK_F32]);
    assert_true(rates.peak[DLX__PEAK_INT8] >= rates.peak[DLX__PEAK_F32]);
    assert_true(rates.peak[DLX__PEAK_INT4] >= rates.peak[DLX__PEAK_INT8]);
    assert_non_null(dlx__probe_name(probe));
    dlx__probe_free(probe);
    dlx__probe_free(NULL);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    dlx__probe_opts o = {.n_threads = 2, .weights_bytes = 1 << 20, .layer_bytes = 1 << 10};
    for (size_t at = 1;; at++) {
        failing_mem f;
        dlx__probe *probe;
        dlx_error err = {.code = DLX_OK};
        failing_mem_init(&f, at);
        dlx_result r = dlx__probe_open(&probe, &o, &f.mem, &err);
        if (r == DLX_OK)
            dlx__probe_free(probe);
        else
            assert_says(&err, "memory");
        assert_int_equal(f.n_alive, 0);
        if (r == DLX_OK)
            break;
        assert_null(probe);
    }
}

static void too_many_threads_are_refused(void **state)
{
    (void)state;
    dlx__probe *probe;
    dlx_error err = {.code = DLX_OK};
    dlx__probe_opts o = {.n_threads = 10000};
    assert_int_equal(dlx__probe_open(&probe, &o, NULL, &err), DLX_E_ARG);
    assert_says(&err, "10000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_reads_every_byte),   cmocka_unit_test(every_loop_runs),
        cmocka_unit_test(rates_are_there_and_in_order), cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(too_many_threads_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
