/* The engine under stress: cancelling, failing memory, failing backends. */
#include "generation_support.h"

#include <math.h>
#include <pthread.h>

#include "failing_mem.h"

static stage s;
static dlx_token prompt[200];

static void *cancel_thread(void *engine)
{
    dlx__engine_cancel(engine);
    return NULL;
}

/* At the third event another thread cancels; it is done before the event returns. */
static void cancel_once(void *user)
{
    pthread_t thread;
    if (s.rec.n_events != 3)
        return;
    assert_int_equal(pthread_create(&thread, NULL, cancel_thread, user), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void check_cancelled(size_t n_passes_most)
{
    assert_int_equal(try_generate(&s, prompt, 40), DLX_CANCELLED);
    assert_says(&s.err, "stopped by the caller");
    assert_true(s.rec.n_events - s.rec.n_ends <= n_passes_most);
    assert_int_equal(s.rec.n_ends, 1);
    assert_memory_equal(s.result.canvas, prompt, 40 * sizeof *prompt);
    for (size_t i = 0; i < s.result.n_ids; i++)
        assert_true(s.result.ids[i] != mask_of(&s));
}

static void test_cancel_from_another_thread(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EACH; i++) {
        open_stage(&s, one_of_each[i], false);
        fill_prompt(prompt, 40, 4);
        s.opts.n_stop_ids = 0;
        s.rec.hook = cancel_once;
        s.rec.hook_user = s.engine;
        check_cancelled(4); /* the third event's pass; a fused pass has one more role */
        s.rec.hook = NULL;
        generate(&s, prompt, 40); /* and the engine goes on */
        assert_int_equal(s.result.n_ids, 32);
        close_stage(&s);
    }
}

/* The reference backend, cancelled from within a step once its first layer is done. */
static size_t cancel_in_step, n_layers_run;

static void cancel_after_layer(void *user, size_t index, const float *x, size_t n, size_t n_embd)
{
    (void)x;
    (void)n;
    (void)n_embd;
    n_layers_run = index;
    if (index == 1)
        dlx__engine_cancel(user);
}

static dlx_result step_that_is_cancelled(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    dlx__step step = *in;
    if (cancel_in_step && --cancel_in_step == 0) {
        step.tap = cancel_after_layer;
        step.tap_user = s.engine;
    }
    return dlx__backend_find("reference")->step(b, &step, err);
}

static void test_cancel_within_a_step(void **state)
{
    (void)state;
    dlx__backend_class cancelled = *dlx__backend_find("reference");
    cancelled.step = step_that_is_cancelled;
    for (size_t i = 0; i < N_EACH; i++) {
        stage fresh;
        open_stage(&fresh, one_of_each[i], false);
        open_stage(&s, one_of_each[i], false);
        dlx__engine_free(s.engine);
        open_engine(&s, &cancelled, 1, NULL);
        dlx__engine_free(fresh.engine);
        open_engine(&fresh, &cancelled, 1, NULL);
        fill_prompt(prompt, 40, 4);
        s.opts.n_stop_ids = fresh.opts.n_stop_ids = 0;
        assert_true(s.model.graph.n_layers > 1);
        generate(&fresh, prompt, 40);
        for (size_t at = 1; at <= 4; at++) {
            cancel_in_step = at;
            check_cancelled(2 * at);
            assert_int_equal(n_layers_run, 1);
            assert_int_equal(s.result.passes, at - 1);
            generate(&s, prompt, 40);
            assert_int_equal(s.result.n_ids, 32);
            assert_memory_equal(s.result.canvas, fresh.result.canvas, 72 * sizeof *prompt);
        }
        close_stage(&fresh);
        close_stage(&s);
    }
}

static void test_stop_from_the_event(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EACH; i++) {
        open_stage(&s, one_of_each[i], false);
        fill_prompt(prompt, 40, 4);
        s.opts.n_stop_ids = 0;
        s.rec.stop_after = 2;
        check_cancelled(2);
        s.rec.stop_after = 0;
        stage fresh;
        open_stage(&fresh, one_of_each[i], false);
        fresh.opts.n_stop_ids = 0;
        generate(&s, prompt, 40); /* what was kept is still right */
        generate(&fresh, prompt, 40);
        assert_memory_equal(s.result.ids, fresh.result.ids, 32 * sizeof *prompt);
        close_stage(&fresh);
        close_stage(&s);
    }
}

static void test_backend_failures(void **state)
{
    (void)state;
    dlx__backend_class faulty = faulty_backend();
    for (size_t i = 0; i < N_EACH; i++) {
        open_stage(&s, one_of_each[i], false);
        dlx__engine_free(s.engine);
        open_engine(&s, &faulty, 1, NULL);
        fill_prompt(prompt, 40, 4);
        for (size_t at = 1; at < 4; at++) {
            fault_step_after = at;
            assert_int_equal(try_generate(&s, prompt, 40), DLX_E_BACKEND);
            assert_says(&s.err, "broke down");
            fault_head_after = at;
            assert_int_equal(try_generate(&s, prompt, 40), DLX_E_BACKEND);
            assert_says(&s.err, "are not finite numbers");
        }
        generate(&s, prompt, 40);
        close_stage(&s);
    }
}

