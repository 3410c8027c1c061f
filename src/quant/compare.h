/*
 * compare.h - how far a quantized model is from the one it was made of: both see the same partly
 * masked passes, and what their heads say of each masked position is compared.
 */
#ifndef DLX__COMPARE_H
#define DLX__COMPARE_H

#include "quant/calibration.h"

enum { DLX__RATIO_BANDS = 5 }; /* of the part of a pass that is masked: up to 20 %, 40 % ... */

/* Sums over masked rows. p is what the first model says, q the second. */
typedef struct dlx__divergence {
    size_t n;
    double kl;      /* sum of KL(p || q), in nats */
    double kl_most; /* the largest of a row */
    size_t n_same;  /* rows whose arg-max is the same */
} dlx__divergence;

typedef struct dlx__comparison {
    dlx__divergence all;
    dlx__divergence
        open; /* rows whose entropy under p is above 0.1 nats: something is left to decide */
    dlx__divergence bands[DLX__RATIO_BANDS];
} dlx__comparison;

/* One side: a model, and in which arithmetic it runs on the cpu backend. */
typedef struct dlx__compare_side {
    const dlx__model *model;
    dlx__scheme scheme;
    dlx__kv_type kv_type; /* NONE: the default */
} dlx__compare_side;

typedef struct dlx__compare_opts {
    int n_threads;
    /* Called before each pass with how many are done; false stops. May be NULL. */
    bool (*progress)(void *user, size_t done, size_t all);
    void *user;
    const dlx_allocator *mem;
} dlx__compare_opts;

/* Both must have the same vocabulary. Rows whose logits are not finite are refused. */
dlx_result dlx__compare(dlx__comparison *out, const dlx__compare_side *p,
                        const dlx__compare_side *q, const dlx__calibration *passes,
                        const dlx__compare_opts *opts, dlx_error *err);

/* KL(p || q) of two rows of logits [n], and the entropy of p; the ids of their largest. */
typedef struct dlx__row_divergence {
    double kl, entropy;
    size_t best_p, best_q;
    bool finite;
} dlx__row_divergence;
dlx__row_divergence dlx__compare_rows(const float *p, const float *q, size_t n);

#endif
