/* gguf_rows.c - tensors as a GGUF file has them: names, order, and rows through the permutation. */
#include "model/gguf_rows.h"

#include "base/fail.h"
#include "dtype/convert.h"
#include "model/bind.h"

#include <string.h>

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
    const size_t most = dlx__mul(DLX__N_ROLES, m->hp.n_layers);
    list->items = dlx__arena_alloc(&list->arena, most, sizeof *list->items);
    bool ok = list->items != NULL;
    for (int role = 0; role < DLX__N_ROLES; role++) {
        size_t n = dlx__role_per_layer((dlx__role)role) ? m->hp.n_layers : 1;
        for (size_t layer = 0; ok && layer < n; layer++)
            ok = add(list, m, (dlx__role)role, layer);
    }
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

static const char *row_at(const dlx__gguf_tensor *t, size_t r, size_t row_bytes)
{
    return (const char *)t->tensor->data + dlx__gguf_row(t, r) * row_bytes;
}

void dlx__gguf_read_rows(float *dst, const dlx__gguf_tensor *t, size_t begin, size_t end)
{
    const size_t row_bytes = dlx__dtype_bytes(t->tensor->dtype, t->n_cols);
    for (size_t r = begin; r < end; r++)
        dlx__to_f32(dst + (r - begin) * t->n_cols, row_at(t, r, row_bytes), t->tensor->dtype,
                    t->n_cols);
}

void dlx__gguf_copy_rows(void *dst, const dlx__gguf_tensor *t, size_t begin, size_t end)
{
    const size_t row_bytes = dlx__dtype_bytes(t->tensor->dtype, t->n_cols);
    for (size_t r = begin; r < end; r++)
        memcpy((char *)dst + (r - begin) * row_bytes, row_at(t, r, row_bytes), row_bytes);
}
