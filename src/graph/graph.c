/*
 * graph.c - building the graph of a model, node by node, with every shape checked where it is
 * made. The first misfit stops the building: later calls add nothing, so a family's build
 * function reads like the paper and looks at `failure` once, at its end.
 */
#include "graph/graph.h"

#include "base/fail.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int n_inputs;
} ops[DLX__N_OPS] = {
#define OP_ROW(name, text, n_inputs) [DLX__OP_##name] = {text, n_inputs},
    DLX__OPS(OP_ROW)
#undef OP_ROW
};

const char *dlx__op_name(dlx__op op)
{
    return op < DLX__N_OPS ? ops[op].name : "unknown";
}

int dlx__op_n_inputs(dlx__op op)
{
    return ops[op].n_inputs;
}

void dlx__graph_init(dlx__graph *g, const dlx_allocator *mem)
{
    *g = (dlx__graph){.layer = -1};
    dlx__arena_init(&g->arena, mem);
}

void dlx__graph_release(dlx__graph *g)
{
    dlx__arena_release(&g->arena);
    *g = (dlx__graph){.layer = -1};
}

static bool failed(const dlx__graph *g)
{
    return g->failure.code != DLX_OK;
}

/* Room for one more element. */
static void *grow(dlx__graph *g, void *old, size_t n, size_t *capacity, size_t size)
{
    void *grown = dlx__arena_grow(&g->arena, old, n, capacity, size);
    if (!grown)
        dlx__fail_memory(&g->failure, "building the model's graph", dlx__mul(n, size));
    return grown;
}

static dlx__value add_node(dlx__graph *g, dlx__node node)
{
    dlx__node *nodes = grow(g, g->nodes, g->n, &g->capacity, sizeof *nodes);
    if (!nodes)
        return 0;
    g->nodes = nodes;
    node.layer = g->layer;
    g->nodes[g->n] = node;
    return (dlx__value)g->n++;
}

/* The node behind a value, or NULL (and a failure) for a value that no node computes. */
static const dlx__node *input(dlx__graph *g, dlx__op op, dlx__value x)
{
    if (failed(g))
        return NULL;
    if (x < g->n)
        return &g->nodes[x];
    dlx__fail(&g->failure, DLX_E_ARG, "graph node %%%zu (%s) reads %%%u, which is not computed yet",
              g->n, dlx__op_name(op), (unsigned)x);
    return NULL;
}

/* Keeps the sentence "node, what it has to work on, what it expected". */
static dlx__value misfit(dlx__graph *g, dlx__op op, const dlx__tensor *w, const dlx__node *x,
                         const char *expected)
{
    char shape[96] = "";
    char of[48] = "";
    if (w)
        dlx__shape_text(shape, w->shape, w->n_dims);
    if (x)
        snprintf(of, sizeof of, " on [n, %zu, %zu]", x->n_heads, x->n_cols);
    dlx__fail(&g->failure, DLX_E_MISMATCH,
              "graph node %%%zu (%s%s%s%s%s%s): expected %s; the configuration and the weights do "
              "not belong together",
              g->n, dlx__op_name(op), w ? " " : "", w && w->name ? w->name : "", w ? " " : "",
              shape, of, expected);
    return 0;
}

static bool is_vector(const dlx__tensor *t, size_t n)
{
    return t && t->n_dims == 1 && t->shape[0] == n;
}

static bool is_matrix(const dlx__tensor *t)
{
    return t && t->n_dims == 2 && t->shape[0] > 0 && t->shape[1] > 0;
}

dlx__value dlx__graph_embed(dlx__graph *g, const dlx__tensor *table)
{
    if (failed(g))
        return 0;
    if (!is_matrix(table))
        return misfit(g, DLX__OP_EMBED, table, NULL, "a table [vocab, d]");
    if (g->n != 0)
        return misfit(g, DLX__OP_EMBED, table, NULL, "to be the first node");
    g->n_embd = table->shape[1];
    dlx__value x = add_node(g, (dlx__node){.op = DLX__OP_EMBED,
                                           .weight = table,
                                           .n_heads = 1,
                                           .n_cols = table->shape[1]}); /* [n, 1, d] */
    g->embedded = x;
    g->layer = 0;
    return x;
}

dlx__value dlx__graph_linear(dlx__graph *g, dlx__value x, const dlx__tensor *w,
                             const dlx__tensor *bias)
{
    const dlx__node *in = input(g, DLX__OP_LINEAR, x);
    if (!in)
        return 0;
    if (!is_matrix(w) || in->n_heads != 1 || w->shape[1] != in->n_cols)
        return misfit(g, DLX__OP_LINEAR, w, in,
                      "a matrix [out, in] whose `in` is the input's width");
    if (bias && !is_vector(bias, w->shape[0]))
        return misfit(g, DLX__OP_LINEAR, bias, in, "a bias as long as the matrix has rows");
    return add_node(g, (dlx__node){.op = DLX__OP_LINEAR,
                                   .in = {x},
                                   .weight = w,
                                   .bias = bias,
                                   .n_heads = 1,
                                   .n_cols = w->shape[0]}); /* [n, 1, out] */
}

dlx__value dlx__graph_rmsnorm(dlx__graph *g, dlx__value x, const dlx__tensor *w, float eps)
{
    const dlx__node *in = input(g, DLX__OP_RMSNORM, x);
    if (!in)
        return 0;
    if (!is_vector(w, in->n_cols))
        return misfit(g, DLX__OP_RMSNORM, w, in, "a weight as long as the last axis");
    if (!(eps > 0.0f))
        return misfit(g, DLX__OP_RMSNORM, w, in, "an eps above 0");
    return add_node(g, (dlx__node){.op = DLX__OP_RMSNORM,
                                   .in = {x},
                                   .weight = w,
                                   .eps = eps,
                                   .n_heads = in->n_heads,
                                   .n_cols = in->n_cols});
}

