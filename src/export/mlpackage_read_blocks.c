/*
 * mlpackage_read_blocks.c - blocks of operations: every value that is read was made before, once,
 * and every output was made.
 */
#include "export/mlpackage_reader.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PARAMETERS = 64 };

typedef dlx__mil_operation operation;

static const char *function_name(const dlx__mlpackage_reader *r)
{
    return r->file->functions[r->function].name;
}

/* A name that nothing visible has: it may be made later, or in a block that has ended. */
static bool made_later(const dlx__proto_message *block, const char *name)
{
    const size_t n = strlen(name);
    for (dlx__proto_field f = dlx__proto_fields(block); dlx__proto_next(&f);) {
        if (f.number != 3)
            continue;
        dlx__proto_message op = dlx__proto_child(&f);
        for (dlx__proto_field o = dlx__proto_fields(&op); dlx__proto_next(&o);) {
            if (o.number != 3)
                continue;
            dlx__proto_message output = dlx__proto_child(&o);
            for (dlx__proto_field x = dlx__proto_fields(&output); dlx__proto_next(&x);)
                if (x.number == 1 && x.n == n && x.data && memcmp(x.data, name, n) == 0)
                    return true;
        }
    }
    return false;
}

static void add_argument(dlx__mlpackage_reader *r, operation *op, const char *parameter,
                         const dlx__mil_value *value)
{
    dlx__mil_value *v = dlx__mil_values_add(r, &op->arguments);
    if (!v)
        return;
    *v = *value;
    v->name = parameter;
}

/* What a parameter is bound to: a value by its name, or a constant. */
static void read_binding(dlx__mlpackage_reader *r, const dlx__proto_message *m, operation *op,
                         const char *parameter, const dlx__mil_names *names,
                         const dlx__proto_message *block)
{
    bool bound = false;
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1) {
            const char *name = dlx__proto_get_text(&f, &r->file->arena);
            const dlx__mil_value *v = dlx__mil_names_find(names, name);
            if (v)
                add_argument(r, op, parameter, v);
            else
                dlx__proto_fault(&r->view, "%.200s: its %.60s is %.100s, which %s", op->where,
                                 parameter, name,
                                 made_later(block, name) ? "is made only behind it"
                                                         : "no operation and no input makes");
        } else if (f.number == 2) {
            dlx__proto_message value = dlx__proto_child(&f);
            const dlx__mil_value constant = dlx__mil_read_value(r, &value, op->where);
            add_argument(r, op, parameter, &constant);
        }
        bound = bound || f.number <= 2;
    }
    if (!bound)
        dlx__proto_fault(&r->view, "%.200s: its %.60s is bound to nothing", op->where, parameter);
}

/* An entry of the map of inputs. */
static void read_input(dlx__mlpackage_reader *r, const dlx__proto_message *m, operation *op,
                       const dlx__mil_names *names, const dlx__proto_message *block)
{
    const char *parameter = "";
    dlx__proto_message argument = {.view = NULL};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            parameter = dlx__proto_get_text(&f, &r->file->arena);
        else if (f.number == 2)
            dlx__proto_only_child(&f, &argument);
    }
    if (++op->n_parameters > MAX_PARAMETERS)
        dlx__proto_fault(&r->view, "%.200s: expected at most %d parameters", op->where,
                         MAX_PARAMETERS);
    else if (dlx__mil_values_find(&op->arguments, parameter))
        dlx__proto_fault(&r->view, "%.200s: it has the parameter %.100s twice", op->where,
                         parameter);
    for (dlx__proto_field f = dlx__proto_fields(&argument); dlx__proto_next(&f);) {
        if (f.number != 1)
            continue;
        dlx__proto_message binding = dlx__proto_child(&f);
        read_binding(r, &binding, op, parameter, names, block);
    }
}

/* An entry of the map of attributes; `val` is what a const is. */
static void read_attribute(dlx__mlpackage_reader *r, const dlx__proto_message *m, operation *op)
{
    const char *key = "";
    dlx__mil_value constant = {.name = ""};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            key = dlx__proto_get_text(&f, &r->file->arena);
        else if (f.number == 2) {
            dlx__proto_message value = dlx__proto_child(&f);
            constant = dlx__mil_read_value(r, &value, op->where);
        }
    }
    if (strcmp(key, "val") != 0)
        return;
    op->constant = constant;
    op->n_constants++;
}

