/*
 * arithmetic_flags.h - the options that say in which numbers a model computes, and with which
 * kernels. Shared by every verb that computes or plans to.
 */
#ifndef DLX_TOOL_ARITHMETIC_FLAGS_H
#define DLX_TOOL_ARITHMETIC_FLAGS_H

#include "opt.h"

typedef struct arithmetic_flags {
    const char *weights, *compute, *scheme, *kv_type, *kernels; /* NULL: the library's default */
} arithmetic_flags;

/* The row of kernels is the last, so that a verb can have it alone. */
enum { ARITHMETIC_KERNELS = 4, N_ARITHMETIC_ROWS };
extern const opt arithmetic_rows[N_ARITHMETIC_ROWS];

/* The table of a verb whose settings hold an arithmetic_flags called `member`. */
#define ARITHMETIC_TABLE(settings, member)                                                         \
    {                                                                                              \
        .heading = "Arithmetic", .rows = arithmetic_rows, .n = N_ARITHMETIC_ROWS,                  \
        .base = offsetof(settings, member), .from_env = true                                       \
    }

#endif
