/*
 * hf_ids.c - special ids of a Hugging Face directory. Configs are incomplete here: Fast-dLLM v2
 * names its mask only among the added tokens, SDAR its stop ids only in generation_config.json.
 */
#include "base/fail.h"
#include "model/hf_config.h"

#include <stdio.h>
#include <string.h>

static bool is_id(const dlx__hparams *hp, const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 &&
           json_integer_value(value) < (json_int_t)hp->n_vocab;
}

static dlx_result not_an_id(const dlx__hparams *hp, const char *file, const char *key,
                            const json_t *value, dlx_error *err)
{
    char found[40] = "something else";
    if (json_is_integer(value))
        snprintf(found, sizeof found, "%lld", (long long)json_integer_value(value));
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected %s to be an id below the vocabulary size %zu, found %s; correct "
                     "the file or take the one that came with the weights",
                     file, key, hp->n_vocab, found);
}

/* An id that may be absent or null. */
static dlx_result read_id(dlx__fact *fact, const dlx__hparams *hp, dlx__json_obj o, const char *key,
                          const char *from, dlx_error *err)
{
    if (!o.json || !dlx__json_has(o, key))
        return DLX_OK;
    const json_t *value = json_object_get(o.json, key);
    if (!is_id(hp, value))
        return not_an_id(hp, o.path, key, value, err);
    *fact = (dlx__fact){json_integer_value(value), from};
    return DLX_OK;
}

static dlx_result add_stop(dlx__hparams *hp, const char *file, const json_t *value, dlx_error *err)
{
    if (!is_id(hp, value))
        return not_an_id(hp, file, "eos_token_id", value, err);
    if (!dlx__hparams_add_stop(hp, json_integer_value(value)))
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected at most %d different ids in eos_token_id, found more; shorten "
            "the list",
            file, DLX__MAX_STOP_IDS);
    return DLX_OK;
}

/* eos_token_id: absent, null, an id, or a list of ids. Sets `origin` in *origins when it gave one.
 */
static dlx_result read_stops(dlx__hparams *hp, dlx__json_obj o, unsigned origin, unsigned *origins,
                             dlx_error *err)
{
    if (!o.json || !dlx__json_has(o, "eos_token_id"))
        return DLX_OK;
    const json_t *value = json_object_get(o.json, "eos_token_id");
    *origins |= origin;
    if (!json_is_array(value))
        return add_stop(hp, o.path, value, err);
    for (size_t i = 0; i < json_array_size(value); i++)
        DLX__TRY(add_stop(hp, o.path, json_array_get(value, i), err));
    return DLX_OK;
}

/* The id of an added token by its text; -1 when neither file has it inside the vocabulary. */
static dlx__fact find_added(const dlx__hparams *hp, const dlx__hf_source *src, const char *text)
{
    const json_t *id = json_object_get(src->added_tokens, text);
    if (is_id(hp, id))
        return (dlx__fact){json_integer_value(id), "added_tokens.json"};
    json_t *decoder = json_object_get(src->tokenizer_config, "added_tokens_decoder");
    const char *key = NULL;
    json_t *entry = NULL;
    json_object_foreach(decoder, key, entry)
    {
        const char *content = json_string_value(json_object_get(entry, "content"));
        if (!content || strcmp(content, text) != 0)
            continue;
        size_t value = 0;
        size_t n = strspn(key, "0123456789");
        for (size_t i = 0; i < n && value < hp->n_vocab; i++)
            value = value * 10 + (size_t)(key[i] - '0');
        if (n > 0 && key[n] == '\0' && value < hp->n_vocab)
            return (dlx__fact){(int64_t)value, "tokenizer_config.json added_tokens_decoder"};
    }
    return (dlx__fact){-1, "none"};
}

static dlx_result read_mask(dlx__hparams *hp, const dlx__hf_source *src, const dlx__family *f,
                            dlx_error *err)
{
    DLX__TRY(
        read_id(&hp->mask_id, hp, src->config, "mask_token_id", "config.json mask_token_id", err));
    for (size_t i = 0; hp->mask_id.value < 0 && f->ids.mask_names[i]; i++)
        hp->mask_id = find_added(hp, src, f->ids.mask_names[i]);
    return DLX_OK;
}

dlx_result dlx__hf_read_ids(dlx__hparams *hp, const dlx__hf_source *src, const dlx__family *f,
                            dlx_error *err)
{
    if (!f->autoregressive)
        DLX__TRY(read_mask(hp, src, f, err));
    if (f->ids.eot_name)
        hp->eot_id = find_added(hp, src, f->ids.eot_name);

    DLX__TRY(read_id(&hp->bos_id, hp, src->generation, "bos_token_id",
                     "generation_config.json bos_token_id", err));
    DLX__TRY(
        read_id(&hp->bos_id, hp, src->config, "bos_token_id", "config.json bos_token_id", err));

    unsigned origins = 0;
    DLX__TRY(read_stops(hp, src->config, DLX__STOP_CONFIG, &origins, err));
    DLX__TRY(read_stops(hp, src->generation, DLX__STOP_GENERATION, &origins, err));
    return dlx__hparams_finish_ids(hp, f, origins, src->config.path, err);
}
