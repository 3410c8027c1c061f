/*
 * mlpackage_read_infer.c - the operations that dlx export writes: which parameters they have, and
 * what follows from these for their results. For packages of ours alone: other exporters write
 * other operations, which are theirs to know.
 */
#include "export/mlpackage_reader.h"

#include <string.h>

enum { MOST_PARAMETERS = 8, MOST_RANK = 16 };

/* A result while it is inferred: types of the reader share their lengths, which this one owns. */
typedef struct inferred {
    int element;
    size_t rank;
    int64_t dims[MOST_RANK];
} inferred;

typedef struct inference {
    dlx__mlpackage_reader *r;
    const dlx__mil_operation *op;
    inferred out;
} inference;

/* false: what goes in does not go together. */
typedef bool (*infer)(inference *x);

/* ---- what goes in ---------------------------------------------------------------------------- */

static const dlx__mil_value *value(const inference *x, const char *parameter)
{
    static const dlx__mil_value none = {.name = ""};
    const dlx__mil_value *v = dlx__mil_values_find(&x->op->arguments, parameter);
    return v ? v : &none;
}

/* A number or flag that the specification holds; -1000: it does not. */
static int64_t number(const inference *x, const char *parameter)
{
    const dlx__mil_value *v = value(x, parameter);
    return v->n_ints == 1 ? v->ints[0] : -1000;
}

/* An axis of a tensor, counted from its end where it is negative; `rank`: there is no such. */
static size_t axis_of(const dlx__mil_type *t, int64_t axis)
{
    const int64_t rank = (int64_t)t->rank, at = axis < 0 ? axis + rank : axis;
    return at >= 0 && at < rank ? (size_t)at : t->rank;
}

static void take(inference *x, const dlx__mil_type *t)
{
    x->out = (inferred){.element = t->element, .rank = t->rank};
    for (size_t i = 0; i < t->rank; i++)
        x->out.dims[i] = t->dims[i];
}

static bool same_dims(const dlx__mil_type *a, const dlx__mil_type *b)
{
    return a->rank == b->rank &&
           (a->rank == 0 || memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0);
}

static bool is_float(const dlx__mil_type *t)
{
    return t->element == DLX__MIL_F16 || t->element == DLX__MIL_F32;
}

/* ---- what comes out -------------------------------------------------------------------------- */

static bool infer_unary(inference *x)
{
    take(x, &value(x, "x")->type);
    return is_float(&value(x, "x")->type);
}

/* Axes from the last on, a length of 1 goes with any. */
static bool infer_binary(inference *x)
{
    const dlx__mil_type *a = &value(x, "x")->type, *b = &value(x, "y")->type;
    const dlx__mil_type *more = a->rank >= b->rank ? a : b, *less = more == a ? b : a;
    take(x, more);
    for (size_t i = 0; i < less->rank; i++) {
        int64_t *to = &x->out.dims[more->rank - 1 - i];
        const int64_t other = less->dims[less->rank - 1 - i];
        if (*to != other && *to != 1 && other != 1)
            return false;
        *to = *to == 1 ? other : *to;
    }
    return a->element == b->element;
}

static bool infer_linear(inference *x)
{
    const dlx__mil_type *a = &value(x, "x")->type, *w = &value(x, "weight")->type;
    const dlx__mil_type *b = &value(x, "bias")->type;
    take(x, a);
    if (a->rank < 1 || w->rank != 2 || b->rank != 1 || a->dims[a->rank - 1] != w->dims[1] ||
        b->dims[0] != w->dims[0] || w->element != a->element || b->element != a->element)
        return false;
    x->out.dims[a->rank - 1] = w->dims[0];
    return is_float(a);
}

