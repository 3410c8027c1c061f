/* onnx_print.c - a graph as lines. */
#include "export/onnx_graph.h"

const char *dlx__onnx_type_name(dlx__onnx_type type)
{
    switch (type) {
#define TYPE_NAME(name, text, number, bits)                                                        \
    case DLX__ONNX_##name:                                                                         \
        return text;
        DLX__ONNX_TYPES(TYPE_NAME)
#undef TYPE_NAME
    }
    return "unknown";
}

static bool print_type(dlx__buf *out, const dlx__onnx_tensor *t)
{
    bool ok = dlx__buf_format(out, "%s [", dlx__onnx_type_name(t->type));
    for (int i = 0; i < t->n_dims && ok; i++)
        ok = dlx__buf_format(out, i ? ", %zu" : "%zu", t->dims[i]);
    return ok && dlx__buf_byte(out, ']');
}

static bool print_value(dlx__buf *out, const char *what, const dlx__onnx_tensor *t)
{
    return dlx__buf_format(out, "  %s %s ", what, t->name) && print_type(out, t) &&
           (t->encoding.scale == 0 ||
            dlx__buf_format(out, " scale %.9g zero point %d", (double)t->encoding.scale,
                            (int)t->encoding.zero_point)) &&
           dlx__buf_byte(out, '\n');
}

static bool print_attr(dlx__buf *out, const dlx__onnx_attr *a)
{
    bool ok = dlx__buf_format(out, " %s=", a->name);
    if (a->is_float)
        return ok && dlx__buf_format(out, "%.9g", (double)a->f);
    if (!a->list)
        return ok && dlx__buf_format(out, "%lld", (long long)a->i);
    for (size_t i = 0; i < a->n && ok; i++)
        ok = dlx__buf_format(out, i ? ",%lld" : "%lld", (long long)a->list[i]);
    return ok;
}

static bool print_node(dlx__buf *out, const dlx__onnx_graph *g, const dlx__onnx_node *node)
{
    const dlx__onnx_tensor *y = dlx__onnx_at(g, node->output);
    bool ok = dlx__buf_format(out, "  %s = %s(", y->name, node->op);
    for (size_t i = 0; i < node->n_inputs && ok; i++)
        ok = dlx__buf_format(out, "%s%s", i ? ", " : "", dlx__onnx_at(g, node->inputs[i])->name);
    ok = ok && dlx__buf_byte(out, ')');
    for (size_t i = 0; i < node->n_attrs && ok; i++)
        ok = print_attr(out, &node->attrs[i]);
    return ok && dlx__buf_text(out, " -> ") && print_type(out, y) && dlx__buf_byte(out, '\n');
}

bool dlx__onnx_print(const dlx__onnx_graph *g, dlx__buf *out)
{
    bool ok = true;
    for (size_t i = 1; i < g->n_tensors && ok; i++)
        if (g->tensors[i].kind == DLX__ONNX_INPUT)
            ok = print_value(out, "in ", &g->tensors[i]);
    for (size_t i = 1; i < g->n_tensors && ok; i++)
        if (g->tensors[i].is_output)
            ok = print_value(out, "out", &g->tensors[i]);
    for (size_t i = 0; i < g->n_nodes && ok; i++)
        ok = print_node(out, g, &g->nodes[i]);
    return ok;
}
