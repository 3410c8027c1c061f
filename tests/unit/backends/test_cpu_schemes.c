// labels: quick
/* test_cpu_schemes.c - weight-only, dynamic and static: the cpu backend equals the reference in
 * each, and each is what it says. */
#include "cpu_support.h"

enum { N_ROWS = 9 };

/* As if calibration had seen numbers up to `largest` everywhere. */
static void record(random_model *m, float largest)
{
    for (size_t i = 0; i < m->model.graph.n; i++)
        if (m->model.graph.nodes[i].op == DLX__OP_LINEAR) {
            dlx__node *node = &m->model.graph.nodes[i];
            node->in_largest = largest;
            node->has_ranges = true;
            node->in_range = (dlx__range){-largest, 0.75f * largest};
            node->out_range = (dlx__range){-0.75f * largest, largest};
        }
}

static random_model *model_of(dlx__dtype dtype, size_t head_dim, uint64_t seed)
{
    random_shape s = cpu_block_shape;
    s.dtype = dtype;
    s.head_dim = head_dim;
    s.n_heads = 256 / head_dim;
    s.n_heads_kv = 1;
    return random_model_open(&s, seed);
}

static dlx__backend_opts opts_of(dlx__scheme scheme, bool int8)
{
    return (dlx__backend_opts){.n_ctx = CPU_N_CTX,
                               .n_rows = CPU_MOST_ROWS,
                               .n_streams = 1,
                               .n_threads = 3,
                               .int8 = int8,
                               .scheme = scheme};
}

/* NULL kernels: the reference. */
static cpu_numbers *run_scheme(const random_model *m, const dlx__kernels *kernels, size_t n,
                               dlx__scheme scheme, bool int8)
{
    dlx_error err = {.code = DLX_OK};
    const dlx__backend_opts opts = opts_of(scheme, int8);
    const dlx__backend_class *class = kernels ? &dlx__backend_cpu : &dlx__backend_reference;
    dlx__backend *b;
    assert_ok(kernels ? dlx__cpu_open(&b, &m->model, &opts, kernels, &err)
                      : class->load(&b, &m->model, &opts, &err),
              &err);
    cpu_numbers *x = cpu_pass(class, b, &m->model, n, 0, 0);
    class->close(b);
    return x;
}

static double scheme_distance(const random_model *m, const dlx__kernels *a, dlx__scheme as,
                              const dlx__kernels *b, dlx__scheme bs, bool int8, size_t n)
{
    cpu_numbers *x = run_scheme(m, a, n, as, int8), *y = run_scheme(m, b, n, bs, int8);
    const double d = cpu_distance(x->logits, y->logits, n * m->model.graph.n_vocab);
    cpu_numbers_free(x);
    cpu_numbers_free(y);
    return d;
}

/*
 * Without rounding the sums differ by their order alone; with it a number on the border of two
 * steps may fall either way, and of several models one must have none. The steps of int16 are so
 * many that some always do, and so small that it hardly shows.
 */
static void equals_reference(const dlx__kernels *kernels, dlx__dtype dtype, dlx__scheme scheme,
                             bool int8)
{
    static const size_t head_dims[] = {64, 128, 32};
    const double exact = scheme == DLX__SCHEME_STATIC16 ? 3e-4 : 2e-5;
    double best = 1;
    for (uint64_t seed = 0; seed < 3; seed++) {
        random_model *m = model_of(dtype, head_dims[seed], seed + 3);
        record(m, 3);
        /* A tile that every thread norms for itself, and one that they share. */
        const size_t n = seed == 1 ? 40 : N_ROWS;
        const double d = scheme_distance(m, kernels, scheme, NULL, scheme, int8, n);
        if (!(d <= (scheme == DLX__SCHEME_WEIGHT_ONLY ? 2e-5 : 5e-2)))
            fail_msg("%s, %s weights, %s: logits differ by %g of the maximum", kernels->name,
                     dlx__dtype_of(dtype)->name, dlx__scheme_name(scheme), d);
        best = fmin(best, d);
        random_model_release(m);
    }
    if (best > exact)
        fail_msg("%s, %s weights, %s: the best of 3 models differs by %g", kernels->name,
                 dlx__dtype_of(dtype)->name, dlx__scheme_name(scheme), best);
}

static void every_scheme_equals_the_reference(void **state)
{
    (void)state;
    static const dlx__dtype dtypes[] = {DLX__Q4_0, DLX__Q5_1, DLX__Q4_K};
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *tables[] = {&dlx__kernels_scalar, dlx__kernels_best(&cpu)};
    for (size_t k = 0; k < DLX__LEN(tables); k++)
        for (int s = DLX__SCHEME_WEIGHT_ONLY; s < DLX__N_SCHEMES; s++) {
            if (s == DLX__SCHEME_STATIC_AFFINE) /* weights as they are here, int8 there: below */
                continue;
            for (size_t t = 0; t < (k == 0 ? 1 : DLX__LEN(dtypes)); t++)
                equals_reference(tables[k], dtypes[t], (dlx__scheme)s, false);
            if (k > 0)
                equals_reference(tables[k], DLX__BF16, (dlx__scheme)s, true);
        }
}

