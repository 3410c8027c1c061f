/*
 * leftmost.c - the leftmost masked row, then those to its right while they pass the threshold. Our
 * own: weakly trained models lose most of their quality by revealing out of order.
 */
#include "runtime/sampler/sampler.h"

static void select_leftmost(dlx__selection *s)
{
    s->take[0] = true;
    for (size_t i = 1; i < s->n && dlx__selection_passes(s, i); i++)
        s->take[i] = true;
}

const dlx__sampler dlx__sampler_leftmost = {.name = "leftmost",
                                            .measure = DLX__MEASURE_PROB,
                                            .reads = "threshold",
                                            .select = select_leftmost};
