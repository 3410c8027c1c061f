/* onnx_linear.c - products and the table of the embedding, by profile. */
#include "dtype/affine.h"
#include "export/onnx_build.h"

#include <stdio.h>

/* A matrix in fp32 or fp16. */
static dlx__onnx_value matrix(dlx__onnx_pass *p, const dlx__tensor *w, dlx__packing packing)
{
    const bool half = packing == DLX__PACK_FP16;
    return dlx__onnx_weight(p->x, w->name, half ? DLX__ONNX_FLOAT16 : DLX__ONNX_FLOAT, w->shape, 2,
                            dlx__weight_store_rows(p->store, w, packing, DLX__ROW_NUMBERS));
}

static dlx__onnx_value widened(dlx__onnx_pass *p, dlx__onnx_value x)
{
    const dlx__onnx_tensor from = *dlx__onnx_at(p->x, x);
    if (from.type == DLX__ONNX_FLOAT)
        return x;
    const dlx__onnx_value y =
        dlx__onnx_op(p->x, "Cast", &x, 1, DLX__ONNX_FLOAT, from.dims, from.n_dims);
    dlx__onnx_int(p->x, "to", DLX__ONNX_FLOAT);
    return y;
}

/* x [n, k] times w [outputs, k] turned, with the bias -> [n, outputs] */
static dlx__onnx_value gemm(dlx__onnx_pass *p, const dlx__node *node, dlx__onnx_value x,
                            dlx__onnx_value w, size_t n)
{
    const size_t dims[] = {n, node->n_cols};
    const dlx__onnx_value bias = node->bias ? dlx__onnx_vector(p, node->bias) : DLX__ONNX_NONE;
    const dlx__onnx_value in[] = {x, w, bias};
    const dlx__onnx_value y =
        dlx__onnx_op(p->x, "Gemm", in, node->bias ? 3 : 2, DLX__ONNX_FLOAT, dims, 2);
    dlx__onnx_int(p->x, "transB", 1);
    return y;
}

/* ---- four bits ----------------------------------------------------------------------------- */

/* The numbers of w, or the scales of its groups, [outputs, groups, ...]. */
static dlx__onnx_value groups(dlx__onnx_pass *p, const dlx__tensor *w, dlx__row_part part)
{
    char name[256];
    const size_t dims[] = {w->shape[0], w->shape[1] / DLX__PACK_GROUP, DLX__PACK_GROUP / 2};
    const bool scales = part == DLX__ROW_SCALES;
    snprintf(name, sizeof name, "%s%s", w->name, scales ? ".scales" : "");
    return dlx__onnx_weight(p->x, name, scales ? DLX__ONNX_FLOAT : DLX__ONNX_UINT8, dims,
                            scales ? 2 : 3,
                            dlx__weight_store_rows(p->store, w, DLX__PACK_INT4_FLOAT, part));
}

/* The node keeps the four bits. On the NPU it takes rows of three axes, and no bias. */
static dlx__onnx_value product_of_groups(dlx__onnx_pass *p, const dlx__node *node,
                                         dlx__onnx_value x, size_t n)
{
    const dlx__tensor *w = node->weight;
    const size_t N = w->shape[0], K = w->shape[1], deep[] = {1, n, N}, flat[] = {n, N};
    x = dlx__onnx_reshape(p, x, (size_t[]){1, n, K}, 3);
    dlx__onnx_value y = DLX__ONNX_NODE(p, "MatMulNBits", deep, x, groups(p, w, DLX__ROW_NUMBERS),
                                       groups(p, w, DLX__ROW_SCALES));
    dlx__onnx_domain(p->x, "com.microsoft");
    dlx__onnx_int(p->x, "K", (int64_t)K);
    dlx__onnx_int(p->x, "N", (int64_t)N);
    dlx__onnx_int(p->x, "bits", 4);
    dlx__onnx_int(p->x, "block_size", DLX__PACK_GROUP);
    y = dlx__onnx_reshape(p, y, flat, 2);
    return node->bias ? DLX__ONNX_NODE(p, "Add", flat, y, dlx__onnx_vector(p, node->bias)) : y;
}

