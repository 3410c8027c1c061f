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
        return dlx__fail(err, DLX_E_ARG, "%s: '%s' belongs to %s; choose one of %s: %s", what, name,
                         other, family->name, all);
    return dlx__fail(err, DLX_E_ARG, "%s: '%.80s' is unknown (nearest: %s); choose one of %s: %s",
                     what, name, nearest(list, name), family->name, all);
}

dlx_result dlx__gen_check_names(const dlx__family *family, const dlx_gen_opts *o, dlx_error *err)
{
    DLX__TRY(check_name(family, o->sampler, true, err));
    return check_name(family, o->cache, false, err);
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
                     {"eb-threshold", o->eb_threshold, 1e6},
                     {"cfg-scale", o->cfg_scale, 1e6},
                     {"alg-temp", o->alg_temp, 1e6},
                     {"eps", o->eps, 1.0}};
    for (size_t i = 0; i < DLX__LEN(from_zero); i++)
        if (not_within(from_zero[i].value, 0.0, from_zero[i].high))
            return dlx__fail(err, DLX_E_ARG, "%s: expected a number from 0 to %g, found %g",
                             from_zero[i].name, from_zero[i].high, from_zero[i].value);
    if (not_within(o->top_p, 0.0, 1.0) || o->top_p == 0.0)
        return dlx__fail(err, DLX_E_ARG,
                         "top-p: expected a number above 0 and at most 1 (1 is off), found %g",
                         o->top_p);
    if (o->n_stop_ids > DLX_MAX_STOP_IDS)
        return dlx__fail(err, DLX_E_ARG, "stop ids: expected at most %d, found %zu",
                         DLX_MAX_STOP_IDS, o->n_stop_ids);
    for (size_t i = 0; i < o->n_stop_texts; i++)
        if (!o->stop_texts[i] || !*o->stop_texts[i])
            return dlx__fail(err, DLX_E_ARG,
                             "stop texts: expected at least one character, found an empty text: "
                             "leave it out");
    if (o->max_tokens == 0 && !o->infill)
        return dlx__fail(err, DLX_E_ARG,
                         "max-tokens: expected at least 1, found 0 (only infill, which fills the "
                         "masks of the prompt, needs none)");
    return DLX_OK;
}

/*
 * Only what is not zero can be told from what was never set. What the family's own defaults set may
 * be something that the sampler ignores.
 */
static dlx_result check_foreign(const dlx__family *family, const dlx_gen_opts *o, dlx_error *err)
{
    const struct {
        const char *name;
        bool set, by_default;
    } options[] = {{"cfg-scale", o->cfg_scale > 0.0, false},
                   {"logits-eos-inf", o->logits_eos_inf, false},
                   {"confidence-eos-eot-inf", o->confidence_eos_eot_inf, false},
                   {"alg-temp", o->alg_temp > 0.0, false},
                   {"steps", o->steps > 0, false},
                   {"block-length", o->block_length > 0, true},
                   {"threshold", o->threshold > 0.0, true},
                   {"eot-id", o->eot_id >= 0, true},
                   {"eps", o->eps > 0.0, true},
                   {"small-block", o->small_block > 0, true},
                   {"factor", o->factor > 0.0, true},
                   {"eb-threshold", o->eb_threshold > 0.0, true}};
    for (size_t i = 0; i < DLX__LEN(options); i++) {
        if (options[i].set && options[i].by_default)
            DLX__TRY(dlx__gen_family_has(family, options[i].name, err));
        else if (options[i].set)
            DLX__TRY(dlx__gen_uses(family, o, options[i].name, err));
    }
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
            "block-length: %s decodes in blocks only with the cache prefix or dual: choose one, or "
            "leave the block length out",
            model->family->name);
    if (cached && sampler != &dlx__sampler_entropy && sampler != &dlx__sampler_confidence_threshold)
        return dlx__fail(
            err, DLX_E_ARG,
            "with a cache %s has the samplers entropy and confidence_threshold; '%s' needs "
            "the cache none",
            model->family->name, sampler->name);
    return DLX_OK;
}

static dlx_result check_left_to_right(const dlx__family *family, const dlx_gen_opts *o,
                                      dlx_error *err)
{
    if (!o->infill)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "infill: %s is autoregressive: it writes from left to right and fills no gap; "
                     "take a diffusion model",
                     family->name);
}

static dlx_result check_small_block(const dlx_gen_opts *o, dlx_error *err)
{
    if (o->small_block > 0 && o->block_length % o->small_block == 0)
        return DLX_OK;
    return dlx__fail(
        err, DLX_E_ARG,
        "small-block: expected a divisor of the block length %zu, found %zu: choose one",
        o->block_length, o->small_block);
}

dlx_result dlx__gen_check_family(const dlx__model *model, const dlx_gen_opts *o, dlx_error *err)
{
    const dlx__family *family = model->family;
    dlx__rules rules = dlx__rules_of(family);
    DLX__TRY(dlx__gen_check_names(family, o, err));
    DLX__TRY(check_foreign(family, o, err));
    if (rules.autoregressive)
        return check_left_to_right(family, o, err);
    if (rules.schedule == DLX__SCHEDULE_TIMES)
        DLX__TRY(check_dream(model, o, err));
    else if (o->block_length == 0)
        return dlx__fail(err, DLX_E_ARG,
                         "block-length: expected at least 1, found 0; %s decodes in blocks (its "
                         "default is %d)",
                         family->name,
                         model->hp.block_length.value > 0 ? (int)model->hp.block_length.value
                                                          : family->default_block);
    return rules.seeds_blocks ? check_small_block(o, err) : DLX_OK;
}
