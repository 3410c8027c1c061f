// labels: quick
/* test_cpu_bf16.c - the cpu backend with numbers rounded to bf16: near what it gives with floats,
 * the same bits for any number of threads, and no difference where no table or weight makes one. */
#include "cpu_support.h"

static dlx__backend *load(const dlx__model *m, const char *kernels, int n_threads, bool bf16)
{
    dlx_error err = {.code = DLX_OK};
    dlx__backend *b = NULL;
    dlx__backend_opts opts = {.n_ctx = CPU_N_CTX - 1, /* odd: the last pair of slots is half one */
                              .n_rows = CPU_MOST_ROWS,
                              .n_streams = 2,
                              .n_threads = n_threads,
                              .kernels = kernels,
                              .bf16 = bf16};
    assert_ok(dlx__backend_cpu.load(&b, m, &opts, &err), &err);
    return b;
}

/* A pass of n rows from an empty cache. */
static cpu_numbers *numbers(const dlx__model *m, const char *kernels, int n_threads, bool bf16,
                            size_t n)
{
    dlx__backend *b = load(m, kernels, n_threads, bf16);
    cpu_numbers *got = cpu_pass(&dlx__backend_cpu, b, m, n, 0, 4);
    dlx__backend_cpu.close(b);
    return got;
}

static void open_golden(dlx__model *m, const char *folder)
{
    char path[512];
    dlx_error err = {.code = DLX_OK};
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folder);
    assert_ok(dlx__model_open(m, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
}

static void assert_same_logits(const cpu_numbers *a, const cpu_numbers *b, size_t n)
{
    assert_memory_equal(a->logits, b->logits, n * sizeof *a->logits);
}

/* A number rounded to bf16 is off by up to 2^-8 of itself, at random: of a product little is left,
 * and layers add their parts. */
static void near_floats(void **state)
{
    (void)state;
    static const size_t n_rows[] = {1, 4, 37, 140};
    dlx__model m;
    open_golden(&m, "sdar-tiny-b4-bf16");
    for (size_t i = 0; i < DLX__LEN(n_rows); i++) {
        const size_t n = n_rows[i], n_logits = n * m.graph.n_vocab;
        cpu_numbers *floats = numbers(&m, NULL, 1, false, n);
        cpu_numbers *one = numbers(&m, NULL, 1, true, n);
        const double distance = cpu_distance(floats->logits, one->logits, n_logits);
        print_message("%zu rows: logits move by %g of the maximum\n", n, distance);
        assert_true(distance < 0.04);
        for (int t = 2; t <= 8; t = t == 2 ? 3 : t + 5) {
            cpu_numbers *many = numbers(&m, NULL, t, true, n);
            assert_same_logits(one, many, n_logits);
            cpu_numbers_free(many);
        }
        cpu_numbers_free(floats);
        cpu_numbers_free(one);
    }
    dlx__model_release(&m);
}

/* Heads that are no whole groups: attention's rows are rounded in a phase of their own. */
static void odd_shapes(void **state)
{
    (void)state;
    random_model *m = random_model_open(&cpu_odd_shape, 5);
    const size_t n = 37, n_logits = n * m->model.graph.n_vocab;
    cpu_numbers *floats = numbers(&m->model, NULL, 2, false, n);
    cpu_numbers *one = numbers(&m->model, NULL, 1, true, n);
    cpu_numbers *many = numbers(&m->model, NULL, 3, true, n);
    assert_true(cpu_distance(floats->logits, one->logits, n_logits) < 0.04);
    assert_same_logits(one, many, n_logits);
    cpu_numbers_free(floats);
    cpu_numbers_free(one);
    cpu_numbers_free(many);
    random_model_release(m);
}

/* n causal rows in passes that start at odd slots, one of them over slots that a pass which saw
 * more had written, with another stream between: the logits of the last, from row `split` on. */
static cpu_numbers *in_parts(const dlx__model *m, const char *kernels, int n_threads, size_t n,
                             size_t split)
{
    const dlx__backend_class *cpu = &dlx__backend_cpu;
    dlx__backend *b = load(m, kernels, n_threads, true);
    cpu_step(cpu, b, m, split, 0, 0, 1, 0, NULL);
    cpu_step(cpu, b, m, split - 2, 5, split, 0, 0, NULL);
    cpu_step(cpu, b, m, split + 4, 0, 0, 0, 1, NULL);
    cpu_step(cpu, b, m, split - 5, 5, split, 1, 0, NULL);
    cpu_numbers *got = cpu_pass(cpu, b, m, n - split, split, 1);
    cpu->close(b);
    return got;
}

static void compare_parts(const dlx__model *m, const char *kernels, size_t n, size_t split)
{
    static const int n_threads[] = {1, 2, 3, 8};
    const size_t n_vocab = m->graph.n_vocab;
    dlx__backend *b = load(m, kernels, 1, true);
    cpu_numbers *whole = cpu_pass(&dlx__backend_cpu, b, m, n, 0, 1);
    dlx__backend_cpu.close(b);
    for (size_t i = 0; i < DLX__LEN(n_threads); i++) {
        cpu_numbers *parts = in_parts(m, kernels, n_threads[i], n, split);
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
    random_shape shape = cpu_block_shape;
    shape.dtype = DLX__BF16;
    random_model *wide = random_model_open(&shape, 7), *odd = random_model_open(&cpu_odd_shape, 7);
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *const *tables = dlx__kernels_list();
    for (size_t i = 0; tables[i]; i++) {
        if (!tables[i]->runs_on(&cpu))
            continue;
        compare_parts(&odd->model, tables[i]->name, 24, 13);
        compare_parts(&wide->model, tables[i]->name, 24, 13);
        if (tables[i]->halve)
            compare_parts(&wide->model, tables[i]->name, 147, 133);
    }
    random_model_release(wide);
    random_model_release(odd);
}

/* The plan counts the rounded rows, and half the keys and values, where there are any. */
static void plans(void **state)
{
    (void)state;
    dlx__model m;
    open_golden(&m, "sdar-tiny-b4-bf16");
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *const *tables = dlx__kernels_list();
    for (size_t i = 0; tables[i]; i++) {
        dlx__backend_opts opts = {
            .n_ctx = 64, .n_rows = 16, .n_streams = 1, .n_threads = 1, .kernels = tables[i]->name};
        if (!tables[i]->runs_on(&cpu))
            continue;
        const dlx__backend_plan floats = dlx__backend_cpu.plan(&m, &opts);
        opts.bf16 = true;
        const dlx__backend_plan halves = dlx__backend_cpu.plan(&m, &opts);
        const bool any = tables[i]->halve != NULL;
        assert_true(any ? halves.scratch > floats.scratch : halves.scratch == floats.scratch);
        assert_int_equal(halves.kv, floats.kv / (any ? 2 : 1));
    }
    dlx__model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_floats),
        cmocka_unit_test(odd_shapes),
        cmocka_unit_test(written_in_parts),
        cmocka_unit_test(plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
