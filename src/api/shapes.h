/*
 * shapes.h - the sizes of published models, and models of these sizes with random weights: what a
 * benchmark needs of a checkpoint, without the checkpoint.
 */
#ifndef DLX__SHAPES_H
#define DLX__SHAPES_H

#include "api/api.h"

typedef struct dlx__shape {
    const char *name;
    const char *family; /* whose published model it is; another may be asked for */
    size_t n_layers, n_embd, n_heads, n_heads_kv, head_dim, n_ff, n_vocab, n_ctx;
    double rope_theta, rms_eps;
    bool tied;
} dlx__shape;

/* By name; NULL when unknown. */
const dlx__shape *dlx__shape_find(const char *name);

/* Elements of all matrices and vectors, the embedding counted once where it is the head too. */
size_t dlx__shape_params(const dlx__shape *shape, const dlx__family *family);

/*
 * The tensors of a shape in c->hf_weights, sorted, without data; c->config says what a config.json
 * would say. Matrices get the type, or where their rows are not whole blocks of it the type that
 * stands in for it. c is released on failure.
 */
dlx_result dlx__shape_checkpoint(dlx__checkpoint *c, const dlx__shape *shape,
                                 const dlx__family *family, dlx__dtype dtype,
                                 const dlx_allocator *mem, dlx_error *err);

/*
 * Gives the tensors of a model that dlx__shape_checkpoint and dlx__model_setup made their numbers:
 * the same for the same seed, whatever the machine. One block of memory, owned by the model.
 */
dlx_result dlx__shape_fill(dlx__model *m, uint64_t seed, dlx_error *err);

/*
 * A row [n_cols] of a matrix: numbers around 0 that keep products as large as their input.
 * Quantized types get valid blocks directly, without being quantized.
 */
void dlx__random_row(uint8_t *row, dlx__dtype dtype, size_t n_cols, float spread, uint64_t seed);

#endif
