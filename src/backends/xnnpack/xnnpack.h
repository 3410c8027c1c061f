/* xnnpack.h - one session's state of the xnnpack backend; for et_*.c only. */
#ifndef DLX__XNNPACK_H
#define DLX__XNNPACK_H

#include "backends/program_calls.h"
#include "backends/xnnpack/et_program.h"
#include "export/pte_types.h"

enum {
    DLX__XNNPACK_INPUTS = 6,  /* of a method at most, beside K and V of each layer */
    DLX__XNNPACK_OUTPUTS = 3, /* likewise */
};

/* What the keys and values that a pass reads were gathered for; the same again is not gathered. */
typedef struct dlx__past_key {
    int stream;
    size_t start, tail, end; /* positions [0, start) and [tail, end) */
} dlx__past_key;

typedef struct dlx__xnnpack_pass {
    dlx__program_pass pass;
    float *logits;         /* [n, n_vocab] */
    size_t logit_capacity; /* rows */
    bool has_logits;       /* of all rows */
    bool was_asked;        /* the head, of its rows ... */
    bool wants_more; /* ... for more than denoise gives; until then: of those of the pass before */
} dlx__xnnpack_pass;

/* Programs of DLX__EXPORT_COMPAT: what their masks are, for all layers. */
typedef struct dlx__xnnpack_compat {
    int64_t *positions; /* [Q] */
    float *mask;        /* [L, Q, M + Q] */
    float *insert;      /* [L, M, Q] */
    float *keep;        /* [L, M] */
} dlx__xnnpack_compat;

struct dlx__backend {
    const dlx__model *model;
    dlx__backend_opts opts;
    const struct dlx__kernels *kernels; /* for statistics of logits */
    dlx__program program;
    size_t n_kv_values;              /* 2 * n_layers: K and V of each layer */
    dlx__et_tensor *in;              /* [DLX__XNNPACK_INPUTS + n_kv_values] */
    dlx__et_tensor *out;             /* [DLX__XNNPACK_OUTPUTS + n_kv_values] */
    int64_t *ids;                    /* [n_rows] of the program */
    int64_t *rows;                   /* [n_denoise_rows]: programs with denoise */
    size_t *places;                  /* [n_denoise_rows] of `rows` among those of the head */
    float *mask;                     /* [n_rows, n_ctx + n_rows]: programs with forward_masked */
    float *kv[DLX__PROGRAM_STREAMS]; /* IO, COMPAT: [n_kv_values][kv, n_ctx, c] */
    float *past;                     /* IO: [n_kv_values][kv, P, c], packed */
    dlx__past_key key;               /* of past; stream -1: nothing is gathered */
    dlx__xnnpack_compat compat;
    dlx__xnnpack_pass passes[DLX__PROGRAM_STREAMS];
    float *guided; /* [n_vocab] */
};

typedef struct dlx__xnnpack_call {
    dlx__program_call rows;
    bool masked;     /* by an input of its own */
    size_t n_chosen; /* of b->rows, for denoise; 0: forward */
} dlx__xnnpack_call;

/* ---- a call: et_call.c, et_compat.c ---------------------------------------------------------- */

/* Runs it and keeps K and V; the results are in b->out. */
dlx_result dlx__xnnpack_call_run(dlx__backend *b, const dlx__xnnpack_call *c, dlx_error *err);

/* Is this what the method gave in place i? */
dlx_result dlx__xnnpack_expect(const dlx__backend *b, int i, dlx__pte_type type, int n_dims,
                               const size_t *dims, dlx_error *err);

dlx__et_tensor dlx__xnnpack_tensor(dlx__pte_type type, void *data, int n_dims, const size_t *dims);
int dlx__xnnpack_compat_inputs(dlx__backend *b, const dlx__xnnpack_call *c);
dlx_result dlx__xnnpack_compat_keep(dlx__backend *b, const dlx__xnnpack_call *c, dlx_error *err);
dlx_result dlx__xnnpack_compat_load(dlx__backend *b, dlx_error *err);
void dlx__xnnpack_compat_close(dlx__backend *b);

/* ---- a pass: et_step.c, et_denoise.c --------------------------------------------------------- */

/* The next call of a pass from position `at` on. */
dlx__xnnpack_call dlx__xnnpack_next(const dlx__backend *b, const dlx__step *in, size_t at);

/* By forward: the logits of all rows. */
dlx_result dlx__xnnpack_run_forward(dlx__backend *b, int stream, dlx_error *err);

/* Can denoise tell what the head is asked for? */
bool dlx__xnnpack_denoises(const dlx__backend *b, const dlx__head *in);
/* By denoise: the stats of the head's rows; `in` NULL: none, for K and V alone. */
dlx_result dlx__xnnpack_run_denoise(dlx__backend *b, int stream, const dlx__head *in,
                                    dlx_error *err);

dlx_result dlx__xnnpack_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                             dlx_error *err);
dlx_result dlx__xnnpack_step(dlx__backend *b, const dlx__step *in, dlx_error *err);
dlx_result dlx__xnnpack_head(dlx__backend *b, const dlx__head *in, dlx_error *err);
void dlx__xnnpack_close(dlx__backend *b);

#endif
