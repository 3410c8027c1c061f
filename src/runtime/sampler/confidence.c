/* confidence.c - probability, margin and entropy of one row. */
#include "runtime/sampler/confidence.h"

#include <math.h>

dlx_token dlx__argmax(const float *logits, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return (dlx_token)best;
}

bool dlx__logits_finite(const float *logits, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (isnan(logits[i]) || logits[i] == INFINITY)
            return false;
        any = any || logits[i] > -INFINITY;
    }
    return any;
}

dlx__confidence dlx__compute_confidence(const float *logits, size_t n, dlx_token id)
{
    double top = logits[dlx__argmax(logits, n)];
    double sum = 0.0;
    double second = 0.0;
    bool met_top = false;
    for (size_t i = 0; i < n; i++) {
        double e = exp((double)logits[i] - top);
        sum += e;
        if (!met_top && (double)logits[i] == top)
            met_top = true;
        else if (e > second)
            second = e;
    }
    double neg_entropy = 0.0;
    for (size_t i = 0; i < n; i++) {
        double p = exp((double)logits[i] - top) / sum;
        neg_entropy += p * log(p + 1e-10);
    }
    return (dlx__confidence){.prob = (float)(exp((double)logits[id] - top) / sum),
                             .margin = (float)((1.0 - second) / sum),
                             .neg_entropy = (float)neg_entropy};
}
