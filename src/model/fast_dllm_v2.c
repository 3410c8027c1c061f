/*
 * fast_dllm_v2.c - Fast-dLLM v2: a Qwen2 body (q, k and v with biases) trained to denoise blocks
 * of bd_size tokens. Traps: the mask id stands in no config field, only among the added tokens;
 * the 1.5B ties its head; logits are shifted by one and a block's first token comes from the
 * commit pass before it.
 */
#include "model/decoder.h"
#include "model/gguf_config.h"
#include "model/hf_config.h"
#include "model/limits.h"
#include "model/qwen_names.h"

enum { DEFAULT_BLOCK = 32, DEFAULT_SMALL_BLOCK = 8 };

static const char *const hf_names[DLX__N_ROLES] = {DLX__QWEN_NAMES, DLX__QWEN_QKV_BIAS};

/* Sub-blocks tile a block: where the usual 8 does not divide it, the block is its only sub-block.
 */
static void set_small_block(dlx__hparams *hp, size_t from_file)
{
    hp->qkv_bias = true;
    int64_t b = hp->block_length.value;
    if (from_file != 0 && b % (int64_t)from_file == 0)
        hp->small_block = (dlx__fact){(int64_t)from_file, "GGUF diffusion.small_block_length"};
    else
        hp->small_block =
            (dlx__fact){b % DEFAULT_SMALL_BLOCK ? b : DEFAULT_SMALL_BLOCK, "family default"};
}

static dlx_result read_hf(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err)
{
    DLX__TRY(dlx__hf_read_qwen(hp, src, err));
    DLX__TRY(dlx__hf_read_block(hp, src, "bd_size", "config.json bd_size", DEFAULT_BLOCK, err));
    set_small_block(hp, 0);
    return DLX_OK;
}

static dlx_result read_gguf(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    size_t small = 0;
    DLX__TRY(dlx__gguf_read_decoder(hp, src, err));
    DLX__TRY(dlx__gguf_read_block(hp, src, DEFAULT_BLOCK, err));
    DLX__TRY(
        dlx__gguf_size_opt(src, "diffusion.small_block_length", 1, DLX__MAX_BLOCK, &small, err));
    set_small_block(hp, small);
    return DLX_OK;
}

static const char *const architectures[] = {"Fast_dLLM_QwenForCausalLM", NULL};
static const char *const samplers[] = {"threshold", "leftmost", NULL};
static const char *const caches[] = {"exact", "subblock", NULL};
static const char *const mask_names[] = {"|<MASK>|", NULL};

const dlx__family dlx__family_fast_dllm_v2 = {
    .name = "fast-dllm-v2",
    .gguf_arch = "fast-dllm-v2",
    .architectures = architectures,
    .visibility = DLX__VISIBLE_BLOCK_CAUSAL,
    .shift = true,
    .seeds_blocks = true,
    .samplers = samplers,
    .caches = caches,
    .threshold = 0.95f,
    .default_block = DEFAULT_BLOCK,
    .hf_names = hf_names,
    .ids = {.mask_names = mask_names,
            .mask_id = 151665,
            .eot_id = -1,
            .stop_ids = {151645, 151643, -1}},
    .read_hf = read_hf,
    .read_gguf = read_gguf,
    .build = dlx__decoder_build,
};
