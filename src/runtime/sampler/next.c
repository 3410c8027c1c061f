/* next.c - the row that is asked for: the only choice of a model that writes from left to right. */
#include "runtime/sampler/sampler.h"

static void select_next(dlx__selection *s)
{
    s->take[0] = true;
}

const dlx__sampler dlx__sampler_next = {
    .name = "next", .measure = DLX__MEASURE_PROB, .select = select_next};
