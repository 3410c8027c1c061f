/* cmd_doctor.c - dlx doctor: the machine, the kernels chosen, the backends and why not. */
#include "arithmetic_flags.h"
#include "out.h"
#include "runtimes.h"
#include "verbs.h"

#include "term.h"

#include <dlx/tools.h>

typedef struct settings {
    arithmetic_flags arithmetic; /* its kernels */
    opt_source kernels_from[1];
    bool json;
} settings;

static const opt rows[] = {
    OPT_JSON_ROW(settings),
};

static const opt_table tables[] = {
    OPT_TABLE("Output", rows),
    {.heading = "Arithmetic",
     .rows = arithmetic_rows + ARITHMETIC_KERNELS,
     .n = 1,
     .base = offsetof(settings, arithmetic),
     .from_env = true,
     .sources = offsetof(settings, kernels_from)},
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long count_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_backends(const json_t *list, const term *t)
{
    size_t i;
    json_t *backend;
    out_text("\nbackends\n");
    json_array_foreach(list, i, backend)
    {
        bool there = json_is_true(json_object_get(backend, "available"));
        out_printf("  %-10s %s%s%s %s\n", text_of(backend, "name"),
                   term_code(t, there ? STYLE_GOOD : STYLE_BAD), there ? "yes" : "no ",
                   term_code(t, STYLE_PLAIN), text_of(backend, "about"));
        const char *more = text_of(backend, there ? "found" : "why_not");
        if (*more)
            out_printf("             %s\n", more);
    }
}

static void print_libraries(const json_t *list)
{
    size_t i;
    json_t *library;
    out_text("\nlibraries\n");
    json_array_foreach(list, i, library)
        out_printf("  %-10s %s\n", text_of(library, "name"), text_of(library, "version"));
}

/* Which table the other verbs would take here, and why. */
static const char *why_kernels(const settings *s)
{
    static const char *const why[] = {[OPT_DEFAULT] = "the fastest of this processor",
                                      [OPT_FROM_LINE] = "--kernels names them",
                                      [OPT_FROM_ENV] = "DLX_KERNEL names them"};
    return why[s->kernels_from[0]];
}

static void print_kernels(const json_t *report, const settings *s)
{
    size_t i;
    json_t *table;
    out_printf("\nkernels    %s: %s\ntables    ", text_of(report, "kernels"), why_kernels(s));
    json_array_foreach(json_object_get(report, "kernel_tables"), i, table)
        out_printf(" %s%s", text_of(table, "name"),
                   json_is_true(json_object_get(table, "bf16")) ? " (--compute bf16)" : "");
    out_text("\n");
}

static void print(const json_t *report, const settings *s)
{
    term t = term_of(stdout);
    size_t i;
    json_t *set;
    out_printf("dlx        %s\n", text_of(report, "version"));
    out_printf("system     %s\n", text_of(report, "os"));
    out_printf("processor  %s\n", text_of(report, "cpu"));
    out_printf("cores      %lld, of them fast: %lld\n", count_of(report, "cores"),
               count_of(report, "fast_cores"));
    out_printf("memory     %.1f GiB\n", (double)count_of(report, "memory_bytes") / 1073741824.0);
    out_text("sets       ");
    json_array_foreach(json_object_get(report, "instruction_sets"), i, set)
        out_printf("%s%s", i ? " " : "", json_string_value(set));
    print_kernels(report, s);
    print_backends(json_object_get(report, "backends"), &t);
    print_libraries(json_object_get(report, "libraries"));
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    char *text;
    dlx_error err;
    (void)args;
    runtimes where;
    const dlx_result r = dlx_doctor_at(runtimes_find(&where), &text, &err);
    runtimes_release(&where);
    if (r != DLX_OK)
        return say_failed("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(NULL, text);
    if (!report)
        return say_failed("the library's report is not JSON");
    if (s->arithmetic.kernels)
        json_object_set_new(report, "kernels", json_string(s->arithmetic.kernels));
    json_object_set_new(report, "kernels_why", json_string(why_kernels(s)));
    if (s->json)
        out_json(json_incref(report));
    else
        print(report, s);
    json_decref(report);
    return EXIT_OK;
}

static const char *const about[] = {"Prints what a report of a problem should hold: version, "
                                    "machine, the kernels that are in force and "
                                    "why, and which backends are there, or why one is not.",
                                    "DLX_KERNEL=NAME makes every verb compute with another table "
                                    "than the fastest, as --kernels does.",
                                    NULL};

const verb verb_doctor = {.name = "doctor",
                          .summary = "what this machine and this build can do",
                          .about = about,
                          .tables = tables,
                          .n_tables = sizeof tables / sizeof *tables,
                          .settings_bytes = sizeof(settings),
                          .run = run};
