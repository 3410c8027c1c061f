/* graph_print.c - the graph as text, for people and for tests that compare it. */
#include "graph/graph.h"

static bool print_tensor(const dlx__tensor *t, dlx__buf *out)
{
    char shape[96];
    return dlx__buf_format(out, " %s %s %s", t->name ? t->name : "-",
                           dlx__shape_text(shape, t->shape, t->n_dims),
                           dlx__dtype_of(t->dtype)->name);
}

static bool print_attributes(const dlx__node *node, dlx__buf *out)
{
    switch (node->op) {
    case DLX__OP_RMSNORM:
        return dlx__buf_format(out, " eps %g", (double)node->eps);
    case DLX__OP_ROPE:
        return dlx__buf_format(out, " theta %g", node->theta);
    case DLX__OP_ATTEND:
        return dlx__buf_format(out, " layer %d scale %.9g", node->layer, (double)node->scale);
    default:
        return true;
    }
}

static bool print_node(const dlx__graph *g, size_t i, dlx__buf *out)
{
    const dlx__node *node = &g->nodes[i];
    if (!dlx__buf_format(out, "%%%zu %s", i, dlx__op_name(node->op)))
        return false;
    for (int j = 0; j < dlx__op_n_inputs(node->op); j++)
        if (!dlx__buf_format(out, " %%%u", (unsigned)node->in[j]))
            return false;
    if (node->weight && !print_tensor(node->weight, out))
        return false;
    if (node->bias && !print_tensor(node->bias, out))
        return false;
    return print_attributes(node, out) &&
           dlx__buf_format(out, " -> [n, %zu, %zu]\n", node->n_heads, node->n_cols);
}

bool dlx__graph_print(const dlx__graph *g, dlx__buf *out)
{
    for (size_t i = 0; i < g->n; i++)
        if (!print_node(g, i, out))
            return false;
    return dlx__buf_format(out, "hidden %%%u\nlogits %%%u\n", (unsigned)g->hidden,
                           (unsigned)g->logits);
}
