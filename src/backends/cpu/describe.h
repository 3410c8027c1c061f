/* describe.h - the cpu backend's plan of a pass in words. */
#ifndef DLX__CPU_DESCRIBE_H
#define DLX__CPU_DESCRIBE_H

#include "backends/backend.h"
#include "base/buf.h"

/* Appends lines; false: no memory. */
bool dlx__cpu_describe(const dlx__model *m, const dlx__backend_opts *o, dlx__buf *out);

#endif
