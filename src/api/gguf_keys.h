/* gguf_keys.h - all that a GGUF file says of a model but how its weights are stored. */
#ifndef DLX__GGUF_KEYS_H
#define DLX__GGUF_KEYS_H

#include "api/api.h"

/* Sizes, ids, vocabulary, chat template, and what else a GGUF source says that is not put yet. */
dlx_result dlx__api_put_keys(dlx__gguf_writer *w, const dlx_model *model, dlx_error *err);

#endif
