/* lower.c - node by node. Shapes stand beside each value: [T, d] rows, [T, h, c] heads. */
#include "export/lower.h"

#include "base/fail.h"
#include "export/lower_build.h"

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

typedef dlx__lowering lowering;

/* ---- arguments of the delegate ------------------------------------------------------------- */

void dlx__lower_note(lowering *l, dlx__extern e)
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

dlx__xnn_value dlx__lower_input(lowering *l, dlx__extern e, const size_t *dims, int n_dims)
{
    dlx__lower_note(l, e);
    return dlx__xnn_input(l->x, DLX__XNN_FP32, dims, n_dims);
}

static dlx__xnn_value rotation(lowering *l, dlx__extern_kind kind)
{
    const size_t T = l->o->n_rows, c = l->g->head_dim;
    const dlx__xnn_value rows =
        dlx__lower_input(l, (dlx__extern){.kind = kind}, (size_t[]){T, c}, 2);
    return dlx__xnn_reshape(l->x, rows, (size_t[]){0, 1, c}, 3);
}

static void body_inputs(lowering *l)
{
    const size_t T = l->o->n_rows, P = l->o->cache == DLX__EXPORT_NO_CACHE ? 0 : l->o->n_ctx;
    const size_t rows[] = {T, l->g->n_embd};
    dlx__lower_note(l, (dlx__extern){.kind = DLX__EXTERN_EMBEDDED});
    dlx__xnn_value x =
        dlx__xnn_input(l->x, l->o->half_embedding ? DLX__XNN_FP16 : DLX__XNN_FP32, rows, 2);
    if (l->o->half_embedding)
        x = dlx__xnn_convert(l->x, x, DLX__XNN_FP32, NULL);
    l->values[l->g->embedded] = x;
    l->cos = rotation(l, DLX__EXTERN_COS);
    l->sin = rotation(l, DLX__EXTERN_SIN);
    l->scale = dlx__lower_input(l, (dlx__extern){.kind = DLX__EXTERN_SCALE}, (size_t[]){1}, 1);
    if (l->o->cache == DLX__EXPORT_COMPAT)
        dlx__compat_inputs(l);
    else if (l->o->masked)
        l->mask =
            dlx__lower_input(l, (dlx__extern){.kind = DLX__EXTERN_MASK}, (size_t[]){T, P + T}, 2);
}

/* What the head reads. */
static dlx__value final_rows(const lowering *l)
{
    return l->g->nodes[l->g->logits].in[0];
}

static void head_inputs(lowering *l)
{
    const size_t rows[] = {l->o->n_rows, l->g->n_embd}, n_vocab = l->g->n_vocab;
    l->values[final_rows(l)] =
        dlx__lower_input(l, (dlx__extern){.kind = DLX__EXTERN_PICKED}, rows, 2);
    l->never = dlx__lower_input(l, (dlx__extern){.kind = DLX__EXTERN_NEVER}, &n_vocab, 1);
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* A vector [n]: a norm's weights, a bias that no product adds. */
static dlx__xnn_value vector(void *user, const dlx__tensor *t)
{
    return dlx__lower_input(user, (dlx__extern){.kind = DLX__EXTERN_GAIN, .tensor = t}, t->shape,
                            1);
}

/* The mean of squares is a product with 1 / n and the bias eps: there is no node that sums. */
static dlx__xnn_value lower_norm(lowering *l, const dlx__node *node)
{
    const dlx__xnn_value x = l->values[node->in[0]]; /* [.., n] */
    const size_t n = node->n_cols;
    const dlx__xnn_value w =
        dlx__packed_filled(l->packed, l->x, 1.0f / (float)n, (size_t[]){1, n}, 2);
    const dlx__xnn_value b = dlx__packed_filled(l->packed, l->x, node->eps, (size_t[]){1}, 1);
    const dlx__xnn_value gain = vector(l, node->weight);
    const dlx__xnn_value squares = dlx__xnn_unary(l->x, DLX__XNN_OP_SQUARE, x);
    const dlx__xnn_value sum =
        dlx__xnn_fully_connected(l->x, squares, w, b, DLX__XNN_FP32, NULL); /* [.., 1] */
    const dlx__xnn_value r = dlx__xnn_unary(l->x, DLX__XNN_OP_RECIPROCAL_SQUARE_ROOT, sum);
    const dlx__xnn_value y = dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, x, r);
    return dlx__xnn_binary(l->x, DLX__XNN_OP_MULTIPLY, y, gain);
}

