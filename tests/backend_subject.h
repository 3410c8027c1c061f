/*
 * backend_subject.h - a backend on one checkpoint of each way of decoding, through the public
 * interface: what its sessions run are the checkpoints, or programs that it wrote of them. Of the
 * registry it takes the class, to know which of both, and what can be exported.
 */
#ifndef BACKEND_SUBJECT_H
#define BACKEND_SUBJECT_H

#include "support.h"

#include <dlx/export.h>
#include <dlx/tools.h>

#include "backends/backend.h"
#include "export/exporter.h"

#include <jansson.h>
#include <math.h>

/* Two prompts, and one that is more than a prefill of any backend and fills the context with its
 * answer. */
enum {
    SUBJECT_CTX = 160,
    SUBJECT_ANSWER = 8,
    SUBJECT_SHORT = 11,
    SUBJECT_OTHER = 18,
    SUBJECT_LONG = SUBJECT_CTX - SUBJECT_ANSWER
};

/* Blocks with and without a shift, whole canvases with and without one, token by token. */
static const char *const subject_folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny-tied",
                                              "dream-tiny", "llada-gqa-sharded", "ar-qwen3-tiny"};
enum { N_SUBJECTS = sizeof subject_folders / sizeof *subject_folders };

/* An NPU computes in fp16. */
static const dlx_runtimes subject_runtimes = {.size = sizeof subject_runtimes,
                                              .qnn_provider = "none"};

typedef struct subject {
    const dlx__backend_class *class;
    char why_not[sizeof((dlx_error *)0)->text]; /* what doctor says; "": it runs here */
    bool exact; /* float32 throughout; what has fp16 alone is held to itself where ids count */
    dlx_model *sources[N_SUBJECTS]; /* the checkpoints */
    dlx_model *models[N_SUBJECTS];  /* what it runs */
} subject;

/* ---- opening --------------------------------------------------------------------------------- */

/* What doctor says against it; "": nothing. */
static inline void subject_why_not(char *why, size_t n, const char *name)
{
    char *text;
    dlx_error err;
    json_t *b;
    size_t i;
    assert_ok(dlx_doctor_at(&subject_runtimes, &text, &err), &err);
    json_t *report = json_loads(text, 0, NULL);
    json_array_foreach(json_object_get(report, "backends"), i, b)
    {
        const char *said = json_string_value(json_object_get(b, "why_not"));
        if (said && strcmp(json_string_value(json_object_get(b, "name")), name) == 0)
            snprintf(why, n, "%s", said);
    }
    json_decref(report);
    dlx_free(NULL, text);
}

/*
 * Where its program of a checkpoint is, with the ending that Core ML asks for; lives until the next
 * call. The name of the backend is not in it, which sentences are searched for.
 */
static inline const char *subject_path(const subject *s, size_t i, const char *which)
{
    char name[64];
    const dlx__export_rules *rules = s->class->exports;
    size_t at = 0;
    while (dlx__backend_list()[at] != s->class)
        at++;
    snprintf(name, sizeof name, "conformance-%zu-%zu%s%s", at, i, which,
             rules && rules->is_apple ? ".mlpackage" : "");
    return support_tmp(name);
}

/* Its plainest program. */
static inline dlx_export_opts subject_export(const subject *s)
{
    const dlx__export_rules *rules = s->class->exports;
    const bool fp32 = rules && !rules->refusal(DLX__PACK_FP32, DLX__SCHEME_WEIGHT_ONLY);
    return (dlx_export_opts){.size = sizeof(dlx_export_opts),
                             .backend = s->class->name,
                             .dtype = fp32 ? "fp32" : NULL,
                             .n_ctx = SUBJECT_CTX};
}

static inline dlx_model *subject_open_model(const char *path, const dlx_allocator *mem)
{
    dlx_model *model;
    dlx_error err;
    const dlx_model_opts opts = {.size = sizeof opts, .mem = mem, .runtimes = &subject_runtimes};
    assert_ok(dlx_model_open(&model, path, &opts, &err), &err);
    return model;
}

static inline void subject_open(subject *s, const dlx__backend_class *class)
{
    dlx_error err;
    *s = (subject){.class = class};
    subject_why_not(s->why_not, sizeof s->why_not, class->name);
    const dlx_export_opts opts = subject_export(s);
    s->exact = !class->programs || opts.dtype;
    print_message("%s: %s\n", class->name, s->why_not[0] ? s->why_not : class->about);
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        s->sources[i] = s->models[i] = support_open(subject_folders[i]);
        if (!class->programs)
            continue;
        assert_ok(dlx_export(s->sources[i], subject_path(s, i, ""), &opts, NULL, &err), &err);
        s->models[i] = subject_open_model(subject_path(s, i, ""), NULL);
    }
}

