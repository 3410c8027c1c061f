/*
 * lower_linear.h - products as XNNPACK has them: which types they multiply follows from the form of
 * the weights and the scheme. Rows are rounded once for all products that read them alike.
 */
#ifndef DLX__LOWER_LINEAR_H
#define DLX__LOWER_LINEAR_H

#include "export/packed.h"
#include "graph/graph.h"

/* A value of the graph, rounded. */
typedef struct dlx__rounded_value {
    dlx__xnn_value value; /* DLX__XNN_NONE: not yet */
    dlx__xnn_quant quant; /* how */
} dlx__rounded_value;

typedef struct dlx__products {
    dlx__xnn_graph *x;
    dlx__packed *packed;
    dlx__rounded_value *rounded; /* [nodes of the graph] */
    /* Gives a vector [n] of the model as an input of the delegate. */
    dlx__xnn_value (*vector)(void *user, const dlx__tensor *t);
    void *user;
} dlx__products;

/* False: no memory. */
bool dlx__products_init(dlx__products *p, size_t n_nodes);

/* The linear node of x, which is the rows [T, k] of its input; is_head: it gives the logits. */
dlx_result dlx__lower_linear(dlx__products *p, const dlx__node *node, bool is_head,
                             dlx__xnn_value x, dlx__xnn_value *out, dlx_error *err);

#endif
