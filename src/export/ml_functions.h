/* ml_functions.h - which functions a package has, and how many rows and positions each. */
#ifndef DLX__ML_FUNCTIONS_H
#define DLX__ML_FUNCTIONS_H

#include "export/ml_package.h"

typedef struct dlx__ml_function {
    char name[32];
    dlx__ml_lower_opts sizes;
    dlx__ml_graph graph;
} dlx__ml_function;

typedef struct dlx__ml_functions {
    const dlx_allocator *mem;
    dlx__ml_function *items; /* [n], the first is the one that is run where nobody names one */
    size_t n;
} dlx__ml_functions;

/* All functions, lowered. On failure nothing is to be released. */
dlx_result dlx__ml_functions_lower(dlx__ml_functions *f, const dlx__model *m,
                                   const dlx__ml_package_opts *opts, dlx__ml_store *store,
                                   dlx_error *err);
void dlx__ml_functions_release(dlx__ml_functions *f);

#endif
