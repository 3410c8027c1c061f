/* reference.h - the loops of the reference backend, one a node kind; for reference*.c only. */
#ifndef DLX__REFERENCE_H
#define DLX__REFERENCE_H

#include "backends/backend.h"
#include "export/static_product.h"
#include "model/kv_cache.h"

/* dst [cols] = row i of a matrix [rows, cols] in whatever type */
void dlx__ref_read_row(float *dst, const dlx__tensor *w, size_t i);

/* row i of dst [n, d] = row ids[i] of table */
void dlx__ref_embed(float *dst, const dlx__tensor *table, const dlx_token *ids, size_t n);

/* dst [n, out] = x [n, in] wT + bias; `row` [max(in, out)] is scratch. With `int8_weights` each row
 * of w is rounded to multiples of max|w| / 127. */
void dlx__ref_linear(float *dst, const float *x, const dlx__tensor *w, const dlx__tensor *bias,
                     size_t n, bool int8_weights, float *row);

/*
 * dst [n, out] = x [n, in] through a product of int8 (export/static_product.h), as floats again;
 * `levels` [n, in], `row` [in] and `q` [in] are scratch.
 */
void dlx__ref_static_product(float *dst, const float *x, const dlx__node *node,
                             const dlx__static_product *p, size_t n, float *levels, float *row,
                             int8_t *q);

/* dst = x [n], rounded as the scheme says; largest: what was recorded, for the static schemes. */
void dlx__ref_round(float *dst, const float *x, size_t n, dlx__scheme scheme, float largest);

/* dst, x [n, cols]; `row` [cols] is scratch */
void dlx__ref_rmsnorm(float *dst, const float *x, const dlx__tensor *w, float eps, size_t n,
                      float *row);

/* dst, x [n, heads, cols], row i at position start + i */
void dlx__ref_rope(float *dst, const float *x, size_t n, size_t n_heads, size_t n_cols,
                   size_t start, double theta);

/* dst, q [n, heads, cols]; the rows' own K/V are in kv; `scores` [n_slots], `sums` [cols] and `row`
 * [cols] are scratch */
void dlx__ref_attend(float *dst, const float *q, const dlx__kv_cache *kv, const dlx__node *node,
                     const dlx__step *step, double *scores, double *sums, float *row);

void dlx__ref_silu_mul(float *dst, const float *gate, const float *up, size_t n);
void dlx__ref_add(float *dst, const float *x, const float *y, size_t n);

/* What the head says of one row of logits [n_rows_vocab]. */
void dlx__ref_row_stat(dlx__row_stat *stat, const float *logits, size_t n_rows_vocab,
                       const dlx__head *head);

#endif
