/* bench_print.c - tables in Markdown, which read well as they are; and comma-separated passes. */
#include "bench_print.h"

#include "out.h"

#include <string.h>

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *found = json_string_value(json_object_get(object, key));
    return found ? found : "";
}

static double mib(const json_t *object, const char *key)
{
    return number(object, key) / 1048576.0;
}

/* "0.2 million", "494 million": three figures at most, and never none. */
static void print_params(double n)
{
    if (n < 1e5)
        out_printf("%.0f parameters", n);
    else
        out_printf("%.*f million parameters", n < 1e7 ? 1 : 0, n / 1e6);
}

static void title(const json_t *report)
{
    const json_t *model = json_object_get(report, "model");
    const json_t *machine = json_object_get(report, "machine");
    const json_t *build = json_object_get(report, "build");
    const char *type;
    json_t *bytes_of_type;
    out_printf("## %s, ", text(model, "path"));
    size_t n = 0;
    json_t *types = json_object_get(model, "types");
    json_object_foreach(types, type, bytes_of_type) out_printf("%s%s", n++ ? " + " : "", type);
    if (strcmp(text(report, "weights"), "int8") == 0 && !json_object_get(types, "int8"))
        out_text(" made int8");
    const char *kernels = *text(report, "kernels") ? text(report, "kernels") : "none";
    out_printf("\n\n%s, ", text(model, "family"));
    print_params(number(model, "n_params"));
    out_printf(". %s, %.0f cores, kernels %s, weights %s, compute "
               "%s, scheme %s, K and V %s; dlx %s, %s%s; %s.\n",
               text(machine, "cpu"), number(machine, "cores"), kernels, text(report, "weights"),
               text(report, "compute"), text(report, "scheme"), text(report, "kv_type"),
               text(build, "version"), text(build, "compiler"),
               json_is_true(json_object_get(build, "optimized")) ? "" : ", NOT OPTIMIZED",
               text(report, "date"));
    if (!json_is_true(json_object_get(report, "complete")))
        out_text("\nStopped before the end: what was measured until then.\n");
}

static void passes(const json_t *list)
{
    size_t i;
    json_t *p;
    const bool has_head = json_is_number(json_object_get(json_array_get(list, 0), "ms_head"));
    out_printf("\n| threads | context | rows | best ms | median ms |%s roof ms | of the roof |\n"
               "|---:|---:|---:|---:|---:|%s---:|---:|\n",
               has_head ? " head ms |" : "", has_head ? "---:|" : "");
    json_array_foreach(list, i, p)
    {
        out_printf("| %.0f | %.0f | %.0f | %.2f | %.2f |", number(p, "threads"),
                   number(p, "context"), number(p, "rows"), number(p, "ms_best"),
                   number(p, "ms_median"));
        if (has_head)
            out_printf(" %.2f |", number(p, "ms_head"));
        out_printf(" %.2f | %.2f |\n", number(p, "ms_roof"), number(p, "fraction_of_roof"));
    }
}

/* A machine with other work shows it: the probe's usual figure is far from its best one. */
static bool disturbed(const json_t *probe)
{
    return number(probe, "read_gbs_median") < 0.8 * number(probe, "read_gbs") ||
           number(probe, "peak_gops_median") < 0.8 * number(probe, "peak_gops");
}

static void probes(const json_t *list)
{
    bool any_disturbed = false;
    size_t i;
    json_t *p;
    out_text(
        "\n| threads | set | memory GB/s (median) | weights GB/s | layer GB/s | f32 Gop/s | bf16 "
        "| int8 | int4 |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|\n");
    json_array_foreach(list, i, p)
    {
        const json_t *peaks = json_object_get(p, "peaks_gops");
        out_printf("| %.0f | %s | %.1f (%.1f) | %.1f | %.1f | %.0f | %.0f | %.0f | %.0f |\n",
                   number(p, "threads"), text(p, "instruction_set"), number(p, "read_gbs"),
                   number(p, "read_gbs_median"), number(p, "read_weights_gbs"),
                   number(p, "read_layer_gbs"), number(peaks, "f32"), number(peaks, "bf16"),
                   number(peaks, "int8"), number(peaks, "int4"));
        any_disturbed = any_disturbed || disturbed(p);
    }
    if (any_disturbed)
        out_text("\nThe machine had other work: its own probe varied by more than a fifth. Figures "
                 "are too low.\n");
}

