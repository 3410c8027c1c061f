/*
 * test_reference.c - the reference backend beside the goldens: what the head tells, what the kept
 * keys and values mean, which passes are refused, and what happens without memory.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/backend.h"
#include "backends/reference.h"
#include "failing_mem.h"
#include "golden_gguf.h"

extern const dlx__backend_class dlx__backend_reference;
static const dlx__backend_class *const ref = &dlx__backend_reference;

enum { N_CTX = 40, N_ROWS = 32 };

static void open_model(dlx__model *m, const char *folder)
{
    dlx_error err = {0};
    char path[640];
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folder);
    assert_ok(dlx__model_open(m, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
}

static dlx__backend *load(const dlx__model *m, int n_streams)
{
    dlx_error err = {0};
    dlx__backend *b = NULL;
    dlx__backend_opts opts = {.n_ctx = N_CTX, .n_rows = N_ROWS, .n_streams = n_streams};
    assert_ok(ref->load(&b, m, &opts, &err), &err);
    return b;
}

static dlx__step pass(const dlx_token *ids, size_t n, size_t start, size_t n_keep)
{
    return (dlx__step){
        .ids = ids, .n = n, .start = start, .n_kv = start, .n_keep = n_keep, .block = 4};
}

static void run(dlx__backend *b, dlx__step step)
{
    dlx_error err = {0};
    assert_ok(ref->step(b, &step, &err), &err);
}

/* ---- statistics of one row ------------------------------------------------------------------ */

static dlx__row_stat stat_of(const float *logits, size_t n, dlx__head head)
{
    dlx__row_stat stat;
    dlx__ref_row_stat(&stat, logits, n, &head);
    return stat;
}

static void a_row_is_summed_up(void **state)
{
    (void)state;
    const float logits[] = {1.0f, 3.0f, 2.0f, 3.0f};
    dlx__row_stat s = stat_of(logits, 4, (dlx__head){0});
    double sum = exp(-2) + 1 + exp(-1) + 1;
    double p[] = {exp(-2) / sum, 1 / sum, exp(-1) / sum, 1 / sum};
    double entropy = 0;
    for (int i = 0; i < 4; i++)
        entropy += p[i] * log(p[i]);
    assert_true(s.finite);
    assert_int_equal(s.best, 1); /* ties to the lower id */
    assert_float_equal(s.logit, 3.0f, 0);
    assert_float_equal(s.prob, p[1], 1e-6);
    assert_float_equal(s.margin, 0, 0);
    assert_float_equal(s.neg_entropy, entropy, 1e-6);
}

static void suppressed_and_padded_ids_do_not_count(void **state)
{
    (void)state;
    const float logits[] = {9.0f, 1.0f, 8.0f, 0.0f, 7.0f, 50.0f};
    const dlx_token suppress[] = {0, 2, 5};
    dlx__head head = {.n_ids = 4, .suppress = suppress, .n_suppress = 3};
    dlx__row_stat s = stat_of(logits, 6, head);
    assert_int_equal(s.best, 1);
    assert_float_equal(s.prob, 1 / (1 + exp(-1)), 1e-6);
    assert_float_equal(s.margin, (1 - exp(-1)) / (1 + exp(-1)), 1e-6);

    const dlx_token rest[] = {0, 1, 2};
    s = stat_of(logits, 6, (dlx__head){.n_ids = 4, .suppress = rest, .n_suppress = 3});
    assert_int_equal(s.best, 3); /* the only one left */
    assert_float_equal(s.prob, 1, 0);
    assert_float_equal(s.margin, 1, 0);
    assert_float_equal(s.neg_entropy, 0, 0);

    const dlx_token all[] = {0, 1, 2, 3};
    assert_false(
        stat_of(logits, 6, (dlx__head){.n_ids = 4, .suppress = all, .n_suppress = 4}).finite);
    s = stat_of(logits, 6, (dlx__head){.n_ids = 99});
    assert_int_equal(s.best, 5); /* more ids than rows: all rows */
}

