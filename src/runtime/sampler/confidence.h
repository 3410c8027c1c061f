/* confidence.h - compute_confidence: how sure a row of logits is of an id. */
#ifndef DLX__CONFIDENCE_H
#define DLX__CONFIDENCE_H

#include "base/base.h"

typedef struct dlx__confidence {
    float prob;        /* softmax probability of the id */
    float margin;      /* largest probability minus the second largest */
    float neg_entropy; /* sum p ln(p + 1e-10), as Dream writes it: larger is surer */
} dlx__confidence;

/* logits [n]; ids at -infinity have probability 0. Sums run in double, ids ascending. */
dlx__confidence dlx__compute_confidence(const float *logits, size_t n, dlx_token id);

/* The id of the largest logit; ties go to the lower id. */
dlx_token dlx__argmax(const float *logits, size_t n);

/* false: NaN or +infinity among them, or nothing above -infinity. */
bool dlx__logits_finite(const float *logits, size_t n);

#endif
