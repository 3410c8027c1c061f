/* lower.c - node by node. Shapes stand beside each value: [T, d] rows, [T, h, c] heads. */
#include "export/lower.h"

#include "base/fail.h"

#include <string.h>

static const char *const cache_names[DLX__N_EXPORT_CACHES] = {
#define CACHE_NAME(name, text) text,
    DLX__EXPORT_CACHES(CACHE_NAME)
#undef CACHE_NAME
};

const char *dlx__export_cache_name(dlx__export_cache cache)
{
    return cache_names[cache];
}

bool dlx__export_cache_find(dlx__export_cache *out, const char *name)
{
    for (int i = 0; i < DLX__N_EXPORT_CACHES; i++)
        if (strcmp(cache_names[i], name) == 0) {
            *out = (dlx__export_cache)i;
            return true;
        }
    return false;
}

typedef struct lowering {
    const dlx__graph *g;
    const dlx__lower_opts *o;
    dlx__packed *packed;
    dlx__lowered *to;
    dlx__xnn_graph *x;       /* of `to` */
    dlx__xnn_value *values;  /* [g->n] of the graph's */
    dlx__xnn_value *rounded; /* [g->n] the same, rounded for products; NONE: not yet */
    dlx__xnn_value *fresh;   /* [2 * n_layers] K and V of the pass: [kv, T, c] */
    dlx__xnn_value cos, sin; /* [T, 1, c] */
    dlx__xnn_value scale;    /* [1] */
    dlx__xnn_value mask;     /* [T, P + T] */
    dlx_error *err;
} lowering;

/* ---- arguments of the delegate ------------------------------------------------------------- */

static void note(lowering *l, dlx__extern e)
{
    dlx__lowered *to = l->to;
    dlx__extern *externs =
        dlx__arena_grow(&to->xnn.arena, to->externs, to->n, &to->capacity, sizeof *externs);
    if (!externs) {
        dlx__fail_memory(&l->x->failure, "lowering a model", sizeof *externs);
        return;
    }
    to->externs = externs;
    externs[to->n++] = e;
}

static dlx__xnn_value input(lowering *l, dlx__extern e, const size_t *dims, int n_dims)
{
    note(l, e);
    return dlx__xnn_input(l->x, DLX__XNN_FP32, dims, n_dims);
}

static dlx__xnn_value rotation(lowering *l, dlx__extern_kind kind)
{
    const size_t T = l->o->n_rows, c = l->g->head_dim;
    const dlx__xnn_value rows = input(l, (dlx__extern){.kind = kind}, (size_t[]){T, c}, 2);
    return dlx__xnn_reshape(l->x, rows, (size_t[]){0, 1, c}, 3);
}

static void common_inputs(lowering *l)
{
    const size_t T = l->o->n_rows, P = l->o->cache == DLX__EXPORT_NO_CACHE ? 0 : l->o->n_ctx;
    const size_t rows[] = {T, l->g->n_embd};
    note(l, (dlx__extern){.kind = DLX__EXTERN_EMBEDDED});
    dlx__xnn_value x =
        dlx__xnn_input(l->x, l->o->half_embedding ? DLX__XNN_FP16 : DLX__XNN_FP32, rows, 2);
    if (l->o->half_embedding)
        x = dlx__xnn_convert(l->x, x, DLX__XNN_FP32, NULL);
    l->values[l->g->embedded] = x;
    l->cos = rotation(l, DLX__EXTERN_COS);
    l->sin = rotation(l, DLX__EXTERN_SIN);
    l->scale = input(l, (dlx__extern){.kind = DLX__EXTERN_SCALE}, (size_t[]){1}, 1);
    if (l->o->masked)
        l->mask = input(l, (dlx__extern){.kind = DLX__EXTERN_MASK}, (size_t[]){T, P + T}, 2);
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* Rows [T, n] rounded to int8, once for all products that read them. */
static dlx__xnn_value rounded_rows(lowering *l, dlx__value v)
{
    const dlx__xnn_quant rows = {.kind = DLX__XNN_PER_TOKEN};
    if (l->rounded[v] == DLX__XNN_NONE)
        l->rounded[v] = dlx__xnn_convert(l->x, l->values[v], DLX__XNN_QDINT8, &rows);
    return l->rounded[v];
}

static dlx_result lower_linear(lowering *l, const dlx__node *node, dlx__xnn_value *out)
{
    const bool is_head = node == &l->g->nodes[l->g->logits];
    const dlx__packing packing = dlx__packed_packing(l->packed, node->weight, is_head);
    dlx__xnn_value filter, bias = DLX__XNN_NONE;
    DLX__TRY(dlx__packed_filter(l->packed, l->x, node->weight, is_head, &filter, l->err));
    if (node->bias)
        DLX__TRY(dlx__packed_bias(l->packed, l->x, node->bias, &bias, l->err));
    const dlx__xnn_value x =
        dlx__packing_rounds_rows(packing) ? rounded_rows(l, node->in[0]) : l->values[node->in[0]];
    *out = dlx__xnn_fully_connected(l->x, x, filter, bias, DLX__XNN_FP32, NULL);
    return DLX_OK;
}

/* The mean of squares is a product with 1 / n and the bias eps: there is no node that sums. */
static dlx__xnn_value lower_norm(lowering *l, const dlx__node *node)
{
    const dlx__xnn_value x = l->values[node->in[0]]; /* [.., n] */
    const size_t n = node->n_cols;
    const dlx__xnn_value w =
        dlx__packed_filled(l->packed, l->x, 1.0f / (float)n, (size_t[]){1, n}, 2);
    const dlx__xnn_value b = dlx__packed_filled(l->packed, l->x, node->eps, (size_t[]){1}, 1);
    const dlx__xnn_value gain =
        input(l, (dlx__extern){.kind = DLX__EXTERN_GAIN, .tensor = node->weight}, &n, 1);
    const dlx__xnn_value squares = dlx__xnn_unary(l->x, DLX__XNN_OP_SQUARE, x);
    const dlx__xnn_value sum =
        dlx__xnn_fully_connected(l->x, squares, w, b, DLX__XNN_FP32, NULL); /* [.., 1] */
    const dlx__xnn_value r = dlx__xnn_unary(l->x, DLX__XNN_OP_RECIPROCAL_SQUARE_ROOT, sum);
    const dlx__xnn_value y = dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, x, r);
    return dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, y, gain);
}