/* x cos + (second half, first half) sin; the sign is in the sines */
static dlx__xnn_value lower_rope(lowering *l, const dlx__node *node)
{
    const dlx__xnn_value x = l->values[node->in[0]]; /* [T, h, c] */
    const size_t half = node->n_cols / 2;
    const dlx__xnn_value a = dlx__xnn_slice(l->x, x, (size_t[]){0, 0, 0}, (size_t[]){0, 0, half});
    const dlx__xnn_value b =
        dlx__xnn_slice(l->x, x, (size_t[]){0, 0, half}, (size_t[]){0, 0, half});
    const dlx__xnn_value other = dlx__xnn_concat(l->x, 2, (dlx__xnn_value[]){b, a}, 2);
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
        return dlx__lower_linear(&l->products, node, i == l->g->logits, l->values[node->in[0]], out,
                                 l->err);
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
        *out = dlx__lower_attend(l, node);
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

static void output(lowering *l, dlx__extern e, dlx__xnn_value v)
{
    dlx__lower_note(l, e);
    dlx__xnn_output(l->x, v);
}

static void body_outputs(lowering *l)
{
    if (l->o->cache == DLX__EXPORT_COMPAT)
        output(l, (dlx__extern){.kind = DLX__EXTERN_UPDATED}, dlx__compat_updated(l));
    else if (l->o->cache != DLX__EXPORT_NO_CACHE)
        for (size_t i = 0; i < 2 * l->g->n_layers; i++)
            output(l, (dlx__extern){.kind = DLX__EXTERN_NEW, .layer = i / 2, .side = (int)(i % 2)},
                   l->fresh[i]);
    if (l->o->part == DLX__LOWER_BODY)
        output(l, (dlx__extern){.kind = DLX__EXTERN_FINAL}, l->values[final_rows(l)]);
}

/* [1, T, vocabulary]; or [R, vocabulary] without what may not be chosen, and the softmax of it */
static void head_outputs(lowering *l)
{
    const dlx__extern logits = {.kind = DLX__EXTERN_LOGITS};
    const dlx__xnn_value y = l->values[l->g->logits];
    if (l->o->part == DLX__LOWER_ALL) {
        output(l, logits, dlx__xnn_reshape(l->x, y, (size_t[]){1, 0, l->g->n_vocab}, 3));
        return;
    }
    const dlx__xnn_value allowed = dlx__xnn_binary(l->x, DLX__XNN_OP_ADD, y, l->never);
    output(l, logits, allowed);
    output(l, (dlx__extern){.kind = DLX__EXTERN_PROBS},
           dlx__xnn_unary(l->x, DLX__XNN_OP_SOFTMAX, allowed));
}

static dlx_result lower_part(lowering *l)
{
    const size_t head = l->g->logits;
    const bool has_body = l->o->part != DLX__LOWER_HEAD, has_head = l->o->part != DLX__LOWER_BODY;
    if (has_body)
        body_inputs(l);
    else
        head_inputs(l);
    for (size_t i = has_body ? 0 : head; i < l->g->n && l->x->failure.code == DLX_OK; i++)
        if (i != head || has_head)
            DLX__TRY(lower_node(l, i));
    if (has_body)
        body_outputs(l);
    if (has_head)
        head_outputs(l);
    return DLX_OK;
}

static dlx_result lower_all(lowering *l)
{
    const size_t n = l->g->n, n_kv = 2 * l->g->n_layers;
    l->values = dlx__arena_alloc(&l->x->arena, n, sizeof *l->values);
    l->fresh = dlx__arena_alloc(&l->x->arena, n_kv, sizeof *l->fresh);
    l->updated = dlx__arena_alloc(&l->x->arena, n_kv, sizeof *l->updated);
    l->products = (dlx__products){.x = l->x, .packed = l->packed, .vector = vector, .user = l};
    if (!l->values || !l->fresh || !l->updated || !dlx__products_init(&l->products, n))
        return dlx__fail_memory(l->err, "lowering a model", 2 * n * sizeof *l->values);
    DLX__TRY(lower_part(l));
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
    lowering l = {.g = g,
                  .o = opts,
                  .packed = packed,
                  .to = to,
                  .x = &to->xnn,
                  .mask = DLX__XNN_NONE,
                  .err = err ? err : &none};
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
