/*
 * scales.h - activation-aware scaling: features that are large get their weights enlarged before
 * these are rounded, and are divided themselves, so that the steps of rounding are finest where
 * they matter.
 *
 * Source: AWQ (Lin et al., "AWQ: Activation-aware Weight Quantization", 2023): scales are the mean
 * magnitudes to the power of alpha, alpha the best of a few by the error of the products.
 */
#ifndef DLX__SCALES_H
#define DLX__SCALES_H

#include "dtype/grid.h"
#include "quant/moments.h"
#include "quant/site.h"

/* What rows of a matrix become. */
typedef struct dlx__round_form {
    dlx__dtype dtype; /* a float type: not rounded on grids */
    size_t group;     /* as for dlx__grids_choose */
} dlx__round_form;

/*
 * The scales [n_in] of a site for readers that become forms [n_readers]; all 1 when none is better.
 * Changes nothing else. gain: the error of the products with these scales, as a part of that
 * without.
 */
dlx_result dlx__scales_search(float *scales, double *gain, const dlx__layer *l,
                              dlx__site_index site, const dlx__round_form *forms,
                              const dlx__moments *m, const dlx__hparams *hp, dlx__dense *d,
                              dlx_error *err);

#endif
