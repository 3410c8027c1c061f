// labels: quick
/* The tokenizer on small vocabularies that need no data: what each setting does, every refusal,
 * hostile patterns and texts. */
#include "mini_tokenizer.h"

#include "base/pool.h"
#include "base/utf8.h"
#include "text/detok.h"
#include "text/pattern.h"

static dlx__tokenizer *mini(const char *patch)
{
    dlx__tokenizer *t = NULL;
    CHECK(mini_open(&t, patch, err));
    return t;
}

/* The ids of a text as "1 2 3". */
static void expect(const dlx__tokenizer *t, const char *text, unsigned flags, const char *ids)
{
    dlx_token want[64];
    size_t n = read_numbers(ids, strlen(ids), want, 64);
    assert_true(same_ids(t, text, strlen(text), flags, want, n));
}

static void encodes(void **state)
{
    (void)state;
    dlx__tokenizer *t = mini(NULL);
    assert_int_equal(dlx__tokenizer_n_ids(t), 261);
    expect(t, "", 0, "");
    expect(t, "a", 0, "64");
    expect(t, "abcab", 0, "257 256");
    expect(t, "a ab", 0, "64 220 256");
    expect(t, "x a", 0, "87 258");
    expect(t, "<S><T>", DLX__ENCODE_SPECIAL, "259 260");
    expect(t, "<S><T>", 0, "27 50 29 260");
    expect(t, "<S", DLX__ENCODE_SPECIAL, "27 50");
    expect(t, "e\xCC\x81", 0, "127 102"); /* composed: C3 A9 */
    assert_int_equal(dlx__tokenizer_find(t, "abc", 3), 257);
    assert_int_equal(dlx__tokenizer_find(t, "<S>", 3), 259);
    assert_int_equal(dlx__tokenizer_find(t, "abcd", 4), -1);
    assert_true(dlx__tokenizer_is_special(t, 259));
    assert_false(dlx__tokenizer_is_special(t, 260));
    assert_false(dlx__tokenizer_is_special(t, -1));
    assert_false(dlx__tokenizer_is_special(t, 261));
    assert_null(dlx__tokenizer_text(t, 300).data);
    assert_null(dlx__tokenizer_bytes(t, -5).data);
    assert_int_equal(dlx__tokenizer_bytes(t, 258).len, 2);
    assert_memory_equal(dlx__tokenizer_bytes(t, 258).data, " a", 2);
    assert_int_equal(dlx__tokenizer_text(t, 258).len, 3);
    dlx__tokenizer_free(t);
    dlx__tokenizer_free(NULL);
}

static void settings(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *text, *ids;
    } cases[] = {
        {"{\"normalizer\":null}", "e\xCC\x81", "68 136 223"},
        {"{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"}]}}",
         "e\xCC\x81", "127 102"},
        {"{\"model\":{\"ignore_merges\":true,\"merges\":[]}}", "abc ab", "257 220 64 65"},
        {"{\"model\":{\"merges\":[]}}", "abc", "64 65 66"},
        {"{\"model\":{\"merges\":[\"a b\",\"ab c\"]}}", "abc", "257"},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\","
         "\"individual_digits\":true},{\"type\":\"Split\",\"pattern\":{\"String\":\"b\"},"
         "\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\","
         "\"add_prefix_space\":false,\"use_regex\":false}]}}",
         "abc1", "64 65 66 16"},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\"},"
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s|\\\\u0061|\\\\x62\"},"
         "\"behavior\":\"Removed\"},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
         "\"use_regex\":false}]}}",
         "abc 12", "66 16 17"},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
         "\"pattern\":{\"Regex\":\"[abc]+\"},\"behavior\":\"Removed\",\"invert\":true},"
         "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}}",
         "1abc2ab", "257 256"},
        {"{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteLevel\"}]}}", "a",
         "64"},
        {"{\"added_tokens\":[{\"id\":259,\"content\":\"<S>\",\"lstrip\":true,\"special\":true}]}",
         "a \n<S> a", "64 259 258"},
        {"{\"added_tokens\":[{\"id\":259,\"content\":\"<S>\",\"rstrip\":true,\"special\":true}]}",
         "a <S> \xE3\x80\x80"
         "a",
         "64 220 259 64"},
        {"{\"added_tokens\":[{\"id\":259,\"content\":\"ab\xC3\xA9\",\"normalized\":true}]}",
         "abe\xCC\x81", "259"},
        {"{\"added_tokens\":[{\"id\":259,\"content\":\"zz\",\"single_word\":true}]}",
         "zz zzz \xC3\xA9zz zz", "259 220 89 89 89 220 127 102 89 89 220 259"},
        {"{\"added_tokens\":[{\"id\":256,\"content\":\"ab\",\"special\":true},"
         "{\"id\":262,\"content\":\"abab\",\"special\":true}]}",
         "ababab", "262 256"},
        {"{\"added_tokens\":null}", "<S>", "27 50 29"},
    };
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx__tokenizer *t = mini(cases[i].patch);
        expect(t, cases[i].text, DLX__ENCODE_SPECIAL, cases[i].ids);
        dlx__tokenizer_free(t);
    }
}

