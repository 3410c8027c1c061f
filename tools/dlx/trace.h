/* trace.h - the passes of a generation as JSON lines: what was written where, in which pass. */
#ifndef DLX_TOOL_TRACE_H
#define DLX_TOOL_TRACE_H

#include "save.h"

#include <dlx/dlx.h>

/* One line: {"pass":0,"block":1,"kind":"denoise","rows":4,"written":[{"pos":9,"id":5,"conf":0.5}]}
 */
void trace_event(FILE *file, const dlx_event *event);

const char *pass_kind_name(dlx_pass_kind kind);

#endif
