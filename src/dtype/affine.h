/*
 * affine.h - whole numbers that stand for real ones: x is about scale * (q - zero_point), as in
 * quantized activations. A grid says which numbers q there are, a range which x have to fit.
 */
#ifndef DLX__AFFINE_H
#define DLX__AFFINE_H

#include "base/base.h"
#include "dtype/range.h"

enum { DLX__AFFINE_MIN_BITS = 2, DLX__AFFINE_MAX_BITS = 16 };

/* All zero: 8 bits, asymmetric, signed. 7 bits are what others call a reduced range. */
typedef struct dlx__affine_grid {
    int bits;         /* 0: 8 */
    bool symmetric;   /* 0 lies in the middle, whatever the range */
    bool is_unsigned; /* 0 .. 255 instead of -128 .. 127 */
} dlx__affine_grid;

typedef struct dlx__affine {
    float scale; /* a normal number > 0 */
    int32_t zero_point;
    int32_t q_min, q_max;
} dlx__affine;

/* Refuses numbers of bits outside MIN_BITS to MAX_BITS. */
dlx_result dlx__affine_grid_check(dlx__affine_grid grid, dlx_error *err);

/*
 * What holds the range and 0, for 0 must be one of the numbers (padding, masks, ReLU). Symmetric:
 * the larger magnitude is the largest q (127), and the one more negative q is there for values
 * outside the range. A range of nothing but 0 has the scale 1. The grid has been checked.
 */
dlx__affine dlx__affine_of(dlx__affine_grid grid, dlx__range r);

/*
 * The same of 8 signed asymmetric bits with a scale of at least `least`: results of products need
 * more than their range asks for where the sums' own steps are large, and no runtime likes a scale
 * near 0. LEAST_SCALE: smaller steps of activations are noise.
 */
#define DLX__AFFINE_LEAST_SCALE 1e-18f
dlx__affine dlx__affine_at_least(dlx__range r, float least);

/* The nearest q, of equals the even one; outside the grid the outermost one. x is no NaN. */
int32_t dlx__affine_quantize(const dlx__affine *a, float x);
float dlx__affine_dequantize(const dlx__affine *a, int32_t q);

#endif
