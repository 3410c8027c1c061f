/*
 * model.c - opening a checkpoint: family, numbers, tensors, graph, in this order, so that nothing
 * large is made before the numbers were held against the file.
 */
#include "model/model.h"

#include "base/fail.h"
#include "base/mem.h"
#include "model/bind.h"
#include "model/families.h"
#include "model/gguf_config.h"
#include "model/hf_config.h"
#include "model/kv_cache.h"
#include "model/permute.h"
#include "model/recorded.h"

static dlx_result read_gguf(dlx__model *m, dlx_error *err)
{
    const dlx__family *f = m->family;
    dlx__gguf_source src = {.file = &m->checkpoint.gguf, .arch = f->gguf_arch};
    DLX__TRY(f->read_gguf(&m->hp, &src, err));
    DLX__TRY(dlx__gguf_check_shift(&src, f, err));
    return dlx__gguf_read_ids(&m->hp, &src, f, err);
}

static dlx_result read_hf(dlx__model *m, dlx_error *err)
{
    const dlx__family *f = m->family;
    const dlx__checkpoint *c = &m->checkpoint;
    char *config = dlx__checkpoint_file(c, "config.json");
    char *generation = dlx__checkpoint_file(c, "generation_config.json");
    dlx_result r = DLX_OK;
    if (!config || !generation)
        DLX__GO(dlx__fail_memory(err, "reading the configuration", 64));
    dlx__hf_source src = {.config = {c->config, config},
                          .generation = {c->generation, generation},
                          .added_tokens = c->added_tokens,
                          .tokenizer_config = c->tokenizer_config};
    DLX__GO(f->read_hf(&m->hp, &src, err));
    DLX__GO(dlx__hparams_check(&m->hp, config, err));
    DLX__GO(dlx__hf_read_ids(&m->hp, &src, f, err));
done:
    dlx__free(m->mem, config);
    dlx__free(m->mem, generation);
    return r;
}

static dlx_result setup(dlx__model *m, dlx__checkpoint_need need, dlx_error *err)
{
    bool is_gguf = m->checkpoint.kind == DLX__CHECKPOINT_GGUF;
    DLX__TRY(dlx__family_of(&m->family, &m->checkpoint, err));
    DLX__TRY(is_gguf ? read_gguf(m, err) : read_hf(m, err));
    DLX__TRY(dlx__bind(m, err));
    if (need == DLX__NEED_WEIGHTS && !m->has_weights)
        return dlx__fail(err, DLX_E_IO,
                         "%s: expected weights, found only the configuration; fetch "
                         "the whole checkpoint",
                         m->checkpoint.path);
    if (is_gguf && m->has_weights && m->family->gguf_permuted_qk)
        DLX__TRY(dlx__unpermute_qk(m, err));
    m->slot = dlx__arena_alloc(&m->arena, 1, sizeof *m->slot);
    if (!m->slot)
        return dlx__fail_memory(err, "opening a model", sizeof *m->slot);
    atomic_init(&m->slot->held, NULL);
    m->family->build(&m->graph, m);
    DLX__TRY(dlx__graph_check(&m->graph, err));
    return is_gguf ? dlx__recorded_read(m, err) : DLX_OK;
}

dlx_result dlx__model_setup(dlx__model *m, dlx__checkpoint_need need, dlx_error *err)
{
    m->mem = m->checkpoint.mem;
    dlx__hparams_init(&m->hp);
    dlx__arena_init(&m->arena, m->mem);
    dlx__graph_init(&m->graph, m->mem);
    dlx_result r = setup(m, need, err);
    if (r != DLX_OK)
        dlx__model_release(m);
    return r;
}

dlx_result dlx__model_open(dlx__model *m, const char *path, dlx__checkpoint_need need,
                           const dlx_allocator *mem, dlx_error *err)
{
    *m = (dlx__model){.mem = mem};
    /* A model without as much as its configuration cannot be opened: names are the least. */
    if (need == DLX__NEED_NOTHING)
        need = DLX__NEED_NAMES;
    DLX__TRY(dlx__checkpoint_open(&m->checkpoint, path, need, mem, err));
    return dlx__model_setup(m, need, err);
}

void dlx__model_drop_pages(const dlx__model *m, const void *data, size_t n_bytes)
{
    const dlx__weights *w = &m->checkpoint.hf_weights;
    const bool is_gguf = m->checkpoint.kind == DLX__CHECKPOINT_GGUF;
    const dlx__map *maps = is_gguf ? &m->checkpoint.gguf.map : w->maps;
    const uint8_t *bytes = data;
    for (size_t i = 0; i < (is_gguf ? 1 : w->n_maps); i++)
        if (maps[i].data && bytes >= maps[i].data && bytes < maps[i].data + maps[i].len)
            dlx__os_map_drop(&maps[i], (size_t)(bytes - maps[i].data), n_bytes);
}

void dlx__model_release(dlx__model *m)
{
    dlx__prepared *prepared = m->slot ? atomic_load(&m->slot->held) : NULL;
    if (prepared)
        prepared->release(prepared);
    for (size_t i = 0; i < m->n_copies; i++)
        dlx__free_aligned(m->mem, m->copies[i]);
    dlx__graph_release(&m->graph);
    dlx__arena_release(&m->arena);
    dlx__checkpoint_release(&m->checkpoint);
    *m = (dlx__model){.mem = m->mem};
}

const dlx__tensor *dlx__model_tensor(const dlx__model *m, dlx__role role, size_t layer)
{
    size_t i = dlx__role_per_layer(role) ? layer : 0;
    return m->roles[(size_t)role * m->hp.n_layers + i];
}

size_t dlx__model_kv_bytes_per_token(const dlx__model *m)
{
    return dlx__kv_slot_bytes(m->hp.n_layers, m->hp.n_heads_kv, m->hp.head_dim, DLX__KV_F32);
}