/* ---- rules of single operations -------------------------------------------------------------- */

static const dlx__mil_type *argument(const operation *op, const char *parameter)
{
    const dlx__mil_value *v = dlx__mil_values_find(&op->arguments, parameter);
    return v ? &v->type : NULL;
}

static void differs(dlx__mlpackage_reader *r, const operation *op, const char *what,
                    const dlx__mil_type *expected)
{
    dlx__proto_fault(&r->view, "%.200s: expected %s of the type %s, found %s", op->where, what,
                     dlx__mil_type_text(expected).text,
                     op->outputs.n ? dlx__mil_type_text(&op->outputs.items[0].type).text : "none");
}

/* Its value goes with its output. */
static void check_const(dlx__mlpackage_reader *r, operation *op)
{
    const dlx__mil_value *c = &op->constant;
    if (op->n_constants != 1 || op->outputs.n != 1)
        dlx__proto_fault(&r->view,
                         "%.200s: expected a const with a value and one output, found %zu and %zu",
                         op->where, op->n_constants, op->outputs.n);
    else if (!dlx__mil_same_type(&c->type, &op->outputs.items[0].type))
        differs(r, op, "an output", &c->type);
    else {
        op->outputs.items[0].ints = c->ints;
        op->outputs.items[0].n_ints = c->n_ints;
        op->outputs.items[0].text = c->text;
    }
}

/* States are read and written by two operations, and are nothing to any other. */
static void check_states(dlx__mlpackage_reader *r, const operation *op)
{
    const dlx__mil_type *state = argument(op, "input"), *data = argument(op, "data");
    const bool reads = strcmp(op->type, "read_state") == 0;
    const bool writes = strcmp(op->type, "write_state") == 0;
    for (size_t i = 0; !reads && !writes && i < op->arguments.n; i++)
        if (op->arguments.items[i].type.kind == DLX__MIL_STATE)
            dlx__proto_fault(&r->view,
                             "%.200s: its %.60s is a state; read_state gives what is in it",
                             op->where, op->arguments.items[i].name);
    if (!reads && !writes)
        return;
    if (!state || state->kind != DLX__MIL_STATE) {
        dlx__proto_fault(&r->view, "%.200s: expected a state as its input", op->where);
        return;
    }
    dlx__mil_type inner = *state;
    inner.kind = DLX__MIL_TENSOR;
    if (writes && (!data || !dlx__mil_same_type(data, &inner)))
        dlx__proto_fault(&r->view, "%.200s: expected data of the type %s, found %s", op->where,
                         dlx__mil_type_text(&inner).text,
                         data ? dlx__mil_type_text(data).text : "none");
    if (reads && (op->outputs.n != 1 || !dlx__mil_same_type(&op->outputs.items[0].type, &inner)))
        differs(r, op, "an output", &inner);
}

/* Blocks of a weight share a scale: each axis of the data is a multiple of that of the scale. */
static void check_blocks(dlx__mlpackage_reader *r, const operation *op)
{
    const dlx__mil_type *data = argument(op, "data"), *scale = argument(op, "scale");
    const dlx__mil_type *offset = argument(op, "offset");
    if (strcmp(op->type, "constexpr_blockwise_shift_scale") != 0)
        return;
    bool good = data && scale && data->rank == scale->rank;
    for (size_t i = 0; good && i < data->rank; i++)
        good = scale->dims[i] > 0 && data->dims[i] % scale->dims[i] == 0;
    if (!good) {
        dlx__proto_fault(&r->view, "%.200s: expected a scale for blocks of the data %s, found %s",
                         op->where, data ? dlx__mil_type_text(data).text : "(none)",
                         scale ? dlx__mil_type_text(scale).text : "none");
        return;
    }
    dlx__mil_type result = *data, zero = *scale;
    result.element = scale->element;
    zero.element = data->element;
    if (op->outputs.n != 1 || !dlx__mil_same_type(&op->outputs.items[0].type, &result))
        differs(r, op, "an output", &result);
    if (offset && !dlx__mil_same_type(offset, &zero))
        dlx__proto_fault(&r->view, "%.200s: expected an offset of the type %s, found %s", op->where,
                         dlx__mil_type_text(&zero).text, dlx__mil_type_text(offset).text);
}

