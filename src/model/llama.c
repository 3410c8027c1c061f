/*
 * llama.c - Llama and its kin (SmolLM2 ...): plain autoregressive decoders without biases, here as
 * the baseline of the diffusion models and as what they are made from. Traps: files older than
 * rope_theta mean 10000; Llama 3.1 and later scale RoPE, which is refused; GGUF files hold q and k
 * permuted.
 */
#include "model/decoder.h"
#include "model/gguf_config.h"
#include "model/hf_config.h"
#include "model/qwen_names.h"

static const double DEFAULT_ROPE_THETA = 1e4;

static const char *const hf_names[DLX__N_ROLES] = {DLX__QWEN_NAMES};

static dlx_result read_hf(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err)
{
    hp->rope_theta = DEFAULT_ROPE_THETA;
    DLX__TRY(dlx__hf_read_qwen(hp, src, err));
    return dlx__hf_refuse_true(src, "attention_bias", err);
}

static dlx_result read_gguf(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    hp->rope_theta = DEFAULT_ROPE_THETA;
    return dlx__gguf_read_decoder(hp, src, err);
}

static const char *const architectures[] = {"LlamaForCausalLM", NULL};
static const char *const samplers[] = {"next", NULL};
static const char *const caches[] = {"exact", NULL};

const dlx__family dlx__family_llama = {
    .name = "llama",
    .gguf_arch = "llama",
    .architectures = architectures,
    .visibility = DLX__VISIBLE_BLOCK_CAUSAL,
    .shift = true,
    .autoregressive = true,
    .samplers = samplers,
    .caches = caches,
    .hf_names = hf_names,
    .gguf_permuted_qk = true,
    .ids = {.mask_id = -1, .eot_id = -1, .stop_ids = {-1}},
    .read_hf = read_hf,
    .read_gguf = read_gguf,
    .build = dlx__decoder_build,
};
