/* test_program_calls.c - which positions a program with its own K and V can be asked about. */
#include "unit.h"

#include "backends/program_calls.h"

static dlx_result check(dlx__export_cache cache, size_t n_kv, size_t n_written, dlx_error *err)
{
    static const dlx_token ids[4];
    const dlx__step s = {.ids = ids,
                         .n = 4,
                         .start = 8,
                         .n_kv = n_kv,
                         .visibility = DLX__VISIBLE_BLOCK_CAUSAL,
                         .block = 4};
    const dlx__program_call c = dlx__program_next(&s, 8, 8);
    return dlx__program_check_kept(&c, cache, n_written, "model.pte", err);
}

static void positions_behind_rows_need_the_caller(void **state)
{
    (void)state;
    dlx_error err;
    assert_ok(check(DLX__EXPORT_IO, 32, 8, &err), &err);
    assert_ok(check(DLX__EXPORT_STATE, 8, 4, &err), &err);
    assert_ok(check(DLX__EXPORT_STATE, 12, 8, &err), &err); /* nothing behind: padding is free */
    assert_ok(check(DLX__EXPORT_STATE, 32, 4, &err), &err); /* rows of later blocks stay */
    assert_int_equal(check(DLX__EXPORT_STATE, 32, 8, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "model.pte: a pass wants to see positions behind its rows");
    assert_int_equal(check(DLX__EXPORT_STATE, 13, 5, &err), DLX_E_UNSUPPORTED);
    assert_int_equal(check(DLX__EXPORT_NO_CACHE, 0, 4, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "keeps no keys and values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_behind_rows_need_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