static void what_is_not_finite_is_told(void **state)
{
    (void)state;
    const float nan_row[] = {1.0f, NAN, 2.0f};
    const float inf_row[] = {1.0f, INFINITY, 2.0f};
    const float low_row[] = {-INFINITY, 1.0f, -INFINITY};
    const float no_row[] = {-INFINITY, -INFINITY, -INFINITY};
    const dlx_token one = 1;
    assert_false(stat_of(nan_row, 3, (dlx__head){0}).finite);
    assert_false(stat_of(inf_row, 3, (dlx__head){0}).finite);
    assert_false(stat_of(no_row, 3, (dlx__head){0}).finite);
    dlx__row_stat s = stat_of(low_row, 3, (dlx__head){0});
    assert_true(s.finite);
    assert_int_equal(s.best, 1);
    assert_float_equal(s.neg_entropy, 0, 0);
    /* a suppressed row may hold anything */
    assert_true(stat_of(nan_row, 3, (dlx__head){.suppress = &one, .n_suppress = 1}).finite);
}

static void nan_weights_reach_the_caller(void **state)
{
    (void)state;
    dlx__model m;
    open_model(&m, "sdar-tiny-b4");
    const dlx__tensor *norm = dlx__model_tensor(&m, DLX__ROLE_FINAL_NORM, 0); /* [96] */
    float values[96];
    memcpy(values, norm->data, sizeof values);
    values[5] = NAN;
    dlx__tensor spoiled = *norm;
    spoiled.data = values;
    m.graph.nodes[m.graph.hidden].weight = &spoiled;
    dlx__backend *b = load(&m, 1);
    const dlx_token ids[] = {1, 2, 3};
    const size_t rows[] = {0, 2};
    dlx__row_stat stats[2];
    dlx_error err = {0};
    run(b, pass(ids, 3, 0, 3));
    assert_ok(ref->head(b, &(dlx__head){.rows = rows, .n = 2, .stats = stats}, &err), &err);
    assert_false(stats[0].finite);
    assert_false(stats[1].finite);
    ref->close(b);
    dlx__model_release(&m);
}

/* ---- passes -----------------------------------------------------------------------------------
 */

/* The raw logits of one row of a stream's last pass; free with free. */
static float *logits_of(dlx__backend *b, const dlx__model *m, size_t row, int stream, float cfg)
{
    dlx_error err = {0};
    float *logits = malloc(m->graph.n_vocab * sizeof *logits);
    assert_non_null(logits);
    dlx__head head = {.rows = &row, .n = 1, .stream = stream, .cfg_scale = cfg, .logits = logits};
    assert_ok(ref->head(b, &head, &err), &err);
    return logits;
}

static void guidance_mixes_two_streams(void **state)
{
    (void)state;
    dlx__model m;
    open_model(&m, "llada-tiny");
    dlx__backend *b = load(&m, 2);
    const dlx_token with[] = {10, 20, 300};
    const dlx_token without[] = {300, 300, 300};
    dlx__step step = pass(with, 3, 0, 3);
    run(b, step);
    step.ids = without;
    step.stream = 1;
    run(b, step);
    float *c = logits_of(b, &m, 2, 0, 0);
    float *u = logits_of(b, &m, 2, 1, 0);
    float *mixed = logits_of(b, &m, 2, 0, 1.5f);
    for (size_t i = 0; i < m.graph.n_vocab; i++)
        assert_float_equal(mixed[i], u[i] + 2.5f * (c[i] - u[i]), 1e-4);
    assert_true(memcmp(c, u, m.graph.n_vocab * sizeof *c) != 0);
    free(c);
    free(u);
    free(mixed);
    ref->close(b);
    dlx__model_release(&m);
}

static void fused_commit_equals_two_passes(void **state)
{
    (void)state;
    dlx__model m;
    open_model(&m, "sdar-tiny-b4");
    dlx__backend *b = load(&m, 1);
    dlx_token ids[] = {5, 6, 7, 8, 305, 305, 9, 305};
    dlx__step step = pass(ids, 4, 0, 4);
    step.visibility = DLX__VISIBLE_BLOCK_CAUSAL;
    run(b, step);
    step = pass(ids + 4, 4, 4, 0);
    step.visibility = DLX__VISIBLE_BLOCK_CAUSAL;
    run(b, step);
    float *apart = logits_of(b, &m, 1, 0, 0);
    step = pass(ids, 8, 0, 4); /* commits the first block and looks at the second */
    step.visibility = DLX__VISIBLE_BLOCK_CAUSAL;
    run(b, step);
    float *fused = logits_of(b, &m, 5, 0, 0);
    assert_memory_equal(apart, fused, m.graph.n_vocab * sizeof *apart);
    /* only the first block is kept */
    dlx_error err = {0};
    step = pass(ids, 1, 8, 0);
    assert_int_equal(ref->step(b, &step, &err), DLX_E_ARG);
    assert_says(&err, "4 kept");
    free(apart);
    free(fused);
    ref->close(b);
    dlx__model_release(&m);
}

