/*
 * xnn_nodes.c - the nodes of an XNNPACK graph, except for the fully connected one. The shape of a
 * result follows from the shapes of the inputs by the rules of XNNPACK itself.
 */
#include "base/fail.h"
#include "export/xnn_build.h"

#include <string.h>

dlx__xnn_value dlx__xnn_add_node(dlx__xnn_graph *g, const dlx__xnn_node *node,
                                 const dlx__xnn_value_info *out)
{
    dlx__xnn_node n = *node;
    dlx__xnn_value_info info = *out;
    if (!dlx__xnn_check_dims(g, dlx__xnn_op_name(n.op), info.dims, info.n_dims))
        return DLX__XNN_NONE;
    info.data = 0;
    info.external_id = DLX__XNN_NONE;
    info.is_input = false;
    info.node = (uint32_t)g->n_nodes;
    n.out = dlx__xnn_add_value(g, &info);
    dlx__xnn_node *nodes =
        dlx__arena_grow(&g->arena, g->nodes, g->n_nodes, &g->node_capacity, sizeof *nodes);
    if (!nodes)
        return dlx__xnn_no_memory(g);
    g->nodes = nodes;
    nodes[g->n_nodes++] = n;
    return dlx__xnn_failed(g) ? DLX__XNN_NONE : n.out;
}

const dlx__xnn_value_info *dlx__xnn_operand(dlx__xnn_graph *g, dlx__xnn_op op, dlx__xnn_value v)
{
    const dlx__xnn_value_info *info = dlx__xnn_look(g, dlx__xnn_op_name(op), v);
    if (!info || !info->data)
        return info;
    dlx__fail(&g->failure, DLX_E_ARG,
              "XNNPACK %s: found a constant, whose bytes are gone when the node runs; pass it as "
              "an input",
              dlx__xnn_op_name(op));
    return NULL;
}

/* The same for arithmetic on plain numbers. */
static const dlx__xnn_value_info *number(dlx__xnn_graph *g, dlx__xnn_op op, dlx__xnn_value v)
{
    const dlx__xnn_value_info *info = dlx__xnn_operand(g, op, v);
    if (!info || info->type == DLX__XNN_FP32 || info->type == DLX__XNN_FP16)
        return info;
    dlx__fail(&g->failure, DLX_E_UNSUPPORTED,
              "XNNPACK %s: expected fp32 or fp16, found %s; convert it", dlx__xnn_op_name(op),
              dlx__xnn_type_name(info->type));
    return NULL;
}

static dlx__xnn_value misfit(dlx__xnn_graph *g, dlx__xnn_op op, const char *expected,
                             const dlx__xnn_value_info *a, const dlx__xnn_value_info *b)
{
    char left[96], right[96];
    if (b)
        dlx__fail(&g->failure, DLX_E_ARG, "XNNPACK %s: expected %s, found %s %s and %s %s",
                  dlx__xnn_op_name(op), expected, dlx__xnn_type_name(a->type),
                  dlx__xnn_shape(left, a), dlx__xnn_type_name(b->type), dlx__xnn_shape(right, b));
    else
        dlx__fail(&g->failure, DLX_E_ARG, "XNNPACK %s: expected %s, found %s %s",
                  dlx__xnn_op_name(op), expected, dlx__xnn_type_name(a->type),
                  dlx__xnn_shape(left, a));
    return DLX__XNN_NONE;
}

static dlx__xnn_node node_of(dlx__xnn_op op, dlx__xnn_value a, dlx__xnn_value b)
{
    return (dlx__xnn_node){.op = op, .in = {a, b, DLX__XNN_NONE, DLX__XNN_NONE, DLX__XNN_NONE}};
}

