/*
 * eval.c - judges a session on a JSONL file, line by line. How a line is judged is in eval_line.c; this
 * file reads the lines, adds up and reports.
 */
#include "api/eval.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/json_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TASK_BYTES = 1 << 30 };

static void add_number(json_t *object, const char *key, double x)
{
    const json_t *old = json_object_get(object, key);
    json_object_set_new(object, key, json_real(json_number_value(old) + x));
}

static void add_count(json_t *object, const char *key, json_int_t n)
{
    const json_t *old = json_object_get(object, key);
    json_object_set_new(object, key, json_integer(json_integer_value(old) + n));
}

static json_t *child(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (!found) {
        found = json_object();
        json_object_set_new(object, key, found);
    }
    return found;
}

/* Adds one line's result to a tally: answers, fields, choices and texts each count apart. */
static void add_line(json_t *tally, const json_t *line)
{
    const json_t *exact = json_object_get(line, "exact");
    const json_t *right = json_object_get(line, "right");
    const json_t *nats = json_object_get(line, "nats");
    add_count(tally, "lines", 1);
    if (exact) {
        add_count(tally, "answers", 1);
        add_count(tally, "exact", json_is_true(exact));
        add_count(tally, "tokens", json_integer_value(json_object_get(line, "tokens")));
        add_count(tally, "passes", json_integer_value(json_object_get(line, "passes")));
        add_count(tally, "rows", json_integer_value(json_object_get(line, "rows")));
        add_number(tally, "seconds", json_real_value(json_object_get(line, "seconds")));
        const char *name;
        json_t *ok;
        json_object_foreach (json_object_get(line, "fields"), name, ok) {
            json_t *field = child(child(tally, "fields"), name);
            add_count(field, "n", 1);
            add_count(field, "right", json_is_true(ok));
        }
    }
    if (right) {
        json_t *choices = child(tally, "choices");
        add_count(choices, "n", 1);
        add_count(choices, "right", json_is_true(right));
    }
    if (nats && !right) {
        json_t *text = child(tally, "text");
        add_number(text, "nats", json_real_value(nats));
        add_count(text, "tokens", json_integer_value(json_object_get(line, "tokens")));
    }
}

static double rate(const json_t *object, const char *part, const char *whole)
{
    double n = json_number_value(json_object_get(object, whole));
    return n > 0 ? json_number_value(json_object_get(object, part)) / n : 0;
}

static void finish_tally(json_t *tally)
{
    if (json_object_get(tally, "answers")) {
        json_object_set_new(tally, "exact_rate", json_real(rate(tally, "exact", "answers")));
        json_object_set_new(tally, "tokens_per_pass", json_real(rate(tally, "tokens", "passes")));
        json_object_set_new(tally, "passes_per_answer", json_real(rate(tally, "passes", "answers")));
        json_object_set_new(tally, "tokens_per_second", json_real(rate(tally, "tokens", "seconds")));
    }
    const char *name;
    json_t *field;
    json_object_foreach (json_object_get(tally, "fields"), name, field)
        json_object_set_new(field, "rate", json_real(rate(field, "right", "n")));
    json_t *choices = json_object_get(tally, "choices");
    if (choices)
        json_object_set_new(choices, "rate", json_real(rate(choices, "right", "n")));
    json_t *text = json_object_get(tally, "text");
    if (text) {
        double nats = rate(text, "nats", "tokens");
        json_object_set_new(text, "nats_per_token", json_real(nats));
        json_object_set_new(text, "perplexity_bound", json_real(exp(nats)));
    }
}

/* The next line that is not blank: false at the end. */
static bool next_line(const char **at, const char *end, const char **line, size_t *n)
{
    while (*at < end) {
        const char *stop = memchr(*at, '\n', (size_t)(end - *at));
        if (!stop)
            stop = end;
        *line = *at;
        *n = (size_t)(stop - *at);
        *at = stop < end ? stop + 1 : end;
        for (size_t i = 0; i < *n; i++)
            if ((*line)[i] != ' ' && (*line)[i] != '\t' && (*line)[i] != '\r')
                return true;
    }
    return false;
}

static size_t count_lines(const char *text, size_t len, size_t limit)
{
    const char *at = text, *line;
    size_t n, count = 0;
    while ((limit == 0 || count < limit) && next_line(&at, text + len, &line, &n))
        count++;
    return count;
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

static dlx_result judge_text(dlx_session *session, const char *path, const char *text, size_t len,
                             const dlx_eval_opts *o, json_t *tally, dlx_error *err)
{
    size_t n_lines = count_lines(text, len, o->limit), n;
    const char *at = text, *line;
    for (size_t i = 0; i < n_lines && next_line(&at, text + len, &line, &n); i++) {
        char name[320];
        snprintf(name, sizeof name, "%.250s, task %zu", path, i + 1);
        json_t *task, *result = json_object();
        dlx_result r = dlx__json_parse(&task, line, n, name, err);
        if (r == DLX_OK) {
            r = dlx__eval_line(session, task, name, o, result, err);
            const char *split = json_string_value(json_object_get(task, "split"));
            if (r == DLX_OK) {
                add_line(tally, result);
                if (split)
                    add_line(child(child(tally, "splits"), split), result);
                r = tell(o, i, n_lines, result, err);
            }
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
    char *text;
    size_t len;
    *json = NULL;
    DLX__TRY(dlx__os_read_file(&text, &len, path, MAX_TASK_BYTES, mem, err));
    json_t *tally = json_object();
    dlx_result r = judge_text(session, path, text, len, o, tally, err);
    dlx__free(mem, text);
    if (r == DLX_OK && !json_object_get(tally, "lines"))
        r = dlx__fail(err, DLX_E_FORMAT, "%s: there is no task in this file (one JSON object a line)",
                      path);
    if (r != DLX_OK && r != DLX_CANCELLED) {
        json_decref(tally);
        return r;
    }
    finish_tally(tally);
    const char *name;
    json_t *split;
    json_object_foreach (json_object_get(tally, "splits"), name, split)
        finish_tally(split);
    dlx_result written = dlx__api_json_text(tally, mem, json, err);
    return written != DLX_OK ? written : r;
}
