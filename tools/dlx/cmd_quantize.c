/* cmd_quantize.c - dlx quantize: a model of smaller types, and what that costs. */
#include "bytes.h"
#include "interrupt.h"
#include "machine_flags.h"
#include "out.h"
#include "outputs.h"
#include "progress.h"
#include "quant_report.h"
#include "save.h"
#include "say.h"
#include "sys.h"
#include "verbs.h"

#include <dlx/quant.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *type, *scheme, *method, *observer, *calibrate, *observations, *held_out, *html,
        *scales;
    opt_count group, texts, positions, seed, threads, answers;
    opt_texts keep, observed;
    bool per_channel, all, raw, report, json, quiet;
} settings;

#define AT(field) offsetof(settings, field)

static const char *const *type_names(void)
{
    static const char *const names[] = {"q8_0", "q4_0",  "q4_1", "q5_0", "q5_1", "q4_k", "q5_k",
                                        "q6_k", "mixed", "f16",  "bf16", "f32",  NULL};
    return names;
}

static const char *const *scheme_names(void)
{
    static const char *const names[] = {"weight-only",    "dynamic", "dynamic-row",
                                        "dynamic-affine", "static",  "static16",
                                        "static-affine",  NULL};
    return names;
}

static const char *const *method_names(void)
{
    static const char *const names[] = {"rtn", "awq", "gptq", "awq-gptq", NULL};
    return names;
}

static const char *const *observer_names(void)
{
    static const char *const names[] = {"minmax", "moving_average", "percentile", "mse", NULL};
    return names;
}

static const char *const *scales_names(void)
{
    static const char *const names[] = {"own", "portable", NULL};
    return names;
}

static const opt type_rows[] = {
    {"type", OPT_CHOICE, AT(type), "TYPE", .help = "of the matrices; mixed: q4_k, some q6_k",
     .fallback = "q8_0", .choices = type_names},
    {"scheme", OPT_CHOICE, AT(scheme), "NAME", .help = "how rows are rounded where it runs",
     .fallback = "dynamic", .choices = scheme_names},
    {"method", OPT_CHOICE, AT(method), "NAME", .help = "how weights are rounded; listed below",
     .fallback = "rtn", .choices = method_names},
    {"group", OPT_COUNT, AT(group), "N", .help = "inputs that share a scale: 32, 64, 128, 256",
     .fallback = "32", .lo = 32, .hi = 256},
    {"per-channel", OPT_FLAG, AT(per_channel), .help = "one scale for each output"},
    {"scales", OPT_CHOICE, AT(scales), "NAME",
     .help = "portable: q4_0 that int4 programs hold exactly", .fallback = "own",
     .choices = scales_names},
    {"all", OPT_FLAG, AT(all), .help = "embedding and head get the type too, else q8_0"},
    {"keep", OPT_TEXTS, AT(keep), "PATTERN=TYPE", .help = "another type for tensors of such names"},
};

static const opt calibration_rows[] = {
    {"calibrate", OPT_FILE, AT(calibrate), "FILE",
     .help = "texts: plain, or .jsonl of prompt and answer", .fallback = "none"},
    {"raw", OPT_FLAG, AT(raw), .help = "give prompts as they are, without the chat template"},
    {"texts", OPT_COUNT, AT(texts), "N", .help = "texts of the file to use", .fallback = "128",
     .lo = 1, .hi = 1u << 20},
    {"positions", OPT_COUNT, AT(positions), "N", .help = "tokens of a text to use",
     .fallback = "256", .lo = 1, .hi = 1u << 16},
    {"seed", OPT_COUNT, AT(seed), "N", .help = "of the masks", .fallback = "0", .lo = 0,
     .hi = UINT64_MAX},
    {"observer", OPT_CHOICE, AT(observer), "NAME",
     .help = "of static schemes; with --observed, its own", .fallback = "mse",
     .choices = observer_names},
    {"observations", OPT_FILE, AT(observations), "FILE",
     .help = "write what the observers saw, as JSON", .fallback = "none"},
    {"observed", OPT_TEXTS, AT(observed), "FILE",
     .help = "merge what another run wrote; may be given again"},
};

static const opt output_rows[] = {
    {"report", OPT_FLAG, AT(report), .help = "compare the result with the model"},
    {"held-out", OPT_FILE, AT(held_out), "FILE", .help = "texts for the report",
     .fallback = "those of --calibrate"},
    {"answers", OPT_COUNT, AT(answers), "N", .help = "prompts that both answer for the report",
     .fallback = "32", .lo = 1, .hi = 1u << 20},
    {"html", OPT_FILE, AT(html), "FILE", .help = "write the report as a page with plots",
     .fallback = "none"},
    OPT_JSON_ROW(settings),
    {"quiet", OPT_FLAG, AT(quiet), .help = "no progress on standard error", .letter = 'q'},
    {"threads", OPT_COUNT, AT(threads), "N", .help = "threads to compute with",
     .fallback = "the fast cores", .lo = 1, .hi = 1024},
};

