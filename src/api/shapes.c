/*
 * shapes.c - the table of published sizes, and a checkpoint made from one of them: the config.json
 * that such a model would have, and a list of its tensors. Nothing here knows a family: the
 * configuration holds the keys of all of them, and each reads its own.
 */
#include "api/shapes.h"

#include "api/json_build.h"

#include "base/fail.h"
#include "base/mem.h"
#include "model/bind.h"

#include <dlx/tools.h>
#include <stdio.h>
#include <string.h>

/*
 * Sizes from the models' own config.json files. qwen2.5-0.5b and qwen3-0.6b are bodies that
 * diffusion models of other publishers share; they run as the family of their larger siblings.
 */
/* clang-format off */
/* name, family, layers, width, heads, of keys and values, head width, feed-forward, vocabulary,
 * context, RoPE base, eps, tied head */
#define SHAPES(X)                                                                                      \
    X("tiny", "sdar", 2, 64, 4, 2, 16, 128, 512, 4096, 1e4, 1e-6, false)                               \
    X("qwen2.5-0.5b", "fast-dllm-v2", 24, 896, 14, 2, 64, 4864, 151936, 32768, 1e6, 1e-6, true)        \
    X("qwen3-0.6b", "sdar", 28, 1024, 16, 8, 128, 3072, 151936, 32768, 1e6, 1e-6, true)                \
    X("qwen2.5-1.5b", "fast-dllm-v2", 28, 1536, 12, 2, 128, 8960, 151936, 32768, 1e6, 1e-6, true)      \
    X("qwen2.5-7b", "fast-dllm-v2", 28, 3584, 28, 4, 128, 18944, 152064, 32768, 1e6, 1e-6, false)      \
    X("fast-dllm-v2-1.5b", "fast-dllm-v2", 28, 1536, 12, 2, 128, 8960, 151936, 32768, 1e6, 1e-6, true) \
    X("fast-dllm-v2-7b", "fast-dllm-v2", 28, 3584, 28, 4, 128, 18944, 152064, 32768, 1e6, 1e-6, false) \
    X("dream-7b", "dream", 28, 3584, 28, 4, 128, 18944, 152064, 131072, 1e6, 1e-6, false)              \
    X("llada-8b", "llada", 32, 4096, 32, 32, 128, 12288, 126464, 4096, 5e5, 1e-5, false)               \
    X("sdar-1.7b", "sdar", 28, 2048, 16, 8, 128, 6144, 151936, 32768, 1e6, 1e-6, false)                \
    X("sdar-4b", "sdar", 36, 2560, 32, 8, 128, 9728, 151936, 32768, 1e6, 1e-6, false)                  \
    X("sdar-8b", "sdar", 36, 4096, 32, 8, 128, 12288, 151936, 32768, 1e6, 1e-6, false)
/* clang-format on */

static const dlx__shape shapes[] = {
#define SHAPE_ROW(...) {__VA_ARGS__},
    SHAPES(SHAPE_ROW)
#undef SHAPE_ROW
};

static const char *const names[] = {
#define SHAPE_NAME(name, ...) name,
    SHAPES(SHAPE_NAME)
#undef SHAPE_NAME
        NULL,
};

const char *const *dlx_shape_names(void)
{
    return names;
}

