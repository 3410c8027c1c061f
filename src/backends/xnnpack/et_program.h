/* et_program.h - a .pte file that is open, and what it says of itself. */
#ifndef DLX__XNNPACK_PROGRAM_H
#define DLX__XNNPACK_PROGRAM_H

#include "backends/xnnpack/et_runtime.h"
#include "export/program_facts.h"
#include "model/model.h"

typedef struct dlx__program {
    dlx__et_runtime runtime;
    dlx__et_module *module;
    const char *path; /* borrowed */
    dlx__program_facts facts;
} dlx__program;

/* Checks the file before the runtime sees it. On failure nothing is to be closed. */
dlx_result dlx__program_open(dlx__program *p, const char *path, const dlx__model *m, int n_threads,
                             const dlx_allocator *mem, dlx_error *err);
void dlx__program_close(dlx__program *p);

dlx_result dlx__program_run(dlx__program *p, const char *method, const dlx__et_tensor *in, int n_in,
                            dlx__et_tensor *out, int n_out, dlx_error *err);

#endif
