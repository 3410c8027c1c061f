/* progress.h - how far a long job is, on stderr: one line in place on a terminal, now and then
 * elsewhere. */
#ifndef DLX_TOOL_PROGRESS_H
#define DLX_TOOL_PROGRESS_H

#include "term.h"

typedef struct progress {
    term t;
    bool quiet;
    double start, last;
    unsigned tenths; /* of the job, already told where nothing can be painted */
    bool painted;
} progress;

void progress_start(progress *p, bool quiet);

/* `done` of `all` are behind us; extra is put behind the figures. */
void progress_show(progress *p, const char *what, size_t done, size_t all, const char *extra);

/* The same of a job that is not counted: `part` of it, 0 to 1. */
void progress_show_part(progress *p, const char *what, double part);

void progress_end(progress *p); /* leaves no trace on a terminal */

/* "8 s", "3 min", "2.5 h" */
void progress_span(double seconds, char *out, size_t n);

#endif
