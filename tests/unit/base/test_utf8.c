// labels: quick
/* test_utf8.c - against the table of well-formed byte sequences of the Unicode standard (3-7). */
#include "base/utf8.h"
#include "unit.h"

/* Table 3-7 as it is printed: ranges of the first to fourth byte. */
static const struct row {
    size_t len;
    unsigned char low[4], high[4];
} rows[] = {
    {1, {0x00}, {0x7F}},
    {2, {0xC2, 0x80}, {0xDF, 0xBF}},
    {3, {0xE0, 0xA0, 0x80}, {0xE0, 0xBF, 0xBF}},
    {3, {0xE1, 0x80, 0x80}, {0xEC, 0xBF, 0xBF}},
    {3, {0xED, 0x80, 0x80}, {0xED, 0x9F, 0xBF}},
    {3, {0xEE, 0x80, 0x80}, {0xEF, 0xBF, 0xBF}},
    {4, {0xF0, 0x90, 0x80, 0x80}, {0xF0, 0xBF, 0xBF, 0xBF}},
    {4, {0xF1, 0x80, 0x80, 0x80}, {0xF3, 0xBF, 0xBF, 0xBF}},
    {4, {0xF4, 0x80, 0x80, 0x80}, {0xF4, 0x8F, 0xBF, 0xBF}},
};

/* How many of the n bytes agree with a row, and whether they complete it. */
static size_t table_prefix(const unsigned char *s, size_t n, bool *whole)
{
    size_t best = 0;
    *whole = false;
    for (size_t r = 0; r < DLX__LEN(rows); r++) {
        size_t i = 0;
        while (i < n && i < rows[r].len && s[i] >= rows[r].low[i] && s[i] <= rows[r].high[i])
            i++;
        best = i > best ? i : best;
        *whole = *whole || i == rows[r].len;
    }
    return best;
}

/* Every first and second byte with edge values behind them, at every length. */
static void decode_agrees_with_table(void **state)
{
    (void)state;
    static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0xBF, 0xC0, 0xFF};
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            for (size_t k = 0; k < sizeof edges * sizeof edges; k++) {
                unsigned char s[4] = {(unsigned char)a, (unsigned char)b, edges[k / sizeof edges],
                                      edges[k % sizeof edges]};
                for (size_t n = 1; n <= 4; n++) {
                    bool whole;
                    size_t prefix = table_prefix(s, n, &whole);
                    uint32_t cp;
                    size_t len = dlx__utf8_decode((const char *)s, n, &cp);
                    assert_int_equal(len, whole ? prefix : 0);
                }
            }
        }
    }
}

static void every_scalar_value_round_trips(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        if (cp >= 0xD800 && cp <= 0xDFFF)
            continue;
        char out[4];
        uint32_t back = 0;
        size_t len = dlx__utf8_encode(out, cp);
        assert_int_equal(dlx__utf8_decode(out, len, &back), len);
        assert_int_equal(back, cp);
    }
}

static void valid_prefix_stops_at_damage(void **state)
{
    (void)state;
    assert_int_equal(dlx__utf8_valid_prefix("abc", 3), 3);
    assert_int_equal(dlx__utf8_valid_prefix("", 0), 0);
    assert_int_equal(dlx__utf8_valid_prefix("a\xE2\x82\xAC\xFFz", 6), 4);
    assert_int_equal(dlx__utf8_valid_prefix("a\xE2\x82", 3), 1);
    assert_int_equal(dlx__utf8_valid_prefix("\xED\xA0\x80", 3), 0);
}

/* At the end of any stream, exactly a beginning of a code point is held back. */
static void whole_holds_back_only_beginnings(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {'a',  0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1,
                                          0xC2, 0xE0, 0xE2, 0xED, 0xF0, 0xF1, 0xF4, 0xF5};
    enum { B = sizeof bytes };
    for (size_t k = 0; k < B * B * B * B; k++) {
        unsigned char s[4] = {bytes[k % B], bytes[k / B % B], bytes[k / (B * B) % B],
                              bytes[k / (B * B * B)]};
        size_t expected = 4;
        for (size_t back = 1; back <= 3; back++) {
            bool whole;
            if (table_prefix(s + 4 - back, back, &whole) == back && !whole)
                expected = 4 - back;
        }
        assert_int_equal(dlx__utf8_whole((const char *)s, 4), expected);
    }
    assert_int_equal(dlx__utf8_whole("", 0), 0);
    assert_int_equal(dlx__utf8_whole("\xF0\x9F\x98", 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_agrees_with_table),
        cmocka_unit_test(every_scalar_value_round_trips),
        cmocka_unit_test(valid_prefix_stops_at_damage),
        cmocka_unit_test(whole_holds_back_only_beginnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
