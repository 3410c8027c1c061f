// labels: quick
/* test_eval.c - judging: what each kind of task adds up to, on the shipped model and its tokenizer.
 */
#include "support.h"

#include <dlx/tools.h>

#include <jansson.h>
#include <math.h>

static dlx_model *model;
static dlx_session *session;

static int open_all(void **state)
{
    (void)state;
    dlx_error err;
    if (dlx_model_open(&model, DLX_SOURCE_DIR "/models/records", NULL, &err) != DLX_OK) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    session = support_session(model, "cpu", 256);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    dlx_session_free(session);
    dlx_model_free(model);
    return 0;
}

static json_t *judge(const char *tasks, dlx_eval_opts *opts)
{
    const char *path = support_tmp("tasks.jsonl");
    char *text;
    dlx_error err;
    support_write(path, tasks);
    opts->size = sizeof *opts;
    if (dlx_eval(session, path, opts, &text, &err) != DLX_OK)
        fail_msg("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(model, text);
    assert_non_null(report);
    return report;
}

static double number(const json_t *report, const char *a, const char *b)
{
    const json_t *value = json_object_get(report, a);
    return json_number_value(b ? json_object_get(value, b) : value);
}

static const char RIGHT[] = "{\"prompt\": \"On 5 March 2024, Anna Smith ordered 12 lamps for "
                            "$123.45, to be sent to Berlin.\", "
                            "\"answer\": \"{\\\"customer\\\": \\\"Anna Smith\\\", \\\"item\\\": "
                            "\\\"lamps\\\", \\\"quantity\\\": 12, "
                            "\\\"total\\\": 123.45, \\\"date\\\": \\\"2024-03-05\\\", "
                            "\\\"city\\\": \\\"Berlin\\\"}\", \"split\": \"easy\"}\n";
static const char WRONG[] = "{\"prompt\": \"On 5 March 2024, Anna Smith ordered 12 lamps for "
                            "$123.45, to be sent to Berlin.\", "
                            "\"answer\": \"{\\\"customer\\\": \\\"Anna Smith\\\", \\\"item\\\": "
                            "\\\"lamps\\\", \\\"quantity\\\": 13}\", "
                            "\"split\": \"hard\"}\n";

static bool count_line(void *user, size_t line, size_t n_lines, const char *json)
{
    size_t *n = user;
    json_t *result = json_loads(json, 0, NULL);
    assert_non_null(json_object_get(result, "text"));
    json_decref(result);
    assert_int_equal(line, *n);
    assert_int_equal(n_lines, 2);
    return ++*n < 5;
}

static void answers_count_by_field_and_split(void **state)
{
    (void)state;
    char tasks[2000];
    size_t n_told = 0;
    snprintf(tasks, sizeof tasks, "%s\n%s", RIGHT, WRONG);
    dlx_eval_opts opts = {.on_line = count_line, .user = &n_told};
    json_t *report = judge(tasks, &opts);
    assert_int_equal(n_told, 2);
    assert_int_equal((int)number(report, "lines", NULL), 2);
    assert_int_equal((int)number(report, "exact", NULL), 1);
    assert_true(number(report, "exact_rate", NULL) == 0.5);
    json_t *fields = json_object_get(report, "fields");
    assert_int_equal((int)number(json_object_get(fields, "quantity"), "n", NULL), 2);
    assert_int_equal((int)number(json_object_get(fields, "quantity"), "right", NULL), 1);
    assert_int_equal((int)number(json_object_get(fields, "customer"), "right", NULL), 2);
    json_t *splits = json_object_get(report, "splits");
    assert_true(number(json_object_get(splits, "easy"), "exact_rate", NULL) == 1);
    assert_true(number(json_object_get(splits, "hard"), "exact_rate", NULL) == 0);
    assert_true(number(report, "tokens_per_pass", NULL) > 2);
    assert_true(number(report, "tokens_per_second", NULL) > 0);
    json_decref(report);
}

static void the_likelier_choice_is_taken(void **state)
{
    (void)state;
    dlx_eval_opts opts = {.n_samples = 8};
    json_t *report =
        judge("{\"prompt\": \"Anna Smith ordered 12 lamps.\", \"choices\": [\"{\\\"customer\\\": "
              "\\\"Anna\", "
              "\"zqx zqx zqx zqx\"], \"label\": 0}\n"
              "{\"prompt\": \"Anna Smith ordered 12 lamps.\", \"choices\": [\"zqx zqx zqx zqx\", "
              "\"{\\\"customer\\\": \\\"Anna\"], \"label\": \"zqx zqx zqx zqx\"}\n",
              &opts);
    assert_int_equal((int)number(report, "choices", "n"), 2);
    assert_int_equal((int)number(report, "choices", "right"), 1);
    json_decref(report);
}

static void texts_get_a_bound(void **state)
{
    (void)state;
    dlx_eval_opts opts = {.n_samples = 8, .seed = 3, .raw = true};
    json_t *report = judge("{\"text\": \"Please ship 3 chairs to Ben Rossi in Oslo.\"}\n", &opts);
    double nats = number(report, "text", "nats_per_token");
    assert_true(nats > 0 && isfinite(nats));
    assert_true(fabs(number(report, "text", "perplexity_bound") - exp(nats)) < 1e-6 * exp(nats));
    json_decref(report);
}

/* Nats of each line, as on_line hears of them. */
static bool keep_nats(void *user, size_t line, size_t n_lines, const char *json)
{
    double *nats = user;
    json_t *result = json_loads(json, 0, NULL);
    (void)n_lines;
    nats[line] = number(result, "nats", NULL);
    assert_int_equal((int)number(result, "bytes", NULL), 42);
    assert_string_equal(json_string_value(json_object_get(result, "split")), "x");
    json_decref(result);
    return true;
}

#define SHIP "{\"text\": \"Please ship 3 chairs to Ben Rossi in Oslo.\", \"split\": \"x\"}\n"

/* Line i is masked by the seed + i: the same for every model, another for every line. */
static void maskings_are_those_of_seed_and_line(void **state)
{
    (void)state;
    double first[2], again[2], next[2];
    dlx_eval_opts opts = {.n_samples = 2, .seed = 5, .on_line = keep_nats, .user = first};
    json_decref(judge(SHIP SHIP, &opts));
    opts.user = again;
    json_decref(judge(SHIP SHIP, &opts));
    opts.user = next;
    opts.seed = 6;
    json_decref(judge(SHIP SHIP, &opts));
    assert_true(first[0] == again[0] && first[1] == again[1]);
    assert_true(first[0] != first[1]);
    assert_true(next[0] == first[1]);
}

static void interval(const json_t *object, const char *key, double *lo, double *hi)
{
    const json_t *list = json_object_get(object, key);
    assert_int_equal(json_array_size(list), 2);
    *lo = json_number_value(json_array_get(list, 0));
    *hi = json_number_value(json_array_get(list, 1));
}

static void figures_come_with_intervals(void **state)
{
    (void)state;
    char tasks[4000];
    double lo, hi;
    snprintf(tasks, sizeof tasks, "%s%s" SHIP SHIP, RIGHT, WRONG);
    dlx_eval_opts opts = {.n_samples = 2};
    json_t *report = judge(tasks, &opts);
    interval(report, "exact_interval", &lo, &hi); /* Wilson, 1 of 2 */
    assert_true(fabs(lo - 0.0945312057) < 1e-9 && fabs(hi - 0.9054687943) < 1e-9);
    interval(json_object_get(json_object_get(report, "fields"), "customer"), "interval", &lo, &hi);
    assert_true(fabs(lo - 0.3423802275) < 1e-9 && hi == 1);
    json_t *text = json_object_get(report, "text");
    double nats = number(text, "nats_per_token", NULL);
    interval(text, "nats_per_token_interval", &lo, &hi);
    assert_true(lo < nats && nats < hi);
    double least = lo, most = hi;
    interval(text, "perplexity_bound_interval", &lo, &hi);
    assert_true(fabs(log(lo) - least) < 1e-9 && fabs(log(hi) - most) < 1e-9);
    assert_true(fabs(number(text, "bits_per_byte", NULL) -
                     number(text, "nats", NULL) / log(2) / (2 * 42)) < 1e-9);
    interval(report, "passes_per_answer_interval", &lo, &hi);
    assert_true(lo <= hi);
    /* One line says nothing about others. */
    json_t *easy = json_object_get(json_object_get(report, "splits"), "easy");
    assert_true(json_is_null(json_object_get(easy, "passes_per_answer_interval")));
    assert_null(json_object_get(report, "samples"));
    assert_null(json_object_get(text, "samples"));
    json_decref(report);
}

/* ---- two evaluations ------------------------------------------------------------------------- */

static json_t *compare(const char *a, const char *b, size_t n_lines)
{
    const dlx_eval_compare_opts opts = {.size = sizeof opts, .n_lines = n_lines};
    char *text;
    dlx_error err;
    if (dlx_eval_compare(a, b, &opts, &text, &err) != DLX_OK)
        fail_msg("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(NULL, text);
    return report;
}

#define ANSWER(exact, city, passes)                                                                \
    "{\"exact\":" exact ",\"fields\":{\"city\":" city "},\"passes\":" passes                       \
    ",\"tokens\":9,\"split\":\"s\"}\n"
#define CHOICE(right) "{\"right\":" right ",\"tokens\":4}\n"
#define TEXT(nats, tokens) "{\"nats\":" nats ",\"tokens\":" tokens ",\"bytes\":10}\n"

static void evaluations_are_compared_line_by_line(void **state)
{
    (void)state;
    static const char a[] = ANSWER("true", "true", "4") ANSWER("true", "true", "6")
        ANSWER("false", "true", "5") CHOICE("true") CHOICE("false") TEXT("2", "4") TEXT("6", "4");
    static const char b[] = ANSWER("true", "true", "5") ANSWER("false", "true", "7")
        ANSWER("false", "false", "6") CHOICE("false") CHOICE("false") TEXT("1", "4") TEXT("7", "8");
    double lo, hi;
    json_t *report = compare(a, b, 0);
    assert_int_equal((int)number(report, "lines", NULL), 7);
    json_t *exact = json_object_get(report, "exact");
    assert_int_equal((int)number(exact, "n", NULL), 3);
    assert_int_equal((int)number(exact, "only_a", NULL), 1);
    assert_int_equal((int)number(exact, "only_b", NULL), 0);
    assert_true(fabs(number(exact, "a", NULL) - 2.0 / 3) < 1e-12);
    assert_true(fabs(number(exact, "difference", NULL) - 1.0 / 3) < 1e-12);
    assert_true(number(exact, "p_value", NULL) == 1);
    interval(exact, "interval", &lo, &hi);
    assert_true(lo < 0 && hi > 1.0 / 3 && hi < 1);
    json_t *city = json_object_get(json_object_get(report, "fields"), "city");
    assert_true(number(city, "only_a", NULL) == 1 && number(city, "b", NULL) < 0.7);
    assert_true(number(report, "choices", "only_a") == 1 && number(report, "choices", "n") == 2);
    json_t *passes = json_object_get(report, "passes_per_answer");
    interval(passes, "interval", &lo, &hi); /* one less in every line */
    assert_true(number(passes, "a", NULL) == 5 && number(passes, "difference", NULL) == -1);
    assert_true(fabs(lo + 1) < 1e-12 && fabs(hi + 1) < 1e-12);
    assert_true(number(report, "tokens_per_answer", "difference") == 0);
    assert_true(number(report, "nats_per_token", "a") == 1); /* 8 of 8, and 8 of 12 */
    assert_true(fabs(number(report, "nats_per_token", "b") - 2.0 / 3) < 1e-12);
    assert_true(fabs(number(report, "bits_per_byte", "a") - 0.4 / log(2)) < 1e-12);
    assert_true(number(report, "bits_per_byte", "difference") == 0);
    json_t *split = json_object_get(json_object_get(report, "splits"), "s");
    assert_true(number(split, "exact", "n") == 3 && !json_object_get(split, "choices"));
    json_decref(report);
    report = compare(a, ANSWER("true", "true", "5") "\nrubbish\n", 1);
    assert_int_equal((int)number(report, "lines", NULL), 1);
    assert_true(
        json_is_null(json_object_get(json_object_get(report, "passes_per_answer"), "interval")));
    json_decref(report);
}

static void what_cannot_be_compared_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t n;
        const char *word;
    } bad[] = {
        {"", "\n", 0, "no line to compare"},
        {CHOICE("true"), CHOICE("true") CHOICE("true"), 0, "A ends after 1 line:"},
        {CHOICE("true") CHOICE("true"), "", 0, "B ends after 0 lines"},
        {CHOICE("true"), CHOICE("true"), 2, "ends after 1 line:"},
        {CHOICE("true"), TEXT("1", "2"), 0, "on choices and B on a text"},
        {CHOICE("true"), "{\"right\":true,\"split\":\"s\"}", 0, "different splits"},
        {"{\"exact\":true}", CHOICE("true"), 0, "A, line 1: expected what dlx_eval tells"},
        {"{}", "{}", 0, "found none of it"},
        {CHOICE("true"), "\n{\"right\"", 0, "B, line 2, column"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const dlx_eval_compare_opts opts = {.size = sizeof opts, .n_lines = bad[i].n};
        char *text;
        dlx_error err;
        assert_int_equal(dlx_eval_compare(bad[i].a, bad[i].b, &opts, &text, &err), DLX_E_FORMAT);
        assert_null(text);
        support_sentence(&err, bad[i].word);
    }
}

static void limits_and_bad_files_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *tasks, *word;
    } bad[] = {{"", "no task"},
               {"\n  \n", "no task"},
               {"{\"prompt\": 3}\n", "expected"},
               {"nonsense\n", "line 1, column"},
               {"\n\n  \nnonsense\n", "line 4, column"},
               {"{\"text\": \"a\"\n", "mend the line, or take it out"},
               {"{\"text\": \"ab\"}\r\n\r\n\r\n[1]\r\n", "line 4: expected {"},
               {"\xEF\xBB\xBF\n{\"text\": \"\"}\n", "line 2: expected"},
               {"{\"prompt\": \"a\", \"choices\": [\"x\", \"y\"], \"label\": 2}\n", "label"},
               {"{\"prompt\": \"a\", \"choices\": [\"x\"], \"label\": 0}\n", "expected"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text;
        dlx_error err;
        support_write(support_tmp("bad.jsonl"), bad[i].tasks);
        assert_int_not_equal(dlx_eval(session, support_tmp("bad.jsonl"), NULL, &text, &err),
                             DLX_OK);
        assert_null(text);
        support_sentence(&err, bad[i].word);
    }
    char tasks[2000];
    snprintf(tasks, sizeof tasks, "%s%s", RIGHT, "not read any more\n");
    dlx_eval_opts opts = {.limit = 1};
    json_t *report = judge(tasks, &opts);
    assert_int_equal((int)number(report, "lines", NULL), 1);
    json_decref(report);
}

static void a_model_without_tokenizer_is_told(void **state)
{
    (void)state;
    char *text;
    dlx_error err;
    dlx_model *mute = support_open("sdar-tiny-b4");
    dlx_session *other = support_session(mute, "cpu", 64);
    support_write(support_tmp("mute.jsonl"), "{\"text\": \"ab\"}\n");
    assert_int_equal(dlx_eval(other, support_tmp("mute.jsonl"), NULL, &text, &err),
                     DLX_E_UNSUPPORTED);
    support_sentence(&err, "put tokenizer.json");
    dlx_session_free(other);
    dlx_model_free(mute);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_count_by_field_and_split),
        cmocka_unit_test(the_likelier_choice_is_taken),
        cmocka_unit_test(texts_get_a_bound),
        cmocka_unit_test(maskings_are_those_of_seed_and_line),
        cmocka_unit_test(figures_come_with_intervals),
        cmocka_unit_test(evaluations_are_compared_line_by_line),
        cmocka_unit_test(what_cannot_be_compared_is_told),
        cmocka_unit_test(limits_and_bad_files_are_told),
        cmocka_unit_test(a_model_without_tokenizer_is_told),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
