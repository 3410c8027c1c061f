/* logit_stats.c - joining what two runs of ids say: the head is cut into runs that are merged. */
#include "kernel/kernel.h"

#include <math.h>

void dlx__stats_reset(dlx__stats *s)
{
    *s = (dlx__stats){.max = -INFINITY, .second = -INFINITY, .best = -1};
}

/*
 * Moves the sums from their maximum to `to`, with d = max - to:
 * exp(l - to) = exp(l - max) exp(d), and (l - to) = (l - max) + d.
 */
static void shift(float *sum, float *weighted, const dlx__stats *s, float to)
{
    *sum = 0;
    *weighted = 0;
    if (s->max == -INFINITY)
        return;
    float d = s->max - to;
    float e = d == 0 ? 1 : expf(d);
    *weighted = e > 0 ? e * (s->weighted + s->sum * d) : 0;
    *sum = e * s->sum;
}

void dlx__stats_merge(dlx__stats *a, const dlx__stats *b)
{
    bool later = b->max > a->max; /* equal: the lower id stays */
    float top = later ? b->max : a->max;
    float sum_a, weighted_a, sum_b, weighted_b;
    shift(&sum_a, &weighted_a, a, top);
    shift(&sum_b, &weighted_b, b, top);
    a->sum = sum_a + sum_b;
    a->weighted = weighted_a + weighted_b;
    if (later) {
        a->second = fmaxf(a->max, b->second);
        a->best = b->best;
    } else {
        a->second = fmaxf(a->second, b->max);
    }
    a->max = top;
    a->broken = a->broken || b->broken;
}
