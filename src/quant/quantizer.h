/*
 * quantizer.h - a model becomes another of smaller types, tensor by tensor, a layer at a time: so
 * much memory is needed as one layer takes, however large the model is.
 *
 * With a calibration the layers are computed one after the other, each on what the rounded ones
 * before it give, and shown to the method, and to the observers that record ranges for static
 * schemes. Where there is nothing to be learnt (method RTN, and a scheme that records nothing or
 * whose ranges were all observed earlier) tensors are read, rounded and handed on in slabs.
 */
#ifndef DLX__QUANTIZER_H
#define DLX__QUANTIZER_H

#include "quant/ranges.h"
#include "quant/round_layer.h"
#include "quant/rules.h"

typedef struct dlx__quantize_opts {
    dlx__rules rules;
    dlx__method method;
    dlx__scheme scheme;                  /* that the result is meant for */
    float damping;                       /* of error feedback; 0: 0.01 */
    const dlx__calibration *calibration; /* NULL: none */
    const dlx__ranges *ranges;           /* of static schemes */
    int n_threads;
    /* Called now and then with how much of the model is done; false stops. May be NULL. */
    bool (*progress)(void *user, size_t done, size_t all);
    void *user;
    const dlx_allocator *mem;
} dlx__quantize_opts;

/* Where the tensors go, in the order of dlx__quantizer_each. */
typedef struct dlx__quantizer_sink {
    /* The rows [first, first + n) of a tensor: bytes in its new type, t its new description. */
    dlx_result (*put)(void *user, dlx__role role, size_t layer, const dlx__tensor *t, size_t first,
                      size_t n, dlx_error *err);
    /* What the product of `role` of a layer met; the head's too. */
    dlx_result (*range)(void *user, dlx__role role, size_t layer, const dlx__product_ranges *ranges,
                        dlx_error *err);
    void *user;
} dlx__quantizer_sink;

/* Calls fn for each tensor of the result, in order; stops at the first failure. */
typedef dlx_result (*dlx__quantizer_fn)(void *user, dlx__role role, size_t layer, dlx_error *err);
dlx_result dlx__quantizer_each(const dlx__model *m, dlx__quantizer_fn fn, void *user,
                               dlx_error *err);

dlx_result dlx__quantize(const dlx__model *m, const dlx__quantize_opts *opts,
                         const dlx__quantizer_sink *sink, dlx_error *err);

#endif
