/* ml_lower.c - node by node. Rows are [1, T, d], heads [1, h, T, c]. */
#include "export/ml_lower.h"

#include "base/fail.h"
#include "export/ml_build.h"

typedef dlx__ml_pass pass;

dlx__ml_value dlx__ml_reshape(pass *p, dlx__ml_value x, dlx__ml_shape shape)
{
    int32_t to[DLX__ML_MAX_DIMS];
    const dlx__ml_tensor *t = dlx__ml_at(p->x, x);
    const dlx__ml_type type = t->type;
    if (dlx__ml_is_shape(&t->shape, &shape))
        return x;
    for (int i = 0; i < shape.n_dims; i++)
        to[i] = (int32_t)shape.dims[i];
    return DLX__ML_OP(p->x, "reshape", type, shape, {"x", x},
                      {"shape", dlx__ml_ints(p->x, to, (size_t)shape.n_dims)});
}

dlx__ml_value dlx__ml_binary(pass *p, const char *op, dlx__ml_value x, dlx__ml_value y,
                             dlx__ml_shape shape)
{
    return DLX__ML_OP(p->x, op, DLX__ML_HALF, shape, {"x", x}, {"y", y});
}

dlx__ml_value dlx__ml_unary(pass *p, const char *op, dlx__ml_value x)
{
    const dlx__ml_shape shape = dlx__ml_at(p->x, x)->shape;
    return DLX__ML_OP(p->x, op, DLX__ML_HALF, shape, {"x", x});
}

/* ---- inputs -------------------------------------------------------------------------------- */

/* Rows of the table: [1, T, d] */
static dlx__ml_value embed(pass *p, dlx__ml_value ids)
{
    const dlx__ml_value table =
        dlx__ml_matrix(p, p->g->nodes[p->g->embedded].weight, p->o->forms->table);
    return DLX__ML_OP(p->x, "gather", DLX__ML_HALF, DLX__ML_SHAPE(1, p->o->n_rows, p->g->n_embd),
                      {"x", table}, {"indices", ids}, {"axis", dlx__ml_int(p->x, 0)},
                      {"batch_dims", dlx__ml_int(p->x, 0)},
                      {"validate_indices", dlx__ml_bool(p->x, false)});
}

static void body_inputs(pass *p)
{
    const size_t T = p->o->n_rows, P = p->o->n_past, c = p->g->head_dim;
    const dlx__ml_value ids = dlx__ml_input(p->x, "input_ids", DLX__ML_INT32, DLX__ML_SHAPE(1, T));
    p->cos = dlx__ml_input(p->x, "cos", DLX__ML_HALF, DLX__ML_SHAPE(1, 1, T, c));
    p->sin = dlx__ml_input(p->x, "sin", DLX__ML_HALF, DLX__ML_SHAPE(1, 1, T, c));
    p->mask =
        dlx__ml_input(p->x, "mask", DLX__ML_HALF, DLX__ML_SHAPE(1, 1, T, p->o->states ? P : P + T));
    if (p->o->states)
        dlx__ml_state_inputs(p);
    if (p->o->n_head_rows)
        p->head_rows =
            dlx__ml_input(p->x, "head_rows", DLX__ML_INT32, DLX__ML_SHAPE(p->o->n_head_rows));
    p->values[p->g->embedded] = embed(p, ids);
}

/* ---- nodes --------------------------------------------------------------------------------- */

static dlx__ml_value transpose(pass *p, dlx__ml_value x, dlx__ml_shape shape)
{
    static const int32_t inside_out[] = {0, 2, 1, 3};
    return DLX__ML_OP(p->x, "transpose", DLX__ML_HALF, shape, {"x", x},
                      {"perm", dlx__ml_ints(p->x, inside_out, 4)});
}

/* [1, T, h c] -> [1, h, T, c] */
static dlx__ml_value lower_split(pass *p, const dlx__node *node)
{
    const size_t T = p->o->n_rows, h = node->n_heads, c = node->n_cols;
    const dlx__ml_value x = dlx__ml_reshape(p, p->values[node->in[0]], DLX__ML_SHAPE(1, T, h, c));
    return transpose(p, x, DLX__ML_SHAPE(1, h, T, c));
}

