/* How many positions each pass reveals, against the references' own lists. */
#include "golden_json.h"

#include "runtime/diffusion.h"

enum { MAX_STEPS = 512 };

static void test_llada_table(void **state)
{
    (void)state;
    json_t *table = golden_table("schedules-llada.json");
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(table, "cases"), i, c)
    {
        size_t want[MAX_STEPS];
        size_t n = golden_sizes(json_object_get(c, "quota"), want, MAX_STEPS);
        size_t steps = golden_size(c, "steps");
        assert_int_equal(n, steps);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(dlx__quota_even(golden_size(c, "masks"), steps, k), want[k]);
    }
    assert_int_equal(i, 64);
    json_decref(table);
}

static void test_dream_table(void **state)
{
    (void)state;
    json_t *table = golden_table("schedules-dream.json");
    size_t i, n_delicate = 0;
    json_t *c;
    json_array_foreach(json_object_get(table, "cases"), i, c)
    {
        size_t want[MAX_STEPS];
        size_t n = golden_sizes(json_object_get(c, "quota"), want, MAX_STEPS);
        size_t left = golden_size(c, "masks");
        for (size_t k = 0; k < n; k++) {
            size_t quota = dlx__quota_dream(left, n, golden_number(c, "eps", 0.0), k);
            assert_int_equal(quota, want[k]);
            left -= quota;
        }
        assert_int_equal(left, 0);
        n_delicate += json_is_true(json_object_get(c, "float64_differs"));
    }
    assert_int_equal(i, 384);
    assert_true(n_delicate > 0); /* the table does hold cases that float64 gets wrong */
    json_decref(table);
}

/* SDAR: the block length over the steps, more first. */
static void test_sdar_blocks(void **state)
{
    (void)state;
    const size_t want[3][4] = {{1, 1, 1, 1}, {2, 1, 1, 0}, {2, 2, 0, 0}};
    for (size_t s = 0; s < 3; s++)
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(dlx__quota_even(4, 4 - s, k), want[s][k]);
    assert_int_equal(dlx__quota_even(4, 6, 3),
                     1); /* more steps than positions: the last are idle */
    assert_int_equal(dlx__quota_even(4, 6, 4), 0);
}

static void test_edges(void **state)
{
    (void)state;
    assert_int_equal(dlx__quota_even(0, 5, 0), 0);
    assert_int_equal(dlx__quota_even(7, 1, 0), 7);
    assert_int_equal(dlx__quota_even(7, 1, 1), 0);
    assert_int_equal(dlx__quota_dream(7, 1, 1e-3, 0), 7);
    assert_int_equal(dlx__quota_dream(16, 16, 1e-3, 0), 0); /* 16 * 0.999 / 16 truncates */
    assert_int_equal(dlx__quota_dream(5, 4, 1e-3, 9), 5);   /* past the end: all that is left */
    assert_true(dlx__dream_share(8, 1e-3, 7) == 1.0f);
    assert_true(dlx__dream_share(8, 1e-3, 0) > 0.124f && dlx__dream_share(8, 1e-3, 0) < 0.126f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llada_table), cmocka_unit_test(test_dream_table),
        cmocka_unit_test(test_sdar_blocks), cmocka_unit_test(test_edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
