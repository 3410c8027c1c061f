/*
 * eval_compare.c - two evaluations of the same tasks, line by line. That both judged the same
 * lines is what makes small differences visible: the lines that are hard for both cancel.
 */
#include "api/eval.h"
#include "api/eval_samples.h"
#include "api/json_build.h"
#include "api/jsonl.h"

#include "base/fail.h"

#include <stdio.h>
#include <string.h>

typedef struct comparing {
    const dlx_eval_compare_opts *o;
    dlx__jsonl in[2];
    json_t *report;
    dlx_error *err;
} comparing;

static const char *const side_names[2] = {"A", "B"};

/* ---- adding up ------------------------------------------------------------------------------- */

/* One thing more that each got right or wrong. */
static bool add_pair(json_t *object, bool a, bool b)
{
    return dlx__api_count(object, "n", 1) && dlx__api_count(object, "right_a", a) &&
           dlx__api_count(object, "right_b", b) && dlx__api_count(object, "only_a", a && !b) &&
           dlx__api_count(object, "only_b", b && !a);
}

static bool add_rights(json_t *tally, const char *key, const json_t *const lines[2],
                       const char *of_line)
{
    return add_pair(dlx__api_child(tally, key), json_is_true(json_object_get(lines[0], of_line)),
                    json_is_true(json_object_get(lines[1], of_line)));
}

static bool keep_both(json_t *tally, const char *a, const char *b, const json_t *const lines[2],
                      const char *key)
{
    return dlx__eval_keep(tally, a, lines[0], key) && dlx__eval_keep(tally, b, lines[1], key);
}

static bool add_answers(json_t *tally, const json_t *const lines[2])
{
    const json_t *of_b = json_object_get(lines[1], "fields");
    bool ok = add_rights(tally, "exact", lines, "exact") &&
              keep_both(tally, "passes_a", "passes_b", lines, "passes") &&
              keep_both(tally, "tokens_a", "tokens_b", lines, "tokens");
    const char *name;
    json_t *right;
    json_object_foreach(json_object_get(lines[0], "fields"), name, right) ok =
        ok && add_pair(dlx__api_child(dlx__api_child(tally, "fields"), name), json_is_true(right),
                       json_is_true(json_object_get(of_b, name)));
    return ok;
}

static bool add_texts(json_t *tally, const json_t *const lines[2])
{
    return keep_both(tally, "nats_a", "nats_b", lines, "nats") &&
           keep_both(tally, "text_tokens_a", "text_tokens_b", lines, "tokens") &&
           keep_both(tally, "bytes_a", "bytes_b", lines, "bytes");
}

typedef enum kind { KIND_NONE, KIND_ANSWER, KIND_CHOICES, KIND_TEXT } kind;

static bool has_number(const json_t *line, const char *key)
{
    return json_is_number(json_object_get(line, key));
}

static kind kind_of(const json_t *line)
{
    if (json_is_boolean(json_object_get(line, "exact")))
        return has_number(line, "passes") && has_number(line, "tokens") ? KIND_ANSWER : KIND_NONE;
    if (json_is_boolean(json_object_get(line, "right")))
        return KIND_CHOICES;
    bool text = has_number(line, "nats") && has_number(line, "tokens") && has_number(line, "bytes");
    return text ? KIND_TEXT : KIND_NONE;
}

