// labels: quick
/* test_fail.c - failures as sentences: kept whole, cut at a code point, prefixed. */
#include "base/fail.h"
#include "base/utf8.h"
#include "unit.h"

static void sentence_and_code(void **state)
{
    (void)state;
    dlx_error err;
    assert_int_equal(dlx__fail(&err, DLX_E_FORMAT, "%s: %d", "file", 7), DLX_E_FORMAT);
    assert_string_equal(err.text, "file: 7");
    assert_int_equal(err.code, DLX_E_FORMAT);
    dlx__fail_prefix(&err, "open");
    assert_string_equal(err.text, "open: file: 7");
    assert_int_equal(dlx__fail(NULL, DLX_E_IO, "nobody listens"), DLX_E_IO);
    dlx__fail_prefix(NULL, "open");
    dlx__fail_memory(&err, "testing", SIZE_MAX);
    assert_says(&err, "more than this machine can address");
}

static void long_sentences_stay_well_formed(void **state)
{
    (void)state;
    char text[1200];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = 0; i + 4 < sizeof text - shift; i += 3)
            memcpy(text + shift + i, "\xE2\x82\xAC", 4);
        dlx_error err;
        (void)dlx__fail(&err, DLX_E_ARG, "%s", text);
        size_t n = strlen(err.text);
        assert_true(n > sizeof err.text - 8);
        assert_int_equal(dlx__utf8_valid_prefix(err.text, n), n);
        dlx__fail_prefix(&err, "x");
        n = strlen(err.text);
        assert_int_equal(dlx__utf8_valid_prefix(err.text, n), n);
    }
}

/* What files say goes into sentences: it must not steer the terminal that shows them. */
static void control_characters_are_shown_as_question_marks(void **state)
{
    (void)state;
    dlx_error err;
    dlx__fail(&err, DLX_E_FORMAT, "key %s", "\x1b[31mred\a\r\n\x7f \xC2\x9B \xC3\xA4 \xC2");
    assert_string_equal(err.text, "key ?[31mred???? ? \xC3\xA4 ?");
    dlx__fail_prefix(&err, "\x1b\xFF");
    assert_string_equal(err.text, "??: key ?[31mred???? ? \xC3\xA4 ?");
}

static void every_result_has_words(void **state)
{
    (void)state;
    assert_string_equal(dlx_result_text(DLX_OK), "ok");
    assert_string_equal(dlx_result_text(DLX_E_FORMAT), "damaged file");
    assert_string_equal(dlx_result_text((dlx_result)-99), "unknown result");
    assert_true(strlen(dlx_version()) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentence_and_code),
        cmocka_unit_test(long_sentences_stay_well_formed),
        cmocka_unit_test(every_result_has_words),
        cmocka_unit_test(control_characters_are_shown_as_question_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
