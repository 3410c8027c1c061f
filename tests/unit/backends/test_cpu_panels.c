// labels: quick
/* test_cpu_panels.c - where the panels of a model lie: one behind the other without a gap, in the
 * order in which a pass reads them. */
#include "cpu_support.h"

#include "backends/cpu/cpu_weights.h"

/* Expects panel p of a matrix at `at`; what lies behind it. */
static const uint8_t *expect_panel(const dlx__cpu_linear *linear, size_t p, const uint8_t *at)
{
    assert_ptr_equal(dlx__cpu_panel(linear, p), at);
    return at + linear->w.panel_bytes;
}

static const uint8_t *expect_all(const dlx__cpu_linear *linear, const uint8_t *at)
{
    for (size_t p = 0; p < linear->w.n_panels; p++)
        at = expect_panel(linear, p, at);
    return at;
}

/* A span of gate, the same span of up, the next of gate. */
static const uint8_t *expect_gated(const dlx__cpu_layer *l, const uint8_t *at)
{
    enum { SPAN_PANELS = DLX__SPAN / DLX__PANEL };
    for (size_t first = 0; first < l->gate.w.n_panels; first += SPAN_PANELS) {
        const size_t end = dlx__min(first + SPAN_PANELS, l->gate.w.n_panels);
        for (size_t p = first; p < end; p++)
            at = expect_panel(&l->gate, p, at);
        for (size_t p = first; p < end; p++)
            at = expect_panel(&l->up, p, at);
    }
    return at;
}

static void check(const random_shape *shape, bool int8)
{
    dlx_error err = {.code = DLX_OK};
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *kernels = dlx__kernels_best(&cpu);
    random_model *m = random_model_open(shape, 1);
    dlx__pool *pool;
    dlx__cpu_weights *w;
    assert_ok(dlx__pool_open(&pool, 2, NULL, &err), &err);
    assert_ok(dlx__cpu_weights_open(&w, &m->model, kernels, int8, pool, NULL, &err), &err);
    const uint8_t *at = w->panels;
    for (size_t i = 0; i < shape->n_layers; i++) {
        const dlx__cpu_layer *l = &w->program.layers[i];
        at = expect_all(&l->q, at);
        at = expect_all(&l->k, at);
        at = expect_all(&l->v, at);
        at = expect_all(&l->o, at);
        at = expect_gated(l, at);
        at = expect_all(&l->down, at);
    }
    at = expect_all(&w->program.head, at);
    assert_int_equal(at - w->panels, dlx__cpu_panel_bytes(&m->model, kernels, int8));
    dlx__cpu_weights_close(w);
    dlx__pool_free(pool);
    random_model_release(m);
}

static void without_a_gap(void **state)
{
    (void)state;
    check(&cpu_odd_shape, false);
    check(&cpu_odd_shape, true);
    random_shape blocks = cpu_block_shape;
    blocks.dtype = DLX__Q4_K;
    check(&blocks, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_a_gap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
