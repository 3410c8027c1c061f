/* onnx_graph.c - building: everything lives in the graph's arena. */
#include "export/onnx_graph.h"

#include "base/fail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 160 };

void dlx__onnx_init(dlx__onnx_graph *g, const char *name, const dlx_allocator *mem)
{
    *g = (dlx__onnx_graph){.name = name};
    dlx__arena_init(&g->arena, mem);
}

void dlx__onnx_release(dlx__onnx_graph *g)
{
    dlx__arena_release(&g->arena);
    *g = (dlx__onnx_graph){.name = NULL};
}

const dlx__onnx_tensor *dlx__onnx_at(const dlx__onnx_graph *g, dlx__onnx_value v)
{
    static const dlx__onnx_tensor none = {.name = "", .type = DLX__ONNX_FLOAT};
    return v == DLX__ONNX_NONE ? &none : &g->tensors[v];
}

static void fail_memory(dlx__onnx_graph *g, size_t n_bytes)
{
    if (g->failure.code == DLX_OK)
        dlx__fail_memory(&g->failure, "building an ONNX graph", n_bytes);
}

static void *take(dlx__onnx_graph *g, const void *bytes, size_t n)
{
    void *copy = g->failure.code == DLX_OK ? dlx__arena_alloc(&g->arena, n, 1) : NULL;
    if (copy && n > 0)
        memcpy(copy, bytes, n);
    if (!copy)
        fail_memory(g, n);
    return copy;
}

/* Room for one more, and before the first one that which NONE is; NULL: a failure. */
static dlx__onnx_tensor *room(dlx__onnx_graph *g)
{
    dlx__onnx_tensor *tensors =
        dlx__arena_grow(&g->arena, g->tensors, g->n_tensors, &g->tensor_capacity, sizeof *tensors);
    if (!tensors)
        return NULL;
    g->tensors = tensors;
    if (g->n_tensors > 0)
        return &tensors[g->n_tensors];
    tensors[g->n_tensors++] = (dlx__onnx_tensor){.name = "", .type = DLX__ONNX_FLOAT};
    return room(g);
}

/* A tensor; its name is copied. */
static dlx__onnx_value add(dlx__onnx_graph *g, const char *name, dlx__onnx_kind kind,
                           dlx__onnx_type type, const size_t *dims, int n_dims)
{
    if (n_dims > DLX__ONNX_MAX_DIMS && g->failure.code == DLX_OK)
        dlx__fail(&g->failure, DLX_E_UNSUPPORTED, "%s: expected at most %d axes, found %d", name,
                  DLX__ONNX_MAX_DIMS, n_dims);
    const char *copy = take(g, name, strlen(name) + 1);
    dlx__onnx_tensor *t = copy ? room(g) : NULL;
    if (!t) {
        fail_memory(g, sizeof *t);
        return DLX__ONNX_NONE;
    }
    *t = (dlx__onnx_tensor){.name = copy, .kind = kind, .type = type, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++)
        t->dims[i] = dims[i];
    return (dlx__onnx_value)g->n_tensors++;
}

dlx__onnx_value dlx__onnx_input(dlx__onnx_graph *g, const char *name, dlx__onnx_type type,
                                const size_t *dims, int n_dims)
{
    return add(g, name, DLX__ONNX_INPUT, type, dims, n_dims);
}

/* ---- constants ----------------------------------------------------------------------------- */

size_t dlx__onnx_elems(const dlx__onnx_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->n_dims; i++)
        n = dlx__mul(n, t->dims[i]);
    return n;
}

bool dlx__onnx_has_dims(const dlx__onnx_tensor *t, const size_t *dims, int n_dims)
{
    return t->n_dims == n_dims &&
           (n_dims == 0 || memcmp(t->dims, dims, (size_t)n_dims * sizeof *dims) == 0);
}

dlx__onnx_value dlx__onnx_constant(dlx__onnx_graph *g, dlx__onnx_type type, const size_t *dims,
                                   int n_dims, const void *bytes, size_t n_bytes)
{
    char name[NAME_ROOM];
    for (size_t i = 1; i < g->n_tensors; i++) {
        const dlx__onnx_tensor *t = &g->tensors[i];
        if (t->bytes && t->type == type && t->n_bytes == n_bytes &&
            dlx__onnx_has_dims(t, dims, n_dims) && memcmp(t->bytes, bytes, n_bytes) == 0)
            return (dlx__onnx_value)i;
    }
    snprintf(name, sizeof name, "constant_%zu", g->n_tensors);
    const void *copy = take(g, bytes, n_bytes);
    const dlx__onnx_value v = add(g, name, DLX__ONNX_CONSTANT, type, dims, n_dims);
    if (v != DLX__ONNX_NONE) {
        g->tensors[v].bytes = copy;
        g->tensors[v].n_bytes = n_bytes;
    }
    return v;
}

dlx__onnx_value dlx__onnx_number(dlx__onnx_graph *g, float x)
{
    return dlx__onnx_constant(g, DLX__ONNX_FLOAT, NULL, 0, &x, sizeof x);
}

