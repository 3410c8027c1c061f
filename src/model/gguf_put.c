/* gguf_put.c - a model's numbers as GGUF keys. */
#include "model/gguf_put.h"

#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

typedef struct keys {
    dlx__gguf_writer *w;
    const char *arch;
    bool ok;
} keys;

static const char *arch_key(char out[128], const keys *k, const char *name)
{
    snprintf(out, 128, "%s.%s", k->arch, name);
    return out;
}

/* Nothing for negative values, which stand for what is not there. */
static void put_number(keys *k, const char *name, int64_t value)
{
    char key[128];
    if (value >= 0)
        k->ok = k->ok && dlx__gguf_put_u32(k->w, arch_key(key, k, name), (uint32_t)value) == DLX_OK;
}

static void put_float(keys *k, const char *name, double value)
{
    char key[128];
    k->ok = k->ok && dlx__gguf_put_f32(k->w, arch_key(key, k, name), (float)value) == DLX_OK;
}

static void put_decoder(keys *k, const dlx__hparams *hp)
{
    put_number(k, "block_count", (int64_t)hp->n_layers);
    put_number(k, "context_length", (int64_t)hp->n_ctx_train);
    put_number(k, "embedding_length", (int64_t)hp->n_embd);
    put_number(k, "feed_forward_length", (int64_t)hp->n_ff);
    put_number(k, "attention.head_count", (int64_t)hp->n_heads);
    put_number(k, "attention.head_count_kv", (int64_t)hp->n_heads_kv);
    put_number(k, "attention.key_length", (int64_t)hp->head_dim);
    put_number(k, "attention.value_length", (int64_t)hp->head_dim);
    put_number(k, "rope.dimension_count", (int64_t)hp->head_dim);
    put_number(k, "vocab_size", (int64_t)hp->n_vocab);
    put_float(k, "rope.freq_base", hp->rope_theta);
    put_float(k, "attention.layer_norm_rms_epsilon", hp->rms_eps);
}

static void put_diffusion(keys *k, const dlx__model *m)
{
    const dlx__hparams *hp = &m->hp;
    char key[128];
    if (m->family->visibility == DLX__VISIBLE_FULL)
        k->ok = k->ok &&
                dlx__gguf_put_bool(k->w, arch_key(key, k, "attention.causal"), false) == DLX_OK;
    k->ok = k->ok && dlx__gguf_put_bool(k->w, "diffusion.shift_logits", m->family->shift) == DLX_OK;
    put_number(k, "diffusion.block_length", hp->block_length.value);
    put_number(k, "diffusion.small_block_length", hp->small_block.value);
    k->ok = k->ok && dlx__gguf_put_i32s(k->w, arch_key(key, k, "diffusion.stop_ids"), hp->stop_ids,
                                        hp->n_stop_ids) == DLX_OK;
}

/* The last part of a path. */
static const char *base_name(const char *path, size_t *n)
{
    *n = strlen(path);
    while (*n > 1 && (path[*n - 1] == '/' || path[*n - 1] == '\\'))
        --*n;
    const char *from = path + *n;
    while (from > path && from[-1] != '/' && from[-1] != '\\')
        from--;
    *n -= (size_t)(from - path);
    return from;
}

static dlx_result put_name(keys *k, const dlx__model *m)
{
    char name[200];
    size_t n;
    const char *from = base_name(m->checkpoint.path, &n);
    snprintf(name, sizeof name, "%.*s", (int)dlx__min(n, sizeof name - 1), from);
    return dlx__gguf_put_text(k->w, "general.name", name);
}

/* ---- keys that are taken over -------------------------------------------------------------- */

static bool is_of_quantization(const char *key)
{
    return strcmp(key, "general.quantization_version") == 0 ||
           strcmp(key, "general.file_type") == 0 || strcmp(key, "general.alignment") == 0 ||
           strncmp(key, "dlx.quant.", 10) == 0;
}

static bool copy_keys(dlx__gguf_writer *w, const dlx__gguf *from)
{
    for (size_t i = 0; i < from->n_kv; i++)
        if (!is_of_quantization(from->kv[i].key) && dlx__gguf_put_kv(w, &from->kv[i]) != DLX_OK)
            return false;
    return true;
}

dlx_result dlx__gguf_put_model(dlx__gguf_writer *w, const dlx__model *m, dlx_error *err)
{
    keys k = {.w = w, .arch = m->family->gguf_arch, .ok = true};
    if (m->checkpoint.kind == DLX__CHECKPOINT_GGUF) {
        k.ok = copy_keys(w, &m->checkpoint.gguf);
    } else {
        k.ok = dlx__gguf_put_text(w, "general.architecture", k.arch) == DLX_OK &&
               put_name(&k, m) == DLX_OK;
        put_decoder(&k, &m->hp);
        put_diffusion(&k, m);
    }
    return k.ok ? DLX_OK : dlx__fail_memory(err, "describing a model", 1);
}
