/*
 * gguf_put.h - what a GGUF file says of a model beside its tensors and its tokenizer: llama.cpp's
 * keys, and ours beside them, so that the file opens as the same model.
 */
#ifndef DLX__GGUF_PUT_H
#define DLX__GGUF_PUT_H

#include "graph/scheme.h"
#include "model/model.h"

/* Of a model from a GGUF file all keys are taken over, but those of dlx__gguf_put_quantization; of
 * another one its numbers are written. */
dlx_result dlx__gguf_put_model(dlx__gguf_writer *w, const dlx__model *m, dlx_error *err);

/*
 * How the weights were made, and for which scheme: general.quantization_version, dlx.quant.scheme,
 * dlx.quant.method; and, for static schemes, what each linear node's input was at most:
 * dlx.quant.range.names and dlx.quant.range.largest, which is to be changed when it is known.
 */
dlx_result dlx__gguf_put_quantization(dlx__gguf_writer *w, dlx__scheme scheme, const char *method,
                                      const dlx__gguf_string *names, size_t n_names,
                                      dlx_error *err);

#define DLX__KEY_RANGE_LARGEST "dlx.quant.range.largest"

/* Reads that back into m->scheme and the nodes of the graph. A file without such keys: nothing. */
dlx_result dlx__gguf_read_quantization(dlx__model *m, dlx_error *err);

#endif
