/* row_stat.c - what the head tells of a row. */
#include "backends/row_stat.h"

#include "base/cpu.h"
#include "kernel/kernel.h"

#include <math.h>

/* With p = exp(l - max) / sum: sum p ln p = weighted / sum - ln sum. */
dlx__row_stat dlx__row_stat_of(const dlx__stats *s)
{
    if (s->best < 0 || s->broken)
        return (dlx__row_stat){.finite = false};
    return (dlx__row_stat){.best = s->best,
                           .logit = s->max,
                           .prob = 1 / s->sum,
                           .margin = (1 - expf(s->second - s->max)) / s->sum,
                           .neg_entropy = fminf(s->weighted / s->sum - logf(s->sum), 0),
                           .finite = true};
}

/* The ids from `id` to `end` join the row's statistics. */
static void add_ids(const dlx__kernels *kernels, dlx__stats *stats, const float *x, size_t id,
                    size_t end)
{
    if (id < end)
        kernels->stats(stats, x + id, end - id, (int32_t)id);
}

/* x [n_vocab] stays as it is: runs between the ids that may not be chosen are what counts. */
dlx__row_stat dlx__row_stat_of_logits(const dlx__kernels *kernels, const float *x, size_t n_vocab,
                                      const dlx__head *in)
{
    const size_t end = in->n_ids ? dlx__min(in->n_ids, n_vocab) : n_vocab;
    dlx__stats stats;
    size_t id = 0;
    dlx__stats_reset(&stats);
    for (size_t s = 0; s < in->n_suppress; s++) {
        if (in->suppress[s] < 0 || (size_t)in->suppress[s] >= end)
            continue;
        add_ids(kernels, &stats, x, id, (size_t)in->suppress[s]);
        id = (size_t)in->suppress[s] + 1;
    }
    add_ids(kernels, &stats, x, id, end);
    return dlx__row_stat_of(&stats);
}

const dlx__kernels *dlx__row_stat_kernels(void)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    return dlx__kernels_best(&cpu);
}
