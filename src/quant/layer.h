/*
 * layer.h - one layer of a model by itself: its weights as floats, to be changed and rounded; and a
 * model of this layer alone, whose ids are rows of the residual stream, to be run by a backend. So
 * a model is calibrated and rounded a layer at a time, however large it is.
 */
#ifndef DLX__LAYER_H
#define DLX__LAYER_H

#include "quant/calibration.h"
#include "quant/dense.h"

/* The weights of a layer in float32; matrices [out, in], vectors [n]. */
typedef struct dlx__layer {
    const dlx_allocator *mem;
    float *block;                      /* all of them */
    dlx__tensor tensors[DLX__N_ROLES]; /* data NULL: the model has none */
} dlx__layer;

dlx_result dlx__layer_open(dlx__layer *l, const dlx__model *m, size_t index, dlx_error *err);
void dlx__layer_release(dlx__layer *l); /* zeroed is fine */

static inline float *dlx__layer_data(const dlx__layer *l, dlx__role role)
{
    return (float *)(uintptr_t)l->tensors[role].data;
}

static inline dlx__rows dlx__layer_matrix(const dlx__layer *l, dlx__role role)
{
    const dlx__tensor *t = &l->tensors[role];
    return (dlx__rows){dlx__layer_data(l, role), t->shape[0], t->shape[1], t->shape[1]};
}

/* What a run of a layer tells: see dlx__step.observe and observe_out; `weight` is one of the
 * tensors it was given. */
typedef void (*dlx__layer_observer)(void *user, const dlx__tensor *weight, const float *x,
                                    size_t stride, size_t n, size_t n_cols);

typedef struct dlx__layer_run {
    const dlx__model *model;    /* whose layer it is */
    const dlx__tensor *weights; /* [DLX__N_ROLES] of the layer; data NULL: none */
    const dlx__calibration *passes;
    dlx__scheme scheme;
    int n_threads;
    dlx__layer_observer observe;     /* of what products read; or NULL */
    dlx__layer_observer observe_out; /* of what they write; or NULL */
    bool (*stop)(void *user);        /* polled within a pass; or NULL */
    void *user;
    const dlx_allocator *mem;
} dlx__layer_run;

/* The rows of the residual stream [n_rows, n_embd] before the layer become those behind it. */
dlx_result dlx__layer_compute(float *stream, const dlx__layer_run *run, dlx_error *err);

/* The rows of the residual stream before the first layer. */
void dlx__layer_embed(float *stream, const dlx__model *m, const dlx__calibration *c);

#endif
