// labels: quick
/* test_cpu_kv.c - types that keys and values are kept in: the cpu backend equals the reference in
 * each, with the same bits for any number of threads and however rows are divided into passes. */
#include "cpu_support.h"

enum { N_ROWS = 20, MORE_ROWS = 6 };

#define EACH_TYPE(type)                                                                            \
    for (dlx__kv_type type = DLX__KV_F32; type < DLX__N_KV_TYPES; type = (dlx__kv_type)(type + 1))

static dlx__backend_opts opts_of(dlx__kv_type type, int n_threads, bool bf16)
{
    return (dlx__backend_opts){.n_ctx = CPU_N_CTX - 1, /* odd */
                               .n_rows = CPU_MOST_ROWS,
                               .n_streams = 2,
                               .n_threads = n_threads,
                               .bf16 = bf16,
                               .kv_type = type};
}

/* NULL kernels: the reference. */
static dlx__backend *open(const dlx__model *m, const dlx__kernels *kernels,
                          const dlx__backend_opts *opts)
{
    dlx_error err = {.code = DLX_OK};
    dlx__backend *b;
    assert_ok(kernels ? dlx__cpu_open(&b, m, opts, kernels, &err)
                      : dlx__backend_reference.load(&b, m, opts, &err),
              &err);
    return b;
}

static const dlx__backend_class *class_of(const dlx__kernels *kernels)
{
    return kernels ? &dlx__backend_cpu : &dlx__backend_reference;
}

/* The logits of rows that follow n others, which a pass of their own has kept. */
static cpu_numbers *run_kept(const dlx__model *m, const dlx__kernels *kernels,
                             const dlx__backend_opts *opts, size_t n, size_t block)
{
    dlx__backend *b = open(m, kernels, opts);
    cpu_step(class_of(kernels), b, m, n, 0, 0, block, 0, NULL);
    cpu_numbers *x = cpu_pass(class_of(kernels), b, m, MORE_ROWS, n, block);
    class_of(kernels)->close(b);
    return x;
}

static random_model *model_of(size_t head_dim, uint64_t seed)
{
    random_shape s = cpu_block_shape;
    s.dtype = DLX__BF16;
    s.head_dim = head_dim;
    return random_model_open(&s, seed);
}

static cpu_numbers *run_type(const random_model *m, const dlx__kernels *kernels, dlx__kv_type type,
                             size_t n)
{
    const dlx__backend_opts opts = opts_of(type, 3, false);
    return run_kept(&m->model, kernels, &opts, n, 4);
}

static double distance(const random_model *m, const cpu_numbers *a, const cpu_numbers *b)
{
    return cpu_distance(a->logits, b->logits, MORE_ROWS * m->model.graph.n_vocab);
}

enum { MOST_TABLES = 16 };

/* Of one model: `best` [MOST_TABLES] are the smallest distances so far, table by table. */
static void hold_against_reference(const random_model *m, dlx__kv_type type, size_t n, double *best)
{
    const dlx__kernels *const *tables = dlx__kernels_list();
    cpu_numbers *truth = run_type(m, NULL, type, n);
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    for (size_t k = 0; tables[k]; k++) {
        if (!tables[k]->runs_on(&cpu))
            continue;
        cpu_numbers *got = run_type(m, tables[k], type, n);
        const double d = distance(m, truth, got);
        if (!(d <= (type == DLX__KV_F32 ? 2e-5 : 3e-2)))
            fail_msg("%s, %s: logits differ by %g of the maximum", tables[k]->name,
                     dlx__kv_type_name(type), d);
        best[k] = fmin(best[k], d);
        cpu_numbers_free(got);
    }
    cpu_numbers_free(truth);
}

/*
 * Sums differ by their order, so that a key or a value on the border of two steps may fall either
 * way; of several models one must have none. The steps of f16 are so many that some always do, and
 * so small that it hardly shows.
 */
static void every_type_equals_the_reference(void **state)
{
    (void)state;
    static const size_t head_dims[] = {64, 128, 24, 32};
    const dlx__kernels *const *tables = dlx__kernels_list();
    EACH_TYPE(type)
    {
        double best[MOST_TABLES] = {0};
        for (size_t k = 0; tables[k]; k++)
            best[k] = 1;
        for (size_t i = 0; i < DLX__LEN(head_dims); i++) {
            random_model *m = model_of(head_dims[i], i + 3);
            hold_against_reference(m, type, i == 1 ? 70 : N_ROWS, best); /* more than a tile */
            random_model_release(m);
        }
        dlx__cpu cpu;
        dlx__cpu_detect(&cpu);
        for (size_t k = 0; tables[k]; k++)
            if (tables[k]->runs_on(&cpu) && best[k] > (type == DLX__KV_F16 ? 3e-4 : 2e-5))
                fail_msg("%s, %s: the best of the models differs by %g", tables[k]->name,
                         dlx__kv_type_name(type), best[k]);
    }
}

