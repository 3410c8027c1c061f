/*
 * xnn_linear.c - the fully connected node: which types of input, weight, bias and result go
 * together in XNNPACK. Other combinations are refused when a program is loaded, which is too late.
 */
#include "base/fail.h"
#include "export/xnn_build.h"

#define BIT(type) (1u << DLX__XNN_##type)

static const struct {
    dlx__xnn_type x, filter;
    unsigned bias, out; /* bits of the types that are possible */
} combinations[] = {
    {DLX__XNN_FP32, DLX__XNN_FP32, BIT(FP32), BIT(FP32)},
    {DLX__XNN_FP32, DLX__XNN_FP16, BIT(FP32) | BIT(FP16), BIT(FP32)},
    {DLX__XNN_FP16, DLX__XNN_FP16, BIT(FP32) | BIT(FP16), BIT(FP16)},
    {DLX__XNN_FP16, DLX__XNN_FP32, BIT(FP32) | BIT(FP16), BIT(FP16)},
    {DLX__XNN_BF16, DLX__XNN_BF16, BIT(FP32), BIT(FP32) | BIT(BF16)},
    {DLX__XNN_QDINT8, DLX__XNN_QCINT8, BIT(FP32), BIT(FP32) | BIT(FP16)},
    {DLX__XNN_QDINT8, DLX__XNN_QCINT4, BIT(FP32), BIT(FP32) | BIT(FP16)},
    {DLX__XNN_QDINT8, DLX__XNN_QBINT4, BIT(FP32), BIT(FP32) | BIT(FP16)},
    {DLX__XNN_FP32, DLX__XNN_QCINT8, 0, BIT(FP32)},
    {DLX__XNN_FP32, DLX__XNN_QCINT4, 0, BIT(FP32)},
    {DLX__XNN_QINT8, DLX__XNN_QCINT8, BIT(QCINT32), BIT(QINT8)},
};

static bool possible(const dlx__xnn_value_info *x, const dlx__xnn_value_info *filter,
                     const dlx__xnn_value_info *bias, dlx__xnn_type type)
{
    for (size_t i = 0; i < DLX__LEN(combinations); i++) {
        if (combinations[i].x == x->type && combinations[i].filter == filter->type)
            return (!bias || (combinations[i].bias >> bias->type & 1u)) &&
                   (combinations[i].out >> type & 1u);
    }
    return false;
}

static bool shapes_fit(const dlx__xnn_value_info *x, const dlx__xnn_value_info *filter,
                       const dlx__xnn_value_info *bias)
{
    return x->n_dims >= 1 && filter->n_dims == 2 && filter->data &&
           x->dims[x->n_dims - 1] == filter->dims[1] &&
           (!bias || (bias->data && bias->n_dims == 1 && bias->dims[0] == filter->dims[0]));
}

static dlx__xnn_value misfit(dlx__xnn_graph *g, const char *expected, const dlx__xnn_value_info *x,
                             const dlx__xnn_value_info *filter, const dlx__xnn_value_info *bias,
                             dlx__xnn_type type)
{
    char shapes[3][96] = {"", "", ""};
    const char *result = dlx__xnn_type_name(type);
    dlx__fail(&g->failure, DLX_E_ARG,
              "XNNPACK FullyConnected: expected %s, found input %s %s, weight %s %s, bias %s %s, "
              "result %s",
              expected, dlx__xnn_type_name(x->type), dlx__xnn_shape(shapes[0], x),
              dlx__xnn_type_name(filter->type), dlx__xnn_shape(shapes[1], filter),
              bias ? dlx__xnn_type_name(bias->type) : "none",
              bias ? dlx__xnn_shape(shapes[2], bias) : "", result ? result : "unknown");
    return DLX__XNN_NONE;
}

dlx__xnn_value dlx__xnn_fully_connected(dlx__xnn_graph *g, dlx__xnn_value x, dlx__xnn_value filter,
                                        dlx__xnn_value bias, dlx__xnn_type type,
                                        const dlx__xnn_quant *quant)
{
    const dlx__xnn_op op = DLX__XNN_OP_FULLY_CONNECTED;
    const dlx__xnn_value_info *in = dlx__xnn_operand(g, op, x);
    const dlx__xnn_value_info *w = dlx__xnn_look(g, dlx__xnn_op_name(op), filter);
    const dlx__xnn_value_info *b =
        bias == DLX__XNN_NONE ? NULL : dlx__xnn_look(g, dlx__xnn_op_name(op), bias);
    if (dlx__xnn_failed(g))
        return DLX__XNN_NONE;
    if (!shapes_fit(in, w, b))
        return misfit(g, "constants [n, k] and [n] for an input of k columns", in, w, b, type);
    const bool scaled = quant && quant->kind == DLX__XNN_PER_TENSOR;
    if (!possible(in, w, b, type) || scaled != (type == DLX__XNN_QINT8))
        return misfit(g, "types that XNNPACK multiplies", in, w, b, type);
    dlx__xnn_value_info out = *in;
    out.type = type;
    out.dims[out.n_dims - 1] = w->dims[0];
    out.quant = scaled ? *quant : (dlx__xnn_quant){.kind = DLX__XNN_PLAIN};
    const dlx__xnn_node node = {.op = op, .in = {x, filter, bias, DLX__XNN_NONE, DLX__XNN_NONE}};
    return dlx__xnn_add_node(g, &node, &out);
}
