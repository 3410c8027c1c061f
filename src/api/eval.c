/*
 * eval.c - judges a session on a JSONL file, line by line. How a line is judged is in eval_line.c;
 * this file reads the lines, adds up and reports.
 */
#include "api/eval.h"
#include "api/eval_samples.h"
#include "api/json_build.h"
#include "api/jsonl.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/json_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct judging {
    const dlx_eval_opts *o;
    const dlx_allocator *mem;
} judging;

static bool add_number(json_t *object, const char *key, const json_t *x)
{
    const json_t *old = json_object_get(object, key);
    return dlx__api_set(object, key, dlx__api_real(json_number_value(old) + json_number_value(x)));
}

static bool add_counts(json_t *object, const char *key, const json_t *line)
{
    return dlx__api_count(object, key, json_integer_value(json_object_get(line, key)));
}

/* One judgement more: was it right? */
static bool add_judgement(json_t *object, const json_t *right)
{
    return dlx__api_count(object, "n", 1) && dlx__api_count(object, "right", json_is_true(right));
}

static bool add_answer(json_t *tally, const json_t *line)
{
    bool ok = dlx__api_count(tally, "answers", 1) &&
              dlx__api_count(tally, "exact", json_is_true(json_object_get(line, "exact"))) &&
              add_counts(tally, "tokens", line) && add_counts(tally, "passes", line) &&
              add_counts(tally, "rows", line) &&
              add_number(tally, "seconds", json_object_get(line, "seconds")) &&
              dlx__eval_keep(tally, "passes", line, "passes");
    const char *name;
    json_t *right;
    json_object_foreach(json_object_get(line, "fields"), name, right) ok =
        ok && add_judgement(dlx__api_child(dlx__api_child(tally, "fields"), name), right);
    return ok;
}

/*
 * Adds one line's result to a tally: answers, fields, choices and texts each count apart. False
 * when there is no memory.
 */
static bool add_line(json_t *tally, const json_t *line)
{
    const json_t *right = json_object_get(line, "right");
    const json_t *nats = json_object_get(line, "nats");
    bool ok = dlx__api_count(tally, "lines", 1);
    if (json_object_get(line, "exact"))
        ok = ok && add_answer(tally, line);
    if (right)
        ok = ok && add_judgement(dlx__api_child(tally, "choices"), right);
    if (nats && !right) {
        json_t *text = dlx__api_child(tally, "text");
        ok = ok && add_number(text, "nats", nats) && add_counts(text, "tokens", line) &&
             add_counts(text, "bytes", line) && dlx__eval_keep(text, "nats", line, "nats") &&
             dlx__eval_keep(text, "tokens", line, "tokens") &&
             dlx__eval_keep(text, "bytes", line, "bytes");
    }
    return ok;
}

/* The same for the tally of all lines and that of the line's split. */
static dlx_result add_result(json_t *tally, const char *split, const json_t *line, dlx_error *err)
{
    bool ok = add_line(tally, line);
    if (split)
        ok = ok && add_line(dlx__api_child(dlx__api_child(tally, "splits"), split), line);
    return ok ? DLX_OK : dlx__fail(err, DLX_E_NOMEM, "out of memory while adding up results");
}

static double rate(const json_t *object, const char *part, const char *whole)
{
    double n = json_number_value(json_object_get(object, whole));
    return n > 0 ? json_number_value(json_object_get(object, part)) / n : 0;
}

static bool set_rate(json_t *object, const char *key, const char *part, const char *whole)
{
    return dlx__api_set(object, key, dlx__api_real(rate(object, part, whole)));
}

/* The rate of right ones under `key`, and its interval. */
static bool finish_rate(json_t *object, const char *key, const char *interval, const char *right,
                        const char *all)
{
    size_t n = (size_t)json_integer_value(json_object_get(object, all));
    size_t n_right = (size_t)json_integer_value(json_object_get(object, right));
    return set_rate(object, key, right, all) &&
           dlx__api_set(object, interval, dlx__eval_interval(dlx__interval_rate(n_right, n)));
}

static bool finish_answers(json_t *tally, const judging *j)
{
    const dlx__eval_names passes = {.num = {"passes"}};
    dlx__eval_estimate found;
    return finish_rate(tally, "exact_rate", "exact_interval", "exact", "answers") &&
           set_rate(tally, "tokens_per_pass", "tokens", "passes") &&
           set_rate(tally, "passes_per_answer", "passes", "answers") &&
           set_rate(tally, "tokens_per_second", "tokens", "seconds") &&
           dlx__eval_estimate_of(&found, tally, &passes, j->o->seed, j->mem) &&
           dlx__api_set(tally, "passes_per_answer_interval", dlx__eval_interval(found.interval));
}

static bool finish_text(json_t *text, const judging *j)
{
    const dlx__eval_names by_token = {.num = {"nats"}, .den = {"tokens"}};
    const dlx__eval_names by_byte = {.num = {"nats"}, .den = {"bytes"}};
    dlx__eval_estimate token, byte;
    if (!dlx__eval_estimate_of(&token, text, &by_token, j->o->seed, j->mem) ||
        !dlx__eval_estimate_of(&byte, text, &by_byte, j->o->seed, j->mem))
        return false;
    dlx__interval perplexity = {exp(token.interval.lo), exp(token.interval.hi)};
    dlx__interval bits = {byte.interval.lo / DLX__LN2, byte.interval.hi / DLX__LN2};
    json_t *found =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "nats_per_token", dlx__api_real(token.a),
                  "nats_per_token_interval", dlx__eval_interval(token.interval), "perplexity_bound",
                  dlx__api_real(exp(token.a)), "perplexity_bound_interval",
                  dlx__eval_interval(perplexity), "bits_per_byte", dlx__api_real(byte.a / DLX__LN2),
                  "bits_per_byte_interval", dlx__eval_interval(bits));
    dlx__eval_forget(text);
    return dlx__api_merge(text, found);
}