/* Every allocation of opening and generating fails in turn: a sentence, no leak, and then success.
 */
static bool open_and_generate(const char *backend, failing_mem *f)
{
    dlx_error err = {.code = DLX_OK};
    dlx_gen_result result;
    dlx__engine *engine;
    dlx__engine_opts o = {.backend = dlx__backend_find(backend),
                          .n_ctx = 96,
                          .n_threads = 2,
                          .tokenizer = s.tokenizer,
                          .mem = &f->mem};
    dlx_result r = dlx__engine_open(&engine, &s.model, &o, &err);
    if (r == DLX_OK) {
        r = dlx__engine_generate(engine, prompt, 21, &s.opts, &result, &err);
        dlx__engine_free(engine);
    }
    if (r != DLX_OK) {
        assert_int_equal(r, DLX_E_NOMEM);
        assert_says(&err, "memory");
    }
    assert_int_equal(f->n_alive, 0);
    return r == DLX_OK;
}

static void test_failing_memory(void **state)
{
    (void)state;
    static const char *const backends[] = {"reference", "cpu"};
    for (size_t i = 0; i < 2 * N_EACH; i++) {
        open_stage(&s, one_of_each[i % N_EACH], true);
        fill_prompt(prompt, 21, 4);
        s.opts.max_tokens = 8;
        s.opts.temperature = i % 2 ? 1.0 : 0.0;
        s.opts.cfg_scale = s.opts.factor > 0.0 ? 1.0 : 0.0; /* LLaDA: a second stream */
        static const char *const stops[] = {" w"};
        s.opts.stop_texts = stops;
        s.opts.n_stop_texts = 1;
        s.opts.on_event = NULL;
        size_t at = 1;
        for (bool done = false; !done; at++) {
            failing_mem f;
            failing_mem_init(&f, at);
            done = open_and_generate(backends[i / N_EACH], &f);
            assert_true(at < 2000);
        }
        printf("  %s, %s: %zu allocations\n", backends[i / N_EACH], one_of_each[i % N_EACH],
               at - 2);
        assert_true(at > 5);
        close_stage(&s);
    }
}

static void test_memory_limit(void **state)
{
    (void)state;
    open_stage(&s, "llada-tiny", false);
    dlx__engine *engine;
    dlx__engine_opts o = {.backend = default_backend(), .n_ctx = 192, .memory_limit = 1000};
    if (default_backend()->plan) {
        assert_int_equal(dlx__engine_open(&engine, &s.model, &o, &s.err), DLX_E_NOMEM);
        assert_says(&s.err, "the limit is 1000");
        assert_null(engine);
    }
    o.memory_limit = SIZE_MAX;
    assert_ok(dlx__engine_open(&engine, &s.model, &o, &s.err), &s.err);
    dlx__engine_free(engine);
    close_stage(&s);
}

/* Logits of more ids than one tile holds, against the whole at once; what was kept is forgotten. */
static void test_logits(void **state)
{
    (void)state;
    open_stage(&s, "fast-dllm-v2-tiny", false);
    fill_prompt(prompt, 180, 4);
    size_t v = s.model.hp.n_rows_vocab;
    float *whole = malloc(180 * v * sizeof *whole);
    float *part = malloc(180 * v * sizeof *part);
    assert_true(whole && part);
    generate(&s, prompt, 64);
    assert_ok(dlx__engine_logits(s.engine, prompt, 180, whole, &s.err), &s.err);
    assert_ok(dlx__engine_logits(s.engine, prompt, 96, part, &s.err), &s.err);
    for (size_t i = 0; i < 96 * v; i++)
        assert_true(fabs((double)whole[i] - (double)part[i]) < 1e-4);
    generate(&s, prompt, 64);
    assert_int_equal(s.result.n_reused, 0);
    assert_int_equal(dlx__engine_logits(s.engine, prompt, 0, part, &s.err), DLX_E_ARG);
    assert_int_equal(dlx__engine_logits(s.engine, prompt, 193, part, &s.err), DLX_E_ARG);
    prompt[3] = (dlx_token)v;
    assert_int_equal(dlx__engine_logits(s.engine, prompt, 9, part, &s.err), DLX_E_ARG);
    assert_says(&s.err, "position 3");
    close_stage(&s);
    free(whole);
    free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cancel_from_another_thread),
                                       cmocka_unit_test(test_cancel_within_a_step),
                                       cmocka_unit_test(test_stop_from_the_event),
                                       cmocka_unit_test(test_backend_failures),
                                       cmocka_unit_test(test_failing_memory),
                                       cmocka_unit_test(test_memory_limit),
                                       cmocka_unit_test(test_logits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
