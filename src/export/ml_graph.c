/* ml_graph.c - building: everything lives in the graph's arena. */
#include "export/ml_graph.h"

#include "base/fail.h"
#include "dtype/convert.h"

#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 160 };

void dlx__ml_init(dlx__ml_graph *g, const char *name, const dlx_allocator *mem)
{
    *g = (dlx__ml_graph){.name = name};
    dlx__arena_init(&g->arena, mem);
}

void dlx__ml_release(dlx__ml_graph *g)
{
    dlx__arena_release(&g->arena);
    *g = (dlx__ml_graph){.name = NULL};
}

const dlx__ml_tensor *dlx__ml_at(const dlx__ml_graph *g, dlx__ml_value v)
{
    static const dlx__ml_tensor none = {.name = "", .type = DLX__ML_HALF};
    return v == DLX__ML_NONE ? &none : &g->tensors[v];
}

bool dlx__ml_is_shape(const dlx__ml_shape *a, const dlx__ml_shape *b)
{
    return a->n_dims == b->n_dims &&
           (a->n_dims == 0 || memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof *a->dims) == 0);
}

static void fail_memory(dlx__ml_graph *g, size_t n_bytes)
{
    if (g->failure.code == DLX_OK)
        dlx__fail_memory(&g->failure, "building an ML Program", n_bytes);
}

static void *take(dlx__ml_graph *g, const void *bytes, size_t n)
{
    void *copy = g->failure.code == DLX_OK ? dlx__arena_alloc(&g->arena, n, 1) : NULL;
    if (copy && n > 0)
        memcpy(copy, bytes, n);
    if (!copy)
        fail_memory(g, n);
    return copy;
}

/* Room for one more, and before the first one that which NONE is; NULL: no memory. */
static dlx__ml_tensor *room(dlx__ml_graph *g)
{
    dlx__ml_tensor *tensors =
        dlx__arena_grow(&g->arena, g->tensors, g->n_tensors, &g->tensor_capacity, sizeof *tensors);
    if (!tensors)
        return NULL;
    g->tensors = tensors;
    if (g->n_tensors > 0)
        return &tensors[g->n_tensors];
    tensors[g->n_tensors++] = (dlx__ml_tensor){.name = "", .type = DLX__ML_HALF};
    return room(g);
}

/* A tensor; its name is copied. */
static dlx__ml_value add(dlx__ml_graph *g, const char *name, dlx__ml_kind kind, dlx__ml_type type,
                         dlx__ml_shape shape)
{
    const char *copy = take(g, name, strlen(name) + 1);
    dlx__ml_tensor *t = copy ? room(g) : NULL;
    if (!t) {
        fail_memory(g, sizeof *t);
        return DLX__ML_NONE;
    }
    *t = (dlx__ml_tensor){.name = copy, .kind = kind, .type = type, .shape = shape};
    return (dlx__ml_value)g->n_tensors++;
}

/* NULL: a failure. */
static dlx__ml_op *add_op(dlx__ml_graph *g, const char *type)
{
    if (g->failure.code != DLX_OK)
        return NULL;
    dlx__ml_op *ops = dlx__arena_grow(&g->arena, g->ops, g->n_ops, &g->op_capacity, sizeof *ops);
    if (!ops) {
        fail_memory(g, sizeof *ops);
        return NULL;
    }
    g->ops = ops;
    ops[g->n_ops] = (dlx__ml_op){.type = type};
    return &ops[g->n_ops++];
}

static void give(dlx__ml_op *op, dlx__ml_value v)
{
    op->outputs[op->n_outputs++] = v;
}

dlx__ml_value dlx__ml_input(dlx__ml_graph *g, const char *name, dlx__ml_type type,
                            dlx__ml_shape shape)
{
    return add(g, name, DLX__ML_INPUT, type, shape);
}

dlx__ml_value dlx__ml_state(dlx__ml_graph *g, const char *name, dlx__ml_shape shape)
{
    return add(g, name, DLX__ML_STATE, DLX__ML_HALF, shape); /* Core ML keeps no other type */
}

/* ---- constants ----------------------------------------------------------------------------- */

static dlx__ml_value constant(dlx__ml_graph *g, dlx__ml_type type, dlx__ml_shape shape,
                              const void *bytes, size_t n_bytes)
{
    char name[NAME_ROOM];
    for (size_t i = 1; i < g->n_tensors; i++) {
        const dlx__ml_tensor *t = &g->tensors[i];
        if (t->bytes && t->type == type && t->n_bytes == n_bytes &&
            dlx__ml_is_shape(&t->shape, &shape) && memcmp(t->bytes, bytes, n_bytes) == 0)
            return (dlx__ml_value)i;
    }
    snprintf(name, sizeof name, "constant_%zu", g->n_tensors);
    const void *copy = take(g, bytes, n_bytes);
    const dlx__ml_value v = add(g, name, DLX__ML_CONSTANT, type, shape);
    dlx__ml_op *op = v == DLX__ML_NONE ? NULL : add_op(g, "const");
    if (!op)
        return DLX__ML_NONE;
    g->tensors[v].bytes = copy;
    g->tensors[v].n_bytes = n_bytes;
    give(op, v);
    return v;
}

