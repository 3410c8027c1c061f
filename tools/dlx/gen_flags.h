/*
 * gen_flags.h - the options of generation, spelled as the models' references spell them. Shared by
 * run, chat, infill and eval. What is not given stays the model's own default; what is given must
 * be of use to the model and the sampler.
 */
#ifndef DLX_TOOL_GEN_FLAGS_H
#define DLX_TOOL_GEN_FLAGS_H

#include "opt.h"

#include <dlx/dlx.h>

/* The first N_LENGTH_ROWS say how long an answer may be: a text with gaps has no use for them. */
enum { N_GEN_ROWS = 23, N_LENGTH_ROWS = 2 };

typedef struct gen_flags {
    opt_count max_tokens, block_length, small_block, steps, top_k, seed, eot_id;
    opt_real threshold, factor, eb_threshold, cfg_scale, alg_temp, eps, temperature, top_p;
    const char *sampler, *cache;
    bool logits_eos_inf, confidence_eos_eot_inf, allow_special;
    opt_ids eos_ids;
    opt_ranges suppress;
    opt_texts stop;
    opt_source sources[N_GEN_ROWS];
} gen_flags;

extern const opt gen_rows[N_GEN_ROWS];

/* The rows from `first` on as the table of a verb whose settings hold a gen_flags called `gen`. */
#define GEN_TABLE(settings, first)                                                                 \
    {                                                                                              \
        .heading = "Generation", .rows = gen_rows + (first), .n = N_GEN_ROWS - (first),            \
        .base = offsetof(settings, gen), .from_env = true,                                         \
        .sources = offsetof(settings, gen.sources[first])                                          \
    }

/* The row of an option, for others who set the same thing (chat's /temp). */
const opt *gen_row(const char *name);

typedef struct gen_plan {
    dlx_gen_opts opts;
    dlx_token *suppress; /* owned */
} gen_plan;

/* The model's defaults with the flags on top. False, with a sentence, for what cannot be. */
bool gen_plan_init(gen_plan *plan, const dlx_model *model, const gen_flags *flags, bool infill);
void gen_plan_release(gen_plan *plan);

/* Samplers and caches by family: for help texts. */
void gen_help(bytes *out);

#endif
