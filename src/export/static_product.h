/*
 * static_product.h - a product whose rows, weights and results are int8, as XNNPACK computes it
 * where ranges are known beforehand:
 *
 *     x = in.scale (p - in.zero_point)       p int8, of [n]
 *     w = scales[o] q                        q int8, -127 to 127
 *     sum = (p - in.zero_point) q + bias[o]  int32, in units of units[o] = in.scale scales[o]
 *     y = out.scale (r - out.zero_point)     r = sum units[o] / out.scale, rounded, and its zero
 *                                            point; clamped to int8
 *
 * Scales are those that a program of int8 has for the row (stored_row.h), and of float rows whose
 * numbers are whole multiples already that of the multiples. They are larger where the bias would
 * not fit its int32 otherwise, and out.scale is where a unit is too large for it: the runtime
 * refuses a ratio of 256.
 */
#ifndef DLX__STATIC_PRODUCT_H
#define DLX__STATIC_PRODUCT_H

#include "dtype/affine.h"
#include "export/stored_row.h"
#include "graph/graph.h"

typedef struct dlx__static_product {
    dlx__affine in, out;
    float *scales; /* [n_out] */
    float *units;  /* [n_out] */
    int32_t *bias; /* [n_out]; NULL: none */
    bool is_again; /* the file's integers are rounded again */
} dlx__static_product;

/*
 * Of a linear node with ranges; its lists are the arena's. Reads all weights once, unless they are
 * not there and the product is only looked at: then its lists are zeros, and `out` is what the
 * range alone asks for.
 */
dlx_result dlx__static_product_make(dlx__static_product *p, const dlx__node *node, bool weights,
                                    dlx__arena *arena, dlx_error *err);

/* Bytes that the lists take. */
size_t dlx__static_product_bytes(const dlx__node *node);

/* q [n_in] = the weights of output o, whose numbers are x. */
void dlx__static_product_row(int8_t *q, const dlx__static_product *p, const float *x, size_t n_in,
                             size_t o);

#endif
