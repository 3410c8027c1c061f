/*
 * golden_gguf.h - a GGUF file made from an open model, with the keys and names of llama.cpp and
 * LLaDA's q and k rows in its order; one key may be changed, for tests of what is refused.
 */
#ifndef GOLDEN_GGUF_H
#define GOLDEN_GGUF_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtype/convert.h"
#include "model/bind.h"
#include "model/permute.h"

typedef struct gguf_change {
    const char *key; /* "" before a dot stands for the architecture: ".block_count" */
    enum { GGUF_OMIT, GGUF_U32, GGUF_F32, GGUF_BOOL, GGUF_TEXT, GGUF_I32S, GGUF_VECTOR } kind;
    double number;
    const char *text;
} gguf_change;

typedef struct gguf_maker {
    dlx__gguf_writer *w;
    const char *arch;
    const gguf_change *change; /* or NULL */
    bool changed;
} gguf_maker;

static inline void gguf_put(gguf_maker *g, const gguf_change *value)
{
    char key[160];
    const gguf_change *v = value;
    if (g->change && strcmp(g->change->key, value->key) == 0) {
        v = g->change;
        g->changed = true;
    }
    snprintf(key, sizeof key, "%s%s", v->key[0] == '.' ? g->arch : "", v->key);
    const int32_t ids[2] = {v->kind == GGUF_I32S ? (int32_t)v->number : 0, 7};
    dlx_result r = DLX_OK;
    if (v->kind == GGUF_U32)
        r = dlx__gguf_put_u32(g->w, key, (uint32_t)v->number);
    else if (v->kind == GGUF_F32)
        r = dlx__gguf_put_f32(g->w, key, (float)v->number);
    else if (v->kind == GGUF_BOOL)
        r = dlx__gguf_put_bool(g->w, key, v->number != 0);
    else if (v->kind == GGUF_TEXT)
        r = dlx__gguf_put_text(g->w, key, v->text);
    else if (v->kind == GGUF_I32S)
        r = dlx__gguf_put_i32s(g->w, key, ids, 2);
    assert_int_equal(r, DLX_OK);
}

static inline void gguf_put_u32(gguf_maker *g, const char *key, int64_t value)
{
    if (value >= 0)
        gguf_put(g, &(gguf_change){key, GGUF_U32, (double)value, NULL});
}

static inline void gguf_put_keys(gguf_maker *g, const dlx__model *m)
{
    const dlx__hparams *hp = &m->hp;
    gguf_put(g, &(gguf_change){"general.architecture", GGUF_TEXT, 0, g->arch});
    gguf_put_u32(g, ".block_count", (int64_t)hp->n_layers);
    gguf_put_u32(g, ".embedding_length", (int64_t)hp->n_embd);
    gguf_put_u32(g, ".attention.head_count", (int64_t)hp->n_heads);
    gguf_put_u32(g, ".attention.head_count_kv", (int64_t)hp->n_heads_kv);
    gguf_put_u32(g, ".attention.key_length", (int64_t)hp->head_dim);
    gguf_put_u32(g, ".attention.value_length", (int64_t)hp->head_dim);
    gguf_put_u32(g, ".rope.dimension_count", (int64_t)hp->head_dim);
    gguf_put_u32(g, ".feed_forward_length", (int64_t)hp->n_ff);
    gguf_put_u32(g, ".context_length", (int64_t)hp->n_ctx_train);
    gguf_put_u32(g, ".vocab_size", (int64_t)hp->n_vocab);
    gguf_put(g, &(gguf_change){".rope.freq_base", GGUF_F32, hp->rope_theta, NULL});
    gguf_put(g, &(gguf_change){".attention.layer_norm_rms_epsilon", GGUF_F32, hp->rms_eps, NULL});
    gguf_put_u32(g, ".diffusion.block_length", hp->block_length.value);
    gguf_put_u32(g, ".diffusion.small_block_length", hp->small_block.value);
    gguf_put(g, &(gguf_change){"diffusion.shift_logits", GGUF_BOOL, m->family->shift, NULL});
    gguf_put_u32(g, "tokenizer.ggml.mask_token_id", hp->mask_id.value);
    gguf_put_u32(g, "tokenizer.ggml.bos_token_id", hp->bos_id.value);
    gguf_put_u32(g, "tokenizer.ggml.eos_token_id", hp->stop_ids[0]);
    gguf_put_u32(g, "tokenizer.ggml.eot_token_id", hp->n_stop_ids > 1 ? hp->stop_ids[1] : -1);
    if (g->change && !g->changed)
        gguf_put(g, g->change);
}

