/*
 * sampler.h - which of the masked rows a pass reveals. A sampler sees one candidate for each masked
 * row in scope and marks those to take; everything else (which rows, how often, what is cached) is
 * the decode loops' business. Adding one is a file that defines dlx__sampler_<name> plus a word
 * below, and the name in the list of each family that has it.
 */
#ifndef DLX__SAMPLER_H
#define DLX__SAMPLER_H

#include "runtime/sampler/draw.h"

#define DLX__SAMPLERS(X)                                                                           \
    X(low_confidence)                                                                              \
    X(random)                                                                                      \
    X(threshold)                                                                                   \
    X(factor)                                                                                      \
    X(origin)                                                                                      \
    X(maskgit_plus)                                                                                \
    X(topk_margin)                                                                                 \
    X(entropy)                                                                                     \
    X(confidence_threshold)                                                                        \
    X(low_confidence_static)                                                                       \
    X(low_confidence_dynamic)                                                                      \
    X(sequential)                                                                                  \
    X(entropy_bounded)                                                                             \
    X(next)                                                                                        \
    X(leftmost)

/* What a candidate's confidence is. */
typedef enum {
    DLX__MEASURE_PROB,        /* probability of the proposed id */
    DLX__MEASURE_MARGIN,      /* best minus second best probability */
    DLX__MEASURE_NEG_ENTROPY, /* sum p ln p */
    DLX__MEASURE_DRAW         /* a uniform draw: random remasking */
} dlx__measure;

/* What one masked row proposes. */
typedef struct dlx__candidate {
    size_t pos; /* absolute */
    dlx_token id;
    float conf;  /* by the sampler's measure; what events report */
    double rank; /* conf, or conf / alg_temp plus Gumbel noise */
    float neg_entropy;
} dlx__candidate;

typedef struct dlx__selection {
    const dlx__candidate *rows; /* [n], ascending positions, n > 0 */
    size_t n;
    size_t quota; /* the schedule's share of this pass */
    float share;  /* the same as a probability: Dream's origin */
    bool strict;  /* thresholds are passed by > (block-causal families) instead of >= */
    double threshold, factor, eb_threshold;
    const dlx__draws *draws;
    size_t pass;
    size_t *order; /* scratch [n] */
    bool *take;    /* [n], false on entry: what to reveal */
} dlx__selection;

typedef struct dlx__sampler {
    const char *name;
    dlx__measure measure;
    bool by_quota;     /* a pass of quota 0 reveals nothing */
    bool ranks_freely; /* alg_temp may shuffle its order */
    bool blind; /* looks at positions and draws alone: the head need run on its choice only */
    bool reads_entropy; /* of the candidates, beside their confidence */
    const char
        *reads; /* the option that it reads: "threshold", "factor", "eb-threshold"; or NULL */
    void (*select)(dlx__selection *s);
} dlx__sampler;

#define DLX__SAMPLER_DECLARE(name) extern const dlx__sampler dlx__sampler_##name;
DLX__SAMPLERS(DLX__SAMPLER_DECLARE)
#undef DLX__SAMPLER_DECLARE

const dlx__sampler *dlx__sampler_find(const char *name); /* NULL when unknown */

/* Fills s->order with 0 .. n - 1 by falling rank; ties go to the lower position. */
void dlx__selection_sort(dlx__selection *s);

/* Takes the n best by rank (all, when n is larger). */
void dlx__selection_take_best(dlx__selection *s, size_t n);

/* Index of the best by rank. */
size_t dlx__selection_best(const dlx__selection *s);

/* Does a confidence pass the threshold? */
bool dlx__selection_passes(const dlx__selection *s, size_t row);

#endif
