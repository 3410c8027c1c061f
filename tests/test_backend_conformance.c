// labels: quick export
/*
 * test_backend_conformance.c - the one list of what a backend owes. It runs over whatever is
 * registered, so that a backend is held to it by its name in DLX__BACKENDS and no other word. What
 * cannot run here has to refuse with the reason that doctor gives, and still exports.
 */
#include "backend_subject.h"
#include "failing_mem.h"

static const dlx__backend_class *class; /* whose turn it is */
static subject on;

static int open_subject(void **state)
{
    (void)state;
    subject_open(&on, class);
    return 0;
}

static int close_subject(void **state)
{
    (void)state;
    subject_close(&on);
    return 0;
}

static void need_runtime(void)
{
    if (!on.why_not[0])
        return;
    print_message("%s skipped: %s\n", class->name, on.why_not);
    skip();
}

static dlx_session *open_session(size_t i)
{
    const dlx_session_opts opts = subject_opts(class->name, 1);
    return subject_session(on.models[i], &opts);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void it_opens_or_says_what_doctor_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        dlx_session *session;
        dlx_error err = {.text = ""};
        const dlx_session_opts opts = subject_opts(class->name, 1);
        const dlx_result r = dlx_session_open(&session, on.models[i], &opts, &err);
        if (on.why_not[0]) {
            assert_int_equal(r, DLX_E_UNSUPPORTED);
            assert_null(session);
            assert_string_equal(err.text, on.why_not);
            continue;
        }
        assert_ok(r, &err);
        assert_int_equal(dlx_session_n_ctx(session), SUBJECT_CTX);
        dlx_session_free(session);
    }
}

/* Programs run on their own backend alone, checkpoints on the others. */
static void what_it_cannot_run_is_refused(void **state)
{
    (void)state;
    dlx_session *session;
    dlx_error err;
    dlx_session_opts opts = subject_opts(class->name, 1);
    if (!class->programs)
        return;
    assert_int_not_equal(dlx_session_open(&session, on.sources[0], &opts, &err), DLX_OK);
    if (strcmp(err.text, on.why_not) != 0)
        assert_says(&err, class->name);
    opts.backend = "reference";
    assert_int_equal(dlx_session_open(&session, on.models[0], &opts, &err), DLX_E_ARG);
    assert_says(&err, class->name);
    assert_says(&err, "reference");
}

/* ---- what it computes ------------------------------------------------------------------------ */

static void logits_are_those_of_the_reference(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, SUBJECT_SHORT, SUBJECT_LONG, SUBJECT_CTX};
    need_runtime();
    for (size_t i = 0; i < N_SUBJECTS; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            const dlx_session_opts truth = subject_opts("reference", 1);
            const dlx_session_opts opts = subject_opts(class->name, 1);
            logits want = subject_logits(on.sources[i], &truth, lengths[k]);
            logits got = subject_logits(on.models[i], &opts, lengths[k]);
            const double distance = subject_distance(&want, &got);
            if (!(distance <= (on.exact ? 1e-4 : 2e-2)))
                fail_msg("%s, %zu ids: %g of the largest logit", subject_folders[i], lengths[k],
                         distance);
            free(want.values);
            free(got.values);
        }
}

