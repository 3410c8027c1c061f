/*
 * qwen2.c - Qwen2 and Qwen2.5: autoregressive decoders whose q, k and v have biases; what Dream and
 * Fast-dLLM v2 are made from. Traps: the small ones tie their head; sliding_window has a number in
 * every file and is not in use. Its descendants' end ids are not assumed: files name their own.
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

static const char *const architectures[] = {"Qwen2ForCausalLM", NULL};
static const char *const samplers[] = {"next", NULL};
static const char *const caches[] = {"exact", NULL};

const dlx__family dlx__family_qwen2 = {
    .name = "qwen2",
    .gguf_arch = "qwen2",
    .architectures = architectures,
    .visibility = DLX__VISIBLE_BLOCK_CAUSAL,
    .shift = true,
    .autoregressive = true,
    .samplers = samplers,
    .caches = caches,
    .hf_names = hf_names,
    .ids = {.mask_id = -1, .eot_id = -1, .stop_ids = {-1}},
    .read_hf = read_hf,
    .read_gguf = read_gguf,
    .build = dlx__decoder_build,
};
