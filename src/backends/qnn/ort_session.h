/* ort_session.h - a graph that ONNX Runtime has loaded, and memory that it reads and writes. */
#ifndef DLX__ORT_SESSION_H
#define DLX__ORT_SESSION_H

#include "backends/qnn/ort_runtime.h"
#include "export/onnx_directory.h"

typedef struct dlx__ort_session_opts {
    bool npu;        /* by the QNN provider; what it refuses goes to the CPU ... */
    bool strict;     /* ... unless this forbids it */
    const char *soc; /* the chip that is emulated or compiled for; NULL or "": the usual one */
    const char
        *made_into; /* a file that gets the compiled graph, its binary beside it; NULL: none */
    int n_threads;
} dlx__ort_session_opts;

typedef struct dlx__ort_session {
    const dlx__ort *ort;
    const char *path; /* lent */
    void *session;
} dlx__ort_session;

/* `path` outlives the session. */
dlx_result dlx__ort_session_open(dlx__ort_session *s, const dlx__ort *ort, const char *path,
                                 const dlx__ort_session_opts *opts, dlx_error *err);
void dlx__ort_session_close(dlx__ort_session *s); /* zeroed is fine */

/* Refuses a graph whose inputs or outputs are not these, in any order: by name, type and shape. */
dlx_result dlx__ort_session_expect(const dlx__ort_session *s, const dlx__onnx_entry *e,
                                   dlx_error *err);

/* Appends "MatMul /layer/3" for each node that is not on the NPU, a line each, and counts all of
 * them; needs the full table (dlx__ort.api). */
dlx_result dlx__ort_session_strays(const dlx__ort_session *s, dlx__buf *out, size_t *n_strays,
                                   size_t *n_nodes, dlx_error *err);

/* A tensor over memory of the caller's, which outlives it. */
dlx_result dlx__ort_value_open(void **out, const dlx__ort *ort, void *data,
                               const dlx__onnx_port *port, dlx_error *err);

/* Reads in [n_in] and writes out [n_out], both tensors of the caller's. */
dlx_result dlx__ort_session_run(const dlx__ort_session *s, const char *const *in_names,
                                void *const *in, size_t n_in, const char *const *out_names,
                                void **out, size_t n_out, dlx_error *err);

/* Bytes of a tensor. */
size_t dlx__onnx_port_bytes(const dlx__onnx_port *p);

#endif
