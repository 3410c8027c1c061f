/* gen_check.c - options that a family or plain arithmetic does not allow, each refused in a
 * sentence. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "runtime/gen_options.h"

enum { MAX_NAME = 40 };

/* Edits (insert, delete, replace) between two names; long names count as far. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_NAME + 1];
    size_t n = strlen(b);
    if (strlen(a) > MAX_NAME || n > MAX_NAME)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = dlx__min(replaced, dlx__min(row[j], row[j + 1]) + 1);
        }
    }
    return row[n];
}

static const char *nearest(const char *const *list, const char *name)
{
    const char *best = list[0];
    for (size_t i = 1; list[i]; i++)
        if (distance(name, list[i]) < distance(name, best))
            best = list[i];
    return best;
}

static void join(char out[256], const char *const *list)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; list[i] && used < 255; i++) {
        int n = snprintf(out + used, 256 - used, "%s%s", i ? ", " : "", list[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* The first other family whose list has the name; NULL: none. */
static const char *owner(const char *name, bool samplers)
{
    for (const dlx__family *const *f = dlx__families(); *f; f++)
        if (dlx__name_in(samplers ? (*f)->samplers : (*f)->caches, name))
            return (*f)->name;
    return NULL;
}

static dlx_result check_name(const dlx__family *family, const char *name, bool samplers,
                             dlx_error *err)
{
    const char *const *list = samplers ? family->samplers : family->caches;
    const char *what = samplers ? "sampler" : "cache";
    char all[256];
    if (!name || dlx__name_in(list, name))
        return DLX_OK;
    join(all, list);
    const char *other = owner(name, samplers);
    if (other)
        return dlx__fail(err, DLX_E_ARG, "%s '%s' belongs to %s; %s has: %s", what, name, other,
                         family->name, all);
    return dlx__fail(err, DLX_E_ARG, "unknown %s '%s'; %s has: %s (nearest: %s)", what, name,
                     family->name, all, nearest(list, name));
}

static bool not_within(double value, double low, double high)
{
    return !(value >= low && value <= high);
}

dlx_result dlx__gen_check_numbers(const dlx_gen_opts *o, dlx_error *err)
{
    const struct {
        const char *name;
        double value, high;
    } from_zero[] = {{"temperature", o->temperature, 1e6},
                     {"threshold", o->threshold, 1e6},
                     {"factor", o->factor, 1e6},
                     {"eb_threshold", o->eb_threshold, 1e6},
                     {"cfg_scale", o->cfg_scale, 1e6},
                     {"alg_temp", o->alg_temp, 1e6},
                     {"eps", o->eps, 1.0}};
    for (size_t i = 0; i < DLX__LEN(from_zero); i++)
        if (not_within(from_zero[i].value, 0.0, from_zero[i].high))
            return dlx__fail(err, DLX_E_ARG, "%s is %g; it must lie between 0 and %g",
                             from_zero[i].name, from_zero[i].value, from_zero[i].high);
    if (not_within(o->top_p, 0.0, 1.0) || o->top_p == 0.0)
        return dlx__fail(err, DLX_E_ARG,
                         "top_p is %g; it must lie above 0 and not above 1 (1: off)", o->top_p);
    if (o->n_stop_ids > DLX_MAX_STOP_IDS)
        return dlx__fail(err, DLX_E_ARG, "%zu stop ids given; at most %d fit", o->n_stop_ids,
                         DLX_MAX_STOP_IDS);
    if (o->max_tokens == 0 && !o->infill)
        return dlx__fail(
            err, DLX_E_ARG,
            "max_tokens is 0: ask for at least one token, or for infill to fill the masks "
            "of the prompt");
    return DLX_OK;
}

static dlx_result not_of(const dlx__family *family, const char *option, dlx_error *err)
{
    return dlx__fail(err, DLX_E_ARG, "%s has no %s: leave that option out", family->name, option);
}

static dlx_result check_foreign(const dlx__family *family, const dlx_gen_opts *o, dlx_error *err)
{
    dlx__rules rules = dlx__rules_of(family);
    bool dream = rules.schedule == DLX__SCHEDULE_TIMES;
    const struct {
        const char *name;
        bool set, known;
    } options[] = {
        {"cfg_scale", o->cfg_scale > 0.0, rules.guidance},
        {"logits_eos_inf", o->logits_eos_inf, rules.guidance},
        {"confidence_eos_eot_inf", o->confidence_eos_eot_inf, rules.guidance},
        {"alg_temp", o->alg_temp > 0.0, dream},
        {"eps", o->eps > 0.0, dream},
        {"small_block", o->small_block > 0, rules.seeds_blocks},
        {"steps", o->steps > 0, rules.schedule != DLX__SCHEDULE_NONE},
        {"factor", o->factor > 0.0, dlx__name_in(family->samplers, "factor")},
        {"eb_threshold", o->eb_threshold > 0.0, dlx__name_in(family->samplers, "entropy_bounded")}};
    for (size_t i = 0; i < DLX__LEN(options); i++)
        if (options[i].set && !options[i].known)
            return not_of(family, options[i].name, err);
    return DLX_OK;
}

/* What only Dream's two modes (whole sequence; blocks with a cache) restrict. */
static dlx_result check_dream(const dlx__model *model, const dlx_gen_opts *o, dlx_error *err)
{
    const dlx__sampler *sampler = dlx__gen_sampler(model->family, o);
    bool cached = dlx__gen_cache(model->family, o) != DLX__CACHE_NONE;
    if (!cached && o->block_length > 0)
        return dlx__fail(
            err, DLX_E_ARG,
            "%s decodes in blocks only with the cache prefix or dual: choose one, or leave "
            "block_length out",
            model->family->name);
    if (cached && sampler != &dlx__sampler_entropy && sampler != &dlx__sampler_confidence_threshold)
        return dlx__fail(
            err, DLX_E_ARG,
            "with a cache %s has the samplers entropy and confidence_threshold; '%s' needs "
            "the cache none",
            model->family->name, sampler->name);
    if (o->alg_temp > 0.0 && !sampler->ranks_freely)
        return dlx__fail(
            err, DLX_E_ARG,
            "alg_temp shuffles a ranking and '%s' has none: use maskgit_plus, topk_margin "
            "or entropy",
            sampler->name);
    return DLX_OK;
}

static dlx_result check_small_block(const dlx_gen_opts *o, dlx_error *err)
{
    if (o->small_block > 0 && o->block_length % o->small_block == 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG, "small_block is %zu; it must divide the block length %zu",
                     o->small_block, o->block_length);
}

dlx_result dlx__gen_check_family(const dlx__model *model, const dlx_gen_opts *o, dlx_error *err)
{
    const dlx__family *family = model->family;
    dlx__rules rules = dlx__rules_of(family);
    DLX__TRY(check_name(family, o->sampler, true, err));
    DLX__TRY(check_name(family, o->cache, false, err));
    DLX__TRY(check_foreign(family, o, err));
    if (rules.schedule == DLX__SCHEDULE_TIMES)
        DLX__TRY(check_dream(model, o, err));
    else if (o->block_length == 0)
        return dlx__fail(err, DLX_E_ARG,
                         "block_length is 0; %s decodes in blocks (its default is %d)",
                         family->name,
                         model->hp.block_length.value > 0 ? (int)model->hp.block_length.value
                                                          : family->default_block);
    return rules.seeds_blocks ? check_small_block(o, err) : DLX_OK;
}