static const opt_table tables[] = {
    OPT_TABLE("Types", type_rows),
    OPT_TABLE("Calibration", calibration_rows),
    OPT_TABLE("Output", output_rows),
};

/* Is there to be a report that compares? */
static bool is_wanted(const settings *s)
{
    return s->report || s->html;
}

/* ---- progress ------------------------------------------------------------------------------ */

typedef struct watcher {
    progress bar;
    const char *what;
} watcher;

static bool on_progress(void *user, double done, double seconds_left)
{
    watcher *w = user;
    (void)seconds_left; /* the bar has its own estimate */
    progress_show_part(&w->bar, w->what, done);
    return !interrupted() && !out_failed();
}

/* ---- the work ------------------------------------------------------------------------------ */

static dlx_result quantize(const settings *s, const dlx_model *model, const char *path,
                           json_t **report, dlx_error *err)
{
    watcher w = {.what = "quantizing"};
    const dlx_quantize_opts opts = {
        .size = sizeof opts,
        .type = s->type,
        .scheme = s->scheme,
        .method = s->method,
        .group = s->group.given && s->group.value != 32 ? (size_t)s->group.value : 0,
        .per_channel = s->per_channel,
        .scales = s->scales,
        .all = s->all,
        .keep = s->keep.items,
        .n_keep = s->keep.n,
        .calibrate = s->calibrate,
        .raw = s->raw,
        .n_texts = (size_t)s->texts.value,
        .n_positions = (size_t)s->positions.value,
        .seed = s->seed.value,
        .observer = s->observer,
        .observed = s->observed.items,
        .n_observed = s->observed.n,
        .observations = s->observations,
        .n_threads = (int)s->threads.value,
        .on_progress = on_progress,
        .user = &w};
    char *text = NULL;
    progress_start(&w.bar, s->quiet);
    const dlx_result r = dlx_quantize(model, path, &opts, &text, err);
    progress_end(&w.bar);
    *report = text ? json_loads(text, 0, NULL) : NULL;
    dlx_free(model, text);
    return r;
}

/* What the result says beside the model, into report["compared"]. */
static dlx_result compare(const settings *s, const dlx_model *model, const char *path,
                          json_t *report, dlx_error *err)
{
    watcher w = {.what = "comparing"};
    const dlx_compare_opts opts = {.size = sizeof opts,
                                   .texts = s->held_out ? s->held_out : s->calibrate,
                                   .raw = s->raw,
                                   .n_texts = (size_t)s->texts.value,
                                   .n_positions = (size_t)s->positions.value,
                                   .seed = s->seed.value + 1,
                                   .n_answers = (size_t)s->answers.value,
                                   .n_threads = (int)s->threads.value,
                                   .on_progress = on_progress,
                                   .user = &w};
    dlx_model *other;
    char *text = NULL;
    dlx_result r = dlx_model_open(&other, path, NULL, err);
    if (r != DLX_OK)
        return r;
    progress_start(&w.bar, s->quiet);
    r = dlx_compare_models(model, other, &opts, &text, err);
    progress_end(&w.bar);
    if (r == DLX_OK)
        json_object_set_new(report, "compared", json_loads(text, 0, NULL));
    dlx_free(model, text);
    dlx_model_free(other);
    return r;
}

static int finish(const settings *s, json_t *report, save *page)
{
    if (page->file) {
        quant_report_html(page->file, report);
        if (!save_commit(page))
            return EXIT_FAILED;
    }
    if (s->json)
        out_json(json_incref(report));
    else
        quant_report_print(report);
    return out_failed() ? EXIT_FAILED : EXIT_OK;
}

static int work(const settings *s, const opt_args *args, save *page)
{
    dlx_model *model = NULL;
    json_t *report = NULL;
    dlx_error err;
    int code = open_model(&model, args->items[0], DLX_LOAD_ALL);
    if (code == EXIT_OK) {
        dlx_result r = quantize(s, model, args->items[1], &report, &err);
        const bool written = r == DLX_OK;
        if (written && is_wanted(s))
            r = compare(s, model, args->items[1], report, &err);
        if (written && r != DLX_OK)
            say("%s is written; comparing it with the model %s", show_path(args->items[1]).text,
                r == DLX_CANCELLED ? "was interrupted" : "failed");
        if (r == DLX_CANCELLED && interrupted())
            code = interrupt_exit_code();
        else if (r != DLX_OK)
            code = say_failed("%s", err.text);
        else
            code = finish(s, report, page);
    }
    json_decref(report);
    dlx_model_free(model);
    return code;
}

