/* cmd_export.c - dlx export: a model as a program for another runtime. */
#include "export_report.h"
#include "interrupt.h"
#include "machine_flags.h"
#include "out.h"
#include "outputs.h"
#include "package_print.h"
#include "program_print.h"
#include "progress.h"
#include "say.h"
#include "sys.h"
#include "tamed.h"
#include "verbs.h"

#include <ctype.h>
#include <dlx/export.h>
#include <dlx/tools.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *backend, *dtype, *scheme, *profile, *soc, *target, *unit, *cache, *canvas, *data,
        *config, *stage;
    count_list canvases; /* of `canvas` */
    opt_count ctx, rows, block, threads;
    bool no_denoise, compile, json, quiet, report;
} settings;

#define AT(field) offsetof(settings, field)

static const char *const *backend_names(void)
{
    static const char *const names[] = {"xnnpack", "qnn", "coreml", NULL};
    return names;
}

static const char *const *dtype_names(void)
{
    static const char *const names[] = {"fp32", "fp16", "int8", "int4", NULL};
    return names;
}

static const char *const *scheme_names(void)
{
    static const char *const names[] = {"weight-only", "dynamic", "static", NULL};
    return names;
}

static const char *const *cache_names(void)
{
    static const char *const names[] = {"state", "io", "none", "compat", NULL};
    return names;
}

static const char *const *stage_names(void)
{
    static const char *const names[] = {"program", "rounded", "graph", NULL};
    return names;
}

static const char *const *profile_names(void)
{
    static const char *const names[] = {"nb4", "f16", "f32", "a16w8", "a16lpbq", NULL};
    return names;
}

static const char *const *soc_names(void)
{
    static const char *const names[] = {"SM8450", "SXR2230P", "SM8550", "SC8380XP",
                                        "SM8650", "SM8750",   "SM8850", NULL};
    return names;
}

static const char *const *target_names(void)
{
    static const char *const names[] = {"ios18", "macos15", "ios26", "macos26", NULL};
    return names;
}

static const char *const *unit_names(void)
{
    static const char *const names[] = {"all", "cpu-only", "cpu-and-gpu", "cpu-and-ne", NULL};
    return names;
}

static const opt program_rows[] = {
    {"backend", OPT_CHOICE, AT(backend), "NAME", .help = "whose program it is",
     .fallback = "xnnpack", .choices = backend_names},
    {"dtype", OPT_CHOICE, AT(dtype), "TYPE", .help = "of the weights; listed below",
     .fallback = "fp32; qnn int4; coreml fp16", .choices = dtype_names},
    {"scheme", OPT_CHOICE, AT(scheme), "NAME", .help = "how rows are rounded; listed below",
     .fallback = "by type", .choices = scheme_names},
    {"cache", OPT_CHOICE, AT(cache), "FORM", .help = "where keys and values are; listed below",
     .fallback = "by family", .choices = cache_names},
    {"profile", OPT_CHOICE, AT(profile), "NAME", .help = "of qnn: dtype and scheme in one",
     .fallback = "nb4", .choices = profile_names},
    {"soc", OPT_CHOICE, AT(soc), "CHIP", .help = "of qnn: which it is meant for",
     .choices = soc_names, .unlisted = "SM8350"},
    {"compile", OPT_FLAG, AT(compile), .help = "of qnn: make it ready for --soc, where that goes"},
    {"canvas", OPT_TEXT, AT(canvas), "N,N", .help = "of qnn, coreml: lengths of a whole canvas",
     .fallback = "--rows"},
    {"target", OPT_CHOICE, AT(target), "SYSTEM", .help = "of coreml: the oldest it is for",
     .fallback = "ios18", .choices = target_names},
    {"compute-unit", OPT_CHOICE, AT(unit), "UNITS", .help = "of coreml: what computes",
     .fallback = "all", .choices = unit_names},
    {"ctx", OPT_COUNT, AT(ctx), "N", .help = "positions", .fallback = "2048", .lo = 1,
     .hi = 1u << 24},
    {"rows", OPT_COUNT, AT(rows), "N", .help = "of a pass at most; not with --canvas",
     .fallback = "32 or a block", .lo = 1, .hi = 1u << 24},
    {"block-length", OPT_COUNT, AT(block), "B", .help = "that it is decoded in",
     .fallback = "the model's", .lo = 1, .hi = 1u << 16},
    {"no-denoise", OPT_FLAG, AT(no_denoise),
     .help = "without the method denoise; compat never has it"},
    {"data", OPT_FILE, AT(data), "FILE",
     .help = "weights into a .ptd file; beside OUT, of its name", .fallback = "one file"},
    {"config", OPT_FILE, AT(config), "FILE", .help = "settings as JSON; options here win",
     .fallback = "none"},
    {"stage", OPT_CHOICE, AT(stage), "STAGE", .help = "how far to go; listed below",
     .fallback = "program", .choices = stage_names},
};

