/*
 * gen_options.h - what a family's decoding rules are, and the options as the decode loops need
 * them.
 */
#ifndef DLX__GEN_OPTIONS_H
#define DLX__GEN_OPTIONS_H

#include "runtime/engine.h"
#include "runtime/sampler/filter.h"
#include "runtime/sampler/sampler.h"

/* How many positions a pass reveals. */
typedef enum {
    DLX__SCHEDULE_NONE,  /* Fast-dLLM v2: the threshold alone decides */
    DLX__SCHEDULE_EVEN,  /* LLaDA: the block's masks spread evenly over its steps */
    DLX__SCHEDULE_TIMES, /* Dream: shares of linspace(1, eps) */
    DLX__SCHEDULE_BLOCK, /* SDAR: the block length spread evenly over its steps */
    DLX__SCHEDULE_NEXT   /* autoregressive: one */
} dlx__schedule;

/* Read off the family's description, so that a new family needs no entry here. */
typedef struct dlx__rules {
    bool block_causal;
    bool shift;
    bool seeds_blocks;
    bool autoregressive; /* and block_causal, with blocks of 1 */
    dlx__schedule schedule;
    bool guidance;         /* cfg_scale and the EOS options */
    bool gumbel_max;       /* noise on the logits, confidence from the plain softmax */
    bool filters_greedily; /* top-k and top-p count at temperature 0 too */
    bool strict;           /* conf > threshold instead of >= */
    dlx__filter_order order;
} dlx__rules;

dlx__rules dlx__rules_of(const dlx__family *family);

typedef enum {
    DLX__CACHE_EXACT,
    DLX__CACHE_NONE,
    DLX__CACHE_PREFIX,
    DLX__CACHE_DUAL,
    DLX__CACHE_SUBBLOCK,
    DLX__N_CACHE_MODES
} dlx__cache_mode;

/* Null names mean the family's default; both names must have been checked. */
dlx__cache_mode dlx__gen_cache(const dlx__family *family, const dlx_gen_opts *opts);
const dlx__sampler *dlx__gen_sampler(const dlx__family *family, const dlx_gen_opts *opts);

/*
 * The block length in effect; 0: none. Autoregressive families have 1. Bidirectional families
 * without a cache of blocks have none or use one block where the answer is shorter than it.
 */
size_t dlx__gen_block(const dlx__model *model, const dlx_gen_opts *opts);

bool dlx__name_in(const char *const *list, const char *name);

/* The numbers alone: temperature, top-p, thresholds ... are in their ranges. */
dlx_result dlx__gen_check_numbers(const dlx_gen_opts *opts, dlx_error *err);

/* The sampler and the cache are the family's. */
dlx_result dlx__gen_check_names(const dlx__family *family, const dlx_gen_opts *opts,
                                dlx_error *err);

/* The same, and so is every option that is set. */
dlx_result dlx__gen_check_family(const dlx__model *model, const dlx_gen_opts *opts, dlx_error *err);

/* Refuses, in a sentence that names who has it, an option ("alg-temp") that the family lacks. */
dlx_result dlx__gen_family_has(const dlx__family *family, const char *option, dlx_error *err);

/* The same for one that the sampler or the kind of run ignores. Names must have been checked. */
dlx_result dlx__gen_uses(const dlx__family *family, const dlx_gen_opts *opts, const char *option,
                         dlx_error *err);

#endif
