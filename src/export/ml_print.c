/* ml_print.c - a function of an ML Program as lines, for people. */
#include "export/ml_graph.h"

#include <string.h>

const char *dlx__ml_type_name(dlx__ml_type type)
{
    switch (type) {
#define NAME(name, text, number)                                                                   \
    case DLX__ML_##name:                                                                           \
        return text;
        DLX__ML_TYPES(NAME)
#undef NAME
    }
    return "";
}

static bool print_type(dlx__buf *out, dlx__ml_type type, const dlx__ml_shape *shape)
{
    bool ok = dlx__buf_format(out, "%s [", dlx__ml_type_name(type));
    for (int i = 0; i < shape->n_dims && ok; i++)
        ok = dlx__buf_format(out, i ? ", %zu" : "%zu", shape->dims[i]);
    return ok && dlx__buf_byte(out, ']');
}

static bool print_feature(dlx__buf *out, const char *what, const dlx__ml_tensor *t)
{
    return dlx__buf_format(out, "  %s %s ", what, t->name) && print_type(out, t->type, &t->shape) &&
           dlx__buf_byte(out, '\n');
}

static bool print_op(dlx__buf *out, const dlx__ml_graph *g, const dlx__ml_op *op)
{
    bool ok = dlx__buf_text(out, "  ");
    for (size_t i = 0; i < op->n_outputs && ok; i++)
        ok = dlx__buf_format(out, i ? ", %s" : "%s", dlx__ml_at(g, op->outputs[i])->name);
    ok = ok && dlx__buf_format(out, "%s%s(", op->n_outputs ? " = " : "", op->type);
    for (size_t i = 0; i < op->n_args && ok; i++)
        ok = dlx__buf_format(out, "%s%s=%s", i ? ", " : "", op->args[i].param,
                             dlx__ml_at(g, op->args[i].value)->name);
    for (size_t i = 0; i < op->n_blobs && ok; i++)
        ok = dlx__buf_text(out, i ? ", " : "") &&
             print_type(out, op->blobs[i].type, &op->blobs[i].shape);
    ok = ok && dlx__buf_byte(out, ')');
    if (op->n_outputs && ok) {
        const dlx__ml_tensor *y = dlx__ml_at(g, op->outputs[0]);
        ok = dlx__buf_text(out, " -> ") && print_type(out, y->type, &y->shape);
    }
    return ok && dlx__buf_byte(out, '\n');
}

bool dlx__ml_print(const dlx__ml_graph *g, dlx__buf *out)
{
    bool ok = true;
    for (size_t i = 1; i < g->n_tensors && ok; i++)
        if (g->tensors[i].kind == DLX__ML_INPUT)
            ok = print_feature(out, "in   ", &g->tensors[i]);
    for (size_t i = 1; i < g->n_tensors && ok; i++)
        if (g->tensors[i].kind == DLX__ML_STATE)
            ok = print_feature(out, "state", &g->tensors[i]);
    for (size_t i = 1; i < g->n_tensors && ok; i++)
        if (g->tensors[i].is_output)
            ok = print_feature(out, "out  ", &g->tensors[i]);
    for (size_t i = 0; i < g->n_ops && ok; i++)
        if (strcmp(g->ops[i].type, "const") != 0)
            ok = print_op(out, g, &g->ops[i]);
    return ok;
}
