/* onnx_lpbq.c - products of INT4_LPBQ: four bits, whole-numbered scales of groups, 16 bits of rows.
 */
#include "base/fail.h"
#include "dtype/convert.h"
#include "export/onnx_build.h"

#include <stdio.h>

static dlx__onnx_value part_of(dlx__onnx_pass *p, const dlx__tensor *w, const char *suffix,
                               dlx__onnx_type type, const size_t *dims, int n_dims,
                               dlx__row_part part)
{
    char name[256];
    snprintf(name, sizeof name, "%s%s", w->name, suffix);
    return dlx__onnx_weight(p->x, name, type, dims, n_dims,
                            dlx__weight_store_rows(p->store, w, DLX__PACK_INT4_LPBQ, part));
}

/* Zero points, of which the NPU's compiler takes the number of bits. */
static dlx__onnx_value zeros(dlx__onnx_pass *p, dlx__onnx_type type, const size_t *dims, int n_dims)
{
    char name[64];
    const size_t n = n_dims == 1 ? dims[0] : dlx__mul(dims[0], dims[1]);
    const size_t n_bytes = type == DLX__ONNX_INT4 ? (n + 1) / 2 : n;
    snprintf(name, sizeof name, "zeros.%s.%zu.%zu", dlx__onnx_type_name(type), dims[0],
             n_dims == 1 ? 1 : dims[1]);
    const void *bytes = dlx__arena_alloc(&p->x->arena, n_bytes, 1); /* zeroed */
    if (!bytes) {
        dlx__fail_memory(&p->x->failure, "lowering a model", n_bytes);
        return DLX__ONNX_NONE;
    }
    return dlx__onnx_weight(
        p->x, name, type, dims, n_dims,
        dlx__weight_store_bytes(p->store, name, DLX__PART_PROGRAM, bytes, n_bytes));
}

/*
 * w turned, [k, outputs]. The compiler knows the form by its shape: scales of groups that are whole
 * numbers under a scale for each output, integers of [k, outputs], and a MatMul.
 */
static dlx__onnx_value matrix_of_levels(dlx__onnx_pass *p, const dlx__tensor *w)
{
    const size_t N = w->shape[0], K = w->shape[1];
    const size_t groups[] = {K / DLX__PACK_GROUP, N}, all[] = {K, N};
    const dlx__onnx_value levels[] = {
        part_of(p, w, ".levels", DLX__ONNX_UINT8, groups, 2, DLX__ROW_LEVELS),
        part_of(p, w, ".scales", DLX__ONNX_FLOAT, &N, 1, DLX__ROW_SCALES),
        zeros(p, DLX__ONNX_UINT8, &N, 1)};
    const dlx__onnx_value scales =
        dlx__onnx_op(p->x, "DequantizeLinear", levels, 3, DLX__ONNX_FLOAT, groups, 2);
    dlx__onnx_int(p->x, "axis", 1);
    const dlx__onnx_value numbers[] = {part_of(p, w, "", DLX__ONNX_INT4, all, 2, DLX__ROW_NUMBERS),
                                       scales, zeros(p, DLX__ONNX_INT4, groups, 2)};
    const dlx__onnx_value y =
        dlx__onnx_op(p->x, "DequantizeLinear", numbers, 3, DLX__ONNX_FLOAT, all, 2);
    dlx__onnx_int(p->x, "axis", 0);
    dlx__onnx_int(p->x, "block_size", DLX__PACK_GROUP);
    return y;
}

/* The range of what a product gives before its bias, from that of what comes behind it. */
static dlx__range without_bias(dlx__onnx_pass *p, const dlx__node *node)
{
    const size_t n = node->n_cols;
    dlx__range range = node->out_range;
    float *bias = node->bias ? dlx__arena_alloc(&p->x->arena, n, sizeof *bias) : NULL;
    if (!node->bias)
        return range;
    if (!bias) {
        dlx__fail_memory(&p->x->failure, "lowering a model", n * sizeof *bias);
        return range;
    }
    dlx__to_f32(bias, node->bias->data, node->bias->dtype, n);
    float low = bias[0], high = bias[0];
    for (size_t i = 1; i < n; i++) {
        low = bias[i] < low ? bias[i] : low;
        high = bias[i] > high ? bias[i] : high;
    }
    range.min -= high;
    range.max -= low;
    return range;
}

dlx__onnx_value dlx__onnx_lpbq(dlx__onnx_pass *p, const dlx__node *node, dlx__onnx_value x,
                               size_t n)
{
    const size_t dims[] = {n, node->n_cols};
    x = dlx__onnx_rounded(p, x, node->in_range);
    dlx__onnx_value y = DLX__ONNX_NODE(p, "MatMul", dims, x, matrix_of_levels(p, node->weight));
    y = dlx__onnx_rounded(p, y, without_bias(p, node));
    return node->bias ? DLX__ONNX_NODE(p, "Add", dims, y, dlx__onnx_vector(p, node->bias)) : y;
}
