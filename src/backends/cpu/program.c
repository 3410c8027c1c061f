/*
 * program.c - recognising a decoder in a graph. The matching runs against the data flow, from each
 * layer's output back to its input, so that the order in which a family adds its nodes does not
 * matter; the first node that is not what the fused kernels compute ends it with a sentence.
 */
#include "backends/cpu/program.h"

#include "base/fail.h"
#include "dtype/convert.h"

typedef struct matcher {
    const dlx__graph *g;
    float *free_vector; /* where the next norm weight or bias goes */
    double theta;       /* of the first RoPE; 0 before it */
    size_t n_heads;     /* of the first ATTEND; 0 before it */
    dlx_error *err;
} matcher;

/* A vector takes whole cache lines. */
static size_t vector_room(const dlx__tensor *t)
{
    return t ? dlx__align(dlx__tensor_elems(t), 16) : 0;
}

void dlx__cpu_measure(dlx__cpu_shape *shape, const dlx__graph *g)
{
    *shape = (dlx__cpu_shape){.n_layers = g->n_layers,
                              .n_embd = g->n_embd,
                              .n_vocab = g->n_vocab,
                              .n_heads_kv = g->n_heads_kv,
                              .head_dim = g->head_dim};
    for (size_t i = 0; i < g->n; i++) {
        const dlx__node *node = &g->nodes[i];
        const dlx__tensor *vector = node->op == DLX__OP_RMSNORM ? node->weight : node->bias;
        shape->n_vectors = dlx__add(shape->n_vectors, vector_room(vector));
        if (node->op == DLX__OP_ATTEND)
            shape->n_heads = dlx__max(shape->n_heads, node->n_heads);
        if (node->op == DLX__OP_SILU_MUL)
            shape->n_ff = dlx__max(shape->n_ff, node->n_cols);
    }
}

static dlx_result refuse(const matcher *m, dlx__value at, const char *expected)
{
    const dlx__node *node = &m->g->nodes[at];
    return dlx__fail(m->err, DLX_E_UNSUPPORTED,
                     "the cpu backend cannot run graph node %%%u (%s, layer %d): expected %s; use "
                     "the reference backend for this model",
                     (unsigned)at, dlx__op_name(node->op), node->layer, expected);
}

/* The node at `at`; NULL, and a sentence, when it is another kind than `op`. */
static const dlx__node *expect(const matcher *m, dlx__value at, dlx__op op, const char *expected)
{
    if (m->g->nodes[at].op == op)
        return &m->g->nodes[at];
    (void)refuse(m, at, expected);
    return NULL;
}

static dlx_result need_data(const matcher *m, const dlx__tensor *t)
{
    if (t->data)
        return DLX_OK;
    return dlx__fail(m->err, DLX_E_ARG,
                     "tensor %s: expected its weights, found only its shape; the model was opened "
                     "without weights",
                     t->name ? t->name : "without a name");
}

static dlx_result take_vector(matcher *m, const float **out, const dlx__tensor *t)
{
    *out = NULL;
    if (!t)
        return DLX_OK;
    DLX__TRY(need_data(m, t));
    dlx__to_f32(m->free_vector, t->data, t->dtype, dlx__tensor_elems(t));
    *out = m->free_vector;
    m->free_vector += vector_room(t);
    return DLX_OK;
}

/* The linear node that computes `at`, and the value it reads. */
static dlx_result take_linear(matcher *m, dlx__cpu_linear *out, dlx__value *from, dlx__value at,
                              const char *expected)
{
    const dlx__node *node = expect(m, at, DLX__OP_LINEAR, expected);
    if (!node)
        return DLX_E_UNSUPPORTED;
    const dlx__tensor *w = node->weight;
    DLX__TRY(need_data(m, w));
    size_t row_bytes = dlx__dtype_bytes(w->dtype, w->shape[1]);
    if (row_bytes == SIZE_MAX)
        return refuse(m, at, "weight rows of whole blocks");
    *out = (dlx__cpu_linear){.tensor = w,
                             .stored = {w->data, w->dtype, w->shape[0], w->shape[1], row_bytes},
                             .in_largest = node->in_largest,
                             .has_ranges = node->has_ranges && at != m->g->logits,
                             .in = dlx__affine_at_least(node->in_range, DLX__AFFINE_LEAST_SCALE),
                             .out = dlx__affine_at_least(node->out_range, DLX__AFFINE_LEAST_SCALE)};
    *from = node->in[0];
    return take_vector(m, &out->bias, node->bias);
}