/* The bytes of a role's tensor as llama.cpp would store them; free with free. */
static inline void *gguf_bytes(const dlx__model *m, dlx__role role, const dlx__tensor *t)
{
    char *bytes = malloc(t->n_bytes);
    assert_non_null(bytes);
    memcpy(bytes, t->data, t->n_bytes);
    size_t heads = role == DLX__ROLE_Q ? m->hp.n_heads : m->hp.n_heads_kv;
    if (m->family->gguf_permuted_qk && (role == DLX__ROLE_Q || role == DLX__ROLE_K))
        dlx__rows_to_llama_cpp(bytes, t->data, heads, m->hp.head_dim, t->n_bytes / t->shape[0]);
    return bytes;
}

/* A surplus tensor of eight ones, for a change of the kind GGUF_VECTOR. */
static inline void gguf_put_vector(gguf_maker *g, bool describe)
{
    static const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    dlx_error err = {0};
    if (!g->change || g->change->kind != GGUF_VECTOR)
        return;
    dlx__tensor t = {.name = g->change->key,
                     .dtype = DLX__F32,
                     .n_dims = 1,
                     .shape = {8},
                     .n_bytes = sizeof ones};
    if (describe)
        assert_int_equal(dlx__gguf_add_tensor(g->w, &t), DLX_OK);
    else if (dlx__gguf_write_tensor(g->w, ones, sizeof ones, &err) != DLX_OK)
        fail_msg("%s", err.text);
}

/* Describes (or, in the second pass, writes) every tensor of the model in role order. */
static inline void gguf_put_tensors(gguf_maker *g, const dlx__model *m, bool describe)
{
    dlx_error err = {0};
    for (int role = 0; role < DLX__N_ROLES; role++) {
        size_t n = dlx__role_per_layer((dlx__role)role) ? m->hp.n_layers : 1;
        for (size_t i = 0; i < n; i++) {
            char name[160];
            const dlx__tensor *t = dlx__model_tensor(m, (dlx__role)role, i);
            if (!t || (role == DLX__ROLE_HEAD && m->hp.tied))
                continue;
            assert_true(dlx__role_name(name, m->family, DLX__CHECKPOINT_GGUF, (dlx__role)role, i));
            if (describe) {
                dlx__tensor named = *t;
                named.name = name;
                assert_int_equal(dlx__gguf_add_tensor(g->w, &named), DLX_OK);
                continue;
            }
            void *bytes = gguf_bytes(m, (dlx__role)role, t);
            if (dlx__gguf_write_tensor(g->w, bytes, t->n_bytes, &err) != DLX_OK)
                fail_msg("%s", err.text);
            free(bytes);
        }
    }
}

static inline void write_golden_gguf(const dlx__model *m, const char *path,
                                     const gguf_change *change)
{
    dlx_error err = {0};
    gguf_maker g = {.arch = m->family->gguf_arch, .change = change};
    assert_int_equal(dlx__gguf_writer_open(&g.w, path, NULL, &err), DLX_OK);
    gguf_put_keys(&g, m);
    gguf_put_tensors(&g, m, true);
    gguf_put_vector(&g, true);
    assert_int_equal(dlx__gguf_begin_data(g.w, &err), DLX_OK);
    gguf_put_tensors(&g, m, false);
    gguf_put_vector(&g, false);
    if (dlx__gguf_writer_commit(g.w, &err) != DLX_OK)
        fail_msg("%s", err.text);
}

#endif