/* On both backends no two schemes give the same logits, and int16 is far nearer to no rounding than
 * int8 is. */
static void schemes_are_different(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *on[] = {NULL, dlx__kernels_best(&cpu)};
    for (size_t k = 0; k < DLX__LEN(on); k++) {
        random_model *m = model_of(DLX__Q8_0, 64, 7);
        record(m, 8);
        for (int a = DLX__SCHEME_WEIGHT_ONLY; a < DLX__N_SCHEMES; a++)
            for (int b = a + 1; b < DLX__N_SCHEMES; b++)
                assert_true(scheme_distance(m, on[k], (dlx__scheme)a, on[k], (dlx__scheme)b, false,
                                            N_ROWS) > 1e-6);
        double from[DLX__N_SCHEMES];
        for (int s = DLX__SCHEME_WEIGHT_ONLY; s < DLX__N_SCHEMES; s++)
            from[s] = scheme_distance(m, on[k], DLX__SCHEME_WEIGHT_ONLY, on[k], (dlx__scheme)s,
                                      false, N_ROWS);
        assert_true(20 * from[DLX__SCHEME_STATIC16] < from[DLX__SCHEME_DYNAMIC]);
        assert_true(from[DLX__SCHEME_DYNAMIC] < from[DLX__SCHEME_STATIC]);
        random_model_release(m);
    }
}

/* Each row of a float matrix as whole multiples of a 127th of its largest. */
static void round_weights(random_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        const dlx__tensor *w = &m->tensors[t];
        float *x = (float *)(uintptr_t)w->data;
        for (size_t r = 0; w->n_dims == 2 && r < w->shape[0]; r++, x += w->shape[1]) {
            float largest = 0;
            for (size_t i = 0; i < w->shape[1]; i++)
                largest = fmaxf(largest, fabsf(x[i]));
            for (size_t i = 0; i < w->shape[1]; i++)
                x[i] = rintf(x[i] * (127 / largest)) * (largest / 127);
        }
    }
}

/* Of weights that are int8 already both backends compute the same: in floats here, in integers
 * there. */
static void static_affine_equals_the_reference(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *tables[] = {&dlx__kernels_scalar, dlx__kernels_best(&cpu)};
    for (size_t k = 0; k < DLX__LEN(tables); k++) {
        double best = 1;
        for (uint64_t seed = 0; seed < 4; seed++) {
            random_model *m = model_of(DLX__F32, seed % 2 ? 128 : 32, seed + 3);
            round_weights(m);
            record(m, 3);
            const double d = scheme_distance(m, tables[k], DLX__SCHEME_STATIC_AFFINE, NULL,
                                             DLX__SCHEME_STATIC_AFFINE, false, seed ? 40 : N_ROWS);
            assert_true(d <= 5e-2);
            best = fmin(best, d);
            random_model_release(m);
        }
        assert_true(best <= 2e-5);
    }
}

/* What products read alone, or half of what they wrote: it is told, and how to have the rest. */
static void static_affine_needs_results(void **state)
{
    (void)state;
    const dlx__backend_class *const classes[] = {&dlx__backend_cpu, &dlx__backend_reference};
    const dlx__backend_opts opts = opts_of(DLX__SCHEME_STATIC_AFFINE, false);
    random_model *m = model_of(DLX__F32, 64, 7);
    for (size_t c = 0; c < DLX__LEN(classes); c++)
        for (size_t i = 0; i < 2; i++) {
            dlx_error err = {.code = DLX_OK};
            dlx__backend *b;
            record(m, 1);
            for (size_t k = 0; k < m->model.graph.n; k++) {
                m->model.graph.nodes[k].has_ranges = false;
                m->model.graph.nodes[k].in_largest *= (float)i;
            }
            assert_int_equal(classes[c]->load(&b, &m->model, &opts, &err), DLX_E_ARG);
            assert_says(&err, "reads and writes");
            assert_says(&err, i ? "only what it reads" : "found none");
            assert_says(&err, "--scheme static --calibrate");
        }
    random_model_release(m);
}

/* Weight-only of integers is the model of the floats that they stand for. */
static void weight_only_equals_floats(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    random_model *m = model_of(DLX__Q4_0, 64, 11);
    assert_true(scheme_distance(m, NULL, DLX__SCHEME_NONE, NULL, DLX__SCHEME_WEIGHT_ONLY, false,
                                N_ROWS) == 0);
    assert_true(scheme_distance(m, dlx__kernels_best(&cpu), DLX__SCHEME_NONE,
                                dlx__kernels_best(&cpu), DLX__SCHEME_DYNAMIC, false, N_ROWS) == 0);
    random_model_release(m);
}

