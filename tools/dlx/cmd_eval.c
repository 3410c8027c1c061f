/* cmd_eval.c - dlx eval: judges a model on a file of tasks. */
#include "eval_report.h"
#include "gen_flags.h"
#include "input.h"
#include "interrupt.h"
#include "machine_flags.h"
#include "out.h"
#include "outputs.h"
#include "progress.h"
#include "save.h"
#include "sys.h"
#include "verbs.h"

#include <dlx/tools.h>
#include <string.h>

typedef struct settings {
    machine_flags machine;
    gen_flags gen;
    opt_count limit, samples;
    const char *against, *output;
    bool raw, json, quiet;
} settings;

#define AT(field) offsetof(settings, field)

static const opt task_rows[] = {
    {"raw", OPT_FLAG, AT(raw), .help = "give prompts as they are, without the chat template"},
    {"limit", OPT_COUNT, AT(limit), "N", .help = "judge the first N lines only", .fallback = "all",
     .lo = 1, .hi = SIZE_MAX},
    {"samples", OPT_COUNT, AT(samples), "N", .help = "maskings of a text or a choice",
     .fallback = "32", .lo = 1, .hi = 1u << 20},
    {"against", OPT_FILE, AT(against), "OTHER",
     .help = "judge another model on the same lines and compare", .fallback = "none"},
};

static const opt output_rows[] = {
    {"output", OPT_FILE, AT(output), "FILE", .help = "write each line's results to a .jsonl file",
     .fallback = "none", .letter = 'o'},
    OPT_JSON_ROW(settings),
    {"quiet", OPT_FLAG, AT(quiet), .help = "no progress on standard error", .letter = 'q'},
};

static const opt_table tables[] = {
    OPT_TABLE("Task", task_rows),
    OPT_TABLE("Output", output_rows),
    GEN_TABLE(settings, 0),
    MACHINE_TABLE(settings, MACHINE_EVAL),
    ARITHMETIC_TABLE(settings, machine.arithmetic),
};

/* ---- the lines ------------------------------------------------------------------------------- */

/* A is MODEL, B what it is judged against. */
enum { SIDE_A, SIDE_B };

typedef struct watcher {
    progress bar;
    FILE *output;
    const char *paths[2]; /* of the models; B may be NULL */
    size_t side, n_sides;
    bytes results[2]; /* of each side, a line each; kept where there are two */
    size_t n_results[2];
    size_t place; /* in the results of A: the line that B judges now */
    size_t answers, exact;
} watcher;

static void count_exact(watcher *w, const char *json)
{
    json_t *result = json_loads(json, 0, NULL);
    const json_t *exact = json_object_get(result, "exact");
    if (exact) {
        w->answers++;
        w->exact += json_is_true(exact);
    }
    json_decref(result);
}

/* Of two models, A's result stands in the file in front of B's. */
static void write_line(watcher *w, const char *json)
{
    const char *of_a = bytes_string(&w->results[SIDE_A]) + w->place;
    int n_a = (int)strcspn(of_a, "\n");
    if (w->n_sides == 1)
        fprintf(w->output, "%s\n", json);
    else if (w->side == SIDE_B)
        fprintf(w->output, "{\"model\":%.*s,\"against\":%s}\n", n_a, of_a, json);
    w->place += w->side == SIDE_B ? (size_t)n_a + 1 : 0;
}

static bool on_line(void *user, size_t index, size_t n_lines, const char *json)
{
    watcher *w = user;
    char extra[48] = "";
    count_exact(w, json);
    if (w->answers)
        snprintf(extra, sizeof extra, "%.1f %% exact",
                 100.0 * (double)w->exact / (double)w->answers);
    if (w->output)
        write_line(w, json);
    if (w->n_sides == 2)
        bytes_printf(&w->results[w->side], "%s\n", json);
    w->n_results[w->side]++;
    progress_show(&w->bar, w->n_sides == 1 ? "line" : "judgement", w->side * n_lines + index + 1,
                  w->n_sides * n_lines, extra);
    return !interrupted() && !out_failed() && !(w->output && ferror(w->output));
}

/* ---- judging --------------------------------------------------------------------------------- */