static dlx_result take_norm(matcher *m, dlx__cpu_norm *out, dlx__value *from, dlx__value at,
                            const char *expected)
{
    const dlx__node *node = expect(m, at, DLX__OP_RMSNORM, expected);
    if (!node)
        return DLX_E_UNSUPPORTED;
    out->eps = node->eps;
    *from = node->in[0];
    return take_vector(m, &out->weight, node->weight);
}

/* q or k: rope(norm(split(linear))), the norm being optional. v has neither rope nor norm. */
static dlx_result take_heads(matcher *m, dlx__cpu_linear *linear, dlx__cpu_norm *norm,
                             dlx__value *from, dlx__value at, bool rotated)
{
    const dlx__node *node;
    *norm = (dlx__cpu_norm){0};
    if (rotated) {
        node = expect(m, at, DLX__OP_ROPE, "rope before attend");
        if (!node)
            return DLX_E_UNSUPPORTED;
        if (m->theta == 0)
            m->theta = node->theta;
        if (node->theta != m->theta)
            return refuse(m, at, "the same rope theta everywhere");
        at = node->in[0];
        if (m->g->nodes[at].op == DLX__OP_RMSNORM)
            DLX__TRY(take_norm(m, norm, &at, at, "a norm of the heads"));
    }
    node = expect(m, at, DLX__OP_SPLIT_HEADS, "a projection split into heads");
    if (!node)
        return DLX_E_UNSUPPORTED;
    return take_linear(m, linear, from, node->in[0], "a projection under the heads");
}

/* x + linear(from), in either order. */
static dlx_result take_sum(matcher *m, dlx__cpu_linear *linear, dlx__value *from, dlx__value *x,
                           dlx__value at, const char *expected)
{
    const dlx__node *sum = expect(m, at, DLX__OP_ADD, expected);
    if (!sum)
        return DLX_E_UNSUPPORTED;
    int second = m->g->nodes[sum->in[1]].op == DLX__OP_LINEAR;
    *x = sum->in[1 - second];
    return take_linear(m, linear, from, sum->in[second], "a projection in the residual sum");
}

/* x + o(attend(...(norm(x)))) computes `at`; gives x. */
static dlx_result take_attention(matcher *m, dlx__cpu_layer *layer, dlx__value *x, dlx__value at)
{
    dlx__value from = 0, h[3] = {0}, normed = 0, residual = 0;
    DLX__TRY(take_sum(m, &layer->o, &from, &residual, at, "the residual sum after attention"));
    const dlx__node *merge = expect(m, from, DLX__OP_MERGE_HEADS, "merged heads");
    const dlx__node *attend = merge ? expect(m, merge->in[0], DLX__OP_ATTEND, "attend") : NULL;
    if (!attend)
        return DLX_E_UNSUPPORTED;
    if (m->n_heads == 0)
        m->n_heads = attend->n_heads;
    if (attend->n_heads != m->n_heads)
        return refuse(m, merge->in[0], "as many heads as in the first layer");
    layer->scale = attend->scale;
    dlx__cpu_norm none;
    DLX__TRY(take_heads(m, &layer->q, &layer->q_norm, &h[0], attend->in[0], true));
    DLX__TRY(take_heads(m, &layer->k, &layer->k_norm, &h[1], attend->in[1], true));
    DLX__TRY(take_heads(m, &layer->v, &none, &h[2], attend->in[2], false));
    if (h[0] != h[1] || h[0] != h[2])
        return refuse(m, h[0], "one input for the q, k and v projections");
    DLX__TRY(take_norm(m, &layer->attn_norm, &normed, h[0], "the norm before attention"));
    if (normed != residual)
        return refuse(m, at, "a residual around attention");
    *x = residual;
    return DLX_OK;
}