static void runs(const json_t *list)
{
    size_t i;
    json_t *r;
    if (json_array_size(list) == 0)
        return;
    bool compared = json_object_get(json_array_get(list, 0), "agreement") != NULL;
    out_printf("\n| answers | tokens | tokens/s | without prefill | passes/token | rows/pass | "
               "first token s |%s\n|---|---:|---:|---:|---:|---:|---:|%s\n",
               compared ? " agreement | identical |" : "", compared ? "---:|---:|" : "");
    json_array_foreach(list, i, r)
    {
        out_printf("| %s | %.0f | %.1f | %.1f | %.3f | %.1f | %.3f |", text(r, "name"),
                   number(r, "tokens"), number(r, "tokens_per_second"),
                   number(r, "decode_tokens_per_second"), number(r, "passes_per_token"),
                   number(r, "rows_per_pass"), number(r, "first_token_seconds"));
        if (compared)
            out_printf(" %.2f %% | %.0f of %.0f |", 100 * number(r, "agreement"),
                       number(r, "identical_answers"), number(r, "prompts"));
        out_text("\n");
    }
}

void bench_print_md(const json_t *report)
{
    title(report);
    passes(json_object_get(report, "passes"));
    probes(json_object_get(report, "probes"));
    runs(json_object_get(report, "runs"));
    out_printf("\nLoading %.2f s, first pass %.3f s; weights %.1f MiB, K and V %.1f MiB, peak %.1f "
               "MiB.\n",
               number(report, "load_seconds"), number(report, "first_pass_seconds"),
               mib(report, "weights_bytes"), mib(report, "kv_bytes"),
               mib(report, "peak_rss_bytes"));
}

void bench_print_csv(const json_t *report)
{
    size_t i;
    json_t *p;
    const json_t *model = json_object_get(report, "model");
    const char *kernels = text(report, "kernels"); /* "ONNX Runtime 1.32.0, CPU provider" */
    const char *quote = strchr(kernels, ',') ? "\"" : "";
    out_text("model,type,threads,context,rows,ms_best,ms_median,ms_head,ms_roof,fraction_of_roof,"
             "date,weights,compute,kernels,scheme,kv_type,n_params\n");
    json_array_foreach(json_object_get(report, "passes"), i, p)
    {
        out_printf("\"%s\",%s,%.0f,%.0f,%.0f,%.4f,%.4f,", text(model, "path"), text(p, "type"),
                   number(p, "threads"), number(p, "context"), number(p, "rows"),
                   number(p, "ms_best"), number(p, "ms_median"));
        if (json_is_number(json_object_get(p, "ms_head"))) /* else the column is empty */
            out_printf("%.4f", number(p, "ms_head"));
        out_printf(",%.4f,%.4f,%s,%s,%s,%s%s%s,%s,%s,%.0f\n", number(p, "ms_roof"),
                   number(p, "fraction_of_roof"), text(report, "date"), text(report, "weights"),
                   text(report, "compute"), quote, kernels, quote, text(report, "scheme"),
                   text(report, "kv_type"), number(model, "n_params"));
    }
}

void bench_print_shapes(const json_t *shapes)
{
    size_t i;
    json_t *s;
    json_array_foreach(shapes, i, s) out_printf(
        "%-18s %-13s %8.1f M parameters, %2.0f layers of width %.0f, %.0f/%.0f heads of "
        "%.0f, feed-forward %.0f, vocabulary %.0f\n",
        text(s, "name"), text(s, "family"), number(s, "n_params") / 1e6, number(s, "n_layers"),
        number(s, "n_embd"), number(s, "n_heads"), number(s, "n_heads_kv"), number(s, "head_dim"),
        number(s, "n_ff"), number(s, "n_vocab"));
}