static const opt output_rows[] = {
    OPT_JSON_ROW(settings),
    {"report", OPT_FLAG, AT(report),
     .help = "bytes by part, memory where it runs, methods, operators, delegates"},
    {"quiet", OPT_FLAG, AT(quiet), .help = "no progress on standard error", .letter = 'q'},
    {"threads", OPT_COUNT, AT(threads), "N", .help = "threads to pack weights with",
     .fallback = "the fast cores", .lo = 1, .hi = 1024},
};

static const opt_table tables[] = {
    OPT_TABLE("Program", program_rows),
    OPT_TABLE("Output", output_rows),
};

static bool on_progress(void *user, double done, double seconds_left)
{
    (void)seconds_left; /* the bar has its own estimate */
    progress_show_part(user, "exporting", done);
    return !interrupted() && !out_failed();
}

static bool is_stage(const settings *s, const char *name)
{
    return s->stage && strcmp(s->stage, name) == 0;
}

static dlx_export_opts options(const settings *s)
{
    return (dlx_export_opts){.size = sizeof(dlx_export_opts),
                             .backend = s->backend,
                             .dtype = s->dtype,
                             .scheme = s->scheme,
                             .cache = s->cache,
                             .profile = s->profile,
                             .soc = s->soc,
                             .target = s->target,
                             .compute_unit = s->unit,
                             .compile = s->compile,
                             .canvases = s->canvases.items,
                             .n_canvases = s->canvases.n,
                             .n_ctx = (size_t)s->ctx.value,
                             .n_rows = (size_t)s->rows.value,
                             .block_length = (size_t)s->block.value,
                             .data_path = s->data,
                             .config = s->config,
                             .no_denoise = s->no_denoise,
                             .n_threads = (int)s->threads.value};
}

/* What is in the program is read back from it: the same check as everybody's programs get. */
static int print_program(const settings *s, const json_t *report)
{
    char *text;
    dlx_error err;
    const char *path = json_string_value(json_object_get(report, "path"));
    const dlx_program_opts opts = {.size = sizeof opts, .data_path = s->data};
    if (dlx_inspect_program(path, &opts, &text, &err) != DLX_OK)
        return say_failed("%s", err.text);
    json_t *program = json_loads(text, 0, NULL);
    json_t *found = program ? tamed(program) : NULL;
    dlx_free(NULL, text);
    json_decref(program);
    if (!found)
        return say_failed("out of memory while printing a report");
    out_text("\n");
    if (strcmp(json_string_value(json_object_get(found, "format")), "mlpackage") == 0)
        package_print(found);
    else
        program_print(found);
    json_decref(found);
    return EXIT_OK;
}

static int tell(const settings *s, json_t *report)
{
    if (s->json) {
        out_json(json_incref(report));
        return out_failed() ? EXIT_FAILED : EXIT_OK;
    }
    if (is_stage(s, "rounded"))
        export_print_weights(report);
    else
        export_print(report);
    if (s->report)
        export_print_parts(report);
    const int code = s->report ? print_program(s, report) : EXIT_OK;
    return out_failed() ? EXIT_FAILED : code;
}

static int export_it(const settings *s, const dlx_model *model, const char *path)
{
    progress bar;
    char *found = NULL;
    dlx_error err;
    dlx_export_opts opts = options(s);
    opts.on_progress = on_progress;
    opts.user = &bar;
    progress_start(&bar, s->quiet);
    const dlx_result r = is_stage(s, "rounded")
                             ? dlx_export_weights(model, path, &opts, &found, &err)
                             : dlx_export(model, path, &opts, &found, &err);
    progress_end(&bar);
    if (r == DLX_CANCELLED && interrupted())
        return interrupt_exit_code();
    if (r != DLX_OK)
        return say_failed("%s", err.text);
    json_t *report = json_loads(found, 0, NULL);
    dlx_free(model, found);
    const int code = tell(s, report);
    json_decref(report);
    return code;
}

static int print_graph(const settings *s, const dlx_model *model)
{
    char *text;
    dlx_error err;
    const dlx_export_opts opts = options(s);
    if (dlx_export_graph(model, &opts, &text, &err) != DLX_OK)
        return say_failed("%s", err.text);
    out_text(text);
    dlx_free(model, text);
    return out_failed() ? EXIT_FAILED : EXIT_OK;
}

