/* export_report.c - what dlx export wrote, for people. */
#include "export_report.h"

#include "bytes.h"
#include "out.h"
#include "say.h"
#include "term.h"

#include <string.h>

static double number(const json_t *report, const char *key)
{
    return json_number_value(json_object_get(report, key));
}

static const char *text(const json_t *report, const char *key)
{
    const char *s = json_string_value(json_object_get(report, key));
    return s ? s : "";
}

static void print_fallbacks(const json_t *report)
{
    if (number(report, "fallbacks") > 0)
        out_printf("  %.0f matrices whose rows are no whole groups of 32 are %s\n",
                   number(report, "fallbacks"), text(report, "fallback_dtype"));
}

/* Options of dlx quantize for integers that the program holds exactly; NULL: there are none. Head
 * and embedding have forms of their own, which --all would miss. */
static const char *exact_options(const json_t *report)
{
    const char *backend = text(report, "backend");
    if (strcmp(text(report, "dtype"), "int4") != 0)
        return "--type q8_0 --per-channel";
    if (strcmp(backend, "qnn") == 0)
        return strcmp(text(report, "scheme"), "static") == 0 ? NULL : "--type q4_0";
    return strcmp(backend, "coreml") == 0
               ? "--type q4_0 --scales portable --keep token_embd.weight=f16, without --all,"
               : "--type q4_0 --scales portable, without --all,";
}

/* Integers that the program cannot hold, and how to have some that it can. */
static void print_again(const json_t *report)
{
    const char *options = exact_options(report);
    const double n = number(report, "rounded_again");
    if (n > 0 && options)
        out_printf("  %.0f matrices were integers and are rounded again; dlx quantize %s writes "
                   "some that %s holds exactly\n",
                   n, options, text(report, "dtype"));
    else if (n > 0)
        out_printf("  %.0f matrices were integers and are rounded again; take a model of floats, "
                   "which are rounded once\n",
                   n);
}

void export_print_weights(const json_t *report)
{
    out_printf(
        "%s: %.2f MiB of float32, the weights of a program of %.2f MiB, in %.1f s (%s, %s %s)\n",
        show_path(text(report, "path")).text, number(report, "bytes") / (1 << 20),
        number(report, "weight_bytes") / (1 << 20), number(report, "seconds"),
        text(report, "backend"), text(report, "dtype"), text(report, "scheme"));
    print_fallbacks(report);
    print_again(report);
}

static void print_compiled(const json_t *report)
{
    if (number(report, "compiled") > 0)
        out_printf("  %.0f functions compiled, every node on the NPU of %s\n",
                   number(report, "compiled"), text(report, "soc"));
    if (!*text(report, "not_compiled"))
        return;
    const json_t *config = json_object_get(report, "config");
    out_printf("  %s\n  next: pip install onnxruntime onnxruntime-qnn\n",
               text(report, "not_compiled"));
    out_printf("        dlx export %s %s --backend qnn --profile %s --soc %s --compile\n",
               show_path(text(config, "checkpoint_path")).text,
               show_path(text(report, "path")).text, text(report, "profile"), text(report, "soc"));
}

void export_print(const json_t *report)
{
    const double all = number(report, "bytes") + number(report, "data_bytes");
    const char *profile = text(report, "profile"), *soc = text(report, "soc");
    out_printf("%s: %.2f MiB, %.3f of its weights, in %.1f s (%s, %s%s%s %s, cache %s%s%s)\n",
               show_path(text(report, "path")).text, all / (1 << 20),
               all / number(report, "weight_bytes"), number(report, "seconds"),
               text(report, "backend"), profile, *profile ? ": " : "", text(report, "dtype"),
               text(report, "scheme"), text(report, "cache"), *soc ? ", for " : "", soc);
    print_fallbacks(report);
    print_again(report);
    print_compiled(report);
    out_printf("  %.0f positions, %.0f rows a pass\n", number(report, "n_ctx"),
               number(report, "n_rows"));
    const json_t *call = json_object_get(report, "call_bytes");
    if (json_is_object(call))
        out_printf("  each call takes %.2f MiB of keys and values and gives them back, and takes "
                   "%.2f MiB of masks\n",
                   number(call, "cache") / (1 << 20), number(call, "masks") / (1 << 20));
}

static void heading(const char *text)
{
    term t = term_of(stdout);
    out_printf("\n%s%s%s\n", term_code(&t, STYLE_BOLD), text, term_code(&t, STYLE_PLAIN));
}

static void print_size(const char *what, double n_bytes, const char *remark)
{
    out_printf("  %-22s %10.2f MiB%s%s\n", what, n_bytes / (1 << 20), *remark ? "  " : "", remark);
}

static void print_memory(const json_t *memory)
{
    const double methods = number(memory, "methods");
    heading("Memory where it runs");
    print_size("keys and values", number(memory, "state"), "of all positions");
    if (number(memory, "planned") > 0)
        print_size("tensors of methods", number(memory, "planned"), "");
    if (number(memory, "filters") > 0)
        print_size("weights laid out anew", number(memory, "filters"),
                   methods > 1 ? "once with a cache of weights, else for each method that is loaded"
                               : "");
    out_text("  activations come on top; the file itself is mapped\n");
}

void export_print_parts(const json_t *report)
{
    const double all = number(report, "bytes") + number(report, "data_bytes");
    const char *name;
    json_t *part;
    heading("Bytes by part");
    json_object_foreach(json_object_get(report, "parts"), name, part)
    {
        const double n = json_number_value(part);
        out_printf("  %-22s %10.2f MiB %5.1f %%\n", name, n / (1 << 20), 100 * n / all);
    }
    print_memory(json_object_get(report, "memory"));
}
