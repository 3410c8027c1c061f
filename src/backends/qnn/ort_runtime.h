/*
 * ort_runtime.h - ONNX Runtime, if it is on this machine, and its QNN provider, if that is too.
 * Neither is linked: the library is loaded by name, and its C functions are called by their place
 * in its table, which never changes once a version is out (ort_table.h).
 */
#ifndef DLX__ORT_RUNTIME_H
#define DLX__ORT_RUNTIME_H

#include "backends/backend.h"
#include "base/os.h"

#define DLX__ORT_QNN "QNNExecutionProvider"

typedef void (*dlx__ort_function)(void);

typedef struct dlx__ort {
    dlx__os_library library;
    const dlx__ort_function *table;
    int api;          /* the version of the table */
    char version[40]; /* "1.32.0", printable */
    void *env, *memory_info;
    void *devices[4]; /* of the QNN provider */
    size_t n_devices; /* 0: there is none, and the CPU computes */
    char *npu;        /* the library of its NPU, beside its own */
    char *why_cpu;    /* why there is no QNN provider */
    const dlx_allocator *mem;
} dlx__ort;

/* The sentence of a failure says how to get it; a provider that is missing is none. */
dlx_result dlx__ort_open(dlx__ort *ort, const dlx__runtime_paths *paths, const dlx_allocator *mem,
                         dlx_error *err);
void dlx__ort_close(dlx__ort *ort); /* zeroed is fine */

/* What is found, as a text: "ONNX Runtime 1.32.0, the QNN provider". */
bool dlx__ort_describe(const dlx__ort *ort, dlx__buf *out);

/* A status of the runtime as a result; it is released. `what`: "open it". */
dlx_result dlx__ort_check(const dlx__ort *ort, void *status, const char *path, const char *what,
                          dlx_error *err);

#endif