static bool add_lines(json_t *tally, const json_t *const lines[2])
{
    if (!dlx__api_count(tally, "lines", 1))
        return false;
    switch (kind_of(lines[0])) {
    case KIND_ANSWER:
        return add_answers(tally, lines);
    case KIND_CHOICES:
        return add_rights(tally, "choices", lines, "right");
    default:
        return add_texts(tally, lines);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static dlx_result check_lines(const json_t *const lines[2], size_t number, dlx_error *err)
{
    static const char *const kinds[] = {"", "an answer", "choices", "a text"};
    const json_t *splits[2];
    kind found[2];
    for (int s = 0; s < 2; s++) {
        found[s] = kind_of(lines[s]);
        splits[s] = json_object_get(lines[s], "split");
        if (found[s] == KIND_NONE)
            return dlx__fail(err, DLX_E_FORMAT,
                             "%s, line %zu: expected what dlx_eval tells of a line (\"exact\", "
                             "\"right\" or \"nats\"), found none of it: mend the line",
                             side_names[s], number);
    }
    if (found[0] != found[1])
        return dlx__fail(err, DLX_E_FORMAT,
                         "line %zu: expected results of one task, found that A was judged on %s "
                         "and B on %s: give both the same tasks",
                         number, kinds[found[0]], kinds[found[1]]);
    if ((splits[0] || splits[1]) && !json_equal(splits[0], splits[1]))
        return dlx__fail(err, DLX_E_FORMAT,
                         "line %zu: expected results of one task, found different splits: give "
                         "both the same tasks",
                         number);
    return DLX_OK;
}

static dlx_result add_checked(comparing *c, const json_t *const lines[2], size_t number)
{
    DLX__TRY(check_lines(lines, number, c->err));
    const char *split = json_string_value(json_object_get(lines[0], "split"));
    bool ok = add_lines(c->report, lines);
    if (split)
        ok = ok && add_lines(dlx__api_child(dlx__api_child(c->report, "splits"), split), lines);
    return ok ? DLX_OK : dlx__fail(c->err, DLX_E_NOMEM, "out of memory while comparing results");
}

/* The next line of both; *more is false at the end of both. */
static dlx_result next_lines(comparing *c, size_t n_read, bool *more)
{
    bool there[2] = {dlx__jsonl_next(&c->in[0]), dlx__jsonl_next(&c->in[1])};
    *more = there[0] && there[1];
    if (there[0] != there[1] || (!*more && n_read < c->o->n_lines))
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s ends after %zu line%s: expected as many of both: compare the first "
                         "lines only, or judge the rest",
                         side_names[there[0]], n_read, n_read == 1 ? "" : "s");
    return DLX_OK;
}

static dlx_result read_pair(comparing *c, size_t number)
{
    json_t *lines[2] = {NULL, NULL};
    dlx_result r = DLX_OK;
    for (int s = 0; s < 2 && r == DLX_OK; s++) {
        char name[40];
        snprintf(name, sizeof name, "%s, line %zu", side_names[s], c->in[s].number);
        r = dlx__jsonl_parse(&lines[s], &c->in[s], name, c->err);
    }
    if (r == DLX_OK)
        r = add_checked(c, (const json_t *const[2]){lines[0], lines[1]}, number);
    json_decref(lines[0]);
    json_decref(lines[1]);
    return r;
}

static dlx_result read_all(comparing *c)
{
    size_t n = c->o->n_lines;
    for (size_t i = 0; n == 0 || i < n; i++) {
        bool more;
        DLX__TRY(next_lines(c, i, &more));
        if (!more)
            break;
        DLX__TRY(read_pair(c, i + 1));
    }
    return json_object_get(c->report, "lines")
               ? DLX_OK
               : dlx__fail(c->err, DLX_E_FORMAT, "there is no line to compare");
}

/* ---- the report ------------------------------------------------------------------------------ */

static size_t count_of(const json_t *object, const char *key)
{
    return (size_t)json_integer_value(json_object_get(object, key));
}

static bool finish_pair(json_t *object)
{
    size_t n = count_of(object, "n"), only_a = count_of(object, "only_a");
    size_t only_b = count_of(object, "only_b");
    double a = (double)count_of(object, "right_a") / (double)n;
    double b = (double)count_of(object, "right_b") / (double)n;
    json_t *interval = dlx__eval_interval(dlx__interval_paired(only_a, only_b, n));
    return dlx__api_merge(object,
                          json_pack("{s:f, s:f, s:f, s:o, s:f}", "a", a, "b", b, "difference",
                                    ((double)only_a - (double)only_b) / (double)n, "interval",
                                    interval, "p_value", dlx__mcnemar(only_a, only_b)));
}

static const struct {
    const char *key;
    dlx__eval_names names;
    double unit;
} ratios[] = {
    {"passes_per_answer", {.num = {"passes_a", "passes_b"}}, 1},
    {"tokens_per_answer", {.num = {"tokens_a", "tokens_b"}}, 1},
    {"nats_per_token", {.num = {"nats_a", "nats_b"}, .den = {"text_tokens_a", "text_tokens_b"}}, 1},
    {"bits_per_byte", {.num = {"nats_a", "nats_b"}, .den = {"bytes_a", "bytes_b"}}, DLX__LN2},
};

static bool finish_ratio(json_t *tally, size_t i, const comparing *c)
{
    dlx__eval_estimate found;
    double unit = ratios[i].unit;
    if (!dlx__eval_estimate_of(&found, tally, &ratios[i].names, c->o->seed, c->o->mem))
        return false;
    if (found.n == 0)
        return true;
    dlx__interval interval = {found.interval.lo / unit, found.interval.hi / unit};
    return dlx__api_set(tally, ratios[i].key,
                        json_pack("{s:I, s:f, s:f, s:f, s:o}", "n", (json_int_t)found.n, "a",
                                  found.a / unit, "b", found.b / unit, "difference",
                                  (found.a - found.b) / unit, "interval",
                                  dlx__eval_interval(interval)));
}

static bool finish(json_t *tally, const comparing *c)
{
    json_t *exact = json_object_get(tally, "exact"), *choices = json_object_get(tally, "choices");
    bool ok = (!exact || finish_pair(exact)) && (!choices || finish_pair(choices));
    const char *name;
    json_t *field;
    json_object_foreach(json_object_get(tally, "fields"), name, field) ok =
        ok && finish_pair(field);
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++)
        ok = ok && finish_ratio(tally, i, c);
    dlx__eval_forget(tally);
    return ok;
}

static dlx_result write_report(comparing *c, char **json)
{
    bool ok = finish(c->report, c);
    const char *name;
    json_t *split;
    json_object_foreach(json_object_get(c->report, "splits"), name, split) ok =
        ok && finish(split, c);
    return dlx__api_json_text(ok ? json_incref(c->report) : NULL, c->o->mem, json, c->err);
}

dlx_result dlx_eval_compare(const char *a, const char *b, const dlx_eval_compare_opts *opts,
                            char **json, dlx_error *err)
{
    static const dlx_eval_compare_opts none = {.size = sizeof none};
    comparing c = {.o = opts ? opts : &none,
                   .in = {dlx__jsonl_of(a, strlen(a)), dlx__jsonl_of(b, strlen(b))},
                   .report = json_object(),
                   .err = err};
    *json = NULL;
    dlx_result r =
        c.report ? read_all(&c) : dlx__fail(err, DLX_E_NOMEM, "out of memory while comparing");
    if (r == DLX_OK)
        r = write_report(&c, json);
    json_decref(c.report);
    return r;
}
