// labels: quick
/* test_printable.c - what steers a terminal or is no text becomes a question mark, once each. */
#include "base/printable.h"
#include "unit.h"

#include <string.h>

static void assert_shown(const char *text, const char *expected)
{
    char copy[64];
    strcpy(copy, text);
    dlx__make_printable(copy);
    assert_string_equal(copy, expected);
}

static void what_steers_is_replaced(void **state)
{
    (void)state;
    assert_shown("", "");
    assert_shown("plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80",
                 "plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80");
    assert_shown("\x1b[31m\n\x7f", "?[31m??");
    assert_shown("\xC2\x9B 31m \xC2\xA0", "? 31m \xC2\xA0");
    assert_shown("a\xE2\x80\xAE"
                 "b",
                 "a?b"); /* U+202E */
    assert_shown("\xE2\x80\xAA\xE2\x80\xA9\xE2\x80\xAF",
                 "?\xE2\x80\xA9\xE2\x80\xAF"); /* U+202A, U+2029, U+202F */
    assert_shown("\xE2\x81\xA6\xE2\x81\xA9\xE2\x81\xAA",
                 "??\xE2\x81\xAA"); /* U+2066, U+2069, U+206A */
    assert_shown("\xFF\xC2 \xE2\x82", "?? ??");
    assert_shown("\xED\xA0\x80", "???"); /* half a pair */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_steers_is_replaced)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
