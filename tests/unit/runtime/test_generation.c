/* What generation promises beyond the golden traces: every mode ends, fills, keeps, reuses,
 * repeats. */
#include "generation_support.h"

static stage s;
static dlx_token prompt[200];

/* Every sampler and cache of a family, greedy and not, with and without special ids. */
static void every_mode(const char *folder, void (*visit)(void))
{
    open_stage(&s, folder, false);
    const dlx__family *family = s.model.family;
    for (size_t i = 0; family->samplers[i]; i++)
        for (size_t k = 0; family->caches[k]; k++)
            for (size_t t = 0; t < 4; t++) {
                s.opts.sampler = family->samplers[i];
                s.opts.cache = family->caches[k];
                s.opts.temperature = t & 1 ? 0.8 : 0.0;
                s.opts.top_p = t & 1 ? 0.9 : 1.0;
                s.opts.allow_special = (t & 2) != 0;
                if (dlx__gen_check(&s.model, &s.opts, prompt, 21, 192, &s.err) == DLX_OK)
                    visit();
            }
    close_stage(&s);
}

static size_t n_visits;

static void visit_plain(void)
{
    generate(&s, prompt, 21);
    bool stopped = s.result.finish == DLX_FINISH_STOP;
    if (!stopped) {
        assert_int_equal(count_masks(&s), 0);
        assert_int_equal(s.result.n_ids, 32);
    }
    assert_memory_equal(s.result.canvas, prompt, 21 * sizeof *prompt);
    assert_memory_equal(s.result.ids, s.result.canvas + 21, s.result.n_ids * sizeof *prompt);
    if (!s.opts.allow_special)
        for (size_t i = 0; i < s.result.n_ids; i++)
            assert_true(s.result.ids[i] != mask_of(&s) &&
                        (size_t)s.result.ids[i] < s.model.hp.n_vocab);
    n_visits++;
}

/* Also with weights whose mask row and padding rows win whenever they may. */
static void test_every_mode_ends(void **state)
{
    (void)state;
    fill_prompt(prompt, 21, 1);
    for (size_t i = 0; i < N_EACH; i++)
        every_mode(one_of_each[i], visit_plain);
    every_mode("llada-specials", visit_plain);
    every_mode("dream-specials", visit_plain);
    printf("  %zu modes\n", n_visits);
    assert_true(n_visits > 90);
}

static size_t n_holes;

static void visit_infill(void)
{
    dlx_token holes[45];
    fill_prompt(holes, 45, 3);
    static const size_t at[] = {1, 2, 8, 9, 10, 11, 20, 31, 32, 33, 39, 44};
    size_t n = sizeof at / sizeof at[0];
    for (size_t i = 0; i < n; i++)
        holes[at[i]] = mask_of(&s);
    s.opts.infill = true;
    generate(&s, holes, 45);
    assert_int_equal(s.result.n_canvas, 45);
    assert_int_equal(count_masks(&s), 0);
    assert_int_equal(s.result.n_ids, n);
    assert_int_equal(s.rec.n_written, n);
    for (size_t i = 0, k = 0; i < 45; i++) {
        if (k < n && at[k] == i)
            assert_int_equal(s.result.ids[k++], s.result.canvas[i]);
        else
            assert_int_equal(s.result.canvas[i], holes[i]);
    }
    s.opts.infill = false;
    n_holes++;
}

static void test_infill(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_DIFFUSION; i++)
        every_mode(one_of_each[i], visit_infill);
    printf("  %zu modes\n", n_holes);
    assert_true(n_holes > 60);
}

/* The first token of all may be missing too. */
static void test_infill_from_position_zero(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_DIFFUSION; i++) {
        open_stage(&s, one_of_each[i], false);
        for (size_t k = 0; k < 40; k++)
            prompt[k] = mask_of(&s);
        prompt[39] = 5;
        s.opts.infill = true;
        generate(&s, prompt, 40);
        assert_int_equal(count_masks(&s), 0);
        assert_int_equal(s.result.n_ids, 39);
        close_stage(&s);
    }
}

