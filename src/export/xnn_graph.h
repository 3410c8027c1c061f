/*
 * xnn_graph.h - an XNNPACK graph in memory, and its payload for a .pte file. Values are added with
 * their shapes, nodes give the value that they compute; shapes and types are checked where a node
 * is made, and the first misfit is kept in `failure` as in graph.h.
 *
 * Shapes are the largest that a run may bring. Lengths may be smaller at run time: the runtime
 * reshapes the inputs and everything behind them. So a shape that depends on a length must come
 * from a 0 in dlx__xnn_reshape (what is left over) or dlx__xnn_slice (all of it).
 *
 * Constants may feed a fully connected node only (filter, bias, scales): those are packed when the
 * program is loaded, while the bytes of any other constant are gone by then. Everything else that
 * is fixed - gains, rotation tables - comes in as an input.
 */
#ifndef DLX__XNN_GRAPH_H
#define DLX__XNN_GRAPH_H

#include "base/arena.h"
#include "base/buf.h"
#include "export/xnn_ops.h"

enum { DLX__XNN_MAX_DIMS = 6, DLX__XNN_MAX_EXTERNS = 4096 };

typedef uint32_t dlx__xnn_value; /* index of a value */
#define DLX__XNN_NONE UINT32_MAX

typedef uint32_t dlx__xnn_data; /* index of constant data; 0 is no data */

/* The numbers are those of the file. */
typedef enum dlx__xnn_quant_kind {
    DLX__XNN_PLAIN,
    DLX__XNN_PER_CHANNEL, /* f32 scales [n], data `scales`; qcint8, qcint4, qcint32 */
    DLX__XNN_PER_TENSOR,  /* `scale`, `zero_point`; qint8, quint8 */
    DLX__XNN_PER_TOKEN,   /* made at run time for each row; qdint8 */
    DLX__XNN_PER_GROUP    /* bf16 scales [n, k / group], data `scales`; qbint4 */
} dlx__xnn_quant_kind;

typedef struct dlx__xnn_quant {
    dlx__xnn_quant_kind kind;
    dlx__xnn_data scales; /* of finite normal numbers other than 0: the runtime refuses those */
    size_t group;         /* a multiple of 32 that divides k */
    float scale;
    int32_t zero_point;
} dlx__xnn_quant;

typedef struct dlx__xnn_value_info {
    dlx__xnn_type type;
    int n_dims;
    size_t dims[DLX__XNN_MAX_DIMS];
    dlx__xnn_data data;   /* 0: not a constant */
    uint32_t external_id; /* place among the arguments of the delegate call; DLX__XNN_NONE */
    bool is_input;        /* with external_id: an input, otherwise an output */
    uint32_t node;        /* that computes it; DLX__XNN_NONE: an input or a constant */
    dlx__xnn_quant quant;
} dlx__xnn_value_info;

typedef struct dlx__xnn_constant {
    const char *key; /* NULL: `bytes` are in the payload */
    const void *bytes;
    uint64_t n_bytes;
} dlx__xnn_constant;

typedef struct dlx__xnn_node {
    dlx__xnn_op op;
    dlx__xnn_value in[DLX__XNN_MAX_INPUTS]; /* DLX__XNN_NONE: not given */
    dlx__xnn_value out;
    uint32_t flags;
    uint32_t axis;                 /* CONCAT */
    int n_dims;                    /* of a and b */
    uint32_t a[DLX__XNN_MAX_DIMS]; /* permutation, new shape, or offsets */
    uint32_t b[DLX__XNN_MAX_DIMS]; /* sizes of a slice */
    bool limited;                  /* output limited to [min, max] */
    float min, max;
} dlx__xnn_node;

typedef struct dlx__xnn_graph {
    dlx__arena arena;
    dlx__xnn_value_info *values;  /* [n_values], defined before the nodes that use them */
    dlx__xnn_node *nodes;         /* [n_nodes] */
    dlx__xnn_constant *constants; /* [n_constants]; the first is the empty one */
    size_t n_values, n_nodes, n_constants;
    size_t value_capacity, node_capacity, constant_capacity;
    uint32_t n_externs;
    dlx_error failure; /* the first failure while building; later calls do nothing */
} dlx__xnn_graph;

void dlx__xnn_init(dlx__xnn_graph *g, const dlx_allocator *mem);
void dlx__xnn_release(dlx__xnn_graph *g);

