/* et_runtime.h - the ExecuTorch runtime of this machine, if there is one. */
#ifndef DLX__XNNPACK_RUNTIME_H
#define DLX__XNNPACK_RUNTIME_H

#include "backends/xnnpack/executorch.h"
#include "base/os.h"

typedef struct dlx__et_runtime {
    dlx__os_library library;
    const dlx__et_functions *functions;
} dlx__et_runtime;

/* The sentence of a failure says how to get it. */
dlx_result dlx__et_runtime_open(dlx__et_runtime *r, dlx_error *err);
void dlx__et_runtime_close(dlx__et_runtime *r); /* zeroed is fine */

#endif
