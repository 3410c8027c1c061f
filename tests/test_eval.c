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
        cmocka_unit_test(limits_and_bad_files_are_told),
        cmocka_unit_test(a_model_without_tokenizer_is_told),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
