/*
 * sdar.c - SDAR and TraDo: a Qwen3 body (each q and k head normed before RoPE, no biases) that
 * denoises blocks of 4 tokens, or of what block_size says. Traps: heads times head width is not
 * the model width; the small ones do not tie their head although their Qwen3 origin does; the stop
 * ids stand in generation_config.json only; original files lack block_size and mask_token_id.
 */
#include "model/decoder.h"
#include "model/gguf_config.h"
#include "model/hf_config.h"
#include "model/qwen_names.h"

enum { DEFAULT_BLOCK = 4 };

static const char *const hf_names[DLX__N_ROLES] = {DLX__QWEN_NAMES, DLX__QWEN_QK_NORM};

static dlx_result read_hf(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err)
{
    hp->qk_norm = true;
    DLX__TRY(dlx__hf_read_qwen(hp, src, err));
    DLX__TRY(dlx__hf_refuse_true(src, "attention_bias", err));
    return dlx__hf_read_block(hp, src, "block_size", "config.json block_size", DEFAULT_BLOCK, err);
}

static dlx_result read_gguf(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    hp->qk_norm = true;
    DLX__TRY(dlx__gguf_read_decoder(hp, src, err));
    return dlx__gguf_read_block(hp, src, DEFAULT_BLOCK, err);
}

static const char *const architectures[] = {"SDARForCausalLM", NULL};
static const char *const samplers[] = {"low_confidence_dynamic",
                                       "low_confidence_static",
                                       "sequential",
                                       "entropy_bounded",
                                       "leftmost",
                                       NULL};
static const char *const caches[] = {"exact", NULL};
static const char *const mask_names[] = {"<MASK>", "<|MASK|>", NULL};

const dlx__family dlx__family_sdar = {
    .name = "sdar",
    .gguf_arch = "sdar",
    .architectures = architectures,
    .visibility = DLX__VISIBLE_BLOCK_CAUSAL,
    .samplers = samplers,
    .caches = caches,
    .threshold = 0.90f,
    .default_block = DEFAULT_BLOCK,
    .hf_names = hf_names,
    .ids = {.mask_names = mask_names,
            .mask_id = 151669,
            .eot_id = -1,
            .stop_ids = {151645, 151643, -1}},
    .read_hf = read_hf,
    .read_gguf = read_gguf,
    .build = dlx__decoder_build,
};