static int judge(const settings *s, const char *path, const dlx_model *model, dlx_session *session,
                 watcher *w, json_t **report)
{
    gen_plan plan;
    char *text = NULL;
    dlx_error err;
    if (!gen_plan_init(&plan, model, &s->gen, false)) {
        gen_plan_release(&plan);
        return EXIT_FAILED;
    }
    dlx_eval_opts opts = {.size = sizeof opts,
                          .gen = &plan.opts,
                          .raw = s->raw,
                          .limit = (size_t)s->limit.value,
                          .n_samples = (size_t)s->samples.value,
                          .seed = s->gen.seed.value,
                          .on_line = on_line,
                          .user = w};
    w->answers = w->exact = 0;
    interrupt_watch(session);
    dlx_result r = dlx_eval(session, path, &opts, &text, &err);
    interrupt_watch(NULL);
    gen_plan_release(&plan);
    *report = text ? json_loads(text, 0, NULL) : NULL;
    dlx_free(model, text);
    if (r == DLX_CANCELLED)
        return interrupted() ? interrupt_exit_code() : EXIT_FAILED;
    if (r == DLX_OK)
        return EXIT_OK;
    progress_end(&w->bar);
    if (w->n_sides == 2)
        return say_failed("%s: %s", show_path(w->paths[w->side]).text, err.text);
    return say_failed("%s", err.text);
}

/* Opens a model, judges it and closes it: two are never open at once. */
static int judge_model(const settings *s, const char *task, watcher *w, json_t **report)
{
    dlx_model *model = NULL;
    dlx_session *session = NULL;
    dlx_model_info info;
    int code = open_model(&model, w->paths[w->side], DLX_LOAD_ALL);
    if (code == EXIT_OK) {
        dlx_model_get_info(model, &info);
        code = need_tokenizer(&info, "put tokenizer.json, or vocab.json with merges.txt, there");
    }
    if (code == EXIT_OK)
        code = open_session(&session, model, &s->machine, 0);
    if (code == EXIT_OK)
        code = judge(s, task, model, session, w, report);
    dlx_session_free(session);
    dlx_model_free(model);
    return code;
}

/* Says what is wrong with the other model before the first one takes its time. */
static int check_other(const settings *s, const char *path, const char *other)
{
    gen_plan plan;
    dlx_model_info info;
    dlx_model *model = NULL;
    if (sys_same_file(path, other))
        return say_misuse("eval", "--against names MODEL itself: name another model");
    int code = open_model(&model, other, DLX_LOAD_ALL);
    if (code != EXIT_OK)
        return code;
    dlx_model_get_info(model, &info);
    code = need_tokenizer(&info, "put tokenizer.json, or vocab.json with merges.txt, there");
    if (!gen_plan_init(&plan, model, &s->gen, false))
        code = EXIT_FAILED;
    gen_plan_release(&plan);
    dlx_model_free(model);
    return code;
}

/* ---- the report ------------------------------------------------------------------------------ */

/* Of the lines that both have judged; NULL, with a sentence, on failure. */
static json_t *compare(const settings *s, const watcher *w)
{
    dlx_eval_compare_opts opts = {
        .size = sizeof opts, .n_lines = w->n_results[SIDE_B], .seed = s->gen.seed.value};
    char *text;
    dlx_error err;
    if (dlx_eval_compare(bytes_string(&w->results[SIDE_A]), bytes_string(&w->results[SIDE_B]),
                         &opts, &text, &err) != DLX_OK) {
        say("%s", err.text);
        return NULL;
    }
    json_t *compared = json_loads(text, 0, NULL);
    dlx_free(NULL, text);
    return compared;
}

/* The report of one model, with its path in front. */
static json_t *with_path(const char *path, json_t *report)
{
    json_t *object = json_pack("{s:o}", "path", json_text(path, strlen(path)));
    json_object_update(object, report);
    return object;
}

static int report_both(const settings *s, const watcher *w, json_t *const reports[2])
{
    json_t *compared = compare(s, w);
    if (!compared)
        return EXIT_FAILED;
    if (s->json)
        out_json(json_pack("{s:o, s:o, s:O}", "model", with_path(w->paths[SIDE_A], reports[SIDE_A]),
                           "against", with_path(w->paths[SIDE_B], reports[SIDE_B]), "comparison",
                           compared));
    else
        eval_report_compared(compared, w->paths[SIDE_A], w->paths[SIDE_B]);
    json_decref(compared);
    return EXIT_OK;
}

