/* cmd_export.c - dlx export: a model as a program for another runtime. */
#include "bytes.h"
#include "interrupt.h"
#include "machine_flags.h"
#include "out.h"
#include "outputs.h"
#include "progress.h"
#include "say.h"
#include "verbs.h"

#include <dlx/export.h>
#include <jansson.h>

typedef struct settings {
    const char *backend, *dtype, *cache, *data, *config;
    opt_count ctx, rows;
    bool json, quiet;
} settings;

#define AT(field) offsetof(settings, field)

static const char *const *backend_names(void)
{
    static const char *const names[] = {"xnnpack", NULL};
    return names;
}

static const char *const *dtype_names(void)
{
    static const char *const names[] = {"fp32", "fp16", "int8", "int4", NULL};
    return names;
}

static const char *const *cache_names(void)
{
    static const char *const names[] = {"state", "io", "none", NULL};
    return names;
}

static const opt program_rows[] = {
    {"backend", OPT_CHOICE, AT(backend), "NAME", .help = "whose program it is",
     .fallback = "xnnpack", .choices = backend_names},
    {"dtype", OPT_CHOICE, AT(dtype), "TYPE", .help = "of the weights; listed below",
     .fallback = "fp32", .choices = dtype_names},
    {"cache", OPT_CHOICE, AT(cache), "FORM", .help = "where keys and values are; listed below",
     .fallback = "by family", .choices = cache_names},
    {"ctx", OPT_COUNT, AT(ctx), "N", .help = "positions", .fallback = "2048", .lo = 1,
     .hi = 1u << 24},
    {"rows", OPT_COUNT, AT(rows), "N", .help = "of a pass at most", .fallback = "32 or a block",
     .lo = 1, .hi = 1u << 24},
    {"data", OPT_FILE, AT(data), "FILE", .help = "put the weights into a .ptd file",
     .fallback = "one file"},
    {"config", OPT_FILE, AT(config), "FILE", .help = "settings as JSON; options here win",
     .fallback = "none"},
};

static const opt output_rows[] = {
    OPT_JSON_ROW(settings),
    {"quiet", OPT_FLAG, AT(quiet), .help = "no progress on standard error", .letter = 'q'},
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

static double number(const json_t *report, const char *key)
{
    return json_number_value(json_object_get(report, key));
}

static const char *text(const json_t *report, const char *key)
{
    const char *s = json_string_value(json_object_get(report, key));
    return s ? s : "";
}

static void print(const json_t *report)
{
    const double all = number(report, "bytes") + number(report, "data_bytes");
    out_printf("%s: %.2f MiB, %.3f of its weights, in %.1f s (%s, %s, cache %s)\n",
               show_path(text(report, "path")).text, all / (1 << 20),
               all / number(report, "weight_bytes"), number(report, "seconds"),
               text(report, "backend"), text(report, "dtype"), text(report, "cache"));
    if (number(report, "fallbacks") > 0)
        out_printf("  %.0f matrices whose rows are no whole groups of 32 are int8\n",
                   number(report, "fallbacks"));
    out_printf("  %.0f positions, %.0f rows a pass\n", number(report, "n_ctx"),
               number(report, "n_rows"));
}

static int export_it(const settings *s, const dlx_model *model, const char *path)
{
    progress bar;
    char *found = NULL;
    dlx_error err;
    const dlx_export_opts opts = {.size = sizeof opts,
                                  .backend = s->backend,
                                  .dtype = s->dtype,
                                  .cache = s->cache,
                                  .n_ctx = (size_t)s->ctx.value,
                                  .n_rows = (size_t)s->rows.value,
                                  .data_path = s->data,
                                  .on_progress = on_progress,
                                  .user = &bar,
                                  .config = s->config};
    progress_start(&bar, s->quiet);
    const dlx_result r = dlx_export(model, path, &opts, &found, &err);
    progress_end(&bar);
    if (r == DLX_CANCELLED && interrupted())
        return interrupt_exit_code();
    if (r != DLX_OK)
        return say_failed("%s", err.text);
    json_t *report = json_loads(found, 0, NULL);
    dlx_free(model, found);
    if (s->json)
        out_json(json_incref(report));
    else
        print(report);
    json_decref(report);
    return out_failed() ? EXIT_FAILED : EXIT_OK;
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    dlx_model *model = NULL;
    const char *path = args->items[1];
    const verb_input input = {"MODEL", args->items[0]};
    const verb_output outputs[] = {{"OUT", path, "ET12", 4, "a .pte file"},
                                   {"--data", s->data, "FT01", 4, "a .ptd file"}};
    const int checked = check_outputs("export", &input, 1, outputs, 2);
    if (checked != EXIT_OK)
        return checked;
    if (!out_ready())
        return EXIT_FAILED;
    interrupt_begin(NULL);
    int code = open_model(&model, args->items[0], DLX_LOAD_ALL);
    if (code == EXIT_OK)
        code = export_it(s, model, path);
    dlx_model_free(model);
    interrupt_end();
    return code;
}

static const verb_arg arguments[] = {
    MODEL_ARG,
    {"OUT", ARG_FILE, false, "the program to write: a .pte file"},
};

static const char *const about[] = {
    "Writes MODEL as a program for another runtime. xnnpack: an ExecuTorch program (.pte) with one "
    "XNNPACK delegate, which the stock runtimes of Android, iOS, Linux, macOS and Windows load; "
    "its tokenizer and chat template are inside for dlx.",
    "Types: fp32; fp16, multiplied as float32; int8, a scale for each output, rows rounded as they "
    "come; int4, a scale for 32 inputs, the head int8. Quantize with calibration first (dlx "
    "quantize --method gptq), then export the GGUF file.",
    "Keys and values: state, kept in the program, as stock text runners call it; io, inputs and "
    "outputs of each pass; none, a whole canvas at a time, for families that see all of it.",
    NULL};

static const verb_example examples[] = {
    {"dlx export path/to/model model.pte --dtype int4", "for a phone"},
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
