/* gen_options.c - decoding rules of a family, effective defaults, and the lengths that follow. */
#include "runtime/gen_options.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_TOKENS = 128, DEFAULT_CACHED_BLOCK = 32 };

/* The smallest decimal that a family's float stands for: 0.9f becomes 0.9 and is printed so. */
static double decimal(float value)
{
    return round((double)value * 1e6) / 1e6;
}

dlx__rules dlx__rules_of(const dlx__family *family)
{
    dlx__rules r = {.block_causal = family->visibility == DLX__VISIBLE_BLOCK_CAUSAL,
                    .shift = family->shift,
                    .seeds_blocks = family->seeds_blocks,
                    .autoregressive = family->autoregressive};
    /* Bidirectional models with a shift descend from an autoregressive one and decode as Dream
     * does. */
    bool dream = !r.block_causal && r.shift;
    bool llada = !r.block_causal && !r.shift;
    if (r.autoregressive)
        r.schedule = DLX__SCHEDULE_NEXT;
    else if (r.block_causal)
        r.schedule = r.seeds_blocks ? DLX__SCHEDULE_NONE : DLX__SCHEDULE_BLOCK;
    else
        r.schedule = dream ? DLX__SCHEDULE_TIMES : DLX__SCHEDULE_EVEN;
    r.guidance = llada;
    r.gumbel_max = llada;
    r.filters_greedily = dream;
    r.strict = r.block_causal;
    r.order = r.block_causal ? DLX__TOP_K_FIRST : DLX__TOP_P_FIRST;
    return r;
}

bool dlx__name_in(const char *const *list, const char *name)
{
    for (size_t i = 0; list[i]; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

void dlx__gen_defaults(const dlx__model *model, dlx_gen_opts *opts)
{
    const dlx__family *family = model->family;
    const dlx__hparams *hp = &model->hp;
    dlx__rules rules = dlx__rules_of(family);
    *opts = (dlx_gen_opts){.size = sizeof *opts,
                           .max_tokens = DEFAULT_TOKENS,
                           .sampler = family->samplers[0],
                           .cache = family->caches[0],
                           .threshold = decimal(family->threshold),
                           .top_p = 1.0,
                           .eot_id = (dlx_token)hp->eot_id.value};
    opts->block_length = (size_t)(hp->block_length.value > 0 ? hp->block_length.value
                                                             : (int64_t)family->default_block);
    if (rules.seeds_blocks && hp->small_block.value > 0)
        opts->small_block = (size_t)hp->small_block.value;
    if (dlx__name_in(family->samplers, "factor"))
        opts->factor = 1.0;
    if (dlx__name_in(family->samplers, "entropy_bounded"))
        opts->eb_threshold = 0.35;
    if (rules.schedule == DLX__SCHEDULE_TIMES)
        opts->eps = 1e-3;
    opts->n_stop_ids = dlx__min(hp->n_stop_ids, DLX_MAX_STOP_IDS);
    for (size_t i = 0; i < opts->n_stop_ids; i++)
        opts->stop_ids[i] = hp->stop_ids[i];
}

const dlx__sampler *dlx__gen_sampler(const dlx__family *family, const dlx_gen_opts *opts)
{
    return dlx__sampler_find(opts->sampler ? opts->sampler : family->samplers[0]);
}

dlx__cache_mode dlx__gen_cache(const dlx__family *family, const dlx_gen_opts *opts)
{
    static const char *const names[DLX__N_CACHE_MODES] = {[DLX__CACHE_EXACT] = "exact",
                                                          [DLX__CACHE_NONE] = "none",
                                                          [DLX__CACHE_PREFIX] = "prefix",
                                                          [DLX__CACHE_DUAL] = "dual",
                                                          [DLX__CACHE_SUBBLOCK] = "subblock"};
    const char *name = opts->cache ? opts->cache : family->caches[0];
    for (int i = 0; i < DLX__N_CACHE_MODES; i++)
        if (strcmp(names[i], name) == 0)
            return (dlx__cache_mode)i;
    return DLX__CACHE_NONE;
}

size_t dlx__gen_block(const dlx__model *model, const dlx_gen_opts *opts)
{
    dlx__rules rules = dlx__rules_of(model->family);
    size_t block = opts->block_length;
    if (rules.autoregressive)
        return 1;
    if (rules.block_causal)
        return block;
    if (rules.schedule == DLX__SCHEDULE_TIMES) {
        if (dlx__gen_cache(model->family, opts) == DLX__CACHE_NONE)
            return 0;
        block = block ? block : DEFAULT_CACHED_BLOCK;
    }
    return opts->infill ? block : dlx__min(block, opts->max_tokens);
}

/*
 * Block-causal families decode whole blocks. Where a block's first token is the arg-max of the
 * commit before it and nothing else of that block is asked for, the block is not decoded.
 */
size_t dlx__gen_positions(const dlx__model *model, const dlx_gen_opts *opts, size_t n_prompt)
{
    dlx__rules rules = dlx__rules_of(model->family);
    if (opts->infill)
        return n_prompt;
    size_t n = dlx__add(n_prompt, opts->max_tokens);
    size_t block = dlx__gen_block(model, opts);
    if (!rules.block_causal || block == 0 || n % block == 0)
        return n;
    if (rules.seeds_blocks && n % block == 1)
        return n;
    return dlx__add(n, block - n % block);
}