static bool finish_tally(json_t *tally, const judging *j)
{
    bool ok = !json_object_get(tally, "answers") || finish_answers(tally, j);
    const char *name;
    json_t *field;
    json_object_foreach(json_object_get(tally, "fields"), name, field) ok =
        ok && finish_rate(field, "rate", "interval", "right", "n");
    json_t *choices = json_object_get(tally, "choices");
    if (choices)
        ok = ok && finish_rate(choices, "rate", "interval", "right", "n");
    json_t *text = json_object_get(tally, "text");
    if (text)
        ok = ok && finish_text(text, j);
    dlx__eval_forget(tally);
    return ok;
}

/* The rates of the whole and of each split, as text; releases the tally. */
static dlx_result report(json_t *tally, const judging *j, char **json, dlx_error *err)
{
    bool ok = finish_tally(tally, j);
    const char *name;
    json_t *split;
    json_object_foreach(json_object_get(tally, "splits"), name, split) ok =
        ok && finish_tally(split, j);
    if (!ok) {
        json_decref(tally);
        tally = NULL;
    }
    return dlx__api_json_text(tally, j->mem, json, err);
}

static dlx_result tell(const dlx_eval_opts *o, size_t line, size_t n_lines, const json_t *result,
                       dlx_error *err)
{
    if (!o->on_line)
        return DLX_OK;
    char *text;
    DLX__TRY(dlx__api_json_text(json_deep_copy(result), NULL, &text, err));
    bool go_on = o->on_line(o->user, line, n_lines, text);
    dlx__free(NULL, text);
    return go_on ? DLX_OK : DLX_CANCELLED;
}

/* The result says whose split it is, so that a comparison can be given by split too. */
static dlx_result name_split(json_t *result, const char *split, dlx_error *err)
{
    return !split || dlx__api_set(result, "split", json_string(split))
               ? DLX_OK
               : dlx__fail(err, DLX_E_NOMEM, "out of memory while judging a task");
}

/*
 * Line i draws its maskings by the seed + i: two models meet the same ones on a line, and the
 * chance in them averages out over the lines.
 */
static dlx_result judge_line(dlx_session *session, const json_t *task, const char *name, size_t i,
                             const dlx_eval_opts *o, json_t *result, dlx_error *err)
{
    dlx_eval_opts own = *o;
    own.seed += i;
    return dlx__eval_line(session, task, name, &own, result, err);
}

static dlx_result judge_text(dlx_session *session, const char *path, const char *text, size_t len,
                             const dlx_eval_opts *o, json_t *tally, dlx_error *err)
{
    dlx__jsonl in = dlx__jsonl_of(text, len);
    size_t n_lines = dlx__jsonl_count(in, o->limit);
    for (size_t i = 0; i < n_lines && dlx__jsonl_next(&in); i++) {
        char name[320];
        snprintf(name, sizeof name, "%.250s, line %zu", path, in.number);
        json_t *task, *result = json_object();
        dlx_result r = dlx__jsonl_parse(&task, &in, name, err);
        if (r == DLX_OK) {
            r = judge_line(session, task, name, i, o, result, err);
            const char *split = json_string_value(json_object_get(task, "split"));
            if (r == DLX_OK)
                r = name_split(result, split, err);
            if (r == DLX_OK)
                r = add_result(tally, split, result, err);
            if (r == DLX_OK)
                r = tell(o, i, n_lines, result, err);
            json_decref(task);
        }
        json_decref(result);
        DLX__TRY(r);
    }
    return DLX_OK;
}

dlx_result dlx_eval(dlx_session *session, const char *path, const dlx_eval_opts *opts, char **json,
                    dlx_error *err)
{
    static const dlx_eval_opts none = {.size = sizeof none};
    const dlx_eval_opts *o = opts ? opts : &none;
    const dlx_allocator *mem = session->model->mem;
    const judging j = {.o = o, .mem = mem};
    char *text;
    size_t len;
    *json = NULL;
    if (!session->model->tokenizer)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected a tokenizer, which tasks of text need, found none: put "
                         "tokenizer.json, or vocab.json with merges.txt, there",
                         dlx__api_checkpoint(session->model)->path);
    DLX__TRY(dlx__os_read_file(&text, &len, path, DLX__JSONL_MAX_BYTES, mem, err));
    json_t *tally = json_object();
    dlx_result r = tally ? judge_text(session, path, text, len, o, tally, err)
                         : dlx__fail(err, DLX_E_NOMEM, "out of memory while judging %s", path);
    dlx__free(mem, text);
    if (r == DLX_OK && !json_object_get(tally, "lines"))
        r = dlx__fail(err, DLX_E_FORMAT,
                      "%s: there is no task in this file (one JSON object a line)", path);
    if (r != DLX_OK && r != DLX_CANCELLED) {
        json_decref(tally);
        return r;
    }
    dlx_result written = report(tally, &j, json, err);
    return written != DLX_OK ? written : r;
}
