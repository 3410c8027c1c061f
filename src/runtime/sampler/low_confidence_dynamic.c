/*
 * low_confidence_dynamic.c - every row that passes the threshold when these are at least the quota,
 * else the quota's best (SDAR generate.py). Rows that are not masked never count; the reference
 * overwrites them when fewer masks than the quota remain.
 */
#include "runtime/sampler/sampler.h"

static void select_dynamic(dlx__selection *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += dlx__selection_passes(s, i);
    if (n >= s->quota && n > 0) {
        for (size_t i = 0; i < s->n; i++)
            s->take[i] = dlx__selection_passes(s, i);
        return;
    }
    dlx__selection_take_best(s, s->quota);
}

const dlx__sampler dlx__sampler_low_confidence_dynamic = {.name = "low_confidence_dynamic",
                                                          .measure = DLX__MEASURE_PROB,
                                                          .reads = "threshold",
                                                          .select = select_dynamic};
