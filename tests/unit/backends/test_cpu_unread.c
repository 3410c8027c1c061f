/*
 * test_cpu_unread.c - rows that the head will not read: the others have the bits that they have
 * when all are read, and so have keys and values; the head refuses what was left out.
 */
#include "cpu_support.h"

static const size_t n_rows[] = {1, 2, 16, 33, 128, 129, 290};

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

/* A step over n rows from slot 0 on; ids that other steps have where `salt` is another. */
static dlx__step step_of(dlx_token *ids, const dlx__model *m, size_t n, size_t block, size_t salt)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = (dlx_token)((31 * i + 977 * salt) % m->graph.n_vocab);
    return (dlx__step){.ids = ids,
                       .n = n,
                       .n_keep = n,
                       .visibility = block ? DLX__VISIBLE_BLOCK_CAUSAL : DLX__VISIBLE_FULL,
                       .block = block};
}

/* Such a step, of which [from, n - n_unread_end) is read. */
static dlx_result step_reading(dlx__backend *b, const dlx__model *m, size_t n, size_t block,
                               size_t from, size_t n_unread_end, int stream, dlx_error *err)
{
    dlx_token ids[CPU_MOST_ROWS];
    dlx__step step = step_of(ids, m, n, block, (size_t)stream);
    step.n_unread = from;
    step.n_unread_end = n_unread_end;
    step.stream = stream;
    return dlx__backend_cpu.step(b, &step, err);
}

/* Other keys and values into all slots. */
static void clobber(dlx__backend *b, const dlx__model *m)
{
    dlx_error err = {.code = DLX_OK};
    dlx_token ids[CPU_MOST_ROWS];
    const dlx__step other = step_of(ids, m, CPU_MOST_ROWS, 0, 5);
    assert_ok(dlx__backend_cpu.step(b, &other, &err), &err);
}

static void assert_unread(dlx__backend *b, size_t row)
{
    dlx_error err = {.code = DLX_OK};
    dlx__row_stat stat;
    const dlx__head head = {.rows = &row, .n = 1, .stats = &stat};
    assert_int_equal(dlx__backend_cpu.head(b, &head, &err), DLX_E_ARG);
    assert_says(&err, "left rows [");
}

/* Logits of the rows [from, to) of a step over n against those of a step that reads all. */
static void compare(dlx__backend *b, const dlx__model *m, const cpu_numbers *all,
                    const cpu_numbers *after, size_t n, size_t block, size_t from, size_t to)
{
    const size_t n_vocab = m->graph.n_vocab, n_read = to - from, n_after = 9;
    dlx_error err = {.code = DLX_OK};
    size_t rows[CPU_MOST_ROWS];
    float *logits = malloc((n_read + 1) * n_vocab * sizeof *logits);
    assert_non_null(logits);
    clobber(b, m);
    assert_ok(step_reading(b, m, n, block, from, n - to, 0, &err), &err);
    for (size_t i = 0; i < n_read; i++)
        rows[i] = from + i;
    const dlx__head head = {.rows = rows, .n = n_read, .logits = logits};
    assert_ok(dlx__backend_cpu.head(b, &head, &err), &err);
    assert_memory_equal(logits, all->logits + from * n_vocab, n_read * n_vocab * sizeof *logits);
    free(logits);
    if (from > 0)
        assert_unread(b, from - 1);
    assert_unread(b, to);
    cpu_numbers *got = cpu_pass(&dlx__backend_cpu, b, m, n_after, n, block);
    assert_memory_equal(got->logits, after->logits, n_after * n_vocab * sizeof *got->logits);
    cpu_numbers_free(got);
}

static void compare_spans(const random_shape *shape, int n_threads, size_t block)
{
    random_model *r = random_model_open(shape, 5);
    const dlx__model *m = &r->model;
    dlx__backend *b = cpu_load(&dlx__backend_cpu, m, n_threads, 1);
    for (size_t i = 0; i < DLX__LEN(n_rows); i++) {
        const size_t n = n_rows[i];
        cpu_numbers *all = cpu_pass(&dlx__backend_cpu, b, m, n, 0, block);
        cpu_numbers *after = cpu_pass(&dlx__backend_cpu, b, m, 9, n, block);
        const size_t spans[][2] = {{0, n},         {0, 0},           {n, n}, {n / 2, n},
                                   {n - 1, n},     {0, (n + 1) / 2}, {0, 1}, {n / 3, n / 3 + 1},
                                   {n / 4, n / 2}, {n > 3, n}};
        for (size_t k = 0; k < DLX__LEN(spans); k++)
            compare(b, m, all, after, n, block, spans[k][0], spans[k][1]);
        cpu_numbers_free(all);
        cpu_numbers_free(after);
    }
    dlx__backend_cpu.close(b);
    random_model_release(r);
}

