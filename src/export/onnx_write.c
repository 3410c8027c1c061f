/*
 * onnx_write.c - a graph as the bytes of an ONNX model.
 *
 * Source: onnx/onnx, onnx.proto: the numbers of fields and types.
 */
#include "base/fail.h"
#include "export/onnx_graph.h"

#include <stdio.h>
#include <string.h>

enum { IR_VERSION = 11, OPSET = 23, CONTRIB_OPSET = 1 };

enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER = 2,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    OPSET_DOMAIN = 1,
    OPSET_VERSION = 2,
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_CONSTANT = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    GRAPH_VALUE = 13,
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP = 4,
    NODE_ATTR = 5,
    NODE_DOMAIN = 7,
    ATTR_NAME = 1,
    ATTR_FLOAT = 2,
    ATTR_INT = 3,
    ATTR_INTS = 8,
    ATTR_TYPE = 20,
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_NAME = 8,
    TENSOR_BYTES = 9,
    TENSOR_OUTSIDE = 13,
    TENSOR_LOCATION = 14,
    PAIR_KEY = 1,
    PAIR_VALUE = 2,
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    TYPE_TENSOR = 1,
    OF_TYPE = 1,
    OF_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_NUMBER = 1
};

enum { IS_FLOAT = 1, IS_INT = 2, IS_INTS = 7, IS_OUTSIDE = 1 }; /* values of enums */

static void put_value(dlx__proto *p, int field, const dlx__onnx_tensor *t)
{
    dlx__proto_begin(p, field);
    dlx__proto_text(p, VALUE_NAME, t->name);
    dlx__proto_begin(p, VALUE_TYPE);
    dlx__proto_begin(p, TYPE_TENSOR);
    dlx__proto_int(p, OF_TYPE, t->type);
    dlx__proto_begin(p, OF_SHAPE);
    for (int i = 0; i < t->n_dims; i++) {
        dlx__proto_begin(p, SHAPE_DIM);
        dlx__proto_int_always(p, DIM_NUMBER, (int64_t)t->dims[i]);
        dlx__proto_end(p);
    }
    dlx__proto_end(p);
    dlx__proto_end(p);
    dlx__proto_end(p);
    dlx__proto_end(p);
}

static void put_pair(dlx__proto *p, const char *key, const char *value)
{
    dlx__proto_begin(p, TENSOR_OUTSIDE);
    dlx__proto_text(p, PAIR_KEY, key);
    dlx__proto_text(p, PAIR_VALUE, value);
    dlx__proto_end(p);
}

static void put_count(dlx__proto *p, const char *key, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    put_pair(p, key, text);
}

static void put_constant(dlx__proto *p, const dlx__onnx_tensor *t, const char *location)
{
    dlx__proto_begin(p, GRAPH_CONSTANT);
    for (int i = 0; i < t->n_dims; i++)
        dlx__proto_int_always(p, TENSOR_DIMS, (int64_t)t->dims[i]);
    dlx__proto_int(p, TENSOR_TYPE, t->type);
    dlx__proto_text(p, TENSOR_NAME, t->name);
    if (t->bytes) {
        dlx__proto_bytes(p, TENSOR_BYTES, t->bytes, t->n_bytes);
    } else {
        put_pair(p, "location", location);
        put_count(p, "offset", t->place.offset);
        put_count(p, "length", t->place.n_bytes);
        dlx__proto_int(p, TENSOR_LOCATION, IS_OUTSIDE);
    }
    dlx__proto_end(p);
}

static void put_attr(dlx__proto *p, const dlx__onnx_attr *a)
{
    dlx__proto_begin(p, NODE_ATTR);
    dlx__proto_text(p, ATTR_NAME, a->name);
    if (a->is_float)
        dlx__proto_float(p, ATTR_FLOAT, a->f);
    else if (!a->list)
        dlx__proto_int_always(p, ATTR_INT, a->i);
    for (size_t i = 0; i < a->n; i++)
        dlx__proto_int_always(p, ATTR_INTS, a->list[i]);
    dlx__proto_int(p, ATTR_TYPE, a->is_float ? IS_FLOAT : a->list ? IS_INTS : IS_INT);
    dlx__proto_end(p);
}

static void put_node(dlx__proto *p, const dlx__onnx_graph *g, size_t number)
{
    char name[32];
    const dlx__onnx_node *node = &g->nodes[number];
    snprintf(name, sizeof name, "node_%zu", number);
    dlx__proto_begin(p, GRAPH_NODE);
    for (size_t i = 0; i < node->n_inputs; i++)
        dlx__proto_text_always(p, NODE_INPUT, dlx__onnx_at(g, node->inputs[i])->name);
    dlx__proto_text(p, NODE_OUTPUT, dlx__onnx_at(g, node->output)->name);
    dlx__proto_text(p, NODE_NAME, name);
    dlx__proto_text(p, NODE_OP, node->op);
    for (size_t i = 0; i < node->n_attrs; i++)
        put_attr(p, &node->attrs[i]);
    dlx__proto_text(p, NODE_DOMAIN, node->domain);
    dlx__proto_end(p);
}

static void put_graph(dlx__proto *p, const dlx__onnx_graph *g, const char *location)
{
    dlx__proto_begin(p, MODEL_GRAPH);
    for (size_t i = 0; i < g->n_nodes; i++)
        put_node(p, g, i);
    dlx__proto_text(p, GRAPH_NAME, g->name);
    for (size_t i = 1; i < g->n_tensors; i++) {
        const dlx__onnx_tensor *t = &g->tensors[i];
        if (t->kind == DLX__ONNX_CONSTANT)
            put_constant(p, t, location);
        else
            put_value(p,
                      t->kind == DLX__ONNX_INPUT ? GRAPH_INPUT
                      : t->is_output             ? GRAPH_OUTPUT
                                                 : GRAPH_VALUE,
                      t);
    }
    dlx__proto_end(p);
}

static void put_opset(dlx__proto *p, const char *domain, int version)
{
    dlx__proto_begin(p, MODEL_OPSET);
    dlx__proto_text(p, OPSET_DOMAIN, domain);
    dlx__proto_int(p, OPSET_VERSION, version);
    dlx__proto_end(p);
}

/* A domain beside ONNX's own; NULL: no node is of one. */
static const char *other_domain(const dlx__onnx_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].domain[0])
            return g->nodes[i].domain;
    return NULL;
}

dlx_result dlx__onnx_serialize(const dlx__onnx_graph *g, const char *location, dlx__proto *p,
                               dlx_error *err)
{
    const uint8_t *bytes;
    size_t n;
    const char *other = other_domain(g);
    if (g->failure.code != DLX_OK)
        return dlx__fail(err, g->failure.code, "%s", g->failure.text);
    dlx__proto_int(p, MODEL_IR_VERSION, IR_VERSION);
    dlx__proto_text(p, MODEL_PRODUCER, "DiffuLex Edge");
    put_opset(p, "", OPSET);
    if (other)
        put_opset(p, other, CONTRIB_OPSET);
    put_graph(p, g, location);
    return dlx__proto_finish(p, &bytes, &n, err);
}