/* [1, h, T, c] -> [1, T, h c] */
static dlx__ml_value lower_merge(pass *p, const dlx__node *node)
{
    const dlx__node *from = &p->g->nodes[node->in[0]];
    const size_t T = p->o->n_rows, h = from->n_heads, c = from->n_cols;
    const dlx__ml_value x = transpose(p, p->values[node->in[0]], DLX__ML_SHAPE(1, T, h, c));
    return dlx__ml_reshape(p, x, DLX__ML_SHAPE(1, T, h * c));
}

/* x cos + (-second half, first half) sin */
static dlx__ml_value lower_rope(pass *p, const dlx__node *node)
{
    const size_t T = p->o->n_rows, h = node->n_heads, c = node->n_cols;
    const dlx__ml_shape whole = DLX__ML_SHAPE(1, h, T, c), half = DLX__ML_SHAPE(1, h, T, c / 2);
    const dlx__ml_value x = p->values[node->in[0]], last = dlx__ml_int(p->x, -1);
    const dlx__ml_value first = DLX__ML_OP(p->x, "split", DLX__ML_HALF, half, {"x", x},
                                           {"num_splits", dlx__ml_int(p->x, 2)}, {"axis", last});
    const dlx__ml_value second = dlx__ml_second(p->x);
    const dlx__ml_value minus = dlx__ml_binary(p, "mul", second, dlx__ml_half(p->x, -1.0f), half);
    const dlx__ml_value turned =
        DLX__ML_OP(p->x, "concat", DLX__ML_HALF, whole, {"values", minus}, {"values", first},
                   {"axis", last}, {"interleave", dlx__ml_bool(p->x, false)});
    return dlx__ml_binary(p, "add", dlx__ml_binary(p, "mul", x, p->cos, whole),
                          dlx__ml_binary(p, "mul", turned, p->sin, whole), whole);
}

static dlx__ml_value lower_silu_mul(pass *p, const dlx__node *node)
{
    const dlx__ml_shape shape = DLX__ML_SHAPE(1, p->o->n_rows, node->n_cols);
    const dlx__ml_value gate = dlx__ml_unary(p, "silu", p->values[node->in[0]]);
    return dlx__ml_binary(p, "mul", gate, p->values[node->in[1]], shape);
}

static dlx__ml_value lower_add(pass *p, const dlx__node *node)
{
    return dlx__ml_binary(p, "add", p->values[node->in[0]], p->values[node->in[1]],
                          DLX__ML_SHAPE(1, p->o->n_rows, node->n_cols));
}

static dlx_result lower_node(pass *p, size_t i)
{
    const dlx__node *node = &p->g->nodes[i];
    dlx__ml_value *out = &p->values[i];
    switch (node->op) {
    case DLX__OP_EMBED: /* among the inputs */
        return DLX_OK;
    case DLX__OP_LINEAR:
        *out = dlx__ml_linear(p, node, p->values[node->in[0]]);
        return DLX_OK;
    case DLX__OP_RMSNORM:
        *out = dlx__ml_norm(p, node);
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
        *out = dlx__ml_attend(p, node);
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
    return dlx__fail(p->err, DLX_E_UNSUPPORTED, "Core ML has nothing for the node kind %s",
                     dlx__op_name(node->op));
}

/* ---- the graph ----------------------------------------------------------------------------- */

static dlx_result lower_body(pass *p)
{
    body_inputs(p);
    for (size_t i = 0; i < p->g->n && p->x->failure.code == DLX_OK; i++)
        if (i != p->g->logits)
            DLX__TRY(lower_node(p, i));
    const dlx__ml_value hidden = p->values[p->g->nodes[p->g->logits].in[0]];
    dlx__ml_output(p->x, hidden, "output_hidden");
    if (p->o->n_head_rows)
        dlx__ml_choose(p, hidden);
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
        dlx__ml_logits(p);
    const dlx_error *failure = p->x->failure.code != DLX_OK ? &p->x->failure : &p->store->failure;
    return failure->code == DLX_OK ? DLX_OK : dlx__fail(p->err, failure->code, "%s", failure->text);
}

dlx_result dlx__ml_lower(dlx__ml_graph *to, const dlx__graph *g, const dlx__static_function *f,
                         dlx__weight_store *store, const dlx_allocator *mem, dlx_error *err)
{
    pass p = {.g = g, .o = f, .store = store, .x = to, .err = err};
    dlx__ml_init(to, f->name, mem);
    const dlx_result r = lower_all(&p);
    if (r != DLX_OK)
        dlx__ml_release(to);
    return r;
}
