/* gen_flags.c - the options of generation. */
#include "gen_flags.h"

#include "input.h"

#include <dlx/tools.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 64 };

/* The union of a list that each family has its own of: for completion and for catching typing
 * errors. */
static const char *const *union_names(const char **names, const char *const *(*of)(const char *))
{
    size_t n = 0;
    for (size_t f = 0; dlx_family_name(f); f++) {
        for (const char *const *name = of(dlx_family_name(f)); name && *name; name++) {
            size_t i = 0;
            while (i < n && strcmp(names[i], *name) != 0)
                i++;
            if (i == n && n + 1 < MAX_NAMES)
                names[n++] = *name;
        }
    }
    names[n] = NULL;
    return names;
}

static const char *const *sampler_names(void)
{
    static const char *names[MAX_NAMES];
    return union_names(names, dlx_sampler_names);
}

static const char *const *cache_names(void)
{
    static const char *names[MAX_NAMES];
    return union_names(names, dlx_cache_names);
}

#define AT(field) offsetof(gen_flags, field)
#define MODELS_OWN "the model's"
#define MANY (1u << 24)

const opt gen_rows[N_GEN_ROWS] = {
    {"max-tokens", OPT_COUNT, AT(max_tokens), "N", .help = "tokens to generate",
     .fallback = MODELS_OWN, .lo = 1, .hi = MANY, .letter = 'n'},
    {"stop", OPT_TEXTS, AT(stop), "TEXT", .help = "end before TEXT; may be given again",
     .fallback = "none"},
    {"block-length", OPT_COUNT, AT(block_length), "B", .help = "tokens of a block",
     .fallback = MODELS_OWN, .lo = 1, .hi = MANY},
    {"small-block", OPT_COUNT, AT(small_block), "S", .help = "tokens of a sub-block (Fast-dLLM v2)",
     .fallback = "8", .lo = 1, .hi = MANY},
    {"steps", OPT_COUNT, AT(steps), "N", .help = "denoising passes: an answer's, SDAR: a block's",
     .fallback = MODELS_OWN, .lo = 1, .hi = MANY},
    {"sampler", OPT_CHOICE, AT(sampler), "NAME", .help = "how masks are chosen; listed below",
     .fallback = MODELS_OWN, .choices = sampler_names},
    {"threshold", OPT_REAL, AT(threshold), "C", .help = "confidence that unmasks a token",
     .fallback = MODELS_OWN, .min = 0, .max = 1},
    {"factor", OPT_REAL, AT(factor), "F", .help = "of the sampler factor (LLaDA)",
     .fallback = MODELS_OWN, .min = 0, .max = 1e9},
    {"eb-threshold", OPT_REAL, AT(eb_threshold), "G",
     .help = "of the sampler entropy_bounded (SDAR)", .fallback = MODELS_OWN, .min = 0, .max = 1e9},
    {"cache", OPT_CHOICE, AT(cache), "MODE", .help = "what is kept between passes; listed below",
     .fallback = MODELS_OWN, .choices = cache_names},
    {"temperature", OPT_REAL, AT(temperature), "T", .help = "randomness of the choice; 0 is greedy",
     .fallback = "0", .min = 0, .max = 1e3},
    {"top-k", OPT_COUNT, AT(top_k), "K", .help = "choose among the K best; 0 is off",
     .fallback = "0", .hi = INT32_MAX},
    {"top-p", OPT_REAL, AT(top_p), "P", .help = "choose among the best that sum to P; 1 is off",
     .fallback = "1", .min = 0, .max = 1, .above = true},
    {"seed", OPT_COUNT, AT(seed), "N", .help = "of the random numbers", .fallback = "0",
     .hi = UINT64_MAX},
    {"cfg-scale", OPT_REAL, AT(cfg_scale), "S",
     .help = "classifier-free guidance (LLaDA); 0 is off", .fallback = "0", .min = 0, .max = 1e3},
    {"logits-eos-inf", OPT_FLAG, AT(logits_eos_inf), .help = "never choose the end (LLaDA)"},
    {"confidence-eos-eot-inf", OPT_FLAG, AT(confidence_eos_eot_inf),
     .help = "choose the ends last (LLaDA)"},
    {"alg-temp", OPT_REAL, AT(alg_temp), "A", .help = "randomness of the order (Dream); 0 is off",
     .fallback = "0", .min = 0, .max = 1e3},
    {"eps", OPT_REAL, AT(eps), "E", .help = "end of the time schedule (Dream)",
     .fallback = MODELS_OWN, .min = 0, .max = 1},
    {"eos-ids", OPT_IDS, AT(eos_ids), "A,B", .help = "ids that end the answer, or none",
     .fallback = MODELS_OWN},
    {"eot-id", OPT_COUNT, AT(eot_id), "N", .help = "id of the end of a turn (LLaDA)",
     .fallback = MODELS_OWN, .hi = INT32_MAX},
    {"suppress", OPT_RANGES, AT(suppress), "3,10-19",
     .help = "ids never to choose, beside the defaults", .fallback = "none"},
    {"allow-special", OPT_FLAG, AT(allow_special),
     .help = "let mask and padding ids be chosen, as the references do"},
};

const opt *gen_row(const char *name)
{
    for (size_t i = 0; i < N_GEN_ROWS; i++)
        if (strcmp(gen_rows[i].name, name) == 0)
            return &gen_rows[i];
    return NULL;
}

