/* trace.c - the passes of a generation as JSON lines. Nothing in them needs escaping. */
#include "trace.h"

#include <math.h>
#include <stdio.h>

const char *pass_kind_name(dlx_pass_kind kind)
{
    return kind == DLX_PASS_PREFILL ? "prefill" : kind == DLX_PASS_COMMIT ? "commit" : "denoise";
}

void trace_event(FILE *file, const dlx_event *event)
{
    fprintf(file, "{\"pass\":%zu,\"block\":%zu,\"kind\":\"%s\",\"rows\":%zu,\"written\":[",
            event->pass, event->block, pass_kind_name(event->pass_kind), event->rows);
    for (size_t i = 0; i < event->n_written; i++) {
        const dlx_written *w = &event->written[i];
        fprintf(file, "%s{\"pos\":%zu,\"id\":%d,\"conf\":", i ? "," : "", w->pos, (int)w->id);
        /* JSON has no infinity; nine digits give a float32 back unchanged. */
        if (isfinite(w->conf))
            fprintf(file, "%.9g}", (double)w->conf);
        else
            fputs("null}", file);
    }
    fputs("]}\n", file);
}
