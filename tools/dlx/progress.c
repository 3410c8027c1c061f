/* progress.c - how far a long job is. */
#include "progress.h"

#include "sys.h"

void progress_start(progress *p, bool quiet)
{
    *p = (progress){.t = term_of(stderr), .quiet = quiet, .start = sys_seconds()};
}

void progress_span(double seconds, char *out, size_t n)
{
    if (seconds < 90)
        snprintf(out, n, "%.0f s", seconds);
    else if (seconds < 5400)
        snprintf(out, n, "%.0f min", seconds / 60);
    else
        snprintf(out, n, "%.1f h", seconds / 3600);
}

void progress_show(progress *p, const char *what, size_t done, size_t all, const char *extra)
{
    double now = sys_seconds();
    char left[32];
    if (p->quiet || all == 0)
        return;
    unsigned tenths = (unsigned)(done * 10 / all);
    bool due = p->t.moves ? now - p->last >= 0.1 || done == all : tenths > p->tenths;
    if (!due)
        return;
    p->last = now;
    p->tenths = tenths;
    progress_span(done ? (now - p->start) / (double)done * (double)(all - done) : 0, left,
                  sizeof left);
    const char *front = p->t.moves ? "\r\033[K" : "";
    const char *back = p->t.moves ? "" : "\n";
    fprintf(stderr, "%s%s %zu of %zu (%.0f %%), %s left%s%s%s", front, what, done, all,
            100.0 * (double)done / (double)all, left, *extra ? ", " : "", extra, back);
    fflush(stderr);
    p->painted = p->t.moves;
}

void progress_end(progress *p)
{
    if (p->painted)
        fputs("\r\033[K", stderr);
    p->painted = false;
}
