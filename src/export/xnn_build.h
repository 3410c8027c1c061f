/* xnn_build.h - what the files that build an XNNPACK graph share. */
#ifndef DLX__XNN_BUILD_H
#define DLX__XNN_BUILD_H

#include "base/tensor.h"
#include "export/xnn_graph.h"

static inline bool dlx__xnn_failed(const dlx__xnn_graph *g)
{
    return g->failure.code != DLX_OK;
}

/* Keeps the failure; returns DLX__XNN_NONE. */
dlx__xnn_value dlx__xnn_no_memory(dlx__xnn_graph *g);

/* Copies *info. */
dlx__xnn_value dlx__xnn_add_value(dlx__xnn_graph *g, const dlx__xnn_value_info *info);

/* A value, or NULL and a failure where there is none of that number; until the next is added. */
const dlx__xnn_value_info *dlx__xnn_look(dlx__xnn_graph *g, const char *what, dlx__xnn_value v);

/* The same for an input of a node that is not a weight, so no constant. */
const dlx__xnn_value_info *dlx__xnn_operand(dlx__xnn_graph *g, dlx__xnn_op op, dlx__xnn_value v);

/* Adds the node and the value `out` that it computes; n inputs, the others are none. */
dlx__xnn_value dlx__xnn_add_node(dlx__xnn_graph *g, const dlx__xnn_node *node,
                                 const dlx__xnn_value_info *out);

bool dlx__xnn_check_dims(dlx__xnn_graph *g, const char *what, const size_t *dims, int n_dims);
const char *dlx__xnn_shape(char out[96], const dlx__xnn_value_info *v);
size_t dlx__xnn_elems(const size_t *dims, int n_dims); /* SIZE_MAX on overflow */

#endif
