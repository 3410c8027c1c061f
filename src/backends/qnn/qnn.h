/* qnn.h - one session's state of the qnn backend; for qnn_*.c only. */
#ifndef DLX__QNN_H
#define DLX__QNN_H

#include "backends/backend.h"
#include "backends/qnn/ort.h"
#include "export/onnx_manifest_read.h"

enum { DLX__QNN_STREAMS = 2 };

/* The last pass of a stream: what its head may be asked. */
typedef struct dlx__qnn_pass {
    size_t n, capacity;   /* rows */
    float *hidden;        /* [n, d] of the final norm */
    dlx__row_stat *stats; /* [n] of the rows that the graph was asked for ... */
    bool *known;          /* ... which are these */
} dlx__qnn_pass;

struct dlx__backend {
    const dlx__model *model;
    dlx__backend_opts opts;
    const struct dlx__kernels *kernels; /* for statistics of logits */
    dlx__ort ort;
    dlx__onnx_seen seen;
    void *sessions[DLX__ONNX_MAX_FUNCTIONS]; /* [seen.n] */
    size_t most_rows, most_head_rows;        /* of all functions: T, R */
    /* What functions read and write, for the largest of them. */
    int32_t *ids, *head_rows, *best; /* [T], [R], [R] */
    float *cos, *sin;                /* [T, c] */
    float *mask;                     /* [T, P + T] */
    float *hidden;                   /* [T, d]; of the head alone [R, d] */
    float *fresh;                    /* [2 L][kv, T, c] */
    float *logit, *lse;              /* [R] */
    float *logits[DLX__QNN_STREAMS]; /* [R, V] */
    float *guided;                   /* [V] */
    char (*names)[2][48];            /* [2 L] "past_k_0", "output_new_k_0" */
    dlx__ort_tensor *in, *out;       /* [2 L + 8] each */
    float *kv[DLX__QNN_STREAMS];     /* IO: [2 L][kv, P, c] */
    dlx__qnn_pass passes[DLX__QNN_STREAMS];
};

dlx_result dlx__qnn_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         dlx_error *err);
dlx_result dlx__qnn_step(dlx__backend *b, const dlx__step *in, dlx_error *err);
dlx_result dlx__qnn_head(dlx__backend *b, const dlx__head *in, dlx_error *err);
void dlx__qnn_close(dlx__backend *b);

static inline size_t dlx__qnn_kv_values(const dlx__backend *b)
{
    return 2 * b->model->hp.n_layers;
}

#endif