/* A vocabulary without most bytes. */
static void unknown_bytes(void **state)
{
    (void)state;
    static const char few[] =
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"?\":2},\"merges\":[]%s},"
        "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
        "\"decoder\":{\"type\":\"ByteLevel\"}}";
    static const struct {
        const char *more, *ids;
    } cases[] = {{",\"unk_token\":\"?\"", "0 2 2 1"},
                 {",\"unk_token\":\"?\",\"fuse_unk\":true", "0 2 1"}};
    char text[512];
    dlx__tokenizer *t = NULL;
    for (size_t i = 0; i < 2; i++) {
        int n = snprintf(text, sizeof text, few, cases[i].more);
        CHECK(dlx__tokenizer_parse(&t, text, (size_t)n, "few", NULL, err));
        expect(t, "axyb", 0, cases[i].ids);
        dlx__tokenizer_free(t);
    }
    int n = snprintf(text, sizeof text, few, "");
    CHECK(dlx__tokenizer_parse(&t, text, (size_t)n, "few", NULL, err));
    dlx_error why = {0};
    dlx__ids ids;
    dlx__ids_init(&ids, NULL);
    assert_true(dlx__ids_push(&ids, 7));
    assert_int_equal(dlx__tokenizer_encode(t, "abxa", 4, 0, &ids, &why), DLX_E_MISMATCH);
    assert_non_null(strstr(why.text, "no token for the byte 0x78"));
    assert_int_equal(ids.n, 1);
    dlx__ids_release(&ids);
    dlx__tokenizer_free(t);
}

