/*
 * machine_flags.h - the options that say where and with how much a model runs, and the opening of
 * model and session by them. Shared by every verb that computes.
 */
#ifndef DLX_TOOL_MACHINE_FLAGS_H
#define DLX_TOOL_MACHINE_FLAGS_H

#include "arithmetic_flags.h"

#include <dlx/dlx.h>

typedef struct machine_flags {
    opt_count threads, ctx, memory_limit;
    const char *backend;
    arithmetic_flags arithmetic;
} machine_flags;

/* What --ctx says depends on the verb: room for one run, for all turns, for the longest task. */
typedef enum machine_use { MACHINE_RUN, MACHINE_CHAT, MACHINE_EVAL, N_MACHINE_USES } machine_use;

enum { N_MACHINE_ROWS = 4 };
extern const opt machine_rows[N_MACHINE_USES][N_MACHINE_ROWS];

/* The table of a verb whose settings hold a machine_flags called `machine`. */
#define MACHINE_TABLE(settings, use)                                                               \
    {                                                                                              \
        .heading = "Model and machine", .rows = machine_rows[use], .n = N_MACHINE_ROWS,            \
        .base = offsetof(settings, machine), .from_env = true                                      \
    }

/* Says the library's sentence and returns EXIT_FAILED on failure. */
int open_model(dlx_model **out, const char *path, dlx_load load);

/* n_ctx is used where --ctx is not given; 0 leaves the choice to the library. */
int open_session(dlx_session **out, const dlx_model *model, const machine_flags *flags,
                 size_t n_ctx);

/* "MODEL has no tokenizer ..." and EXIT_FAILED, or EXIT_OK. */
int need_tokenizer(const dlx_model_info *info, const char *instead);

#endif
