/* quant_page.c - the report of dlx quantize as one page: figures, and two plots in SVG. */
#include "quant_report.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 220, LEFT = 64, BOTTOM = 40, TOP = 12 };

/* Names come from files: nothing of them may be taken for markup. */
static void put_text(FILE *to, const char *s)
{
    for (; s && *s; s++) {
        if (*s == '<')
            fputs("&lt;", to);
        else if (*s == '&')
            fputs("&amp;", to);
        else if (*s == '"')
            fputs("&quot;", to);
        else
            fputc(*s, to);
    }
}

static void put_member(FILE *to, const json_t *object, const char *key)
{
    put_text(to, json_string_value(json_object_get(object, key)));
}

static void begin(FILE *to, const json_t *report)
{
    fputs("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n<title>dlx quantize: ", to);
    put_member(to, report, "path");
    fputs("</title>\n<style>\n"
          "body { font: 15px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; "
          "padding: 0 1rem; color: #222; background: #fff }\n"
          "h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin-top: 2rem }\n"
          "table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; "
          "text-align: right } td:first-child, th:first-child { text-align: left }\n"
          "svg { display: block; max-width: 100% } text { font: 11px system-ui, sans-serif; fill: "
          "#555 }\n"
          "</style>\n<h1>",
          to);
    put_member(to, report, "path");
    fputs("</h1>\n<p>", to);
    put_member(to, report, "type");
    fputs(", ", to);
    put_member(to, report, "method");
    fputs(", ", to);
    put_member(to, report, "scheme");
    fprintf(to, ": %.2f MiB, %.3f of f16, in %.1f s.</p>\n",
            quant_number(report, "bytes") / (1 << 20),
            quant_number(report, "bytes") / quant_number(report, "bytes_f16"),
            quant_number(report, "seconds"));
}

/* ---- plots --------------------------------------------------------------------------------- */

/* Logarithmic from `low` to `high`: where a value lies. */
static double height_of(double value, double low, double high)
{
    const double part = (log10(fmax(value, low)) - log10(low)) / (log10(high) - log10(low));
    return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP);
}

static void begin_plot(FILE *to, double low, double high)
{
    fprintf(to, "<svg viewBox=\"0 0 %d %d\" role=\"img\">\n", WIDTH, HEIGHT);
    for (double tick = low; tick <= high * 1.01; tick *= 10) {
        const double y = height_of(tick, low, high);
        fprintf(to,
                "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%g</text>\n",
                LEFT, y, WIDTH, LEFT - 6, y + 4, tick);
    }
}

/* The powers of ten around the values of `key`. */
static void limits(const json_t *list, const char *key, double *low, double *high)
{
    size_t i;
    json_t *item;
    double least = 1, most = 0;
    json_array_foreach(list, i, item)
    {
        const double x = quant_number(item, key);
        least = x > 0 ? fmin(least, x) : least;
        most = fmax(most, x);
    }
    *low = pow(10, floor(log10(fmax(least, 1e-12))));
    *high = pow(10, ceil(log10(fmax(most, *low * 10))));
}

static void plot_ratios(FILE *to, const json_t *bands)
{
    size_t i;
    json_t *band;
    double low, high;
    const double step = (WIDTH - LEFT) / (double)json_array_size(bands);
    limits(bands, "kl", &low, &high);
    begin_plot(to, low, high);
    json_array_foreach(bands, i, band)
    {
        const double y = height_of(quant_number(band, "kl"), low, high);
        const double x = LEFT + step * ((double)i + 0.2);
        if (quant_number(band, "rows") > 0)
            fprintf(to,
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#4878a8\">"
                    "<title>%g nats, %.0f rows</title></rect>\n",
                    x, y, step * 0.6, HEIGHT - BOTTOM - y, quant_number(band, "kl"),
                    quant_number(band, "rows"));
        fprintf(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">to %.0f %%</text>\n",
                x + step * 0.3, HEIGHT - BOTTOM + 18, 100 * quant_number(band, "up_to"));
    }
    fputs("</svg>\n", to);
}

