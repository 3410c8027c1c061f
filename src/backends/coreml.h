/*
 * coreml.h - running Core ML packages: coreml_apple.m on systems of Apple, coreml_elsewhere.c where
 * there is no Core ML, which says so.
 */
#ifndef DLX__COREML_H
#define DLX__COREML_H

#include "backends/backend.h"

dlx_result dlx__coreml_probe(dlx_error *err);
dlx_result dlx__coreml_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                            dlx_error *err);
dlx_result dlx__coreml_step(dlx__backend *b, const dlx__step *in, dlx_error *err);
dlx_result dlx__coreml_head(dlx__backend *b, const dlx__head *in, dlx_error *err);
void dlx__coreml_close(dlx__backend *b);

#endif