/* Which options do not go with the stage. */
static int check_stage(const settings *s, const char *path)
{
    if (is_stage(s, "rounded") && s->report)
        return say_misuse("export", "--report is of programs: leave it out with --stage rounded");
    if (is_stage(s, "graph") && (path || s->data || s->json || s->report))
        return say_misuse(
            "export", "--stage graph prints lines: leave OUT, --data, --json and --report away");
    if (path && s->report && sys_is_null(path))
        return say_misuse("export", "--report reads OUT again: write to a file");
    return EXIT_OK;
}

static int say_missing(const settings *s)
{
    return say_misuse("export", is_stage(s, "rounded")
                                    ? "OUT is missing: the file of weights to write, a .gguf file"
                                    : "OUT is missing: the program to write, a .pte file, of qnn "
                                      "a folder, of coreml an .mlpackage; or output_path in the "
                                      "settings of --config");
}

/* OUT, or the output_path of the settings, which then is `owned`; NULL of a graph. */
static int find_out(const settings *s, const opt_args *args, const char **path, char **owned)
{
    dlx_error err;
    *path = args->items[1];
    if (*path || is_stage(s, "graph"))
        return EXIT_OK;
    if (!s->config)
        return say_missing(s);
    if (sys_kind_of(s->config) == SYS_OTHER)
        return say_misuse("export",
                          "OUT is missing, and --config is no file that can be read twice: name "
                          "OUT");
    if (dlx_export_path(s->config, owned, &err) != DLX_OK)
        return say_failed("%s", err.text);
    *path = *owned;
    return *path ? EXIT_OK : say_missing(s);
}

/* The settings of a file that can be read again; NULL: of others the library tells what is wrong.
 */
static json_t *peek(const settings *s)
{
    return s->config && sys_kind_of(s->config) == SYS_FILE
               ? json_load_file(s->config, JSON_REJECT_DUPLICATES, NULL)
               : NULL;
}

static bool is_named(const char *name, const char *backend)
{
    size_t i = 0;
    while (name && backend[i] && backend[i] == tolower((unsigned char)name[i]))
        i++;
    return name && name[i] == backend[i];
}

/* What is written has a place. */
static int check_places(const settings *s, const opt_args *args, const char *path,
                        const json_t *config)
{
    const bool unread = !s->backend && s->config && !config;
    const char *backend =
        s->backend ? s->backend : json_string_value(json_object_get(config, "backend"));
    const char *name = args->items[1] ? "OUT" : "output_path of --config";
    const verb_input inputs[] = {{"MODEL", args->items[0]}, {"--config", s->config}};
    const verb_output weights = {
        .name = name, .path = path, .mark = "GGUF", .kind = "a GGUF file", .ending = ".gguf"};
    const verb_output program = {.name = name,
                                 .path = path,
                                 .mark = "ET12",
                                 .at = 4,
                                 .kind = "a .pte file",
                                 .ending = ".pte"};
    const verb_output folder = {
        .name = name, .path = path, .kind = "a program for qnn", .folder = true};
    const verb_output package = {.name = name,
                                 .path = path,
                                 .kind = "a Core ML package",
                                 .ending = ".mlpackage",
                                 .folder = true};
    const verb_output either = {.name = name, .path = path, .folder = true};
    const verb_output outputs[] = {is_stage(s, "rounded")        ? weights
                                   : unread                      ? either
                                   : is_named(backend, "qnn")    ? folder
                                   : is_named(backend, "coreml") ? package
                                                                 : program,
                                   {.name = "--data",
                                    .path = s->data,
                                    .mark = "FT01",
                                    .at = 4,
                                    .kind = "a .ptd file",
                                    .ending = ".ptd"}};
    return check_outputs("export", inputs, 2, outputs, 2);
}

static int write_out(const settings *s, const opt_args *args, const char *path)
{
    dlx_model *model = NULL;
    const bool graph = is_stage(s, "graph");
    interrupt_begin(NULL);
    int code = open_model(&model, args->items[0], graph ? DLX_LOAD_SHAPES : DLX_LOAD_ALL);
    if (code == EXIT_OK)
        code = graph ? print_graph(s, model) : export_it(s, model, path);
    dlx_model_free(model);
    interrupt_end();
    return code;
}

static int read_canvases(settings *s)
{
    bytes why = {0};
    int code = EXIT_OK;
    if (s->canvas && !parse_counts(s->canvas, 1, 1u << 24, &s->canvases, &why))
        code = say_misuse("export", "--canvas: %s", bytes_string(&why));
    bytes_release(&why);
    return code;
}

static int run_with(const settings *s, const opt_args *args)
{
    const char *path;
    char *owned = NULL;
    json_t *config = peek(s);
    int code = find_out(s, args, &path, &owned);
    if (code == EXIT_OK)
        code = check_stage(s, path);
    if (code == EXIT_OK)
        code = check_places(s, args, path, config);
    if (code == EXIT_OK && !out_ready())
        code = EXIT_FAILED;
    if (code == EXIT_OK)
        code = write_out(s, args, path);
    json_decref(config);
    dlx_free(NULL, owned);
    return code;
}

