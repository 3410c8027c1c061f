/* program_print.c - the report on an exported program as lines. */
#include "program_print.h"

#include "out.h"
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long int_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void program_print_heading(const char *text)
{
    term t = term_of(stdout);
    out_printf("\n%s%s%s\n", term_code(&t, STYLE_BOLD), text, term_code(&t, STYLE_PLAIN));
}

/* n values alike; "up to" stands before the shapes that a call may make smaller. */
static void print_value(const char *what, const json_t *value, size_t n)
{
    size_t i;
    json_t *dim;
    const json_t *shape = json_object_get(value, "shape");
    char times[32] = "";
    if (n > 1)
        snprintf(times, sizeof times, "  x %zu", n);
    if (!shape) {
        out_printf("    %-12s %-6s %s%s\n", what, text_of(value, "kind"), text_of(value, "name"),
                   times);
        return;
    }
    out_printf("    %-12s %-6s %s[", what, text_of(value, "type"),
               json_is_true(json_object_get(value, "dynamic")) ? "up to " : "");
    json_array_foreach(shape, i, dim) out_printf("%s%lld", i ? ", " : "", json_integer_value(dim));
    const char *name = text_of(value, "name");
    out_printf("]%s%s%s\n", *name ? "  " : "", name, times);
}

void program_print_values(const char *what, const json_t *values)
{
    const size_t n = json_array_size(values);
    for (size_t i = 0, next; i < n; i = next) {
        json_t *value = json_array_get(values, i);
        for (next = i + 1; json_equal(value, json_array_get(values, next));)
            next++;
        print_value(what, value, next - i);
    }
}

static void print_delegate(const json_t *d)
{
    size_t i;
    json_t *node;
    out_printf("    %-12s %s, %lld bytes", "delegate", text_of(d, "backend"), int_of(d, "bytes"));
    if (json_object_get(d, "nodes"))
        out_printf(", inputs %lld, outputs %lld, constants %lld of %lld bytes", int_of(d, "inputs"),
                   int_of(d, "outputs"), int_of(d, "constants"), int_of(d, "constant_bytes"));
    out_text("\n");
    json_array_foreach(json_object_get(d, "nodes"), i, node)
    {
        const char *weights = text_of(node, "weights");
        out_printf("    %-12s %6lld x %s%s%s\n", "", int_of(node, "n"), text_of(node, "name"),
                   *weights ? " " : "", weights);
    }
}

static void print_method(const json_t *m)
{
    size_t i;
    json_t *item;
    out_printf("  %s (values %lld, steps %lld)\n", text_of(m, "name"), int_of(m, "values"),
               int_of(m, "steps"));
    program_print_values("input", json_object_get(m, "inputs"));
    program_print_values("output", json_object_get(m, "outputs"));
    program_print_values("state", json_object_get(m, "state"));
    json_array_foreach(json_object_get(m, "operators"), i, item) out_printf(
        "    %-12s %lld x %s\n", "operator", int_of(item, "calls"), text_of(item, "name"));
    json_array_foreach(json_object_get(m, "delegates"), i, item) print_delegate(item);
    json_array_foreach(json_object_get(m, "arenas"), i, item)
        out_printf("    arena %-6zu %lld bytes\n", i + 1, json_integer_value(item));
}

void program_print_metadata(json_t *metadata)
{
    const char *key;
    json_t *value;
    if (json_object_size(metadata))
        program_print_heading("Metadata");
    json_object_foreach(metadata, key, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        out_printf("  %-24s %s\n", key, text ? text : "");
        free(text);
    }
}

static void print_sizes(const json_t *report)
{
    const char *key;
    json_t *value;
    program_print_heading("Bytes");
    out_printf("  %-16s %14lld\n", "file", int_of(report, "file_bytes"));
    json_object_foreach(json_object_get(report, "sizes"), key, value)
        out_printf("  %-16s %14lld\n", key, json_integer_value(value));
    const json_t *data = json_object_get(report, "data");
    if (json_is_object(data))
        out_printf("  %-16s %14lld  %lld keys, %s\n", "data file", int_of(data, "bytes"),
                   int_of(data, "keys"), text_of(data, "path"));
}

/* Keys and values of all layers are alike: the first tells of them. */
static void print_ports(const char *what, const json_t *ports)
{
    const size_t n = json_array_size(ports);
    for (size_t i = 0, next; i < n; i = next) {
        json_t *port = json_array_get(ports, i);
        const bool layer = strchr(text_of(port, "name"), '0') != NULL;
        for (next = i + 1; layer && next < n; next++)
            if (!json_equal(json_object_get(port, "shape"),
                            json_object_get(json_array_get(ports, next), "shape")))
                break;
        print_value(what, port, next - i);
    }
}

/* A folder of qnn. */
static void print_folder(const json_t *report)
{
    size_t i, k;
    json_t *f, *context;
    const char *soc = text_of(report, "soc");
    out_printf("  %-16s %s\n  %-16s %s\n  %-16s %s\n", "folder", text_of(report, "path"), "family",
               text_of(report, "family"), "profile", text_of(report, "profile"));
    out_printf("  %-16s %s\n  %-16s %lld\n  %-16s %s\n", "chip", *soc ? soc : "none is named",
               "positions", int_of(report, "n_ctx"), "cache", text_of(report, "cache"));
    out_printf("  %-16s %lld bytes\n", "weights",
               int_of(json_object_get(report, "weights"), "bytes"));
    program_print_heading("Functions");
    json_array_foreach(json_object_get(report, "functions"), i, f)
    {
        out_printf("  %s (%s, rows %lld, kept %lld, of the head %lld)\n", text_of(f, "name"),
                   text_of(f, "file"), int_of(f, "rows"), int_of(f, "past"),
                   int_of(f, "head_rows"));
        print_ports("input", json_object_get(f, "inputs"));
        print_ports("output", json_object_get(f, "outputs"));
        json_array_foreach(json_object_get(f, "contexts"), k, context) out_printf(
            "    %-12s %s  %s\n", "compiled", text_of(context, "soc"), text_of(context, "file"));
    }
}

void program_print(const json_t *report)
{
    size_t i;
    json_t *item;
    if (strcmp(text_of(report, "format"), "qnn") == 0) {
        print_folder(report);
        return;
    }
    out_printf("  %-16s %s\n", "program", text_of(report, "path"));
    program_print_heading("Methods");
    json_array_foreach(json_object_get(report, "methods"), i, item) print_method(item);
    program_print_metadata(json_object_get(report, "metadata"));
    print_sizes(report);
    if (json_array_size(json_object_get(report, "notes")))
        program_print_heading("Notes");
    json_array_foreach(json_object_get(report, "notes"), i, item)
        out_printf("  %s\n", json_string_value(item));
    if (json_object_get(report, "named_data"))
        program_print_heading("Named data");
    json_array_foreach(json_object_get(report, "named_data"), i, item)
        out_printf("  %14lld  %s\n", int_of(item, "bytes"), text_of(item, "key"));
}
