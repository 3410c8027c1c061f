/* cmd_inspect.c - dlx inspect: a model in tables that people read, or as the JSON they are made
 * from. */
#include "machine_flags.h"
#include "out.h"
#include "package_print.h"
#include "program_print.h"
#include "sys.h"
#include "tamed.h"
#include "verbs.h"

#include "term.h"

#include <dlx/tools.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    opt_count ctx;
    const char *backend;
    const char *data;
    arithmetic_flags arithmetic;
    bool plan, tensors, graph, json;
} settings;

#define AT(field) offsetof(settings, field)

static const opt rows[] = {
    {"ctx", OPT_COUNT, AT(ctx), "N", .help = "positions of the memory plan",
     .fallback = "as trained, 4096 at most", .lo = 1, .hi = 1u << 26},
    {"backend", OPT_CHOICE, AT(backend), "NAME", .help = "backend of the memory plan",
     .fallback = "cpu", .choices = dlx_backend_names},
    {"plan", OPT_FLAG, AT(plan), .help = "the memory plan alone"},
    {"tensors", OPT_FLAG, AT(tensors), .help = "list every tensor; of a program, its named data"},
    {"graph", OPT_FLAG, AT(graph), .help = "print the graph, one node a line"},
    {"data", OPT_TEXT, AT(data), "FILE", .help = "the .ptd file that belongs to a .pte program",
     .fallback = "none"},
    OPT_JSON_ROW(settings),
};

static const opt_table tables[] = {OPT_TABLE("What to print", rows),
                                   ARITHMETIC_TABLE(settings, arithmetic)};

/* "1,024", "0.9", "low_confidence" or "151645 151643" */
static void value_text(const json_t *value, bytes *out)
{
    size_t i;
    json_t *item;
    if (json_is_integer(value))
        bytes_printf(out, "%lld", json_integer_value(value));
    else if (json_is_real(value))
        bytes_printf(out, "%g", json_real_value(value));
    else if (json_is_boolean(value))
        bytes_text(out, json_is_true(value) ? "yes" : "no");
    else if (json_is_string(value))
        bytes_text(out, json_string_value(value));
    else if (json_is_array(value)) {
        json_array_foreach(value, i, item)
        {
            if (i)
                bytes_text(out, " ");
            value_text(item, out);
        }
    } else
        bytes_text(out, "-");
}

static void heading(const char *text)
{
    term t = term_of(stdout);
    out_printf("\n%s%s%s\n", term_code(&t, STYLE_BOLD), text, term_code(&t, STYLE_PLAIN));
}

/* name, value, and where the value came from */
static void line(const char *name, const json_t *value, const json_t *from)
{
    bytes text = {0};
    value_text(value, &text);
    if (json_is_string(from))
        out_printf("  %-16s %-18s %s\n", name, bytes_string(&text), json_string_value(from));
    else
        out_printf("  %-16s %s\n", name, bytes_string(&text));
    bytes_release(&text);
}

static void size_line(const char *name, const json_t *value)
{
    double n = (double)json_integer_value(value);
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (n >= 1024 && unit < 4) {
        n /= 1024;
        unit++;
    }
    out_printf("  %-16s %.*f %s\n", name, unit ? 1 : 0, n, units[unit]);
}

static void print_model(const json_t *report)
{
    const char *key;
    json_t *value;
    line("model", json_object_get(report, "path"), NULL);
    line("family", json_object_get(report, "family"), NULL);
    if (json_object_get(report, "format"))
        line("format", json_object_get(report, "format"), NULL);
    if (json_object_get(report, "n_params"))
        out_printf("  %-16s %.1f million\n", "parameters",
                   (double)json_integer_value(json_object_get(report, "n_params")) / 1e6);
    heading("Shape");
    json_object_foreach(json_object_get(report, "shape"), key, value) line(key, value, NULL);
    heading("Special ids");
    json_object_foreach(json_object_get(report, "ids"), key, value)
        line(key, json_object_get(value, "value"), json_object_get(value, "from"));
}

