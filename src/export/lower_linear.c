/* lower_linear.c - float products, products of rows rounded as they come, and static ones. */
#include "export/lower_linear.h"

#include "export/static_product.h"

bool dlx__products_init(dlx__products *p, size_t n_nodes)
{
    p->rounded = dlx__arena_alloc(&p->x->arena, n_nodes, sizeof *p->rounded);
    for (size_t i = 0; p->rounded && i < n_nodes; i++)
        p->rounded[i].value = DLX__XNN_NONE;
    return p->rounded != NULL;
}

static bool is_same(const dlx__xnn_quant *a, const dlx__xnn_quant *b)
{
    return a->kind == b->kind && a->scale == b->scale && a->zero_point == b->zero_point;
}

/* Rows x [T, k], which are value v of the graph, rounded: the same again where that was done. */
static dlx__xnn_value rounded(dlx__products *p, dlx__value v, dlx__xnn_value x, dlx__xnn_type type,
                              const dlx__xnn_quant *quant)
{
    dlx__rounded_value *r = &p->rounded[v];
    if (r->value == DLX__XNN_NONE || !is_same(&r->quant, quant))
        *r = (dlx__rounded_value){dlx__xnn_convert(p->x, x, type, quant), *quant};
    return r->value;
}

static dlx__xnn_quant per_tensor(const dlx__affine *a)
{
    return (dlx__xnn_quant){
        .kind = DLX__XNN_PER_TENSOR, .scale = a->scale, .zero_point = a->zero_point};
}

/* The bias as whole numbers of the sums' units. */
static dlx__xnn_value whole_bias(dlx__products *p, const dlx__static_product *s, size_t n)
{
    if (!s->bias)
        return DLX__XNN_NONE;
    const dlx__xnn_quant units = {
        .kind = DLX__XNN_PER_CHANNEL,
        .scales = dlx__packed_numbers(p->packed, p->x, true, s->units, n * sizeof *s->units)};
    const dlx__xnn_data data =
        dlx__packed_numbers(p->packed, p->x, false, s->bias, n * sizeof *s->bias);
    return dlx__xnn_weight(p->x, DLX__XNN_QCINT32, &n, 1, data, &units);
}

static dlx_result lower_static(dlx__products *p, const dlx__node *node, dlx__xnn_value x,
                               dlx__xnn_value *out, dlx_error *err)
{
    const dlx__static_product *s;
    dlx__xnn_value filter;
    DLX__TRY(dlx__packed_product(p->packed, node, &s, err));
    DLX__TRY(dlx__packed_scaled_filter(p->packed, p->x, node->weight, s->scales, &filter, err));
    const dlx__xnn_quant in = per_tensor(&s->in), result = per_tensor(&s->out);
    const dlx__xnn_value bias = whole_bias(p, s, node->weight->shape[0]);
    const dlx__xnn_value rows = rounded(p, node->in[0], x, DLX__XNN_QINT8, &in);
    const dlx__xnn_value y =
        dlx__xnn_fully_connected(p->x, rows, filter, bias, DLX__XNN_QINT8, &result);
    *out = dlx__xnn_convert(p->x, y, DLX__XNN_FP32, NULL);
    return DLX_OK;
}

dlx_result dlx__lower_linear(dlx__products *p, const dlx__node *node, bool is_head,
                             dlx__xnn_value x, dlx__xnn_value *out, dlx_error *err)
{
    const dlx__xnn_quant each_row = {.kind = DLX__XNN_PER_TOKEN};
    const dlx__packing packing = dlx__export_form(&p->packed->forms, node->weight, is_head);
    const bool integers = dlx__packing_rounds_rows(packing);
    const bool bare = integers && p->packed->scheme == DLX__SCHEME_WEIGHT_ONLY;
    dlx__xnn_value filter, bias = DLX__XNN_NONE;
    if (p->packed->scheme == DLX__SCHEME_STATIC && !is_head)
        return lower_static(p, node, x, out, err);
    DLX__TRY(dlx__packed_filter(p->packed, p->x, node->weight, is_head, &filter, err));
    if (node->bias && !bare)
        DLX__TRY(dlx__packed_bias(p->packed, p->x, node->bias, &bias, err));
    if (integers && !bare)
        x = rounded(p, node->in[0], x, DLX__XNN_QDINT8, &each_row);
    *out = dlx__xnn_fully_connected(p->x, x, filter, bias, DLX__XNN_FP32, NULL);
    if (node->bias && bare) /* the node would multiply it by the scales too */
        *out = dlx__xnn_binary(p->x, DLX__XNN_OP_ADD, *out, p->vector(p->user, node->bias));
    return DLX_OK;
}
