/* cmd_doctor.c - dlx doctor: the machine, the kernels chosen, the backends and why not. */
#include "out.h"
#include "verbs.h"

#include "term.h"

#include <dlx/tools.h>

typedef struct settings {
    bool json;
} settings;

static const opt rows[] = {
    OPT_JSON_ROW(settings),
};

static const opt_table tables[] = {OPT_TABLE("Output", rows)};

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
        if (!there)
            out_printf("             %s\n", text_of(backend, "why_not"));
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

static void print(const json_t *report)
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
    out_printf("\nkernels    %s\n", text_of(report, "kernels"));
    print_backends(json_object_get(report, "backends"), &t);
    print_libraries(json_object_get(report, "libraries"));
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    char *text;
    dlx_error err;
    (void)args;
    if (dlx_doctor(&text, &err) != DLX_OK)
        return say_failed("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(NULL, text);
    if (!report)
        return say_failed("the library's report is not JSON");
    if (s->json)
        out_json(json_incref(report));
    else
        print(report);
    json_decref(report);
    return EXIT_OK;
}

static const char *const about[] = {"Prints what a report of a problem should hold: version, "
                                    "machine, the kernels chosen for it, and "
                                    "which backends are there, or why one is not.",
                                    NULL};

const verb verb_doctor = {.name = "doctor",
                          .summary = "what this machine and this build can do",
                          .about = about,
                          .tables = tables,
                          .n_tables = 1,
                          .settings_bytes = sizeof(settings),
                          .run = run};
