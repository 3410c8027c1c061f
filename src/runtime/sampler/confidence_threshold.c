/*
 * confidence_threshold.c - of the quota's best rows those that pass the threshold, and always the
 * best (Fast-dLLM v1 for Dream: generation_utils.py; generation_utils_block.py, where the quota is
 * all masks of the block).
 */
#include "runtime/sampler/sampler.h"

static void select_confidence_threshold(dlx__selection *s)
{
    dlx__selection_sort(s);
    for (size_t i = 0; i < s->n && i < s->quota; i++)
        s->take[s->order[i]] = i == 0 || dlx__selection_passes(s, s->order[i]);
}

const dlx__sampler dlx__sampler_confidence_threshold = {.name = "confidence_threshold",
                                                        .measure = DLX__MEASURE_PROB,
                                                        .by_quota = true,
                                                        .reads = "threshold",
                                                        .select = select_confidence_threshold};
