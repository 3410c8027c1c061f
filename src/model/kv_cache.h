/*
 * kv_cache.h - keys (after RoPE) and values of a stream, static in size, one slot a position.
 * Layout: [layer][K or V][head][slot][head_dim] float32, so that one head's keys are one matrix.
 * Kept as halves they are bf16, and two slots of values lie side by side, [slot / 2][head_dim][2]:
 * sums over slots then read pairs, as sums over head_dim do in the keys.
 * Slots [0, n_kept) are final; a pass may write beyond them freely, since nobody reads a slot that
 * the pass itself has not written. Keeping is therefore a number, and rewinding costs nothing.
 */
#ifndef DLX__KV_CACHE_H
#define DLX__KV_CACHE_H

#include "base/base.h"

typedef struct dlx__kv_cache {
    const dlx_allocator *mem;
    void *data;
    size_t n_layers, n_heads, n_slots, head_dim;
    bool halves;
    size_t n_kept; /* slots that hold final K/V */
} dlx__kv_cache;

dlx_result dlx__kv_open(dlx__kv_cache *kv, size_t n_layers, size_t n_heads, size_t n_slots,
                        size_t head_dim, bool halves, const dlx_allocator *mem, dlx_error *err);
void dlx__kv_release(dlx__kv_cache *kv);

float *dlx__kv_keys(const dlx__kv_cache *kv, size_t layer, size_t head);   /* [n_slots, head_dim] */
float *dlx__kv_values(const dlx__kv_cache *kv, size_t layer, size_t head); /* [n_slots, head_dim] */

/* The same of a cache kept as halves. */
uint16_t *dlx__kv_key_halves(const dlx__kv_cache *kv, size_t layer, size_t head);
uint16_t *dlx__kv_value_halves(const dlx__kv_cache *kv, size_t layer, size_t head);

/* x [head_dim] to a slot, whichever way it is kept. */
void dlx__kv_put_key(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                     const float *x);
void dlx__kv_put_value(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot,
                       const float *x);

/* Of float32: writes rows k, v [n_rows, n_heads, head_dim] into slots start .. start + n_rows - 1.
 */
void dlx__kv_write(dlx__kv_cache *kv, size_t layer, size_t start, size_t n_rows, const float *k,
                   const float *v);

/* Makes [0, n) final / forgets what lies behind n (n <= n_kept). */
void dlx__kv_commit(dlx__kv_cache *kv, size_t n);
void dlx__kv_rewind(dlx__kv_cache *kv, size_t n);

size_t dlx__kv_bytes(size_t n_layers, size_t n_heads, size_t n_slots, size_t head_dim, bool halves);

#endif
