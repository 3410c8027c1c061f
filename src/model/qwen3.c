/*
 * qwen3.c - Qwen3: autoregressive decoders that norm each q and k head before RoPE, no biases; what
 * SDAR is made from. Traps: heads times head width is not the model width; a config.json that names
 * no head width means 128.
 */
#include "model/decoder.h"
#include "model/gguf_config.h"
#include "model/hf_config.h"
#include "model/qwen_names.h"

enum { DEFAULT_HEAD_DIM = 128 };

static const char *const hf_names[DLX__N_ROLES] = {DLX__QWEN_NAMES, DLX__QWEN_QK_NORM};

static dlx_result read_hf(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err)
{
    hp->qk_norm = true;
    hp->head_dim = DEFAULT_HEAD_DIM;
    DLX__TRY(dlx__hf_read_qwen(hp, src, err));
    return dlx__hf_refuse_true(src, "attention_bias", err);
}

static dlx_result read_gguf(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    hp->qk_norm = true;
    return dlx__gguf_read_decoder(hp, src, err);
}

static const char *const architectures[] = {"Qwen3ForCausalLM", NULL};
static const char *const samplers[] = {"next", NULL};
static const char *const caches[] = {"exact", NULL};

const dlx__family dlx__family_qwen3 = {
    .name = "qwen3",
    .gguf_arch = "qwen3",
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
