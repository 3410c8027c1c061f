/* onnx_functions.h - the functions of a directory, lowered, and what was compiled of them. */
#ifndef DLX__ONNX_FUNCTIONS_H
#define DLX__ONNX_FUNCTIONS_H

#include "export/onnx_lower.h"

enum { DLX__ONNX_CONTEXT_NAME = 64 };

typedef struct dlx__onnx_function {
    dlx__onnx_graph graph;
    char context[DLX__ONNX_CONTEXT_NAME]; /* the file of what was compiled; "": nothing was */
} dlx__onnx_function;

typedef struct dlx__onnx_functions {
    dlx__static_functions list;
    dlx__onnx_function *items; /* [list.n] */
} dlx__onnx_functions;

/* On failure nothing is to be released. */
dlx_result dlx__onnx_functions_lower(dlx__onnx_functions *f, const dlx__model *m,
                                     const dlx__export_opts *o, dlx__weight_store *store,
                                     dlx_error *err);
void dlx__onnx_functions_release(dlx__onnx_functions *f);

#endif
