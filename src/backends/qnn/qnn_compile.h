/* qnn_compile.h - graphs of a directory made ready for one chip, by ONNX Runtime and its QNN
 * provider, where these are. */
#ifndef DLX__QNN_COMPILE_H
#define DLX__QNN_COMPILE_H

#include "backends/qnn/ort_session.h"
#include "export/onnx_model.h"

typedef struct dlx__qnn_compiler {
    dlx__ort ort;
    const dlx__soc *soc;
    size_t n_compiled;
    const dlx_allocator *mem;
} dlx__qnn_compiler;

/*
 * Where there is nothing to compile with, *why says so; its code is DLX_OK where there is. Only a
 * lack of memory is a failure.
 */
dlx_result dlx__qnn_compiler_open(dlx__qnn_compiler *c, const dlx__soc *soc,
                                  const dlx__runtime_paths *paths, const dlx_allocator *mem,
                                  dlx_error *why, dlx_error *err);
void dlx__qnn_compiler_close(dlx__qnn_compiler *c);

/* For dlx__onnx_compiler. Refuses a graph of which not every node is on the NPU, with
 * those that are not. */
dlx_result dlx__qnn_compile(void *compiler, const char *folder, const char *function,
                            char file[DLX__ONNX_CONTEXT_NAME], dlx_error *err);

#endif
