// labels: quick
/* test_cpu_types.c - the cpu backend against the reference backend: every storage type of weights,
 * every table of kernels, shapes that fit nothing, steps of several tiles. */
#include "cpu_support.h"

/*
 * Float weights differ by the order of sums. Where rows are rounded to int8, a number on the border
 * of two steps may fall either way, which moves what follows by a part of a step, by which others
 * fall elsewhere. Where none does, such weights are as exact as float ones. Returns whether they
 * were.
 */
static bool compare(const random_model *m, const dlx__kernels *kernels, size_t n, size_t block,
                    bool int8)
{
    const bool rounded = int8 || dlx__form_is_int(dlx__form_of(m->tensors[0].dtype));
    const double exact = 2e-5, bound = rounded ? 5e-2 : exact;
    bool all_exact = true;
    const dlx__graph *g = &m->model.graph;
    dlx_error err = {.code = DLX_OK};
    dlx__backend *cpu;
    dlx__backend_opts opts = {
        .n_ctx = CPU_N_CTX, .n_rows = CPU_MOST_ROWS, .n_streams = 1, .n_threads = 2, .int8 = int8};
    assert_ok(dlx__cpu_open(&cpu, &m->model, &opts, kernels, &err), &err);
    opts.scheme = DLX__SCHEME_DYNAMIC;
    dlx__backend *truth;
    assert_ok(dlx__backend_reference.load(&truth, &m->model, &opts, &err), &err);
    for (size_t start = 0; start <= n; start += n) { /* on an empty cache, then on what it left */
        size_t rows = start ? 6 : n;
        cpu_numbers *want = cpu_pass(&dlx__backend_reference, truth, &m->model, rows, start, block);
        cpu_numbers *got = cpu_pass(&dlx__backend_cpu, cpu, &m->model, rows, start, block);
        assert_int_equal(want->n_hidden, got->n_hidden);
        double hidden = cpu_distance(want->hidden, got->hidden, want->n_hidden);
        double logits = cpu_distance(want->logits, got->logits, rows * g->n_vocab);
        if (!(hidden <= bound) || !(logits <= bound))
            fail_msg("%s, %s weights, %zu rows: hidden %g, logits %g of the maximum", kernels->name,
                     dlx__dtype_of(m->tensors[0].dtype)->name, rows, hidden, logits);
        all_exact = all_exact && hidden <= exact && logits <= exact;
        float slack = (float)bound / 2; /* a probability moves as far as its logit does */
        for (size_t i = 0; i < rows; i++)
            slack = fmaxf(slack, 2 * (float)bound * fabsf(want->stats[i].logit));
        for (size_t i = 0; i < rows; i++) {
            if (!rounded || want->stats[i].margin > slack)
                assert_int_equal(want->stats[i].best, got->stats[i].best);
            assert_true(got->stats[i].finite);
            assert_true(fabsf(want->stats[i].prob - got->stats[i].prob) <= slack);
            assert_true(fabsf(want->stats[i].margin - got->stats[i].margin) <= slack);
            assert_true(fabsf(want->stats[i].neg_entropy - got->stats[i].neg_entropy) <=
                        10 * slack);
        }
        cpu_numbers_free(want);
        cpu_numbers_free(got);
    }
    dlx__backend_cpu.close(cpu);
    dlx__backend_reference.close(truth);
    return all_exact;
}

/* Of several models at least one must be free of numbers on a border. */
static void compare_type(const dlx__kernels *kernels, dlx__dtype dtype)
{
    random_shape s = cpu_block_shape;
    s.dtype = dtype;
    size_t n_exact = 0;
    for (uint64_t seed = 3; seed < 6; seed++) {
        random_model *m = random_model_open(&s, seed);
        n_exact += compare(m, kernels, 20, dtype % 2 ? 8 : 0, false);
        random_model_release(m);
    }
    if (n_exact == 0)
        fail_msg("%s, %s weights: none of 3 models is exact", kernels->name,
                 dlx__dtype_of(dtype)->name);
}

static void every_type(void **state)
{
    (void)state;
    const dlx__kernels *const *tables = dlx__kernels_list();
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    for (int t = 0; t < DLX__N_DTYPES; t++)
        for (size_t k = 0; tables[k]; k++)
            if (tables[k]->runs_on(&cpu))
                compare_type(tables[k], (dlx__dtype)t);
}

static void every_size(void **state)
{
    (void)state;
    static const size_t n_rows[] = {1, 8, 33, 140};
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    for (size_t i = 0; i < DLX__LEN(n_rows); i++) {
        random_shape s = cpu_odd_shape;
        s.qk_norm = i % 2 == 0;
        s.qkv_bias = i > 1;
        s.tied = i > 0;
        s.n_heads_kv = i == 2 ? 6 : i == 3 ? 1 : 2;
        random_model *m = random_model_open(&s, i);
        compare(m, dlx__kernels_best(&cpu), n_rows[i], i % 2 ? 5 : 0, i == 2);
        random_model_release(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type),
        cmocka_unit_test(every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
