/* kv_cache.c - one block of memory, addressed by layer, kind and head. */
#include "model/kv_cache.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

size_t dlx__kv_bytes(size_t n_layers, size_t n_heads, size_t n_slots, size_t head_dim)
{
    size_t n = dlx__mul(dlx__mul(n_layers, n_heads), dlx__mul(n_slots, head_dim));
    return dlx__mul(n, 2 * sizeof(float));
}

dlx_result dlx__kv_open(dlx__kv_cache *kv, size_t n_layers, size_t n_heads, size_t n_slots,
                        size_t head_dim, const dlx_allocator *mem, dlx_error *err)
{
    *kv = (dlx__kv_cache){.mem = mem,
                          .n_layers = n_layers,
                          .n_heads = n_heads,
                          .n_slots = n_slots,
                          .head_dim = head_dim};
    size_t n_bytes = dlx__kv_bytes(n_layers, n_heads, n_slots, head_dim);
    kv->data = dlx__alloc_aligned(mem, n_bytes); /* [n_layers, 2, n_heads, n_slots, head_dim] */
    if (!kv->data)
        return dlx__fail_memory(
            err, "making room for keys and values; a shorter context needs less", n_bytes);
    return DLX_OK;
}

void dlx__kv_release(dlx__kv_cache *kv)
{
    dlx__free_aligned(kv->mem, kv->data);
    *kv = (dlx__kv_cache){.mem = kv->mem};
}

/* kind 0: keys, 1: values */
static float *matrix(const dlx__kv_cache *kv, size_t layer, size_t kind, size_t head)
{
    size_t index = (layer * 2 + kind) * kv->n_heads + head;
    return kv->data + index * kv->n_slots * kv->head_dim;
}

float *dlx__kv_keys(const dlx__kv_cache *kv, size_t layer, size_t head)
{
    return matrix(kv, layer, 0, head);
}

float *dlx__kv_values(const dlx__kv_cache *kv, size_t layer, size_t head)
{
    return matrix(kv, layer, 1, head);
}

void dlx__kv_write(dlx__kv_cache *kv, size_t layer, size_t start, size_t n_rows, const float *k,
                   const float *v)
{
    size_t c = kv->head_dim;
    for (size_t h = 0; h < kv->n_heads; h++) {
        float *keys = dlx__kv_keys(kv, layer, h) + start * c;     /* [n_rows, c] */
        float *values = dlx__kv_values(kv, layer, h) + start * c; /* [n_rows, c] */
        for (size_t i = 0; i < n_rows; i++) {
            memcpy(keys + i * c, k + (i * kv->n_heads + h) * c, c * sizeof *k);
            memcpy(values + i * c, v + (i * kv->n_heads + h) * c, c * sizeof *v);
        }
    }
}

void dlx__kv_commit(dlx__kv_cache *kv, size_t n)
{
    kv->n_kept = dlx__max(kv->n_kept, dlx__min(n, kv->n_slots));
}

void dlx__kv_rewind(dlx__kv_cache *kv, size_t n)
{
    kv->n_kept = dlx__min(kv->n_kept, n);
}