const dlx__shape *dlx__shape_find(const char *name)
{
    for (size_t i = 0; i < DLX__LEN(shapes); i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

static dlx__hparams sizes_of(const dlx__shape *s)
{
    return (dlx__hparams){.n_layers = s->n_layers,
                          .n_embd = s->n_embd,
                          .n_heads = s->n_heads,
                          .n_heads_kv = s->n_heads_kv,
                          .head_dim = s->head_dim,
                          .n_ff = s->n_ff,
                          .n_rows_vocab = s->n_vocab};
}

/* Calls `visit` for every tensor of the shape; stops when it returns false. */
static bool each_tensor(const dlx__shape *s, const dlx__family *f,
                        bool (*visit)(void *user, const char *name, const size_t *shape,
                                      int n_dims),
                        void *user)
{
    const dlx__hparams hp = sizes_of(s);
    char name[160];
    for (int role = 0; role < DLX__N_ROLES; role++) {
        size_t shape[2];
        int n_dims = dlx__role_shape(&hp, (dlx__role)role, shape);
        size_t n = dlx__role_per_layer((dlx__role)role) ? s->n_layers : 1;
        if (role == DLX__ROLE_HEAD && s->tied)
            continue;
        for (size_t layer = 0; layer < n; layer++) {
            if (!dlx__role_name(name, f, DLX__CHECKPOINT_HF, (dlx__role)role, layer))
                break;
            if (!visit(user, name, shape, n_dims))
                return false;
        }
    }
    return true;
}

static bool add_elems(void *user, const char *name, const size_t *shape, int n_dims)
{
    size_t *n = user;
    (void)name;
    *n += shape[0] * (n_dims > 1 ? shape[1] : 1);
    return true;
}

size_t dlx__shape_params(const dlx__shape *shape, const dlx__family *family)
{
    size_t n = 0;
    each_tensor(shape, family, add_elems, &n);
    return n;
}

/* ---- the checkpoint -------------------------------------------------------------------------- */

static bool set_size(json_t *config, const char *ours, const char *theirs, size_t n)
{
    return dlx__api_set(config, ours, json_integer((json_int_t)n)) &&
           dlx__api_set(config, theirs, json_integer((json_int_t)n));
}

/* What config.json would say, under the keys of Qwen's descendants and under those of LLaDA. */
static json_t *make_config(const dlx__shape *s, const dlx__family *f)
{
    json_t *config =
        json_pack("{s:[s], s:f, s:f, s:b, s:b, s:I}", "architectures", f->architectures[0],
                  "rope_theta", s->rope_theta, "rms_norm_eps", s->rms_eps, "tie_word_embeddings",
                  s->tied, "weight_tying", s->tied, "head_dim", (json_int_t)s->head_dim);
    bool ok = config && set_size(config, "num_hidden_layers", "n_layers", s->n_layers) &&
              set_size(config, "hidden_size", "d_model", s->n_embd) &&
              set_size(config, "num_attention_heads", "n_heads", s->n_heads) &&
              set_size(config, "num_key_value_heads", "n_kv_heads", s->n_heads_kv) &&
              set_size(config, "intermediate_size", "mlp_hidden_size", s->n_ff) &&
              set_size(config, "vocab_size", "embedding_size", s->n_vocab) &&
              set_size(config, "max_position_embeddings", "max_sequence_length", s->n_ctx);
    /* A family's own mask may lie outside another's vocabulary. */
    if (ok && f->ids.mask_id >= (int64_t)s->n_vocab)
        ok = dlx__api_set(config, "mask_token_id", json_integer((json_int_t)s->n_vocab - 1));
    if (ok)
        return config;
    json_decref(config);
    return NULL;
}

/* Rows that are not whole blocks are stored as llama.cpp stores them then. */
static dlx__dtype type_for_rows(dlx__dtype dtype, size_t n_cols)
{
    if (n_cols % dlx__dtype_of(dtype)->block_elems == 0)
        return dtype;
    dlx__dtype smaller = dtype == DLX__Q4_K   ? DLX__Q5_0
                         : dtype == DLX__Q5_K ? DLX__Q5_1
                         : dtype == DLX__Q6_K ? DLX__Q8_0
                                              : DLX__F16;
    return n_cols % dlx__dtype_of(smaller)->block_elems == 0 ? smaller : DLX__F16;
}

typedef struct lister {
    dlx__found_list list;
    dlx__arena *arena; /* of the weights: names */
    dlx__dtype dtype;
    const char *file; /* for sentences */
} lister;

static bool list_tensor(void *user, const char *name, const size_t *shape, int n_dims)
{
    lister *l = user;
    dlx__found_tensor *found = dlx__found_add(&l->list);
    char *copy = dlx__arena_strdup(l->arena, name);
    if (!found || !copy)
        return false;
    dlx__tensor *t = &found->tensor;
    *t = (dlx__tensor){.name = copy, .n_dims = n_dims, .shape = {shape[0], shape[1]}};
    t->dtype = n_dims > 1 ? type_for_rows(l->dtype, shape[1]) : DLX__F32;
    t->n_bytes = dlx__mul(dlx__dtype_bytes(t->dtype, shape[n_dims - 1]), n_dims > 1 ? shape[0] : 1);
    found->file = l->file;
    return true;
}

static dlx_result list_tensors(dlx__checkpoint *c, const dlx__shape *shape,
                               const dlx__family *family, dlx__dtype dtype, dlx_error *err)
{
    lister l = {
        .list = {.mem = c->mem}, .arena = &c->hf_weights.arena, .dtype = dtype, .file = c->path};
    dlx_result r = each_tensor(shape, family, list_tensor, &l)
                       ? dlx__weights_fill(&c->hf_weights, &l.list, err)
                       : dlx__fail_memory(err, "listing the tensors of a shape", 0);
    dlx__found_release(&l.list);
    c->hf_weights.shapes_known = true;
    return r;
}

dlx_result dlx__shape_checkpoint(dlx__checkpoint *c, const dlx__shape *shape,
                                 const dlx__family *family, dlx__dtype dtype,
                                 const dlx_allocator *mem, dlx_error *err)
{
    char path[80];
    *c = (dlx__checkpoint){.kind = DLX__CHECKPOINT_HF, .mem = mem};
    dlx__arena_init(&c->hf_weights.arena, mem);
    snprintf(path, sizeof path, "shape %s", shape->name);
    c->path = dlx__strdup(mem, path);
    c->config = make_config(shape, family);
    dlx_result r = c->path && c->config ? list_tensors(c, shape, family, dtype, err)
                                        : dlx__fail_memory(err, "describing a shape", sizeof path);
    if (r != DLX_OK)
        dlx__checkpoint_release(c);
    return r;
}
