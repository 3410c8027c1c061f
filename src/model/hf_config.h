/*
 * hf_config.h - reading a Hugging Face directory's config.json (and the small files beside it)
 * under the key names of a family. Every refusal names the file, the key, what was expected and
 * what was found.
 */
#ifndef DLX__HF_CONFIG_H
#define DLX__HF_CONFIG_H

#include "model/hparams.h"

struct dlx__hf_source {
    dlx__json_obj config;     /* config.json */
    dlx__json_obj generation; /* generation_config.json; json NULL when there is none */
    json_t *added_tokens;     /* added_tokens.json, or NULL */
    json_t *tokenizer_config; /* tokenizer_config.json, or NULL */
};

/* The keys of the sizes; n_heads_kv and tied may be absent from the file. */
typedef struct dlx__hf_keys {
    const char *n_layers, *n_embd, *n_heads, *n_heads_kv, *n_ff, *n_vocab, *n_ctx, *tied;
} dlx__hf_keys;
extern const dlx__hf_keys dlx__hf_qwen_keys; /* num_hidden_layers, hidden_size ... */

/* Sizes, RoPE base, eps, tied. n_ff, and a RoPE base that is there, are left alone when their keys
 * are absent. */
dlx_result dlx__hf_read_sizes(dlx__hparams *hp, const dlx__hf_source *src, const dlx__hf_keys *keys,
                              dlx_error *err);

/* A Qwen-style decoder whole: its sizes, its refusals (activation, RoPE scaling, windows). */
dlx_result dlx__hf_read_qwen(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err);

/* Refuses a flag that is there and true (false) where only the other is implemented. */
dlx_result dlx__hf_refuse_true(const dlx__hf_source *src, const char *key, dlx_error *err);
dlx_result dlx__hf_refuse_false(const dlx__hf_source *src, const char *key, dlx_error *err);

/* Refuses a key that is there, not null. */
dlx_result dlx__hf_refuse_present(const dlx__hf_source *src, const char *key, dlx_error *err);

/* Refuses a text that is there and is not `wanted`. */
dlx_result dlx__hf_expect_text(const dlx__hf_source *src, const char *key, const char *wanted,
                               dlx_error *err);

/* The trained block under `key`, else the default. */
dlx_result dlx__hf_read_block(dlx__hparams *hp, const dlx__hf_source *src, const char *key,
                              const char *from, size_t default_block, dlx_error *err);

/* Mask, begin, end of turn and stop ids from all files, then the family's own. */
dlx_result dlx__hf_read_ids(dlx__hparams *hp, const dlx__hf_source *src, const dlx__family *f,
                            dlx_error *err);

#endif
