/*
 * gguf_put.h - an open model's numbers and ids as GGUF keys: llama.cpp's, and ours beside them, so
 * that gguf_config.c reads the same dlx__hparams back. The order of putting decides: a key that a
 * caller has put already is not carried over from the file that the model came from.
 *
 *     dlx__gguf_put_types(w, type, mixed); what the new weights are
 *     dlx__recorded_put(w, ...);          how they were quantized (recorded.h)
 *     dlx__gguf_put_model(w, m);          sizes, rotation, ids
 *     dlx__text_put(w, ...);              vocabulary, chat template (text/text_put.h)
 *     dlx__gguf_put_carried(w, m);        what else a GGUF source says
 *
 * Each fails for lack of memory only.
 */
#ifndef DLX__GGUF_PUT_H
#define DLX__GGUF_PUT_H

#include "model/model.h"

/* general.file_type of llama.cpp for weights that are mostly of this type; mixed: q4_k, and q6_k
 * where most is lost. */
uint32_t dlx__gguf_file_type(dlx__dtype dtype, bool mixed);

/* general.file_type and general.quantization_version. */
dlx_result dlx__gguf_put_types(dlx__gguf_writer *w, dlx__dtype dtype, bool mixed);

/* general.architecture and all that follows from m->hp. A name, where the source gave none. */
dlx_result dlx__gguf_put_model(dlx__gguf_writer *w, const dlx__model *m);

/* What the tensors of a file without tensors would say. */
dlx_result dlx__gguf_put_table(dlx__gguf_writer *w, const dlx__model *m);

/* All other keys of a model that came from GGUF, without those that speak of its own weights. */
dlx_result dlx__gguf_put_carried(dlx__gguf_writer *w, const dlx__model *m);

#endif