static void refuse_step(dlx__backend *b, dlx__step step, dlx_result code, const char *words)
{
    dlx_error err = {0};
    assert_int_equal(ref->step(b, &step, &err), code);
    assert_int_equal(err.code, code);
    assert_says(&err, words);
}

static bool stop_at_zero(void *left)
{
    return --*(int *)left <= 0;
}

/* Wherever a pass is stopped: what was kept before it is as it was, and it has no rows. */
static void a_pass_may_be_stopped(void **state)
{
    (void)state;
    dlx__model m;
    dlx_error err = {0};
    open_model(&m, "sdar-tiny-b4");
    dlx__backend *b = load(&m, 1);
    dlx_token ids[] = {5, 6, 7, 8, 305, 305, 9, 305};
    run(b, pass(ids, 4, 0, 4));
    run(b, pass(ids + 4, 4, 4, 0));
    float *whole = logits_of(b, &m, 1, 0, 0);
    int n_stops = 0;
    for (int left = 1;; left = ++n_stops + 1) {
        dlx__step step = pass(ids + 4, 4, 4, 4);
        step.stop = stop_at_zero;
        step.stop_user = &left;
        dlx_result r = ref->step(b, &step, &err);
        if (r == DLX_OK)
            break;
        assert_int_equal(r, DLX_CANCELLED);
        assert_says(&err, "stopped by the caller");
        size_t row = 0;
        dlx__row_stat stat;
        assert_int_equal(ref->head(b, &(dlx__head){.rows = &row, .n = 1, .stats = &stat}, &err),
                         DLX_E_ARG);
        refuse_step(b, pass(ids, 1, 5, 0), DLX_E_ARG, "4 kept");
        run(b, pass(ids + 4, 4, 4, 0));
        float *again = logits_of(b, &m, 1, 0, 0);
        assert_memory_equal(whole, again, m.graph.n_vocab * sizeof *whole);
        free(again);
    }
    assert_true((size_t)n_stops > m.graph.n_layers);
    free(whole);
    ref->close(b);
    dlx__model_release(&m);
}

static void block_one_is_causal(void **state)
{
    (void)state;
    dlx__model m;
    open_model(&m, "sdar-tiny-b4");
    dlx__backend *b = load(&m, 1);
    dlx_token ids[] = {5, 6, 7, 8, 9};
    dlx__step step = pass(ids, 5, 0, 0);
    step.visibility = DLX__VISIBLE_BLOCK_CAUSAL;
    step.block = 1;
    run(b, step);
    float *before = logits_of(b, &m, 2, 0, 0);
    ids[3] = 100; /* what comes later does not count */
    ids[4] = 101;
    run(b, step);
    float *after = logits_of(b, &m, 2, 0, 0);
    assert_memory_equal(before, after, m.graph.n_vocab * sizeof *before);
    free(before);
    free(after);
    ref->close(b);
    dlx__model_release(&m);
}

