/* kv_cache.c - one block of memory, addressed by layer, kind and head. */
#include "model/kv_cache.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <string.h>

/* Values kept as halves are pairs of slots. */
static size_t room(size_t n_slots, bool halves)
{
    return halves ? dlx__align(n_slots, 2) : n_slots;
}

size_t dlx__kv_bytes(size_t n_layers, size_t n_heads, size_t n_slots, size_t head_dim, bool halves)
{
    size_t n = dlx__mul(dlx__mul(n_layers, n_heads), dlx__mul(room(n_slots, halves), head_dim));
    return dlx__mul(n, 2 * (halves ? sizeof(uint16_t) : sizeof(float)));
}

dlx_result dlx__kv_open(dlx__kv_cache *kv, size_t n_layers, size_t n_heads, size_t n_slots,
                        size_t head_dim, bool halves, const dlx_allocator *mem, dlx_error *err)
{
    *kv = (dlx__kv_cache){.mem = mem,
                          .n_layers = n_layers,
                          .n_heads = n_heads,
                          .n_slots = room(n_slots, halves),
                          .head_dim = head_dim,
                          .halves = halves};
    size_t n_bytes = dlx__kv_bytes(n_layers, n_heads, n_slots, head_dim, halves);
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

enum { KEYS, VALUES };

/* The first number of a matrix. */
static size_t matrix(const dlx__kv_cache *kv, size_t layer, size_t kind, size_t head)
{
    return ((layer * 2 + kind) * kv->n_heads + head) * kv->n_slots * kv->head_dim;
}

float *dlx__kv_keys(const dlx__kv_cache *kv, size_t layer, size_t head)
{
    return (float *)kv->data + matrix(kv, layer, KEYS, head);
}

float *dlx__kv_values(const dlx__kv_cache *kv, size_t layer, size_t head)
{
    return (float *)kv->data + matrix(kv, layer, VALUES, head);
}

uint16_t *dlx__kv_key_halves(const dlx__kv_cache *kv, size_t layer, size_t head)
{
    return (uint16_t *)kv->data + matrix(kv, layer, KEYS, head);
}

uint16_t *dlx__kv_value_halves(const dlx__kv_cache *kv, size_t layer, size_t head)
{
    return (uint16_t *)kv->data + matrix(kv, layer, VALUES, head);
}

void dlx__kv_put_key(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                     const float *x)
{
    const size_t c = kv->head_dim;
    if (!kv->halves) {
        memcpy(dlx__kv_keys(kv, layer, head) + slot * c, x, c * sizeof *x);
        return;
    }
    uint16_t *to = dlx__kv_key_halves(kv, layer, head) + slot * c;
    for (size_t i = 0; i < c; i++)
        to[i] = dlx__f32_to_bf16(x[i]);
}

/* Of one of the two slots that share pairs. */
static uint16_t *half_slot(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot)
{
    return dlx__kv_value_halves(kv, layer, head) + slot / 2 * 2 * kv->head_dim + slot % 2;
}

void dlx__kv_put_value(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                       const float *x)
{
    const size_t c = kv->head_dim;
    if (!kv->halves) {
        memcpy(dlx__kv_values(kv, layer, head) + slot * c, x, c * sizeof *x);
        return;
    }
    uint16_t *to = half_slot(kv, layer, head, slot);
    for (size_t i = 0; i < c; i++)
        to[2 * i] = dlx__f32_to_bf16(x[i]);
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
