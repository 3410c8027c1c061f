/* gguf_file.h - a GGUF file of a model, quantized while it is written. */
#ifndef DLX__GGUF_FILE_H
#define DLX__GGUF_FILE_H

#include "api/api.h"
#include "quant/quantizer.h"

#include <jansson.h>

/* report: NULL, or where what dlx__gguf_report_finish gives goes, to be released. */
dlx_result dlx__api_write_gguf(const dlx_model *model, const char *path,
                               const dlx__quantize_opts *o, json_t **report, dlx_error *err);

#endif
