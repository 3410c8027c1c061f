/*
 * ort.h - ONNX Runtime through its C API, found when it is wanted: nothing of it is linked, and no
 * header of it is needed, for its table of functions only ever grows at the end.
 *
 * Source: the numbers of the functions in OrtApi, which every version since 1.0 keeps.
 */
#ifndef DLX__ORT_H
#define DLX__ORT_H

#include "base/os.h"

typedef enum { DLX__ORT_FLOAT = 1, DLX__ORT_INT32 = 6 } dlx__ort_type;

typedef struct dlx__ort {
    dlx__os_library library;
    void (*const *table)(void); /* OrtApi */
    const char *version;        /* "1.24.4" */
    void *env, *memory;
} dlx__ort;

/* A tensor in memory that the caller keeps. */
typedef struct dlx__ort_tensor {
    const char *name;
    dlx__ort_type type;
    void *data;
    int n_dims;
    int64_t dims[4];
} dlx__ort_tensor;

/* The system's loader looks for the library, beside dlx too; the sentence says how to get it. */
dlx_result dlx__ort_open(dlx__ort *r, dlx_error *err);
void dlx__ort_close(dlx__ort *r); /* a zeroed one may be closed */

/* n_threads 0: as many as it wants. */
dlx_result dlx__ort_session_open(void **session, const dlx__ort *r, const char *path, int n_threads,
                                 dlx_error *err);
void dlx__ort_session_close(const dlx__ort *r, void *session);

enum { DLX__ORT_MAX_TENSORS = 4 * 1024 + 16 }; /* K and V of 1024 layers, in and out */

/* Reads inputs, writes outputs in place; `what` begins the sentence. Outputs that are not named are
 * not computed where that saves something. */
dlx_result dlx__ort_run(const dlx__ort *r, void *session, const char *what,
                        const dlx__ort_tensor *in, size_t n_in, const dlx__ort_tensor *out,
                        size_t n_out, dlx_error *err);

#endif
