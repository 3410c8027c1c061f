/*
 * graph.h - a model as a small static graph. It is built once when a checkpoint is loaded; every
 * backend and every exporter reads it and nothing else. A node never depends on a value: what
 * changes from pass to pass (ids, positions, visible KV) are the inputs of a step (backend.h).
 *
 * Every value has the shape [rows, heads, cols]; `rows` is symbolic (the rows of the step), heads
 * is 1 outside attention. Nodes are stored in an order in which they can be computed.
 */
#ifndef DLX__GRAPH_H
#define DLX__GRAPH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/tensor.h"
#include "dtype/range.h"

/* name, inputs, what it computes (x, q, k, v: inputs; w, b: weight, bias) */
#define DLX__OPS(X)                                                                                \
    X(EMBED, "embed", 0)             /* row i = w[ids[i]]                          w [vocab, d] */ \
    X(LINEAR, "linear", 1)           /* x wT + b                        w [out, in], b [out] */    \
    X(RMSNORM, "rmsnorm", 1)         /* x * rsqrt(mean(x*x) + eps) * w over the last axis */       \
    X(SPLIT_HEADS, "split_heads", 1) /* [rows, 1, h*c] -> [rows, h, c] */                          \
    X(MERGE_HEADS, "merge_heads", 1) /* [rows, h, c] -> [rows, 1, h*c] */                          \
    X(ROPE, "rope", 1)               /* rotates pairs (i, i + c/2) by pos * theta^(-2i/c) */       \
    X(ATTEND, "attend", 3)           /* softmax(q kT * scale) v over the visible KV of `layer` */  \
    X(SILU_MUL, "silu_mul", 2)       /* silu(x) * y */                                             \
    X(ADD, "add", 2)                 /* x + y */

typedef enum dlx__op {
#define DLX__OP_ENUM(name, text, n_inputs) DLX__OP_##name,
    DLX__OPS(DLX__OP_ENUM)
#undef DLX__OP_ENUM
        DLX__N_OPS
} dlx__op;

typedef uint32_t dlx__value; /* index of the node that computes it */

typedef struct dlx__node {
    dlx__op op;
    int layer; /* -1 before the first and after the last */
    dlx__value in[3];
    const dlx__tensor *weight; /* borrowed from the model */
    const dlx__tensor *bias;   /* LINEAR, or NULL */
    float in_largest;          /* LINEAR: the largest magnitude of x that calibration recorded; 0:
                                  none did */
    bool has_ranges;           /* LINEAR: did calibration record the next two? */
    dlx__range in_range;       /* least and greatest number of x */
    dlx__range out_range;      /* and of the result, its bias added; not of the head */
    float eps;                 /* RMSNORM */
    float scale;               /* ATTEND */
    double theta;              /* ROPE */
    size_t n_heads;            /* shape of the result: [rows, n_heads, n_cols] */
    size_t n_cols;
} dlx__node;

typedef struct dlx__graph {
    dlx__arena arena;
    dlx__node *nodes; /* [n] */
    size_t n, capacity;
    int layer;         /* given to the nodes that are added now; the embedding opens layer 0 */
    dlx_error failure; /* the first failure while building; later calls do nothing */

    dlx__value *layer_out; /* [n_layers]: the residual stream after each layer */
    size_t layer_capacity;
    dlx__value embedded; /* the embedding's output */
    dlx__value hidden;   /* final norm, [rows, 1, n_embd]: input of the head */
    dlx__value logits;   /* the head, [rows, 1, n_vocab] */
    size_t n_layers, n_embd, n_vocab;
    size_t n_heads_kv, head_dim; /* shape of one position's K (or V) in a layer */
} dlx__graph;

void dlx__graph_init(dlx__graph *g, const dlx_allocator *mem);
void dlx__graph_release(dlx__graph *g);

/* Building. Each returns the new value; shapes are checked, the first misfit is kept in `failure`.
 */
dlx__value dlx__graph_embed(dlx__graph *g, const dlx__tensor *table);
dlx__value dlx__graph_linear(dlx__graph *g, dlx__value x, const dlx__tensor *w,
                             const dlx__tensor *bias);
dlx__value dlx__graph_rmsnorm(dlx__graph *g, dlx__value x, const dlx__tensor *w, float eps);
dlx__value dlx__graph_split_heads(dlx__graph *g, dlx__value x, size_t n_heads);
dlx__value dlx__graph_merge_heads(dlx__graph *g, dlx__value x);
dlx__value dlx__graph_rope(dlx__graph *g, dlx__value x, double theta);
dlx__value dlx__graph_attend(dlx__graph *g, dlx__value q, dlx__value k, dlx__value v, float scale);
dlx__value dlx__graph_silu_mul(dlx__graph *g, dlx__value gate, dlx__value up);
dlx__value dlx__graph_add(dlx__graph *g, dlx__value x, dlx__value y);

/* Ends layer g->layer, whose residual stream is x, and begins the next. */
void dlx__graph_end_layer(dlx__graph *g, dlx__value x);

/* Names the two outputs. What was added after the last layer belongs to no layer. */
void dlx__graph_finish(dlx__graph *g, dlx__value hidden, dlx__value logits);

/* The graph as a whole is sound: outputs set, every node used, one ATTEND per layer. */
dlx_result dlx__graph_check(const dlx__graph *g, dlx_error *err);

const char *dlx__op_name(dlx__op op);
int dlx__op_n_inputs(dlx__op op);

/*
 * One line a node: "%12 linear %11 layers.0.q_proj [2048, 1024] bf16 -> [n, 1, 2048]", then one
 * line each for hidden and logits. The same graph gives the same bytes. False: no memory.
 */
bool dlx__graph_print(const dlx__graph *g, dlx__buf *out);

#endif