/* With a zero point rows are rounded for float weights too; per row alone they are not. */
static void affine_rows_are_for_all_weights(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *on[] = {NULL, dlx__kernels_best(&cpu)};
    random_model *m = model_of(DLX__F32, 64, 9);
    for (size_t k = 0; k < DLX__LEN(on); k++) {
        const double by_row = scheme_distance(m, on[k], DLX__SCHEME_WEIGHT_ONLY, on[k],
                                              DLX__SCHEME_DYNAMIC_ROW, false, N_ROWS);
        const double affine = scheme_distance(m, on[k], DLX__SCHEME_WEIGHT_ONLY, on[k],
                                              DLX__SCHEME_DYNAMIC_AFFINE, false, N_ROWS);
        assert_true(by_row == 0);
        assert_true(affine > 1e-4 && affine < 0.1);
    }
    random_model_release(m);
}

/* What calibration saw bounds the rows: half of it, and the numbers change. */
static void static_ranges_count(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *kernels = dlx__kernels_best(&cpu);
    random_model *m = model_of(DLX__Q8_0, 64, 7);
    record(m, 8);
    cpu_numbers *wide = run_scheme(m, kernels, N_ROWS, DLX__SCHEME_STATIC, false);
    record(m, 0.5f);
    cpu_numbers *narrow = run_scheme(m, kernels, N_ROWS, DLX__SCHEME_STATIC, false);
    assert_true(cpu_distance(wide->logits, narrow->logits, N_ROWS * m->model.graph.n_vocab) > 0.05);
    cpu_numbers_free(wide);
    cpu_numbers_free(narrow);
    random_model_release(m);
}

static void static_needs_calibration(void **state)
{
    (void)state;
    const dlx__backend_class *const classes[] = {&dlx__backend_cpu, &dlx__backend_reference};
    random_model *m = model_of(DLX__Q8_0, 64, 7);
    record(m, 1);
    size_t last = 0;
    for (size_t i = 0; i < m->model.graph.n; i++)
        if (m->model.graph.nodes[i].op == DLX__OP_LINEAR)
            last = i;
    for (size_t c = 0; c < DLX__LEN(classes); c++)
        for (int s = DLX__SCHEME_STATIC; s <= DLX__SCHEME_STATIC16; s++)
            for (size_t i = 0; i < 3; i++) {
                dlx_error err = {.code = DLX_OK};
                const dlx__backend_opts opts = opts_of((dlx__scheme)s, false);
                dlx__backend *b;
                m->model.graph.nodes[last].in_largest = i == 0 ? 0 : i == 1 ? NAN : INFINITY;
                assert_int_equal(classes[c]->load(&b, &m->model, &opts, &err), DLX_E_ARG);
                assert_non_null(strstr(err.text, "--calibrate"));
                assert_non_null(strstr(err.text, dlx__scheme_name((dlx__scheme)s)));
            }
    random_model_release(m);
}

/* The same bits for any number of threads, where phases of their own round rows too. */
static void any_number_of_threads(void **state)
{
    (void)state;
    static const int n_threads[] = {1, 2, 3, 8};
    random_model *m = model_of(DLX__Q4_0, 32, 5);
    record(m, 3);
    for (int s = DLX__SCHEME_WEIGHT_ONLY; s < DLX__N_SCHEMES; s++) {
        cpu_numbers *first = NULL;
        for (size_t t = 0; t < DLX__LEN(n_threads); t++) {
            dlx_error err = {.code = DLX_OK};
            dlx__backend_opts opts = opts_of((dlx__scheme)s, false);
            opts.n_threads = n_threads[t];
            dlx__backend *b;
            assert_ok(dlx__backend_cpu.load(&b, &m->model, &opts, &err), &err);
            cpu_numbers *x = cpu_pass(&dlx__backend_cpu, b, &m->model, N_ROWS, 0, 0);
            dlx__backend_cpu.close(b);
            if (first)
                assert_memory_equal(first->logits, x->logits,
                                    N_ROWS * m->model.graph.n_vocab * sizeof(float));
            if (first)
                cpu_numbers_free(x);
            else
                first = x;
        }
        cpu_numbers_free(first);
    }
    random_model_release(m);
}

static void names(void **state)
{
    (void)state;
    for (int s = DLX__SCHEME_WEIGHT_ONLY; s < DLX__N_SCHEMES; s++)
        assert_int_equal(dlx__scheme_find(dlx__scheme_name((dlx__scheme)s)), s);
    assert_int_equal(dlx__scheme_find("w8a8"), DLX__SCHEME_NONE);
    assert_int_equal(dlx__scheme_find("none"), DLX__SCHEME_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scheme_equals_the_reference),
        cmocka_unit_test(static_affine_equals_the_reference),
        cmocka_unit_test(static_affine_needs_results),
        cmocka_unit_test(schemes_are_different),
        cmocka_unit_test(weight_only_equals_floats),
        cmocka_unit_test(affine_rows_are_for_all_weights),
        cmocka_unit_test(static_ranges_count),
        cmocka_unit_test(static_needs_calibration),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
