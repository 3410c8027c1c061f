/*
 * recorded.h - what quantizing leaves in a GGUF file beside the weights, under keys of ours:
 *
 *     dlx.quant.scheme         text, a name of graph/scheme.h
 *     dlx.quant.method         text, how weights were rounded: small letters, digits, - and _
 *     dlx.quant.range.names    texts, weights of linear nodes as the file names them
 *     dlx.quant.range.largest  f32, of each the largest magnitude of what the node read
 *
 * Each may be absent, the two lists only together.
 */
#ifndef DLX__RECORDED_H
#define DLX__RECORDED_H

#include "model/model.h"

#define DLX__QUANT_SCHEME "dlx.quant.scheme"
#define DLX__QUANT_METHOD "dlx.quant.method"
#define DLX__QUANT_RANGE_NAMES "dlx.quant.range.names"
#define DLX__QUANT_RANGE_LARGEST "dlx.quant.range.largest"

/* Sets m->scheme, m->quant_method and in_largest of the nodes of a model whose graph is built. */
dlx_result dlx__recorded_read(dlx__model *m, dlx_error *err);

/*
 * Puts the keys: the ranges of n matrices by their names in the file; largest NULL: not known yet,
 * to be changed by dlx__gguf_change_f32s of DLX__QUANT_RANGE_LARGEST. A scheme of NONE, a method of
 * NULL and an n of 0 put nothing.
 */
dlx_result dlx__recorded_put(dlx__gguf_writer *w, dlx__scheme scheme, const char *method,
                             const dlx__gguf_string *names, const float *largest, size_t n,
                             dlx_error *err);

#endif
