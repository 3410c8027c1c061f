// labels: golden
/* test_cpu_threads.c - the cpu backend gives the same bits for any number of threads, and a row
 * the same bits whatever rows share its pass. */
#include "cpu_support.h"

static const int n_threads[] = {2, 3, 8};

static bool same_stat(const dlx__row_stat *a, const dlx__row_stat *b)
{
    return a->best == b->best && a->logit == b->logit && a->prob == b->prob &&
           a->margin == b->margin && a->neg_entropy == b->neg_entropy && a->finite == b->finite;
}

static void assert_same(const cpu_numbers *a, const cpu_numbers *b, size_t n, size_t n_vocab)
{
    assert_int_equal(a->n_hidden, b->n_hidden);
    assert_memory_equal(a->hidden, b->hidden, a->n_hidden * sizeof *a->hidden);
    assert_memory_equal(a->logits, b->logits, n * n_vocab * sizeof *a->logits);
    for (size_t i = 0; i < n; i++)
        assert_true(same_stat(&a->stats[i], &b->stats[i]));
}

/* A pass from an empty cache, and one over what it left. */
static void compare_threads(const dlx__model *m, size_t n, size_t block)
{
    const size_t n_vocab = m->graph.n_vocab, more = n < 10 ? n : 10;
    dlx__backend *one = cpu_load(&dlx__backend_cpu, m, 1, 1);
    cpu_numbers *first = cpu_pass(&dlx__backend_cpu, one, m, n, 0, block);
    cpu_numbers *second = cpu_pass(&dlx__backend_cpu, one, m, more, n, block);
    for (size_t t = 0; t < DLX__LEN(n_threads); t++) {
        dlx__backend *b = cpu_load(&dlx__backend_cpu, m, n_threads[t], 1);
        cpu_numbers *got = cpu_pass(&dlx__backend_cpu, b, m, n, 0, block);
        assert_same(first, got, n, n_vocab);
        cpu_numbers_free(got);
        got = cpu_pass(&dlx__backend_cpu, b, m, more, n, block);
        assert_same(second, got, more, n_vocab);
        cpu_numbers_free(got);
        dlx__backend_cpu.close(b);
    }
    cpu_numbers_free(first);
    cpu_numbers_free(second);
    dlx__backend_cpu.close(one);
}

static void threads_on_golden(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b8", "dream-bf16-sharded",
                                          "llada-gqa-sharded"};
    for (size_t i = 0; i < DLX__LEN(folders); i++) {
        char path[512];
        dlx__model m;
        dlx_error err = {.code = DLX_OK};
        snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folders[i]);
        assert_ok(dlx__model_open(&m, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
        compare_threads(&m, 37, 8);
        compare_threads(&m, 37, 0);
        dlx__model_release(&m);
    }
}

/* Up to several tiles of rows, several chunks of lanes, several tiles of the vocabulary. */
static void threads_on_random(void **state)
{
    (void)state;
    static const size_t n_rows[] = {1, 5, 33, 64, 129, 290};
    random_model *m = random_model_open(&cpu_odd_shape, 1);
    for (size_t i = 0; i < DLX__LEN(n_rows); i++) {
        compare_threads(&m->model, n_rows[i], 0);
        compare_threads(&m->model, n_rows[i], 7);
    }
    random_model_release(m);
}

/* Two blocks in one pass, then one after the other: lanes, packs and tiles fall differently. */
static void rows_alone(void **state)
{
    (void)state;
    static const size_t blocks[] = {4, 33, 100};
    random_model *m = random_model_open(&cpu_odd_shape, 2);
    const size_t n_vocab = m->model.graph.n_vocab;
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &m->model, 2, 1);
    for (size_t i = 0; i < DLX__LEN(blocks); i++) {
        const size_t n = blocks[i];
        cpu_numbers *both = cpu_pass(&dlx__backend_cpu, b, &m->model, 2 * n, 0, n);
        for (size_t half = 0; half < 2; half++) {
            cpu_numbers *alone = cpu_pass(&dlx__backend_cpu, b, &m->model, n, half * n, n);
            assert_memory_equal(alone->logits, both->logits + half * n * n_vocab,
                                n * n_vocab * sizeof *alone->logits);
            cpu_numbers_free(alone);
        }
        cpu_numbers_free(both);
    }
    dlx__backend_cpu.close(b);
    random_model_release(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_on_golden),
        cmocka_unit_test(threads_on_random),
        cmocka_unit_test(rows_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
