/* ml_functions.h - the functions of a package, lowered. */
#ifndef DLX__ML_FUNCTIONS_H
#define DLX__ML_FUNCTIONS_H

#include "export/ml_lower.h"

typedef struct dlx__ml_functions {
    dlx__static_functions list;
    dlx__ml_graph *graphs; /* [list.n] */
} dlx__ml_functions;

/* On failure nothing is to be released. */
dlx_result dlx__ml_functions_lower(dlx__ml_functions *f, const dlx__model *m,
                                   const dlx__export_opts *o, dlx__weight_store *store,
                                   dlx_error *err);
void dlx__ml_functions_release(dlx__ml_functions *f);

#endif
