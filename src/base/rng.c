/* rng.c - xoshiro256** seeded by splitmix64; both after the public-domain text of their authors. */
#include "base/rng.h"

static uint64_t rotate_left(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* splitmix64 spreads any seed, zero included, over the state: xoshiro must not start at all zeros.
 */
static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void dlx__rng_seed(dlx__rng *rng, uint64_t seed)
{
    for (size_t i = 0; i < DLX__LEN(rng->s); i++)
        rng->s[i] = splitmix(&seed);
}

uint64_t dlx__rng_bits(dlx__rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double dlx__rng_uniform(dlx__rng *rng)
{
    return (double)(dlx__rng_bits(rng) >> 11) * 0x1.0p-53;
}
