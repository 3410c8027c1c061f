/*
 * quota.c - the samplers that reveal the schedule's number of best rows and differ in what "best"
 * means: LLaDA's remasking (GSAI LLaDA generate.py), Dream's alg (generation_utils.py), SDAR's
 * static strategy (generate.py; only masked rows count, as in JetEngine).
 */
#include "runtime/sampler/sampler.h"

static void select_quota(dlx__selection *s)
{
    dlx__selection_take_best(s, s->quota);
}

const dlx__sampler dlx__sampler_low_confidence = {.name = "low_confidence",
                                                  .measure = DLX__MEASURE_PROB,
                                                  .by_quota = true,
                                                  .select = select_quota};

const dlx__sampler dlx__sampler_random = {.name = "random",
                                          .measure = DLX__MEASURE_DRAW,
                                          .by_quota = true,
                                          .blind = true,
                                          .select = select_quota};

const dlx__sampler dlx__sampler_low_confidence_static = {.name = "low_confidence_static",
                                                         .measure = DLX__MEASURE_PROB,
                                                         .by_quota = true,
                                                         .select = select_quota};

const dlx__sampler dlx__sampler_maskgit_plus = {.name = "maskgit_plus",
                                                .measure = DLX__MEASURE_PROB,
                                                .by_quota = true,
                                                .ranks_freely = true,
                                                .select = select_quota};

const dlx__sampler dlx__sampler_topk_margin = {.name = "topk_margin",
                                               .measure = DLX__MEASURE_MARGIN,
                                               .by_quota = true,
                                               .ranks_freely = true,
                                               .select = select_quota};

const dlx__sampler dlx__sampler_entropy = {.name = "entropy",
                                           .measure = DLX__MEASURE_NEG_ENTROPY,
                                           .by_quota = true,
                                           .ranks_freely = true,
                                           .select = select_quota};