static void refusals(void **state)
{
    (void)state;
#define BEFORE "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
#define AFTER ",{\"type\":\"ByteLevel\",\"add_prefix_space\":false}]}}"
#define REGEX(r)                                                                                   \
    BEFORE "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" r "\"},\"behavior\":"                   \
           "\"Isolated\"}" AFTER
    static const struct {
        const char *patch, *part;
    } cases[] = {
        {"{\"model\":{\"type\":\"Unigram\"}}", "model 'Unigram' is not supported"},
        {"{\"model\":{\"byte_fallback\":true}}", "byte_fallback: true"},
        {"{\"model\":{\"dropout\":0.1}}", "dropout"},
        {"{\"model\":{\"end_of_word_suffix\":\"</w>\"}}", "end_of_word_suffix"},
        {"{\"model\":{\"unk_token\":\"<none>\"}}", "unk_token '<none>' is not in the vocabulary"},
        {"{\"model\":{\"merges\":7}}", "model.merges is missing"},
        {"{\"model\":{\"merges\":[\"ab\"]}}", "merge 0 is 'ab'"},
        {"{\"model\":{\"merges\":[\"a b c\"]}}", "expected two tokens"},
        {"{\"model\":{\"merges\":[[\"a\"]]}}", "merge 0 is neither"},
        {"{\"model\":{\"merges\":[[\"a\",1]]}}", "merge 0 is neither"},
        {"{\"model\":{\"merges\":[\"zz a\"]}}", "merge 0 needs the token 'zz'"},
        {"{\"model\":{\"merges\":[\"a zz\"]}}", "merge 0 needs the token 'zz'"},
        {"{\"model\":{\"merges\":[\"a b\",\"b c\"]}}", "merge 1 needs the token 'bc'"},
        {"{\"model\":{\"vocab\":[]}}", "vocabulary is missing or empty"},
        {"{\"model\":{\"vocab\":{\"q1\":\"x\"}}}", "token 'q1' has no id"},
        {"{\"model\":{\"vocab\":{\"q1\":-3}}}", "token 'q1' has no id"},
        {"{\"model\":{\"vocab\":{\"q1\":99999999}}}", "far beyond the others"},
        {"{\"model\":{\"vocab\":{\"q1\":64}}}", "two tokens share the id 64"},
        {"{\"normalizer\":{\"type\":\"NFKC\"}}", "normalizer 'NFKC'"},
        {"{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"}]}}",
         "normalizer 'Lowercase'"},
        {"{\"pre_tokenizer\":{\"type\":\"Whitespace\"}}", "pre_tokenizer 'Whitespace'"},
        {"{\"pre_tokenizer\":{\"add_prefix_space\":true}}", "add_prefix_space: true"},
        {"{\"pre_tokenizer\":null}", "pre_tokenizer ''"},
        {BEFORE "{\"type\":\"Digits\"}]}}", "pre_tokenizer without 'ByteLevel'"},
        {BEFORE "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}" AFTER, "after ByteLevel"},
        {BEFORE
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"MergedWithNext\"}" AFTER,
         "behavior 'MergedWithNext'"},
        {BEFORE "{\"type\":\"Split\",\"behavior\":\"Isolated\"}" AFTER, "has no pattern"},
        {"{\"decoder\":{\"type\":\"WordPiece\"}}", "decoder 'WordPiece'"},
        {"{\"decoder\":null}", "decoder ''"},
        {"{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"}]}}",
         "decoder 'Sequence'"},
        {"{\"added_tokens\":7}", "added_tokens is not a list"},
        {"{\"added_tokens\":[{\"content\":\"x\"}]}", "added token 0 has no id"},
        {"{\"added_tokens\":[{\"id\":300}]}", "added token 300 has no content"},
        {"{\"added_tokens\":[{\"id\":300,\"content\":\"\"}]}", "has an empty spelling"},
        {"{\"added_tokens\":[{\"id\":64,\"content\":\"<X>\"}]}", "two tokens share the id 64"},
        {REGEX("(a"), "does not compile"},
        {REGEX("\\\\w"), "has '\\w' at byte 0"},
        {REGEX("a\\\\b"), "has '\\b' at byte 1"},
        {REGEX("a\\\\1"), "has '\\1' at byte 1"},
        {REGEX("a\\\\"), "nothing follows the backslash"},
        {REGEX("\\\\p"), "a brace is expected"},
        {REGEX("\\\\xg1"), "hexadecimal digits"},
        {REGEX("\\\\p{Nonsense}"), "does not compile"},
        {REGEX("(?P<x>a)"), "this kind of group"},
        {REGEX("(*UTF)a"), "this kind of group"},
        {REGEX("(?m:a)"), "this kind of group"},
        {REGEX("[a[b]]"), "set inside a set"},
        {REGEX("[a-z&&[aeiou]]"), "intersection of sets"},
        {REGEX("[]a]"), "an empty set"},
        {REGEX("a{99999}"), "does not compile"},
    };
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx__tokenizer *t = NULL;
        dlx_error why = {0};
        dlx_result r = mini_open(&t, cases[i].patch, &why);
        if (r == DLX_OK || strncmp(why.text, "mini.json: ", 11) != 0 ||
            !strstr(why.text, cases[i].part))
            fail_msg("%s\n  gives %d '%s', want '%s'", cases[i].patch, (int)r, why.text,
                     cases[i].part);
    }
    print_message("%zu refusals\n", DLX__LEN(cases));
    dlx__tokenizer *t = NULL;
    dlx_error why = {0};
    assert_int_not_equal(dlx__tokenizer_parse(&t, "[]", 2, "x.json", NULL, &why), DLX_OK);
    assert_int_not_equal(dlx__tokenizer_parse(&t, "{", 1, "x.json", NULL, &why), DLX_OK);
    assert_int_not_equal(dlx__tokenizer_parse(&t, "{}", 2, "x.json", NULL, NULL), DLX_OK);
    dlx__buf many; /* more splitters than there is room for */
    dlx__buf_init(&many, NULL);
    dlx__buf_text(&many, BEFORE "{\"type\":\"Digits\"}");
    for (int i = 0; i < 20; i++)
        dlx__buf_text(&many, ",{\"type\":\"Digits\"}");
    dlx__buf_text(&many, AFTER);
    assert_int_equal(mini_open(&t, many.data, &why), DLX_E_UNSUPPORTED);
    assert_non_null(strstr(why.text, "more than 16 steps"));
    dlx__buf_release(&many);
}

