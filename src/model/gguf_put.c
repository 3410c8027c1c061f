/* gguf_put.c - GGUF keys of a model: the reverse of gguf_config.c, key by key. */
#include "model/gguf_put.h"

#include "model/gguf_config.h"

#include <stdio.h>
#include <string.h>

uint32_t dlx__gguf_file_type(dlx__dtype dtype, bool mixed)
{
    enum { Q4_K_M = 15 };
    static const uint8_t types[DLX__N_DTYPES] = {
        [DLX__F32] = 0,   [DLX__F16] = 1,   [DLX__BF16] = 32, [DLX__Q4_0] = 2,
        [DLX__Q4_1] = 3,  [DLX__Q5_0] = 8,  [DLX__Q5_1] = 9,  [DLX__Q8_0] = 7,
        [DLX__Q4_K] = 14, [DLX__Q5_K] = 16, [DLX__Q6_K] = 18, /* the K types in one size each */
    };
    return mixed ? Q4_K_M : types[dtype];
}

dlx_result dlx__gguf_put_types(dlx__gguf_writer *w, dlx__dtype dtype, bool mixed)
{
    enum { LAYOUT_OF_BLOCKS = 2 };
    DLX__TRY(dlx__gguf_put_u32(w, "general.file_type", dlx__gguf_file_type(dtype, mixed)));
    return dlx__gguf_put_u32(w, "general.quantization_version", LAYOUT_OF_BLOCKS);
}

/* Where keys of the architecture go; the first failure stays. */
typedef struct putter {
    dlx__gguf_writer *w;
    const char *arch;
    dlx_result r;
} putter;

static const char *arch_key(char out[128], const putter *p, const char *name)
{
    snprintf(out, 128, "%s.%s", p->arch, name);
    return out;
}

static void put_size(putter *p, const char *name, size_t value)
{
    char key[128];
    if (p->r == DLX_OK)
        p->r = dlx__gguf_put_u32(p->w, arch_key(key, p, name), (uint32_t)value);
}

static void put_number(putter *p, const char *name, double value)
{
    char key[128];
    if (p->r == DLX_OK)
        p->r = dlx__gguf_put_f32(p->w, arch_key(key, p, name), (float)value);
}

/* A whole number that may be absent (-1), under a key of the architecture or a key as it is. */
static void put_fact(putter *p, const char *name, int64_t value)
{
    if (value >= 0)
        put_size(p, name, (size_t)value);
}

static void put_id(putter *p, const char *key, int64_t id)
{
    if (p->r == DLX_OK && id >= 0)
        p->r = dlx__gguf_put_u32(p->w, key, (uint32_t)id);
}

/* The part of a path behind its last slash. */
static const char *last_part(const char *path)
{
    const char *name = path;
    for (const char *at = path; *at; at++)
        if ((*at == '/' || *at == '\\') && at[1] != '\0')
            name = at + 1;
    return name;
}

static void put_general(putter *p, const dlx__model *m)
{
    p->r = dlx__gguf_put_text(p->w, "general.architecture", p->arch);
    if (p->r == DLX_OK && m->checkpoint.kind == DLX__CHECKPOINT_HF)
        p->r = dlx__gguf_put_text(p->w, "general.name", last_part(m->checkpoint.path));
}

static void put_sizes(putter *p, const dlx__hparams *hp)
{
    put_size(p, "block_count", hp->n_layers);
    put_size(p, "context_length", hp->n_ctx_train);
    put_size(p, "embedding_length", hp->n_embd);
    put_size(p, "feed_forward_length", hp->n_ff);
    put_size(p, "attention.head_count", hp->n_heads);
    put_size(p, "attention.head_count_kv", hp->n_heads_kv);
    put_size(p, "attention.key_length", hp->head_dim);
    put_size(p, "attention.value_length", hp->head_dim);
    put_size(p, "rope.dimension_count", hp->head_dim);
    put_number(p, "rope.freq_base", hp->rope_theta);
    put_number(p, "attention.layer_norm_rms_epsilon", hp->rms_eps);
    /* llama.cpp makes its tables by this number where the file has no vocabulary */
    put_size(p, "vocab_size", hp->n_rows_vocab);
    if (hp->n_vocab != hp->n_rows_vocab)
        put_size(p, "diffusion.vocab_size", hp->n_vocab);
}

/* How the family decodes: what llama.cpp asks for, then what only block-wise families have. */
static void put_decoding(putter *p, const dlx__model *m)
{
    char key[128];
    if (p->r == DLX_OK && m->family->visibility == DLX__VISIBLE_FULL)
        p->r = dlx__gguf_put_bool(p->w, arch_key(key, p, "attention.causal"), false);
    if (p->r == DLX_OK)
        p->r = dlx__gguf_put_bool(p->w, "diffusion.shift_logits", m->family->shift);
    put_fact(p, "diffusion.block_length", m->hp.block_length.value);
    put_fact(p, "diffusion.small_block_length", m->hp.small_block.value);
}

/*
 * Begin and end of text stay as a GGUF source has them: its chat template reads them too, and the
 * list of stop ids says by itself all that they say about stopping.
 */
static void put_ids(putter *p, const dlx__model *m)
{
    char key[128];
    const dlx__hparams *hp = &m->hp;
    put_id(p, "tokenizer.ggml.mask_token_id", hp->mask_id.value);
    put_id(p, "tokenizer.ggml.eot_token_id", hp->eot_id.value);
    if (m->checkpoint.kind == DLX__CHECKPOINT_HF) {
        put_id(p, "tokenizer.ggml.bos_token_id", hp->bos_id.value);
        put_id(p, "tokenizer.ggml.eos_token_id", hp->n_stop_ids ? hp->stop_ids[0] : -1);
    }
    if (p->r == DLX_OK)
        p->r = dlx__gguf_put_i32s(p->w, arch_key(key, p, "diffusion.stop_ids"), hp->stop_ids,
                                  hp->n_stop_ids);
}

dlx_result dlx__gguf_put_model(dlx__gguf_writer *w, const dlx__model *m)
{
    putter p = {.w = w, .arch = m->family->gguf_arch};
    put_general(&p, m);
    put_sizes(&p, &m->hp);
    put_decoding(&p, m);
    put_ids(&p, m);
    return p.r;
}

/* Keys of the file as a container, and of how its own weights were made. */
static bool stays_behind(const char *key)
{
    static const char *const prefixes[] = {"split.",
                                           "quantize.",
                                           "dlx.quant.",
                                           "general.alignment",
                                           "general.file_type",
                                           "general.quantization_version"};
    for (size_t i = 0; i < DLX__LEN(prefixes); i++)
        if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

dlx_result dlx__gguf_put_table(dlx__gguf_writer *w, const dlx__model *m)
{
    DLX__TRY(dlx__gguf_put_u32(w, DLX__GGUF_N_ROWS, (uint32_t)m->hp.n_rows_vocab));
    return dlx__gguf_put_bool(w, DLX__GGUF_TIED, m->hp.tied);
}

dlx_result dlx__gguf_put_carried(dlx__gguf_writer *w, const dlx__model *m)
{
    const dlx__gguf *g = &m->checkpoint.gguf;
    if (m->checkpoint.kind != DLX__CHECKPOINT_GGUF)
        return DLX_OK;
    for (size_t i = 0; i < g->n_kv; i++)
        if (!stays_behind(g->kv[i].key) && !dlx__gguf_has_put(w, g->kv[i].key))
            DLX__TRY(dlx__gguf_put_kv(w, &g->kv[i]));
    return DLX_OK;
}
