/* rounded_file.h - a GGUF file of the weights that a program would hold. */
#ifndef DLX__ROUNDED_FILE_H
#define DLX__ROUNDED_FILE_H

#include "api/api.h"
#include "export/exporter.h"

/* To o->path; sets o->written. */
dlx_result dlx__api_write_rounded(const dlx_model *model, const dlx__export_opts *o,
                                  dlx_error *err);

#endif
