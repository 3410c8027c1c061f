/* xnnpack.h - one session's state of the xnnpack backend; for et_*.c only. */
#ifndef DLX__XNNPACK_H
#define DLX__XNNPACK_H

#include "backends/backend.h"
#include "backends/xnnpack/et_program.h"

enum { DLX__XNNPACK_STREAMS = 2 };

/* What the keys and values that a pass reads were gathered for; the same again is not gathered. */
typedef struct dlx__past_key {
    int stream;
    size_t start, tail, end; /* positions [0, start) and [tail, end) */
} dlx__past_key;

struct dlx__backend {
    const dlx__model *model;
    dlx__backend_opts opts;
    dlx__program program;
    size_t n_kv_values;              /* 2 * n_layers: K and V of each layer */
    dlx__et_tensor *in;              /* [3 + n_kv_values] */
    dlx__et_tensor *out;             /* [1 + n_kv_values] */
    int64_t *ids;                    /* [n_rows] of the program */
    float *mask;                     /* [n_rows, n_ctx + n_rows]: programs with forward_masked */
    float *kv[DLX__XNNPACK_STREAMS]; /* IO: [n_kv_values][kv, n_ctx, c] */
    float *past;                     /* IO: [n_kv_values][kv, P, c], packed */
    dlx__past_key key;               /* of past; stream -1: nothing is gathered */
    float *logits[DLX__XNNPACK_STREAMS];                                   /* [n_hidden, n_vocab] */
    size_t capacity[DLX__XNNPACK_STREAMS], n_hidden[DLX__XNNPACK_STREAMS]; /* rows */
    float *guided;                                                         /* [n_vocab] */
};

dlx_result dlx__xnnpack_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                             dlx_error *err);
dlx_result dlx__xnnpack_step(dlx__backend *b, const dlx__step *in, dlx_error *err);
dlx_result dlx__xnnpack_head(dlx__backend *b, const dlx__head *in, dlx_error *err);
void dlx__xnnpack_close(dlx__backend *b);

#endif
