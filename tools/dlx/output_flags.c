/* output_flags.c - how an answer is shown. */
#include "output_flags.h"

#define AT(field) offsetof(output_flags, field)

const opt output_flag_rows[N_OUTPUT_ROWS] = {
    {"watch", OPT_FLAG, AT(watch), .help = "show the denoising (on a terminal)"},
    {"quiet", OPT_FLAG, AT(quiet), .help = "no statistics on standard error", .letter = 'q'},
    OPT_JSON_ROW(output_flags),
    {"trace", OPT_FILE, AT(trace), "FILE", .help = "write every pass to a .jsonl file",
     .fallback = "none"},
};
