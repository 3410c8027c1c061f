/* draw.c - counter-based randomness (after Steele, Lea, Flood 2014: splitmix64's finaliser). */
#include "runtime/sampler/draw.h"

#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

double dlx__draw_hash(uint64_t seed, dlx_draw_kind kind, size_t pass, size_t position, dlx_token id)
{
    const uint64_t words[] = {(uint64_t)kind, pass, position, (uint64_t)(int64_t)id};
    uint64_t h = seed;
    for (size_t i = 0; i < DLX__LEN(words); i++)
        h = mix(h + UINT64_C(0x9E3779B97F4A7C15) + words[i]);
    return (double)(h >> 11) * 0x1.0p-53;
}

double dlx__draw_uniform(const dlx__draws *d, dlx_draw_kind kind, size_t pass, size_t position,
                         dlx_token id)
{
    if (!d->fn)
        return dlx__draw_hash(d->seed, kind, pass, position, id);
    double u = d->fn(d->user, kind, pass, position, id);
    if (!(u >= 0.0))
        return 0.0;
    return u < 1.0 ? u : 1.0 - 0x1.0p-53;
}

double dlx__draw_gumbel(double u)
{
    return -log(-log(u));
}

dlx_token dlx__draw_categorical(const float *logits, size_t n, double u)
{
    float top = -INFINITY;
    for (size_t i = 0; i < n; i++)
        top = logits[i] > top ? logits[i] : top;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - top);
    double limit = u * sum;
    double reached = 0.0;
    size_t drawn = 0;
    for (size_t i = 0; i < n; i++) {
        double p = exp((double)logits[i] - top);
        if (!(p > 0.0))
            continue;
        drawn = i; /* rounding may leave reached a hair below the sum: then the last one stays */
        reached += p;
        if (reached > limit)
            break;
    }
    return (dlx_token)drawn;
}

dlx_token dlx__draw_gumbel_max(const float *logits, size_t n, double temperature,
                               const dlx__draws *d, size_t pass, size_t position)
{
    double best = -INFINITY;
    dlx_token drawn = -1;
    for (size_t i = 0; i < n; i++) {
        if (logits[i] == -INFINITY)
            continue;
        double u = dlx__draw_uniform(d, DLX_DRAW_TOKEN, pass, position, (dlx_token)i);
        double score = (double)logits[i] + temperature * dlx__draw_gumbel(u);
        if (drawn < 0 || score > best) {
            best = score;
            drawn = (dlx_token)i;
        }
    }
    return drawn;
}
