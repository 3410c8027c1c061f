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

/* Whole ones that are done: 100 is the end, and told once. */
static unsigned percent(double part)
{
    return (unsigned)(part * 100 + 1e-6);
}

/* Is it time to say something? */
static bool is_due(progress *p, double part)
{
    const double now = sys_seconds();
    const unsigned tenths = percent(part) / 10;
    const bool due = p->t.moves ? now - p->last >= 0.1 || part >= 1 : tenths > p->tenths;
    if (p->quiet || !due)
        return false;
    p->last = now;
    p->tenths = tenths;
    return true;
}

static void paint(progress *p, const char *what, double part, const char *extra)
{
    char left[32];
    const double passed = sys_seconds() - p->start;
    progress_span(part > 0 ? passed * (1 - part) / part : 0, left, sizeof left);
    fprintf(stderr, "%s%s, %s left%s%s%s", p->t.moves ? "\r\033[K" : "", what, left,
            *extra ? ", " : "", extra, p->t.moves ? "" : "\n");
    fflush(stderr);
    p->painted = p->t.moves;
}

void progress_show(progress *p, const char *what, size_t done, size_t all, const char *extra)
{
    char text[128];
    const double part = all ? (double)done / (double)all : 0;
    if (all == 0 || !is_due(p, part))
        return;
    snprintf(text, sizeof text, "%s %zu of %zu (%u %%)", what, done, all, percent(part));
    paint(p, text, part, extra);
}

void progress_show_part(progress *p, const char *what, double part)
{
    char text[128];
    if (!is_due(p, part))
        return;
    snprintf(text, sizeof text, "%s: %u %%", what, percent(part));
    paint(p, text, part, "");
}

void progress_end(progress *p)
{
    if (p->painted)
        fputs("\r\033[K", stderr);
    p->painted = false;
}
