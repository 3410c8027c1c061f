/*
 * qnn.h - one session's state of the qnn backend; for the files of this folder only. Every function
 * of a directory is a graph of fixed shapes; their tensors are over the memory of fixed/fixed.h.
 */
#ifndef DLX__QNN_H
#define DLX__QNN_H

#include "backends/fixed/fixed.h"
#include "backends/qnn/ort_session.h"

/* A function that is loaded. */
typedef struct dlx__qnn_function {
    const dlx__onnx_entry *entry;
    char *path; /* of its file */
    dlx__ort_session session;
    const char **in_names, **out_names; /* [n_in], [n_out] */
    void **in[DLX__PROGRAM_STREAMS];    /* [n_in]: they differ in K and V */
    void **out;                         /* [n_out] */
    size_t n_in, n_out;                 /* n_out: without K and V where they are not kept */
    bool compiled;                      /* by a context */
} dlx__qnn_function;

struct dlx__backend {
    dlx__fixed fixed;
    dlx__backend_opts opts;
    dlx__onnx_directory directory;
    dlx__ort ort;
    char runtime[64];             /* which computes: "ONNX Runtime 1.32.0, CPU provider" */
    dlx__qnn_function *functions; /* [n_functions], those of rows by their number, ascending */
    dlx__static_shape *shapes;    /* [n_functions] */
    size_t n_functions;
};

dlx_result dlx__qnn_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         dlx_error *err);
void dlx__qnn_close(dlx__backend *b);
const char *dlx__qnn_runtime(const dlx__backend *b);

/* qnn_tensors.c: of function i, over the memory that is there. */
dlx_result dlx__qnn_tensors_open(dlx__backend *b, size_t i, dlx_error *err);
void dlx__qnn_tensors_close(dlx__backend *b, size_t i);

/* For dlx__fixed.run. */
dlx_result dlx__qnn_run(void *backend, size_t function, int stream, dlx_error *err);

#endif