static void print_defaults(const json_t *report)
{
    size_t i;
    json_t *item;
    heading("Defaults");
    json_array_foreach(json_object_get(report, "defaults"), i, item)
        line(json_string_value(json_object_get(item, "option")), json_object_get(item, "value"),
             json_object_get(item, "from"));
}

/* What was asked for and is not in force is told beside what is. */
static void print_arithmetic(const settings *s, const json_t *plan)
{
    const char *asked = s->arithmetic.compute;
    const json_t *compute = json_object_get(plan, "compute");
    line("weights", json_object_get(plan, "weights"), NULL);
    json_t *why = asked && strcmp(asked, json_string_value(compute)) != 0
                      ? json_string("these kernels have no instruction for bf16")
                      : NULL;
    line("compute", compute, why);
    line("kernels", json_object_get(plan, "kernels"), NULL);
    line("scheme", json_object_get(plan, "scheme"), NULL);
    line("K and V", json_object_get(plan, "kv_type"), NULL);
    json_decref(why);
}

static void print_plan(const settings *s, const json_t *plan)
{
    heading("Memory plan");
    line("backend", json_object_get(plan, "backend"), NULL);
    print_arithmetic(s, plan);
    line("context", json_object_get(plan, "n_ctx"), NULL);
    size_line("weights (file)", json_object_get(plan, "weights_bytes"));
    size_line("weights, mapped", json_object_get(plan, "mapped_bytes"));
    size_line("weights, packed", json_object_get(plan, "packed_bytes"));
    size_line("keys and values", json_object_get(plan, "kv_bytes"));
    size_line("scratch", json_object_get(plan, "scratch_bytes"));
    size_line("total", json_object_get(plan, "total_bytes"));
    size_line("a position", json_object_get(plan, "kv_bytes_per_token"));
}

static void print_tensors(const json_t *tensors)
{
    size_t i;
    json_t *tensor;
    heading("Tensors");
    json_array_foreach(tensors, i, tensor)
    {
        bytes shape = {0};
        value_text(json_object_get(tensor, "shape"), &shape);
        out_printf("  %-6s %-14s %12lld  %s\n", json_string_value(json_object_get(tensor, "type")),
                   bytes_string(&shape), json_integer_value(json_object_get(tensor, "bytes")),
                   json_string_value(json_object_get(tensor, "name")));
        bytes_release(&shape);
    }
}

static void print_phases(const json_t *phases)
{
    size_t i;
    json_t *text;
    if (json_array_size(phases))
        heading("A pass");
    json_array_foreach(phases, i, text) out_printf("  %s\n", json_string_value(text));
}

static void print(const settings *s, const json_t *report)
{
    size_t i;
    json_t *note;
    if (s->plan) {
        print_plan(s, json_object_get(report, "plan"));
        print_phases(json_object_get(json_object_get(report, "plan"), "phases"));
        return;
    }
    print_model(report);
    print_defaults(report);
    print_plan(s, json_object_get(report, "plan"));
    if (json_array_size(json_object_get(report, "notes")))
        heading("Notes");
    json_array_foreach(json_object_get(report, "notes"), i, note)
        out_printf("  %s\n", json_string_value(note));
    if (json_object_get(report, "tensors"))
        print_tensors(json_object_get(report, "tensors"));
    if (json_object_get(report, "graph")) {
        heading("Graph");
        out_text(json_string_value(json_object_get(report, "graph")));
    }
}

/* As lines; a stranger's file has strangers' names in it. */
static int print_tamed(const json_t *report)
{
    json_t *copy = tamed(report);
    if (!copy)
        return say_failed("out of memory while printing a report");
    if (strcmp(json_string_value(json_object_get(copy, "format")), "mlpackage") == 0)
        package_print(copy);
    else
        program_print(copy);
    json_decref(copy);
    return EXIT_OK;
}