/* ---- whole numbers ------------------------------------------------------------------------- */

dlx__onnx_value dlx__onnx_rounded(dlx__onnx_pass *p, dlx__onnx_value x, dlx__range range)
{
    const dlx__affine_grid grid = {.bits = 16, .is_unsigned = true};
    const dlx__affine a = dlx__affine_of(grid, range);
    const uint16_t zero_point = (uint16_t)a.zero_point;
    const dlx__onnx_tensor like = *dlx__onnx_at(p->x, x);
    const dlx__onnx_value scale = dlx__onnx_number(p->x, a.scale);
    const dlx__onnx_value zero =
        dlx__onnx_constant(p->x, DLX__ONNX_UINT16, NULL, 0, &zero_point, sizeof zero_point);
    const dlx__onnx_value whole =
        dlx__onnx_once(p->x, "QuantizeLinear", (dlx__onnx_value[]){x, scale, zero}, 3,
                       DLX__ONNX_UINT16, like.dims, like.n_dims);
    return dlx__onnx_once(p->x, "DequantizeLinear", (dlx__onnx_value[]){whole, scale, zero}, 3,
                          DLX__ONNX_FLOAT, like.dims, like.n_dims);
}

/* w [outputs, k] as int8 under a scale for each output. */
static dlx__onnx_value scaled_matrix(dlx__onnx_pass *p, const dlx__tensor *w)
{
    char name[256];
    snprintf(name, sizeof name, "%s.scales", w->name);
    const dlx__onnx_value in[] = {
        dlx__onnx_weight(p->x, w->name, DLX__ONNX_INT8, w->shape, 2,
                         dlx__weight_store_rows(p->store, w, DLX__PACK_INT8, DLX__ROW_NUMBERS)),
        dlx__onnx_weight(p->x, name, DLX__ONNX_FLOAT, w->shape, 1,
                         dlx__weight_store_rows(p->store, w, DLX__PACK_INT8, DLX__ROW_SCALES))};
    const dlx__onnx_value y =
        dlx__onnx_op(p->x, "DequantizeLinear", in, 2, DLX__ONNX_FLOAT, w->shape, 2);
    dlx__onnx_int(p->x, "axis", 0);
    return y;
}

/* ---- any ----------------------------------------------------------------------------------- */

dlx__onnx_value dlx__onnx_linear(dlx__onnx_pass *p, const dlx__node *node, dlx__onnx_value x,
                                 size_t n)
{
    const bool is_head = node == &p->g->nodes[p->g->logits];
    const dlx__packing packing = dlx__export_form(p->o->forms, node->weight, is_head);
    if (packing == DLX__PACK_INT4_FLOAT)
        return product_of_groups(p, node, x, n);
    if (packing == DLX__PACK_INT4_LPBQ)
        return dlx__onnx_lpbq(p, node, x, n);
    if (packing != DLX__PACK_INT8)
        return gemm(p, node, x, widened(p, matrix(p, node->weight, packing)), n);
    x = dlx__onnx_rounded(p, x, node->in_range);
    return dlx__onnx_rounded(p, gemm(p, node, x, scaled_matrix(p, node->weight), n),
                             node->out_range);
}

dlx__onnx_value dlx__onnx_embed(dlx__onnx_pass *p, const dlx__tensor *table, dlx__onnx_value ids,
                                size_t n)
{
    const size_t d = table->shape[1], dims[] = {1, n, d};
    const dlx__onnx_value w = matrix(p, table, p->o->forms->table);
    const dlx__onnx_value x = dlx__onnx_op(p->x, "Gather", (dlx__onnx_value[]){w, ids}, 2,
                                           dlx__onnx_at(p->x, w)->type, dims, 3);
    dlx__onnx_int(p->x, "axis", 0);
    return dlx__onnx_reshape(p, widened(p, x), (size_t[]){n, d}, 2);
}
