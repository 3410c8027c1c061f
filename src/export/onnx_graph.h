/*
 * onnx_graph.h - an ONNX graph in memory: values of fixed shapes, nodes in the order in which they
 * are computed, constants that are small inside and those that are large in a file beside it. The
 * first misfit is kept in `failure`, as in graph.h: later calls do nothing, and serializing returns
 * it.
 */
#ifndef DLX__ONNX_GRAPH_H
#define DLX__ONNX_GRAPH_H

#include "base/arena.h"
#include "base/buf.h"
#include "export/weight_place.h"
#include "format/proto.h"

/* name, text, number in the files (TensorProto.DataType), bits of an element */
#define DLX__ONNX_TYPES(X)                                                                         \
    X(FLOAT, "float32", 1, 32)                                                                     \
    X(UINT8, "uint8", 2, 8)                                                                        \
    X(INT8, "int8", 3, 8)                                                                          \
    X(UINT16, "uint16", 4, 16)                                                                     \
    X(INT32, "int32", 6, 32)                                                                       \
    X(INT64, "int64", 7, 64)                                                                       \
    X(FLOAT16, "float16", 10, 16)                                                                  \
    X(INT4, "int4", 22, 4)

typedef enum dlx__onnx_type {
#define DLX__ONNX_TYPE_ENUM(name, text, number, bits) DLX__ONNX_##name = (number),
    DLX__ONNX_TYPES(DLX__ONNX_TYPE_ENUM)
#undef DLX__ONNX_TYPE_ENUM
} dlx__onnx_type;

const char *dlx__onnx_type_name(dlx__onnx_type type);

enum { DLX__ONNX_MAX_DIMS = 4, DLX__ONNX_MAX_INPUTS = 4, DLX__ONNX_MAX_ATTRS = 4 };

typedef uint32_t dlx__onnx_value; /* index of its tensor */
#define DLX__ONNX_NONE 0u         /* an input that is left out; what a failed call gives */

typedef enum { DLX__ONNX_COMPUTED, DLX__ONNX_INPUT, DLX__ONNX_CONSTANT } dlx__onnx_kind;

/* Whole numbers that stand for real ones: scale * (q - zero_point). */
typedef struct dlx__onnx_encoding {
    float scale; /* 0: none */
    int32_t zero_point;
} dlx__onnx_encoding;

typedef struct dlx__onnx_tensor {
    const char *name;
    dlx__onnx_kind kind;
    dlx__onnx_type type;
    int n_dims;
    size_t dims[DLX__ONNX_MAX_DIMS];
    bool is_output;
    const void *bytes; /* [n_bytes] of a constant; NULL: at `place` */
    size_t n_bytes;
    dlx__weight_place place;
    dlx__onnx_encoding encoding; /* of inputs and outputs that are whole numbers; and of what was
                                    rounded to such and is real again */
} dlx__onnx_tensor;

typedef struct dlx__onnx_attr {
    const char *name;
    bool is_float;
    const int64_t *list; /* [n]; NULL: a number */
    size_t n;
    int64_t i;
    float f;
} dlx__onnx_attr;

typedef struct dlx__onnx_node {
    const char *op, *domain; /* "" is ONNX's own */
    dlx__onnx_value inputs[DLX__ONNX_MAX_INPUTS];
    size_t n_inputs;
    dlx__onnx_value output;
    dlx__onnx_attr attrs[DLX__ONNX_MAX_ATTRS];
    size_t n_attrs;
} dlx__onnx_node;

typedef struct dlx__onnx_graph {
    dlx__arena arena;
    const char *name;
    dlx__onnx_tensor *tensors; /* [n_tensors], the first is what NONE is */
    size_t n_tensors, tensor_capacity;
    dlx__onnx_node *nodes; /* [n_nodes] */
    size_t n_nodes, node_capacity;
    dlx_error failure; /* the first one; later calls do nothing */
} dlx__onnx_graph;

void dlx__onnx_init(dlx__onnx_graph *g, const char *name, const dlx_allocator *mem);
void dlx__onnx_release(dlx__onnx_graph *g);

/* Texts that are handed over are copied. */
dlx__onnx_value dlx__onnx_input(dlx__onnx_graph *g, const char *name, dlx__onnx_type type,
                                const size_t *dims, int n_dims);

/* A constant inside the graph, copied; equal ones are one. */
dlx__onnx_value dlx__onnx_constant(dlx__onnx_graph *g, dlx__onnx_type type, const size_t *dims,
                                   int n_dims, const void *bytes, size_t n_bytes);
dlx__onnx_value dlx__onnx_number(dlx__onnx_graph *g, float x);                      /* [] float32 */
dlx__onnx_value dlx__onnx_list(dlx__onnx_graph *g, const int64_t *items, size_t n); /* [n] */

/* A constant in the file; one of a name that is there already is that one. */
dlx__onnx_value dlx__onnx_weight(dlx__onnx_graph *g, const char *name, dlx__onnx_type type,
                                 const size_t *dims, int n_dims, dlx__weight_place place);

/* A node; its result has this type and shape. */
dlx__onnx_value dlx__onnx_op(dlx__onnx_graph *g, const char *op, const dlx__onnx_value *inputs,
                             size_t n_inputs, dlx__onnx_type type, const size_t *dims, int n_dims);

/* The same, but a node without attributes that has these inputs already is that one. */
dlx__onnx_value dlx__onnx_once(dlx__onnx_graph *g, const char *op, const dlx__onnx_value *inputs,
                               size_t n_inputs, dlx__onnx_type type, const size_t *dims,
                               int n_dims);

/* Of the node that was added last. */
void dlx__onnx_domain(dlx__onnx_graph *g, const char *domain);
void dlx__onnx_int(dlx__onnx_graph *g, const char *name, int64_t i);
void dlx__onnx_float(dlx__onnx_graph *g, const char *name, float f);
void dlx__onnx_ints(dlx__onnx_graph *g, const char *name, const int64_t *items, size_t n);

/* Names a value and gives it to the caller. Outputs come in the order of their nodes. */
void dlx__onnx_output(dlx__onnx_graph *g, dlx__onnx_value v, const char *name);

void dlx__onnx_encode(dlx__onnx_graph *g, dlx__onnx_value v, dlx__onnx_encoding encoding);

/* The tensor of a value, valid until the next one is added. */
const dlx__onnx_tensor *dlx__onnx_at(const dlx__onnx_graph *g, dlx__onnx_value v);

bool dlx__onnx_has_dims(const dlx__onnx_tensor *t, const size_t *dims, int n_dims);
size_t dlx__onnx_elems(const dlx__onnx_tensor *t); /* the product of its dimensions */

/* Appends the model to p: this graph, whose large constants are in a file `location` beside it. */
dlx_result dlx__onnx_serialize(const dlx__onnx_graph *g, const char *location, dlx__proto *p,
                               dlx_error *err);

/* What goes in, what comes out, then one line a node: "gemm_7 = Gemm(x, w) -> float32 [4, 32]".
 * The same graph gives the same bytes. False: no memory. */
bool dlx__onnx_print(const dlx__onnx_graph *g, dlx__buf *out);

#endif