static void test_read_rows_are_the_same(void **state)
{
    (void)state;
    random_shape q8 = cpu_block_shape, q4 = cpu_block_shape, one_layer = cpu_odd_shape;
    q8.dtype = DLX__Q8_0;
    q4.dtype = DLX__Q4_0;
    one_layer.n_layers = 1;
    compare_spans(&cpu_odd_shape, 2, 0);
    compare_spans(&cpu_odd_shape, 3, 7);
    compare_spans(&one_layer, 1, 4);
    compare_spans(&q8, 1, 0);
    compare_spans(&q4, 2, 8);
}

/* Guidance reads a row of both streams. */
static void test_guidance_needs_both(void **state)
{
    (void)state;
    static const struct {
        size_t from, n_unread_end;
        dlx_result result;
    } other[] = {{3, 0, DLX_OK}, {0, 4, DLX_OK}, {4, 0, DLX_E_ARG}, {0, 5, DLX_E_ARG}};
    dlx_error err = {.code = DLX_OK};
    random_model *r = random_model_open(&cpu_odd_shape, 6);
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &r->model, 1, 2);
    dlx__row_stat stat;
    const size_t row = 3;
    const dlx__head head = {.rows = &row, .n = 1, .stats = &stat, .cfg_scale = 1};
    for (size_t i = 0; i < DLX__LEN(other); i++)
        for (int late = 0; late < 2; late++) {
            assert_ok(step_reading(b, &r->model, 8, 0, 3, 4, late, &err), &err);
            assert_ok(
                step_reading(b, &r->model, 8, 0, other[i].from, other[i].n_unread_end, !late, &err),
                &err);
            assert_int_equal(dlx__backend_cpu.head(b, &head, &err), other[i].result);
        }
    dlx__backend_cpu.close(b);
    random_model_release(r);
}

/* A tap sees all rows, and they are those of a step whose rows are all read. */
static void test_a_tap_sees_all(void **state)
{
    (void)state;
    enum { N = 24 };
    dlx_error err = {.code = DLX_OK};
    dlx_token ids[N];
    random_model *r = random_model_open(&cpu_odd_shape, 8);
    const dlx__graph *g = &r->model.graph;
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &r->model, 2, 1);
    cpu_numbers seen[2] = {0};
    for (size_t k = 0; k < 2; k++) {
        dlx__step step = step_of(ids, &r->model, N, 0, 0);
        step.n_unread = k ? N - 1 : 0;
        step.tap = cpu_tap;
        step.tap_user = &seen[k];
        seen[k].hidden = malloc((g->n_layers + 2) * N * g->n_embd * sizeof *seen[k].hidden);
        assert_non_null(seen[k].hidden);
        assert_ok(dlx__backend_cpu.step(b, &step, &err), &err);
    }
    assert_int_equal(seen[0].n_hidden, seen[1].n_hidden);
    assert_memory_equal(seen[0].hidden, seen[1].hidden, seen[0].n_hidden * sizeof(float));
    free(seen[0].hidden);
    free(seen[1].hidden);
    dlx__backend_cpu.close(b);
    random_model_release(r);
}

static void test_a_stopped_step_has_no_rows(void **state)
{
    (void)state;
    dlx_error err = {.code = DLX_OK};
    dlx_token ids[8];
    random_model *r = random_model_open(&cpu_odd_shape, 9);
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &r->model, 1, 1);
    dlx__step step = step_of(ids, &r->model, 8, 0, 0);
    assert_ok(dlx__backend_cpu.step(b, &step, &err), &err);
    step.stop = stop_at_once;
    assert_int_equal(dlx__backend_cpu.step(b, &step, &err), DLX_CANCELLED);
    assert_unread(b, 0);
    dlx__backend_cpu.close(b);
    random_model_release(r);
}

static void test_more_than_there_are(void **state)
{
    (void)state;
    static const size_t bad[][2] = {{9, 0}, {0, 9}, {5, 4}, {SIZE_MAX, 2}, {2, SIZE_MAX}};
    dlx_error err = {.code = DLX_OK};
    random_model *r = random_model_open(&cpu_odd_shape, 7);
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &r->model, 1, 1);
    for (size_t i = 0; i < DLX__LEN(bad); i++) {
        assert_int_equal(step_reading(b, &r->model, 8, 0, bad[i][0], bad[i][1], 0, &err),
                         DLX_E_ARG);
        assert_says(&err, "at most 8 unread rows");
    }
    dlx__backend_cpu.close(b);
    random_model_release(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_rows_are_the_same), cmocka_unit_test(test_guidance_needs_both),
        cmocka_unit_test(test_a_tap_sees_all), cmocka_unit_test(test_a_stopped_step_has_no_rows),
        cmocka_unit_test(test_more_than_there_are)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
