/*
 * random_model.h - a decoder with random weights in memory, of any shape and storage type: for
 * tests and measurements that need no file.
 */
#ifndef RANDOM_MODEL_H
#define RANDOM_MODEL_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "dtype/convert.h"
#include "model/model.h"

typedef struct random_shape {
    size_t n_layers, n_embd, n_heads, n_heads_kv, head_dim, n_ff, n_vocab;
    bool qkv_bias, qk_norm, tied;
    dlx__dtype dtype; /* of the matrices; vectors are float32 */
} random_shape;

enum { RANDOM_MOST_TENSORS = 2048 };

typedef struct random_model {
    dlx__model model; /* the graph, has_weights and hp.n_rows_vocab are filled */
    dlx__tensor tensors[RANDOM_MOST_TENSORS];
    char names[RANDOM_MOST_TENSORS][40];
    size_t n_tensors;
    size_t n_bytes; /* of all weights */
    dlx__rng rng;
} random_model;

static inline float random_centred(dlx__rng *rng)
{
    return (float)(2 * dlx__rng_uniform(rng) - 1);
}

/* K types, without the search that packing them is: random bits under small scales. */
static inline void random_k_row(uint8_t *row, const dlx__dtype_info *type, dlx__dtype dtype,
                                size_t n_bytes, dlx__rng *rng)
{
    for (size_t i = 0; i < n_bytes; i++)
        row[i] = (uint8_t)dlx__rng_bits(rng);
    for (size_t at = 0; at < n_bytes; at += type->block_bytes) {
        uint16_t scale = dlx__f32_to_f16(0.0004f), least = dlx__f32_to_f16(0.003f);
        uint8_t *where = row + at + (dtype == DLX__Q6_K ? type->block_bytes - 2 : 0);
        memcpy(where, &scale, sizeof scale);
        if (dtype != DLX__Q6_K)
            memcpy(where + 2, &least, sizeof least);
    }
}

static inline void random_fill(uint8_t *data, const dlx__tensor *t, float centre, float spread,
                               dlx__rng *rng)
{
    const dlx__dtype_info *type = dlx__dtype_of(t->dtype);
    const size_t n_cols = t->shape[t->n_dims - 1], n_rows = t->n_dims > 1 ? t->shape[0] : 1;
    const size_t row_bytes = dlx__dtype_bytes(t->dtype, n_cols);
    float *row = malloc(n_cols * sizeof *row); /* [n_cols] */
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < n_cols; i++)
            row[i] = centre + spread * random_centred(rng);
        if (type->block_elems > 32 || !dlx__from_f32(data + r * row_bytes, t->dtype, row, n_cols))
            random_k_row(data + r * row_bytes, type, t->dtype, row_bytes, rng);
    }
    free(row);
}

/* n_rows 0: a vector [n_cols] of float32. Free with random_model_release. */
static inline const dlx__tensor *random_tensor(random_model *m, const char *name, dlx__dtype dtype,
                                               size_t n_rows, size_t n_cols, float centre,
                                               float spread)
{
    if (m->n_tensors == RANDOM_MOST_TENSORS)
        abort();
    dlx__tensor *t = &m->tensors[m->n_tensors];
    char *text = m->names[m->n_tensors];
    snprintf(text, sizeof m->names[0], "%s %zu", name, m->n_tensors);
    m->n_tensors++;
    *t = (dlx__tensor){.name = text, .dtype = n_rows ? dtype : DLX__F32};
    if (n_rows)
        t->shape[t->n_dims++] = n_rows;
    t->shape[t->n_dims++] = n_cols;
    t->n_bytes = dlx__dtype_bytes(t->dtype, n_cols) * (n_rows ? n_rows : 1);
    uint8_t *data = malloc(t->n_bytes);
    if (!data)
        abort();
    random_fill(data, t, centre, spread, &m->rng);
    t->data = data;
    m->n_bytes += t->n_bytes;
    return t;
}

/* Spread so that products keep the size of their input. */
static inline const dlx__tensor *random_matrix(random_model *m, const random_shape *s,
                                               const char *name, size_t n_rows, size_t n_cols)
{
    return random_tensor(m, name, s->dtype, n_rows, n_cols, 0, sqrtf(3.0f / (float)n_cols));
}

