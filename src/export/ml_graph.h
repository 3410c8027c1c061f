/*
 * ml_graph.h - a function of an ML Program in memory: values of fixed types and shapes, operations
 * of MIL in the order in which they are computed. Constants that are small are inside, weights in
 * the package's one file. The first misfit is kept in `failure`, as in graph.h: later calls do
 * nothing, and serializing returns it.
 */
#ifndef DLX__ML_GRAPH_H
#define DLX__ML_GRAPH_H

#include "base/arena.h"
#include "base/buf.h"
#include "format/proto.h"

/* name, text, number in specifications (MIL.proto, DataType) */
#define DLX__ML_TYPES(X)                                                                           \
    X(BOOL, "bool", 1)                                                                             \
    X(STRING, "string", 2)                                                                         \
    X(HALF, "float16", 10)                                                                         \
    X(FLOAT, "float32", 11)                                                                        \
    X(INT8, "int8", 21)                                                                            \
    X(INT32, "int32", 23)                                                                          \
    X(INT4, "int4", 25)

typedef enum dlx__ml_type {
#define DLX__ML_TYPE_ENUM(name, text, number) DLX__ML_##name = (number),
    DLX__ML_TYPES(DLX__ML_TYPE_ENUM)
#undef DLX__ML_TYPE_ENUM
} dlx__ml_type;

const char *dlx__ml_type_name(dlx__ml_type type);

enum { DLX__ML_MAX_DIMS = 4, DLX__ML_MAX_ARGS = 12 };

typedef uint32_t dlx__ml_value; /* its index */
#define DLX__ML_NONE 0u         /* what a failed call gives */

typedef struct dlx__ml_shape {
    int n_dims; /* 0: a number by itself */
    size_t dims[DLX__ML_MAX_DIMS];
} dlx__ml_shape;

#define DLX__ML_SCALAR ((dlx__ml_shape){0, {0}})
#define DLX__ML_SHAPE(...)                                                                         \
    ((dlx__ml_shape){(int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), {__VA_ARGS__}})

typedef enum dlx__ml_kind {
    DLX__ML_COMPUTED,
    DLX__ML_INPUT,
    DLX__ML_STATE,   /* an input that keeps what is written to it */
    DLX__ML_CONSTANT /* inside */
} dlx__ml_kind;

typedef struct dlx__ml_tensor {
    const char *name;
    dlx__ml_kind kind;
    dlx__ml_type type;
    dlx__ml_shape shape;
    bool is_output;
    const void
        *bytes; /* [n_bytes] of a constant: float16 and bool as they are, int32, characters */
    size_t n_bytes;
} dlx__ml_tensor;

/* A weight in the package's file. */
typedef struct dlx__ml_blob {
    dlx__ml_type type;
    dlx__ml_shape shape;
    uint64_t offset; /* of its record */
} dlx__ml_blob;

/* Several with one parameter in a row are its list. */
typedef struct dlx__ml_arg {
    const char *param;
    dlx__ml_value value;
} dlx__ml_arg;

typedef struct dlx__ml_op {
    const char *type;
    dlx__ml_arg args[DLX__ML_MAX_ARGS];
    size_t n_args;
    dlx__ml_value outputs[2]; /* [n_outputs], which follow each other */
    size_t n_outputs;
    dlx__ml_blob blobs[2]; /* [n_blobs]: of "const" its value, of a constexpr its data and scale */
    size_t n_blobs;
} dlx__ml_op;

typedef struct dlx__ml_graph {
    dlx__arena arena;
    const char *name;        /* of the function */
    dlx__ml_tensor *tensors; /* [n_tensors], the first is what NONE is */
    size_t n_tensors, tensor_capacity;
    dlx__ml_op *ops; /* [n_ops]; constants are operations as well */
    size_t n_ops, op_capacity;
    dlx_error failure; /* the first one; later calls do nothing */
} dlx__ml_graph;

void dlx__ml_init(dlx__ml_graph *g, const char *name, const dlx_allocator *mem);
void dlx__ml_release(dlx__ml_graph *g);

/* Texts that are handed over are copied, but for types of operations and names of parameters. */
dlx__ml_value dlx__ml_input(dlx__ml_graph *g, const char *name, dlx__ml_type type,
                            dlx__ml_shape shape);
dlx__ml_value dlx__ml_state(dlx__ml_graph *g, const char *name, dlx__ml_shape shape);

/* Constants inside; equal ones are one. */
dlx__ml_value dlx__ml_int(dlx__ml_graph *g, int32_t x);
dlx__ml_value dlx__ml_ints(dlx__ml_graph *g, const int32_t *items, size_t n);
dlx__ml_value dlx__ml_bool(dlx__ml_graph *g, bool x);
dlx__ml_value dlx__ml_bools(dlx__ml_graph *g, const bool *items, size_t n);
dlx__ml_value dlx__ml_half(dlx__ml_graph *g, float x);
dlx__ml_value dlx__ml_text(dlx__ml_graph *g, const char *text);

/* Weights; one of a name that is there already is that one. A scaled one is fp16 of integers. */
dlx__ml_value dlx__ml_weight(dlx__ml_graph *g, const char *name, dlx__ml_blob blob);
dlx__ml_value dlx__ml_scaled(dlx__ml_graph *g, const char *name, dlx__ml_blob data,
                             dlx__ml_blob scale);

/* An operation; its result has this type and shape. */
dlx__ml_value dlx__ml_op_of(dlx__ml_graph *g, const char *type, const dlx__ml_arg *args,
                            size_t n_args, dlx__ml_type out, dlx__ml_shape shape);
#define DLX__ML_OP(g, type, out, shape, ...)                                                       \
    dlx__ml_op_of(g, type, (const dlx__ml_arg[]){__VA_ARGS__},                                     \
                  sizeof((dlx__ml_arg[]){__VA_ARGS__}) / sizeof(dlx__ml_arg), out, shape)

/* A second result like the first of the operation that was added last. */
dlx__ml_value dlx__ml_second(dlx__ml_graph *g);

/* Writes to a state; it has no result. */
void dlx__ml_write_state(dlx__ml_graph *g, dlx__ml_value state, dlx__ml_value data);

/* Names a value and gives it to the caller, in the order of these calls. */
void dlx__ml_output(dlx__ml_graph *g, dlx__ml_value v, const char *name);

/* The tensor of a value, valid until the next one is added. */
const dlx__ml_tensor *dlx__ml_at(const dlx__ml_graph *g, dlx__ml_value v);

bool dlx__ml_is_shape(const dlx__ml_shape *a, const dlx__ml_shape *b);

/* Appends the function as an entry of `field` of the open message: a map by name. */
void dlx__ml_serialize(const dlx__ml_graph *g, const char *opset, int field, dlx__proto *p);

/* Its features as an entry of the description's list of functions. */
void dlx__ml_describe(const dlx__ml_graph *g, int field, dlx__proto *p);

/* What goes in, what comes out, then one line an operation but for constants:
 * "mul_7 = mul(x=gather_1, y=constant_4) -> float16 [1, 4, 32]". False: no memory. */
bool dlx__ml_print(const dlx__ml_graph *g, dlx__buf *out);

#endif