static void take_count(size_t *out, opt_count in)
{
    if (in.given)
        *out = (size_t)in.value;
}

static void take_real(double *out, opt_real in)
{
    if (in.given)
        *out = in.value;
}

static bool take_stop_ids(dlx_gen_opts *opts, const opt_ids *in)
{
    if (!in->given)
        return true;
    if (in->list.n > DLX_MAX_STOP_IDS) {
        say("--eos-ids names %zu ids; %d is the most", in->list.n, DLX_MAX_STOP_IDS);
        return false;
    }
    for (size_t i = 0; i < in->list.n; i++)
        opts->stop_ids[i] = in->list.items[i];
    opts->n_stop_ids = in->list.n;
    return true;
}

/* Ranges become single ids only here, where the vocabulary bounds how many there can be. */
static bool take_suppressed(gen_plan *plan, const dlx_model *model, const range_list *ranges)
{
    dlx_model_info info;
    dlx_model_get_info(model, &info);
    size_t n = 0;
    for (size_t i = 0; i < ranges->n; i++) {
        size_t last = (size_t)ranges->items[i].last;
        if (last >= info.n_vocab_rows) {
            say("--suppress names id %zu; the vocabulary of %s ends at %zu", last, info.path,
                info.n_vocab_rows ? info.n_vocab_rows - 1 : 0);
            return false;
        }
        n += last - (size_t)ranges->items[i].first + 1;
    }
    plan->suppress = mem_resize(NULL, n, sizeof *plan->suppress);
    n = 0;
    for (size_t i = 0; i < ranges->n; i++)
        for (dlx_token id = ranges->items[i].first; id <= ranges->items[i].last; id++)
            plan->suppress[n++] = id;
    plan->opts.suppress = plan->suppress;
    plan->opts.n_suppress = n;
    return true;
}

/* What was asked for must be of use, whatever its value; dlx_generate cannot tell. */
static bool are_of_use(const dlx_model *model, const dlx_gen_opts *opts, const gen_flags *flags)
{
    dlx_error err;
    for (size_t i = 0; i < N_GEN_ROWS; i++) {
        if (flags->sources[i] == OPT_DEFAULT ||
            dlx_gen_uses(model, opts, gen_rows[i].name, &err) == DLX_OK)
            continue;
        bytes name = {0};
        opt_env_name(&gen_rows[i], &name);
        if (flags->sources[i] == OPT_FROM_ENV)
            say("%s in the environment: %s", name.data, err.text);
        else
            say("--%s", err.text); /* which begins with the option's name */
        bytes_release(&name);
        return false;
    }
    return true;
}

bool gen_plan_init(gen_plan *plan, const dlx_model *model, const gen_flags *flags, bool infill)
{
    dlx_gen_opts *o = &plan->opts;
    *plan = (gen_plan){0};
    dlx_gen_init(model, o);
    o->infill = infill;
    take_count(&o->max_tokens, flags->max_tokens);
    take_count(&o->block_length, flags->block_length);
    take_count(&o->small_block, flags->small_block);
    take_count(&o->steps, flags->steps);
    take_count(&o->top_k, flags->top_k);
    take_real(&o->threshold, flags->threshold);
    take_real(&o->factor, flags->factor);
    take_real(&o->eb_threshold, flags->eb_threshold);
    take_real(&o->cfg_scale, flags->cfg_scale);
    take_real(&o->alg_temp, flags->alg_temp);
    take_real(&o->eps, flags->eps);
    take_real(&o->temperature, flags->temperature);
    take_real(&o->top_p, flags->top_p);
    if (flags->sampler)
        o->sampler = flags->sampler;
    if (flags->cache)
        o->cache = flags->cache;
    if (flags->seed.given)
        o->seed = flags->seed.value;
    if (flags->eot_id.given)
        o->eot_id = (dlx_token)flags->eot_id.value;
    o->logits_eos_inf = flags->logits_eos_inf;
    o->confidence_eos_eot_inf = flags->confidence_eos_eot_inf;
    o->allow_special = flags->allow_special;
    for (size_t i = 0; i < flags->stop.n; i++)
        if (!input_is_utf8("--stop", flags->stop.items[i], strlen(flags->stop.items[i])))
            return false;
    o->stop_texts = flags->stop.items;
    o->n_stop_texts = flags->stop.n;
    return are_of_use(model, o, flags) && take_stop_ids(o, &flags->eos_ids) &&
           take_suppressed(plan, model, &flags->suppress.list);
}

void gen_plan_release(gen_plan *plan)
{
    free(plan->suppress);
    *plan = (gen_plan){0};
}

static void names_row(bytes *out, const char *family, const char *const *names)
{
    bytes_printf(out, "  %-14s", family);
    for (; names && *names; names++)
        bytes_printf(out, " %s", *names);
    bytes_text(out, "\n");
}

void gen_help(bytes *out)
{
    bytes_text(out, "\nSamplers by family\n");
    for (size_t f = 0; dlx_family_name(f); f++)
        names_row(out, dlx_family_name(f), dlx_sampler_names(dlx_family_name(f)));
    bytes_text(out, "\nCaches by family\n");
    for (size_t f = 0; dlx_family_name(f); f++)
        names_row(out, dlx_family_name(f), dlx_cache_names(dlx_family_name(f)));
    bytes_text(
        out,
        "\nAn option that the family does not have, or that the chosen sampler does not use, is "
        "refused.\ndlx inspect MODEL shows the defaults of a model and where each comes from.\n");
}