/* Masks in the prompt are filled, and the answer is appended all the same. */
static void test_masks_in_the_prompt(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_DIFFUSION; i++) {
        open_stage(&s, one_of_each[i], false);
        s.opts.n_stop_ids = 0;
        fill_prompt(prompt, 37, 9);
        prompt[3] = prompt[33] = mask_of(&s);
        generate(&s, prompt, 37);
        assert_int_equal(count_masks(&s), 0);
        assert_int_equal(s.result.n_ids, 32);
        assert_true(s.result.canvas[3] != mask_of(&s) && s.result.canvas[4] == prompt[4]);
        close_stage(&s);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    static const char *const exact[] = {"sdar-tiny-b4", "sdar-tiny-b8", "fast-dllm-v2-tiny"};
    for (size_t i = 0; i < 3; i++) {
        open_stage(&s, exact[i], false);
        s.opts.n_stop_ids = 0;
        for (size_t n = 1; n < 40; n += 3) {
            fill_prompt(prompt, 32 + n % 2, (unsigned)n);
            s.opts.max_tokens = n;
            generate(&s, prompt, 32 + n % 2);
            assert_int_equal(s.result.n_ids, n);
            assert_int_equal(s.result.finish, DLX_FINISH_LENGTH);
        }
        close_stage(&s);
    }
}

/* One token that the prefill itself gives needs no pass of the denoiser. */
static void test_seed_alone(void **state)
{
    (void)state;
    open_stage(&s, "fast-dllm-v2-tiny", false);
    fill_prompt(prompt, 64, 2);
    s.opts.max_tokens = 1;
    generate(&s, prompt, 64);
    assert_int_equal(s.result.passes, 1);
    assert_int_equal(s.rec.n_prefill, 1);
    assert_int_equal(s.rec.n_denoise, 0);
    assert_int_equal(s.result.n_ids + (s.result.stop_id >= 0), 1);
    close_stage(&s);
}

/* Both have run the same prompt: the same canvas, written in the same order with the same
 * confidences, and no row more than what was not kept. */
static void check_same(const stage *kept, const stage *fresh)
{
    assert_int_equal(fresh->result.n_reused, 0);
    assert_int_equal(kept->result.n_canvas, fresh->result.n_canvas);
    assert_memory_equal(kept->result.canvas, fresh->result.canvas,
                        kept->result.n_canvas * sizeof *prompt);
    assert_int_equal(kept->rec.n_written, fresh->rec.n_written);
    for (size_t i = 0; i < kept->rec.n_written; i++)
        assert_memory_equal(&kept->rec.written[i], &fresh->rec.written[i],
                            sizeof kept->rec.written[i]);
    assert_int_equal(kept->result.rows + kept->result.n_reused, fresh->result.rows);
    assert_true(kept->result.passes <= fresh->result.passes);
}

/* A second turn that repeats the first conversation takes its K/V and says the same as from
 * scratch. */
static void check_reuse(const char *folder, size_t n_first, size_t changed_at)
{
    stage fresh;
    open_stage(&s, folder, false);
    open_stage(&fresh, folder, false);
    s.opts.n_stop_ids = fresh.opts.n_stop_ids = 0;
    fill_prompt(prompt, n_first, 5);
    generate(&s, prompt, n_first);
    assert_int_equal(s.result.n_reused, 0);
    size_t n = s.result.n_canvas;
    memcpy(prompt, s.result.canvas, n * sizeof *prompt);
    fill_prompt(prompt + n, 7, 6);
    if (changed_at < n)
        prompt[changed_at] = (prompt[changed_at] + 1) % 280;
    generate(&s, prompt, n + 7);
    generate(&fresh, prompt, n + 7);
    size_t block = s.opts.block_length;
    assert_int_equal(s.result.n_reused % block, 0);
    assert_true(s.result.n_reused > 0 && s.result.n_reused <= changed_at);
    assert_true(s.result.n_reused + 2 * block > (changed_at < n ? changed_at : n - block));
    check_same(&s, &fresh);
    close_stage(&s);
    close_stage(&fresh);
}