static int run(const void *of_verb, const opt_args *args)
{
    settings s = *(const settings *)of_verb;
    int code = read_canvases(&s);
    if (code == EXIT_OK)
        code = run_with(&s, args);
    free(s.canvases.items);
    return code;
}

static const verb_arg arguments[] = {
    WEIGHTS_ARG,
    {"OUT", ARG_FILE, true,
     "a .pte file, of qnn a folder, of coreml an .mlpackage, rounded a .gguf; else by --config"},
};

static const char *const about[] = {
    "Writes MODEL as a program for another runtime. xnnpack: an ExecuTorch program (.pte) with one "
    "XNNPACK delegate, which the stock runtimes of Android, iOS, Linux, macOS and Windows load. "
    "qnn: a folder of ONNX graphs of fixed shapes over one file of weights, for Qualcomm's NPU "
    "through ONNX Runtime. coreml: a Core ML package (.mlpackage) of functions over one file of "
    "weights, for iPhones, iPads and Macs. Tokenizer and chat template are inside for dlx.",
    "Types: fp32; fp16, multiplied as float32; int8, a scale for each output, rows rounded as they "
    "come; int4, a scale for 32 inputs, the head int8. Quantize with calibration first (dlx "
    "quantize --type q4_0 --scales portable --method gptq), then export the GGUF file, whose "
    "weights int4 takes as they are.",
    "Profiles of qnn: nb4, int4 whose rows stay floats, q4_0 without loss; f16 and f32, of "
    "weights, "
    "for the NPU computes in fp16; a16w8 and a16lpbq, int8 and int4 weights (LPBQ) and 16-bit rows "
    "by "
    "ranges that dlx quantize --scheme static --calibrate recorded. Head and embedding are fp16 "
    "beside all but f32. A graph "
    "has fixed shapes: denoise takes a block, prefill --rows, denoise_N a canvas of N.",
    "Types of coreml: fp16, what Core ML computes in; int8, a scale for each output; int4, a scale "
    "for 32 inputs, head and embedding int8, q4_0 without loss. Rows stay fp16. Shapes are fixed "
    "as with qnn. --target is the oldest system, iOS 18 or macOS 15 at least; --compute-unit is "
    "what loaders read from the package.",
    "Schemes: dynamic, rows rounded as they come, of int8 and int4; static, of int8: rows and "
    "results of products are int8 by ranges that dlx quantize --scheme static --calibrate recorded "
    "in MODEL, the head dynamic all the same; weight-only, of fp32, fp16 and int8: rows as they "
    "are.",
    "Keys and values: state, kept in the program, as stock text runners call it; io, inputs and "
    "outputs of each pass; none, a whole canvas at a time, for families that see all of it; "
    "compat, the six inputs of fixed sizes that runners of the Python DiffuLex Edge expect, and "
    "forward alone.",
    "Methods: forward gives the logits of all rows; denoise, of chosen rows, the best id, its "
    "logit and the log-sum-exp, so that no logits are copied. With _masked behind the name they "
    "take a mask, for rows of several blocks.",
    "Stages: program writes OUT; rounded writes the program's weights as float32 into a GGUF file, "
    "which says how its rows are rounded, so that dlx eval tells here what a phone's file is "
    "worth; graph prints what would be written, node by node, and needs no "
    "weights.",
    "OUT appears when it is whole. Ctrl-C stops and leaves nothing; a second one ends at once, and "
    "may leave a file or folder beside OUT whose name ends in .part.",
    NULL};

static const verb_example examples[] = {
    {"dlx export path/to/model model.pte --dtype int4", "for a phone"},
    {"dlx export ranged.gguf model.pte --dtype int8 --scheme static",
     "int8 throughout, by the ranges of ranged.gguf"},
    {"dlx export path/to/model phone --backend qnn --soc SM8650", "for Qualcomm's NPU"},
    {"dlx export path/to/model model.mlpackage --backend coreml --dtype int4", "for an iPhone"},
    {"dlx export path/to/model same.gguf --dtype int4 --stage rounded",
     "its weights, for dlx eval same.gguf TASK"},
};

const verb verb_export = {.name = "export",
                          .summary = "write a model as a program for phones",
                          .about = about,
                          .args = arguments,
                          .n_args = 2,
                          .tables = tables,
                          .n_tables = sizeof tables / sizeof *tables,
                          .examples = examples,
                          .n_examples = sizeof examples / sizeof *examples,
                          .settings_bytes = sizeof(settings),
                          .run = run};
