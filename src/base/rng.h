/*
 * rng.h - the documented random generator: xoshiro256** (Blackman, Vigna 2018), its state filled
 * from the seed by splitmix64. The same seed gives the same draws on every machine.
 */
#ifndef DLX__RNG_H
#define DLX__RNG_H

#include "base/base.h"

typedef struct dlx__rng {
    uint64_t s[4];
} dlx__rng;

void dlx__rng_seed(dlx__rng *rng, uint64_t seed);
uint64_t dlx__rng_bits(dlx__rng *rng);
double dlx__rng_uniform(dlx__rng *rng); /* [0, 1), the top 53 bits over 2^53 */

#endif
