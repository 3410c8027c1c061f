/*
 * lower_compat.c - keys and values as the Python original has them: one tensor for all layers comes
 * in and goes out, and masks say for each layer what is visible and where rows are kept.
 */
#include "export/lower_build.h"

/* [L, 1, 1, rows, cols], for all layers at once. */
static dlx__xnn_value masks(dlx__lowering *l, dlx__extern_kind kind, size_t rows, size_t cols)
{
    return dlx__lower_input(l, (dlx__extern){.kind = kind},
                            (size_t[]){l->g->n_layers, 1, 1, rows, cols}, 5);
}

void dlx__compat_inputs(dlx__lowering *l)
{
    const size_t Q = l->o->n_rows, M = l->o->n_ctx;
    l->cache =
        dlx__lower_input(l, (dlx__extern){.kind = DLX__EXTERN_CACHE},
                         (size_t[]){l->g->n_layers, 2, 1, l->g->n_heads_kv, M, l->g->head_dim}, 6);
    l->masks = masks(l, DLX__EXTERN_MASK, Q, M + Q);
    l->insert = masks(l, DLX__EXTERN_INSERT, M, Q);
    l->keep = masks(l, DLX__EXTERN_KEEP, M, 1);
}

/* The [rows, cols] of a layer, with an axis of heads before them. */
static dlx__xnn_value of_layer(dlx__lowering *l, dlx__xnn_value all, size_t layer, size_t rows,
                               size_t cols)
{
    const dlx__xnn_value one =
        dlx__xnn_slice(l->x, all, (size_t[]){layer, 0, 0, 0, 0}, (size_t[]){1, 0, 0, 0, 0});
    return dlx__xnn_reshape(l->x, one, (size_t[]){1, rows, cols}, 3);
}

dlx__xnn_value dlx__compat_mask(dlx__lowering *l, size_t layer)
{
    const size_t Q = l->o->n_rows;
    return of_layer(l, l->masks, layer, Q, l->o->n_ctx + Q);
}

dlx__xnn_value dlx__compat_kept(dlx__lowering *l, size_t layer, int side)
{
    const dlx__xnn_value one = dlx__xnn_slice(
        l->x, l->cache, (size_t[]){layer, (size_t)side, 0, 0, 0, 0}, (size_t[]){1, 1, 0, 0, 0, 0});
    return dlx__xnn_reshape(l->x, one, (size_t[]){l->g->n_heads_kv, l->o->n_ctx, l->g->head_dim},
                            3);
}

void dlx__compat_update(dlx__lowering *l, size_t layer, int side, dlx__xnn_value kept)
{
    const size_t Q = l->o->n_rows, M = l->o->n_ctx, i = 2 * layer + (size_t)side;
    const dlx__xnn_value keep = of_layer(l, l->keep, layer, M, 1);
    const dlx__xnn_value insert = of_layer(l, l->insert, layer, M, Q);
    const dlx__xnn_value old = dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, kept, keep);
    const dlx__xnn_value new = dlx__xnn_matmul(l->x, insert, l->fresh[i], false); /* [kv, M, c] */
    const dlx__xnn_value sum = dlx__xnn_binary(l->x, DLX__XNN_OP_ADD, old, new);
    l->updated[i] =
        dlx__xnn_reshape(l->x, sum, (size_t[]){1, 1, 1, l->g->n_heads_kv, M, l->g->head_dim}, 6);
}

dlx__xnn_value dlx__compat_updated(dlx__lowering *l)
{
    dlx__xnn_value *layers = l->updated; /* written behind what is read */
    for (size_t i = 0; i < l->g->n_layers; i++)
        layers[i] = dlx__xnn_concat(l->x, 1, l->updated + 2 * i, 2); /* [1, 2, 1, kv, M, c] */
    return dlx__lower_join(l, layers, l->g->n_layers);
}
