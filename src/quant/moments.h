/*
 * moments.h - what calibration tells of the numbers that a product reads: the sums of x[i] x[j]
 * over all rows. From them follow the error that a rounded matrix makes, and how best to round it.
 *
 * Source: GPTQ (Frantar et al., 2023) calls 2 / n times them the Hessian of a layer.
 */
#ifndef DLX__MOMENTS_H
#define DLX__MOMENTS_H

#include "base/rng.h"
#include "quant/dense.h"

enum {
    DLX__MOMENT_ROWS = 128,  /* added at once */
    DLX__MOMENT_SAMPLE = 256 /* rows that are kept as they were */
};

typedef struct dlx__moments {
    const dlx_allocator *mem;
    size_t n;      /* features */
    size_t n_seen; /* rows */
    float *sums;   /* [n, n]: the lower triangle is right, the rest holds anything */
    float *turned; /* [n, DLX__MOMENT_ROWS]: some rows, transposed */
    float *sample; /* [n_sample, n]: of all rows, each as likely as another */
    size_t n_sample;
    dlx__rng rng;
} dlx__moments;

dlx_result dlx__moments_open(dlx__moments *m, size_t n, const dlx_allocator *mem, dlx_error *err);
void dlx__moments_release(dlx__moments *m); /* zeroed is fine */
void dlx__moments_reset(dlx__moments *m);   /* nothing seen, memory kept */

/* Rows x [n_rows, n]; NaN and infinity are refused. */
dlx_result dlx__moments_add(dlx__moments *m, dlx__dense *d, dlx__rows x, dlx_error *err);

/* As if each feature had been divided by its scale: scales [n]. */
void dlx__moments_divide(dlx__moments *m, const float *scales);

/* The mean of x[i] * x[i]: how much an error in weight i matters. */
void dlx__moments_importance(const dlx__moments *m, float *importance);

#endif
