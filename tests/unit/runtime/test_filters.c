/* Temperature, top-k and top-p against what the references' code left over and with which weight.
 */
#include "golden_json.h"

#include <math.h>
#include <stdlib.h>

#include "format/npy.h"
#include "runtime/sampler/confidence.h"
#include "runtime/sampler/filter.h"

enum { DREAM_VOCAB = 24, MAX_VOCAB = 1024 };

static uint32_t heap[MAX_VOCAB];

static float prob_of(const float *logits, size_t n, size_t id)
{
    return dlx__compute_confidence(logits, n, (dlx_token)id).prob;
}

static void check_close(double got, double want, double tolerance, const char *what, size_t at)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("case %zu, %s: expected %.8g, got %.8g", at, what, want, got);
}

/* At temperature 0: the id and the three confidences. */
static void check_greedy(const json_t *c, const float *z, size_t row, size_t at)
{
    const char *const keys[] = {"maskgit_plus", "topk_margin", "entropy"};
    if (golden_number(c, "temperature", 0.0) > 0.0)
        return;
    dlx_token id = dlx__argmax(z, DREAM_VOCAB);
    assert_int_equal(id, json_integer_value(json_array_get(json_object_get(c, "x0"), row)));
    dlx__confidence got = dlx__compute_confidence(z, DREAM_VOCAB, id);
    const float values[] = {got.prob, got.margin, got.neg_entropy};
    for (size_t k = 0; k < 3; k++) {
        const json_t *want = json_array_get(json_object_get(c, keys[k]), row);
        assert_true(json_is_number(want));
        check_close((double)values[k], json_number_value(want), 1e-5, keys[k], at);
    }
}

static void check_dream_row(const json_t *c, const float *logits, size_t row, size_t at)
{
    float z[DREAM_VOCAB];
    size_t kept[DREAM_VOCAB];
    dlx__filter f = {.temperature = golden_number(c, "temperature", 0.0),
                     .top_k = golden_size(c, "top_k"),
                     .top_p = golden_number(c, "top_p", 1.0),
                     .order = DLX__TOP_P_FIRST};
    memcpy(z, logits, sizeof z);
    dlx__filter_apply(&f, z, DREAM_VOCAB, heap);
    size_t n = golden_sizes(json_array_get(json_object_get(c, "kept"), row), kept, DREAM_VOCAB);
    const json_t *probs = json_array_get(json_object_get(c, "probs"), row);
    size_t n_kept = 0;
    for (size_t i = 0; i < DREAM_VOCAB; i++)
        n_kept += prob_of(z, DREAM_VOCAB, i) > 0.0f;
    assert_int_equal(n_kept, n);
    for (size_t i = 0; i < n; i++)
        check_close((double)prob_of(z, DREAM_VOCAB, kept[i]),
                    json_number_value(json_array_get(probs, i)), 1e-5, "probability", at);
    check_greedy(c, z, row, at);
}

static void test_dream_table(void **state)
{
    (void)state;
    json_t *table = golden_table("filters-dream.json");
    const json_t *rows = json_object_get(table, "logits");
    size_t i, n = 0;
    json_t *c;
    json_array_foreach(json_object_get(table, "cases"), i, c)
    {
        for (size_t row = 0; row < json_array_size(rows); row++, n++) {
            float logits[DREAM_VOCAB];
            assert_int_equal(golden_floats(json_array_get(rows, row), logits, DREAM_VOCAB),
                             DREAM_VOCAB);
            check_dream_row(c, logits, row, i);
        }
    }
    printf("  %zu cases, %zu rows\n", i, n);
    assert_int_equal(i, 58);
    assert_int_equal(n, 4 * i);
    json_decref(table);
}

static void check_block_case(const json_t *c, size_t at)
{
    char path[1024];
    float z[MAX_VOCAB];
    dlx_error err = {.code = DLX_OK};
    dlx__npy a;
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR,
             json_string_value(json_object_get(c, "logits")));
    assert_ok(dlx__npy_read(&a, path, NULL, &err), &err);
    size_t n = a.shape[1];
    assert_true(n <= MAX_VOCAB);
    memcpy(z, (const float *)a.data + golden_size(c, "row") * n, n * sizeof *z);
    dlx__npy_release(&a);
    dlx__filter f = {.temperature = golden_number(c, "temperature", 0.0),
                     .top_k = golden_size(c, "top_k"),
                     .top_p = golden_number(c, "top_p", 1.0),
                     .order = DLX__TOP_K_FIRST};
    dlx__filter_apply(&f, z, n, heap);
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++)
        n_kept += z[i] > -INFINITY;
    assert_int_equal(n_kept, golden_size(c, "kept"));
    const json_t *ids = json_object_get(c, "ids");
    for (size_t i = 0; i < json_array_size(ids); i++) {
        size_t id = (size_t)json_integer_value(json_array_get(ids, i));
        double want = json_number_value(json_array_get(json_object_get(c, "probs"), i));
        check_close((double)prob_of(z, n, id), want, 1e-5, "probability", at);
    }
}