static void impossible_passes_are_refused(void **state)
{
    (void)state;
    dlx__model m;
    open_model(&m, "sdar-tiny-b4");
    dlx__backend *b = load(&m, 1);
    dlx_token ids[N_CTX + 1] = {0};
    refuse_step(b, pass(ids, 0, 0, 0), DLX_E_ARG, "1 to 32 rows");
    refuse_step(b, pass(ids, N_ROWS + 1, 0, 0), DLX_E_ARG, "33 rows");
    refuse_step(b, pass(ids, 2, 0, 3), DLX_E_ARG, "3 are kept");
    refuse_step(b, pass(ids, 1, 1, 0), DLX_E_ARG, "0 kept");
    refuse_step(b, pass(ids, 1, SIZE_MAX, 0), DLX_E_FULL, "longer context");
    run(b, pass(ids, N_ROWS, 0, N_ROWS));
    refuse_step(b, pass(ids, N_CTX - N_ROWS + 1, N_ROWS, 0), DLX_E_FULL, "context of 40");
    dlx__step step = pass(ids, 1, 0, 0);
    step.stream = 1;
    refuse_step(b, step, DLX_E_ARG, "stream");
    step = pass(ids, 1, 4, 0);
    step.n_kv = 3;
    refuse_step(b, step, DLX_E_ARG, "start at 4");
    step = pass(ids, 1, 0, 0);
    step.visibility = DLX__VISIBLE_BLOCK_CAUSAL;
    step.block = 0;
    refuse_step(b, step, DLX_E_ARG, "block width");
    ids[0] = 320;
    refuse_step(b, pass(ids, 1, 0, 0), DLX_E_ARG, "below 320, found 320");
    ids[0] = -1;
    refuse_step(b, pass(ids, 1, 0, 0), DLX_E_ARG, "found -1");

    dlx_error err = {0};
    size_t row = N_ROWS;
    dlx__row_stat stat;
    dlx__head head = {.rows = &row, .n = 1, .stats = &stat};
    assert_int_equal(ref->head(b, &head, &err), DLX_E_ARG);
    assert_says(&err, "found row 32");
    head.stream = 1;
    assert_int_equal(ref->head(b, &head, &err), DLX_E_ARG);
    head.stream = 0;
    head.cfg_scale = 1;
    assert_int_equal(ref->head(b, &head, &err), DLX_E_ARG);
    ref->close(b);
    dlx__model_release(&m);
}

static void impossible_options_are_refused(void **state)
{
    (void)state;
    static const dlx__backend_opts bad[] = {
        {.n_ctx = 0, .n_rows = 1, .n_streams = 1},
        {.n_ctx = 1, .n_rows = 0, .n_streams = 1},
        {.n_ctx = 1, .n_rows = 1, .n_streams = 0},
        {.n_ctx = 1, .n_rows = 1, .n_streams = 3},
    };
    dlx__model m;
    dlx_error err = {0};
    dlx__backend *b;
    open_model(&m, "dream-tiny");
    for (size_t i = 0; i < DLX__LEN(bad); i++)
        assert_int_equal(ref->load(&b, &m, &bad[i], &err), DLX_E_ARG);
    dlx__backend_opts opts = {.n_ctx = SIZE_MAX / 2, .n_rows = 1, .n_streams = 1};
    assert_int_equal(ref->load(&b, &m, &opts, &err), DLX_E_NOMEM);
    assert_true(ref->plan(&m, &opts).kv == SIZE_MAX);
    m.has_weights = false;
    opts.n_ctx = 1;
    assert_int_equal(ref->load(&b, &m, &opts, &err), DLX_E_ARG);
    assert_says(&err, "shapes only");
    assert_int_equal(ref->probe(&err), DLX_OK);
    ref->close(NULL);
    dlx__model_release(&m);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    dlx__model m;
    open_model(&m, "dream-tiny");
    size_t n = 1;
    for (;; n++) {
        failing_mem f;
        failing_mem_init(&f, n);
        dlx_error err = {0};
        dlx__backend *b;
        dlx__backend_opts opts = {.n_ctx = 8, .n_rows = 4, .n_streams = 2, .mem = &f.mem};
        dlx_result r = ref->load(&b, &m, &opts, &err);
        if (r == DLX_OK)
            ref->close(b);
        else
            assert_int_equal(r, DLX_E_NOMEM);
        assert_int_equal(f.n_alive, 0);
        if (r == DLX_OK)
            break;
        assert_non_null(strstr(err.text, "out of memory"));
    }
    assert_true(n > 10);
    dlx__model_release(&m);
}

