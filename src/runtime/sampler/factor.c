/*
 * factor.c - by falling confidence, the n-th row is taken while conf_n >= 1 - factor / (n + 1); the
 * first always is (get_transfer_index_dynamic of Fast-dLLM v1; Wu et al. 2025, "Fast-dLLM", theorem
 * 1: parallel equals sequential decoding while (n + 1) epsilon <= 1). The reference also takes the
 * row on which its scan ends when that is the last one; this does not.
 */
#include "runtime/sampler/sampler.h"

static void select_factor(dlx__selection *s)
{
    dlx__selection_sort(s);
    for (size_t i = 0; i < s->n; i++) {
        double limit = 1.0 - s->factor / (double)(i + 2);
        if (i > 0 && s->rows[s->order[i]].conf < limit)
            return;
        s->take[s->order[i]] = true;
    }
}

const dlx__sampler dlx__sampler_factor = {
    .name = "factor", .measure = DLX__MEASURE_PROB, .reads = "factor", .select = select_factor};