/*
 * A conversation: each turn's prompt is the last one, the answer, a few ids of a new question.
 * What was decoded in blocks counts as well as what was given, up to the block in which the answer
 * ended: its K/V are those of a block that still held masks.
 */
static void converse(const char *folder, const char *cache, const char *sampler, double temperature)
{
    stage fresh;
    open_stage(&s, folder, false);
    s.opts.cache = cache;
    s.opts.sampler = sampler;
    s.opts.temperature = temperature;
    s.opts.max_tokens = 20;
    size_t block = s.opts.block_length;
    size_t n = 11, n_ended = 0;
    fill_prompt(prompt, n, 5);
    for (unsigned turn = 0; turn < 5; turn++) {
        open_stage(&fresh, folder, false);
        fresh.opts = s.opts;
        fresh.opts.event_user = &fresh.rec;
        s.opts.seed = turn;
        fresh.opts.seed = turn;
        generate(&s, prompt, n);
        generate(&fresh, prompt, n);
        check_same(&s, &fresh);
        assert_int_equal(s.result.n_reused, n_ended / block * block);
        close_stage(&fresh);
        n += s.result.n_ids;
        n_ended = n - (s.result.n_ids > 0); /* in the block of the answer's last id */
        memcpy(prompt, s.result.canvas, n * sizeof *prompt);
        fill_prompt(prompt + n, 7, turn);
        n += 7;
    }
    close_stage(&s);
}

static void test_conversations(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "sdar-tiny-b8", "fast-dllm-v2-tiny"};
    for (size_t i = 0; i < 3; i++) {
        open_stage(&s, folders[i], false);
        const dlx__family *family = s.model.family;
        close_stage(&s);
        for (size_t k = 0; family->samplers[k]; k++)
            for (size_t c = 0; family->caches[c]; c++) {
                converse(folders[i], family->caches[c], family->samplers[k], 0.0);
                converse(folders[i], family->caches[c], family->samplers[k], 0.8);
            }
    }
}

static bool fail_at_third(void *user, const dlx_event *e)
{
    return record(user, e) && s.rec.n_events < 3;
}

/* What is kept survives an answer that was stopped; logits, likelihoods and failures forget it. */
static void test_when_nothing_is_kept(void **state)
{
    (void)state;
    dlx__backend_class faulty = faulty_backend();
    float *logits;
    open_stage(&s, "sdar-tiny-b4", false);
    dlx__engine_free(s.engine);
    open_engine(&s, &faulty, 1, NULL);
    logits = malloc(8 * s.model.hp.n_rows_vocab * sizeof *logits);
    assert_non_null(logits);
    fill_prompt(prompt, 30, 5);
    generate(&s, prompt, 30);
    s.opts.on_event = fail_at_third;
    assert_int_equal(try_generate(&s, prompt, 30), DLX_CANCELLED);
    s.opts.on_event = record;
    generate(&s, prompt, 30);
    assert_int_equal(s.result.n_reused, 28);
    assert_ok(dlx__engine_logits(s.engine, prompt, 8, logits, &s.err), &s.err);
    generate(&s, prompt, 30);
    assert_int_equal(s.result.n_reused, 0);
    for (size_t at = 1; at < 3; at++) {
        fault_step_after = at;
        assert_int_equal(try_generate(&s, prompt, 30), DLX_E_BACKEND);
        generate(&s, prompt, 30);
        assert_int_equal(s.result.n_reused, 0);
        fault_head_after = at;
        assert_int_equal(try_generate(&s, prompt, 30), DLX_E_BACKEND);
        generate(&s, prompt, 30);
        assert_int_equal(s.result.n_reused, 0);
    }
    free(logits);
    close_stage(&s);
}

static void test_prefix_reuse(void **state)
{
    (void)state;
    check_reuse("sdar-tiny-b4", 13, SIZE_MAX);
    check_reuse("sdar-tiny-b4", 16, 21);
    check_reuse("sdar-tiny-b8", 17, 12);
    check_reuse("fast-dllm-v2-tiny", 45, SIZE_MAX);
    check_reuse("fast-dllm-v2-tiny", 70, 50);
}

