/*
 * bench_force.c - a schedule that reveals the same number of tokens in every pass, made of each
 * family's own options. Random weights are never sure of anything, so a threshold would reveal one
 * token a pass; and their answers may end anywhere.
 */
#include "api/api.h"

#include "base/fail.h"
#include "runtime/gen_options.h"

#include <dlx/tools.h>

/* The first of these that the family has; its default when it has neither. */
static const char *static_sampler(const dlx__family *f)
{
    static const char *const names[] = {"low_confidence_static", "low_confidence"};
    for (size_t i = 0; i < DLX__LEN(names); i++)
        if (dlx__name_in(f->samplers, names[i]))
            return names[i];
    return f->samplers[0];
}

static dlx_result need_multiple(size_t n, const char *what, size_t n_accept, dlx_error *err)
{
    if (n > 0 && n % n_accept == 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%zu tokens a pass: expected a number that divides the %s of %zu; choose "
                     "another number or another length",
                     n_accept, what, n);
}

dlx_result dlx_bench_force(const dlx_model *model, size_t n_accept, dlx_gen_opts *opts,
                           dlx_error *err)
{
    DLX__TRY(dlx__api_need_core(model, "a schedule", err));
    const dlx__family *family = model->core.family;
    const size_t block = dlx__gen_block(&model->core, opts);
    if (n_accept == 0)
        return dlx__fail(err, DLX_E_ARG, "0 tokens a pass: expected at least 1");
    if (dlx__rules_of(family).autoregressive && n_accept > 1)
        return dlx__fail(err, DLX_E_ARG,
                         "%zu tokens a pass: %s is autoregressive and writes one; choose 1",
                         n_accept, family->name);
    if (block > 0)
        DLX__TRY(need_multiple(block, "block", n_accept, err));
    switch (dlx__rules_of(family).schedule) {
    case DLX__SCHEDULE_NONE: /* a whole sub-block passes a threshold of 0 */
        opts->sampler = family->samplers[0];
        opts->threshold = 0;
        opts->small_block = n_accept;
        break;
    case DLX__SCHEDULE_BLOCK:
        opts->sampler = static_sampler(family);
        opts->steps = block / n_accept;
        break;
    case DLX__SCHEDULE_NEXT:
        break;
    case DLX__SCHEDULE_EVEN:
    case DLX__SCHEDULE_TIMES:
        DLX__TRY(need_multiple(opts->max_tokens, "answer", n_accept, err));
        opts->sampler = static_sampler(family);
        opts->steps = opts->max_tokens / n_accept;
        break;
    }
    opts->n_stop_ids = 0;
    opts->n_stop_texts = 0;
    return DLX_OK;
}
