/* ml_build.h - what the files that lower a graph to an ML Program share. */
#ifndef DLX__ML_BUILD_H
#define DLX__ML_BUILD_H

#include "export/ml_lower.h"

typedef struct dlx__ml_pass {
    const dlx__graph *g;
    const dlx__static_function *o;
    dlx__weight_store *store;
    dlx__ml_graph *x;
    dlx__ml_value *values;    /* [g->n] of the graph's */
    dlx__ml_value cos, sin;   /* [1, 1, T, c] */
    dlx__ml_value mask;       /* [1, 1, T, S] */
    dlx__ml_value head_rows;  /* [R] */
    dlx__ml_value begin, end; /* i32 [4]: where the rows go in a state, and behind them */
    dlx_error *err;
} dlx__ml_pass;

/* The same numbers in other axes. */
dlx__ml_value dlx__ml_reshape(dlx__ml_pass *p, dlx__ml_value x, dlx__ml_shape shape);

/* x op y of a shape: "add", "mul", "sub", "real_div", "maximum". */
dlx__ml_value dlx__ml_binary(dlx__ml_pass *p, const char *op, dlx__ml_value x, dlx__ml_value y,
                             dlx__ml_shape shape);
dlx__ml_value dlx__ml_unary(dlx__ml_pass *p, const char *op, dlx__ml_value x);

/* A matrix or vector of the model. */
dlx__ml_value dlx__ml_matrix(dlx__ml_pass *p, const dlx__tensor *w, dlx__packing packing);

/* ml_linear.c: x [.., k] -> [.., n], the shape but for the last axis as that of x. */
dlx__ml_value dlx__ml_linear(dlx__ml_pass *p, const dlx__node *node, dlx__ml_value x);

/* ml_norm.c */
dlx__ml_value dlx__ml_norm(dlx__ml_pass *p, const dlx__node *node);

/* ml_attend.c: q, k, v [1, h, T, c] -> [1, h, T, c]; and where rows of a pass go in states. */
dlx__ml_value dlx__ml_attend(dlx__ml_pass *p, const dlx__node *node);
void dlx__ml_state_inputs(dlx__ml_pass *p);

/* ml_head.c: what chosen rows of hidden [1, T, d] choose; and the head alone. */
void dlx__ml_choose(dlx__ml_pass *p, dlx__ml_value hidden);
void dlx__ml_logits(dlx__ml_pass *p);

#endif