/* ---- operations in order --------------------------------------------------------------------- */

static void read_outputs(dlx__mlpackage_reader *r, const dlx__proto_message *m, operation *op)
{
    snprintf(op->where, sizeof op->where, "function %.80s, %.60s", function_name(r), op->type);
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 3)
            continue;
        dlx__proto_message output = dlx__proto_child(&f);
        dlx__mil_value *v = dlx__mil_values_add(r, &op->outputs);
        if (v)
            dlx__mil_read_named(r, &output, v, op->where);
    }
    if (op->outputs.n)
        snprintf(op->where, sizeof op->where, "function %.80s, %.60s of %.80s", function_name(r),
                 op->type, op->outputs.items[0].name);
}

static void publish(dlx__mlpackage_reader *r, const operation *op, dlx__mil_names *names)
{
    for (size_t i = 0; i < op->outputs.n && r->view.failure.code == DLX_OK; i++) {
        if (dlx__mil_names_find(names, op->outputs.items[i].name))
            dlx__proto_fault(&r->view, "%.200s: another value has the name %.100s already",
                             op->where, op->outputs.items[i].name);
        else if (!dlx__mil_names_add(names, &op->outputs.items[i]))
            (void)dlx__mlpackage_alloc(r, SIZE_MAX, 1);
    }
}

static void read_operation(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                           dlx__mil_names *names, const dlx__proto_message *block)
{
    dlx__mlpackage_function *fn = &r->file->functions[r->function];
    operation op = {.type = ""};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);)
        if (f.number == 1)
            op.type = dlx__proto_get_text(&f, &r->file->arena);
    read_outputs(r, m, &op);
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 2 && f.number != 4 && f.number != 5)
            continue;
        dlx__proto_message inner = dlx__proto_child(&f);
        if (f.number == 2)
            read_input(r, &inner, &op, names, block);
        else if (f.number == 4)
            dlx__mil_read_block(r, &inner, names, NULL);
        else
            read_attribute(r, &inner, &op);
    }
    if (r->view.failure.code != DLX_OK)
        return;
    op.effect = strcmp(op.type, "write_state") == 0;
    if (op.type[0] == '\0' || (op.outputs.n == 0) != op.effect)
        dlx__proto_fault(&r->view, "%.200s: expected an operation with a name and %s", op.where,
                         op.effect ? "without an output" : "an output");
    if (strcmp(op.type, "const") == 0)
        check_const(r, &op);
    check_states(r, &op);
    check_blocks(r, &op);
    if (r->file->is_ours && r->view.failure.code == DLX_OK)
        dlx__mil_infer(r, &op);
    publish(r, &op, names);
    fn->n_operations++;
    (void)dlx__mil_counts_add(r, &fn->operations, op.type, 0);
}

void dlx__mil_read_block(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                         dlx__mil_names *names, dlx__mil_values *outputs)
{
    const size_t outside = names->n;
    operation own = {.type = "block"}; /* its inputs, when it is inside an operation */
    snprintf(own.where, sizeof own.where, "function %.80s, a block", function_name(r));
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 1)
            continue;
        dlx__proto_message input = dlx__proto_child(&f);
        dlx__mil_value *v = dlx__mil_values_add(r, &own.outputs);
        if (v)
            dlx__mil_read_named(r, &input, v, own.where);
    }
    publish(r, &own, names);
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 3)
            continue;
        dlx__proto_message op = dlx__proto_child(&f);
        read_operation(r, &op, names, m);
    }
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 2)
            continue;
        const char *name = dlx__proto_get_text(&f, &r->file->arena);
        const dlx__mil_value *v = dlx__mil_names_find(names, name);
        if (!v)
            dlx__proto_fault(&r->view, "function %.100s: its output %.100s is never computed",
                             function_name(r), name);
        dlx__mil_value *out = v && outputs ? dlx__mil_values_add(r, outputs) : NULL;
        if (out)
            *out = *v;
    }
    dlx__mil_names_leave(names, outside);
}
