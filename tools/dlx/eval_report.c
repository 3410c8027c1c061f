/* eval_report.c - what dlx eval found, as tables: of one model, and of two side by side. */
#include "eval_report.h"

#include "bytes.h"
#include "out.h"

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static double nth(const json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

/* ---- one model ------------------------------------------------------------------------------- */

/* " (lo to hi)" in units, and nothing where there is no interval. */
static void print_interval(const json_t *object, const char *key, const char *format, double unit)
{
    const json_t *interval = json_object_get(object, key);
    char lo[32], hi[32];
    if (!json_is_array(interval))
        return;
    snprintf(lo, sizeof lo, format, nth(interval, 0) * unit);
    snprintf(hi, sizeof hi, format, nth(interval, 1) * unit);
    out_printf(" (%s to %s)", lo, hi);
}

static void rate_line(const char *name, const json_t *part, const char *right, const char *all,
                      const char *interval)
{
    double n = number(part, all), ok = number(part, right);
    if (n == 0)
        return;
    out_printf("  %-18s %6.2f %%  %.0f of %.0f", show(name).text, 100 * ok / n, ok, n);
    print_interval(part, interval, "%.2f", 100);
    out_text("\n");
}

static void print_text(const json_t *text)
{
    out_printf("  %-18s %.4f", "nats a token", number(text, "nats_per_token"));
    print_interval(text, "nats_per_token_interval", "%.4f", 1);
    out_printf("\n  %-18s %.4g", "perplexity at most", number(text, "perplexity_bound"));
    print_interval(text, "perplexity_bound_interval", "%.4g", 1);
    out_printf("\n  %-18s %.4f", "bits a byte", number(text, "bits_per_byte"));
    print_interval(text, "bits_per_byte_interval", "%.4f", 1);
    out_text("\n");
}

static void print_generation(const json_t *figures)
{
    out_printf("  %-18s %.0f token%s in %.0f pass%s (%.2f a pass), %.1f tokens/s\n", "generation",
               number(figures, "tokens"), plural((size_t)number(figures, "tokens"), "s"),
               number(figures, "passes"), plural((size_t)number(figures, "passes"), "es"),
               number(figures, "tokens_per_pass"), number(figures, "tokens_per_second"));
    out_printf("  %-18s %.2f", "passes an answer", number(figures, "passes_per_answer"));
    print_interval(figures, "passes_per_answer_interval", "%.2f", 1);
    out_text("\n");
}

static void print_figures(const char *title, const json_t *figures)
{
    const char *name;
    json_t *field;
    const json_t *text = json_object_get(figures, "text");
    out_printf("%s\n", show(title).text);
    out_printf("  %-18s %.0f\n", "lines", number(figures, "lines"));
    rate_line("exact", figures, "exact", "answers", "exact_interval");
    json_object_foreach(json_object_get(figures, "fields"), name, field)
        rate_line(name, field, "right", "n", "interval");
    rate_line("choices", json_object_get(figures, "choices"), "right", "n", "interval");
    if (text)
        print_text(text);
    if (number(figures, "passes") > 0)
        print_generation(figures);
}

void eval_report_print(const json_t *report)
{
    const char *name;
    json_t *split;
    print_figures("all", report);
    json_object_foreach(json_object_get(report, "splits"), name, split) print_figures(name, split);
}

/* ---- two models ------------------------------------------------------------------------------ */

/* A, B, their difference and its interval. */
static void print_sides(const char *name, const json_t *row, const char *format,
                        const char *signed_format, double unit, const char *mark)
{
    const json_t *interval = json_object_get(row, "interval");
    char sides[2][32], cells[3][32] = {"", "-", ""};
    snprintf(sides[0], sizeof sides[0], format, number(row, "a") * unit);
    snprintf(sides[1], sizeof sides[1], format, number(row, "b") * unit);
    snprintf(cells[0], sizeof cells[0], signed_format, number(row, "difference") * unit);
    if (json_is_array(interval)) {
        snprintf(cells[1], sizeof cells[1], signed_format, nth(interval, 0) * unit);
        snprintf(cells[2], sizeof cells[2], signed_format, nth(interval, 1) * unit);
    }
    out_printf("  %-17s %8s%s %8s%s %8s  %8s %-2s %7s", show(name).text, sides[0], mark, sides[1],
               mark, cells[0], cells[1], *cells[2] ? "to" : "", cells[2]);
}

static void print_rates(const char *name, const json_t *row)
{
    if (!row)
        return;
    print_sides(name, row, "%.2f", "%+.2f", 100, " %");
    out_printf(" %7.0f %7.0f  %8.3g\n", number(row, "only_a"), number(row, "only_b"),
               number(row, "p_value"));
}

static void print_ratio(const char *name, const json_t *row)
{
    if (!row)
        return;
    print_sides(name, row, "%.4f", "%+.4f", 1, "  ");
    out_text("\n");
}

static void print_differences(const char *title, const json_t *figures)
{
    const char *name;
    json_t *field;
    double n = number(figures, "lines");
    out_printf("%s, %.0f line%s\n", show(title).text, n, plural((size_t)n, "s"));
    print_rates("exact", json_object_get(figures, "exact"));
    json_object_foreach(json_object_get(figures, "fields"), name, field) print_rates(name, field);
    print_rates("choices", json_object_get(figures, "choices"));
    print_ratio("nats a token", json_object_get(figures, "nats_per_token"));
    print_ratio("bits a byte", json_object_get(figures, "bits_per_byte"));
    print_ratio("passes an answer", json_object_get(figures, "passes_per_answer"));
    print_ratio("tokens an answer", json_object_get(figures, "tokens_per_answer"));
}

void eval_report_compared(const json_t *compared, const char *a, const char *b)
{
    const char *name;
    json_t *split;
    out_printf("A: %s\nB: %s\n\n", show_path(a).text, show_path(b).text);
    out_printf("  %-17s %8s   %8s   %8s  %-19s %7s %7s  %8s\n", "", "A", "B", "A - B",
               "   95 % interval", "only A", "only B", "p");
    print_differences("all", compared);
    json_object_foreach(json_object_get(compared, "splits"), name, split)
        print_differences(name, split);
}
