/* kv_cache.c - one block of memory, addressed by layer, kind and head. */
#include "model/kv_cache.h"

#include "base/fail.h"
#include "base/mem.h"

/* Values in bf16 are pairs of slots. */
static size_t room_of(size_t n_slots, dlx__kv_type type)
{
    return type == DLX__KV_BF16 ? dlx__align(n_slots, 2) : n_slots;
}

size_t dlx__kv_slot_bytes(size_t n_layers, size_t n_heads, size_t head_dim, dlx__kv_type type)
{
    return dlx__mul(dlx__mul(2, dlx__mul(n_layers, n_heads)), dlx__kv_row_bytes(type, head_dim));
}

/* Bytes of all numbers, up to where scales may begin. */
static size_t bytes_of_numbers(size_t n_layers, size_t n_heads, size_t n_slots, size_t head_dim,
                               dlx__kv_type type)
{
    const size_t n_rows = dlx__mul(dlx__mul(2, dlx__mul(n_layers, n_heads)), n_slots);
    const size_t n = dlx__mul(n_rows, dlx__mul(head_dim, dlx__kv_number_bytes(type)));
    return dlx__align(n, sizeof(float));
}

size_t dlx__kv_bytes(size_t n_layers, size_t n_heads, size_t n_slots, size_t head_dim,
                     dlx__kv_type type)
{
    const size_t room = room_of(n_slots, type);
    const size_t numbers = bytes_of_numbers(n_layers, n_heads, room, head_dim, type);
    if (type != DLX__KV_INT8)
        return numbers;
    const size_t n_rows = dlx__mul(dlx__mul(2, dlx__mul(n_layers, n_heads)), room);
    return dlx__add(numbers, dlx__mul(n_rows, sizeof(float)));
}

dlx_result dlx__kv_open(dlx__kv_cache *kv, size_t n_layers, size_t n_heads, size_t n_slots,
                        size_t head_dim, dlx__kv_type type, const dlx_allocator *mem,
                        dlx_error *err)
{
    *kv = (dlx__kv_cache){.mem = mem,
                          .type = type,
                          .n_layers = n_layers,
                          .n_heads = n_heads,
                          .n_slots = room_of(n_slots, type),
                          .head_dim = head_dim};
    size_t n_bytes = dlx__kv_bytes(n_layers, n_heads, n_slots, head_dim, type);
    kv->data = dlx__alloc_aligned(mem, n_bytes); /* [n_layers, 2, n_heads, n_slots, head_dim] */
    if (!kv->data)
        return dlx__fail_memory(
            err, "making room for keys and values; a shorter context needs less", n_bytes);
    if (type == DLX__KV_INT8)
        kv->scales =
            (float *)(void *)((uint8_t *)kv->data +
                              bytes_of_numbers(n_layers, n_heads, kv->n_slots, head_dim, type));
    return DLX_OK;
}

void dlx__kv_release(dlx__kv_cache *kv)
{
    dlx__free_aligned(kv->mem, kv->data);
    *kv = (dlx__kv_cache){.mem = kv->mem};
}

enum { KEYS, VALUES };

/* Row 0 of a head's keys or values, counted in rows. */
static size_t first_row(const dlx__kv_cache *kv, size_t layer, size_t kind, size_t head)
{
    return ((layer * 2 + kind) * kv->n_heads + head) * kv->n_slots;
}

/* The number at `at` of a matrix that begins with row `first`. */
static uint8_t *number(const dlx__kv_cache *kv, size_t first, size_t at)
{
    return (uint8_t *)kv->data + (first * kv->head_dim + at) * dlx__kv_number_bytes(kv->type);
}

static dlx__kv_rows rows_of(const dlx__kv_cache *kv, size_t layer, size_t kind, size_t head)
{
    const size_t first = first_row(kv, layer, kind, head);
    return (dlx__kv_rows){number(kv, first, 0), kv->scales ? kv->scales + first : NULL};
}

dlx__kv_rows dlx__kv_keys(const dlx__kv_cache *kv, size_t layer, size_t head)
{
    return rows_of(kv, layer, KEYS, head);
}

dlx__kv_rows dlx__kv_values(const dlx__kv_cache *kv, size_t layer, size_t head)
{
    return rows_of(kv, layer, VALUES, head);
}

/* Numbers of a row lie `step` apart, the first at `at`. */
typedef struct place {
    size_t at, step;
} place;

static place place_of(const dlx__kv_cache *kv, size_t kind, size_t slot)
{
    if (kind == KEYS)
        return (place){dlx__kv_key_at(kv->head_dim, slot, 0), 1};
    return (place){dlx__kv_value_at(kv->type, kv->head_dim, slot, 0),
                   kv->type == DLX__KV_BF16 ? 2 : 1};
}

static void put(const dlx__kv_cache *kv, size_t layer, size_t kind, size_t head, size_t slot,
                const float *x)
{
    const size_t first = first_row(kv, layer, kind, head);
    const place p = place_of(kv, kind, slot);
    dlx__kv_round(kv->type, number(kv, first, p.at), p.step,
                  kv->scales ? kv->scales + first + slot : NULL, x, kv->head_dim);
}

void dlx__kv_put_key(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                     const float *x)
{
    put(kv, layer, KEYS, head, slot, x);
}

void dlx__kv_put_value(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                       const float *x)
{
    put(kv, layer, VALUES, head, slot, x);
}

static const float *get(const dlx__kv_cache *kv, size_t layer, size_t kind, size_t head,
                        size_t slot, float *room)
{
    const dlx__kv_rows rows = rows_of(kv, layer, kind, head);
    const place p = place_of(kv, kind, slot);
    if (kv->type == DLX__KV_F32)
        return (const float *)rows.numbers + p.at;
    for (size_t i = 0; i < kv->head_dim; i++)
        room[i] = dlx__kv_number(kv->type, rows, p.at + i * p.step, slot);
    return room;
}

const float *dlx__kv_key(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                         float *room)
{
    return get(kv, layer, KEYS, head, slot, room);
}

const float *dlx__kv_value(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                           float *room)
{
    return get(kv, layer, VALUES, head, slot, room);
}

void dlx__kv_write(const dlx__kv_cache *kv, size_t layer, size_t start, size_t n_rows,
                   const float *k, const float *v)
{
    for (size_t i = 0; i < n_rows; i++)
        for (size_t h = 0; h < kv->n_heads; h++) {
            const size_t at = (i * kv->n_heads + h) * kv->head_dim;
            dlx__kv_put_key(kv, layer, h, start + i, k + at);
            dlx__kv_put_value(kv, layer, h, start + i, v + at);
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
