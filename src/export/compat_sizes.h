/* compat_sizes.h - what a call of a program with DLX__EXPORT_COMPAT costs. */
#ifndef DLX__COMPAT_SIZES_H
#define DLX__COMPAT_SIZES_H

#include "model/model.h"

/* Bytes of a call; SIZE_MAX: more than can be counted. */
typedef struct dlx__compat_sizes {
    size_t cache; /* of the input; the output has as many */
    size_t mask, insert, keep;
} dlx__compat_sizes;

dlx__compat_sizes dlx__compat_sizes_of(const dlx__hparams *hp, size_t n_rows, size_t n_ctx);

/* Refuses inputs beyond 2 GiB. */
dlx_result dlx__compat_check(const dlx__hparams *hp, size_t n_rows, size_t n_ctx, dlx_error *err);

#endif
