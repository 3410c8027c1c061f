/* onnx_build.h - what the files that lower a graph to ONNX share. */
#ifndef DLX__ONNX_BUILD_H
#define DLX__ONNX_BUILD_H

#include "export/onnx_lower.h"

typedef struct dlx__onnx_pass {
    const dlx__graph *g;
    const dlx__static_function *o;
    dlx__weight_store *store;
    dlx__onnx_graph *x;
    dlx__onnx_value *values;   /* [g->n] of the graph's: rows [T, d], heads [1, h, T, c] */
    dlx__onnx_value cos, sin;  /* [1, T, c / 2] */
    dlx__onnx_value mask;      /* [1, 1, T, P + T] */
    dlx__onnx_value head_rows; /* [R] */
    dlx_error *err;
} dlx__onnx_pass;

/* A node with a float result of these dimensions. */
#define DLX__ONNX_NODE(p, op, dims, ...)                                                           \
    dlx__onnx_op((p)->x, op, (const dlx__onnx_value[]){__VA_ARGS__},                               \
                 DLX__LEN(((const dlx__onnx_value[]){__VA_ARGS__})), DLX__ONNX_FLOAT, dims,        \
                 (int)DLX__LEN(dims))

dlx__onnx_value dlx__onnx_reshape(dlx__onnx_pass *p, dlx__onnx_value x, const size_t *dims,
                                  int n_dims);
dlx__onnx_value dlx__onnx_transpose(dlx__onnx_pass *p, dlx__onnx_value x, const int64_t *perm,
                                    const size_t *dims);

/* A vector [n] of the model: a norm's weights, a bias. */
dlx__onnx_value dlx__onnx_vector(dlx__onnx_pass *p, const dlx__tensor *t);

/* onnx_linear.c: rows x [n, k] -> [n, outputs]; rows of a table [V, d] by ids [1, n] -> [n, d] */
dlx__onnx_value dlx__onnx_linear(dlx__onnx_pass *p, const dlx__node *node, dlx__onnx_value x,
                                 size_t n);
dlx__onnx_value dlx__onnx_embed(dlx__onnx_pass *p, const dlx__tensor *table, dlx__onnx_value ids,
                                size_t n);

/* x as 16 bits by its range, and real again: the NPU keeps the 16 bits between the two. */
dlx__onnx_value dlx__onnx_rounded(dlx__onnx_pass *p, dlx__onnx_value x, dlx__range range);

/* onnx_lpbq.c: as dlx__onnx_linear */
dlx__onnx_value dlx__onnx_lpbq(dlx__onnx_pass *p, const dlx__node *node, dlx__onnx_value x,
                               size_t n);

/* onnx_attend.c: heads q, k, v [1, h, T, c] -> [1, h, T, c]; k and v go out */
dlx__onnx_value dlx__onnx_attend(dlx__onnx_pass *p, const dlx__node *node);

/* onnx_head.c: what chosen rows of hidden [T, d] choose goes out; logits of rows alone */
void dlx__onnx_choose(dlx__onnx_pass *p, dlx__onnx_value hidden);
void dlx__onnx_logits(dlx__onnx_pass *p);

#endif
