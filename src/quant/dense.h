/*
 * dense.h - products of large float matrices, by the kernels of the cpu backend and all threads of
 * a pool. The same bits for any number of threads.
 */
#ifndef DLX__DENSE_H
#define DLX__DENSE_H

#include "base/pool.h"
#include "kernel/kernel.h"

typedef struct dlx__dense {
    const dlx_allocator *mem;
    const dlx__kernels *kernels;
    dlx__pool *pool;
    uint8_t *panels; /* of the right operand; grows as needed */
    size_t n_panel_bytes;
    float *products; /* [threads][DENSE_ROWS][64] */
} dlx__dense;

/* A matrix of n_rows rows that begin `stride` floats apart. */
typedef struct dlx__rows {
    float *x;
    size_t n_rows, n_cols, stride;
} dlx__rows;

/* n_threads as for dlx__pool_open. */
dlx_result dlx__dense_open(dlx__dense *d, int n_threads, const dlx_allocator *mem, dlx_error *err);
void dlx__dense_release(dlx__dense *d); /* zeroed is fine */

/*
 * c [m, n] += factor * a [m, k] bT, b [n, k]; c may not overlap a or b. lower: only what lies on or
 * under the diagonal of c (m = n) has to be right, the rest holds anything.
 */
dlx_result dlx__dense_add_product(dlx__dense *d, dlx__rows c, float factor, dlx__rows a,
                                  dlx__rows b, bool lower, dlx_error *err);

#endif
