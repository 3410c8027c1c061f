/* The loop of one token a pass: passes, events, tiles, what later calls reuse, stops, draws. */
#include "generation_support.h"

#include "base/os.h"

static stage s;
static dlx_token prompt[200];

enum { TILE = 128 };

static void open(const char *folder)
{
    open_stage(&s, folder, false);
    s.opts.n_stop_ids = 0;
    fill_prompt(prompt, 200, 7);
    for (size_t i = 0; i < 200; i++)
        prompt[i] %= 250; /* Llama's vocabulary */
}

/* A pass a token; a prompt of more than a tile takes one more for each further tile. */
static void test_passes_are_tokens(void **state)
{
    (void)state;
    static const char *const folders[] = {"ar-llama-tiny", "ar-qwen2-tiny", "ar-qwen3-tiny"};
    static const size_t prompts[] = {1, 2, 40, TILE, TILE + 1, 160};
    for (size_t f = 0; f < 3; f++) {
        for (size_t i = 0; i < DLX__LEN(prompts); i++) {
            open(folders[f]);
            size_t n = prompts[i], tiles = (n + TILE - 1) / TILE;
            s.opts.max_tokens = 20;
            generate(&s, prompt, n);
            assert_int_equal(s.result.n_ids, 20);
            assert_int_equal(s.result.passes, 20 + tiles - 1);
            assert_int_equal(s.result.rows, n + 19); /* the last token is never run */
            assert_int_equal(s.rec.rows, s.result.rows);
            assert_int_equal(s.rec.n_denoise, 20);
            assert_int_equal(s.rec.n_prefill, n == 1 || n == TILE + 1 ? tiles - 1 : tiles);
            assert_int_equal(s.rec.n_commit, 0);
            assert_int_equal(s.rec.n_written, 20);
            for (size_t k = 0; k < 20; k++) {
                assert_int_equal(s.rec.written[k].pos, n + k);
                assert_int_equal(s.rec.written[k].id, s.result.ids[k]);
                assert_int_equal(s.rec.pass_of[k], tiles - 1 + k);
                assert_true(s.rec.written[k].conf > 0 && s.rec.written[k].conf <= 1);
            }
            assert_int_equal(s.result.n_canvas, n + 20);
            close_stage(&s);
        }
    }
}

/* Each token is the arg-max of the row before it in one forward over the whole. */
static void test_tokens_are_what_the_rows_before_them_say(void **state)
{
    (void)state;
    open("ar-llama-tiny");
    const size_t v = s.model.hp.n_rows_vocab, n = 150, all = n + 32;
    float *logits = malloc(all * v * sizeof *logits);
    dlx_token canvas[200];
    assert_non_null(logits);
    generate(&s, prompt, n);
    memcpy(canvas, s.result.canvas, all * sizeof *canvas);
    assert_ok(dlx__engine_logits(s.engine, canvas, all, logits, &s.err), &s.err);
    for (size_t i = n; i < all; i++) {
        const float *row = logits + (i - 1) * v;
        for (size_t id = 0; id < v; id++)
            assert_true(row[id] <= row[canvas[i]] + 1e-4f);
    }
    free(logits);
    close_stage(&s);
}

/* Events show the canvas as far as it is written. */
static size_t n_seen;

static bool see_canvas(void *user, const dlx_event *e)
{
    if (e->kind != DLX_EV_PASS)
        return record(user, e);
    assert_int_equal(e->n_prompt, 40);
    assert_int_equal(e->n_canvas, 40 + s.rec.n_written + e->n_written);
    for (size_t i = 0; i < e->n_canvas; i++)
        assert_true(e->canvas[i] >= 0);
    assert_int_equal(e->block, 0);
    n_seen++;
    return record(user, e);
}

static void test_events_show_what_is_written(void **state)
{
    (void)state;
    open("ar-qwen3-tiny");
    s.opts.on_event = see_canvas;
    n_seen = 0;
    generate(&s, prompt, 40);
    assert_int_equal(n_seen, 33);
    close_stage(&s);
}

