/* round_levels.h - numbers to the nearest whole ones, many at once. */
#ifndef DLX__ROUND_LEVELS_H
#define DLX__ROUND_LEVELS_H

#include "base/base.h"

/*
 * levels [n] = the whole numbers from low to high that are nearest to x * inverse, even of two; x
 * is finite. Written so that compilers do many at once: the larger and the smaller of two in this
 * order, and 1.5 * 2^23 added, which leaves no bits for a fraction.
 */
static inline void dlx__round_levels(float *levels, const float *x, size_t n, float inverse,
                                     float low, float high)
{
    const float magic = 12582912.0f;
    for (size_t i = 0; i < n; i++) {
        float q = x[i] * inverse;
        q = q > low ? q : low;
        q = q < high ? q : high;
        levels[i] = (q + magic) - magic;
    }
}

#endif