/* No two types give the same logits; f16 is nearer to float32 than the others. */
static void hold_apart(const random_model *m, const dlx__kernels *kernels)
{
    cpu_numbers *x[DLX__N_KV_TYPES];
    double from[DLX__N_KV_TYPES];
    x[DLX__KV_NONE] = run_type(m, kernels, DLX__KV_NONE, N_ROWS);
    EACH_TYPE(a)
    {
        x[a] = run_type(m, kernels, a, N_ROWS);
        from[a] = distance(m, x[DLX__KV_F32], x[a]);
        for (dlx__kv_type b = DLX__KV_F32; b < a; b = (dlx__kv_type)(b + 1))
            assert_true(distance(m, x[a], x[b]) > 1e-6);
    }
    print_message("logits move by %g in bf16, %g in f16, %g in int8\n", from[DLX__KV_BF16],
                  from[DLX__KV_F16], from[DLX__KV_INT8]);
    assert_true(2 * from[DLX__KV_F16] < from[DLX__KV_BF16]);
    assert_true(2 * from[DLX__KV_F16] < from[DLX__KV_INT8]);
    assert_true(from[DLX__KV_BF16] < 0.05 && from[DLX__KV_INT8] < 0.05);
    assert_true(distance(m, x[DLX__KV_NONE], x[DLX__KV_F32]) == 0);
    for (int i = DLX__KV_NONE; i < DLX__N_KV_TYPES; i++)
        cpu_numbers_free(x[i]);
}

static void types_are_different(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    random_model *m = model_of(64, 7);
    hold_apart(m, NULL);
    hold_apart(m, &dlx__kernels_scalar);
    hold_apart(m, dlx__kernels_best(&cpu));
    random_model_release(m);
}

/* n causal rows in passes that start at odd slots, one of them over slots that a pass which saw
 * more had written, with another stream between: the logits of the last, from row `split` on. */
static cpu_numbers *in_parts(const dlx__model *m, const dlx__kernels *kernels,
                             const dlx__backend_opts *opts, size_t n, size_t split)
{
    const dlx__backend_class *class = class_of(kernels);
    dlx__backend *b = open(m, kernels, opts);
    cpu_step(class, b, m, split, 0, 0, 1, 0, NULL);
    cpu_step(class, b, m, split - 2, 5, split, 0, 0, NULL);
    cpu_step(class, b, m, split + 4, 0, 0, 0, 1, NULL);
    cpu_step(class, b, m, split - 5, 5, split, 1, 0, NULL);
    cpu_numbers *got = cpu_pass(class, b, m, n - split, split, 1);
    class->close(b);
    return got;
}

static void compare_parts(const dlx__model *m, const dlx__kernels *kernels, dlx__kv_type type,
                          bool bf16, size_t n, size_t split)
{
    static const int n_threads[] = {1, 2, 3, 8};
    const size_t n_vocab = m->graph.n_vocab;
    dlx__backend_opts opts = opts_of(type, 1, bf16);
    dlx__backend *b = open(m, kernels, &opts);
    cpu_numbers *whole = cpu_pass(class_of(kernels), b, m, n, 0, 1);
    class_of(kernels)->close(b);
    for (size_t i = 0; i < (kernels ? DLX__LEN(n_threads) : 1); i++) {
        opts.n_threads = n_threads[i];
        cpu_numbers *parts = in_parts(m, kernels, &opts, n, split);
        assert_memory_equal(whole->logits + split * n_vocab, parts->logits,
                            (n - split) * n_vocab * sizeof *parts->logits);
        cpu_numbers_free(parts);
    }
    cpu_numbers_free(whole);
}

/* Slots hold the same whichever passes wrote them: tiles of rows, odd starts, slots written again.
 */
static void written_in_parts(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *best = dlx__kernels_best(&cpu);
    random_model *wide = model_of(64, 7), *odd = random_model_open(&cpu_odd_shape, 7);
    EACH_TYPE(type)
    {
        compare_parts(&odd->model, NULL, type, false, 24, 13);
        compare_parts(&odd->model, &dlx__kernels_scalar, type, false, 24, 13);
        compare_parts(&odd->model, best, type, false, 24, 13);
        compare_parts(&wide->model, best, type, false, 147, 133);
        compare_parts(&wide->model, best, type, true, 24, 13);
    }
    random_model_release(wide);
    random_model_release(odd);
}

/* Pairs are multiplied only where bf16 is asked for: without it bf16 is as near to the reference as
 * floats are, and whoever asks for both gets what bf16 alone gives. */
static void bf16_is_rounded_once(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *best = dlx__kernels_best(&cpu);
    random_model *m = model_of(64, 5);
    const dlx__backend_opts unsaid = opts_of(DLX__KV_NONE, 2, true);
    const dlx__backend_opts said = opts_of(best->halve ? DLX__KV_BF16 : DLX__KV_F32, 2, true);
    cpu_numbers *x = run_kept(&m->model, best, &unsaid, N_ROWS, 4);
    cpu_numbers *y = run_kept(&m->model, best, &said, N_ROWS, 4);
    assert_memory_equal(x->logits, y->logits,
                        MORE_ROWS * m->model.graph.n_vocab * sizeof *x->logits);
    cpu_numbers_free(x);
    cpu_numbers_free(y);
    random_model_release(m);
}

/* Plans count the bytes that are taken. */
static void plans(void **state)
{
    (void)state;
    const dlx__backend_class *const classes[] = {&dlx__backend_cpu, &dlx__backend_reference};
    random_model *m = model_of(64, 5);
    const dlx__graph *g = &m->model.graph;
    for (size_t i = 0; i < DLX__LEN(classes); i++)
        EACH_TYPE(type)
        {
            const dlx__backend_opts o = opts_of(type, 1, false);
            const size_t one =
                dlx__kv_bytes(g->n_layers, g->n_heads_kv, o.n_ctx, g->head_dim, type);
            assert_int_equal(classes[i]->plan(&m->model, &o).kv, 2 * one);
        }
    random_model_release(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_equals_the_reference),
        cmocka_unit_test(types_are_different),
        cmocka_unit_test(written_in_parts),
        cmocka_unit_test(bf16_is_rounded_once),
        cmocka_unit_test(plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
