/*
 * onnx_attend.c - the attention of a layer as four nodes and what shapes them: heads that share
 * K and V become rows of one product, so that K and V are never repeated.
 */
#include "export/onnx_build.h"

#include <stdio.h>

/* [1, kv, T, c] of a pass goes out; behind what was kept: [1, kv, S, c] */
static dlx__onnx_value with_past(dlx__onnx_pass *p, dlx__onnx_value fresh, size_t layer, char side)
{
    char name[48];
    const size_t T = p->o->n_rows, P = p->o->n_past, kv = p->g->n_heads_kv, c = p->g->head_dim;
    const size_t all_dims[] = {1, kv, P + T, c};
    snprintf(name, sizeof name, "output_new_%c_%zu", side, layer);
    dlx__onnx_output(p->x, fresh, name);
    if (P == 0)
        return fresh;
    snprintf(name, sizeof name, "past_%c_%zu", side, layer);
    const dlx__onnx_value past =
        dlx__onnx_input(p->x, name, DLX__ONNX_FLOAT, (size_t[]){1, kv, P, c}, 4);
    const dlx__onnx_value all = DLX__ONNX_NODE(p, "Concat", all_dims, past, fresh);
    dlx__onnx_int(p->x, "axis", 2);
    return all;
}

/* softmax(q kT + mask) of q [1, kv, g T, c], k [1, kv, S, c] -> [1, kv, g T, S] */
static dlx__onnx_value weights(dlx__onnx_pass *p, dlx__onnx_value q, dlx__onnx_value k, size_t g)
{
    static const int64_t turned[] = {0, 1, 3, 2};
    const size_t T = p->o->n_rows, S = p->o->n_past + T, kv = p->g->n_heads_kv, c = p->g->head_dim;
    const size_t joint[] = {1, kv, g * T, S}, apart[] = {kv, g, T, S};
    const dlx__onnx_value kt = dlx__onnx_transpose(p, k, turned, (size_t[]){1, kv, c, S});
    dlx__onnx_value s = DLX__ONNX_NODE(p, "MatMul", joint, q, kt);
    s = dlx__onnx_reshape(p, s, apart, 4); /* where the mask is the same for all */
    s = DLX__ONNX_NODE(p, "Add", apart, s, p->mask);
    s = DLX__ONNX_NODE(p, "Softmax", apart, s);
    dlx__onnx_int(p->x, "axis", 3);
    return dlx__onnx_reshape(p, s, joint, 4);
}

dlx__onnx_value dlx__onnx_attend(dlx__onnx_pass *p, const dlx__node *node)
{
    const size_t T = p->o->n_rows, kv = p->g->n_heads_kv, c = p->g->head_dim, h = node->n_heads;
    const size_t layer = (size_t)node->layer, heads[] = {1, h, T, c},
                 joint[] = {1, kv, h / kv * T, c};
    const dlx__onnx_value k = with_past(p, p->values[node->in[1]], layer, 'k');
    const dlx__onnx_value v = with_past(p, p->values[node->in[2]], layer, 'v');
    dlx__onnx_value q = p->values[node->in[0]];
    q = DLX__ONNX_NODE(p, "Mul", heads, q, dlx__onnx_number(p->x, node->scale));
    q = dlx__onnx_reshape(p, q, joint, 4);
    const dlx__onnx_value w = weights(p, q, k, h / kv);
    const dlx__onnx_value y = DLX__ONNX_NODE(p, "MatMul", joint, w, v);
    return dlx__onnx_reshape(p, y, heads, 4);
}
