/*
 * kv_cache.h - keys (after RoPE) and values of a stream, static in size, one slot a position.
 * Layout: [layer][K or V][head][slot][head_dim] numbers of a type (dtype/kv_type.h), so that one
 * head's keys are one matrix; behind all of them the scales of INT8, [layer][K or V][head][slot].
 * Slots [0, n_kept) are final; a pass may write beyond them freely, since nobody reads a slot that
 * the pass itself has not written. Keeping is therefore a number, and rewinding costs nothing.
 */
#ifndef DLX__KV_CACHE_H
#define DLX__KV_CACHE_H

#include "dtype/kv_type.h"

typedef struct dlx__kv_cache {
    const dlx_allocator *mem;
    void *data;
    float *scales; /* in data; NULL: the type has none */
    dlx__kv_type type;
    size_t n_layers, n_heads, n_slots, head_dim;
    size_t n_kept; /* slots that hold final K/V */
} dlx__kv_cache;

/* type: not NONE. */
dlx_result dlx__kv_open(dlx__kv_cache *kv, size_t n_layers, size_t n_heads, size_t n_slots,
                        size_t head_dim, dlx__kv_type type, const dlx_allocator *mem,
                        dlx_error *err);
void dlx__kv_release(dlx__kv_cache *kv);

dlx__kv_rows dlx__kv_keys(const dlx__kv_cache *kv, size_t layer, size_t head);
dlx__kv_rows dlx__kv_values(const dlx__kv_cache *kv, size_t layer, size_t head);

/* x [head_dim] to a slot, rounded to the type. */
void dlx__kv_put_key(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                     const float *x);
void dlx__kv_put_value(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                       const float *x);

/* What a slot holds, [head_dim]: where it lies, if it is float32, else widened into `room`. */
const float *dlx__kv_key(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                         float *room);
const float *dlx__kv_value(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                           float *room);

/* Writes rows k, v [n_rows, n_heads, head_dim] into slots start .. start + n_rows - 1. */
void dlx__kv_write(const dlx__kv_cache *kv, size_t layer, size_t start, size_t n_rows,
                   const float *k, const float *v);

/* Makes [0, n) final / forgets what lies behind n (n <= n_kept). */
void dlx__kv_commit(dlx__kv_cache *kv, size_t n);
void dlx__kv_rewind(dlx__kv_cache *kv, size_t n);

/* Bytes of a slot, and of a cache, whose slots may be one more than were asked for. */
size_t dlx__kv_slot_bytes(size_t n_layers, size_t n_heads, size_t head_dim, dlx__kv_type type);
size_t dlx__kv_bytes(size_t n_layers, size_t n_heads, size_t n_slots, size_t head_dim,
                     dlx__kv_type type);

#endif
