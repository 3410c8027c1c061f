/* package_print.c - the report on a Core ML package as lines. */
#include "package_print.h"

#include "out.h"
#include "program_print.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long int_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_function(const json_t *fn)
{
    size_t i;
    json_t *op;
    out_printf("  %s", text_of(fn, "name"));
    if (json_is_string(json_object_get(fn, "opset")))
        out_printf(" (%s, operations %lld)", text_of(fn, "opset"), int_of(fn, "steps"));
    out_text("\n");
    program_print_values("input", json_object_get(fn, "inputs"));
    program_print_values("output", json_object_get(fn, "outputs"));
    program_print_values("state", json_object_get(fn, "state"));
    json_array_foreach(json_object_get(fn, "operators"), i, op) out_printf(
        "    %-12s %6lld x %s\n", i ? "" : "operations", int_of(op, "calls"), text_of(op, "name"));
}

static void print_weights(const json_t *weights)
{
    size_t i;
    json_t *type;
    program_print_heading("Weights");
    out_printf("  %-16s %14lld  shared by functions %lld\n", "records", int_of(weights, "records"),
               int_of(weights, "shared"));
    json_array_foreach(json_object_get(weights, "types"), i, type)
        out_printf("  %-16s %14lld  bytes %lld\n", text_of(type, "type"), int_of(type, "records"),
                   int_of(type, "bytes"));
}

void package_print(const json_t *report)
{
    size_t i;
    json_t *item;
    const char *key;
    out_printf("  %-16s %s\n", "package", text_of(report, "path"));
    out_printf("  %-16s %s, specification %lld\n", "model", text_of(report, "model"),
               int_of(report, "specification"));
    out_printf("  %-16s %s\n", "default", text_of(report, "default_function"));
    program_print_heading("Functions");
    json_array_foreach(json_object_get(report, "methods"), i, item) print_function(item);
    if (int_of(json_object_get(report, "weights"), "records"))
        print_weights(json_object_get(report, "weights"));
    program_print_metadata(json_object_get(report, "metadata"));
    program_print_heading("Bytes");
    out_printf("  %-16s %14lld\n", "all files", int_of(report, "file_bytes"));
    json_object_foreach(json_object_get(report, "sizes"), key, item)
        out_printf("  %-16s %14lld\n", key, json_integer_value(item));
    program_print_heading("Items");
    json_array_foreach(json_object_get(report, "items"), i, item)
    {
        if (int_of(item, "bytes"))
            out_printf("  %14lld  %s\n", int_of(item, "bytes"), text_of(item, "path"));
        else
            out_printf("  %14s  %s\n", "a folder", text_of(item, "path"));
    }
    if (json_array_size(json_object_get(report, "notes")))
        program_print_heading("Notes");
    json_array_foreach(json_object_get(report, "notes"), i, item)
        out_printf("  %s\n", json_string_value(item));
}
