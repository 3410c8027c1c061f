/*
 * coreml.h - one session's state of the coreml backend; for the files of this folder only.
 *
 * Every function of a package has fixed shapes (export/ml_lower.h). What they read and write is
 * memory of the session in fp16 (fixed/fixed.h); K and V may be in a state of Core ML's.
 */
#ifndef DLX__COREML_H
#define DLX__COREML_H

#include "backends/coreml/coreml_ports.h"
#include "backends/fixed/fixed.h"
#include "export/exporter.h"

enum { DLX__COREML_FUNCTIONS = 64 }; /* of a package at most */

/* What a package says of itself. */
typedef struct dlx__coreml_facts {
    char family[DLX__COREML_NAME], unit[DLX__COREML_NAME];
    dlx__export_cache cache;
    size_t n_ctx, n_ids;
    int64_t never_id;
    char functions[DLX__COREML_FUNCTIONS * DLX__COREML_NAME]; /* "denoise,prefill,logits" */
} dlx__coreml_facts;

/* A function that is loaded. */
typedef struct dlx__coreml_function {
    void *handle;
    dlx__coreml_sizes size;
    dlx__coreml_ports ports;
    dlx__coreml_array *arrays[DLX__PROGRAM_STREAMS]; /* [ports.n_in + n_out]; they differ in K, V */
} dlx__coreml_function;

struct dlx__backend {
    dlx__fixed fixed;
    dlx__backend_opts opts;
    const dlx__coreml_runtime *runtime;
    void *package;
    dlx__coreml_facts facts;
    dlx__coreml_function *functions; /* [n_functions], those of rows by their number, ascending */
    dlx__static_shape *shapes;       /* [n_functions] */
    size_t n_functions;
    void *states[DLX__PROGRAM_STREAMS]; /* where K and V are inside */
};

/* ---- loading: coreml_load.c, coreml_facts.c ---------------------------------------------- */

dlx_result dlx__coreml_probe(dlx_error *err);
dlx_result dlx__coreml_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                            dlx_error *err);
/* The same by this runtime. */
dlx_result dlx__coreml_load_by(dlx__backend **out, const dlx__coreml_runtime *runtime,
                               const dlx__model *m, const dlx__backend_opts *o, dlx_error *err);
void dlx__coreml_close(dlx__backend *b);

/* What the package says, held against the model and the options. */
dlx_result dlx__coreml_facts_read(dlx__backend *b, dlx_error *err);

/* coreml_arrays.c: of function i, over the memory that is there. */
dlx_result dlx__coreml_arrays_open(dlx__backend *b, size_t i, dlx_error *err);
void dlx__coreml_arrays_close(dlx__backend *b, size_t i);

/* What the runtime said, with the package's path in front of a failure. */
dlx_result dlx__coreml_of(const dlx__backend *b, dlx_result r, dlx_error *err);

/* For dlx__fixed.run. */
dlx_result dlx__coreml_run(void *backend, size_t function, int stream, dlx_error *err);

#endif
