/* round_layer.h - the matrices of a layer become the bytes of their types, by a method. */
#ifndef DLX__ROUND_LAYER_H
#define DLX__ROUND_LAYER_H

#include "quant/feedback.h"
#include "quant/scales.h"

/* name, text, what it does */
#define DLX__METHODS(X)                                                                            \
    X(RTN, "rtn")       /* each weight to the nearest level, as ggml rounds */                     \
    X(AWQ, "awq")       /* features scaled (scales.h), the levels chosen by importance */          \
    X(GPTQ, "gptq")     /* errors handed on to the inputs behind (feedback.h) */                   \
    X(BOTH, "awq-gptq") /* features scaled, then errors handed on */

typedef enum dlx__method {
#define DLX__METHOD_ENUM(name, text) DLX__METHOD_##name,
    DLX__METHODS(DLX__METHOD_ENUM)
#undef DLX__METHOD_ENUM
        DLX__N_METHODS
} dlx__method;

const char *dlx__method_name(dlx__method method);
bool dlx__method_find(dlx__method *out, const char *name); /* false: unknown */

static inline bool dlx__method_scales(dlx__method method)
{
    return method == DLX__METHOD_AWQ || method == DLX__METHOD_BOTH;
}

static inline bool dlx__method_feeds_back(dlx__method method)
{
    return method == DLX__METHOD_GPTQ || method == DLX__METHOD_BOTH;
}

/* What a layer's matrices become, and how. */
typedef struct dlx__layer_plan {
    dlx__method method;
    dlx__round_form forms[DLX__N_ROLES]; /* of the matrices; a float type: cast */
    float damping;                       /* of error feedback */
    bool (*stop)(void *user);            /* polled between matrices; or NULL */
    void *user;
} dlx__layer_plan;

/* A layer as it will be stored: matrices in the types of the plan, vectors in float32. */
typedef struct dlx__rounded_layer {
    const dlx_allocator *mem;
    dlx__tensor tensors[DLX__N_ROLES]; /* data NULL: the model has none */
    uint8_t *block;
} dlx__rounded_layer;

/*
 * Rounds l. moments [DLX__N_SITES], of no use afterwards (NULL where the method is RTN); l is
 * changed by scales and by rounding.
 */
dlx_result dlx__round_layer(dlx__rounded_layer *out, dlx__layer *l, const dlx__layer_plan *plan,
                            dlx__moments *moments, const dlx__hparams *hp, dlx__dense *d,
                            dlx_error *err);
void dlx__rounded_layer_release(dlx__rounded_layer *l); /* zeroed is fine */

#endif
