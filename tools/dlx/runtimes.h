/* runtimes.h - where the runtimes of exported programs are: the variables that name them, and where
 * Python's installer puts them. */
#ifndef DLX_TOOL_RUNTIMES_H
#define DLX_TOOL_RUNTIMES_H

#include <dlx/dlx.h>

typedef struct runtimes {
    dlx_runtimes places;
    char *found; /* in a folder of Python's packages; NULL: nowhere */
} runtimes;

/* DLX_ORT and DLX_QNN_EP; lent by *out. */
const dlx_runtimes *runtimes_find(runtimes *out);
void runtimes_release(runtimes *r);

#endif