/* A conversation goes on at any length: all but the last token of the answer is still there. */
static void test_turns_reuse_any_length(void **state)
{
    (void)state;
    stage anew;
    dlx_token turn[120];
    open("ar-qwen2-tiny");
    s.opts.max_tokens = 13;
    generate(&s, prompt, 21);
    assert_int_equal(s.result.n_reused, 0);
    memcpy(turn, s.result.canvas, 34 * sizeof *turn);
    memcpy(turn + 34, prompt + 50, 7 * sizeof *turn);
    generate(&s, turn, 41);
    assert_int_equal(s.result.n_reused, 33);
    assert_int_equal(s.result.rows, 41 - 33 + 12);
    open_stage(&anew, "ar-qwen2-tiny", false);
    anew.opts = s.opts;
    anew.opts.event_user = &anew.rec;
    generate(&anew, turn, 41);
    assert_int_equal(anew.result.n_ids, s.result.n_ids);
    assert_memory_equal(anew.result.ids, s.result.ids, s.result.n_ids * sizeof *turn);
    generate(&s, turn, 41); /* the same again: the last row runs, since it predicts */
    assert_int_equal(s.result.n_reused, 40);
    turn[10] ^= 1;
    generate(&s, turn, 41); /* another beginning */
    assert_int_equal(s.result.n_reused, 10);
    generate(&s, turn, 5); /* a shorter one */
    assert_int_equal(s.result.n_reused, 4);
    close_stage(&anew);
    close_stage(&s);
}

static void test_stop_ids_end_the_answer(void **state)
{
    (void)state;
    open("ar-qwen2-tiny");
    generate(&s, prompt, 40);
    size_t at = 1;
    dlx_token plain[32];
    memcpy(plain, s.result.ids, sizeof plain);
    for (bool repeats = true; repeats; at += repeats) { /* one that does not come before */
        repeats = false;
        for (size_t i = 0; i < at; i++)
            repeats = repeats || plain[i] == plain[at];
    }
    s.opts.stop_ids[0] = plain[at];
    s.opts.n_stop_ids = 1;
    generate(&s, prompt, 40);
    assert_int_equal(s.result.finish, DLX_FINISH_STOP);
    assert_int_equal(s.result.stop_id, plain[at]);
    assert_int_equal(s.result.n_ids, at);
    assert_memory_equal(s.result.ids, plain, at * sizeof *plain);
    assert_int_equal(s.result.n_canvas, 40 + at + 1);
    s.opts.suppress = &plain[0]; /* never chosen */
    s.opts.n_suppress = 1;
    generate(&s, prompt, 40);
    assert_true(s.result.ids[0] != plain[0]);
    close_stage(&s);
}

/* One draw a token, named by its position and the pass of the loop. */
static size_t n_draws;

static double draw(void *user, dlx_draw_kind kind, size_t pass, size_t position, dlx_token id)
{
    (void)user;
    assert_int_equal(kind, DLX_DRAW_TOKEN);
    assert_int_equal(pass, n_draws);
    assert_int_equal(position, 150 + n_draws);
    assert_int_equal(id, -1);
    n_draws++;
    return 0.999999;
}

static void test_draws_and_filters(void **state)
{
    (void)state;
    dlx_token greedy[32];
    open("ar-llama-tiny");
    generate(&s, prompt, 150);
    memcpy(greedy, s.result.ids, sizeof greedy);
    s.opts.temperature = 2.0;
    s.opts.draw = draw;
    n_draws = 0;
    generate(&s, prompt, 150);
    assert_int_equal(n_draws, 32);
    assert_true(memcmp(greedy, s.result.ids, sizeof greedy) != 0);
    s.opts.top_k = 1; /* whatever is drawn */
    n_draws = 0;
    generate(&s, prompt, 150);
    assert_memory_equal(greedy, s.result.ids, sizeof greedy);
    s.opts.top_k = 0;
    s.opts.top_p = 1e-9;
    n_draws = 0;
    generate(&s, prompt, 150);
    assert_memory_equal(greedy, s.result.ids, sizeof greedy);
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_are_tokens),
        cmocka_unit_test(test_tokens_are_what_the_rows_before_them_say),
        cmocka_unit_test(test_events_show_what_is_written),
        cmocka_unit_test(test_turns_reuse_any_length),
        cmocka_unit_test(test_stop_ids_end_the_answer),
        cmocka_unit_test(test_draws_and_filters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