static bool infer_matmul(inference *x)
{
    const dlx__mil_type *a = &value(x, "x")->type, *b = &value(x, "y")->type;
    const int64_t turned_a = number(x, "transpose_x"), turned_b = number(x, "transpose_y");
    const size_t n = a->rank;
    if (n < 2 || b->rank != n || a->element != b->element || turned_a < 0 || turned_b < 0)
        return false;
    take(x, a);
    for (size_t i = 0; i + 2 < n; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    x->out.dims[n - 2] = a->dims[turned_a ? n - 1 : n - 2];
    x->out.dims[n - 1] = b->dims[turned_b ? n - 2 : n - 1];
    return a->dims[turned_a ? n - 2 : n - 1] == b->dims[turned_b ? n - 1 : n - 2];
}

static bool infer_gather(inference *x)
{
    const dlx__mil_type *a = &value(x, "x")->type, *ids = &value(x, "indices")->type;
    const size_t axis = axis_of(a, number(x, "axis"));
    if (axis == a->rank || a->rank + ids->rank - 1 > MOST_RANK || ids->element != DLX__MIL_I32 ||
        number(x, "batch_dims") != 0)
        return false;
    x->out = (inferred){.element = a->element};
    for (size_t i = 0; i < a->rank; i++) {
        if (i != axis)
            x->out.dims[x->out.rank++] = a->dims[i];
        for (size_t k = 0; i == axis && k < ids->rank; k++)
            x->out.dims[x->out.rank++] = ids->dims[k];
    }
    return true;
}

static bool infer_reshape(inference *x)
{
    const dlx__mil_value *a = value(x, "x"), *to = value(x, "shape");
    x->out = (inferred){.element = a->type.element, .rank = to->n_ints};
    size_t n = 1;
    for (size_t i = 0; i < to->n_ints; i++) {
        x->out.dims[i] = to->ints[i];
        n = to->ints[i] < 0 ? SIZE_MAX : dlx__mul(n, (size_t)to->ints[i]);
    }
    return to->n_ints > 0 && n != SIZE_MAX && n == dlx__mil_n_elements(&a->type);
}

static bool infer_transpose(inference *x)
{
    const dlx__mil_type *a = &value(x, "x")->type;
    const dlx__mil_value *perm = value(x, "perm");
    unsigned seen = 0;
    take(x, a);
    if (perm->n_ints != a->rank)
        return false;
    for (size_t i = 0; i < a->rank; i++) {
        const size_t from = axis_of(a, perm->ints[i]);
        if (from == a->rank || seen >> from & 1)
            return false;
        seen |= 1u << from;
        x->out.dims[i] = a->dims[from];
    }
    return true;
}

static bool infer_split(inference *x)
{
    const dlx__mil_type *a = &value(x, "x")->type;
    const size_t axis = axis_of(a, number(x, "axis"));
    const int64_t n = number(x, "num_splits");
    if (axis == a->rank || n < 1 || a->dims[axis] % n != 0 || x->op->outputs.n != (size_t)n)
        return false;
    take(x, a);
    x->out.dims[axis] /= n;
    return true;
}

/* All that is bound to "values", one behind the other. */
static bool infer_concat(inference *x)
{
    const dlx__mil_values *all = &x->op->arguments;
    const dlx__mil_type *first = &value(x, "values")->type;
    const size_t axis = axis_of(first, number(x, "axis"));
    if (axis == first->rank || number(x, "interleave") != 0)
        return false;
    take(x, first);
    x->out.dims[axis] = 0;
    for (size_t i = 0; i < all->n; i++) {
        const dlx__mil_type *t = &all->items[i].type;
        if (strcmp(all->items[i].name, "values") != 0)
            continue;
        if (t->rank != first->rank || t->element != first->element || t->dims[axis] < 0 ||
            t->dims[axis] > INT64_MAX - x->out.dims[axis])
            return false;
        for (size_t k = 0; k < t->rank; k++)
            if (k != axis && t->dims[k] != first->dims[k])
                return false;
        x->out.dims[axis] += t->dims[axis];
    }
    return true;
}

static bool infer_softmax(inference *x)
{
    const dlx__mil_type *a = &value(x, "x")->type;
    return infer_unary(x) && axis_of(a, number(x, "axis")) < a->rank;
}

/* Without the axis, or with a length of 1 there. */
static bool reduce(inference *x, int64_t axis_number, int64_t keep)
{
    const dlx__mil_type *a = &value(x, "x")->type;
    const size_t axis = axis_of(a, axis_number);
    if (axis == a->rank || keep < 0)
        return false;
    take(x, a);
    x->out.dims[axis] = 1;
    for (size_t i = axis; !keep && i + 1 < a->rank; i++)
        x->out.dims[i] = a->dims[i + 1];
    x->out.rank -= !keep;
    return is_float(a);
}

static bool infer_reduce(inference *x)
{
    return reduce(x, number(x, "axes"), number(x, "keep_dims"));
}

static bool infer_argmax(inference *x)
{
    const char *type = value(x, "output_dtype")->text;
    const bool ok = reduce(x, number(x, "axis"), number(x, "keep_dims"));
    x->out.element = DLX__MIL_I32;
    return ok && type && strcmp(type, "int32") == 0;
}

static bool infer_cast(inference *x)
{
    const char *type = value(x, "dtype")->text;
    const bool ok = infer_unary(x);
    x->out.element = DLX__MIL_F32;
    return ok && type && strcmp(type, "fp32") == 0;
}

/* A block of rows into a larger tensor: where it goes is known only when it runs. */
static bool infer_slice_update(inference *x)
{
    const dlx__mil_type *a = &value(x, "x")->type, *part = &value(x, "update")->type;
    static const char *const corners[] = {"begin",      "end",      "stride",
                                          "begin_mask", "end_mask", "squeeze_mask"};
    bool ok = part->rank == a->rank && part->element == a->element;
    take(x, a);
    for (size_t i = 0; i < a->rank && ok; i++)
        ok = part->dims[i] <= a->dims[i];
    for (size_t i = 0; i < DLX__LEN(corners) && ok; i++) {
        const dlx__mil_type *t = &value(x, corners[i])->type;
        ok = t->rank == 1 && t->dims[0] == (int64_t)a->rank &&
             t->element == (i < 3 ? DLX__MIL_I32 : DLX__MIL_BOOL);
    }
    return ok;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Every operation of ml_*.c, with all of its parameters; NULL: its result was checked already. */
static const struct rule {
    const char *type;
    infer infer;
    const char *parameters[MOST_PARAMETERS + 1];
} rules[] = {
    {"const", NULL, {NULL}},
    {"constexpr_blockwise_shift_scale", NULL, {"data", "scale", NULL}},
    {"read_state", NULL, {"input", NULL}},
    {"write_state", NULL, {"input", "data", NULL}},
    {"abs", infer_unary, {"x", NULL}},
    {"sqrt", infer_unary, {"x", NULL}},
    {"silu", infer_unary, {"x", NULL}},
    {"add", infer_binary, {"x", "y", NULL}},
    {"sub", infer_binary, {"x", "y", NULL}},
    {"mul", infer_binary, {"x", "y", NULL}},
    {"real_div", infer_binary, {"x", "y", NULL}},
    {"maximum", infer_binary, {"x", "y", NULL}},
    {"linear", infer_linear, {"x", "weight", "bias", NULL}},
    {"matmul", infer_matmul, {"x", "y", "transpose_x", "transpose_y", NULL}},
    {"gather", infer_gather, {"x", "indices", "axis", "batch_dims", "validate_indices", NULL}},
    {"reshape", infer_reshape, {"x", "shape", NULL}},
    {"transpose", infer_transpose, {"x", "perm", NULL}},
    {"split", infer_split, {"x", "num_splits", "axis", NULL}},
    {"concat", infer_concat, {"values", "axis", "interleave", NULL}},
    {"softmax", infer_softmax, {"x", "axis", NULL}},
    {"reduce_max", infer_reduce, {"x", "axes", "keep_dims", NULL}},
    {"reduce_mean", infer_reduce, {"x", "axes", "keep_dims", NULL}},
    {"reduce_log_sum_exp", infer_reduce, {"x", "axes", "keep_dims", NULL}},
    {"reduce_argmax", infer_argmax, {"x", "axis", "keep_dims", "output_dtype", NULL}},
    {"cast", infer_cast, {"x", "dtype", NULL}},
    {"slice_update",
     infer_slice_update,
     {"x", "update", "begin", "end", "stride", "begin_mask", "end_mask", "squeeze_mask", NULL}},
};

static bool is_parameter(const struct rule *rule, const char *name)
{
    for (size_t i = 0; rule->parameters[i]; i++)
        if (strcmp(rule->parameters[i], name) == 0)
            return true;
    return false;
}

/* All that it has, none else, each once unless it is a list. */
static bool check_parameters(dlx__mlpackage_reader *r, const dlx__mil_operation *op,
                             const struct rule *rule)
{
    for (size_t i = 0; i < op->arguments.n; i++) {
        const char *name = op->arguments.items[i].name;
        if (!is_parameter(rule, name))
            dlx__proto_fault(&r->view,
                             "%.200s: it has the parameter %.60s, which dlx export never writes",
                             op->where, name);
        else if (strcmp(name, "values") != 0 &&
                 dlx__mil_values_find(&op->arguments, name) != &op->arguments.items[i])
            dlx__proto_fault(&r->view, "%.200s: its %.60s is bound to several values", op->where,
                             name);
    }
    for (size_t i = 0; rule->parameters[i]; i++)
        if (!dlx__mil_values_find(&op->arguments, rule->parameters[i]))
            dlx__proto_fault(&r->view, "%.200s: expected its parameter %s, found none", op->where,
                             rule->parameters[i]);
    return r->view.failure.code == DLX_OK;
}

static void check_results(inference *x)
{
    const dlx__mil_type result = {.kind = DLX__MIL_TENSOR,
                                  .element = x->out.element,
                                  .rank = x->out.rank,
                                  .dims = x->out.dims};
    for (size_t i = 0; i < x->op->outputs.n; i++) {
        const dlx__mil_value *out = &x->op->outputs.items[i];
        if (out->type.kind != DLX__MIL_TENSOR || out->type.element != result.element ||
            !same_dims(&out->type, &result))
            dlx__proto_fault(&x->r->view,
                             "%.200s: expected %.60s of the type %s, which follows from what goes "
                             "in, found %s",
                             x->op->where, out->name, dlx__mil_type_text(&result).text,
                             dlx__mil_type_text(&out->type).text);
    }
}

void dlx__mil_infer(dlx__mlpackage_reader *r, const dlx__mil_operation *op)
{
    inference x = {.r = r, .op = op};
    size_t i = 0;
    while (i < DLX__LEN(rules) && strcmp(rules[i].type, op->type) != 0)
        i++;
    if (i == DLX__LEN(rules)) {
        dlx__proto_fault(&r->view,
                         "%.200s: an operation that dlx export never writes; the package is "
                         "damaged, or a newer dlx wrote it",
                         op->where);
        return;
    }
    if (!check_parameters(r, op, &rules[i]) || !rules[i].infer)
        return;
    if (strcmp(op->type, "split") != 0 && op->outputs.n != 1)
        dlx__proto_fault(&r->view, "%.200s: expected one result, found %zu", op->where,
                         op->outputs.n);
    else if (!rules[i].infer(&x))
        dlx__proto_fault(&r->view, "%.200s: what goes in does not go together", op->where);
    else
        check_results(&x);
}
