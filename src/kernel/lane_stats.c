/* lane_stats.c - joining what two runs of ids say: the head is cut into tiles that are merged. */
#include "kernel/kernel.h"

#include <math.h>
#include <string.h>

void dlx__stats_reset(dlx__lane_stats *s)
{
    memset(s, 0, sizeof *s);
    for (size_t l = 0; l < DLX__LANES; l++) {
        s->max[l] = -INFINITY;
        s->second[l] = -INFINITY;
        s->best[l] = -1;
    }
}

/*
 * Moves lane l's sums from the maximum `from` to `to`, with d = from - to:
 * exp(l - to) = exp(l - from) exp(d), and (l - to) = (l - from) + d.
 */
static void shift(float *sum, float *weighted, const dlx__lane_stats *s, size_t l, float to)
{
    if (s->max[l] == -INFINITY) {
        *sum = 0;
        *weighted = 0;
        return;
    }
    float d = s->max[l] - to;
    float e = expf(d);
    *weighted = e > 0 ? e * (s->weighted[l] + s->sum[l] * d) : 0;
    *sum = e * s->sum[l];
}

void dlx__stats_merge(dlx__lane_stats *a, const dlx__lane_stats *b, size_t width)
{
    for (size_t l = 0; l < width; l++) {
        bool later = b->max[l] > a->max[l]; /* equal: the lower id stays */
        float top = later ? b->max[l] : a->max[l];
        float sum_a, weighted_a, sum_b, weighted_b;
        shift(&sum_a, &weighted_a, a, l, top);
        shift(&sum_b, &weighted_b, b, l, top);
        a->sum[l] = sum_a + sum_b;
        a->weighted[l] = weighted_a + weighted_b;
        if (later) {
            a->second[l] = fmaxf(a->max[l], b->second[l]);
            a->best[l] = b->best[l];
        } else {
            a->second[l] = fmaxf(a->second[l], b->max[l]);
        }
        a->max[l] = top;
        a->broken[l] |= b->broken[l];
    }
}
