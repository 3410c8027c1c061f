/* permute.c - between our row order of q and k and llama.cpp's. */
#include "model/permute.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

static void move_rows(void *dst, const void *src, size_t n_heads, size_t head_dim, size_t row_bytes,
                      bool to_llama_cpp)
{
    size_t half = head_dim / 2;
    for (size_t h = 0; h < n_heads; h++) {
        for (size_t i = 0; i < head_dim; i++) {
            size_t ours = h * head_dim + i;
            size_t theirs = h * head_dim + 2 * (i % half) + i / half;
            size_t from = to_llama_cpp ? ours : theirs;
            size_t to = to_llama_cpp ? theirs : ours;
            memcpy((char *)dst + to * row_bytes, (const char *)src + from * row_bytes, row_bytes);
        }
    }
}

void dlx__rows_to_llama_cpp(void *dst, const void *src, size_t n_heads, size_t head_dim,
                            size_t row_bytes)
{
    move_rows(dst, src, n_heads, head_dim, row_bytes, true);
}

void dlx__rows_from_llama_cpp(void *dst, const void *src, size_t n_heads, size_t head_dim,
                              size_t row_bytes)
{
    move_rows(dst, src, n_heads, head_dim, row_bytes, false);
}

static dlx_result unpermute(dlx__model *m, const dlx__tensor **slot, size_t n_heads, dlx_error *err)
{
    const dlx__tensor *t = *slot; /* [n_heads * head_dim, n_embd] */
    dlx__tensor *copy = dlx__arena_alloc(&m->arena, 1, sizeof *copy);
    void *bytes = dlx__alloc_aligned(m->mem, t->n_bytes);
    if (!copy || !bytes) {
        dlx__free_aligned(m->mem, bytes);
        return dlx__fail_memory(err, "putting the rows of q and k in order", t->n_bytes);
    }
    m->copies[m->n_copies++] = bytes;
    m->n_copied_bytes += t->n_bytes;
    dlx__rows_from_llama_cpp(bytes, t->data, n_heads, m->hp.head_dim, t->n_bytes / t->shape[0]);
    dlx__model_drop_pages(m, t->data, t->n_bytes);
    *copy = *t;
    copy->data = bytes;
    *slot = copy;
    return DLX_OK;
}

dlx_result dlx__unpermute_qk(dlx__model *m, dlx_error *err)
{
    size_t n_layers = m->hp.n_layers;
    m->copies = dlx__arena_alloc(&m->arena, 2 * n_layers, sizeof *m->copies);
    if (!m->copies)
        return dlx__fail_memory(err, "putting the rows of q and k in order",
                                2 * n_layers * sizeof *m->copies);
    for (size_t i = 0; i < n_layers; i++) {
        DLX__TRY(unpermute(m, &m->roles[DLX__ROLE_Q * n_layers + i], m->hp.n_heads, err));
        DLX__TRY(unpermute(m, &m->roles[DLX__ROLE_K * n_layers + i], m->hp.n_heads_kv, err));
    }
    return DLX_OK;
}