static void bad_texts_and_ids(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
    } torn[] = {{"\x80", 0},        {"a\xC3", 1},   {"ab\xED\xA0\x80", 2}, {"\xF5\x80\x80\x80", 0},
                {"abc\xC0\x80", 3}, {"\xE2\x82", 0}};
    dlx__tokenizer *t = mini(NULL);
    dlx__ids ids;
    dlx__ids_init(&ids, NULL);
    for (size_t i = 0; i < DLX__LEN(torn); i++) {
        dlx_error why = {0};
        char part[64];
        snprintf(part, sizeof part, "not UTF-8 at byte %zu ", torn[i].at);
        assert_int_equal(
            dlx__tokenizer_encode(t, torn[i].text, strlen(torn[i].text), 0, &ids, &why), DLX_E_ARG);
        assert_non_null(strstr(why.text, part));
    }
    dlx_error why = {0};
    static const char one[1] = {'a'};
    assert_int_equal(dlx__tokenizer_encode(t, one, ((size_t)1 << 30) + 1, 0, &ids, &why),
                     DLX_E_ARG);
    static const dlx_token outside[][2] = {{64, -1}, {64, 261}, {64, INT32_MAX}, {64, INT32_MIN}};
    dlx__buf out;
    dlx__buf_init(&out, NULL);
    for (size_t i = 0; i < DLX__LEN(outside); i++) {
        assert_int_equal(dlx__tokenizer_decode(t, outside[i], 2, 0, &out, &why), DLX_E_ARG);
        assert_non_null(strstr(why.text, "(number 1 of 2) is no token"));
        assert_int_equal(dlx__detok_all(t, outside[i], 2, 0, &out, &why), DLX_E_ARG);
        assert_int_equal(out.len, 0);
    }
    static const dlx_token specials[] = {259, 64, 260};
    CHECK(dlx__tokenizer_decode(t, specials, 3, DLX__DECODE_SKIP_SPECIAL, &out, err));
    assert_string_equal(out.data, "a<T>");
    CHECK(dlx__tokenizer_decode(t, specials, 3, 0, &out, err));
    assert_string_equal(out.data, "a<T><S>a<T>");
    dlx__buf_release(&out);
    dlx__ids_release(&ids);
    dlx__tokenizer_free(t);
}

/* Patterns that would take forever, and a text that would with a worse algorithm. */
static void hostile(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(a+)+$", "(a|a)*b", "(?:a*)*b", "(a|aa)+$"};
    char patch[512];
    char *text = malloc(1 << 20);
    memset(text, 'a', 1 << 20);
    for (size_t i = 0; i < DLX__LEN(patterns); i++) {
        snprintf(patch, sizeof patch, REGEX("%s"), patterns[i]);
        dlx__tokenizer *t = mini(patch);
        dlx__ids ids;
        dlx_error why = {0};
        dlx__ids_init(&ids, NULL);
        text[4000] = 'c';
        double start = dlx__os_seconds();
        dlx_result r = dlx__tokenizer_encode(t, text, 4001, 0, &ids, &why);
        print_message("%s: %s, %.2f s\n", patterns[i], r == DLX_OK ? "matched" : "hit a limit",
                      dlx__os_seconds() - start);
        assert_true(r == DLX_OK || strstr(why.text, "hit a limit"));
        text[4000] = 'a';
        dlx__ids_release(&ids);
        dlx__tokenizer_free(t);
    }
    dlx__tokenizer *t = mini("{\"model\":{\"vocab\":{\"aa\":261,\"aaaa\":262},\"merges\":"
                             "[\"a a\",\"aa aa\"]}}");
    dlx__ids ids;
    dlx__ids_init(&ids, NULL);
    double start = dlx__os_seconds();
    CHECK(dlx__tokenizer_encode(t, text, 1 << 20, 0, &ids, err));
    double seconds = dlx__os_seconds() - start;
    print_message("one piece of 1 MiB: %.2f s\n", seconds);
    assert_int_equal(ids.n, 1 << 18);
    assert_true(seconds < 30.0);
    dlx__ids_release(&ids);
    dlx__tokenizer_free(t);
    free(text);
}

static void matcher_limits(void **state)
{
    (void)state;
    dlx__pattern *p = NULL;
    dlx__matcher *m = NULL;
    dlx_error why = {0};
    size_t start = 0, end = 0;
    char text[64];
    memset(text, 'a', sizeof text);
    CHECK(dlx__pattern_open(&p, "(a+)+b", 6, NULL, err));
    CHECK(dlx__matcher_open(&m, sizeof text, NULL, err));
    assert_int_equal(dlx__pattern_next(p, m, text, sizeof text, 0, &start, &end, &why),
                     DLX_OK); /* no b: PCRE2 sees that at once */
    assert_int_equal(start, sizeof text);
    dlx__pattern_free(p);
    CHECK(dlx__pattern_open(&p, "(a+)+[bc]", 9, NULL, err));
    assert_int_equal(dlx__pattern_next(p, m, text, sizeof text, 0, &start, &end, &why),
                     DLX_E_UNSUPPORTED);
    assert_non_null(strstr(why.text, "hit a limit"));
    dlx__pattern_free(p);
    dlx__matcher_free(m);
    dlx__matcher_free(NULL);
    dlx__pattern_free(NULL);
    CHECK(dlx__pattern_open_literal(&p, "a.b\xC3\xA9", 5, NULL, err));
    CHECK(dlx__matcher_open(&m, 8, NULL, err));
    CHECK(dlx__pattern_next(p, m, "axba.b\xC3\xA9", 8, 0, &start, &end, err));
    assert_int_equal(start, 3);
    assert_int_equal(end, 8);
    dlx__pattern_free(p);
    dlx__matcher_free(m);
}

