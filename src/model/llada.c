/*
 * llada.c - LLaDA 8B and 1.5: a Llama body that sees in both directions, no biases, no shift.
 * Traps: OLMo's key names; `ff_out` is the MLP's down projection inside a block and the head
 * outside; ff_proj is the gate; the table (embedding_size) may be wider than the vocabulary; GGUF
 * files made by llama.cpp hold q and k permuted. Switches that no published checkpoint uses are
 * refused one by one rather than ignored.
 */
#include "base/fail.h"
#include "model/decoder.h"
#include "model/gguf_config.h"
#include "model/hf_config.h"
#include "model/limits.h"

#define BLOCK(rest) "model.transformer.blocks.%d." rest

static const char *const hf_names[DLX__N_ROLES] = {
    [DLX__ROLE_EMBED] = "model.transformer.wte.weight",
    [DLX__ROLE_FINAL_NORM] = "model.transformer.ln_f.weight",
    [DLX__ROLE_HEAD] = "model.transformer.ff_out.weight",
    [DLX__ROLE_ATTN_NORM] = BLOCK("attn_norm.weight"),
    [DLX__ROLE_Q] = BLOCK("q_proj.weight"),
    [DLX__ROLE_K] = BLOCK("k_proj.weight"),
    [DLX__ROLE_V] = BLOCK("v_proj.weight"),
    [DLX__ROLE_O] = BLOCK("attn_out.weight"),
    [DLX__ROLE_MLP_NORM] = BLOCK("ff_norm.weight"),
    [DLX__ROLE_GATE] = BLOCK("ff_proj.weight"),
    [DLX__ROLE_UP] = BLOCK("up_proj.weight"),
    [DLX__ROLE_DOWN] = BLOCK("ff_out.weight"),
};

static const dlx__hf_keys keys = {
    .n_layers = "n_layers",
    .n_embd = "d_model",
    .n_heads = "n_heads",
    .n_heads_kv = "n_kv_heads",
    .n_ff = "mlp_hidden_size",
    .n_vocab = "vocab_size",
    .n_ctx = "max_sequence_length",
    .tied = "weight_tying",
};

static dlx_result refuse_switches(const dlx__hf_source *src, dlx_error *err)
{
    static const char *const must_be_off[] = {
        "alibi",
        "input_emb_norm",
        "scale_logits",
        "include_bias",
        "include_qkv_bias",
        "attention_layer_norm",
        "multi_query_attention",
        "bias_for_layer_norm",
    };
    for (size_t i = 0; i < DLX__LEN(must_be_off); i++)
        DLX__TRY(dlx__hf_refuse_true(src, must_be_off[i], err));
    DLX__TRY(dlx__hf_refuse_false(src, "rope", err));
    DLX__TRY(dlx__hf_refuse_false(src, "layer_norm_with_affine", err));
    DLX__TRY(dlx__hf_refuse_present(src, "clip_qkv", err));
    DLX__TRY(dlx__hf_refuse_present(src, "rope_scaling", err));
    DLX__TRY(dlx__hf_refuse_present(src, "quantization_config", err));
    DLX__TRY(dlx__hf_expect_text(src, "layer_norm_type", "rms", err));
    DLX__TRY(dlx__hf_expect_text(src, "activation_type", "silu", err));
    return dlx__hf_expect_text(src, "block_type", "llama", err);
}

/* Blocks may be stored in groups, under other names. */
static dlx_result refuse_groups(const dlx__hf_source *src, dlx_error *err)
{
    size_t group = 1;
    DLX__TRY(dlx__json_size_opt(src->config, "block_group_size", 0, SIZE_MAX, &group, NULL, err));
    if (group == 1)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s: expected block_group_size to be 1, found %zu, whose tensor names are not "
                     "implemented; save the checkpoint ungrouped",
                     src->config.path, group);
}

/* mlp_hidden_size null means mlp_ratio times the width. */
static dlx_result read_ff(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err)
{
    if (hp->n_ff != 0)
        return DLX_OK;
    size_t ratio = 0;
    DLX__TRY(dlx__json_size(src->config, "mlp_ratio", 1, 64, &ratio, err));
    hp->n_ff = ratio * hp->n_embd;
    if (hp->n_ff <= DLX__MAX_FF)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected mlp_ratio times d_model to be at most %d, found %zu; use the "
                     "file that came with the weights",
                     src->config.path, DLX__MAX_FF, hp->n_ff);
}

static dlx_result read_hf(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err)
{
    DLX__TRY(dlx__hf_read_sizes(hp, src, &keys, err));
    DLX__TRY(dlx__json_size_opt(src->config, "embedding_size", 1, DLX__MAX_VOCAB, &hp->n_rows_vocab,
                                NULL, err));
    DLX__TRY(read_ff(hp, src, err));
    DLX__TRY(refuse_switches(src, err));
    return refuse_groups(src, err);
}

static dlx_result read_gguf(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    return dlx__gguf_read_decoder(hp, src, err);
}

static const char *const architectures[] = {"LLaDAModelLM", NULL};
static const char *const samplers[] = {"low_confidence", "random", "threshold", "factor", NULL};
static const char *const caches[] = {"none", "prefix", "dual", NULL};
static const char *const mask_names[] = {"<|mdm_mask|>", NULL};

const dlx__family dlx__family_llada = {
    .name = "llada",
    .gguf_arch = "llada",
    .architectures = architectures,
    .visibility = DLX__VISIBLE_FULL,
    .samplers = samplers,
    .caches = caches,
    .threshold = 0.9f,
    .default_block = 32,
    .hf_names = hf_names,
    .gguf_permuted_qk = true,
    .ids = {.mask_names = mask_names,
            .mask_id = 126336,
            .eot_name = "<|eot_id|>",
            .eot_id = 126348,
            .stop_ids = {126081, -1}},
    .read_hf = read_hf,
    .read_gguf = read_gguf,
    .build = dlx__decoder_build,
};
