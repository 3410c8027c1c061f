/* eval_line.c - how one task is judged: by exact match, by the likelihood of choices, or of a text.
 */
#include "api/eval.h"
#include "api/json_build.h"
#include "api/prompt_ids.h"

#include "base/fail.h"
#include "base/mem.h"
#include "runtime/likelihood.h"

#include <string.h>

enum { DEFAULT_SAMPLES = 32 };

static dlx_result no_memory(dlx_error *err)
{
    return dlx__fail(err, DLX_E_NOMEM, "out of memory while judging a task");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Equal but for white space at the ends. */
static bool same_text(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    while (n_a && is_blank(*a))
        a++, n_a--;
    while (n_b && is_blank(*b))
        b++, n_b--;
    while (n_a && is_blank(a[n_a - 1]))
        n_a--;
    while (n_b && is_blank(b[n_b - 1]))
        n_b--;
    return n_a == n_b && memcmp(a, b, n_a) == 0;
}

/*
 * {"field": right?} for every member of the expected object; nothing when the answer is no object.
 * False when there is no memory.
 */
static bool judge_fields(const char *answer, const char *text, json_t *result)
{
    bool ok = true;
    json_t *want = json_loads(answer, 0, NULL);
    if (json_is_object(want)) {
        json_t *got = json_loads(text, 0, NULL);
        json_t *fields = json_object(), *value;
        const char *name;
        json_object_foreach(want, name, value) ok =
            ok &&
            dlx__api_set(fields, name, json_boolean(json_equal(value, json_object_get(got, name))));
        ok = dlx__api_set(result, "fields", fields) && ok;
        json_decref(got);
    }
    json_decref(want);
    return ok;
}

static dlx_result judge_answer(dlx_session *session, const char *prompt, const char *answer,
                               const dlx_eval_opts *o, json_t *result, dlx_error *err)
{
    const dlx_model *model = session->model;
    dlx_token *ids;
    size_t n;
    DLX__TRY(dlx__api_prompt_ids(model, prompt, o->raw, &ids, &n, err));
    dlx_gen_result generated;
    dlx_result r = dlx_generate(session, ids, n, o->gen, &generated, err);
    dlx_free(model, ids);
    DLX__TRY(r);
    char *text;
    DLX__TRY(dlx_detokenize(model, generated.ids, generated.n_ids, true, &text, NULL, err));
    json_t *found =
        json_pack("{s:b, s:s, s:s, s:I, s:I, s:I, s:f}", "exact", same_text(answer, text), "text",
                  text, "finish", generated.finish == DLX_FINISH_STOP ? "stop" : "length", "tokens",
                  (json_int_t)generated.n_ids, "passes", (json_int_t)generated.passes, "rows",
                  (json_int_t)generated.rows, "seconds", generated.seconds);
    bool ok = dlx__api_merge(result, found) && judge_fields(answer, text, result);
    dlx_free(model, text);
    return ok ? DLX_OK : no_memory(err);
}

/* Nats of `text` behind the prompt's ids; both together may not exceed the context. */
static dlx_result score(dlx_session *session, const dlx_token *prompt, size_t n_prompt,
                        const char *text, const dlx_eval_opts *o, double *nats, size_t *n_tokens,
                        dlx_error *err)
{
    const dlx_model *model = session->model;
    dlx_token *tail;
    size_t n_tail;
    DLX__TRY(dlx_tokenize(model, text, strlen(text), false, &tail, &n_tail, err));
    size_t n = n_prompt + n_tail;
    dlx_token *ids = dlx__alloc(model->mem, dlx__mul(n, sizeof *ids));
    dlx_result r;
    if (!ids) {
        r = dlx__fail_memory(err, "judging a text", n * sizeof *ids);
    } else {
        if (n_prompt)
            memcpy(ids, prompt, n_prompt * sizeof *ids);
        memcpy(ids + n_prompt, tail, n_tail * sizeof *ids);
        dlx__likelihood_opts how = {.n_samples = o->n_samples ? o->n_samples : DEFAULT_SAMPLES,
                                    .seed = o->seed};
        r = dlx__engine_likelihood(session->engine, ids, n, n_prompt, &how, nats, err);
        /* Nothing predicts the first token of a text from left to right. */
        *n_tokens = n_tail - (n_prompt == 0 && n_tail > 0 && model->core.family->autoregressive);
    }
    dlx__free(model->mem, ids);
    dlx_free(model, tail);
    return r;
}

static dlx_result judge_choices(dlx_session *session, const char *prompt, const json_t *choices,
                                json_int_t label, const dlx_eval_opts *o, json_t *result,
                                dlx_error *err)
{
    dlx_token *ids;
    size_t n, best = 0, total = 0;
    double best_nats = 0;
    DLX__TRY(dlx__api_prompt_ids(session->model, prompt, o->raw, &ids, &n, err));
    json_t *all = json_array();
    dlx_result r = DLX_OK;
    for (size_t i = 0; i < json_array_size(choices) && r == DLX_OK; i++) {
        double nats = 0;
        size_t n_tokens = 0;
        r = score(session, ids, n, json_string_value(json_array_get(choices, i)), o, &nats,
                  &n_tokens, err);
        dlx__api_append(&all, dlx__api_real(nats));
        total += n_tokens;
        if (i == 0 || nats < best_nats) {
            best_nats = nats;
            best = i;
        }
    }
    dlx_free(session->model, ids);
    json_t *found = json_pack("{s:o, s:I, s:b, s:I}", "nats", all, "chosen", (json_int_t)best,
                              "right", (json_int_t)best == label, "tokens", (json_int_t)total);
    bool ok = dlx__api_merge(result, found);
    return r != DLX_OK || ok ? r : no_memory(err);
}

/* A member of a task that is text: not empty, and without a NUL that would cut it. */
static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && *text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* All strings, at least two. */
static bool are_choices(const json_t *choices)
{
    size_t i;
    json_t *choice;
    json_array_foreach(choices, i, choice) if (!text_of(choice)) return false;
    return json_array_size(choices) >= 2;
}

/* The index that a label names: a number, or the text of one of the choices. */
static json_int_t label_index(const json_t *label, const json_t *choices)
{
    size_t i;
    json_t *choice;
    if (json_is_integer(label) && json_integer_value(label) >= 0 &&
        (size_t)json_integer_value(label) < json_array_size(choices))
        return json_integer_value(label);
    json_array_foreach(choices, i, choice) if (json_equal(choice, label)) return (json_int_t)i;
    return -1;
}

dlx_result dlx__eval_line(dlx_session *session, const json_t *task, const char *name,
                          const dlx_eval_opts *o, json_t *result, dlx_error *err)
{
    const char *prompt = text_of(json_object_get(task, "prompt"));
    const char *answer = text_of(json_object_get(task, "answer"));
    const char *text = text_of(json_object_get(task, "text"));
    const json_t *choices = json_object_get(task, "choices");
    dlx_result r;
    if (prompt && answer) {
        r = judge_answer(session, prompt, answer, o, result, err);
    } else if (prompt && are_choices(choices)) {
        json_int_t label = label_index(json_object_get(task, "label"), choices);
        if (label < 0)
            return dlx__fail(
                err, DLX_E_FORMAT,
                "%s: expected \"label\" to be the index (from 0) or the text of one of the %zu "
                "choices, found neither: mend the line",
                name, json_array_size(choices));
        r = judge_choices(session, prompt, choices, label, o, result, err);
    } else if (text) {
        double nats = 0;
        size_t n_tokens = 0;
        r = score(session, NULL, 0, text, o, &nats, &n_tokens, err);
        json_t *found = json_pack("{s:o, s:I, s:I}", "nats", dlx__api_real(nats), "tokens",
                                  (json_int_t)n_tokens, "bytes", (json_int_t)strlen(text));
        bool ok = dlx__api_merge(result, found);
        if (r == DLX_OK && !ok)
            r = no_memory(err);
    } else {
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected {\"prompt\", \"answer\"}, {\"prompt\", \"choices\", \"label\"} or "
            "{\"text\"}, each text with at least one letter and no NUL, found none of them: mend "
            "the line, or take it out",
            name);
    }
    if (r != DLX_OK && r != DLX_CANCELLED)
        dlx__fail_prefix(err, name);
    return r;
}
