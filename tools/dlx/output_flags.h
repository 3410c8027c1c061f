/* output_flags.h - the options that say how an answer is shown. Shared by run, infill and chat. */
#ifndef DLX_TOOL_OUTPUT_FLAGS_H
#define DLX_TOOL_OUTPUT_FLAGS_H

#include "opt.h"

typedef struct output_flags {
    bool watch, quiet, json;
    const char *trace;
} output_flags;

/* The first N_TALK_ROWS are those that a conversation has too. */
enum { N_TALK_ROWS = 2, N_OUTPUT_ROWS = 4 };
extern const opt output_flag_rows[N_OUTPUT_ROWS];

/* The first n rows as the table of a verb whose settings hold an output_flags called `output`. */
#define OUTPUT_TABLE(settings, n_rows)                                                             \
    {                                                                                              \
        .heading = "Output", .rows = output_flag_rows, .n = (n_rows),                              \
        .base = offsetof(settings, output)                                                         \
    }

#endif
