/*
 * onnx_check.h - a directory of ONNX graphs against what is in it and the model that it is of: what
 * a session refuses when it opens, and dlx inspect.
 */
#ifndef DLX__ONNX_CHECK_H
#define DLX__ONNX_CHECK_H

#include "export/onnx_directory.h"
#include "model/model.h"

/* Every file that the manifest names is one of the directory itself; the weights have as many bytes
 * as it says. No graph is opened. */
dlx_result dlx__onnx_check_files(const dlx__onnx_directory *d, const char *path,
                                 const dlx_allocator *mem, dlx_error *err);

/* Family, functions, their tensors and which ids they may choose are those of the model. */
dlx_result dlx__onnx_check_model(const dlx__onnx_directory *d, const char *path,
                                 const dlx__model *m, const dlx_allocator *mem, dlx_error *err);

/* The weights are those that were written: all of them are read. */
dlx_result dlx__onnx_check_weights(const dlx__onnx_directory *d, const char *path,
                                   const dlx_allocator *mem, dlx_error *err);

#endif
