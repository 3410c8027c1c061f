/*
 * program.h - a model's graph as the cpu backend runs it: one record a layer, each field a fused
 * piece of work.
 */
#ifndef DLX__CPU_PROGRAM_H
#define DLX__CPU_PROGRAM_H

#include "dtype/affine.h"
#include "graph/graph.h"
#include "kernel/kernel.h"

typedef struct dlx__cpu_linear {
    const dlx__tensor *tensor; /* [out, in] */
    dlx__mat stored;           /* its bytes, where the checkpoint maps them */
    dlx__packed w;             /* the same in panels; what products read */
    size_t span_bytes;   /* of gate and up, which lie in each other: from the panels of a span of
                            outputs to those of the next; 0: all panels lie side by side */
    size_t before_bytes; /* of up: a panel of gate; those of the same outputs lie before its own */
    const float *bias;   /* [out], NULL: none */
    float in_largest;    /* what calibration recorded of its input; 0: nothing */
    bool has_ranges;     /* it recorded ranges too, of which these are made; not of the head */
    dlx__affine in, out;
} dlx__cpu_linear;

typedef struct dlx__cpu_norm {
    const float *weight; /* [features], NULL: no norm here */
    float eps;
} dlx__cpu_norm;

typedef struct dlx__cpu_layer {
    dlx__cpu_norm attn_norm;
    dlx__cpu_linear q, k, v;
    dlx__cpu_norm q_norm, k_norm; /* of each head; may be absent */
    float scale;
    dlx__cpu_linear o;
    dlx__cpu_norm mlp_norm;
    dlx__cpu_linear gate, up, down;
} dlx__cpu_layer;

/* The sizes that memory depends on. */
typedef struct dlx__cpu_shape {
    size_t n_layers, n_embd, n_vocab;
    size_t n_heads, n_heads_kv, head_dim;
    size_t n_ff;      /* the widest */
    size_t n_vectors; /* floats that hold the norms' weights and the biases */
} dlx__cpu_shape;

typedef struct dlx__cpu_program {
    const dlx__tensor *embedding; /* [vocab, n_embd] */
    dlx__cpu_layer *layers;       /* [n_layers] */
    dlx__cpu_norm final_norm;
    dlx__cpu_linear head;
    double theta;
} dlx__cpu_program;

void dlx__cpu_measure(dlx__cpu_shape *shape, const dlx__graph *g);

/*
 * Recognises the graph; the panels are left empty. layers [shape.n_layers] and vectors
 * [shape.n_vectors] are the caller's memory. A node out of place is refused by its name.
 */
dlx_result dlx__cpu_compile(dlx__cpu_program *p, dlx__cpu_layer *layers, float *vectors,
                            const dlx__graph *g, dlx_error *err);

/* The linears in the order in which a pass meets them: 7 a layer, then the head. */
static inline size_t dlx__cpu_n_linears(const dlx__cpu_shape *shape)
{
    return 7 * shape->n_layers + 1;
}
/* Where a panel lies. */
uint8_t *dlx__cpu_panel(const dlx__cpu_linear *linear, size_t panel);

dlx__cpu_linear *dlx__cpu_linear_at(dlx__cpu_program *p, const dlx__cpu_shape *shape, size_t i);

#endif