static void expect_equal_logits(const dlx__model *a, const dlx__model *b)
{
    dlx_token ids[12];
    for (int i = 0; i < 12; i++)
        ids[i] = (dlx_token)((i * 37 + 11) % 280);
    dlx__backend *x = load(a, 1);
    dlx__backend *y = load(b, 1);
    dlx__step step = pass(ids, 12, 0, 12);
    step.visibility = a->family->visibility;
    run(x, step);
    run(y, step);
    for (size_t i = 0; i < 12; i++) {
        float *p = logits_of(x, a, i, 0, 0);
        float *q = logits_of(y, b, i, 0, 0);
        assert_memory_equal(p, q, a->graph.n_vocab * sizeof *p);
        free(p);
        free(q);
    }
    ref->close(x);
    ref->close(y);
}

/* ---- stored types ---------------------------------------------------------------------------- */

/* Gives every matrix of a graph another type: packed, or the float32 values of what was packed. */
static void retype(dlx__model *m, dlx__dtype dtype, bool unpacked, dlx__arena *arena)
{
    for (size_t i = 0; i < m->graph.n; i++) {
        dlx__node *node = &m->graph.nodes[i];
        if (!node->weight || node->weight->n_dims != 2)
            continue;
        size_t n = dlx__tensor_elems(node->weight);
        dlx__tensor *t = dlx__arena_alloc(arena, 1, sizeof *t);
        void *packed = dlx__arena_alloc(arena, dlx__dtype_bytes(dtype, n), 1);
        float *values = dlx__arena_alloc(arena, n, sizeof *values);
        assert_true(t && packed && values);
        assert_int_equal(node->weight->dtype, DLX__F32);
        assert_true(dlx__from_f32(packed, dtype, node->weight->data, n));
        dlx__to_f32(values, packed, dtype, n);
        *t = *node->weight;
        t->dtype = unpacked ? DLX__F32 : dtype;
        t->n_bytes = dlx__dtype_bytes(t->dtype, n);
        t->data = unpacked ? (const void *)values : packed;
        node->weight = t;
    }
}

static void stored_types_are_read_row_by_row(void **state)
{
    (void)state;
    static const dlx__dtype types[] = {DLX__F16,  DLX__BF16, DLX__Q8_0, DLX__Q4_0,
                                       DLX__Q4_1, DLX__Q5_0, DLX__Q5_1};
    for (size_t i = 0; i < DLX__LEN(types); i++) {
        dlx__model a;
        dlx__model b;
        dlx__arena arena;
        dlx__arena_init(&arena, NULL);
        open_model(&a, "sdar-tiny-b4"); /* rows of 96, 128 and 160: whole blocks of 32 */
        open_model(&b, "sdar-tiny-b4");
        retype(&a, types[i], false, &arena);
        retype(&b, types[i], true, &arena);
        expect_equal_logits(&a, &b);
        dlx__model_release(&a);
        dlx__model_release(&b);
        dlx__arena_release(&arena);
    }
}

/* ---- GGUF -------------------------------------------------------------------------------------
 */

static void a_gguf_gives_the_same_logits(void **state)
{
    (void)state;
    static const char *const folders[] = {"llada-tiny",        "llada-gqa-sharded", "llada-bf16",
                                          "dream-tiny",        "dream-tied",        "sdar-tiny-b8",
                                          "sdar-tiny-b4-bf16", "fast-dllm-v2-tiny"};
    for (size_t i = 0; i < DLX__LEN(folders); i++) {
        char path[640];
        dlx_error err = {0};
        dlx__model a;
        dlx__model b;
        snprintf(path, sizeof path, "%s/reference.gguf", DLX_TMP_DIR);
        open_model(&a, folders[i]);
        write_golden_gguf(&a, path, NULL);
        assert_ok(dlx__model_open(&b, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
        expect_equal_logits(&a, &b);
        dlx__model_release(&a);
        dlx__model_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_summed_up),
        cmocka_unit_test(suppressed_and_padded_ids_do_not_count),
        cmocka_unit_test(what_is_not_finite_is_told),
        cmocka_unit_test(nan_weights_reach_the_caller),
        cmocka_unit_test(guidance_mixes_two_streams),
        cmocka_unit_test(fused_commit_equals_two_passes),
        cmocka_unit_test(a_pass_may_be_stopped),
        cmocka_unit_test(block_one_is_causal),
        cmocka_unit_test(impossible_passes_are_refused),
        cmocka_unit_test(impossible_options_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(stored_types_are_read_row_by_row),
        cmocka_unit_test(a_gguf_gives_the_same_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
