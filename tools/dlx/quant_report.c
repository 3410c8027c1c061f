/* quant_report.c - what quantizing cost, as a table. */
#include "quant_report.h"

#include "bytes.h"
#include "out.h"

static const char *text(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static void print_types(const json_t *report)
{
    const char *name;
    json_t *n_bytes;
    json_object_foreach(json_object_get(report, "types"), name, n_bytes)
        out_printf("  %-18s %.2f MiB\n", name, json_number_value(n_bytes) / (1 << 20));
}

/* Those whose group, or whose type, does not divide their rows. */
static void print_fallback(const json_t *list, bool of_group)
{
    const json_t *first = NULL, *one;
    size_t i, n = 0;
    json_array_foreach(list, i, one)
    {
        if (json_is_null(json_object_get(one, "group")) == of_group)
            continue;
        first = n++ ? first : one;
    }
    if (n == 0)
        return;
    out_printf("  %zu tensor%s with rows that are no whole %s got another: %s is in ", n,
               plural(n, "s"), of_group ? "groups" : "blocks of the type", text(first, "tensor"));
    if (of_group)
        out_printf("groups of %.0f%s\n", quant_number(first, "group"), n > 1 ? " ..." : "");
    else
        out_printf("%s%s\n", text(first, "type"), n > 1 ? " ..." : "");
}

static void print_fallbacks(const json_t *report)
{
    print_fallback(json_object_get(report, "fallbacks"), false);
    print_fallback(json_object_get(report, "fallbacks"), true);
}

static void print_row(const char *what, const json_t *d)
{
    if (quant_number(d, "rows") > 0)
        out_printf("  %-18s %8.0f %12.6f %10.2f %%\n", what, quant_number(d, "rows"),
                   quant_number(d, "kl"), 100 * quant_number(d, "top1"));
}

static void print_kv(const json_t *list)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        char what[48];
        snprintf(what, sizeof what, "K and V in %s", text(one, "type"));
        print_row(what, one);
    }
}

static void print_compared(const json_t *c)
{
    size_t i;
    json_t *band;
    out_printf("\n  %-18s %8s %12s %12s\n", "masked positions", "rows", "KL, nats", "same best");
    print_row("all", c);
    print_row("undecided", json_object_get(c, "open"));
    json_array_foreach(json_object_get(c, "by_ratio"), i, band)
    {
        char what[32];
        snprintf(what, sizeof what, "%.0f to %.0f %% masked",
                 100 * quant_number(band, "up_to") - 20, 100 * quant_number(band, "up_to"));
        print_row(what, band);
    }
    out_printf("\n  the quantized model with smaller keys and values, against itself:\n");
    print_kv(json_object_get(c, "kv"));
    out_printf("\n  %-18s %14s %14s\n", "", "before", "quantized");
    out_printf("  %-18s %10.2f MiB %10.2f MiB\n", "weights", quant_nth(c, "bytes", 0) / (1 << 20),
               quant_nth(c, "bytes", 1) / (1 << 20));
    out_printf("  %-18s %11.3f ms %11.3f ms\n", "a pass of 8 rows", quant_nth(c, "pass_ms", 0),
               quant_nth(c, "pass_ms", 1));
    const json_t *a = json_object_get(c, "answers");
    if (!a)
        return;
    out_printf("  %-18s %14.0f %14.0f\n", "passes", quant_nth(a, "passes", 0),
               quant_nth(a, "passes", 1));
    out_printf("  %-18s %14.0f %14.0f\n", "tokens", quant_nth(a, "tokens", 0),
               quant_nth(a, "tokens", 1));
    out_printf("  of %.0f answers %.0f are identical, %.2f %% of their tokens the same\n",
               quant_number(a, "prompts"), quant_number(a, "identical"),
               100 * quant_number(a, "same"));
}

void quant_report_print(const json_t *report)
{
    const json_t *compared = json_object_get(report, "compared");
    out_printf("%s: %.2f MiB, %.3f of f16 and %.3f of what it was, in %.1f s (%s, %s, %s)\n",
               show_path(text(report, "path")).text, quant_number(report, "bytes") / (1 << 20),
               quant_number(report, "bytes") / quant_number(report, "bytes_f16"),
               quant_number(report, "bytes") / quant_number(report, "bytes_before"),
               quant_number(report, "seconds"), text(report, "type"), text(report, "method"),
               text(report, "scheme"));
    print_types(report);
    print_fallbacks(report);
    if (compared)
        print_compared(compared);
}
