// labels: integration export
#define _POSIX_C_SOURCE 200809L /* symlink */
/*
 * test_program_edges.c - programs at the edges: files that are none, and sessions on a program
 * where the stock runtime is here (the original's .pte engine, sections 7.10 of its tests).
 */
#include "support.h"

#include <dlx/export.h>
#include <dlx/quant.h>

#include "backends/backend.h"
#include "base/rng.h"

#include <math.h>
#include <unistd.h>

enum { N_CTX = 128, N_PROMPT = 11 };

static const char *program_path(void)
{
    static char path[4097];
    snprintf(path, sizeof path, "%s", support_tmp("edges.pte"));
    return path;
}

static dlx_model *open_program(void)
{
    dlx_model *program;
    dlx_error err;
    if (dlx_model_open(&program, program_path(), NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return program;
}

static int write_program(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    const dlx_export_opts opts = {.size = sizeof opts, .n_ctx = N_CTX};
    const dlx_result r = dlx_export(m, program_path(), &opts, NULL, NULL);
    dlx_model_free(m);
    return r == DLX_OK ? 0 : -1;
}

static void need_runtime(void)
{
    dlx_error why = {.code = DLX_OK};
    if (dlx__backend_find("xnnpack")->probe(&why) == DLX_OK)
        return;
    print_message("skipped: %s\n", why.text);
    skip();
}

/* ---- files --------------------------------------------------------------------------------- */

static void assert_refused(const char *path, const char *part)
{
    dlx_model *m;
    dlx_error err;
    assert_int_not_equal(dlx_model_open(&m, path, NULL, &err), DLX_OK);
    support_sentence(&err, part);
}

/* Copies the program up to n bytes, with byte `at` turned around where it is within. */
static const char *damaged(size_t n, size_t at)
{
    static char path[4097];
    snprintf(path, sizeof path, "%s", support_tmp("damaged.pte"));
    FILE *from = fopen(program_path(), "rb"), *to = fopen(path, "wb");
    assert_true(from && to);
    int c;
    for (size_t i = 0; i < n && (c = fgetc(from)) != EOF; i++)
        fputc(i == at ? ~c : c, to);
    fclose(from);
    fclose(to);
    return path;
}

static void files_that_are_no_programs(void **state)
{
    (void)state;
    char long_path[9000], link[4097];
    memset(long_path, 'x', sizeof long_path - 1);
    memcpy(long_path + sizeof long_path - 5, ".pte", 5);
    snprintf(link, sizeof link, "%s", support_tmp("dangling.pte"));
    unlink(link);
    assert_int_equal(symlink("/nowhere/at/all.pte", link), 0);
    assert_refused("/nowhere/missing.pte", "missing.pte");
    assert_refused(link, "dangling.pte");
    assert_refused(long_path, "xxx");
    assert_refused(damaged(100, SIZE_MAX), "damaged.pte");
    assert_refused(damaged(20000, SIZE_MAX), "damaged.pte");
    assert_refused(damaged(SIZE_MAX, 1), "damaged.pte");  /* the root offset */
    assert_refused(damaged(SIZE_MAX, 18), "damaged.pte"); /* the size of the program */
    unlink(link);
}

/* ---- sessions ------------------------------------------------------------------------------ */

static dlx_result answer(dlx_session *session, const dlx_model *m, size_t n_prompt,
                         size_t max_tokens, double temperature, dlx_token *ids, size_t *n,
                         dlx_error *err)
{
    dlx_token prompt[2 * N_CTX];
    dlx_gen_opts gen;
    dlx_gen_result result;
    for (size_t i = 0; i < n_prompt; i++)
        prompt[i] = (dlx_token)((i * 37 + 11) % 250);
    dlx_gen_init(m, &gen);
    gen.max_tokens = max_tokens;
    gen.temperature = (float)temperature;
    gen.n_stop_ids = 0;
    const dlx_result r = dlx_generate(session, prompt, n_prompt, &gen, &result, err);
    *n = r == DLX_OK ? result.n_ids : 0;
    if (*n)
        memcpy(ids, result.ids, *n * sizeof *ids);
    return r;
}

static void three_sessions_do_not_meet(void **state)
{
    (void)state;
    need_runtime();
    dlx_model *m = open_program();
    dlx_session *sessions[3];
    dlx_token first[64], ids[64];
    size_t n_first, n;
    dlx_error err;
    for (size_t i = 0; i < 3; i++)
        if (dlx_session_open(&sessions[i], m, NULL, &err) != DLX_OK)
            fail_msg("%s", err.text);
    assert_int_equal(answer(sessions[0], m, N_PROMPT, 32, 0, first, &n_first, &err), DLX_OK);
    assert_int_equal(n_first, 32);
    for (size_t i = 1; i < 3; i++) { /* another prompt in between */
        assert_int_equal(answer(sessions[i - 1], m, N_PROMPT + i, 16, 0, ids, &n, &err), DLX_OK);
        assert_int_equal(answer(sessions[i], m, N_PROMPT, 32, 0, ids, &n, &err), DLX_OK);
        assert_int_equal(n, n_first);
        assert_memory_equal(ids, first, n * sizeof *ids);
    }
    for (size_t i = 0; i < 3; i++)
        dlx_session_free(sessions[i]);
    dlx_model_free(m);
}

static void opened_again_and_again(void **state)
{
    (void)state;
    need_runtime();
    dlx_token first[16], ids[16];
    size_t n;
    dlx_error err;
    for (size_t i = 0; i < 10; i++) {
        dlx_model *m = open_program();
        dlx_session *session;
        if (dlx_session_open(&session, m, NULL, &err) != DLX_OK)
            fail_msg("%s", err.text);
        assert_int_equal(answer(session, m, N_PROMPT, 16, 0, i ? ids : first, &n, &err), DLX_OK);
        assert_int_equal(n, 16);
        if (i)
            assert_memory_equal(ids, first, sizeof first);
        dlx_session_free(session);
        dlx_model_free(m);
    }
}

static void lengths_and_temperatures(void **state)
{
    (void)state;
    need_runtime();
    dlx_model *m = open_program();
    dlx_session *session;
    dlx_token ids[2 * N_CTX];
    size_t n;
    dlx_error err;
    if (dlx_session_open(&session, m, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    assert_int_equal(answer(session, m, N_PROMPT, 100, 0, ids, &n, &err), DLX_OK);
    assert_int_equal(n, 100);
    const double extremes[] = {0, 1e-6, 1, 1e6};
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
        assert_int_equal(answer(session, m, N_PROMPT, 8, extremes[i], ids, &n, &err), DLX_OK);
        assert_int_equal(n, 8);
        for (size_t j = 0; j < n; j++)
            assert_true(ids[j] >= 0 && ids[j] < 320);
    }
    assert_int_equal(answer(session, m, N_PROMPT, 8, -1, ids, &n, &err), DLX_E_ARG);
    support_sentence(&err, "temperature");
    assert_int_not_equal(answer(session, m, N_PROMPT, N_CTX, 0, ids, &n, &err), DLX_OK);
    support_sentence(&err, "128");
    assert_int_equal(answer(session, m, 0, 8, 0, ids, &n, &err), DLX_E_ARG);
    support_sentence(&err, "prompt");
    dlx_session_free(session);
    dlx_model_free(m);
}

/* Bits of steps, lists and sizes turned around: what our reader cannot know the runtime's own
 * checks find; either way it ends in a sentence. */
static void damaged_steps_end_in_sentences(void **state)
{
    (void)state;
    need_runtime();
    dlx__rng rng;
    size_t n_refused = 0;
    dlx__rng_seed(&rng, 3);
    for (size_t i = 0; i < 400; i++) {
        dlx_model *m;
        dlx_session *session;
        dlx_token ids[4];
        size_t n;
        dlx_error err = {.text = ""};
        const char *path = damaged(SIZE_MAX, 64 + (size_t)(dlx__rng_uniform(&rng) * 14000));
        dlx_result r = dlx_model_open(&m, path, NULL, &err);
        if (r == DLX_OK) {
            r = dlx_session_open(&session, m, NULL, &err);
            if (r == DLX_OK) {
                r = answer(session, m, N_PROMPT, 4, 0, ids, &n, &err);
                dlx_session_free(session);
            }
            dlx_model_free(m);
        }
        assert_true(r == DLX_OK || strlen(err.text) > 20);
        n_refused += r != DLX_OK;
    }
    assert_true(n_refused > 100);
}

/* The number at the i-th place that holds 128 made 2^24; false: there are not so many. */
static bool enlarged(const char **path, size_t i)
{
    static char to_path[4097];
    static char bytes[1 << 20];
    snprintf(to_path, sizeof to_path, "%s", support_tmp("enlarged.pte"));
    FILE *from = fopen(program_path(), "rb"), *to = fopen(to_path, "wb");
    assert_true(from && to);
    size_t n, at = 64, found = 0;
    bool done = false;
    while ((n = fread(bytes, 1, sizeof bytes, from)) > 0) {
        for (; at + 8 <= n && at < 40000 && !done; at += 8) {
            int64_t v;
            memcpy(&v, bytes + at, sizeof v);
            done = v == N_CTX && found++ == i;
            v = INT64_C(1) << 24;
            if (done)
                memcpy(bytes + at, &v, sizeof v);
        }
        at = SIZE_MAX / 2; /* the program is within the first bytes */
        assert_int_equal(fwrite(bytes, 1, n, to), n);
    }
    fclose(from);
    fclose(to);
    *path = to_path;
    return done;
}

/* What a program tells of itself is held to its tensors before memory is taken for it. */
static void numbers_that_are_not_true(void **state)
{
    (void)state;
    need_runtime();
    const char *path;
    size_t n_refused = 0;
    for (size_t i = 0; enlarged(&path, i); i++) {
        dlx_model *m = NULL;
        dlx_session *session;
        dlx_error err = {.text = ""};
        if (dlx_model_open(&m, path, NULL, &err) == DLX_OK &&
            dlx_session_open(&session, m, NULL, &err) == DLX_OK)
            dlx_session_free(session); /* the 128 of something else */
        else if (strstr(err.text, "expected tensors for the 16777216 positions"))
            n_refused++;
        dlx_model_free(m);
    }
    assert_true(n_refused > 0);
}

/* A context is no part of the arithmetic: what lies unused in it is not seen. */
static void c11_the_context_does_not_show(void **state)
{
    (void)state;
    need_runtime();
    enum { N = 9, V = 320 };
    static float small[N * V], large[N * V];
    const dlx_token ids[N] = {3, 1, 4, 1, 5, 9, 2, 6, 5};
    dlx_model *source = support_open("sdar-tiny-b4");
    dlx_error err;
    for (size_t k = 0; k < 2; k++) {
        const dlx_export_opts opts = {.size = sizeof opts, .n_ctx = k ? 256 : 32};
        dlx_model *m;
        dlx_session *session;
        if (dlx_export(source, support_tmp("context.pte"), &opts, NULL, &err) != DLX_OK ||
            dlx_model_open(&m, support_tmp("context.pte"), NULL, &err) != DLX_OK ||
            dlx_session_open(&session, m, NULL, &err) != DLX_OK ||
            dlx_logits(session, ids, N, k ? large : small, &err) != DLX_OK)
            fail_msg("%s", err.text);
        dlx_session_free(session);
        dlx_model_free(m);
    }
    assert_memory_equal(small, large, sizeof small);
    dlx_model_free(source);
}

/* The answer of a program ends where the model's does. */
static void c12_a_program_stops(void **state)
{
    (void)state;
    need_runtime();
    dlx_model *source = support_open("sdar-tiny-b4"), *program = open_program();
    dlx_session *on_source = support_session(source, "reference", N_CTX), *on_program;
    dlx_token prompt[N_PROMPT];
    dlx_gen_opts gen;
    dlx_gen_result a, b;
    dlx_error err;
    for (size_t i = 0; i < N_PROMPT; i++)
        prompt[i] = (dlx_token)((i * 37 + 11) % 250);
    dlx_gen_init(program, &gen);
    gen.max_tokens = 48;
    gen.n_stop_ids = 0;
    if (dlx_session_open(&on_program, program, NULL, &err) != DLX_OK ||
        dlx_generate(on_source, prompt, N_PROMPT, &gen, &a, &err) != DLX_OK)
        fail_msg("%s", err.text);
    gen.stop_ids[0] = a.ids[a.n_ids / 2]; /* one that is sure to come */
    gen.n_stop_ids = 1;
    if (dlx_generate(on_source, prompt, N_PROMPT, &gen, &a, &err) != DLX_OK ||
        dlx_generate(on_program, prompt, N_PROMPT, &gen, &b, &err) != DLX_OK)
        fail_msg("%s", err.text);
    assert_true(a.n_ids < 48);
    assert_int_equal(a.n_ids, b.n_ids);
    assert_int_equal(a.finish, b.finish);
    assert_memory_equal(a.ids, b.ids, a.n_ids * sizeof *a.ids);
    dlx_session_free(on_source);
    dlx_session_free(on_program);
    dlx_model_free(source);
    dlx_model_free(program);
}

/* Blocks that no pass has room for: cut where a block ends, a call would have no rows, forever. */
static void c13_blocks_larger_than_a_pass(void **state)
{
    (void)state;
    need_runtime();
    const char *const caches[] = {"state", "compat"}; /* 32 rows a pass, and 4 */
    const dlx_token prompt[] = {3, 1, 4, 1, 5};
    dlx_model *source = support_open("sdar-tiny-b4");
    for (size_t k = 0; k < 2; k++) {
        const dlx_export_opts opts = {.size = sizeof opts, .cache = caches[k], .n_ctx = N_CTX};
        dlx_model *m;
        dlx_session *session;
        dlx_gen_opts gen;
        dlx_gen_result result;
        dlx_error err;
        if (dlx_export(source, support_tmp("blocks.pte"), &opts, NULL, &err) != DLX_OK ||
            dlx_model_open(&m, support_tmp("blocks.pte"), NULL, &err) != DLX_OK ||
            dlx_session_open(&session, m, NULL, &err) != DLX_OK)
            fail_msg("%s", err.text);
        dlx_gen_init(m, &gen);
        gen.max_tokens = 16;
        gen.block_length = 64;
        assert_int_equal(dlx_generate(session, prompt, 5, &gen, &result, &err), DLX_E_ARG);
        support_sentence(&err, "--rows 64");
        dlx_session_free(session);
        dlx_model_free(m);
    }
    dlx_model_free(source);
}

static void c14_a_limit_that_cannot_be_kept(void **state)
{
    (void)state;
    need_runtime();
    dlx_model *m = open_program();
    dlx_session *session;
    dlx_error err;
    const dlx_session_opts opts = {.size = sizeof opts, .memory_limit = 1u << 30};
    assert_int_equal(dlx_session_open(&session, m, &opts, &err), DLX_E_UNSUPPORTED);
    support_sentence(&err, "memory limit");
    dlx_model_free(m);
}

static void a_program_is_no_source(void **state)
{
    (void)state;
    dlx_model *m = open_program();
    dlx_error err;
    char path[4097];
    snprintf(path, sizeof path, "%s", support_tmp("no_source.gguf"));
    unlink(path);
    assert_int_equal(dlx_export(m, path, NULL, NULL, &err), DLX_E_ARG);
    support_sentence(&err, "name the model that it was made from");
    assert_int_equal(dlx_quantize(m, path, NULL, NULL, &err), DLX_E_ARG);
    support_sentence(&err, "name the model that it was made from");
    assert_int_not_equal(access(path, F_OK), 0);
    dlx_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_no_programs),
        cmocka_unit_test(three_sessions_do_not_meet),
        cmocka_unit_test(opened_again_and_again),
        cmocka_unit_test(lengths_and_temperatures),
        cmocka_unit_test(damaged_steps_end_in_sentences),
        cmocka_unit_test(numbers_that_are_not_true),
        cmocka_unit_test(c11_the_context_does_not_show),
        cmocka_unit_test(c12_a_program_stops),
        cmocka_unit_test(c13_blocks_larger_than_a_pass),
        cmocka_unit_test(c14_a_limit_that_cannot_be_kept),
        cmocka_unit_test(a_program_is_no_source),
    };
    return cmocka_run_group_tests(tests, write_program, NULL);
}
