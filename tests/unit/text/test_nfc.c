// labels: quick
/* Normalisation: Unicode's own test file (needs DLX_TEST_DATA), and texts that punish slow sorting.
 */
#include "text_support.h"

#include "base/utf8.h"
#include "text/nfc.h"
#include "text/unicode.h"

static void expect(const char *text, const char *want)
{
    dlx__buf out;
    dlx__buf_init(&out, NULL);
    CHECK(dlx__nfc_append(&out, text, strlen(text), err));
    assert_string_equal(out.data ? out.data : "", want);
    dlx__buf_release(&out);
}

/* Column of code points in hexadecimal, up to the semicolon, as UTF-8; returns what follows. */
static const char *column(const char *line, char *out)
{
    size_t n = 0;
    while (*line && *line != ';') {
        char *end = NULL;
        n += dlx__utf8_encode(out + n, (uint32_t)strtoul(line, &end, 16));
        line = end;
        while (*line == ' ')
            line++;
    }
    out[n] = '\0';
    return line + (*line == ';');
}

/* The text may stand between plain letters: nothing may change around it. */
static void conformance(void **state)
{
    (void)state;
    char *file = read_all(data_file("unicode/NormalizationTest.txt"), NULL);
    size_t n_cases = 0;
    for (char *line = file; *line;) {
        char *end = strchr(line, '\n');
        if ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'A' && line[0] <= 'F')) {
            char columns[5][256];
            const char *at = line;
            for (size_t i = 0; i < 5; i++)
                at = column(at, columns[i]);
            expect(columns[0], columns[1]);
            expect(columns[1], columns[1]);
            expect(columns[2], columns[1]);
            expect(columns[3], columns[3]);
            expect(columns[4], columns[3]);
            n_cases++;
        }
        line = end ? end + 1 : line + strlen(line);
    }
    print_message("NormalizationTest: %zu lines, 5 equalities each\n", n_cases);
    assert_int_equal(n_cases, 19074);
    dlx__free(NULL, file);
}

static void parts_meet(void **state)
{
    (void)state;
    expect("", "");
    expect("abc", "abc");
    expect("abe\xCC\x81"
           "cd",
           "ab\xC3\xA9"
           "cd");
    expect("\xC3\xA9\xCC\x81", "\xC3\xA9\xCC\x81");
    expect("\xCC\x81"
           "a",
           "\xCC\x81"
           "a");
    expect("a\xCC\x81"
           "a\xCC\x81",
           "\xC3\xA1\xC3\xA1");
    expect("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81"); /* Hangul */
    expect("\xE2\x84\xAB"
           "a",
           "\xC3\x85"
           "a"); /* Angstrom sign */
    expect("a\xCC\x95\xCC\x80\xD6\xAE\xCC\x80", "\xC3\xA0\xD6\xAE\xCC\x80\xCC\x95");
    assert_true(dlx__nfc_is_plain("ab\xC3\xA9", 4));
    assert_false(dlx__nfc_is_plain("e\xCC\x81", 3));
}

/* Half a million marks of two classes in turn on one letter. */
static void hostile_marks(void **state)
{
    (void)state;
    dlx__buf text, out;
    dlx__buf_init(&text, NULL);
    dlx__buf_init(&out, NULL);
    dlx__buf_text(&text, "a");
    for (int i = 0; i < 250000; i++)
        dlx__buf_text(&text, "\xCC\x80\xCC\xA3"); /* above (230), below (220) */
    double start = dlx__os_seconds();
    CHECK(dlx__nfc_append(&out, text.data, text.len, err));
    double seconds = dlx__os_seconds() - start;
    print_message("500000 marks: %.2f s\n", seconds);
    assert_true(seconds < 10.0);
    assert_memory_equal(out.data, "\xE1\xBA\xA1\xCC\xA3\xCC\xA3", 7); /* a with dot below, dots */
    dlx__buf_release(&text);
    dlx__buf_release(&out);
}

static void properties(void **state)
{
    (void)state;
    static const uint32_t spaces[] = {'\t',   '\n',   '\v',   '\f',   '\r',   ' ',
                                      0x85,   0xA0,   0x1680, 0x2000, 0x200A, 0x2028,
                                      0x2029, 0x202F, 0x205F, 0x3000};
    for (size_t i = 0; i < DLX__LEN(spaces); i++)
        assert_true(dlx__is_white_space(spaces[i]));
    static const uint32_t others[] = {0x1C, 0x180E, 0x200B, 0xFEFF, 'a', 0x2001 + 0x100};
    for (size_t i = 0; i < DLX__LEN(others); i++)
        assert_false(dlx__is_white_space(others[i]));
    assert_true(dlx__is_word_char('_') && dlx__is_word_char(0xE9) && dlx__is_word_char('7'));
    assert_false(dlx__is_word_char('-') || dlx__is_word_char(0xB2) || dlx__is_word_char(' '));
    uint32_t cp = 0;
    assert_int_equal(dlx__utf8_decode_last("a\xC3\xA9", 3, &cp), 2);
    assert_int_equal(cp, 0xE9);
    assert_int_equal(dlx__utf8_decode_last("\x80\x80", 2, &cp), 0);
    assert_int_equal(dlx__utf8_decode_last("a\x80", 2, &cp), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conformance),
        cmocka_unit_test(parts_meet),
        cmocka_unit_test(hostile_marks),
        cmocka_unit_test(properties),
    };
    return data_status(cmocka_run_group_tests(tests, NULL, NULL));
}
