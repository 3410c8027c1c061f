/*
 * scheme.h - how the rows that products of integer weights read are rounded: what makes a quantized
 * model weight-only, dynamic or static.
 */
#ifndef DLX__SCHEME_H
#define DLX__SCHEME_H

#include "graph/graph.h"

/* name, text, which rows, how */
#define DLX__SCHEMES(X)                                                                            \
    X(WEIGHT_ONLY, "weight-only") /* none */                                                       \
    X(DYNAMIC, "dynamic")         /* int8, a scale for every 128 numbers of a row, from these */   \
    X(DYNAMIC_ROW, "dynamic-row") /* int8, a scale for every row, from its numbers */              \
    X(DYNAMIC_AFFINE, "dynamic-affine") /* the same with a zero point, of float weights too: as    \
                                           XNNPACK rounds the rows of int8 and int4 programs */    \
    X(STATIC, "static")     /* int8, a scale for all rows, from what calibration recorded */       \
    X(STATIC16, "static16") /* int16, the same, of float weights too */                            \
    X(STATIC_AFFINE, "static-affine") /* rows, weights and results int8 by what calibration        \
                                         recorded, but for the head's: as XNNPACK computes static  \
                                         programs */

typedef enum dlx__scheme {
    DLX__SCHEME_NONE, /* nobody said: the cpu backend takes DYNAMIC, the reference WEIGHT_ONLY */
#define DLX__SCHEME_ENUM(name, text) DLX__SCHEME_##name,
    DLX__SCHEMES(DLX__SCHEME_ENUM)
#undef DLX__SCHEME_ENUM
        DLX__N_SCHEMES
} dlx__scheme;

const char *dlx__scheme_name(dlx__scheme scheme); /* "none", "weight-only" ... */
dlx__scheme dlx__scheme_find(const char *name);   /* NONE when unknown */

static inline bool dlx__scheme_is_recorded(dlx__scheme scheme)
{
    return scheme == DLX__SCHEME_STATIC || scheme == DLX__SCHEME_STATIC16 ||
           scheme == DLX__SCHEME_STATIC_AFFINE;
}

/* Are rows rounded whatever the weights are that they are multiplied by? */
static inline bool dlx__scheme_is_for_all(dlx__scheme scheme)
{
    return scheme == DLX__SCHEME_DYNAMIC_AFFINE || scheme == DLX__SCHEME_STATIC16 ||
           scheme == DLX__SCHEME_STATIC_AFFINE;
}

/* Are rows multiplied as int8 where weights are integers? */
static inline bool dlx__scheme_is_int8(dlx__scheme scheme)
{
    return scheme == DLX__SCHEME_DYNAMIC || scheme == DLX__SCHEME_DYNAMIC_ROW ||
           scheme == DLX__SCHEME_STATIC;
}

/* The static schemes need a record of each linear node's input, STATIC_AFFINE also of its result;
 * the first one without is refused by its name. */
dlx_result dlx__scheme_check(dlx__scheme scheme, const dlx__graph *g, dlx_error *err);

#endif
