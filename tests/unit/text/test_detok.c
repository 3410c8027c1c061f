// labels: quick
/* Tokens that tear code points anywhere: the stream says what decoding all at once says, takes no
 * memory where there is room, and changes nothing when it fails. */
#include "text_support.h"

#include "base/rng.h"
#include "base/utf8.h"
#include "failing_mem.h"
#include "text/byte_level.h"
#include "text/detok.h"

enum { N_TOKENS = 400, LONGEST = 6, N_RUNS = 3000, MOST_IDS = 12 };

static const uint8_t pieces[] = {'a',  0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F,
                                 0x98, 0x80, 0xED, 0xA0, 0xF4, 0x90, 0xE0, 0xFF};

static size_t below(dlx__rng *rng, size_t n)
{
    return (size_t)(dlx__rng_uniform(rng) * (double)n);
}

/* A vocabulary of random bytes that are likely to begin, go on with and break code points. */
static dlx__tokenizer *torn_tokenizer(dlx__rng *rng)
{
    dlx__buf json;
    dlx__tokenizer *t = NULL;
    dlx__buf_init(&json, NULL);
    assert_true(dlx__buf_text(&json, "{\"decoder\":{\"type\":\"ByteLevel\"},\"pre_tokenizer\":"
                                     "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                                     "\"use_regex\":false},\"model\":{\"type\":\"BPE\","
                                     "\"merges\":[],\"vocab\":{"));
    for (int id = 0; id < N_TOKENS; id++) {
        char bytes[LONGEST + 3];
        size_t n = 1 + below(rng, LONGEST);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)pieces[below(rng, sizeof pieces)];
        bytes[n++] = (char)('A' + id / 20); /* spellings differ */
        bytes[n++] = (char)('a' + id % 20);
        size_t first = below(rng, n);
        char turned[sizeof bytes]; /* the letters lie anywhere */
        for (size_t i = 0; i < n; i++)
            turned[i] = bytes[(first + i) % n];
        assert_true(dlx__buf_text(&json, id ? ",\"" : "\""));
        assert_true(dlx__byte_level_append(&json, turned, n));
        assert_true(dlx__buf_format(&json, "\":%d", id));
    }
    assert_true(dlx__buf_text(&json, "}}}"));
    CHECK(dlx__tokenizer_parse(&t, json.data, json.len, "torn.json", NULL, err));
    dlx__buf_release(&json);
    return t;
}

static void streams_say_the_same(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 7);
    dlx__tokenizer *t = torn_tokenizer(&rng);
    size_t n_torn = 0;
    for (int run = 0; run < N_RUNS; run++) {
        failing_mem f;
        failing_mem_init(&f, 0);
        dlx__buf out, whole;
        dlx__detok d;
        dlx_token ids[MOST_IDS];
        size_t n = 1 + below(&rng, MOST_IDS);
        dlx__buf_init(&out, &f.mem);
        dlx__buf_init(&whole, NULL);
        dlx__detok_init(&d, t, 0);
        assert_true(dlx__buf_reserve(&out, MOST_IDS * 3 * (LONGEST + 2 + 4)));
        for (size_t i = 0; i < n; i++) {
            ids[i] = (dlx_token)below(&rng, N_TOKENS);
            CHECK(dlx__detok_push(&d, ids[i], &out, err));
            assert_int_equal(dlx__utf8_valid_prefix(out.data, out.len), out.len);
            n_torn += d.n_held > 0;
        }
        CHECK(dlx__detok_finish(&d, &out, err));
        assert_int_equal(f.n_calls, 1);
        CHECK(dlx__detok_all(t, ids, n, 0, &whole, err));
        assert_string_equal(out.data, whole.data);
        dlx__buf_release(&out);
        dlx__buf_release(&whole);
    }
    assert_true(n_torn > N_RUNS);
    dlx__tokenizer_free(t);
}

static void a_failure_changes_nothing(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 8);
    dlx__tokenizer *t = torn_tokenizer(&rng);
    dlx_error why = {.code = DLX_OK};
    dlx__detok d;
    dlx__buf out;
    failing_mem f;
    failing_mem_init(&f, 1);
    dlx__buf_init(&out, &f.mem);
    dlx__detok_init(&d, t, 0);
    d.held[0] = '\xC3';
    d.n_held = 1;
    assert_int_equal(dlx__detok_push(&d, 3, &out, &why), DLX_E_NOMEM);
    assert_int_equal(dlx__detok_push(&d, N_TOKENS, &out, &why), DLX_E_ARG);
    assert_non_null(strstr(why.text, "below 400"));
    assert_int_equal(dlx__detok_push(&d, -1, &out, &why), DLX_E_ARG);
    assert_int_equal(out.len, 0);
    assert_int_equal(d.n_held, 1);
    dlx__buf_release(&out);
    dlx__tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_say_the_same),
        cmocka_unit_test(a_failure_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
