/* onnx_lower.c - node by node. Rows are [T, d], heads [1, h, T, c]. */
#include "export/onnx_lower.h"

#include "base/fail.h"
#include "export/onnx_build.h"

typedef dlx__onnx_pass pass;

dlx__onnx_value dlx__onnx_reshape(pass *p, dlx__onnx_value x, const size_t *dims, int n_dims)
{
    int64_t to[DLX__ONNX_MAX_DIMS];
    if (dlx__onnx_has_dims(dlx__onnx_at(p->x, x), dims, n_dims))
        return x;
    for (int i = 0; i < n_dims; i++)
        to[i] = (int64_t)dims[i];
    const dlx__onnx_value in[] = {x, dlx__onnx_list(p->x, to, (size_t)n_dims)};
    return dlx__onnx_once(p->x, "Reshape", in, 2, DLX__ONNX_FLOAT, dims, n_dims);
}

dlx__onnx_value dlx__onnx_transpose(pass *p, dlx__onnx_value x, const int64_t *perm,
                                    const size_t *dims)
{
    const dlx__onnx_value y = dlx__onnx_op(p->x, "Transpose", &x, 1, DLX__ONNX_FLOAT, dims, 4);
    dlx__onnx_ints(p->x, "perm", perm, 4);
    return y;
}

dlx__onnx_value dlx__onnx_vector(pass *p, const dlx__tensor *t)
{
    return dlx__onnx_weight(p->x, t->name, DLX__ONNX_FLOAT, t->shape, 1,
                            dlx__weight_store_rows(p->store, t, DLX__PACK_FP32, DLX__ROW_NUMBERS));
}

/* ---- inputs -------------------------------------------------------------------------------- */

/* [1, 1, T, c], of which a rotation reads one half as [1, T, c / 2]. */
static dlx__onnx_value rotation(pass *p, const char *name)
{
    const size_t T = p->o->n_rows, c = p->g->head_dim, half = c / 2;
    const size_t whole_dims[] = {1, 1, T, c}, half_dims[] = {1, 1, T, half};
    const int64_t zero = 0, end = (int64_t)half, axis = 3;
    const dlx__onnx_value whole = dlx__onnx_input(p->x, name, DLX__ONNX_FLOAT, whole_dims, 4);
    const dlx__onnx_value first =
        DLX__ONNX_NODE(p, "Slice", half_dims, whole, dlx__onnx_list(p->x, &zero, 1),
                       dlx__onnx_list(p->x, &end, 1), dlx__onnx_list(p->x, &axis, 1));
    return dlx__onnx_reshape(p, first, (size_t[]){1, T, half}, 3);
}

static void body_inputs(pass *p)
{
    const size_t T = p->o->n_rows, P = p->o->n_past, mask_dims[] = {1, 1, T, P + T};
    const dlx__onnx_value ids =
        dlx__onnx_input(p->x, "input_ids", DLX__ONNX_INT32, (size_t[]){1, T}, 2);
    p->cos = rotation(p, "cos");
    p->sin = rotation(p, "sin");
    p->mask = dlx__onnx_input(p->x, "mask", DLX__ONNX_FLOAT, mask_dims, 4);
    if (p->o->n_head_rows)
        p->head_rows = dlx__onnx_input(p->x, "head_rows", DLX__ONNX_INT32, &p->o->n_head_rows, 1);
    p->values[p->g->embedded] = dlx__onnx_embed(p, p->g->nodes[p->g->embedded].weight, ids, T);
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* Heads are normalized as rows [h T, c]: QNN's emulator of the NPU gives nonsense of four axes
 * whose last is no multiple of 64. */
static dlx__onnx_value lower_norm(pass *p, const dlx__node *node)
{
    dlx__onnx_value x = p->values[node->in[0]];
    const dlx__onnx_tensor like = *dlx__onnx_at(p->x, x);
    const size_t c = node->n_cols, dims[] = {dlx__onnx_elems(&like) / c, c};
    x = dlx__onnx_reshape(p, x, dims, 2);
    x = DLX__ONNX_NODE(p, "RMSNormalization", dims, x, dlx__onnx_vector(p, node->weight));
    dlx__onnx_int(p->x, "axis", -1);
    dlx__onnx_float(p->x, "epsilon", node->eps);
    return dlx__onnx_reshape(p, x, like.dims, like.n_dims);
}

/* [T, h c] -> [1, h, T, c] */
static dlx__onnx_value lower_split(pass *p, const dlx__node *node)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    const size_t T = p->o->n_rows, h = node->n_heads, c = node->n_cols;
    const dlx__onnx_value x =
        dlx__onnx_reshape(p, p->values[node->in[0]], (size_t[]){1, T, h, c}, 4);
    return dlx__onnx_transpose(p, x, perm, (size_t[]){1, h, T, c});
}