static int report_all(const settings *s, const watcher *w, json_t *const reports[2])
{
    if (w->paths[SIDE_B] && w->n_results[SIDE_B])
        return report_both(s, w, reports);
    if (s->json)
        out_json(json_incref(reports[SIDE_A]));
    else if (w->n_results[SIDE_A])
        eval_report_print(reports[SIDE_A]);
    return EXIT_OK;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int judge_all(const settings *s, const opt_args *args, save *lines)
{
    json_t *reports[2] = {NULL, NULL};
    watcher w = {.output = lines->file,
                 .paths = {args->items[0], s->against},
                 .n_sides = s->against ? 2 : 1};
    int code = EXIT_OK;
    progress_start(&w.bar, s->quiet);
    for (w.side = 0; w.side < w.n_sides && code == EXIT_OK; w.side++)
        code = judge_model(s, args->items[1], &w, &reports[w.side]);
    progress_end(&w.bar);
    if (reports[SIDE_A] && (code == EXIT_OK || interrupted())) {
        int told = report_all(s, &w, reports);
        code = code == EXIT_OK ? told : code;
        out_flush();
    }
    bool written = lines->file && (code == EXIT_OK || ferror(lines->file));
    if (written && !out_failed() && !save_commit(lines))
        code = EXIT_FAILED; /* and it said why */
    for (size_t side = 0; side < 2; side++) {
        json_decref(reports[side]);
        bytes_release(&w.results[side]);
    }
    return code;
}

static int check_files(const settings *s, const opt_args *args)
{
    const verb_input inputs[] = {
        {"MODEL", args->items[0]}, {"TASK", args->items[1]}, {"--against", s->against}};
    const verb_output lines = {.name = "--output",
                               .path = s->output,
                               .mark = "{",
                               .kind = "a file of lines",
                               .streams = true};
    return check_outputs("eval", inputs, sizeof inputs / sizeof *inputs, &lines, 1);
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    save lines = {0};
    if (sys_kind_of(args->items[1]) == SYS_ABSENT)
        return say_failed("%s: there is no such file; TASK is a .jsonl file of tasks",
                          show_path(args->items[1]).text);
    if (s->against && !*s->against)
        return say_misuse("eval", "--against: expected the name of a model, found an empty text");
    if (s->against && sys_kind_of(args->items[1]) == SYS_OTHER)
        return say_misuse("eval", "both models read TASK: write it to a file");
    if (!out_ready())
        return EXIT_FAILED;
    int code = check_files(s, args);
    if (code == EXIT_OK && s->against)
        code = check_other(s, args->items[0], s->against);
    if (code != EXIT_OK)
        return code;
    interrupt_begin(NULL);
    code = s->output && !save_open(&lines, s->output) ? EXIT_FAILED : judge_all(s, args, &lines);
    save_discard(&lines);
    interrupt_end();
    return code;
}

static const verb_arg arguments[] = {
    MODEL_ARG,
    {"TASK", ARG_FILE, false, "a .jsonl file of tasks, one JSON object a line"},
};

static const char *const about[] = {
    "Judges a model on TASK. A line is {\"prompt\", \"answer\"}: the generated answer must be "
    "that, and each field counts when both are JSON objects; {\"prompt\", \"choices\", "
    "\"label\"}: the choice with the best masked likelihood must be the labelled one; or "
    "{\"text\"}: its masked likelihood. A line may name a \"split\": figures are then given by "
    "split as well.",
    "With --against OTHER both models judge the same lines, with the same options and maskings, "
    "one after the other. Reported is MODEL less OTHER, line by line: the difference of rates in "
    "points, the lines that only one got right and McNemar's exact p of them, likelihoods, passes "
    "and tokens. A line of --output then holds both results, as \"model\" and \"against\".",
    "Intervals are of 95 %: Wilson's for rates, Tango's score interval for the difference of "
    "two, a bootstrap over the lines (BCa) for all else.",
    "Ctrl-C prints the figures of the lines judged so far (exit code 130).", NULL};

static const verb_example examples[] = {
    {"dlx eval models/demo held-out.jsonl --limit 100", "a first impression"},
    {"dlx eval models/demo held-out.jsonl --threshold 0.8 --json -o lines.jsonl",
     "all figures, and each line's own result"},
    {"dlx eval model-q4.gguf held-out.jsonl --against path/to/model",
     "what four bits cost, and how sure that is"},
};

const verb verb_eval = {.name = "eval",
                        .summary = "judge a model on a file of tasks",
                        .about = about,
                        .args = arguments,
                        .n_args = 2,
                        .tables = tables,
                        .n_tables = sizeof tables / sizeof *tables,
                        .examples = examples,
                        .n_examples = sizeof examples / sizeof *examples,
                        .more = gen_help,
                        .settings_bytes = sizeof(settings),
                        .run = run};
