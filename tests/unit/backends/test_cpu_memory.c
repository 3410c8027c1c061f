// labels: quick
/* test_cpu_memory.c - what the cpu backend allocates: as much as it planned, nothing in a pass,
 * and any allocation may fail. */
#include "cpu_support.h"

#include "failing_mem.h"

/* failing_mem, and the bytes asked for. */
typedef struct counted {
    failing_mem inner;
    dlx_allocator mem;
    size_t n_bytes;
} counted;

static void *counted_resize(void *user, void *p, size_t n)
{
    counted *c = user;
    c->n_bytes += n;
    return c->inner.mem.resize(c->inner.mem.user, p, n);
}

static void counted_init(counted *c, size_t fail_at)
{
    failing_mem_init(&c->inner, fail_at);
    c->mem = (dlx_allocator){counted_resize, c};
    c->n_bytes = 0;
}

static dlx__backend_opts opts_of(counted *c, size_t n_rows, int n_streams, int n_threads)
{
    return (dlx__backend_opts){.n_ctx = CPU_N_CTX,
                               .n_rows = n_rows,
                               .n_streams = n_streams,
                               .n_threads = n_threads,
                               .mem = &c->mem};
}

/* The plan leaves out the record of the threads and each block's alignment: some 2 KiB. */
static void planned(void **state)
{
    (void)state;
    static const size_t n_rows[] = {1, 32, 100, 300};
    random_model *m = random_model_open(&cpu_odd_shape, 1);
    for (size_t i = 0; i < DLX__LEN(n_rows); i++) {
        dlx_error err = {.code = DLX_OK};
        dlx__backend *b;
        counted c;
        counted_init(&c, 0);
        dlx__backend_opts o = opts_of(&c, n_rows[i], 1 + (int)(i % 2), 1 + (int)i);
        dlx__backend_plan p = dlx__backend_cpu.plan(&m->model, &o);
        size_t plan = p.packed + p.kv + p.scratch;
        assert_ok(dlx__backend_cpu.load(&b, &m->model, &o, &err), &err);
        assert_true(c.n_bytes >= plan && c.n_bytes - plan < 2048);
        dlx__backend_cpu.close(b);
        assert_int_equal(c.inner.n_alive, 0);
    }
    random_model_release(m);
}

/* Memory for a long canvas grows with the rows' residual stream, not with the feed-forward width.
 */
static void long_canvas(void **state)
{
    (void)state;
    random_shape s = cpu_odd_shape;
    s.n_ff = 4000;
    random_model *m = random_model_open(&s, 1);
    counted c;
    counted_init(&c, 0);
    dlx__backend_opts o = opts_of(&c, 32768, 1, 2);
    o.n_ctx = 32768;
    size_t rows = 32768 * (s.n_embd + s.head_dim) * sizeof(float);
    size_t kv = dlx__kv_bytes(s.n_layers, s.n_heads_kv, 32768, s.head_dim, DLX__KV_F32);
    dlx__backend_plan plan = dlx__backend_cpu.plan(&m->model, &o);
    assert_int_equal(plan.kv, kv);
    assert_true(plan.scratch < rows + (8u << 20));
    random_model_release(m);
}

static void nothing_in_a_pass(void **state)
{
    (void)state;
    random_model *m = random_model_open(&cpu_odd_shape, 1);
    dlx_error err = {.code = DLX_OK};
    dlx__backend *b;
    counted c;
    counted_init(&c, 0);
    dlx__backend_opts o = opts_of(&c, CPU_MOST_ROWS, 2, 3);
    assert_ok(dlx__backend_cpu.load(&b, &m->model, &o, &err), &err);
    const size_t before = c.inner.n_calls, rows[] = {3, 0};
    dlx__row_stat stats[2];
    cpu_step(&dlx__backend_cpu, b, &m->model, 200, 0, 0, 8, 0, NULL);
    cpu_step(&dlx__backend_cpu, b, &m->model, 5, 200, 200, 0, 0, NULL);
    cpu_step(&dlx__backend_cpu, b, &m->model, 5, 0, 0, 0, 1, NULL);
    dlx__head head = {.rows = rows, .n = 2, .cfg_scale = 1, .stats = stats};
    assert_ok(dlx__backend_cpu.head(b, &head, &err), &err);
    assert_int_equal(c.inner.n_calls, before);
    dlx__backend_cpu.close(b);
    random_model_release(m);
}

static void any_may_fail(void **state)
{
    (void)state;
    random_model *m = random_model_open(&cpu_odd_shape, 1);
    for (size_t at = 1;; at++) {
        dlx_error err = {.code = DLX_OK};
        dlx__backend *b;
        counted c;
        counted_init(&c, at);
        dlx__backend_opts o = opts_of(&c, 8, 2, 2);
        dlx_result r = dlx__backend_cpu.load(&b, &m->model, &o, &err);
        if (r == DLX_OK) {
            dlx__backend_cpu.close(b);
            assert_true(at > 4);
            break;
        }
        assert_int_equal(r, DLX_E_NOMEM);
        assert_says(&err, "out of memory");
        assert_null(b);
        assert_int_equal(c.inner.n_alive, 0);
    }
    random_model_release(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planned),
        cmocka_unit_test(long_canvas),
        cmocka_unit_test(nothing_in_a_pass),
        cmocka_unit_test(any_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
