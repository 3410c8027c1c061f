/*
 * graph_check.c - the graph as a whole. Single shapes were checked while building; here are the
 * promises that a backend relies on without looking again.
 */
#include "base/fail.h"
#include "base/mem.h"
#include "graph/graph.h"

static dlx_result unsound(dlx_error *err, const dlx__graph *g, size_t i, const char *what)
{
    return dlx__fail(err, DLX_E_MISMATCH,
                     "the model's graph is unsound at node %%%zu of %zu: %s; the model family's "
                     "build function needs a correction",
                     i, g->n, what);
}

/* The outputs exist, have the promised shapes, and the head reads the final norm. */
static dlx_result check_outputs(const dlx__graph *g, dlx_error *err)
{
    if (g->n == 0 || g->nodes[g->embedded].op != DLX__OP_EMBED)
        return unsound(err, g, 0, "expected an embedding as the first node");
    if (g->n_layers == 0)
        return unsound(err, g, g->n - 1, "expected at least one layer to be ended");
    if (g->n_vocab == 0)
        return unsound(err, g, g->n - 1, "expected hidden and logits to be named");
    const dlx__node *hidden = &g->nodes[g->hidden];
    const dlx__node *logits = &g->nodes[g->logits];
    if (hidden->n_heads != 1 || hidden->n_cols != g->n_embd)
        return unsound(err, g, g->hidden, "expected the final norm to be [n, 1, d]");
    if (logits->op != DLX__OP_LINEAR || logits->in[0] != g->hidden || g->logits != g->n - 1)
        return unsound(err, g, g->logits,
                       "expected the head to be the last node, on the final norm");
    return DLX_OK;
}

/* Layers follow one another and hold one ATTEND each; nodes outside layers have none. */
static dlx_result check_layers(const dlx__graph *g, dlx_error *err)
{
    int layer = -1;
    size_t n_attends = 0;
    for (size_t i = 0; i < g->n; i++) {
        const dlx__node *node = &g->nodes[i];
        if (node->layer > layer) {
            if (node->layer != layer + 1 || (layer >= 0 && n_attends != 1))
                return unsound(err, g, i, "expected one attend in each layer, layers in order");
            layer = node->layer;
            n_attends = 0;
        } else if (node->layer != layer && node->layer != -1) {
            return unsound(err, g, i, "expected the nodes of a layer to stand together");
        }
        if (node->op != DLX__OP_ATTEND)
            continue;
        if (node->layer < 0)
            return unsound(err, g, i, "expected attend inside a layer");
        n_attends++;
    }
    if (n_attends != 1 || (size_t)(layer + 1) != g->n_layers)
        return unsound(err, g, g->n - 1, "expected one attend in each layer");
    return DLX_OK;
}

/* Every value but the logits is read by somebody. */
static dlx_result check_used(const dlx__graph *g, dlx_error *err)
{
    bool *used = dlx__alloc_zero(g->arena.mem, g->n, sizeof *used); /* [n] */
    if (!used)
        return dlx__fail_memory(err, "checking the model's graph", g->n);
    dlx_result r = DLX_OK;
    for (size_t i = 0; i < g->n && r == DLX_OK; i++) {
        for (int j = 0; j < dlx__op_n_inputs(g->nodes[i].op); j++) {
            if (g->nodes[i].in[j] >= i) {
                r = unsound(err, g, i, "expected inputs that are computed before");
                break;
            }
            used[g->nodes[i].in[j]] = true;
        }
    }
    for (size_t i = 0; i < g->n && r == DLX_OK; i++)
        if (!used[i] && i != g->logits)
            r = unsound(err, g, i, "expected its value to be used");
    dlx__free(g->arena.mem, used);
    return r;
}

dlx_result dlx__graph_check(const dlx__graph *g, dlx_error *err)
{
    if (g->failure.code != DLX_OK)
        return dlx__fail(err, g->failure.code, "%s", g->failure.text);
    DLX__TRY(check_outputs(g, err));
    DLX__TRY(check_layers(g, err));
    return check_used(g, err);
}
