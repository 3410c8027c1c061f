/*
 * entropy_bounded.c - by rising entropy, as many rows as keep the running sum of entropies below
 * the bound, at least one (Ben-Hamu et al. 2025, "Accelerated Sampling from Masked Diffusion Models
 * via Entropy Bounded Unmasking"; the plain sum and the entropy of the full row as in JetEngine's
 * scheduler).
 */
#include "runtime/sampler/sampler.h"

/* The surest row that is not taken yet; ties go to the lower position. */
static size_t next_surest(const dlx__selection *s)
{
    size_t best = s->n;
    for (size_t i = 0; i < s->n; i++)
        if (!s->take[i] && (best == s->n || s->rows[i].neg_entropy > s->rows[best].neg_entropy))
            best = i;
    return best;
}

static void select_entropy_bounded(dlx__selection *s)
{
    double sum = 0.0;
    for (size_t n = 0; n < s->n; n++) {
        size_t row = next_surest(s);
        sum -= s->rows[row].neg_entropy;
        if (n > 0 && !(sum < s->eb_threshold))
            return;
        s->take[row] = true;
    }
}

const dlx__sampler dlx__sampler_entropy_bounded = {.name = "entropy_bounded",
                                                   .measure = DLX__MEASURE_PROB,
                                                   .reads_entropy = true,
                                                   .reads = "eb-threshold",
                                                   .select = select_entropy_bounded};
