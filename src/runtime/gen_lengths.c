/* gen_lengths.c - do prompt, answer, blocks and steps fit together? And: dlx__gen_check itself. */
#include "base/fail.h"
#include "runtime/gen_options.h"

static dlx_result check_id(const char *what, dlx_token id, size_t n_rows, dlx_error *err)
{
    if (id >= 0 && (size_t)id < n_rows)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG, "%s %d is not in the vocabulary of %zu: ids go from 0 to %zu",
                     what, (int)id, n_rows, n_rows - 1);
}

static dlx_result check_ids(const dlx__model *model, const dlx_gen_opts *o, const dlx_token *prompt,
                            size_t n_prompt, dlx_error *err)
{
    size_t n_rows = model->hp.n_rows_vocab;
    size_t n_ids = o->allow_special ? n_rows : model->hp.n_vocab;
    for (size_t i = 0; i < n_prompt; i++)
        if (prompt[i] < 0 || (size_t)prompt[i] >= n_ids)
            return dlx__fail(err, DLX_E_ARG,
                             "id %d at position %zu of the prompt is not in the vocabulary of %zu: "
                             "ids go from 0 to %zu",
                             (int)prompt[i], i, n_ids, n_ids - 1);
    for (size_t i = 0; i < o->n_suppress; i++)
        DLX__TRY(check_id("suppressed id", o->suppress[i], n_rows, err));
    for (size_t i = 0; i < o->n_stop_ids; i++)
        DLX__TRY(check_id("stop id", o->stop_ids[i], n_rows, err));
    return o->eot_id == -1 ? DLX_OK : check_id("eot-id", o->eot_id, n_rows, err);
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
            "max-tokens: expected a multiple of the block length %zu, found %zu: use %zu, or "
            "another block length",
            block, o->max_tokens, below + block);
    size_t n_blocks = o->max_tokens / block;
    if (o->steps % n_blocks != 0)
        return dlx__fail(
            err, DLX_E_ARG,
            "steps: expected a multiple of %zu, for as many blocks (max-tokens %zu / block length "
            "%zu), found %zu: use %zu",
            n_blocks, o->max_tokens, block, o->steps, (o->steps / n_blocks + 1) * n_blocks);
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
        "steps: expected a divisor of the %zu masks, which the sampler confidence_threshold "
        "reveals in equal shares, found %zu: choose one",
        n_masks, o->steps);
}

static dlx_result check_context(const dlx__model *model, const dlx_gen_opts *o, size_t n_prompt,
                                size_t n_ctx, dlx_error *err)
{
    const char *what = o->infill ? "text with its gaps" : "prompt";
    if (n_prompt > n_ctx)
        return dlx__fail(err, DLX_E_FULL,
                         "the %s of %zu ids is longer than the context of %zu: shorten it, or take "
                         "a larger context",
                         what, n_prompt, n_ctx);
    size_t n = dlx__gen_positions(model, o, n_prompt);
    if (n > n_ctx)
        return dlx__fail(
            err, DLX_E_FULL,
            "prompt (%zu) and answer (%zu) need %zu positions, the context has %zu: ask for "
            "fewer tokens, or take a larger context",
            n_prompt, o->max_tokens, n, n_ctx);
    size_t trained = model->hp.n_ctx_train;
    if (trained && n_prompt > trained)
        return dlx__fail(err, DLX_E_FULL,
                         "the %s of %zu ids is longer than the %zu positions that the model was "
                         "trained for: shorten it",
                         what, n_prompt, trained);
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
    if (model->hp.mask_id.value < 0 && !model->family->autoregressive)
        return dlx__fail(err, DLX_E_ARG,
                         "this %s model names no mask id, so nothing can be denoised",
                         model->family->name);
    if (n_prompt == 0)
        return dlx__fail(
            err, DLX_E_ARG,
            "the %s is empty: give at least one id, such as the beginning-of-text id of "
            "the model",
            o->infill ? "text" : "prompt");
    DLX__TRY(check_ids(model, o, prompt, n_prompt, err));
    DLX__TRY(check_context(model, o, n_prompt, n_ctx, err));
    size_t n_masks = 0;
    for (size_t i = 0; i < n_prompt; i++)
        n_masks += prompt[i] == (dlx_token)model->hp.mask_id.value;
    if (o->infill && n_masks == 0)
        return dlx__fail(err, DLX_E_ARG,
                         "infill fills the masks (id %d) of a text, and this one holds none",
                         (int)model->hp.mask_id.value);
    size_t all = n_masks + (o->infill ? 0 : o->max_tokens);
    DLX__TRY(check_shares(model, o, all, err));
    bool even = model->family->visibility == DLX__VISIBLE_FULL && n_masks == 0;
    return even ? check_division(model, o, err) : DLX_OK;
}