dlx__ml_value dlx__ml_int(dlx__ml_graph *g, int32_t x)
{
    return constant(g, DLX__ML_INT32, DLX__ML_SCALAR, &x, sizeof x);
}

dlx__ml_value dlx__ml_ints(dlx__ml_graph *g, const int32_t *items, size_t n)
{
    return constant(g, DLX__ML_INT32, DLX__ML_SHAPE(n), items, n * sizeof *items);
}

dlx__ml_value dlx__ml_bool(dlx__ml_graph *g, bool x)
{
    return constant(g, DLX__ML_BOOL, DLX__ML_SCALAR, &x, sizeof x);
}

dlx__ml_value dlx__ml_bools(dlx__ml_graph *g, const bool *items, size_t n)
{
    return constant(g, DLX__ML_BOOL, DLX__ML_SHAPE(n), items, n * sizeof *items);
}

dlx__ml_value dlx__ml_half(dlx__ml_graph *g, float x)
{
    const uint16_t half = dlx__f32_to_f16(x);
    return constant(g, DLX__ML_HALF, DLX__ML_SCALAR, &half, sizeof half);
}

dlx__ml_value dlx__ml_text(dlx__ml_graph *g, const char *text)
{
    return constant(g, DLX__ML_STRING, DLX__ML_SCALAR, text, strlen(text));
}

/* ---- weights ------------------------------------------------------------------------------- */

/* "layers.0.q_proj" is no name in MIL: letters, digits and _ alone. */
static void name_weight(char out[NAME_ROOM], const char *name)
{
    snprintf(out, NAME_ROOM, "w_%s", name);
    for (char *c = out; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9'))
            *c = '_';
}

static dlx__ml_value weight(dlx__ml_graph *g, const char *type, const char *name,
                            const dlx__ml_blob *blobs, size_t n_blobs)
{
    char copy[NAME_ROOM];
    name_weight(copy, name);
    for (size_t i = 0; i < g->n_ops; i++)
        if (g->ops[i].n_blobs > 0 && strcmp(dlx__ml_at(g, g->ops[i].outputs[0])->name, copy) == 0)
            return g->ops[i].outputs[0];
    const dlx__ml_type of = n_blobs == 1 ? blobs[0].type : DLX__ML_HALF;
    const dlx__ml_value v = add(g, copy, DLX__ML_COMPUTED, of, blobs[0].shape);
    dlx__ml_op *op = v == DLX__ML_NONE ? NULL : add_op(g, type);
    if (!op)
        return DLX__ML_NONE;
    give(op, v);
    memcpy(op->blobs, blobs, n_blobs * sizeof *blobs);
    op->n_blobs = n_blobs;
    return v;
}

dlx__ml_value dlx__ml_weight(dlx__ml_graph *g, const char *name, dlx__ml_blob blob)
{
    return weight(g, "const", name, &blob, 1);
}

dlx__ml_value dlx__ml_scaled(dlx__ml_graph *g, const char *name, dlx__ml_blob data,
                             dlx__ml_blob scale)
{
    return weight(g, "constexpr_blockwise_shift_scale", name, (dlx__ml_blob[]){data, scale}, 2);
}

/* ---- operations ---------------------------------------------------------------------------- */

dlx__ml_value dlx__ml_op_of(dlx__ml_graph *g, const char *type, const dlx__ml_arg *args,
                            size_t n_args, dlx__ml_type out, dlx__ml_shape shape)
{
    char name[NAME_ROOM];
    snprintf(name, sizeof name, "%s_%zu", type, g->n_ops);
    const dlx__ml_value v = add(g, name, DLX__ML_COMPUTED, out, shape);
    dlx__ml_op *op = v == DLX__ML_NONE ? NULL : add_op(g, type);
    if (!op)
        return DLX__ML_NONE;
    give(op, v);
    op->n_args = dlx__min(n_args, DLX__ML_MAX_ARGS);
    memcpy(op->args, args, op->n_args * sizeof *args);
    return v;
}

dlx__ml_value dlx__ml_second(dlx__ml_graph *g)
{
    char name[NAME_ROOM];
    if (g->failure.code != DLX_OK)
        return DLX__ML_NONE;
    const dlx__ml_tensor first = *dlx__ml_at(g, g->ops[g->n_ops - 1].outputs[0]);
    snprintf(name, sizeof name, "%.100s_second", first.name);
    const dlx__ml_value v = add(g, name, DLX__ML_COMPUTED, first.type, first.shape);
    if (v != DLX__ML_NONE)
        give(&g->ops[g->n_ops - 1], v);
    return v;
}

void dlx__ml_write_state(dlx__ml_graph *g, dlx__ml_value state, dlx__ml_value data)
{
    dlx__ml_op *op = add_op(g, "write_state");
    if (!op)
        return;
    op->args[op->n_args++] = (dlx__ml_arg){"input", state};
    op->args[op->n_args++] = (dlx__ml_arg){"data", data};
}

void dlx__ml_output(dlx__ml_graph *g, dlx__ml_value v, const char *name)
{
    const char *copy = take(g, name, strlen(name) + 1);
    if (g->failure.code != DLX_OK || v == DLX__ML_NONE)
        return;
    g->tensors[v].name = copy;
    g->tensors[v].is_output = true;
}