dlx__xnn_value dlx__xnn_unary(dlx__xnn_graph *g, dlx__xnn_op op, dlx__xnn_value x)
{
    const dlx__xnn_layout *unary = dlx__xnn_op_layout(DLX__XNN_OP_SQUARE);
    const dlx__xnn_value_info *in = number(g, op, x);
    if (!in)
        return DLX__XNN_NONE;
    if (dlx__xnn_op_layout(op) != unary || op == DLX__XNN_OP_CONVERT ||
        op == DLX__XNN_OP_GLOBAL_AVG_POOL)
        return misfit(g, op, "a kind of node with one input and a result like it", in, NULL);
    if (op == DLX__XNN_OP_SOFTMAX && in->n_dims == 0)
        return misfit(g, op, "an axis", in, NULL);
    const dlx__xnn_node node = node_of(op, x, DLX__XNN_NONE);
    return dlx__xnn_add_node(g, &node, in);
}

/* The axes of a and b before their last `keep`, with length 1 and missing ones repeated. */
static bool broadcast(dlx__xnn_value_info *out, const dlx__xnn_value_info *a,
                      const dlx__xnn_value_info *b, int keep)
{
    const int n = a->n_dims > b->n_dims ? a->n_dims : b->n_dims;
    for (int i = 0; i < n - keep; i++) {
        const int from_a = i - (n - a->n_dims), from_b = i - (n - b->n_dims);
        const size_t da = from_a < 0 ? 1 : a->dims[from_a];
        const size_t db = from_b < 0 ? 1 : b->dims[from_b];
        if (da != db && da != 1 && db != 1)
            return false;
        out->dims[i] = dlx__max(da, db);
    }
    out->n_dims = n;
    return true;
}

dlx__xnn_value dlx__xnn_binary(dlx__xnn_graph *g, dlx__xnn_op op, dlx__xnn_value a,
                               dlx__xnn_value b)
{
    const dlx__xnn_layout *binary = dlx__xnn_op_layout(DLX__XNN_OP_ADD);
    const dlx__xnn_value_info *left = number(g, op, a), *right = number(g, op, b);
    if (!left || !right)
        return DLX__XNN_NONE;
    if (dlx__xnn_op_layout(op) != binary || op == DLX__XNN_OP_MATMUL || op == DLX__XNN_OP_PRELU)
        return misfit(g, op, "a kind of node with two inputs and a result like them", left, right);
    dlx__xnn_value_info out = {.type = left->type};
    if (left->type != right->type || !broadcast(&out, left, right, 0))
        return misfit(g, op, "one type, and axes of the same length or 1", left, right);
    const dlx__xnn_node node = node_of(op, a, b);
    return dlx__xnn_add_node(g, &node, &out);
}

static bool converts(dlx__xnn_type from, dlx__xnn_type to)
{
    const bool half = from == DLX__XNN_FP16 || from == DLX__XNN_BF16 || from == DLX__XNN_QINT8;
    if (from == DLX__XNN_FP16 && to == DLX__XNN_QDINT8)
        return true;
    if (to == DLX__XNN_FP32)
        return half;
    return from == DLX__XNN_FP32 && (to == DLX__XNN_FP16 || to == DLX__XNN_BF16 ||
                                     to == DLX__XNN_QDINT8 || to == DLX__XNN_QINT8);
}

dlx__xnn_value dlx__xnn_convert(dlx__xnn_graph *g, dlx__xnn_value x, dlx__xnn_type type,
                                const dlx__xnn_quant *quant)
{
    const dlx__xnn_op op = DLX__XNN_OP_CONVERT;
    const dlx__xnn_value_info *in = dlx__xnn_operand(g, op, x);
    if (!in)
        return DLX__XNN_NONE;
    const bool scaled = quant && quant->kind == DLX__XNN_PER_TENSOR;
    dlx__xnn_value_info out = *in;
    out.type = type;
    out.quant = (dlx__xnn_quant){.kind = DLX__XNN_PLAIN};
    if (!converts(in->type, type) || scaled != (type == DLX__XNN_QINT8))
        return misfit(g, op, "a conversion that XNNPACK has", in, &out);
    if (type == DLX__XNN_QDINT8)
        out.quant.kind = DLX__XNN_PER_TOKEN;
    else if (scaled)
        out.quant = *quant;
    const dlx__xnn_node node = node_of(op, x, DLX__XNN_NONE);
    return dlx__xnn_add_node(g, &node, &out);
}

