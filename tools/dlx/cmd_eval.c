/* cmd_eval.c - dlx eval: judges a model on a file of tasks. */
#include "gen_flags.h"
#include "input.h"
#include "interrupt.h"
#include "machine_flags.h"
#include "out.h"
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
    const char *output;
    bool raw, json, quiet;
} settings;

#define AT(field) offsetof(settings, field)

static const opt task_rows[] = {
    {"raw", OPT_FLAG, AT(raw), .help = "give prompts as they are, without the chat template"},
    {"limit", OPT_COUNT, AT(limit), "N", .help = "judge the first N lines only", .fallback = "all",
     .lo = 1, .hi = SIZE_MAX},
    {"samples", OPT_COUNT, AT(samples), "N", .help = "maskings of a text or a choice",
     .fallback = "32", .lo = 1, .hi = 1u << 20},
};

static const opt output_rows[] = {
    {"output", OPT_FILE, AT(output), "FILE",
     .help = "write each line's own result to a .jsonl file", .fallback = "none", .letter = 'o'},
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

typedef struct watcher {
    progress bar;
    FILE *lines;
    size_t answers, exact;
} watcher;

static bool on_line(void *user, size_t index, size_t n_lines, const char *json)
{
    watcher *w = user;
    char extra[48] = "";
    json_t *result = json_loads(json, 0, NULL);
    const json_t *exact = json_object_get(result, "exact");
    if (exact) {
        w->answers++;
        w->exact += json_is_true(exact);
    }
    json_decref(result);
    if (w->answers)
        snprintf(extra, sizeof extra, "%.1f %% exact",
                 100.0 * (double)w->exact / (double)w->answers);
    if (w->lines)
        fprintf(w->lines, "%s\n", json);
    progress_show(&w->bar, "line", index + 1, n_lines, extra);
    return !interrupted() && !out_failed() && !(w->lines && ferror(w->lines));
}

/* ---- the table ------------------------------------------------------------------------------- */

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void rate_line(const char *name, const json_t *part, const char *right, const char *all)
{
    double n = number(part, all), ok = number(part, right);
    if (n > 0)
        out_printf("  %-18s %6.2f %%   %.0f of %.0f\n", name, 100 * ok / n, ok, n);
}

static void print_figures(const char *title, const json_t *figures)
{
    const char *name;
    json_t *field;
    const json_t *text = json_object_get(figures, "text");
    out_printf("%s\n", title);
    out_printf("  %-18s %.0f\n", "lines", number(figures, "lines"));
    if (json_object_get(figures, "answers"))
        rate_line("exact", figures, "exact", "answers");
    json_object_foreach(json_object_get(figures, "fields"), name, field)
        rate_line(name, field, "right", "n");
    rate_line("choices", json_object_get(figures, "choices"), "right", "n");
    if (text)
        out_printf("  %-18s %.4f nats a token, perplexity at most %.4g\n", "likelihood",
                   number(text, "nats_per_token"), number(text, "perplexity_bound"));
    if (number(figures, "passes") > 0)
        out_printf("  %-18s %.0f token%s in %.0f pass%s (%.2f a pass), %.1f tokens/s\n",
                   "generation", number(figures, "tokens"),
                   plural((size_t)number(figures, "tokens"), "s"), number(figures, "passes"),
                   plural((size_t)number(figures, "passes"), "es"),
                   number(figures, "tokens_per_pass"), number(figures, "tokens_per_second"));
}

static void print(const json_t *report)
{
    const char *name;
    json_t *split;
    print_figures("all", report);
    json_object_foreach(json_object_get(report, "splits"), name, split) print_figures(name, split);
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int judge(const settings *s, const char *path, const dlx_model *model, dlx_session *session,
                 save *lines)
{
    gen_plan plan;
    char *text = NULL;
    dlx_error err;
    watcher w = {.lines = lines->file};
    if (!gen_plan_init(&plan, model, &s->gen, false)) {
        gen_plan_release(&plan);
        return EXIT_FAILED;
    }
    dlx_eval_opts opts = {.size = sizeof opts,
                          .gen = &plan.opts,
                          .raw = s->raw,
                          .limit = (size_t)s->limit.value,
                          .n_samples = (size_t)s->samples.value,
                          .seed = plan.opts.seed,
                          .on_line = on_line,
                          .user = &w};
    progress_start(&w.bar, s->quiet);
    interrupt_watch(session);
    dlx_result r = dlx_eval(session, path, &opts, &text, &err);
    interrupt_watch(NULL);
    progress_end(&w.bar);
    gen_plan_release(&plan);
    if (r != DLX_OK && r != DLX_CANCELLED)
        return say_failed("%s", err.text);
    json_t *report = text ? json_loads(text, 0, NULL) : NULL;
    bool lost = r == DLX_CANCELLED && !interrupted(); /* stdout or the file of lines */
    if (report && s->json && !lost)
        out_json(json_incref(report));
    else if (report && json_object_get(report, "lines") && !lost)
        print(report);
    out_flush();
    json_decref(report);
    dlx_free(model, text);
    if (r == DLX_CANCELLED && interrupted())
        return interrupt_exit_code();
    if (lines->file && !out_failed() && !save_commit(lines))
        return EXIT_FAILED; /* and it said why */
    return lost ? EXIT_FAILED : EXIT_OK;
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    save lines = {0};
    dlx_model *model = NULL;
    dlx_session *session = NULL;
    if (sys_kind_of(args->items[1]) == SYS_ABSENT)
        return say_failed("%s: there is no such file; TASK is a .jsonl file of tasks",
                          show_path(args->items[1]).text);
    if (!out_ready())
        return EXIT_FAILED;
    interrupt_begin(NULL);
    if (s->output && !save_open(&lines, s->output))
        return EXIT_FAILED;
    int code = open_model(&model, args->items[0], DLX_LOAD_ALL);
    if (code == EXIT_OK)
        code = open_session(&session, model, &s->machine, 0);
    if (code == EXIT_OK)
        code = judge(s, args->items[1], model, session, &lines);
    save_discard(&lines);
    dlx_session_free(session);
    dlx_model_free(model);
    interrupt_end();
    return code;
}

static const verb_arg arguments[] = {
    MODEL_ARG,
    {"TASK", ARG_FILE, false, "a .jsonl file of tasks, one JSON object a line"},
};

static const char *const about[] = {
    "Judges a model on TASK. A line is {\"prompt\", \"answer\"}: the generated answer must be "
    "that, and "
    "each field counts when both are JSON objects; {\"prompt\", \"choices\", \"label\"}: the "
    "choice with "
    "the best masked likelihood must be the labelled one; or {\"text\"}: its masked likelihood. A "
    "line "
    "may name a \"split\": figures are then given by split as well.",
    "Ctrl-C prints the figures of the lines judged so far (exit code 130).", NULL};

static const verb_example examples[] = {
    {"dlx eval models/demo held-out.jsonl --limit 100", "a first impression"},
    {"dlx eval models/demo held-out.jsonl --threshold 0.8 --json -o lines.jsonl",
     "all figures, and each line's own result"},
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