static int check_files(const settings *s, const char *model, const char *path)
{
    const verb_input inputs[] = {
        {"MODEL", model}, {"--calibrate", s->calibrate}, {"--held-out", s->held_out}};
    const verb_output outputs[] = {
        {.name = "OUT", .path = path, .mark = "GGUF", .kind = "a GGUF file"},
        {.name = "--html",
         .path = s->html,
         .mark = "<!doctype html>",
         .kind = "a page of this kind",
         .streams = true},
        {.name = "--observations",
         .path = s->observations,
         .mark = "{\"format\": \"dlx-observers\"",
         .kind = "a file of observations"}};
    if (is_wanted(s) && sys_kind_of(path) == SYS_OTHER)
        return say_misuse("quantize", "a report reads OUT again: write to a file");
    return check_outputs("quantize", inputs, sizeof inputs / sizeof *inputs, outputs,
                         sizeof outputs / sizeof *outputs);
}

/* Texts for the report, found missing before the work is done and not behind it. */
static int check_report(const settings *s)
{
    if (!is_wanted(s) && (s->held_out || s->answers.given))
        return say_misuse("quantize", "%s is for the report: add --report or --html FILE",
                          s->held_out ? "--held-out" : "--answers");
    if (is_wanted(s) && !s->held_out && !s->calibrate)
        return say_misuse("quantize", "a report needs texts: name them with --held-out FILE");
    const sys_kind kind = s->held_out ? sys_kind_of(s->held_out) : SYS_FILE;
    if (kind == SYS_ABSENT || kind == SYS_FOLDER)
        return say_failed("%s: expected a file of texts for the report, found %s", s->held_out,
                          kind == SYS_FOLDER ? "a folder" : "none");
    if (is_wanted(s) && !s->held_out && sys_kind_of(s->calibrate) == SYS_OTHER)
        return say_misuse("quantize",
                          "a report reads the texts of --calibrate again: write them to "
                          "a file, or name others with --held-out");
    return EXIT_OK;
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    save page = {0};
    int checked = check_files(s, args->items[0], args->items[1]);
    if (checked == EXIT_OK)
        checked = check_report(s);
    if (checked != EXIT_OK)
        return checked;
    if (!out_ready())
        return EXIT_FAILED;
    interrupt_begin(NULL);
    int code = s->html && !save_open(&page, s->html) ? EXIT_FAILED : work(s, args, &page);
    save_discard(&page);
    interrupt_end();
    return code;
}

static const verb_arg arguments[] = {
    WEIGHTS_ARG,
    {"OUT", ARG_FILE, false, "the .gguf file to write"},
};

static const char *const about[] = {
    "Writes MODEL in smaller types to a GGUF file, with its tokenizer and chat template: dlx runs "
    "it, and llama.cpp does where it knows the family. The model is read and rounded a layer at a "
    "time; memory for one layer is enough, whatever its size.",
    "Methods: rtn rounds each weight to the nearest level, as llama.cpp does, in seconds. awq "
    "scales features by their magnitudes first; gptq hands each weight's error on to those that "
    "are still to be rounded; awq-gptq does both. These three need --calibrate with some texts "
    "like those that the model will meet, and take minutes; at four bits they are several times "
    "closer to the model.",
    "Schemes: weight-only multiplies floats; dynamic rounds rows to int8 as they come, 128 numbers "
    "to a scale, dynamic-row all of a row, dynamic-affine with a zero point, as phones run int8 "
    "and int4 programs of dlx export; static and static16 use ranges that calibration "
    "records, static-affine rounds what products write too, as phones run static programs.",
    NULL};

static const verb_example examples[] = {
    {"dlx quantize path/to/model model-q8.gguf", "eight bits, at once"},
    {"dlx quantize path/to/model model-q4.gguf --type q4_0 --method gptq --calibrate texts.jsonl "
     "--report",
     "four bits, and how far from the model they are"},
    {"dlx quantize path/to/model model-q8.gguf --scheme static --calibrate part2.jsonl --observed "
     "part1.json",
     "ranges of this run's texts and of another run's, which wrote them with --observations"},
};

const verb verb_quantize = {.name = "quantize",
                            .summary = "write a model in smaller types to a GGUF file",
                            .about = about,
                            .args = arguments,
                            .n_args = 2,
                            .tables = tables,
                            .n_tables = sizeof tables / sizeof *tables,
                            .examples = examples,
                            .n_examples = sizeof examples / sizeof *examples,
                            .settings_bytes = sizeof(settings),
                            .run = run};
