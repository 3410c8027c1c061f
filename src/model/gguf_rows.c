/* gguf_rows.c - tensors as a GGUF file has them. */
#include "model/gguf_rows.h"

#include "base/fail.h"
#include "model/bind.h"

static bool is_in_file(const dlx__model *m, dlx__role role, size_t layer)
{
    if (role == DLX__ROLE_HEAD && m->hp.tied)
        return false;
    return dlx__model_tensor(m, role, layer) != NULL;
}

static bool is_permuted(const dlx__model *m, dlx__role role)
{
    return m->family->gguf_permuted_qk && (role == DLX__ROLE_Q || role == DLX__ROLE_K);
}

static bool add(dlx__gguf_tensors *list, const dlx__model *m, dlx__role role, size_t layer)
{
    char name[160];
    if (!is_in_file(m, role, layer) ||
        !dlx__role_name(name, m->family, DLX__CHECKPOINT_GGUF, role, layer))
        return true;
    const dlx__tensor *t = dlx__model_tensor(m, role, layer);
    list->items[list->n] = (dlx__gguf_tensor){
        .name = dlx__arena_strdup(&list->arena, name),
        .role = role,
        .layer = layer,
        .tensor = t,
        .n_rows = t->n_dims == 2 ? t->shape[0] : 1,
        .n_cols = t->shape[t->n_dims - 1],
        .head_dim = is_permuted(m, role) ? m->hp.head_dim : 0,
    };
    return list->items[list->n++].name != NULL;
}

dlx_result dlx__gguf_tensors_init(dlx__gguf_tensors *list, const dlx__model *m, dlx_error *err)
{
    *list = (dlx__gguf_tensors){.n = 0};
    dlx__arena_init(&list->arena, m->mem);
    const size_t most = dlx__mul(DLX__N_ROLES, dlx__add(m->hp.n_layers, 1));
    list->items = dlx__arena_alloc(&list->arena, most, sizeof *list->items);
    bool ok = list->items && add(list, m, DLX__ROLE_EMBED, 0);
    for (size_t layer = 0; layer < m->hp.n_layers; layer++)
        for (int role = 0; role < DLX__N_ROLES; role++)
            if (dlx__role_per_layer((dlx__role)role))
                ok = ok && add(list, m, (dlx__role)role, layer);
    ok = ok && add(list, m, DLX__ROLE_FINAL_NORM, 0) && add(list, m, DLX__ROLE_HEAD, 0);
    if (ok)
        return DLX_OK;
    dlx__gguf_tensors_release(list);
    return dlx__fail_memory(err, "listing tensors", dlx__mul(most, sizeof *list->items));
}

void dlx__gguf_tensors_release(dlx__gguf_tensors *list)
{
    dlx__arena_release(&list->arena);
    list->items = NULL;
    list->n = 0;
}

dlx__tensor dlx__gguf_described(const dlx__gguf_tensor *t, dlx__dtype dtype)
{
    dlx__tensor described = *t->tensor;
    described.name = t->name;
    described.dtype = dtype;
    described.n_bytes = dlx__dtype_bytes(dtype, dlx__tensor_elems(t->tensor));
    described.data = NULL;
    return described;
}

size_t dlx__gguf_row(const dlx__gguf_tensor *t, size_t r)
{
    if (t->head_dim == 0)
        return r;
    /* neighbours in the file are the two halves of a pair: 2*j + half lies at half*c/2 + j */
    const size_t i = r % t->head_dim;
    return r - i + i % 2 * (t->head_dim / 2) + i / 2;
}