static void test_block_families_table(void **state)
{
    (void)state;
    json_t *table = golden_table("filters-sdar-fastdllm.json");
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(table, "cases"), i, c) check_block_case(c, i);
    printf("  %zu cases\n", i);
    assert_int_equal(i, 45);
    json_decref(table);
}

static size_t n_left(const float *z, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        left += z[i] > -INFINITY;
    return left;
}

static void test_top_k_edges(void **state)
{
    (void)state;
    const float row[] = {1.0f, 3.0f, 2.0f, 2.0f, 0.0f};
    const size_t k[] = {0, 1, 2, 3, 5, 99};
    const size_t want[] = {5, 1, 3, 3, 5, 5}; /* ties of the k-th stay */
    for (size_t i = 0; i < 6; i++) {
        float z[5];
        memcpy(z, row, sizeof z);
        dlx__filter_top_k(z, 5, k[i], heap);
        assert_int_equal(n_left(z, 5), want[i]);
        assert_true(z[1] == 3.0f);
    }
}

static void test_top_p_edges(void **state)
{
    (void)state;
    const float row[] = {logf(0.2f), logf(0.5f), logf(0.3f)};
    const double p[] = {1e-6, 0.4, 0.6, 0.79, 0.85, 1.0};
    const size_t want[] = {1, 1, 2, 2, 3, 3}; /* the id that crosses the limit stays */
    for (size_t i = 0; i < 6; i++) {
        float z[3];
        memcpy(z, row, sizeof z);
        dlx__filter_top_p(z, 3, p[i], heap);
        assert_int_equal(n_left(z, 3), want[i]);
        assert_true(z[1] > -INFINITY);
    }
}

/* Equal logits fall by ascending id. */
static void test_top_p_ties(void **state)
{
    (void)state;
    float z[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    dlx__filter_top_p(z, 4, 0.3, heap);
    assert_true(z[0] == 0.0f && z[1] == 0.0f && z[2] == -INFINITY && z[3] == -INFINITY);
}

static void test_temperature(void **state)
{
    (void)state;
    const float row[] = {0.1f, 2.0f, -3.0f, 1.9f};
    float z[4];
    memcpy(z, row, sizeof z);
    dlx__filter_temperature(z, 4, 1.0);
    for (size_t i = 0; i < 4; i++)
        check_close((double)prob_of(z, 4, i), (double)prob_of(row, 4, i), 1e-6, "unchanged", i);
    memcpy(z, row, sizeof z);
    dlx__filter_temperature(z, 4, 1e-30); /* no temperature is small enough to overflow */
    assert_true(prob_of(z, 4, 1) == 1.0f);
    memcpy(z, row, sizeof z);
    dlx__filter_temperature(z, 4, 1e6);
    for (size_t i = 0; i < 4; i++)
        check_close((double)prob_of(z, 4, i), 0.25, 1e-4, "flat", i);
}

/* Both orders, where they matter: SDAR's nucleus is taken among the k. */
static void test_orders(void **state)
{
    (void)state;
    const float row[] = {logf(0.4f), logf(0.3f), logf(0.2f), logf(0.1f)};
    dlx__filter f = {.top_k = 2, .top_p = 0.55};
    float z[4];
    memcpy(z, row, sizeof z);
    f.order = DLX__TOP_P_FIRST;
    dlx__filter_apply(&f, z, 4, heap);
    assert_int_equal(n_left(z, 4), 2);
    memcpy(z, row, sizeof z);
    f.order = DLX__TOP_K_FIRST; /* 0.4 of 0.7 is 0.57 > 0.55: one is enough */
    dlx__filter_apply(&f, z, 4, heap);
    assert_int_equal(n_left(z, 4), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dream_table), cmocka_unit_test(test_block_families_table),
        cmocka_unit_test(test_top_k_edges), cmocka_unit_test(test_top_p_edges),
        cmocka_unit_test(test_top_p_ties),  cmocka_unit_test(test_temperature),
        cmocka_unit_test(test_orders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
