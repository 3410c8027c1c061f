/*
 * qnn.h - one session's state of the qnn backend; for the files of this folder only.
 *
 * Every function of a directory is a graph of fixed shapes: T rows of a pass, P kept positions, R
 * rows for the head. Their tensors are over memory that all of them share, and the K and V that
 * come in are the store itself, so that nothing is copied but the rows that a call adds.
 */
#ifndef DLX__QNN_H
#define DLX__QNN_H

#include "backends/program_calls.h"
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

typedef struct dlx__qnn_pass {
    dlx__program_pass pass;
    float *hidden; /* [n, n_embd] of the final norm */
    size_t hidden_capacity;
    bool has_hidden;
} dlx__qnn_pass;

/* What functions read and write: T, P, R the largest of them. */
typedef struct dlx__qnn_memory {
    int32_t *ids;                      /* [T] */
    float *cos, *sin;                  /* [T, c] */
    float *mask;                       /* [T, P + T] */
    int32_t *head_rows;                /* [R] */
    float *rows;                       /* [R, d] */
    float *hidden;                     /* [T, d] */
    int32_t *best;                     /* [R] */
    float *logit, *lse;                /* [R] */
    float *logits;                     /* [R, V] */
    float *fresh;                      /* [2 L][kv, T, c]: K and V of a call */
    float *past[DLX__PROGRAM_STREAMS]; /* [2 L][kv, P, c] */
} dlx__qnn_memory;

struct dlx__backend {
    const dlx__model *model;
    dlx__backend_opts opts;
    const struct dlx__kernels *kernels; /* for statistics of logits */
    dlx__onnx_directory directory;
    dlx__ort ort;
    char runtime[64];             /* which computes: "ONNX Runtime 1.32.0, CPU provider" */
    dlx__qnn_function *functions; /* [n_functions], those of rows by their number, ascending */
    size_t n_functions;
    const dlx__qnn_function *logits;
    size_t n_rows, n_head_rows; /* the largest T and R */
    dlx__qnn_memory m;
    dlx__qnn_pass passes[DLX__PROGRAM_STREAMS];
    size_t *places; /* [R] of head_rows among those of the head */
    float *row[2];  /* [V]: logits of a row, and of its other stream */
};

/* ---- loading: qnn_load.c, qnn_memory.c ------------------------------------------------------- */

dlx_result dlx__qnn_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         dlx_error *err);
void dlx__qnn_close(dlx__backend *b);
const char *dlx__qnn_runtime(const dlx__backend *b);

/* Allocates what the functions need, and makes their tensors. */
dlx_result dlx__qnn_memory_open(dlx__backend *b, dlx_error *err);
void dlx__qnn_memory_close(dlx__backend *b);

/* ---- passes: qnn_step.c, qnn_head.c ---------------------------------------------------------- */

dlx_result dlx__qnn_step(dlx__backend *b, const dlx__step *in, dlx_error *err);
dlx_result dlx__qnn_head(dlx__backend *b, const dlx__head *in, dlx_error *err);

/* The function that takes so many rows, and so many of the head (0: none); NULL: there is none. */
const dlx__qnn_function *dlx__qnn_function_for(const dlx__backend *b, size_t n_rows, size_t n_head);

/* Runs the stream's pass, keeps K and V and what its rows are at the end. `in` not NULL: of its
 * rows the functions tell the best ids, as dlx__qnn_tells says that they can. */
dlx_result dlx__qnn_run(dlx__backend *b, int stream, const dlx__head *in, dlx_error *err);
bool dlx__qnn_tells(const dlx__backend *b, const dlx__head *in);

#endif