dlx__value dlx__graph_split_heads(dlx__graph *g, dlx__value x, size_t n_heads)
{
    const dlx__node *in = input(g, DLX__OP_SPLIT_HEADS, x);
    if (!in)
        return 0;
    if (in->n_heads != 1 || n_heads == 0 || in->n_cols % n_heads != 0)
        return misfit(g, DLX__OP_SPLIT_HEADS, NULL, in, "a width that the heads divide");
    return add_node(g, (dlx__node){.op = DLX__OP_SPLIT_HEADS,
                                   .in = {x},
                                   .n_heads = n_heads,
                                   .n_cols = in->n_cols / n_heads}); /* [n, h, c] */
}

dlx__value dlx__graph_merge_heads(dlx__graph *g, dlx__value x)
{
    const dlx__node *in = input(g, DLX__OP_MERGE_HEADS, x);
    if (!in)
        return 0;
    return add_node(g, (dlx__node){.op = DLX__OP_MERGE_HEADS,
                                   .in = {x},
                                   .n_heads = 1,
                                   .n_cols = dlx__mul(in->n_heads, in->n_cols)}); /* [n, 1, h*c] */
}

dlx__value dlx__graph_rope(dlx__graph *g, dlx__value x, double theta)
{
    const dlx__node *in = input(g, DLX__OP_ROPE, x);
    if (!in)
        return 0;
    if (in->n_cols % 2 != 0 || !(theta > 0.0))
        return misfit(g, DLX__OP_ROPE, NULL, in, "an even head width and a theta above 0");
    return add_node(g, (dlx__node){.op = DLX__OP_ROPE,
                                   .in = {x},
                                   .theta = theta,
                                   .n_heads = in->n_heads,
                                   .n_cols = in->n_cols});
}

dlx__value dlx__graph_attend(dlx__graph *g, dlx__value q, dlx__value k, dlx__value v, float scale)
{
    const dlx__node *nq = input(g, DLX__OP_ATTEND, q); /* [n, h, c] */
    const dlx__node *nk = input(g, DLX__OP_ATTEND, k); /* [n, kv, c] */
    const dlx__node *nv = input(g, DLX__OP_ATTEND, v); /* [n, kv, c] */
    if (!nq || !nk || !nv)
        return 0;
    if (nk->n_heads != nv->n_heads || nk->n_cols != nv->n_cols)
        return misfit(g, DLX__OP_ATTEND, NULL, nv, "keys and values of one shape");
    if (nq->n_cols != nk->n_cols || nk->n_heads == 0 || nq->n_heads % nk->n_heads != 0)
        return misfit(g, DLX__OP_ATTEND, NULL, nq,
                      "queries as wide as the keys, in a multiple of their heads");
    if (g->head_dim == 0) {
        g->n_heads_kv = nk->n_heads;
        g->head_dim = nk->n_cols;
    }
    if (g->n_heads_kv != nk->n_heads || g->head_dim != nk->n_cols)
        return misfit(g, DLX__OP_ATTEND, NULL, nk, "keys of the same shape in every layer");
    return add_node(g, (dlx__node){.op = DLX__OP_ATTEND,
                                   .in = {q, k, v},
                                   .scale = scale,
                                   .n_heads = nq->n_heads,
                                   .n_cols = nq->n_cols}); /* [n, h, c] */
}

/* silu_mul and add: two inputs of one shape. */
static dlx__value pairwise(dlx__graph *g, dlx__op op, dlx__value x, dlx__value y)
{
    const dlx__node *nx = input(g, op, x);
    const dlx__node *ny = input(g, op, y);
    if (!nx || !ny)
        return 0;
    if (nx->n_heads != ny->n_heads || nx->n_cols != ny->n_cols)
        return misfit(g, op, NULL, ny, "two inputs of one shape");
    return add_node(
        g, (dlx__node){.op = op, .in = {x, y}, .n_heads = nx->n_heads, .n_cols = nx->n_cols});
}

dlx__value dlx__graph_silu_mul(dlx__graph *g, dlx__value gate, dlx__value up)
{
    return pairwise(g, DLX__OP_SILU_MUL, gate, up);
}

dlx__value dlx__graph_add(dlx__graph *g, dlx__value x, dlx__value y)
{
    return pairwise(g, DLX__OP_ADD, x, y);
}

void dlx__graph_end_layer(dlx__graph *g, dlx__value x)
{
    const dlx__node *in = input(g, DLX__OP_ADD, x);
    if (!in)
        return;
    if (in->n_heads != 1 || in->n_cols != g->n_embd) {
        misfit(g, in->op, in->weight, in, "a layer to end with the residual stream [n, 1, d]");
        return;
    }
    dlx__value *outs = grow(g, g->layer_out, g->n_layers, &g->layer_capacity, sizeof *outs);
    if (!outs)
        return;
    g->layer_out = outs;
    g->layer_out[g->n_layers++] = x;
    g->layer++;
}

void dlx__graph_finish(dlx__graph *g, dlx__value hidden, dlx__value logits)
{
    const dlx__node *in = input(g, DLX__OP_RMSNORM, hidden);
    const dlx__node *out = input(g, DLX__OP_LINEAR, logits);
    if (!in || !out)
        return;
    for (size_t i = g->n; i > 0 && g->nodes[i - 1].layer == g->layer; i--)
        g->nodes[i - 1].layer = -1;
    g->hidden = hidden;
    g->logits = logits;
    g->n_vocab = out->n_cols;
    g->layer = -1;
}
