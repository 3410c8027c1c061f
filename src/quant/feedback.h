/*
 * feedback.h - rounding a matrix one input after the other, each error handed on to the inputs that
 * are still to be rounded, so that the products change as little as can be.
 *
 * With H the moments of the inputs (moments.h), H = MT M, M lower triangular, input k is rounded at
 *
 *   t[k] = w[k] + sum over i < k of (w[i] - rounded[i]) M[k][i] / M[k][k]
 *
 * which is GPTQ (Frantar et al., "GPTQ: Accurate Post-Training Quantization", 2023) in the form of
 * LDLQ (Chee et al., "QuIP", 2023): the same numbers, without an inverse of H.
 */
#ifndef DLX__FEEDBACK_H
#define DLX__FEEDBACK_H

#include "dtype/grid.h"
#include "quant/moments.h"

/*
 * Turns the moments into M / diagonal, unit lower triangular, in place. damping: a part of the mean
 * of the diagonal is added to it first, more if that does not do; inputs that were always zero are
 * taken as independent. The moments are of no other use afterwards.
 */
dlx_result dlx__feedback_prepare(dlx__moments *m, dlx__dense *d, float damping, dlx_error *err);

/* How the rows of a matrix become bytes. */
typedef struct dlx__feedback_form {
    dlx__dtype dtype;
    size_t group;            /* as for dlx__grids_choose */
    const float *importance; /* [n_in] */
} dlx__feedback_form;

/*
 * Rounds w [n_out, n_in] (which becomes the rounded numbers) and packs it: to [n_out] rows. `m`
 * as dlx__feedback_prepare left it. The same bytes for any number of threads.
 */
dlx_result dlx__feedback_round(uint8_t *to, dlx__rows w, const dlx__feedback_form *form,
                               const dlx__moments *m, dlx__dense *d, dlx_error *err);

#endif