dlx__xnn_value dlx__xnn_matmul(dlx__xnn_graph *g, dlx__xnn_value a, dlx__xnn_value b,
                               bool transpose_b)
{
    const dlx__xnn_op op = DLX__XNN_OP_MATMUL;
    const dlx__xnn_value_info *left = number(g, op, a), *right = number(g, op, b);
    if (!left || !right)
        return DLX__XNN_NONE;
    dlx__xnn_value_info out = {.type = left->type};
    if (left->n_dims < 2 || right->n_dims < 2 || left->type != right->type)
        return misfit(g, op, "two matrices of one type", left, right);
    const size_t *rows = right->dims + right->n_dims - 2;
    if (left->dims[left->n_dims - 1] != rows[transpose_b ? 1 : 0] ||
        !broadcast(&out, left, right, 2))
        return misfit(g, op, "inner axes of the same length, leading ones too or 1", left, right);
    out.dims[out.n_dims - 2] = left->dims[left->n_dims - 2];
    out.dims[out.n_dims - 1] = rows[transpose_b ? 0 : 1];
    dlx__xnn_node node = node_of(op, a, b);
    node.flags = transpose_b;
    return dlx__xnn_add_node(g, &node, &out);
}

dlx__xnn_value dlx__xnn_transpose(dlx__xnn_graph *g, dlx__xnn_value x, const int *perm)
{
    const dlx__xnn_op op = DLX__XNN_OP_TRANSPOSE;
    const dlx__xnn_value_info *in = number(g, op, x);
    if (!in)
        return DLX__XNN_NONE;
    dlx__xnn_value_info out = *in;
    dlx__xnn_node node = node_of(op, x, DLX__XNN_NONE);
    node.n_dims = in->n_dims;
    unsigned seen = 0;
    for (int i = 0; i < in->n_dims; i++) {
        if (perm[i] < 0 || perm[i] >= in->n_dims || (seen & 1u << perm[i]))
            return misfit(g, op, "every axis once", in, NULL);
        seen |= 1u << perm[i];
        out.dims[i] = in->dims[perm[i]];
        node.a[i] = (uint32_t)perm[i];
    }
    return dlx__xnn_add_node(g, &node, &out);
}

dlx__xnn_value dlx__xnn_reshape(dlx__xnn_graph *g, dlx__xnn_value x, const size_t *dims, int n_dims)
{
    const dlx__xnn_op op = DLX__XNN_OP_RESHAPE;
    const dlx__xnn_value_info *in = number(g, op, x);
    if (!in)
        return DLX__XNN_NONE;
    dlx__xnn_value_info out = {.type = in->type, .n_dims = n_dims};
    if (n_dims < 0 || n_dims > DLX__XNN_MAX_DIMS)
        return misfit(g, op, "at most 6 axes", in, NULL);
    dlx__xnn_node node = node_of(op, x, DLX__XNN_NONE);
    node.n_dims = n_dims;
    const size_t elems = dlx__xnn_elems(in->dims, in->n_dims);
    size_t known = 1;
    int open = -1, n_open = 0;
    for (int i = 0; i < n_dims; i++) {
        out.dims[i] = dims[i];
        node.a[i] = (uint32_t)dims[i];
        known = dims[i] ? dlx__mul(known, dims[i]) : known;
        open = dims[i] ? open : i;
        n_open += !dims[i];
    }
    if (n_open == 1)
        out.dims[open] = elems / known;
    if (n_open > 1 || dlx__xnn_elems(out.dims, n_dims) != elems)
        return misfit(g, op, "the same number of elements, one axis left open at most", in, &out);
    return dlx__xnn_add_node(g, &node, &out);
}

