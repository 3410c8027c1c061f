/*
 * ranges.h - which ranges the inputs of products have, for static schemes: one observer for each
 * place of a layer where products read rows, named "blk.3.attn", "blk.3.attn_output", "blk.3.ffn"
 * and "blk.3.ffn_down", and "output" for what the head reads. Observers of several runs, each over
 * a part of the texts, are merged.
 */
#ifndef DLX__RANGES_H
#define DLX__RANGES_H

#include "quant/observer_set.h"
#include "quant/site.h"

enum { DLX__RANGE_NAME_BYTES = 64 };

/* The observer of the rows that a role's product reads; false: it reads none. */
bool dlx__range_name(char out[DLX__RANGE_NAME_BYTES], dlx__role role, size_t layer);

typedef struct dlx__ranges {
    const dlx__observer_spec *spec;
    /* What was seen, by name; not NULL. Layers are added as they are observed. */
    dlx__observer_set *seen;
    const dlx__observer_set *earlier; /* to be merged into it; NULL: none */
} dlx__ranges;

/* Are these the observers of this model, all of which saw something? */
dlx_result dlx__ranges_check(const dlx__observer_set *set, const dlx__model *m, dlx_error *err);

/* Makes the observer of rows [n_in]. */
dlx_result dlx__ranges_begin(const dlx__ranges *r, dlx__role role, size_t layer, size_t n_in,
                             dlx_error *err);

/* Observes x [n, n_in], whose rows lie `stride` apart. */
dlx_result dlx__ranges_add(const dlx__ranges *r, dlx__role role, size_t layer, const float *x,
                           size_t stride, size_t n, dlx_error *err);

/* Merges what was seen earlier into it: after its last row. */
dlx_result dlx__ranges_end(const dlx__ranges *r, dlx__role role, size_t layer, dlx_error *err);

/* The largest magnitude that a grid of so many bits has to reach; never 0. */
dlx_result dlx__ranges_largest(const dlx__ranges *r, dlx__role role, size_t layer, int bits,
                               float *largest, dlx_error *err);

#endif
