/* hparams.c - relations between a model's numbers, and ids that the files leave to the family. */
#include "model/hparams.h"

#include "base/fail.h"
#include "model/limits.h"

static const dlx__fact nothing = {-1, "none"};

void dlx__hparams_init(dlx__hparams *hp)
{
    *hp = (dlx__hparams){.block_length = nothing,
                         .small_block = nothing,
                         .mask_id = nothing,
                         .bos_id = nothing,
                         .eot_id = nothing,
                         .stop_from = "none"};
}

dlx_result dlx__hparams_check(dlx__hparams *hp, const char *file, dlx_error *err)
{
    if (hp->n_heads % hp->n_heads_kv != 0)
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected the number of attention heads to be a multiple of the "
            "key/value heads, found %zu and %zu; use the file that came with the weights",
            file, hp->n_heads, hp->n_heads_kv);
    if (hp->head_dim == 0 && hp->n_embd % hp->n_heads != 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a head width, or a model width that the heads divide; found "
                         "width %zu and %zu heads; name the head width",
                         file, hp->n_embd, hp->n_heads);
    if (hp->head_dim == 0)
        hp->head_dim = hp->n_embd / hp->n_heads;
    if (hp->head_dim % 2 != 0 || hp->head_dim > DLX__MAX_HEAD_DIM)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected an even head width of at most %d (RoPE turns pairs), found "
                         "%zu; use the file that came with the weights",
                         file, DLX__MAX_HEAD_DIM, hp->head_dim);
    if (hp->n_vocab > hp->n_rows_vocab)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected an embedding table of at least vocab_size rows, found "
                         "vocab_size %zu and %zu rows; use the file that came with the weights",
                         file, hp->n_vocab, hp->n_rows_vocab);
    return DLX_OK;
}

const char *dlx__stop_origin(unsigned origins)
{
    static const char *const texts[8] = {
        "none",
        "configuration eos_token_id",
        "generation_config.json eos_token_id",
        "configuration and generation_config.json eos_token_id",
        "family end ids",
        "configuration eos_token_id, family end ids",
        "generation_config.json eos_token_id, family end ids",
        "configuration and generation_config.json eos_token_id, family end ids",
    };
    return texts[origins & 7u];
}

bool dlx__hparams_add_stop(dlx__hparams *hp, int64_t id)
{
    for (size_t i = 0; i < hp->n_stop_ids; i++)
        if (hp->stop_ids[i] == id)
            return true;
    if (hp->n_stop_ids == DLX__MAX_STOP_IDS)
        return false;
    hp->stop_ids[hp->n_stop_ids++] = (int32_t)id;
    return true;
}

static dlx_result finish_mask(dlx__hparams *hp, const dlx__family *f, const char *file,
                              dlx_error *err)
{
    if (hp->mask_id.value < 0 && f->ids.mask_id < (int64_t)hp->n_vocab)
        hp->mask_id = (dlx__fact){f->ids.mask_id, "family default"};
    if (hp->mask_id.value >= 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected a mask_token_id, found none (and the usual %lld of %s lies "
                     "outside the vocabulary of %zu ids); add mask_token_id",
                     file, (long long)f->ids.mask_id, f->name, hp->n_vocab);
}

dlx_result dlx__hparams_finish_ids(dlx__hparams *hp, const dlx__family *f, unsigned origins,
                                   const char *file, dlx_error *err)
{
    const dlx__special_ids *ids = &f->ids;
    int64_t n_vocab = (int64_t)hp->n_vocab;
    if (!f->autoregressive)
        DLX__TRY(finish_mask(hp, f, file, err));
    if (hp->eot_id.value < 0 && ids->eot_id >= 0 && ids->eot_id < n_vocab)
        hp->eot_id = (dlx__fact){ids->eot_id, "family default"};

    size_t n_before = hp->n_stop_ids;
    bool fits = hp->eot_id.value < 0 || dlx__hparams_add_stop(hp, hp->eot_id.value);
    for (size_t i = 0; i < DLX__LEN(ids->stop_ids) && ids->stop_ids[i] >= 0; i++)
        if (ids->stop_ids[i] < n_vocab)
            fits = dlx__hparams_add_stop(hp, ids->stop_ids[i]) && fits;
    if (!fits)
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected at most %d stop ids with those of the family %s, found more; "
            "shorten eos_token_id",
            file, DLX__MAX_STOP_IDS, f->name);
    if (hp->n_stop_ids > n_before)
        origins |= DLX__STOP_DEFAULT;
    hp->stop_from = dlx__stop_origin(origins);
    return DLX_OK;
}

void dlx__hparams_set_block(dlx__hparams *hp, size_t b, const char *from, size_t default_block)
{
    if (b == 0)
        hp->block_length = (dlx__fact){(int64_t)default_block, "family default"};
    else
        hp->block_length = (dlx__fact){(int64_t)b, from};
}