/* The longer prompt is more than a prefill, and the context is full with its answer. */
static void answers_are_those_of_the_reference(void **state)
{
    (void)state;
    static const size_t lengths[] = {SUBJECT_SHORT, SUBJECT_LONG};
    need_runtime();
    for (size_t i = 0; i < N_SUBJECTS; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            dlx_session *session = open_session(i);
            const answer want = subject_wanted(&on, i, lengths[k]);
            const answer got = subject_answer(session, on.models[i], lengths[k]);
            subject_same_ids(&want, &got);
            dlx_session_free(session);
        }
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    need_runtime();
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        const dlx_session_opts one = subject_opts(class->name, 1);
        logits want = subject_logits(on.models[i], &one, SUBJECT_LONG);
        const answer ids = subject_wanted(&on, i, SUBJECT_SHORT);
        for (int n_threads = 2; n_threads <= 3; n_threads++) {
            const dlx_session_opts opts = subject_opts(class->name, n_threads);
            logits got = subject_logits(on.models[i], &opts, SUBJECT_LONG);
            assert_memory_equal(want.values, got.values, want.n * sizeof *want.values);
            free(got.values);
            dlx_session *session = subject_session(on.models[i], &opts);
            const answer a = subject_answer(session, on.models[i], SUBJECT_SHORT);
            subject_same_ids(&ids, &a);
            dlx_session_free(session);
        }
        free(want.values);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void beyond_the_context_is_refused_with_the_numbers(void **state)
{
    (void)state;
    need_runtime();
    static float values[(SUBJECT_CTX + 1) * 512];
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        dlx_error err;
        answer a;
        dlx_session *session = open_session(i), *longer;
        assert_int_equal(dlx_logits(session, subject_prompt(), SUBJECT_CTX + 1, values, &err),
                         DLX_E_ARG);
        assert_says(&err, "160");
        assert_says(&err, "161");
        assert_int_equal(subject_generate(&a, session, on.models[i], SUBJECT_LONG,
                                          SUBJECT_ANSWER + 1, NULL, NULL, &err),
                         DLX_E_FULL);
        assert_says(&err, "160");
        const answer want = subject_wanted(&on, i, SUBJECT_SHORT);
        a = subject_answer(session, on.models[i], SUBJECT_SHORT);
        subject_same_ids(&want, &a);
        dlx_session_free(session);
        if (!class->programs)
            continue;
        dlx_session_opts opts = subject_opts(class->name, 1);
        opts.n_ctx++;
        assert_int_equal(dlx_session_open(&longer, on.models[i], &opts, &err), DLX_E_ARG);
        assert_says(&err, "160");
        assert_says(&err, "161");
    }
}

/* ---- options --------------------------------------------------------------------------------- */

static const char *or_usual(const char *name)
{
    return name ? name : "as usual";
}

/* Other numbers come out, or a sentence that says whose limit it is. */
static void check_option(const dlx_session_opts *opts, const logits *plain, bool changes)
{
    dlx_session *session;
    dlx_error err;
    const dlx_result r = dlx_session_open(&session, on.models[0], opts, &err);
    if (r != DLX_OK) {
        assert_true(r == DLX_E_ARG || r == DLX_E_UNSUPPORTED);
        assert_null(session);
        assert_says(&err, class->name);
        return;
    }
    if (opts->compute) /* not every processor has an instruction for it */
        changes = strcmp(dlx_session_compute(session), opts->compute) == 0;
    dlx_session_free(session);
    logits got = subject_logits(on.models[0], opts, SUBJECT_SHORT);
    const double distance = subject_distance(plain, &got);
    if (changes ? distance == 0 : distance > 1e-4)
        fail_msg("weights %s, compute %s, kernels %s, scheme %s, kv_type %s: %g apart",
                 or_usual(opts->weights), or_usual(opts->compute), or_usual(opts->kernels),
                 or_usual(opts->scheme), or_usual(opts->kv_type), distance);
    free(got.values);
}

static void options_take_effect_or_are_refused(void **state)
{
    (void)state;
    static const dlx_session_opts options[] = {
        {.weights = "int8"}, {.compute = "bf16"}, {.scheme = "dynamic-affine"},
        {.kv_type = "bf16"}, {.kv_type = "f16"},  {.kv_type = "int8"},
    };
    need_runtime();
    const dlx_session_opts usual = subject_opts(class->name, 1);
    logits plain = subject_logits(on.models[0], &usual, SUBJECT_SHORT);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        dlx_session_opts o = options[i];
        o.size = usual.size, o.backend = usual.backend;
        o.n_ctx = usual.n_ctx, o.n_threads = usual.n_threads;
        check_option(&o, &plain, true);
    }
    dlx_session_opts o = usual;
    o.scheme = "weight-only"; /* rows of float weights are left as they are anyway */
    check_option(&o, &plain, class->programs);
    o.scheme = NULL;
    for (size_t i = 0; dlx_kernels_name(i); i++) { /* they differ in speed */
        o.kernels = dlx_kernels_name(i);
        check_option(&o, &plain, false);
    }
    free(plain.values);
}

