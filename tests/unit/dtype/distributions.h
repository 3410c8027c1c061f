/* distributions.h - weights as they come, and as they should not come. */
#ifndef DISTRIBUTIONS_H
#define DISTRIBUTIONS_H

#include "base/rng.h"

#include <math.h>

#define DISTRIBUTIONS(X) X(GAUSSIAN) X(UNIFORM) X(HEAVY_TAILED) X(OFFSET) X(OUTLIERS) X(TINY)

typedef enum distribution {
#define DISTRIBUTION(name) name,
    DISTRIBUTIONS(DISTRIBUTION)
#undef DISTRIBUTION
        N_DISTRIBUTIONS
} distribution;

static inline double gaussian(dlx__rng *rng)
{
    const double radius = sqrt(-2.0 * log(1.0 - dlx__rng_uniform(rng)));
    return radius * cos(6.283185307179586 * dlx__rng_uniform(rng));
}

static inline double drawn(dlx__rng *rng, distribution d, size_t i)
{
    switch (d) {
    case UNIFORM:
        return dlx__rng_uniform(rng) - 0.5;
    case HEAVY_TAILED: { /* Student's t of 3 degrees */
        const double a = gaussian(rng), b = gaussian(rng), c = gaussian(rng);
        return 0.02 * gaussian(rng) / sqrt((a * a + b * b + c * c) / 3.0);
    }
    case OFFSET:
        return 0.05 + 0.02 * gaussian(rng);
    case OUTLIERS:
        return gaussian(rng) * (i % 61 == 7 ? 1.0 : 0.03);
    case TINY: /* scales are subnormal f16 */
        return 2e-5 * gaussian(rng);
    default:
        return 0.02 * gaussian(rng);
    }
}

static inline void draw(float *x, size_t n, dlx__rng *rng, distribution d)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)drawn(rng, d, i);
}

/* Sum of importance * (a - b)^2; importance NULL: 1. */
static inline double squared_error(const float *a, const float *b, const float *importance,
                                   size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double off = (double)a[i] - (double)b[i];
        sum += (importance ? (double)importance[i] : 1.0) * off * off;
    }
    return sum;
}

#endif