static inline void subject_close(subject *s)
{
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        if (s->models[i] != s->sources[i])
            dlx_model_free(s->models[i]);
        dlx_model_free(s->sources[i]);
    }
}

/* ---- sessions -------------------------------------------------------------------------------- */

static inline dlx_session_opts subject_opts(const char *backend, int n_threads)
{
    return (dlx_session_opts){.size = sizeof(dlx_session_opts),
                              .backend = backend,
                              .n_ctx = SUBJECT_CTX,
                              .n_threads = n_threads};
}

static inline dlx_session *subject_session(const dlx_model *m, const dlx_session_opts *opts)
{
    dlx_session *session;
    dlx_error err;
    assert_ok(dlx_session_open(&session, m, opts, &err), &err);
    return session;
}

/* Ids of every family, none of them special. */
static inline const dlx_token *subject_prompt(void)
{
    static dlx_token ids[SUBJECT_CTX + 1];
    for (size_t i = 0; i <= SUBJECT_CTX; i++)
        ids[i] = (dlx_token)((i * 37 + 11) % 250 + 10);
    return ids;
}

/* ---- what they compute ----------------------------------------------------------------------- */

typedef struct logits {
    float *values; /* [n, columns], to be freed */
    size_t n;      /* of all values */
} logits;

static inline logits subject_logits(const dlx_model *m, const dlx_session_opts *opts, size_t n_ids)
{
    dlx_model_info info;
    dlx_error err;
    dlx_model_get_info(m, &info);
    logits out = {.n = n_ids * info.n_vocab_rows};
    out.values = malloc(out.n * sizeof *out.values);
    dlx_session *session = subject_session(m, opts);
    assert_ok(dlx_logits(session, subject_prompt(), n_ids, out.values, &err), &err);
    dlx_session_free(session);
    return out;
}

/* The largest difference, in parts of the largest logit. */
static inline double subject_distance(const logits *want, const logits *got)
{
    double worst = 0, largest = 0;
    assert_int_equal(want->n, got->n);
    for (size_t i = 0; i < want->n; i++) {
        worst = fmax(worst, fabs((double)want->values[i] - got->values[i]));
        largest = fmax(largest, fabs((double)want->values[i]));
    }
    return worst / largest;
}

typedef struct answer {
    dlx_token ids[SUBJECT_CTX];
    size_t n;
} answer;

/* With the family's own sampler, to the full length. */
static inline dlx_result subject_generate(answer *out, dlx_session *session, const dlx_model *m,
                                          size_t n_prompt, size_t max_tokens, dlx_event_fn on_event,
                                          void *user, dlx_error *err)
{
    dlx_gen_opts gen;
    dlx_gen_result result;
    dlx_gen_init(m, &gen);
    gen.max_tokens = max_tokens;
    gen.n_stop_ids = 0;
    gen.on_event = on_event;
    gen.event_user = user;
    const dlx_result r = dlx_generate(session, subject_prompt(), n_prompt, &gen, &result, err);
    out->n = r == DLX_OK ? result.n_ids : 0;
    if (out->n)
        memcpy(out->ids, result.ids, out->n * sizeof *out->ids);
    return r;
}

static inline answer subject_answer(dlx_session *session, const dlx_model *m, size_t n_prompt)
{
    answer a;
    dlx_error err;
    assert_ok(subject_generate(&a, session, m, n_prompt, SUBJECT_ANSWER, NULL, NULL, &err), &err);
    assert_int_equal(a.n, SUBJECT_ANSWER);
    return a;
}

static inline answer subject_first_answer(const char *backend, const dlx_model *m, size_t n_prompt)
{
    const dlx_session_opts opts = subject_opts(backend, 1);
    dlx_session *session = subject_session(m, &opts);
    const answer a = subject_answer(session, m, n_prompt);
    dlx_session_free(session);
    return a;
}

/* What it should be. The reference is asked once for each prompt. */
static inline answer subject_wanted(const subject *s, size_t i, size_t n_prompt)
{
    static answer known[N_SUBJECTS][SUBJECT_CTX];
    answer *a = &known[i][n_prompt];
    if (!s->exact)
        return subject_first_answer(s->class->name, s->models[i], n_prompt);
    if (a->n == 0)
        *a = subject_first_answer("reference", s->sources[i], n_prompt);
    return *a;
}

static inline void subject_same_ids(const answer *want, const answer *got)
{
    assert_int_equal(want->n, got->n);
    assert_memory_equal(want->ids, got->ids, want->n * sizeof *want->ids);
}

#endif