static inline const dlx__tensor *random_norm(random_model *m, const char *name, size_t n)
{
    return random_tensor(m, name, DLX__F32, 0, n, 1.0f, 0.3f);
}

static inline dlx__value random_heads(random_model *m, const random_shape *s, const char *name,
                                      dlx__value h, size_t n_heads, bool rotated)
{
    dlx__graph *g = &m->model.graph;
    size_t n_out = n_heads * s->head_dim;
    const dlx__tensor *w = random_matrix(m, s, name, n_out, s->n_embd);
    const dlx__tensor *bias =
        s->qkv_bias ? random_tensor(m, "bias", DLX__F32, 0, n_out, 0, 0.5f) : NULL;
    dlx__value x = dlx__graph_split_heads(g, dlx__graph_linear(g, h, w, bias), n_heads);
    if (!rotated)
        return x;
    if (s->qk_norm)
        x = dlx__graph_rmsnorm(g, x, random_norm(m, "head norm", s->head_dim), 1e-6f);
    return dlx__graph_rope(g, x, 10000.0);
}

static inline dlx__value random_layer(random_model *m, const random_shape *s, dlx__value x)
{
    dlx__graph *g = &m->model.graph;
    const size_t d = s->n_embd, n_att = s->n_heads * s->head_dim;
    dlx__value h = dlx__graph_rmsnorm(g, x, random_norm(m, "attention norm", d), 1e-6f);
    dlx__value q = random_heads(m, s, "q", h, s->n_heads, true);
    dlx__value k = random_heads(m, s, "k", h, s->n_heads_kv, true);
    dlx__value v = random_heads(m, s, "v", h, s->n_heads_kv, false);
    dlx__value a = dlx__graph_attend(g, q, k, v, (float)(1.0 / sqrt((double)s->head_dim)));
    a = dlx__graph_linear(g, dlx__graph_merge_heads(g, a), random_matrix(m, s, "o", d, n_att),
                          NULL);
    x = dlx__graph_add(g, x, a);
    h = dlx__graph_rmsnorm(g, x, random_norm(m, "mlp norm", d), 1e-6f);
    dlx__value gate = dlx__graph_linear(g, h, random_matrix(m, s, "gate", s->n_ff, d), NULL);
    dlx__value up = dlx__graph_linear(g, h, random_matrix(m, s, "up", s->n_ff, d), NULL);
    dlx__value f = dlx__graph_silu_mul(g, gate, up);
    f = dlx__graph_linear(g, f, random_matrix(m, s, "down", d, s->n_ff), NULL);
    x = dlx__graph_add(g, x, f);
    dlx__graph_end_layer(g, x);
    return x;
}

/* A failure of the graph stays in model.graph.failure. */
static inline random_model *random_model_open(const random_shape *s, uint64_t seed)
{
    random_model *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    m->model.has_weights = true;
    m->model.hp.n_rows_vocab = s->n_vocab;
    dlx__rng_seed(&m->rng, seed);
    dlx__graph *g = &m->model.graph;
    dlx__graph_init(g, NULL);
    const dlx__tensor *table =
        random_tensor(m, "embedding", s->dtype, s->n_vocab, s->n_embd, 0, 1.0f);
    dlx__value x = dlx__graph_embed(g, table);
    for (size_t i = 0; i < s->n_layers; i++)
        x = random_layer(m, s, x);
    dlx__value hidden = dlx__graph_rmsnorm(g, x, random_norm(m, "final norm", s->n_embd), 1e-6f);
    const dlx__tensor *head = s->tied ? table : random_matrix(m, s, "head", s->n_vocab, s->n_embd);
    dlx__graph_finish(g, hidden, dlx__graph_linear(g, hidden, head, NULL));
    return m;
}

static inline void random_model_release(random_model *m)
{
    for (size_t i = 0; i < m->n_tensors; i++)
        free((void *)(uintptr_t)m->tensors[i].data);
    dlx__graph_release(&m->model.graph);
    free(m);
}

#endif