/* An exported program, which is no model: it has neither plan nor graph. */
static int run_program(const settings *s, const char *path)
{
    const dlx_program_opts opts = {
        .size = sizeof opts, .data_path = s->data, .tensors = s->tensors};
    char *text = NULL;
    dlx_error err;
    if (s->plan || s->graph)
        return say_failed("%s is an exported program: --plan and --graph are for models",
                          show_path(path).text);
    if (dlx_inspect_program(path, &opts, &text, &err) != DLX_OK)
        return say_failed("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(NULL, text);
    if (!report)
        return say_failed("the library's report on %s is not JSON", show_path(path).text);
    const int code = s->json ? EXIT_OK : print_tamed(report);
    if (s->json)
        out_json(json_incref(report));
    json_decref(report);
    return code;
}

static bool ends_in(const char *path, const char *ending, sys_kind kind)
{
    size_t n = strlen(path);
    const size_t n_ending = strlen(ending);
    while (kind == SYS_FOLDER && n > 0 && path[n - 1] == '/')
        n--;
    return n > n_ending && memcmp(path + n - n_ending, ending, n_ending) == 0 &&
           sys_kind_of(path) == kind;
}

/* Of a name like that a sentence tells what is missing in it. */
static bool is_program(const char *path)
{
    return dlx_is_program(path) || ends_in(path, ".pte", SYS_FILE) ||
           ends_in(path, ".mlpackage", SYS_FOLDER);
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    dlx_model *model;
    char *text = NULL;
    dlx_error err;
    if (is_program(args->items[0]))
        return run_program(s, args->items[0]);
    if (s->data)
        return say_failed("--data: belongs to a .pte program, which %s is not",
                          show_path(args->items[0]).text);
    dlx_inspect_opts opts = {.size = sizeof opts,
                             .n_ctx = (size_t)s->ctx.value,
                             .backend = s->backend,
                             .tensors = s->tensors,
                             .graph = s->graph,
                             .weights = s->arithmetic.weights,
                             .compute = s->arithmetic.compute,
                             .kernels = s->arithmetic.kernels,
                             .scheme = s->arithmetic.scheme,
                             .kv_type = s->arithmetic.kv_type};
    int code = open_model(&model, args->items[0], DLX_LOAD_SHAPES);
    if (code != EXIT_OK)
        return code;
    if (dlx_inspect(model, &opts, &text, &err) != DLX_OK)
        code = say_failed("%s", err.text);
    json_t *report = text ? json_loads(text, 0, NULL) : NULL;
    if (code == EXIT_OK && !report)
        code = say_failed("the library's report on %s is not JSON", args->items[0]);
    if (code == EXIT_OK && s->json)
        out_json(json_incref(s->plan ? json_object_get(report, "plan") : report));
    else if (code == EXIT_OK)
        print(s, report);
    json_decref(report);
    dlx_free(model, text);
    dlx_model_free(model);
    return code;
}

static const verb_arg arguments[] = {
    {"MODEL", ARG_MODEL, false,
     "a Hugging Face directory, .gguf or .pte file, .mlpackage or folder of qnn"},
};

static const char *const about[] = {"Shows what is in a model and how it would run: shape, special "
                                    "ids and defaults, each with the place "
                                    "it came from, and the memory it takes. Reads the "
                                    "configuration and the names of the tensors; weights "
                                    "that are not there yet are no hindrance.",
                                    "Of a .pte file, any exporter's, it shows methods, inputs and "
                                    "outputs, operators, what the delegates compute, metadata and "
                                    "sizes, after checking everything that a runtime relies on. "
                                    "Of an .mlpackage, any exporter's, it shows and checks the "
                                    "same: functions, operations, weights by type. Of a folder "
                                    "of qnn it shows what its manifest says.",
                                    NULL};

static const verb_example examples[] = {
    {"dlx inspect models/demo", "everything at a glance"},
    {"dlx inspect models/demo --plan --ctx 32768", "will it fit?"},
    {"dlx inspect models/demo --json | jq .defaults", "for programs"},
    {"dlx inspect model.pte", "what an exported program holds"},
    {"dlx inspect model.mlpackage", "a Core ML package, checked"},
};

const verb verb_inspect = {.name = "inspect",
                           .summary = "what is in a model, its defaults, whether it fits",
                           .about = about,
                           .args = arguments,
                           .n_args = 1,
                           .tables = tables,
                           .n_tables = sizeof tables / sizeof *tables,
                           .examples = examples,
                           .n_examples = sizeof examples / sizeof *examples,
                           .settings_bytes = sizeof(settings),
                           .run = run};