/* Cut at every byte: what a stream shows is always whole, and all of it is shown in the end. */
static void streaming(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z", "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"},
        {"\x80", "\xEF\xBF\xBD"},
        {"\xC3", "\xEF\xBF\xBD"},
        {"\xC3z", "\xEF\xBF\xBDz"},
        {"\xE2\x82z", "\xEF\xBF\xBDz"},
        {"\xF0\x9F\x98", "\xEF\xBF\xBD"},
        {"\xF0\x9F\x98\xF0\x9F\x98\x80", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xE0\x80\xC0\xFF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    dlx__tokenizer *t = mini(NULL);
    dlx_token of_byte[256];
    for (dlx_token id = 0; id < 256; id++)
        of_byte[(uint8_t)dlx__tokenizer_bytes(t, id).data[0]] = id;
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx__detok d;
        dlx__buf out, whole;
        dlx_token ids[64];
        size_t n = strlen(cases[i].bytes);
        dlx__buf_init(&out, NULL);
        dlx__buf_init(&whole, NULL);
        dlx__detok_init(&d, t, DLX__DECODE_SKIP_SPECIAL);
        for (size_t k = 0; k < n; k++) {
            ids[k] = of_byte[(uint8_t)cases[i].bytes[k]];
            CHECK(dlx__detok_push(&d, ids[k], &out, err));
            CHECK(dlx__detok_push(&d, 259, &out, err));
            assert_int_equal(dlx__utf8_valid_prefix(out.data ? out.data : "", out.len), out.len);
            assert_true(strncmp(out.data ? out.data : "", cases[i].text, out.len) == 0);
        }
        assert_int_equal(dlx__detok_push(&d, 999, &out, NULL), DLX_E_ARG);
        CHECK(dlx__detok_finish(&d, &out, err));
        assert_string_equal(out.data, cases[i].text);
        CHECK(dlx__detok_all(t, ids, n, 0, &whole, err));
        assert_string_equal(whole.data, cases[i].text);
        dlx__buf_release(&out);
        dlx__buf_release(&whole);
    }
    dlx__tokenizer_free(t);
}

typedef struct shared_use {
    const dlx__tokenizer *tokenizer;
    dlx__ids ids[4]; /* by thread */
} shared_use;

static void encode_often(void *arg, int thread, int n_threads)
{
    shared_use *use = arg;
    (void)n_threads;
    static const char text[] = "abc ab<S> e\xCC\x81 12 x's";
    for (int i = 0; i < 200; i++)
        if (dlx__tokenizer_encode(use->tokenizer, text, strlen(text), DLX__ENCODE_SPECIAL,
                                  &use->ids[thread], NULL) != DLX_OK)
            break;
}

/* One tokenizer, four threads: the same ids everywhere (a thread sanitizer watches). */
static void shared(void **state)
{
    (void)state;
    dlx__tokenizer *t = mini(NULL);
    shared_use use = {.tokenizer = t};
    dlx__pool *pool = NULL;
    CHECK(dlx__pool_open(&pool, 4, NULL, err));
    dlx__pool_run(pool, encode_often, &use);
    assert_int_equal(use.ids[0].n % 200, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(use.ids[i].n, use.ids[0].n);
        assert_memory_equal(use.ids[i].data, use.ids[0].data, use.ids[0].n * sizeof(dlx_token));
    }
    for (int i = 0; i < 4; i++)
        dlx__ids_release(&use.ids[i]);
    dlx__pool_free(pool);
    dlx__tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes),
        cmocka_unit_test(settings),
        cmocka_unit_test(unknown_bytes),
        cmocka_unit_test(refusals),
        cmocka_unit_test(bad_texts_and_ids),
        cmocka_unit_test(hostile),
        cmocka_unit_test(matcher_limits),
        cmocka_unit_test(streaming),
        cmocka_unit_test(shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
