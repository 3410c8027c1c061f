/* lower_attend.c - the attention of a layer: rows of the pass over what was kept before them. */
#include "base/fail.h"
#include "export/lower_build.h"

/* softmax(q kT + mask) v for q [.., T, c], k and v [.., S, c]. */
static dlx__xnn_value weigh(dlx__lowering *l, dlx__xnn_value q, dlx__xnn_value k, dlx__xnn_value v)
{
    dlx__xnn_value scores = dlx__xnn_matmul(l->x, q, k, true); /* [.., T, S] */
    if (l->mask != DLX__XNN_NONE)
        scores = dlx__xnn_binary(l->x, DLX__XNN_OP_ADD, scores, l->mask);
    return dlx__xnn_matmul(l->x, dlx__xnn_unary(l->x, DLX__XNN_OP_SOFTMAX, scores), v, false);
}

/* What was kept before the rows of a head, or of all heads, and these. */
static dlx__xnn_value with_past(dlx__lowering *l, dlx__extern past, dlx__xnn_value fresh)
{
    const size_t P = l->o->n_ctx, c = l->g->head_dim;
    past.kind = DLX__EXTERN_PAST;
    if (l->o->cache == DLX__EXPORT_NO_CACHE)
        return fresh;
    dlx__xnn_value kept;
    if (l->o->cache == DLX__EXPORT_COMPAT) {
        kept = dlx__compat_kept(l, past.layer, past.side);
        dlx__compat_update(l, past.layer, past.side, kept);
    } else if (l->o->cache == DLX__EXPORT_IO) {
        kept = dlx__lower_input(l, past, (size_t[]){l->g->n_heads_kv, P, c}, 3);
    } else {
        const dlx__xnn_value rows = dlx__lower_input(l, past, (size_t[]){P, c}, 2);
        kept = dlx__xnn_reshape(l->x, rows, (size_t[]){1, 0, c}, 3);
    }
    return dlx__xnn_concat(l->x, 1, (dlx__xnn_value[]){kept, fresh}, 2);
}

/* All heads at once; q [h, T, c], kv [2] of [kv, T, c] -> [h, T, c]. */
static dlx__xnn_value attend_together(dlx__lowering *l, dlx__xnn_value q, const dlx__xnn_value *kv,
                                      size_t layer, size_t h)
{
    const size_t n_kv = l->g->n_heads_kv, c = l->g->head_dim;
    dlx__xnn_value all[2];
    for (int side = 0; side < 2; side++) {
        const dlx__extern past = {.layer = layer, .side = side};
        all[side] = with_past(l, past, kv[side]); /* [kv, S, c] */
        all[side] = dlx__xnn_reshape(l->x, all[side], (size_t[]){n_kv, 1, 0, c}, 4);
    }
    q = dlx__xnn_reshape(l->x, q, (size_t[]){n_kv, h / n_kv, 0, c}, 4);
    const dlx__xnn_value y = weigh(l, q, all[0], all[1]); /* [kv, h / kv, T, c] */
    return dlx__xnn_reshape(l->x, y, (size_t[]){h, 0, c}, 3);
}

dlx__xnn_value dlx__lower_join(dlx__lowering *l, dlx__xnn_value *parts, size_t n)
{
    while (n > 1) {
        size_t n_joined = 0;
        for (size_t i = 0; i < n;) {
            size_t take = dlx__min(5, n - i);
            if (n - i - take == 1 && take > 2)
                take--; /* none is left alone */
            const dlx__xnn_value one =
                take > 1 ? dlx__xnn_concat(l->x, 0, parts + i, take) : parts[i];
            parts[n_joined++] = one;
            i += take;
        }
        n = n_joined;
    }
    return parts[0];
}

/* A head of K and V at a time: what is kept of one lies together, and long pasts are faster. */
static dlx__xnn_value attend_apart(dlx__lowering *l, dlx__xnn_value q, const dlx__xnn_value *kv,
                                   size_t layer, size_t h)
{
    const size_t n_kv = l->g->n_heads_kv, n_group = h / n_kv;
    dlx__xnn_value *parts = dlx__arena_alloc(&l->x->arena, n_kv, sizeof *parts);
    if (!parts) {
        dlx__fail_memory(&l->x->failure, "lowering attention", n_kv * sizeof *parts);
        return DLX__XNN_NONE;
    }
    for (size_t j = 0; j < n_kv; j++) {
        dlx__xnn_value all[2];
        for (int side = 0; side < 2; side++) {
            const dlx__xnn_value one =
                dlx__xnn_slice(l->x, kv[side], (size_t[]){j, 0, 0}, (size_t[]){1, 0, 0});
            const dlx__extern past = {.layer = layer, .head = j, .side = side};
            all[side] = with_past(l, past, one); /* [1, S, c] */
        }
        const dlx__xnn_value group =
            dlx__xnn_slice(l->x, q, (size_t[]){j * n_group, 0, 0}, (size_t[]){n_group, 0, 0});
        parts[j] = weigh(l, group, all[0], all[1]); /* [h / kv, T, c] */
    }
    return dlx__lower_join(l, parts, n_kv);
}

dlx__xnn_value dlx__lower_attend(dlx__lowering *l, const dlx__node *node)
{
    static const int rows_inside[] = {1, 0, 2};
    const size_t layer = (size_t)node->layer, h = node->n_heads;
    dlx__xnn_value q = l->values[node->in[0]]; /* [T, h, c] */
    q = dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, q, l->scale);
    q = dlx__xnn_transpose(l->x, q, rows_inside); /* [h, T, c] */
    dlx__xnn_value *kv = &l->fresh[2 * layer];
    for (int side = 0; side < 2; side++) /* [T, kv, c] -> [kv, T, c] */
        kv[side] = dlx__xnn_transpose(l->x, l->values[node->in[1 + side]], rows_inside);
    if (l->o->cache == DLX__EXPORT_COMPAT)
        l->mask = dlx__compat_mask(l, layer);
    const dlx__xnn_value y = l->o->cache == DLX__EXPORT_STATE ? attend_apart(l, q, kv, layer, h)
                                                              : attend_together(l, q, kv, layer, h);
    return dlx__xnn_transpose(l->x, y, rows_inside); /* [T, h, c] */
}
