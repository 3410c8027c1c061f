/*
 * dream.c - Dream 7B and Dream-Coder: a Qwen2 body (q, k and v with biases) that sees in both
 * directions and keeps the shift of its autoregressive origin. Traps: generation_config's mask id
 * is null, config's counts; the turn ends with <|im_end|>, which no config names.
 */
#include "model/decoder.h"
#include "model/gguf_config.h"
#include "model/hf_config.h"
#include "model/qwen_names.h"

static const char *const hf_names[DLX__N_ROLES] = {DLX__QWEN_NAMES, DLX__QWEN_QKV_BIAS};

static dlx_result read_hf(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err)
{
    hp->qkv_bias = true;
    return dlx__hf_read_qwen(hp, src, err);
}

static dlx_result read_gguf(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    hp->qkv_bias = true;
    return dlx__gguf_read_decoder(hp, src, err);
}

static const char *const architectures[] = {"DreamModel", NULL};
static const char *const samplers[] = {
    "entropy", "origin", "maskgit_plus", "topk_margin", "confidence_threshold", NULL};
static const char *const caches[] = {"none", "prefix", "dual", NULL};
static const char *const mask_names[] = {"<|mask|>", NULL};

const dlx__family dlx__family_dream = {
    .name = "dream",
    .gguf_arch = "dream",
    .architectures = architectures,
    .visibility = DLX__VISIBLE_FULL,
    .shift = true,
    .samplers = samplers,
    .caches = caches,
    .threshold = 0.9f,
    .default_block = 0,
    .hf_names = hf_names,
    .ids = {.mask_names = mask_names,
            .mask_id = 151666,
            .eot_id = -1,
            .stop_ids = {151643, 151645, -1}},
    .read_hf = read_hf,
    .read_gguf = read_gguf,
    .build = dlx__decoder_build,
};
