/*
 * origin.c - every row with the same probability 1 - s/t, whatever its confidence (Dream's alg
 * `origin`, generation_utils.py: the reverse process of absorbing diffusion as it stands in the
 * theory).
 */
#include "runtime/sampler/sampler.h"

static void select_origin(dlx__selection *s)
{
    for (size_t i = 0; i < s->n; i++) {
        double u = dlx__draw_uniform(s->draws, DLX_DRAW_ORDER, s->pass, s->rows[i].pos, -1);
        s->take[i] = s->share >= 1.0f || (float)u < s->share;
    }
}

const dlx__sampler dlx__sampler_origin = {
    .name = "origin", .measure = DLX__MEASURE_PROB, .blind = true, .select = select_origin};