/* x cos + (-second half, first half) sin */
static dlx__xnn_value lower_rope(lowering *l, const dlx__node *node)
{
    const dlx__xnn_value x = l->values[node->in[0]]; /* [T, h, c] */
    const size_t half = node->n_cols / 2;
    const dlx__xnn_value a = dlx__xnn_slice(l->x, x, (size_t[]){0, 0, 0}, (size_t[]){0, 0, half});
    const dlx__xnn_value b =
        dlx__xnn_slice(l->x, x, (size_t[]){0, 0, half}, (size_t[]){0, 0, half});
    const dlx__xnn_value turned[] = {dlx__xnn_unary(l->x, DLX__XNN_OP_NEGATE, b), a};
    const dlx__xnn_value other = dlx__xnn_concat(l->x, 2, turned, 2);
    const dlx__xnn_value left = dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, x, l->cos);
    const dlx__xnn_value right = dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, other, l->sin);
    return dlx__xnn_binary(l->x, DLX__XNN_OP_ADD, left, right);
}

static dlx__xnn_value lower_silu_mul(lowering *l, const dlx__node *node)
{
    const dlx__xnn_value gate = l->values[node->in[0]], up = l->values[node->in[1]]; /* [T, ff] */
    const dlx__xnn_value s = dlx__xnn_unary(l->x, DLX__XNN_OP_SIGMOID, gate);
    const dlx__xnn_value silu = dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, gate, s);
    return dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, silu, up);
}

/* ---- attention ----------------------------------------------------------------------------- */

/* softmax(q kT + mask) v for q [.., T, c], k and v [.., S, c]. */
static dlx__xnn_value weigh(lowering *l, dlx__xnn_value q, dlx__xnn_value k, dlx__xnn_value v)
{
    dlx__xnn_value scores = dlx__xnn_matmul(l->x, q, k, true); /* [.., T, S] */
    if (l->o->masked)
        scores = dlx__xnn_binary(l->x, DLX__XNN_OP_ADD, scores, l->mask);
    return dlx__xnn_matmul(l->x, dlx__xnn_unary(l->x, DLX__XNN_OP_SOFTMAX, scores), v, false);
}

/* What was kept before the rows of a head, or of all heads, and these. */
static dlx__xnn_value with_past(lowering *l, dlx__extern past, dlx__xnn_value fresh)
{
    const size_t P = l->o->n_ctx, c = l->g->head_dim;
    past.kind = DLX__EXTERN_PAST;
    if (l->o->cache == DLX__EXPORT_NO_CACHE)
        return fresh;
    dlx__xnn_value kept;
    if (l->o->cache == DLX__EXPORT_IO) {
        kept = input(l, past, (size_t[]){l->g->n_heads_kv, P, c}, 3);
    } else {
        const dlx__xnn_value rows = input(l, past, (size_t[]){P, c}, 2);
        kept = dlx__xnn_reshape(l->x, rows, (size_t[]){1, 0, c}, 3);
    }
    return dlx__xnn_concat(l->x, 1, (dlx__xnn_value[]){kept, fresh}, 2);
}