/* [1, h, T, c] -> [T, h c] */
static dlx__onnx_value lower_merge(pass *p, const dlx__node *node)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    const dlx__node *from = &p->g->nodes[node->in[0]];
    const size_t T = p->o->n_rows, h = from->n_heads, c = from->n_cols;
    const dlx__onnx_value x =
        dlx__onnx_transpose(p, p->values[node->in[0]], perm, (size_t[]){1, T, h, c});
    return dlx__onnx_reshape(p, x, (size_t[]){T, h * c}, 2);
}

static dlx__onnx_value lower_rope(pass *p, const dlx__node *node)
{
    const size_t dims[] = {1, node->n_heads, p->o->n_rows, node->n_cols};
    return DLX__ONNX_NODE(p, "RotaryEmbedding", dims, p->values[node->in[0]], p->cos, p->sin);
}

/* x (sigmoid(x) y): written as (x sigmoid(x)) y the NPU takes one step for the first two, which is
 * less exact; in this order nothing is larger than y or the result. */
static dlx__onnx_value lower_silu_mul(pass *p, const dlx__node *node)
{
    const size_t dims[] = {p->o->n_rows, node->n_cols};
    const dlx__onnx_value gate = p->values[node->in[0]], up = p->values[node->in[1]];
    const dlx__onnx_value part =
        DLX__ONNX_NODE(p, "Mul", dims, DLX__ONNX_NODE(p, "Sigmoid", dims, gate), up);
    return DLX__ONNX_NODE(p, "Mul", dims, gate, part);
}

static dlx__onnx_value lower_add(pass *p, const dlx__node *node)
{
    const size_t dims[] = {p->o->n_rows, node->n_cols};
    return DLX__ONNX_NODE(p, "Add", dims, p->values[node->in[0]], p->values[node->in[1]]);
}

static dlx_result lower_node(pass *p, size_t i)
{
    const dlx__node *node = &p->g->nodes[i];
    dlx__onnx_value *out = &p->values[i];
    switch (node->op) {
    case DLX__OP_EMBED: /* among the inputs */
        return DLX_OK;
    case DLX__OP_LINEAR:
        *out = dlx__onnx_linear(p, node, p->values[node->in[0]], p->o->n_rows);
        return DLX_OK;
    case DLX__OP_RMSNORM:
        *out = lower_norm(p, node);
        return DLX_OK;
    case DLX__OP_SPLIT_HEADS:
        *out = lower_split(p, node);
        return DLX_OK;
    case DLX__OP_MERGE_HEADS:
        *out = lower_merge(p, node);
        return DLX_OK;
    case DLX__OP_ROPE:
        *out = lower_rope(p, node);
        return DLX_OK;
    case DLX__OP_ATTEND:
        *out = dlx__onnx_attend(p, node);
        return DLX_OK;
    case DLX__OP_SILU_MUL:
        *out = lower_silu_mul(p, node);
        return DLX_OK;
    case DLX__OP_ADD:
        *out = lower_add(p, node);
        return DLX_OK;
    case DLX__N_OPS:
        break;
    }
    return dlx__fail(p->err, DLX_E_UNSUPPORTED, "ONNX for QNN has nothing for the node kind %s",
                     dlx__op_name(node->op));
}

/* ---- the graph ----------------------------------------------------------------------------- */

static dlx_result lower_body(pass *p)
{
    const size_t dims[] = {1, p->o->n_rows, p->g->n_embd};
    body_inputs(p);
    for (size_t i = 0; i < p->g->n && p->x->failure.code == DLX_OK; i++)
        if (i != p->g->logits)
            DLX__TRY(lower_node(p, i));
    const dlx__onnx_value hidden = p->values[p->g->nodes[p->g->logits].in[0]];
    dlx__onnx_output(p->x, dlx__onnx_reshape(p, hidden, dims, 3), "output_hidden");
    if (p->o->n_head_rows)
        dlx__onnx_choose(p, hidden);
    return DLX_OK;
}

static dlx_result lower_all(pass *p)
{
    p->values = dlx__arena_alloc(&p->x->arena, p->g->n, sizeof *p->values);
    if (!p->values)
        return dlx__fail_memory(p->err, "lowering a model", p->g->n * sizeof *p->values);
    if (p->o->n_rows)
        DLX__TRY(lower_body(p));
    else
        dlx__onnx_logits(p);
    const dlx_error *failure = p->x->failure.code != DLX_OK ? &p->x->failure : &p->store->failure;
    return failure->code == DLX_OK ? DLX_OK : dlx__fail(p->err, failure->code, "%s", failure->text);
}

dlx_result dlx__onnx_lower(dlx__onnx_graph *to, const dlx__graph *g, const dlx__static_function *f,
                           dlx__weight_store *store, const dlx_allocator *mem, dlx_error *err)
{
    pass p = {.g = g, .o = f, .store = store, .x = to, .err = err};
    dlx__onnx_init(to, f->name, mem);
    const dlx_result r = lower_all(&p);
    if (r != DLX_OK)
        dlx__onnx_release(to);
    return r;
}