/* x + down(silu_mul(gate(norm(x)), up(norm(x)))) computes `at`; gives x. */
static dlx_result take_mlp(matcher *m, dlx__cpu_layer *layer, dlx__value *x, dlx__value at)
{
    dlx__value from = 0, gate = 0, up = 0, normed = 0, residual = 0;
    DLX__TRY(take_sum(m, &layer->down, &from, &residual, at,
                      "the residual sum after the feed-forward part"));
    const dlx__node *mul = expect(m, from, DLX__OP_SILU_MUL, "silu_mul");
    if (!mul)
        return DLX_E_UNSUPPORTED;
    DLX__TRY(take_linear(m, &layer->gate, &gate, mul->in[0], "the gate projection"));
    DLX__TRY(take_linear(m, &layer->up, &up, mul->in[1], "the up projection"));
    if (gate != up)
        return refuse(m, from, "one input for the gate and up projections");
    DLX__TRY(
        take_norm(m, &layer->mlp_norm, &normed, gate, "the norm before the feed-forward part"));
    if (normed != residual)
        return refuse(m, at, "a residual around the feed-forward part");
    *x = residual;
    return DLX_OK;
}

dlx_result dlx__cpu_compile(dlx__cpu_program *p, dlx__cpu_layer *layers, float *vectors,
                            const dlx__graph *g, dlx_error *err)
{
    DLX__TRY(dlx__graph_check(g, err));
    matcher m = {.g = g, .free_vector = vectors, .err = err};
    dlx__value x = g->embedded;
    const dlx__node *embed = &g->nodes[x]; /* graph_check has seen its kind */
    DLX__TRY(need_data(&m, embed->weight));
    *p = (dlx__cpu_program){.embedding = embed->weight, .layers = layers};
    for (size_t i = 0; i < g->n_layers; i++) {
        dlx__value middle = 0, start = 0;
        DLX__TRY(take_mlp(&m, &layers[i], &middle, g->layer_out[i]));
        DLX__TRY(take_attention(&m, &layers[i], &start, middle));
        if (start != x)
            return refuse(&m, start, "the output of the layer before");
        x = g->layer_out[i];
    }
    dlx__value last = 0, hidden = 0;
    DLX__TRY(take_linear(&m, &p->head, &hidden, g->logits, "the head"));
    DLX__TRY(take_norm(&m, &p->final_norm, &last, hidden, "the final norm"));
    if (last != x)
        return refuse(&m, hidden, "the last layer under the final norm");
    p->theta = m.theta;
    return DLX_OK;
}

uint8_t *dlx__cpu_panel(const dlx__cpu_linear *linear, size_t panel)
{
    enum { SPAN_PANELS = DLX__SPAN / DLX__PANEL };
    const dlx__packed *w = &linear->w;
    if (linear->span_bytes == 0)
        return w->data + panel * w->panel_bytes;
    const size_t span = panel / SPAN_PANELS, at = panel % SPAN_PANELS;
    const size_t n = dlx__min(SPAN_PANELS, w->n_panels - span * SPAN_PANELS);
    return w->data + span * linear->span_bytes + n * linear->before_bytes + at * w->panel_bytes;
}

dlx__cpu_linear *dlx__cpu_linear_at(dlx__cpu_program *p, const dlx__cpu_shape *shape, size_t i)
{
    if (i >= 7 * shape->n_layers)
        return &p->head;
    dlx__cpu_layer *l = &p->layers[i / 7];
    dlx__cpu_linear *const of_layer[7] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
    return of_layer[i % 7];
}