dlx__onnx_value dlx__onnx_list(dlx__onnx_graph *g, const int64_t *items, size_t n)
{
    return dlx__onnx_constant(g, DLX__ONNX_INT64, &n, 1, items, n * sizeof *items);
}

dlx__onnx_value dlx__onnx_weight(dlx__onnx_graph *g, const char *name, dlx__onnx_type type,
                                 const size_t *dims, int n_dims, dlx__weight_place place)
{
    for (size_t i = 1; i < g->n_tensors; i++)
        if (g->tensors[i].kind == DLX__ONNX_CONSTANT && strcmp(g->tensors[i].name, name) == 0)
            return (dlx__onnx_value)i;
    const dlx__onnx_value v = add(g, name, DLX__ONNX_CONSTANT, type, dims, n_dims);
    if (v != DLX__ONNX_NONE)
        g->tensors[v].place = place;
    return v;
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* "gemm_12", after the kind of node. */
static void name_result(char name[NAME_ROOM], const dlx__onnx_graph *g, const char *op)
{
    snprintf(name, NAME_ROOM, "%s_%zu", op, g->n_nodes);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
}

dlx__onnx_value dlx__onnx_op(dlx__onnx_graph *g, const char *op, const dlx__onnx_value *inputs,
                             size_t n_inputs, dlx__onnx_type type, const size_t *dims, int n_dims)
{
    char name[NAME_ROOM];
    name_result(name, g, op);
    const dlx__onnx_value v = add(g, name, DLX__ONNX_COMPUTED, type, dims, n_dims);
    dlx__onnx_node *nodes =
        dlx__arena_grow(&g->arena, g->nodes, g->n_nodes, &g->node_capacity, sizeof *nodes);
    if (v == DLX__ONNX_NONE || !nodes || n_inputs > DLX__ONNX_MAX_INPUTS) {
        fail_memory(g, sizeof *nodes);
        return DLX__ONNX_NONE;
    }
    g->nodes = nodes;
    dlx__onnx_node *node = &nodes[g->n_nodes++];
    *node = (dlx__onnx_node){.op = op, .domain = "", .n_inputs = n_inputs, .output = v};
    memcpy(node->inputs, inputs, n_inputs * sizeof *inputs);
    return v;
}

dlx__onnx_value dlx__onnx_once(dlx__onnx_graph *g, const char *op, const dlx__onnx_value *inputs,
                               size_t n_inputs, dlx__onnx_type type, const size_t *dims, int n_dims)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        const dlx__onnx_node *node = &g->nodes[i];
        if (node->n_attrs == 0 && node->n_inputs == n_inputs && strcmp(node->op, op) == 0 &&
            memcmp(node->inputs, inputs, n_inputs * sizeof *inputs) == 0)
            return node->output;
    }
    return dlx__onnx_op(g, op, inputs, n_inputs, type, dims, n_dims);
}

void dlx__onnx_domain(dlx__onnx_graph *g, const char *domain)
{
    if (g->failure.code == DLX_OK && g->n_nodes > 0)
        g->nodes[g->n_nodes - 1].domain = domain;
}

static void add_attr(dlx__onnx_graph *g, dlx__onnx_attr attr)
{
    if (g->failure.code != DLX_OK || g->n_nodes == 0)
        return;
    dlx__onnx_node *node = &g->nodes[g->n_nodes - 1];
    if (node->n_attrs < DLX__ONNX_MAX_ATTRS)
        node->attrs[node->n_attrs++] = attr;
    else
        dlx__fail(&g->failure, DLX_E_UNSUPPORTED,
                  "%s: expected at most %d attributes, found %s too", node->op, DLX__ONNX_MAX_ATTRS,
                  attr.name);
}

void dlx__onnx_int(dlx__onnx_graph *g, const char *name, int64_t i)
{
    add_attr(g, (dlx__onnx_attr){.name = name, .i = i});
}

void dlx__onnx_float(dlx__onnx_graph *g, const char *name, float f)
{
    add_attr(g, (dlx__onnx_attr){.name = name, .is_float = true, .f = f});
}

void dlx__onnx_ints(dlx__onnx_graph *g, const char *name, const int64_t *items, size_t n)
{
    add_attr(g, (dlx__onnx_attr){.name = name, .list = take(g, items, n * sizeof *items), .n = n});
}

void dlx__onnx_output(dlx__onnx_graph *g, dlx__onnx_value v, const char *name)
{
    const char *copy = take(g, name, strlen(name) + 1);
    if (g->failure.code != DLX_OK || v == DLX__ONNX_NONE)
        return;
    g->tensors[v].name = copy;
    g->tensors[v].is_output = true;
}

void dlx__onnx_encode(dlx__onnx_graph *g, dlx__onnx_value v, dlx__onnx_encoding encoding)
{
    if (g->failure.code == DLX_OK && v != DLX__ONNX_NONE)
        g->tensors[v].encoding = encoding;
}
