/* xnn_print.c - an XNNPACK graph as lines. */
#include "export/xnn_print.h"

#include "export/xnn_ops.h"

static bool put_shape(dlx__buf *out, const dlx__xnn_value_info *v)
{
    bool ok = dlx__buf_byte(out, '[');
    for (int i = 0; i < v->n_dims && ok; i++)
        ok = dlx__buf_format(out, "%s%zu", i ? ", " : "", v->dims[i]);
    return ok && dlx__buf_byte(out, ']');
}

bool dlx__xnn_print_value(const dlx__xnn_graph *g, dlx__xnn_value v, dlx__buf *out)
{
    return dlx__buf_format(out, "%s ", dlx__xnn_type_name(g->values[v].type)) &&
           put_shape(out, &g->values[v]);
}

static bool put_operand(dlx__buf *out, const dlx__xnn_graph *g, dlx__xnn_value v)
{
    const dlx__xnn_value_info *info = &g->values[v];
    if (!dlx__buf_format(out, " %%%u", v))
        return false;
    return info->data == 0 ||
           (dlx__buf_format(out, ":%s", dlx__xnn_type_name(info->type)) && put_shape(out, info));
}

static bool put_numbers(dlx__buf *out, const char *what, const uint32_t *numbers, int n)
{
    bool ok = dlx__buf_format(out, " %s [", what);
    for (int i = 0; i < n && ok; i++)
        ok = dlx__buf_format(out, "%s%u", i ? ", " : "", numbers[i]);
    return ok && dlx__buf_byte(out, ']');
}

/* What a node knows beside its inputs. */
static bool put_settings(dlx__buf *out, const dlx__xnn_node *node)
{
    switch (node->op) {
    case DLX__XNN_OP_CONCAT2:
    case DLX__XNN_OP_CONCAT3:
    case DLX__XNN_OP_CONCAT4:
    case DLX__XNN_OP_CONCAT5:
        return dlx__buf_format(out, " axis %u", node->axis);
    case DLX__XNN_OP_TRANSPOSE:
        return put_numbers(out, "perm", node->a, node->n_dims);
    case DLX__XNN_OP_SLICE:
        return put_numbers(out, "from", node->a, node->n_dims) &&
               put_numbers(out, "size", node->b, node->n_dims);
    case DLX__XNN_OP_MATMUL:
        return node->flags == 0 || dlx__buf_text(out, " transposed");
    default:
        return true;
    }
}

static bool put_node(dlx__buf *out, const dlx__xnn_graph *g, const dlx__xnn_node *node)
{
    bool ok = dlx__buf_format(out, "    %%%u %s", node->out, dlx__xnn_op_name(node->op));
    for (int i = 0; i < DLX__XNN_MAX_INPUTS && ok; i++)
        ok = node->in[i] == DLX__XNN_NONE || put_operand(out, g, node->in[i]);
    return ok && put_settings(out, node) && dlx__buf_text(out, " -> ") &&
           dlx__xnn_print_value(g, node->out, out) && dlx__buf_byte(out, '\n');
}

bool dlx__xnn_print(const dlx__xnn_graph *g, dlx__buf *out)
{
    for (size_t i = 0; i < g->n_nodes; i++)
        if (!put_node(out, g, &g->nodes[i]))
            return false;
    return true;
}