dlx__xnn_value dlx__xnn_slice(dlx__xnn_graph *g, dlx__xnn_value x, const size_t *offsets,
                              const size_t *sizes)
{
    const dlx__xnn_op op = DLX__XNN_OP_SLICE;
    const dlx__xnn_value_info *in = number(g, op, x);
    if (!in)
        return DLX__XNN_NONE;
    dlx__xnn_value_info out = *in;
    dlx__xnn_node node = node_of(op, x, DLX__XNN_NONE);
    node.n_dims = in->n_dims;
    for (int i = 0; i < in->n_dims; i++) {
        const size_t all = in->dims[i];
        out.dims[i] = sizes[i] ? sizes[i] : all;
        if (offsets[i] > all || out.dims[i] > all - offsets[i])
            return misfit(g, op, "a part that lies inside, or offset 0 and size 0", in, NULL);
        node.a[i] = (uint32_t)offsets[i];
        node.b[i] = (uint32_t)sizes[i];
    }
    return dlx__xnn_add_node(g, &node, &out);
}

/* One more part behind `out` along the axis. */
static bool lengthen(dlx__xnn_value_info *out, const dlx__xnn_value_info *part, int axis)
{
    if (part->type != out->type || part->n_dims != out->n_dims)
        return false;
    for (int i = 0; i < out->n_dims; i++)
        if (i != axis && part->dims[i] != out->dims[i])
            return false;
    out->dims[axis] = dlx__add(out->dims[axis], part->dims[axis]);
    return true;
}

dlx__xnn_value dlx__xnn_concat(dlx__xnn_graph *g, int axis, const dlx__xnn_value *parts, size_t n)
{
    static const dlx__xnn_op ops[] = {DLX__XNN_OP_CONCAT2, DLX__XNN_OP_CONCAT3, DLX__XNN_OP_CONCAT4,
                                      DLX__XNN_OP_CONCAT5};
    const dlx__xnn_op op = n >= 2 && n <= 5 ? ops[n - 2] : DLX__XNN_OP_CONCAT2;
    const dlx__xnn_value_info *first = number(g, op, n ? parts[0] : DLX__XNN_NONE);
    if (!first)
        return DLX__XNN_NONE;
    dlx__xnn_value_info out = *first;
    if (n < 2 || n > 5 || axis < 0 || axis >= out.n_dims)
        return misfit(g, op, "two to five parts along one of their axes", first, NULL);
    dlx__xnn_node node = node_of(op, parts[0], DLX__XNN_NONE);
    node.axis = (uint32_t)axis;
    for (size_t i = 1; i < n; i++) {
        const dlx__xnn_value_info *part = number(g, op, parts[i]);
        if (!part)
            return DLX__XNN_NONE;
        if (!lengthen(&out, part, axis))
            return misfit(g, op, "one type, and the same axes except for one", &out, part);
        node.in[i] = parts[i];
    }
    return dlx__xnn_add_node(g, &node, &out);
}

void dlx__xnn_limit(dlx__xnn_graph *g, dlx__xnn_value v, float min, float max)
{
    const dlx__xnn_value_info *info = dlx__xnn_look(g, "limit", v);
    if (!info)
        return;
    dlx__xnn_node *node = info->node == DLX__XNN_NONE ? NULL : &g->nodes[info->node];
    const bool known =
        node && (node->op == DLX__XNN_OP_ADD || node->op == DLX__XNN_OP_SUBTRACT ||
                 node->op == DLX__XNN_OP_MULTIPLY || node->op == DLX__XNN_OP_DIV ||
                 node->op == DLX__XNN_OP_CLAMP || node->op == DLX__XNN_OP_FULLY_CONNECTED);
    if (!known || !(min < max)) {
        dlx__fail(&g->failure, DLX_E_ARG,
                  "XNNPACK limit: expected the result of arithmetic and a lower limit below the "
                  "upper one, found %s, %g and %g",
                  node ? dlx__xnn_op_name(node->op) : "no node", (double)min, (double)max);
        return;
    }
    node->limited = true;
    node->min = min;
    node->max = max;
}
