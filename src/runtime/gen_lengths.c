/* gen_lengths.c - do prompt, answer, blocks and steps fit together? And: dlx__gen_check itself. */
#include "base/fail.h"
#include "runtime/gen_options.h"

static dlx_result check_ids(const dlx__model *model, const dlx_gen_opts *o, const dlx_token *prompt,
                            size_t n_prompt, dlx_error *err)
{
    size_t n_rows = model->hp.n_rows_vocab;
    size_t n_ids = o->allow_special ? n_rows : model->hp.n_vocab;
    for (size_t i = 0; i < n_prompt; i++)
        if (prompt[i] < 0 || (size_t)prompt[i] >= n_ids)
            return dlx__fail(err, DLX_E_ARG,
                             "id %d at position %zu of the prompt is not in the vocabulary of %zu",
                             (int)prompt[i], i, n_ids);
    for (size_t i = 0; i < o->n_suppress; i++)
        if (o->suppress[i] < 0 || (size_t)o->suppress[i] >= n_rows)
            return dlx__fail(err, DLX_E_ARG, "suppressed id %d is not in the vocabulary of %zu",
                             (int)o->suppress[i], n_rows);
    for (size_t i = 0; i < o->n_stop_ids; i++)
        if (o->stop_ids[i] < 0 || (size_t)o->stop_ids[i] >= n_rows)
            return dlx__fail(err, DLX_E_ARG, "stop id %d is not in the vocabulary of %zu",
                             (int)o->stop_ids[i], n_rows);
    return DLX_OK;
}

/* Blocks and steps of an answer that is all masks; the references assert the same. */
static dlx_result check_division(const dlx__model *model, const dlx_gen_opts *o, dlx_error *err)
{
    size_t block = dlx__gen_block(model, o);
    if (block == 0)
        return DLX_OK;
    size_t below = o->max_tokens / block * block;
    if (below != o->max_tokens)
        return dlx__fail(
            err, DLX_E_ARG,
            "max_tokens %zu is not a multiple of the block length %zu: use %zu, or another "
            "block length",
            o->max_tokens, block, below + block);
    size_t n_blocks = o->max_tokens / block;
    if (o->steps % n_blocks != 0)
        return dlx__fail(
            err, DLX_E_ARG,
            "%zu steps do not spread evenly over %zu blocks (max_tokens %zu / block length "
            "%zu): use a multiple of %zu",
            o->steps, n_blocks, o->max_tokens, block, n_blocks);
    return DLX_OK;
}

/* Dream's confidence_threshold over the whole sequence plans masks / steps for each pass. */
static dlx_result check_shares(const dlx__model *model, const dlx_gen_opts *o, size_t n_masks,
                               dlx_error *err)
{
    const dlx__sampler *sampler = dlx__gen_sampler(model->family, o);
    if (sampler != &dlx__sampler_confidence_threshold || dlx__gen_block(model, o) > 0 ||
        o->steps == 0 || n_masks % o->steps == 0)
        return DLX_OK;
    return dlx__fail(
        err, DLX_E_ARG,
        "confidence_threshold reveals %zu masks in %zu equal shares: choose steps that "
        "divide the masks",
        n_masks, o->steps);
}

static dlx_result check_context(const dlx__model *model, const dlx_gen_opts *o, size_t n_prompt,
                                size_t n_ctx, dlx_error *err)
{
    if (n_prompt > n_ctx)
        return dlx__fail(
            err, DLX_E_FULL,
            "the prompt of %zu ids is longer than the context of %zu: shorten it, or open "
            "the session with a larger context",
            n_prompt, n_ctx);
    size_t n = dlx__gen_positions(model, o, n_prompt);
    if (n > n_ctx)
        return dlx__fail(
            err, DLX_E_FULL,
            "prompt (%zu) and answer (%zu) need %zu positions, the context has %zu: ask for "
            "fewer tokens, or open the session with a larger context",
            n_prompt, o->max_tokens, n, n_ctx);
    size_t trained = model->hp.n_ctx_train;
    if (trained && n_prompt > trained)
        return dlx__fail(
            err, DLX_E_FULL,
            "the prompt of %zu ids is longer than the %zu positions that the model was "
            "trained for: shorten it",
            n_prompt, trained);
    if (trained && n > trained)
        return dlx__fail(
            err, DLX_E_FULL,
            "prompt (%zu) and answer (%zu) need %zu positions with this block length, the model "
            "was trained for %zu: ask for fewer tokens or smaller blocks",
            n_prompt, o->max_tokens, n, trained);
    return DLX_OK;
}

dlx_result dlx__gen_check(const dlx__model *model, const dlx_gen_opts *o, const dlx_token *prompt,
                          size_t n_prompt, size_t n_ctx, dlx_error *err)
{
    DLX__TRY(dlx__gen_check_numbers(o, err));
    DLX__TRY(dlx__gen_check_family(model, o, err));
    if (model->hp.mask_id.value < 0)
        return dlx__fail(err, DLX_E_ARG,
                         "this %s model names no mask id, so nothing can be denoised",
                         model->family->name);
    if (n_prompt == 0)
        return dlx__fail(
            err, DLX_E_ARG,
            "the prompt is empty: give at least one id, such as the beginning-of-text id of "
            "the model");
    DLX__TRY(check_ids(model, o, prompt, n_prompt, err));
    DLX__TRY(check_context(model, o, n_prompt, n_ctx, err));
    size_t n_masks = 0;
    for (size_t i = 0; i < n_prompt; i++)
        n_masks += prompt[i] == (dlx_token)model->hp.mask_id.value;
    if (o->infill && n_masks == 0)
        return dlx__fail(err, DLX_E_ARG,
                         "infill fills the masks (id %d) of the prompt, and it holds none",
                         (int)model->hp.mask_id.value);
    size_t all = n_masks + (o->infill ? 0 : o->max_tokens);
    DLX__TRY(check_shares(model, o, all, err));
    bool even = model->family->visibility == DLX__VISIBLE_FULL && n_masks == 0;
    return even ? check_division(model, o, err) : DLX_OK;
}
