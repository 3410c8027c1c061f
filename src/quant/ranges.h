/*
 * ranges.h - which ranges the inputs of products have, for static schemes: one observer for each
 * place of a layer where products read rows, named "blk.3.attn", "blk.3.attn_output", "blk.3.ffn"
 * and "blk.3.ffn_down", and "output" for what the head reads. For the scheme static also which
 * ranges their results have, "blk.3.attn_q.out" and so on for each matrix of a layer: runtimes
 * whose results are int8 too need them. Observers of several runs, each over a part of the texts,
 * are merged.
 */
#ifndef DLX__RANGES_H
#define DLX__RANGES_H

#include "quant/observer_set.h"
#include "quant/site.h"

enum { DLX__RANGE_NAME_BYTES = 64 };

/* The observer of the rows that a role's product reads; false: it reads none. */
bool dlx__range_name(char out[DLX__RANGE_NAME_BYTES], dlx__role role, size_t layer);

/* The observer of the rows that a role's product writes; false: none observes them. */
bool dlx__range_out_name(char out[DLX__RANGE_NAME_BYTES], dlx__role role, size_t layer);

typedef struct dlx__ranges {
    const dlx__observer_spec *spec;
    /* What was seen, by name; not NULL. Layers are added as they are observed. */
    dlx__observer_set *seen;
    const dlx__observer_set *earlier; /* to be merged into it; NULL: none */
    bool outputs; /* what products write is observed too; `earlier` has it then */
} dlx__ranges;

/* What was seen of a product. */
typedef struct dlx__product_ranges {
    float largest; /* magnitude that a symmetric grid has to reach for what it reads; never 0 */
    /* What it reads and writes, where outputs are observed; else 0, 0. Of the head only `in`. */
    dlx__range in, out;
} dlx__product_ranges;

/* Has the set the observers of what products write? Files of older versions have not. */
bool dlx__ranges_have_outputs(const dlx__observer_set *set);

/* Are these the observers of this model, all of which saw something? */
dlx_result dlx__ranges_check(const dlx__observer_set *set, const dlx__model *m, dlx_error *err);

/* Makes the observers of a layer of m, or merges what was seen earlier into them: after the last
 * rows. */
dlx_result dlx__ranges_begin_layer(const dlx__ranges *r, const dlx__model *m, size_t layer,
                                   dlx_error *err);
dlx_result dlx__ranges_end_layer(const dlx__ranges *r, size_t layer, dlx_error *err);

/* The same of what the head reads. */
dlx_result dlx__ranges_begin_head(const dlx__ranges *r, const dlx__model *m, dlx_error *err);
dlx_result dlx__ranges_end_head(const dlx__ranges *r, dlx_error *err);

/* Observes x [n, columns], whose rows lie `stride` apart: what the product of `role` reads, or
 * writes. */
dlx_result dlx__ranges_add(const dlx__ranges *r, dlx__role role, size_t layer, const float *x,
                           size_t stride, size_t n, dlx_error *err);
dlx_result dlx__ranges_add_out(const dlx__ranges *r, dlx__role role, size_t layer, const float *y,
                               size_t stride, size_t n, dlx_error *err);

/* What a grid of so many bits needs. */
dlx_result dlx__ranges_of(const dlx__ranges *r, dlx__role role, size_t layer, int bits,
                          dlx__product_ranges *out, dlx_error *err);

#endif
