/* arithmetic_flags.c - weights, compute, scheme, K and V, kernels. */
#include "arithmetic_flags.h"

#include <dlx/tools.h>

#define AT(field) offsetof(arithmetic_flags, field)

static const char *const *weights_names(void)
{
    static const char *const names[] = {"stored", "int8", NULL};
    return names;
}

static const char *const *compute_names(void)
{
    static const char *const names[] = {"float32", "bf16", NULL};
    return names;
}

static const char *const *scheme_names(void)
{
    static const char *const names[] = {"weight-only",    "dynamic", "dynamic-row",
                                        "dynamic-affine", "static",  "static16",
                                        "static-affine",  NULL};
    return names;
}

static const char *const *kv_type_names(void)
{
    static const char *const names[] = {"float32", "bf16", "f16", "int8", NULL};
    return names;
}

static const char *const *kernels_names(void)
{
    static const char *names[16];
    for (size_t i = 0; i + 1 < sizeof names / sizeof *names; i++)
        names[i] = dlx_kernels_name(i);
    return names;
}

const opt arithmetic_rows[N_ARITHMETIC_ROWS] = {
    {"weights", OPT_CHOICE, AT(weights), "FORM",
     .help = "int8: floats become int8 while loading, half of bf16", .fallback = "stored",
     .choices = weights_names},
    {"compute", OPT_CHOICE, AT(compute), "TYPE",
     .help = "bf16: faster where the processor has it, else float32", .fallback = "float32",
     .choices = compute_names},
    {"scheme", OPT_CHOICE, AT(scheme), "NAME", .help = "rounding of rows for integer weights",
     .fallback = "the file's", .choices = scheme_names},
    {"kv-type", OPT_CHOICE, AT(kv_type), "TYPE", .help = "what keys and values are kept in",
     .fallback = "that of --compute", .choices = kv_type_names},
    [ARITHMETIC_KERNELS] = {"kernels", OPT_CHOICE, AT(kernels), "NAME",
                            .help = "the loops to compute with; see dlx doctor",
                            .fallback = "the fastest", .choices = kernels_names,
                            .env = "DLX_KERNEL"},
};
