/* onnx_functions.h - which graphs a model has, and how many rows and positions each. */
#ifndef DLX__ONNX_FUNCTIONS_H
#define DLX__ONNX_FUNCTIONS_H

#include "export/onnx_model.h"

typedef struct dlx__onnx_function {
    char name[32];
    dlx__onnx_lower_opts sizes;
    dlx__onnx_graph graph;
    char context[DLX__ONNX_CONTEXT_NAME]; /* the file of what was compiled; "": nothing was */
} dlx__onnx_function;

typedef struct dlx__onnx_functions {
    const dlx_allocator *mem;
    dlx__onnx_function *items; /* [n] */
    size_t n;
} dlx__onnx_functions;

/* All graphs, lowered. On failure nothing is to be released. */
dlx_result dlx__onnx_functions_lower(dlx__onnx_functions *f, const dlx__model *m,
                                     const dlx__onnx_model_opts *opts, dlx__onnx_store *store,
                                     dlx_error *err);
void dlx__onnx_functions_release(dlx__onnx_functions *f);

#endif
