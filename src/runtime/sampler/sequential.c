/* sequential.c - the quota's number of masked rows from left to right (SDAR generate.py). */
#include "runtime/sampler/sampler.h"

static void select_sequential(dlx__selection *s)
{
    for (size_t i = 0; i < s->n && i < s->quota; i++)
        s->take[i] = true;
}

const dlx__sampler dlx__sampler_sequential = {.name = "sequential",
                                              .measure = DLX__MEASURE_PROB,
                                              .by_quota = true,
                                              .blind = true,
                                              .select = select_sequential};