static void plot_errors(FILE *to, const json_t *tensors)
{
    size_t i;
    json_t *t;
    double low, high;
    const double step = (WIDTH - LEFT) / (double)json_array_size(tensors);
    limits(tensors, "error", &low, &high);
    begin_plot(to, low, high);
    json_array_foreach(tensors, i, t)
    {
        if (!(quant_number(t, "error") > 0))
            continue;
        fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"#a85848\"><title>",
                LEFT + step * ((double)i + 0.5), height_of(quant_number(t, "error"), low, high));
        put_member(to, t, "name");
        fputs(", ", to);
        put_member(to, t, "type");
        fprintf(to, ": %.4f</title></circle>\n", quant_number(t, "error"));
    }
    fprintf(to, "<text x=\"%d\" y=\"%d\">first tensor</text>", LEFT, HEIGHT - 14);
    fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">last</text>\n</svg>\n", WIDTH,
            HEIGHT - 14);
}

/* ---- the parts ----------------------------------------------------------------------------- */

static void row(FILE *to, const char *what, const json_t *d)
{
    fprintf(to, "<tr><td>%s</td><td>%.0f</td><td>%.6f</td><td>%.2f %%</td></tr>\n", what,
            quant_number(d, "rows"), quant_number(d, "kl"), 100 * quant_number(d, "top1"));
}

/* The quantized model with smaller keys and values, against itself. */
static void kv_rows(FILE *to, const json_t *list)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        char what[96];
        snprintf(what, sizeof what, "K and V in %.16s (%.0f bytes a position), against float32",
                 json_string_value(json_object_get(one, "type")), quant_number(one, "bytes"));
        row(to, what, one);
    }
}

static void pair(FILE *to, const char *what, const char *form, double a, double b)
{
    char left[40], right[40];
    snprintf(left, sizeof left, form, a);
    snprintf(right, sizeof right, form, b);
    fprintf(to, "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n", what, left, right);
}

static void compared(FILE *to, const json_t *c)
{
    const json_t *a = json_object_get(c, "answers");
    fputs("<h2>Masked positions</h2>\n<table><tr><th></th><th>rows</th><th>KL, nats</th><th>same "
          "best id</th></tr>\n",
          to);
    row(to, "all", c);
    row(to, "undecided (entropy above 0.1)", json_object_get(c, "open"));
    kv_rows(to, json_object_get(c, "kv"));
    fputs("</table>\n<h2>KL by the part of a pass that is masked</h2>\n", to);
    plot_ratios(to, json_object_get(c, "by_ratio"));
    fputs("<h2>Cost</h2>\n<table><tr><th></th><th>before</th><th>quantized</th></tr>\n", to);
    pair(to, "weights, MiB", "%.2f", quant_nth(c, "bytes", 0) / (1 << 20),
         quant_nth(c, "bytes", 1) / (1 << 20));
    pair(to, "a pass of 8 rows, ms", "%.3f", quant_nth(c, "pass_ms", 0),
         quant_nth(c, "pass_ms", 1));
    if (a) {
        pair(to, "passes", "%.0f", quant_nth(a, "passes", 0), quant_nth(a, "passes", 1));
        pair(to, "tokens", "%.0f", quant_nth(a, "tokens", 0), quant_nth(a, "tokens", 1));
    }
    fputs("</table>\n", to);
    if (a)
        fprintf(
            to,
            "<p>Of %.0f answers %.0f are identical; %.2f %% of their tokens are the same.</p>\n",
            quant_number(a, "prompts"), quant_number(a, "identical"),
            100 * quant_number(a, "same"));
}

void quant_report_html(FILE *to, const json_t *report)
{
    const json_t *c = json_object_get(report, "compared");
    begin(to, report);
    if (c)
        compared(to, c);
    fputs("<h2>What rounding changed in each tensor, root mean square against the weights</h2>\n",
          to);
    plot_errors(to, json_object_get(report, "tensors"));
    fputs("</html>\n", to);
}