/* All heads at once; q [h, T, c], kv [2] of [kv, T, c] -> [h, T, c]. */
static dlx__xnn_value attend_together(lowering *l, dlx__xnn_value q, const dlx__xnn_value *kv,
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

/* Joined two to five at a time, in order. */
static dlx__xnn_value join_heads(lowering *l, dlx__xnn_value *parts, size_t n)
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
static dlx__xnn_value attend_apart(lowering *l, dlx__xnn_value q, const dlx__xnn_value *kv,
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
    return join_heads(l, parts, n_kv);
}

static dlx__xnn_value lower_attend(lowering *l, const dlx__node *node)
{
    static const int rows_inside[] = {1, 0, 2};
    const size_t layer = (size_t)node->layer, h = node->n_heads;
    dlx__xnn_value q = l->values[node->in[0]]; /* [T, h, c] */
    q = dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, q, l->scale);
    q = dlx__xnn_transpose(l->x, q, rows_inside); /* [h, T, c] */
    dlx__xnn_value *kv = &l->fresh[2 * layer];
    for (int side = 0; side < 2; side++) /* [T, kv, c] -> [kv, T, c] */
        kv[side] = dlx__xnn_transpose(l->x, l->values[node->in[1 + side]], rows_inside);
    const dlx__xnn_value y = l->o->cache == DLX__EXPORT_STATE ? attend_apart(l, q, kv, layer, h)
                                                              : attend_together(l, q, kv, layer, h);
    return dlx__xnn_transpose(l->x, y, rows_inside); /* [T, h, c] */
}

/* ---- the graph ----------------------------------------------------------------------------- */

static dlx_result lower_node(lowering *l, size_t i)
{
    const dlx__node *node = &l->g->nodes[i];
    dlx__xnn_value *out = &l->values[i];
    const size_t h = node->n_heads, c = node->n_cols;
    switch (node->op) {
    case DLX__OP_EMBED: /* an input */
        return DLX_OK;
    case DLX__OP_LINEAR:
        return lower_linear(l, node, out);
    case DLX__OP_RMSNORM:
        *out = lower_norm(l, node);
        return DLX_OK;
    case DLX__OP_SPLIT_HEADS:
        *out = dlx__xnn_reshape(l->x, l->values[node->in[0]], (size_t[]){0, h, c}, 3);
        return DLX_OK;
    case DLX__OP_MERGE_HEADS:
        *out = dlx__xnn_reshape(l->x, l->values[node->in[0]], (size_t[]){0, c}, 2);
        return DLX_OK;
    case DLX__OP_ROPE:
        l->to->theta = node->theta;
        *out = lower_rope(l, node);
        return DLX_OK;
    case DLX__OP_ATTEND:
        l->to->scale = node->scale;
        *out = lower_attend(l, node);
        return DLX_OK;
    case DLX__OP_SILU_MUL:
        *out = lower_silu_mul(l, node);
        return DLX_OK;
    case DLX__OP_ADD:
        *out =
            dlx__xnn_binary(l->x, DLX__XNN_OP_ADD, l->values[node->in[0]], l->values[node->in[1]]);
        return DLX_OK;
    case DLX__N_OPS:
        break;
    }
    return dlx__fail(l->err, DLX_E_UNSUPPORTED, "XNNPACK has nothing for the node kind %s",
                     dlx__op_name(node->op));
}

static void outputs(lowering *l)
{
    for (size_t i = 0; i < 2 * l->g->n_layers && l->o->cache != DLX__EXPORT_NO_CACHE; i++) {
        note(l, (dlx__extern){.kind = DLX__EXTERN_NEW, .layer = i / 2, .side = (int)(i % 2)});
        dlx__xnn_output(l->x, l->fresh[i]);
    }
    const dlx__xnn_value logits =
        dlx__xnn_reshape(l->x, l->values[l->g->logits], (size_t[]){1, 0, l->g->n_vocab}, 3);
    note(l, (dlx__extern){.kind = DLX__EXTERN_LOGITS});
    dlx__xnn_output(l->x, logits);
}

static dlx_result lower_all(lowering *l)
{
    const size_t n = l->g->n, n_layers = l->g->n_layers;
    l->values = dlx__arena_alloc(&l->x->arena, n, sizeof *l->values);
    l->rounded = dlx__arena_alloc(&l->x->arena, n, sizeof *l->rounded);
    l->fresh = dlx__arena_alloc(&l->x->arena, 2 * n_layers, sizeof *l->fresh);
    if (!l->values || !l->rounded || !l->fresh)
        return dlx__fail_memory(l->err, "lowering a model", 2 * n * sizeof *l->values);
    memset(l->rounded, 0xFF, n * sizeof *l->rounded); /* NONE */
    common_inputs(l);
    for (size_t i = 0; i < n && l->x->failure.code == DLX_OK; i++)
        DLX__TRY(lower_node(l, i));
    outputs(l);
    if (l->x->failure.code == DLX_OK)
        return DLX_OK;
    if (l->err)
        *l->err = l->x->failure;
    return l->x->failure.code;
}

dlx_result dlx__lower(dlx__lowered *to, const dlx__graph *g, const dlx__lower_opts *opts,
                      dlx__packed *packed, const dlx_allocator *mem, dlx_error *err)
{
    dlx_error none;
    lowering l = {
        .g = g, .o = opts, .packed = packed, .to = to, .x = &to->xnn, .err = err ? err : &none};
    *to = (dlx__lowered){.n = 0};
    dlx__xnn_init(&to->xnn, mem);
    const dlx_result r = lower_all(&l);
    if (r != DLX_OK)
        dlx__lowered_release(to);
    return r;
}

void dlx__lowered_release(dlx__lowered *l)
{
    dlx__xnn_release(&l->xnn);
    *l = (dlx__lowered){.n = 0};
}
