// labels: quick
/* test_cpu_refusals.c - what the cpu backend does not do, it refuses with a sentence: steps and
 * heads that fit no session, graphs that are no decoder it knows. */
#include "cpu_support.h"

static dlx_result try_step(dlx__backend *b, dlx__step step, dlx_error *err)
{
    static const dlx_token ids[CPU_MOST_ROWS + 1] = {1, 2, 3};
    if (!step.ids)
        step.ids = ids;
    return dlx__backend_cpu.step(b, &step, err);
}

static void steps(void **state)
{
    (void)state;
    random_model *m = random_model_open(&cpu_odd_shape, 1);
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &m->model, 1, 1);
    const dlx_token bad[] = {3, 3301}, negative[] = {-1};
    dlx_error err;
    assert_int_equal(try_step(b, (dlx__step){.n = 0}, &err), DLX_E_ARG);
    assert_says(&err, "expected 1 to 300 rows, found 0");
    assert_int_equal(try_step(b, (dlx__step){.n = 301}, &err), DLX_E_ARG);
    assert_int_equal(try_step(b, (dlx__step){.n = 2, .start = 319, .n_kv = 319}, &err), DLX_E_FULL);
    assert_says(&err, "context of 320 slots");
    assert_int_equal(try_step(b, (dlx__step){.n = 1, .n_kv = 321}, &err), DLX_E_FULL);
    assert_int_equal(try_step(b, (dlx__step){.n = 1, .start = SIZE_MAX}, &err), DLX_E_FULL);
    assert_int_equal(try_step(b, (dlx__step){.n = 1, .start = 5, .n_kv = 4}, &err), DLX_E_ARG);
    assert_int_equal(try_step(b, (dlx__step){.n = 1, .stream = 1}, &err), DLX_E_ARG);
    assert_int_equal(
        try_step(b, (dlx__step){.n = 1, .visibility = DLX__VISIBLE_BLOCK_CAUSAL}, &err), DLX_E_ARG);
    assert_int_equal(try_step(b, (dlx__step){.n = 2, .ids = bad}, &err), DLX_E_ARG);
    assert_says(&err, "id of row 1 is 3301, expected 0 to 3300");
    assert_int_equal(try_step(b, (dlx__step){.n = 1, .ids = negative}, &err), DLX_E_ARG);
    assert_int_equal(try_step(b, (dlx__step){.n = 0}, NULL), DLX_E_ARG);
    dlx__backend_cpu.close(b);
    random_model_release(m);
}

static void heads(void **state)
{
    (void)state;
    random_model *m = random_model_open(&cpu_odd_shape, 1);
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &m->model, 1, 1);
    dlx__row_stat stat;
    dlx_error err;
    const size_t row = 3;
    dlx__head head = {.rows = &row, .n = 1, .stats = &stat};
    assert_int_equal(dlx__backend_cpu.head(b, &head, &err), DLX_E_ARG);
    assert_says(&err, "row 3 was asked for, the last step left rows [0, 0)");
    cpu_step(&dlx__backend_cpu, b, &m->model, 4, 0, 0, 0, 0, NULL);
    assert_int_equal(dlx__backend_cpu.head(b, &head, &err), DLX_OK);
    head.n_ids = 3302;
    assert_int_equal(dlx__backend_cpu.head(b, &head, &err), DLX_E_ARG);
    head.n_ids = 0;
    head.cfg_scale = 1;
    assert_int_equal(dlx__backend_cpu.head(b, &head, &err), DLX_E_ARG);
    assert_says(&err, "two streams");
    head.cfg_scale = 0;
    head.stream = 1;
    assert_int_equal(dlx__backend_cpu.head(b, &head, &err), DLX_E_ARG);
    head.stream = 0;
    head.n = 0;
    assert_int_equal(dlx__backend_cpu.head(b, &head, &err), DLX_OK);
    dlx__backend_cpu.close(b);
    random_model_release(m);
}

static void options(void **state)
{
    (void)state;
    random_model *m = random_model_open(&cpu_odd_shape, 1);
    static const dlx__backend_opts bad[] = {
        {.n_ctx = 0, .n_rows = 1, .n_streams = 1},
        {.n_ctx = 8, .n_rows = 0, .n_streams = 1},
        {.n_ctx = 8, .n_rows = 1, .n_streams = 0},
        {.n_ctx = 8, .n_rows = 1, .n_streams = 3},
        {.n_ctx = 8, .n_rows = 1, .n_streams = 1, .n_threads = -1},
        {.n_ctx = SIZE_MAX / 8, .n_rows = 1, .n_streams = 1},
    };
    for (size_t i = 0; i < DLX__LEN(bad); i++) {
        dlx__backend *b;
        dlx_error err = {.code = DLX_OK};
        assert_int_equal(dlx__backend_cpu.load(&b, &m->model, &bad[i], &err), DLX_E_ARG);
        assert_true(strlen(err.text) > 15);
        assert_null(b);
    }
    dlx_error err;
    assert_int_equal(dlx__backend_cpu.probe(&err), DLX_OK);
    random_model_release(m);
}

static void assert_refused(random_model *m, const char *words)
{
    dlx__backend *b;
    dlx_error err = {.code = DLX_OK};
    dlx__backend_opts o = {.n_ctx = 8, .n_rows = 1, .n_streams = 1, .n_threads = 1};
    assert_int_not_equal(dlx__backend_cpu.load(&b, &m->model, &o, &err), DLX_OK);
    assert_says(&err, words);
    assert_null(b);
}

/* The first node of a kind. */
static dlx__node *node_of(random_model *m, dlx__op op)
{
    dlx__graph *g = &m->model.graph;
    for (size_t i = 0; i < g->n; i++)
        if (g->nodes[i].op == op)
            return &g->nodes[i];
    return NULL;
}

/* Each time another node is not what a decoder has at its place. */
static void graphs(void **state)
{
    (void)state;
    random_model *m = random_model_open(&cpu_odd_shape, 1);
    node_of(m, DLX__OP_SILU_MUL)->op = DLX__OP_ADD;
    assert_refused(m, "(add, layer 0): expected silu_mul");
    random_model_release(m);

    m = random_model_open(&cpu_odd_shape, 1);
    node_of(m, DLX__OP_ROPE)->theta = 3;
    assert_refused(m, "rope, layer");
    random_model_release(m);

    m = random_model_open(&cpu_odd_shape, 1);
    node_of(m, DLX__OP_ROPE)->op = DLX__OP_RMSNORM;
    assert_refused(m, "rope before attend");
    random_model_release(m);

    m = random_model_open(&cpu_odd_shape, 1);
    const void *data = m->tensors[4].data;
    m->tensors[4].data = NULL;
    assert_refused(m, "opened without weights");
    m->tensors[4].data = data;
    random_model_release(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(heads),
        cmocka_unit_test(options),
        cmocka_unit_test(graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