/* ---- values ---------------------------------------------------------------------------------- */

/* Arguments of the delegate call, in the order of these calls: inputs, then outputs, is usual. */
dlx__xnn_value dlx__xnn_input(dlx__xnn_graph *g, dlx__xnn_type type, const size_t *dims,
                              int n_dims);
/* Makes a value that a node computes an output. Nodes may go on using it. */
void dlx__xnn_output(dlx__xnn_graph *g, dlx__xnn_value v);

/* Bytes that the program's named data (or a .ptd file) holds; the same key is the same data. */
dlx__xnn_data dlx__xnn_named(dlx__xnn_graph *g, const char *key, uint64_t n_bytes);
/* Bytes that the payload holds: for what is tiny, such as an epsilon. Copied. */
dlx__xnn_data dlx__xnn_inline(dlx__xnn_graph *g, const void *bytes, size_t n_bytes);

/* A weight [n, k], bias [n], over data of exactly its size; `quant` NULL: plain numbers. */
dlx__xnn_value dlx__xnn_weight(dlx__xnn_graph *g, dlx__xnn_type type, const size_t *dims,
                               int n_dims, dlx__xnn_data data, const dlx__xnn_quant *quant);

/* ---- nodes; each returns the value it computes ----------------------------------------------- */

/* Kinds with one input and a result of the same shape and type: SOFTMAX (last axis), SQUARE ... */
dlx__xnn_value dlx__xnn_unary(dlx__xnn_graph *g, dlx__xnn_op op, dlx__xnn_value x);
/* ADD, MULTIPLY, SUBTRACT, DIV, MINIMUM, MAXIMUM; axes of length 1 repeat, missing ones come first.
 */
dlx__xnn_value dlx__xnn_binary(dlx__xnn_graph *g, dlx__xnn_op op, dlx__xnn_value a,
                               dlx__xnn_value b);
/* Between fp32, fp16 and bf16, to QDINT8 (each row by itself), to and from QINT8 (`quant` says
 * how). `quant` may be NULL otherwise. */
dlx__xnn_value dlx__xnn_convert(dlx__xnn_graph *g, dlx__xnn_value x, dlx__xnn_type type,
                                const dlx__xnn_quant *quant);
/*
 * x [.., k] times filter [n, k] transposed, plus bias [n] or DLX__XNN_NONE -> [.., n] of `type`;
 * `quant` for QINT8 results, otherwise NULL. fp32 x with quantized weights multiplies the bias by
 * the scales too, which is refused: add it by an ADD node.
 */
dlx__xnn_value dlx__xnn_fully_connected(dlx__xnn_graph *g, dlx__xnn_value x, dlx__xnn_value filter,
                                        dlx__xnn_value bias, dlx__xnn_type type,
                                        const dlx__xnn_quant *quant);
/* a [.., m, k] times b [.., k, n], or b [.., n, k] transposed; leading axes of length 1 repeat. */
dlx__xnn_value dlx__xnn_matmul(dlx__xnn_graph *g, dlx__xnn_value a, dlx__xnn_value b,
                               bool transpose_b);
/* Axis i of the result is axis perm[i] of x. */
dlx__xnn_value dlx__xnn_transpose(dlx__xnn_graph *g, dlx__xnn_value x, const int *perm);
/* One axis may be 0: as long as the elements need it to be. */
dlx__xnn_value dlx__xnn_reshape(dlx__xnn_graph *g, dlx__xnn_value x, const size_t *dims,
                                int n_dims);
/* [rank of x] each. Size 0 with offset 0 is the whole axis. */
dlx__xnn_value dlx__xnn_slice(dlx__xnn_graph *g, dlx__xnn_value x, const size_t *offsets,
                              const size_t *sizes);
/* Two to five values along an axis. */
dlx__xnn_value dlx__xnn_concat(dlx__xnn_graph *g, int axis, const dlx__xnn_value *parts, size_t n);

/* Limits what the node behind v computes. Only CLAMP, arithmetic and fully connected nodes. */
void dlx__xnn_limit(dlx__xnn_graph *g, dlx__xnn_value v, float min, float max);

/* ---- result ---------------------------------------------------------------------------------- */

/* The payload: header, flatbuffer, inline constants. Empties `out` first. */
dlx_result dlx__xnn_serialize(const dlx__xnn_graph *g, dlx__buf *out, dlx_error *err);

#endif
