/* gguf_file.h - a GGUF file of a model, quantized while it is written. */
#ifndef DLX__GGUF_FILE_H
#define DLX__GGUF_FILE_H

#include "api/api.h"
#include "quant/quantizer.h"

#include <jansson.h>

/*
 * report (may be NULL): {"path","bytes","bytes_before","bytes_f16","types":{type: bytes},
 * "fallbacks":[{"tensor","type"}],"tensors":[{"name","type","bytes","error"}]}, to be released;
 * NULL for lack of memory, which is a failure too.
 */
dlx_result dlx__api_write_gguf(const dlx_model *model, const char *path,
                               const dlx__quantize_opts *o, json_t **report, dlx_error *err);

#endif
