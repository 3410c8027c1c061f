/* range.h - what the quantizers ask of a block before they choose its scale. */
#ifndef DLX__RANGE_H
#define DLX__RANGE_H

#include "base/base.h"

#include <float.h>
#include <math.h>

typedef struct dlx__range {
    float min;
    float max;
} dlx__range;

static inline dlx__range dlx__range_of(const float *x, int n)
{
    dlx__range r = {FLT_MAX, -FLT_MAX};
    for (int i = 0; i < n; i++) {
        if (x[i] < r.min)
            r.min = x[i];
        if (x[i] > r.max)
            r.max = x[i];
    }
    return r;
}

/* The element of the largest magnitude, with its sign; the first of equals. 0 for no numbers. */
static inline float dlx__widest(const float *x, int n)
{
    float magnitude = 0.0f, widest = 0.0f;
    for (int i = 0; i < n; i++) {
        if (fabsf(x[i]) > magnitude) {
            magnitude = fabsf(x[i]);
            widest = x[i];
        }
    }
    return widest;
}

#endif
