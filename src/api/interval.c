/* interval.c - intervals of rates, means and ratios, and of paired differences. */
#include "api/interval.h"
#include "api/bench.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>

enum { N_RESAMPLES = 4000 }; /* the ends move by 2 % of the half width from seed to seed */

static const double Z = 1.959963984540054; /* 97.5 % of the normal distribution lie below */
static const dlx__interval unknown = {NAN, NAN};

/* ---- rates ----------------------------------------------------------------------------------- */

dlx__interval dlx__interval_rate(size_t n_right, size_t n)
{
    if (n == 0)
        return unknown;
    double all = (double)n, rate = (double)n_right / all;
    double middle = (rate + Z * Z / (2 * all)) / (1 + Z * Z / all);
    double half = Z / (1 + Z * Z / all) * sqrt(rate * (1 - rate) / all + Z * Z / (4 * all * all));
    return (dlx__interval){n_right == 0 ? 0 : middle - half, n_right == n ? 1 : middle + half};
}

/*
 * Tango's statistic: how many standard errors the difference lies above `delta`, with the error
 * that the likeliest rates would have if delta were the true difference. Falls with delta.
 */
static double score(double only_a, double only_b, double n, double delta)
{
    double b = (2 * n - only_a + only_b) * delta - only_a - only_b;
    double c = -only_b * delta * (1 - delta);
    double rate_b = (sqrt(fmax(b * b - 8 * n * c, 0)) - b) / (4 * n); /* right in B alone */
    double variance = n * (2 * rate_b + delta * (1 - delta));
    double distance = only_a - only_b - n * delta;
    if (distance == 0)
        return 0;
    return variance > 0 ? distance / sqrt(variance) : distance * INFINITY;
}

/* Where the statistic meets `level`, between lo, where it is above, and hi, where it is below. */
static double where_score_is(double level, double only_a, double only_b, double n, double lo,
                             double hi)
{
    for (int i = 0; i < 64; i++) {
        double middle = (lo + hi) / 2;
        if (score(only_a, only_b, n, middle) > level)
            lo = middle;
        else
            hi = middle;
    }
    return (lo + hi) / 2;
}

dlx__interval dlx__interval_paired(size_t only_a, size_t only_b, size_t n)
{
    if (n == 0)
        return unknown;
    double a = (double)only_a, b = (double)only_b, all = (double)n;
    double difference = (a - b) / all;
    return (dlx__interval){where_score_is(Z, a, b, all, -1, difference),
                           where_score_is(-Z, a, b, all, difference, 1)};
}

double dlx__mcnemar(size_t only_a, size_t only_b)
{
    size_t n = only_a + only_b;
    double log_ways = 0, tail = 0; /* ln of n over k */
    for (size_t k = 0; k <= dlx__min(only_a, only_b); k++) {
        if (k > 0)
            log_ways += log((double)(n - k + 1) / (double)k);
        tail += exp(log_ways - (double)n * log(2));
    }
    return fmin(2 * tail, 1);
}

/* ---- means and ratios ------------------------------------------------------------------------ */

typedef struct sums {
    double num, den;
} sums;

static void add(sums *s, const dlx__ratio *r, size_t i)
{
    s->num += r->num[i];
    s->den += r->den ? r->den[i] : 1;
}

static double quotient(double num, double den)
{
    return den > 0 ? num / den : 0;
}

static sums sum(const dlx__ratio *r, size_t n)
{
    sums s = {0, 0};
    for (size_t i = 0; i < n; i++)
        add(&s, r, i);
    return s;
}

double dlx__ratio_of(const dlx__ratio *r, size_t n)
{
    sums s = sum(r, n);
    return quotient(s.num, s.den);
}

/* Of n lines that are drawn with replacement. */
static double resampled(const dlx__ratio *a, const dlx__ratio *b, size_t n, dlx__rng *rng)
{
    sums of_a = {0, 0}, of_b = {0, 0};
    for (size_t k = 0; k < n; k++) {
        size_t i = (size_t)(dlx__rng_uniform(rng) * (double)n);
        add(&of_a, a, i);
        if (b)
            add(&of_b, b, i);
    }
    return quotient(of_a.num, of_a.den) - quotient(of_b.num, of_b.den);
}

static double without(const dlx__ratio *r, sums all, size_t i)
{
    return quotient(all.num - r->num[i], all.den - (r->den ? r->den[i] : 1));
}

/* Efron's a, a sixth of the skewness of what is left when a line is left out (his eq. 6.6). */
static double acceleration(const dlx__ratio *a, const dlx__ratio *b, size_t n)
{
    sums of_a = sum(a, n), of_b = b ? sum(b, n) : (sums){0, 0};
    double mean = 0, square = 0, cube = 0;
    for (size_t i = 0; i < n; i++)
        mean += (without(a, of_a, i) - (b ? without(b, of_b, i) : 0)) / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = mean - (without(a, of_a, i) - (b ? without(b, of_b, i) : 0));
        square += d * d;
        cube += d * d * d;
    }
    return square > 0 ? cube / (6 * square * sqrt(square)) : 0;
}

static double normal_cdf(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

static double normal_quantile(double p)
{
    double lo = -40, hi = 40;
    for (int i = 0; i < 64; i++) {
        double middle = (lo + hi) / 2;
        if (normal_cdf(middle) < p)
            lo = middle;
        else
            hi = middle;
    }
    return (lo + hi) / 2;
}

/* The share of resamples that lie below the estimate; ties count half, and none is 0 or 1. */
static double share_below(const double *resamples, double estimate)
{
    double n = 0;
    for (size_t i = 0; i < N_RESAMPLES; i++)
        n += resamples[i] < estimate ? 1 : resamples[i] == estimate ? 0.5 : 0;
    return fmin(fmax(n, 0.5), N_RESAMPLES - 0.5) / N_RESAMPLES;
}

bool dlx__interval_ratio(dlx__interval *out, const dlx__ratio *a, const dlx__ratio *b, size_t n,
                         uint64_t seed, const dlx_allocator *mem)
{
    *out = unknown;
    if (n < 2)
        return true;
    double *resamples = dlx__alloc(mem, N_RESAMPLES * sizeof *resamples);
    if (!resamples)
        return false;
    dlx__rng rng;
    dlx__rng_seed(&rng, seed);
    for (size_t i = 0; i < N_RESAMPLES; i++)
        resamples[i] = resampled(a, b, n, &rng);
    double estimate = dlx__ratio_of(a, n) - (b ? dlx__ratio_of(b, n) : 0);
    double bias = normal_quantile(share_below(resamples, estimate));
    double skew = acceleration(a, b, n);
    double lo = bias - Z, hi = bias + Z; /* |skew| is at most 1/6: no denominator below is 0 */
    out->lo = dlx__percentile(resamples, N_RESAMPLES, normal_cdf(bias + lo / (1 - skew * lo)));
    out->hi = dlx__percentile(resamples, N_RESAMPLES, normal_cdf(bias + hi / (1 - skew * hi)));
    dlx__free(mem, resamples);
    return true;
}