static void words_that_nobody_knows_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"weights", "compute", "kernels", "scheme", "kv_type"};
    need_runtime();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dlx_session_opts o = subject_opts(class->name, 1);
        const char **fields[] = {&o.weights, &o.compute, &o.kernels, &o.scheme, &o.kv_type};
        dlx_session *session;
        dlx_error err;
        *fields[i] = "nonsense";
        assert_int_equal(dlx_session_open(&session, on.models[0], &o, &err), DLX_E_ARG);
        assert_says(&err, names[i]);
        assert_says(&err, "nonsense");
    }
}

/* ---- sessions -------------------------------------------------------------------------------- */

typedef struct stopper {
    dlx_session *session; /* to be cancelled; NULL: the answer stops it */
    size_t n_left;        /* passes */
} stopper;

static bool on_event(void *user, const dlx_event *event)
{
    stopper *s = user;
    if (event->kind != DLX_EV_PASS || s->n_left-- > 0)
        return true;
    if (s->session)
        dlx_session_cancel(s->session);
    return s->session != NULL;
}

static void a_stopped_session_goes_on(void **state)
{
    (void)state;
    need_runtime();
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        dlx_session *session = open_session(i);
        const answer want = subject_wanted(&on, i, SUBJECT_SHORT);
        for (size_t n_left = 0; n_left < 3; n_left++) {
            answer a;
            dlx_error err;
            stopper s = {n_left == 1 ? session : NULL, n_left};
            assert_int_equal(subject_generate(&a, session, on.models[i], SUBJECT_OTHER,
                                              SUBJECT_ANSWER, on_event, &s, &err),
                             DLX_CANCELLED);
            a = subject_answer(session, on.models[i], SUBJECT_SHORT);
            subject_same_ids(&want, &a);
        }
        dlx_session_free(session);
    }
}

