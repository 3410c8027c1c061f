/* test_compat_sizes.c - what a call in the form of the Python original costs, by its own figures.
 */
#include "unit.h"

#include "export/compat_sizes.h"

static const double GiB = 1024.0 * 1024 * 1024;

static void the_figures_of_the_original(void **state)
{
    (void)state;
    /* Fast-dLLM v2 1.5B: 28 layers, 2 heads of 128 */
    const dlx__hparams fast = {.n_layers = 28, .n_heads_kv = 2, .head_dim = 128};
    const dlx__compat_sizes s = dlx__compat_sizes_of(&fast, 32, 32768);
    assert_true((double)s.cache == 1.75 * GiB);
    assert_int_equal(s.insert, (size_t)28 * 32768 * 32 * 4);
    assert_int_equal(s.mask, (size_t)28 * 32 * (32768 + 32) * 4);
    assert_int_equal(s.keep, (size_t)28 * 32768 * 4);
    assert_int_equal(dlx__compat_check(&fast, 32, 32768, NULL), DLX_OK);
}

static void what_no_phone_holds_is_refused(void **state)
{
    (void)state;
    const dlx__hparams sdar = {.n_layers = 28, .n_heads_kv = 8, .head_dim = 128};
    const dlx__hparams dream = {.n_layers = 28, .n_heads_kv = 4, .head_dim = 128};
    dlx_error err;
    assert_int_equal(dlx__compat_check(&sdar, 4, 4096, &err), DLX_OK);
    assert_int_equal(dlx__compat_check(&sdar, 4, 32768, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "one of 7.0 GiB");
    assert_says(&err, "state or io");
    assert_int_equal(dlx__compat_check(&dream, 2048, 131072, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "one of 28.4 GiB");
}

static void what_cannot_be_counted_is_refused(void **state)
{
    (void)state;
    const dlx__hparams wide = {.n_layers = SIZE_MAX / 8, .n_heads_kv = 8, .head_dim = 128};
    dlx_error err;
    assert_true(dlx__compat_sizes_of(&wide, 4, 64).cache == SIZE_MAX);
    assert_int_equal(dlx__compat_check(&wide, 4, 64, &err), DLX_E_UNSUPPORTED);
    assert_true(dlx__compat_sizes_of(&wide, SIZE_MAX, 64).mask == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_figures_of_the_original),
                                       cmocka_unit_test(what_no_phone_holds_is_refused),
                                       cmocka_unit_test(what_cannot_be_counted_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
