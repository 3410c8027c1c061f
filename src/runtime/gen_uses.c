/*
 * gen_uses.c - which options can make a difference to a run. A family has an option or not; of
 * those that it has, some are read by a few of its samplers only, and infill has no use for what
 * ends an answer.
 *
 * `steps` counts as read by every sampler of a family with a schedule: the references take it
 * beside a threshold too. So do top-k and top-p, which several families ignore at temperature 0
 * only.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "runtime/gen_options.h"

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool is_read_by(const char *option, const dlx__sampler *sampler)
{
    return sampler->reads && same(option, sampler->reads);
}

static bool is_read_in(const char *option, const dlx__family *family)
{
    for (size_t i = 0; family->samplers[i]; i++)
        if (is_read_by(option, dlx__sampler_find(family->samplers[i])))
            return true;
    return false;
}

/* Is it an option that samplers read? Then a sampler that does not name it ignores it. */
static bool is_of_samplers(const char *option)
{
    for (const dlx__family *const *f = dlx__families(); *f; f++)
        if (is_read_in(option, *f))
            return true;
    return false;
}

static bool family_has(const dlx__family *family, const char *option)
{
    dlx__rules rules = dlx__rules_of(family);
    bool times = rules.schedule == DLX__SCHEDULE_TIMES;
    const struct {
        const char *name;
        bool has;
    } options[] = {{"cfg-scale", rules.guidance},
                   {"logits-eos-inf", rules.guidance},
                   {"confidence-eos-eot-inf", rules.guidance},
                   {"eot-id", rules.guidance},
                   {"alg-temp", times},
                   {"eps", times},
                   {"small-block", rules.seeds_blocks},
                   {"block-length", !rules.autoregressive},
                   {"steps", rules.schedule != DLX__SCHEDULE_NONE && !rules.autoregressive}};
    for (size_t i = 0; i < DLX__LEN(options); i++)
        if (same(option, options[i].name))
            return options[i].has;
    return !is_of_samplers(option) || is_read_in(option, family);
}

static bool sampler_uses(const dlx__sampler *sampler, const char *option)
{
    if (same(option, "alg-temp"))
        return sampler->ranks_freely;
    if (same(option, "eps")) /* equal shares of the masks in place of the time schedule */
        return sampler != &dlx__sampler_confidence_threshold;
    if (same(option, "confidence-eos-eot-inf"))
        return sampler->measure != DLX__MEASURE_DRAW;
    return !is_of_samplers(option) || is_read_by(option, sampler);
}

/* Nothing of a text with gaps is an answer that could end. */
static bool infill_uses(const dlx_gen_opts *o, const char *option)
{
    bool ends_matter = o->logits_eos_inf || o->confidence_eos_eot_inf;
    return !same(option, "max-tokens") && !same(option, "stop") &&
           (!same(option, "eos-ids") || ends_matter);
}

static void add_name(char list[256], const char *name)
{
    size_t used = strlen(list);
    snprintf(list + used, 256 - used, "%s%s", used ? ", " : "", name);
}

dlx_result dlx__gen_family_has(const dlx__family *family, const char *option, dlx_error *err)
{
    char owners[256] = "";
    if (family_has(family, option))
        return DLX_OK;
    for (const dlx__family *const *f = dlx__families(); *f; f++)
        if (family_has(*f, option))
            add_name(owners, (*f)->name);
    return dlx__fail(err, DLX_E_ARG, "%s: expected an option of %s, found one of %s: leave it out",
                     option, family->name, owners);
}

dlx_result dlx__gen_uses(const dlx__family *family, const dlx_gen_opts *o, const char *option,
                         dlx_error *err)
{
    const dlx__sampler *sampler = dlx__gen_sampler(family, o);
    char users[256] = "";
    DLX__TRY(dlx__gen_family_has(family, option, err));
    if (o->infill && !infill_uses(o, option))
        return dlx__fail(err, DLX_E_ARG,
                         "%s: infill fills the gaps of a text, which nothing else ends: leave it "
                         "out",
                         option);
    if (sampler_uses(sampler, option))
        return DLX_OK;
    for (size_t i = 0; family->samplers[i]; i++)
        if (sampler_uses(dlx__sampler_find(family->samplers[i]), option))
            add_name(users, family->samplers[i]);
    return dlx__fail(err, DLX_E_ARG,
                     "%s: the sampler %s does not use it; leave it out, or choose a sampler of %s "
                     "that does: %s",
                     option, sampler->name, family->name, users);
}
