/*
 * threshold.c - every row that passes the threshold, and always the best one. LLaDA:
 * get_transfer_index of Fast-dLLM v1 (conf >= threshold). Fast-dLLM v2: its generate (conf >
 * threshold).
 */
#include "runtime/sampler/sampler.h"

static void select_threshold(dlx__selection *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->take[i] = dlx__selection_passes(s, i);
    s->take[dlx__selection_best(s)] = true;
}

const dlx__sampler dlx__sampler_threshold = {.name = "threshold",
                                             .measure = DLX__MEASURE_PROB,
                                             .reads = "threshold",
                                             .select = select_threshold};
