/* hf_config.c - the sizes and the refusals of a config.json. */
#include "model/hf_config.h"

#include "base/fail.h"
#include "model/limits.h"

#include <string.h>

const dlx__hf_keys dlx__hf_qwen_keys = {
    .n_layers = "num_hidden_layers",
    .n_embd = "hidden_size",
    .n_heads = "num_attention_heads",
    .n_heads_kv = "num_key_value_heads",
    .n_ff = "intermediate_size",
    .n_vocab = "vocab_size",
    .n_ctx = "max_position_embeddings",
    .tied = "tie_word_embeddings",
};

/* Newer files keep rope_theta inside rope_parameters. A base that hp has already is a default. */
static dlx_result read_rope_theta(dlx__hparams *hp, dlx__json_obj config, dlx_error *err)
{
    dlx__json_obj o = config;
    if (!dlx__json_has(config, "rope_theta") && dlx__json_has(config, "rope_parameters"))
        o.json = json_object_get(config.json, "rope_parameters");
    if (hp->rope_theta != 0.0 && !dlx__json_has(o, "rope_theta"))
        return DLX_OK;
    return dlx__json_number(o, "rope_theta", 1.0, 1e12, &hp->rope_theta, err);
}

dlx_result dlx__hf_read_sizes(dlx__hparams *hp, const dlx__hf_source *src, const dlx__hf_keys *keys,
                              dlx_error *err)
{
    dlx__json_obj o = src->config;
    DLX__TRY(dlx__json_size(o, keys->n_layers, 1, DLX__MAX_LAYERS, &hp->n_layers, err));
    DLX__TRY(dlx__json_size(o, keys->n_embd, 1, DLX__MAX_EMBD, &hp->n_embd, err));
    DLX__TRY(dlx__json_size(o, keys->n_heads, 1, DLX__MAX_HEADS, &hp->n_heads, err));
    hp->n_heads_kv = hp->n_heads;
    DLX__TRY(
        dlx__json_size_opt(o, keys->n_heads_kv, 1, DLX__MAX_HEADS, &hp->n_heads_kv, NULL, err));
    DLX__TRY(dlx__json_size_opt(o, "head_dim", 2, DLX__MAX_HEAD_DIM, &hp->head_dim, NULL, err));
    DLX__TRY(dlx__json_size_opt(o, keys->n_ff, 1, DLX__MAX_FF, &hp->n_ff, NULL, err));
    DLX__TRY(dlx__json_size(o, keys->n_vocab, 1, DLX__MAX_VOCAB, &hp->n_vocab, err));
    hp->n_rows_vocab = hp->n_vocab;
    DLX__TRY(dlx__json_size(o, keys->n_ctx, 1, DLX__MAX_CTX, &hp->n_ctx_train, err));
    DLX__TRY(read_rope_theta(hp, o, err));
    DLX__TRY(dlx__json_number(o, "rms_norm_eps", 1e-12, 0.1, &hp->rms_eps, err));
    return dlx__json_bool_opt(o, keys->tied, &hp->tied, &hp->tied_stated, err);
}

static dlx_result refuse(const dlx__hf_source *src, const char *key, const char *wanted,
                         const char *found, dlx_error *err)
{
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s: expected %s to be %s, found %s, which is not implemented for this "
                     "family; use a checkpoint without it",
                     src->config.path, key, wanted, found);
}

dlx_result dlx__hf_refuse_true(const dlx__hf_source *src, const char *key, dlx_error *err)
{
    bool value = false;
    DLX__TRY(dlx__json_bool_opt(src->config, key, &value, NULL, err));
    return value ? refuse(src, key, "false", "true", err) : DLX_OK;
}

dlx_result dlx__hf_refuse_false(const dlx__hf_source *src, const char *key, dlx_error *err)
{
    bool value = true;
    DLX__TRY(dlx__json_bool_opt(src->config, key, &value, NULL, err));
    return value ? DLX_OK : refuse(src, key, "true", "false", err);
}

dlx_result dlx__hf_refuse_present(const dlx__hf_source *src, const char *key, dlx_error *err)
{
    return dlx__json_has(src->config, key) ? refuse(src, key, "absent or null", "a value", err)
                                           : DLX_OK;
}

dlx_result dlx__hf_expect_text(const dlx__hf_source *src, const char *key, const char *wanted,
                               dlx_error *err)
{
    if (!dlx__json_has(src->config, key))
        return DLX_OK;
    const char *text = NULL;
    DLX__TRY(dlx__json_text(src->config, key, &text, err));
    return strcmp(text, wanted) == 0 ? DLX_OK : refuse(src, key, wanted, text, err);
}

/* rope_scaling and its successor rope_parameters: null, or an object that says "default". */
static dlx_result expect_plain_rope(const dlx__hf_source *src, const char *key, dlx_error *err)
{
    const json_t *rope = json_object_get(src->config.json, key);
    if (!rope || json_is_null(rope))
        return DLX_OK;
    const json_t *type = json_object_get(rope, "rope_type");
    if (!type)
        type = json_object_get(rope, "type");
    const char *text = json_string_value(type);
    if (json_is_object(rope) && text && strcmp(text, "default") == 0)
        return DLX_OK;
    return refuse(src, key, "null or of the type default", text ? text : "another value", err);
}

/* Qwen lists the kind of each layer; only full attention is implemented. */
static dlx_result expect_full_attention(const dlx__hf_source *src, dlx_error *err)
{
    const json_t *types = json_object_get(src->config.json, "layer_types");
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *text = json_string_value(json_array_get(types, i));
        if (!text || strcmp(text, "full_attention") != 0)
            return refuse(src, "layer_types", "full_attention in every layer",
                          text ? text : "another value", err);
    }
    return DLX_OK;
}

dlx_result dlx__hf_read_qwen(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err)
{
    DLX__TRY(dlx__hf_read_sizes(hp, src, &dlx__hf_qwen_keys, err));
    if (hp->n_ff == 0) /* the key is absent: let the reader say so */
        DLX__TRY(
            dlx__json_size(src->config, dlx__hf_qwen_keys.n_ff, 1, DLX__MAX_FF, &hp->n_ff, err));
    DLX__TRY(dlx__hf_expect_text(src, "hidden_act", "silu", err));
    DLX__TRY(expect_plain_rope(src, "rope_scaling", err));
    DLX__TRY(expect_plain_rope(src, "rope_parameters", err));
    DLX__TRY(expect_full_attention(src, err));
    DLX__TRY(dlx__hf_refuse_true(src, "use_sliding_window", err));
    DLX__TRY(dlx__hf_refuse_true(src, "use_mrope", err));
    DLX__TRY(dlx__hf_refuse_true(src, "mlp_bias", err));
    DLX__TRY(dlx__hf_refuse_present(src, "partial_rotary_factor", err));
    return dlx__hf_refuse_present(src, "quantization_config", err);
}

dlx_result dlx__hf_read_block(dlx__hparams *hp, const dlx__hf_source *src, const char *key,
                              const char *from, size_t default_block, dlx_error *err)
{
    size_t b = 0;
    DLX__TRY(dlx__json_size_opt(src->config, key, 1, DLX__MAX_BLOCK, &b, NULL, err));
    dlx__hparams_set_block(hp, b, from, default_block);
    return DLX_OK;
}
