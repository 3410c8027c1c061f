/* Text as it becomes final: nothing is taken back, nothing of a stop text ever shows. */
#include "generation_support.h"

#include "base/buf.h"
#include "runtime/text_out.h"

static stage s;
static dlx_token prompt[64];

/* ---- the output alone --------------------------------------------------------------------------
 */

static char seen[4096];
static size_t n_seen, n_pieces;

static bool see(void *user, const char *text, size_t n)
{
    (void)user;
    assert_true(n_seen + n < sizeof seen && text[n] == '\0');
    memcpy(seen + n_seen, text, n);
    n_seen += n;
    seen[n_seen] = '\0';
    n_pieces++;
    return true;
}

static dlx__text_out out;
static dlx__arena arena;
static dlx__tokenizer *words;

static void open_out(const char *const *stops, size_t n_stops)
{
    dlx_error err = {.code = DLX_OK};
    n_seen = n_pieces = 0;
    seen[0] = '\0';
    dlx__arena_init(&arena, NULL);
    out = (dlx__text_out){.tokenizer = words, .stops = stops, .n_stops = n_stops, .release = see};
    assert_ok(dlx__text_out_open(&out, 64, 16, &arena, &err), &err);
}

static void push(dlx_token id)
{
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx__text_out_push(&out, id, &err), &err);
    assert_ok(dlx__text_out_flush(&out, false, &err), &err);
}

static void close_out(void)
{
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx__text_out_flush(&out, true, &err), &err);
    dlx__text_out_release_memory(&out);
    dlx__arena_release(&arena);
}

static void test_plain(void **state)
{
    (void)state;
    open_out(NULL, 0);
    push(1);
    assert_string_equal(seen, " w1");
    push(23);
    assert_string_equal(seen, " w1 w23");
    close_out();
    assert_string_equal(seen, " w1 w23");
    assert_int_equal(n_pieces, 2);
}

/* A byte that begins a code point waits for the next id. */
static void test_torn_code_points(void **state)
{
    (void)state;
    open_out(NULL, 0);
    push(7);
    assert_string_equal(seen, " w7");
    push(1);
    assert_string_equal(seen, " w7\xEF\xBF\xBD w1");
    push(14);
    close_out();
    assert_string_equal(seen, " w7\xEF\xBF\xBD w1 w14\xEF\xBF\xBD");
}

static void test_stop_text_over_two_ids(void **state)
{
    (void)state;
    static const char *const stops[] = {"2 w3"};
    open_out(stops, 1);
    push(1);
    push(2);
    assert_string_equal(seen, " w1 w"); /* the 2 may begin the stop text */
    push(33);
    assert_true(out.stopped);
    push(5);
    close_out();
    assert_string_equal(seen, " w1 w");
    assert_int_equal(out.n_ids_before_stop, 1); /* ids that lie wholly before it */
}

static void test_false_alarm(void **state)
{
    (void)state;
    static const char *const stops[] = {"2 w3 w4", "never"};
    open_out(stops, 2);
    push(2);
    push(3);
    assert_string_equal(seen, " w");
    push(5);
    assert_string_equal(seen, " w2 w3 w5");
    assert_false(out.stopped);
    close_out();
}

static void test_first_stop_wins(void **state)
{
    (void)state;
    static const char *const stops[] = {"w12", " w1"};
    open_out(stops, 2);
    push(5);
    push(12);
    close_out();
    assert_true(out.stopped);
    assert_string_equal(seen, " w5");
    assert_int_equal(out.n_ids_before_stop, 1);
}

static void test_ids_without_text(void **state)
{
    (void)state;
    open_out(NULL, 0);
    push(3);
    push(5000); /* a padded row, allowed by allow_special */
    push(4);
    close_out();
    assert_string_equal(seen, " w3 w4");
}

/* ---- in generation -----------------------------------------------------------------------------
 */

static const char *text_of(const dlx_token *ids, size_t n)
{
    static char text[REC_TEXT];
    dlx__buf buf;
    dlx__buf_init(&buf, NULL);
    assert_ok(dlx__detok_all(s.tokenizer, ids, n, DLX__DECODE_SKIP_SPECIAL, &buf, &s.err), &s.err);
    assert_true(buf.len < sizeof text);
    memcpy(text, buf.data ? buf.data : "", buf.len + (buf.data ? 1 : 0));
    text[buf.len] = '\0';
    dlx__buf_release(&buf);
    return text;
}

/* The events' text is the text of the result, for every family. */
static void test_events_give_the_whole_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EACH; i++) {
        open_stage(&s, one_of_each[i], true);
        fill_prompt(prompt, 21, 1);
        generate(&s, prompt, 21);
        assert_string_equal(s.rec.text, text_of(s.result.ids, s.result.n_ids));
        assert_true(s.rec.n_text_events > 0);
        close_stage(&s);
    }
}

/* A stop text taken from the middle of the plain answer ends it there. */
static void test_stop_texts_end_generation(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EACH; i++) {
        char plain[REC_TEXT], stop[16];
        open_stage(&s, one_of_each[i], true);
        s.opts.n_stop_ids = 0;
        fill_prompt(prompt, 21, 1);
        generate(&s, prompt, 21);
        size_t n_plain = s.result.n_ids;
        memcpy(plain, s.rec.text, sizeof plain);
        memcpy(stop, plain + strlen(plain) / 2, 6);
        stop[6] = '\0';
        const char *const stops[] = {stop};
        s.opts.stop_texts = stops;
        s.opts.n_stop_texts = 1;
        generate(&s, prompt, 21);
        *strstr(plain, stop) = '\0';
        assert_string_equal(s.rec.text, plain);
        assert_int_equal(s.result.finish, DLX_FINISH_STOP);
        assert_int_equal(s.result.stop_id, -1);
        assert_true(s.result.n_ids < n_plain);
        assert_memory_equal(plain, text_of(s.result.ids, s.result.n_ids),
                            strlen(text_of(s.result.ids, s.result.n_ids)));
        close_stage(&s);
    }
}

static void test_stop_texts_need_a_tokenizer(void **state)
{
    (void)state;
    static const char *const stops[] = {"x"};
    open_stage(&s, "sdar-tiny-b4", false);
    fill_prompt(prompt, 9, 1);
    s.opts.stop_texts = stops;
    s.opts.n_stop_texts = 1;
    assert_int_equal(try_generate(&s, prompt, 9), DLX_E_ARG);
    assert_says(&s.err, "need a tokenizer");
    close_stage(&s);
}

static void test_infill_gives_no_text(void **state)
{
    (void)state;
    open_stage(&s, "dream-tiny", true);
    fill_prompt(prompt, 21, 1);
    prompt[4] = mask_of(&s);
    s.opts.infill = true;
    generate(&s, prompt, 21);
    assert_int_equal(s.rec.n_text_events, 0);
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain),
                                       cmocka_unit_test(test_torn_code_points),
                                       cmocka_unit_test(test_stop_text_over_two_ids),
                                       cmocka_unit_test(test_false_alarm),
                                       cmocka_unit_test(test_first_stop_wins),
                                       cmocka_unit_test(test_ids_without_text),
                                       cmocka_unit_test(test_events_give_the_whole_text),
                                       cmocka_unit_test(test_stop_texts_end_generation),
                                       cmocka_unit_test(test_stop_texts_need_a_tokenizer),
                                       cmocka_unit_test(test_infill_gives_no_text)};
    words = word_tokenizer(320);
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    dlx__tokenizer_free(words);
    return r;
}
