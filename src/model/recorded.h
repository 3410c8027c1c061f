/*
 * recorded.h - what quantizing leaves in a GGUF file beside the weights, under keys of ours:
 *
 *     dlx.quant.scheme         text, a name of graph/scheme.h
 *     dlx.quant.method         text, how weights were rounded: small letters, digits, - and _
 *     dlx.quant.range.names    texts, weights of linear nodes as the file names them
 *     dlx.quant.range.largest  f32, of each the largest magnitude of what the node read
 *     dlx.quant.range.in       f32, of each the least and the greatest number of what it read
 *     dlx.quant.range.out      f32, likewise of what it wrote; 0, 0 for the head
 *
 * Each may be absent; the first two lists are there together, and the other two with them or not
 * at all.
 */
#ifndef DLX__RECORDED_H
#define DLX__RECORDED_H

#include "model/model.h"

#define DLX__QUANT_SCHEME "dlx.quant.scheme"
#define DLX__QUANT_METHOD "dlx.quant.method"
#define DLX__QUANT_RANGE_NAMES "dlx.quant.range.names"
#define DLX__QUANT_RANGE_LARGEST "dlx.quant.range.largest"
#define DLX__QUANT_RANGE_IN "dlx.quant.range.in"
#define DLX__QUANT_RANGE_OUT "dlx.quant.range.out"

/* What the lists hold. */
typedef struct dlx__recorded_ranges {
    const dlx__gguf_string *names; /* [n] of matrices, as the file has them */
    const float *largest;          /* [n] */
    const dlx__range *in, *out;    /* [n]; NULL: neither is known */
    size_t n;
} dlx__recorded_ranges;

/* Sets m->scheme, m->quant_method and the ranges of the nodes of a model whose graph is built. */
dlx_result dlx__recorded_read(dlx__model *m, dlx_error *err);

/* Puts the keys. A scheme of NONE, a method of NULL and ranges of none put nothing. */
dlx_result dlx__recorded_put(dlx__gguf_writer *w, dlx__scheme scheme, const char *method,
                             const dlx__recorded_ranges *ranges, dlx_error *err);

/* Other numbers for the lists that were put, when all tensors are written. */
dlx_result dlx__recorded_change(dlx__gguf_writer *w, const dlx__recorded_ranges *ranges,
                                dlx_error *err);

#endif