static void two_sessions_do_not_meet(void **state)
{
    (void)state;
    need_runtime();
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        const dlx_model *m = on.models[i];
        const answer want = subject_wanted(&on, i, SUBJECT_SHORT);
        const answer other = subject_wanted(&on, i, SUBJECT_OTHER);
        dlx_session *first = open_session(i);
        answer a = subject_answer(first, m, SUBJECT_SHORT);
        subject_same_ids(&want, &a);
        dlx_session *second = open_session(i);
        a = subject_answer(second, m, SUBJECT_OTHER);
        subject_same_ids(&other, &a);
        a = subject_answer(first, m, SUBJECT_SHORT);
        subject_same_ids(&want, &a);
        dlx_session_free(first);
        a = subject_answer(second, m, SUBJECT_SHORT);
        subject_same_ids(&want, &a);
        dlx_session_free(second);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static dlx_result open_and_pass(const char *path, const dlx_allocator *mem, dlx_error *err)
{
    static float values[SUBJECT_SHORT * 512];
    dlx_model *m = NULL;
    dlx_session *session = NULL;
    const dlx_model_opts of_model = {
        .size = sizeof of_model, .mem = mem, .runtimes = &subject_runtimes};
    const dlx_session_opts opts = subject_opts(class->name, 2);
    dlx_result r = dlx_model_open(&m, path, &of_model, err);
    if (r == DLX_OK)
        r = dlx_session_open(&session, m, &opts, err);
    if (r == DLX_OK)
        r = dlx_logits(session, subject_prompt(), SUBJECT_SHORT, values, err);
    dlx_session_free(session);
    dlx_model_free(m);
    return r;
}

/* One failure at a time, and no memory from there on: a sentence, and nothing is left. */
static void no_memory_is_a_sentence(void **state)
{
    (void)state;
    enum { N_STEPS = 60 };
    char path[4096];
    dlx_error err;
    failing_mem f;
    need_runtime();
    snprintf(path, sizeof path, "%s",
             class->programs ? subject_path(&on, 0, "") : support_golden(subject_folders[0]));
    failing_mem_init(&f, 0);
    assert_ok(open_and_pass(path, &f.mem, &err), &err);
    const size_t n_calls = f.n_calls;
    assert_int_equal(f.n_alive, 0);
    for (size_t at = 1; at <= n_calls; at += 1 + n_calls / N_STEPS)
        for (int once = 0; once < 2; once++) {
            failing_mem_init(&f, at);
            f.once = once;
            err.text[0] = '\0';
            const dlx_result r = open_and_pass(path, &f.mem, &err);
            assert_int_equal(f.n_alive, 0);
            if (once && r == DLX_OK) /* it was not needed */
                continue;
            if (r != DLX_E_NOMEM || !strstr(err.text, "memory"))
                fail_msg("allocation %zu of %zu: %d, %s", at, n_calls, (int)r, err.text);
        }
}

/* ---- export ---------------------------------------------------------------------------------- */

static void refuses_to_export(void)
{
    const dlx_export_opts opts = subject_export(&on);
    char *text;
    dlx_error errs[2];
    assert_int_equal(dlx_export(on.sources[0], support_tmp("refused"), &opts, NULL, &errs[0]),
                     DLX_E_ARG);
    assert_int_equal(dlx_export_graph(on.sources[0], &opts, &text, &errs[1]), DLX_E_ARG);
    for (size_t i = 0; i < 2; i++) {
        assert_says(&errs[i], class->name);
        for (const dlx__backend_class *const *b = dlx__backend_list(); *b; b++)
            if ((*b)->exports)
                assert_says(&errs[i], (*b)->name);
    }
}

/* The same bytes, wherever they are written, or the list of those that write some. */
static void it_exports_or_says_who_does(void **state)
{
    (void)state;
    char command[3 * 4096], first[4096], second[4096];
    if (!class->exports) {
        refuses_to_export();
        return;
    }
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        dlx_export_opts opts = subject_export(&on);
        char *text;
        dlx_error err;
        snprintf(first, sizeof first, "%s", subject_path(&on, i, ""));
        snprintf(second, sizeof second, "%s", subject_path(&on, i, "-again"));
        assert_ok(dlx_export(on.sources[i], first, &opts, NULL, &err), &err);
        opts.n_threads = 3;
        assert_ok(dlx_export(on.sources[i], second, &opts, NULL, &err), &err);
        snprintf(command, sizeof command, "diff -r '%s' '%s'", first, second);
        assert_int_equal(system(command), 0);
        assert_ok(dlx_export_graph(on.sources[i], &opts, &text, &err), &err);
        assert_non_null(strstr(text, class->name));
        assert_true(strlen(text) > 1000);
        dlx_free(on.sources[i], text);
    }
}

int main(void)
{
    static const struct CMUnitTest list[] = {
        cmocka_unit_test(it_opens_or_says_what_doctor_says),
        cmocka_unit_test(what_it_cannot_run_is_refused),
        cmocka_unit_test(logits_are_those_of_the_reference),
        cmocka_unit_test(answers_are_those_of_the_reference),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(beyond_the_context_is_refused_with_the_numbers),
        cmocka_unit_test(options_take_effect_or_are_refused),
        cmocka_unit_test(words_that_nobody_knows_are_refused),
        cmocka_unit_test(a_stopped_session_goes_on),
        cmocka_unit_test(two_sessions_do_not_meet),
        cmocka_unit_test(no_memory_is_a_sentence),
        cmocka_unit_test(it_exports_or_says_who_does),
    };
    int n_failed = 0;
    for (const dlx__backend_class *const *b = dlx__backend_list(); *b; b++) {
        class = *b;
        n_failed += cmocka_run_group_tests_name(class->name, list, open_subject, close_subject);
    }
    return n_failed > 0;
}