/* The same prompt again: all whole blocks are reused, but the row that gives the seed runs again.
 */
static void test_reuse_with_a_seed(void **state)
{
    (void)state;
    open_stage(&s, "fast-dllm-v2-tiny", false);
    fill_prompt(prompt, 64, 8);
    generate(&s, prompt, 64);
    dlx_token first[64];
    size_t n = s.result.n_ids;
    memcpy(first, s.result.ids, n * sizeof *first);
    generate(&s, prompt, 64);
    assert_int_equal(s.result.n_reused, 32);
    assert_int_equal(s.result.n_ids, n);
    assert_memory_equal(s.result.ids, first, n * sizeof *first);
    s.opts.block_length = 16; /* another tiling: nothing to reuse */
    generate(&s, prompt, 64);
    assert_int_equal(s.result.n_reused, 0);
    close_stage(&s);
}

static void test_seeds(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EACH; i++) {
        dlx_token first[32];
        open_stage(&s, one_of_each[i], false);
        fill_prompt(prompt, 21, 1);
        s.opts.n_stop_ids = 0;
        s.opts.temperature = 1.5;
        s.opts.seed = 1;
        generate(&s, prompt, 21);
        memcpy(first, s.result.ids, sizeof first);
        generate(&s, prompt, 21);
        assert_memory_equal(first, s.result.ids, sizeof first);
        s.opts.seed = 2;
        generate(&s, prompt, 21);
        assert_true(memcmp(first, s.result.ids, sizeof first) != 0);
        close_stage(&s);
    }
}

/* Same bits for any number of threads. */
static void test_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EACH; i++) {
        stage three;
        open_stage(&s, one_of_each[i], false);
        open_stage(&three, one_of_each[i], false);
        dlx__engine_free(three.engine);
        open_engine(&three, default_backend(), 3, NULL);
        fill_prompt(prompt, 40, 4);
        s.opts.temperature = three.opts.temperature = i % 2 ? 0.7 : 0.0;
        generate(&s, prompt, 40);
        generate(&three, prompt, 40);
        assert_int_equal(s.rec.n_written, three.rec.n_written);
        assert_memory_equal(s.rec.written, three.rec.written,
                            s.rec.n_written * sizeof s.rec.written[0]);
        close_stage(&three);
        close_stage(&s);
    }
}

/* leftmost reveals strictly from left to right within what is decoded together. */
static void test_leftmost(void **state)
{
    (void)state;
    static const char *const exact[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny"};
    for (size_t i = 0; i < 2; i++) {
        open_stage(&s, exact[i], false);
        fill_prompt(prompt, 21, 1);
        s.opts.sampler = "leftmost";
        generate(&s, prompt, 21);
        for (size_t k = 1; k < s.rec.n_written; k++)
            assert_true(s.rec.written[k - 1].pos < s.rec.written[k].pos);
        close_stage(&s);
    }
}

/* Rows and passes that the result counts are those that ran. */
static void test_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EACH; i++) {
        open_stage(&s, one_of_each[i], false);
        fill_prompt(prompt, 21, 1);
        generate(&s, prompt, 21);
        assert_int_equal(s.result.passes, s.rec.last_pass + 1);
        assert_true(s.result.rows >= s.rec.rows);
        assert_int_equal(s.result.n_prompt, 21);
        assert_true(s.result.seconds >= s.result.first_token_seconds &&
                    s.result.first_token_seconds >= 0.0);
        close_stage(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_mode_ends),
                                       cmocka_unit_test(test_infill),
                                       cmocka_unit_test(test_infill_from_position_zero),
                                       cmocka_unit_test(test_masks_in_the_prompt),
                                       cmocka_unit_test(test_lengths),
                                       cmocka_unit_test(test_seed_alone),
                                       cmocka_unit_test(test_prefix_reuse),
                                       cmocka_unit_test(test_conversations),
                                       cmocka_unit_test(test_when_nothing_is_kept),
                                       cmocka_unit_test(test_reuse_with_a_seed),
                                       cmocka_unit_test(test_seeds),
                                       cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_leftmost),
                                       cmocka_unit_test(test_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
