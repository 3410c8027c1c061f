/*
 * interval.h - how sure a figure is that comes from a sample of lines: 95 % intervals of rates, of
 * means and ratios, and of the differences of two models that judged the same lines (paired).
 *   Wilson 1927, "Probable inference, the law of succession, and statistical inference"
 *   Tango 1998, "Equivalence test and confidence interval for the difference in proportions for
 *     the paired-sample design": sound where few lines differ, or none
 *   McNemar 1947, "Note on the sampling error of the difference between correlated proportions"
 *   Efron 1987, "Better bootstrap confidence intervals" (BCa)
 */
#ifndef DLX__INTERVAL_H
#define DLX__INTERVAL_H

#include "base/base.h"

typedef struct dlx__interval {
    double lo, hi; /* both NAN: too few lines to say anything */
} dlx__interval;

/* Wilson's score interval of the rate n_right / n. */
dlx__interval dlx__interval_rate(size_t n_right, size_t n);

/*
 * Tango's score interval of (only_a - only_b) / n, the rate of A less that of B, where only_a of
 * the n lines are right in A alone and only_b in B alone. The lines on which both agree count by
 * their number only.
 */
dlx__interval dlx__interval_paired(size_t only_a, size_t only_b, size_t n);

/*
 * The exact, two-sided test of McNemar: how probable it is that only_a + only_b throws of a coin
 * fall at least as unevenly.
 */
double dlx__mcnemar(size_t only_a, size_t only_b);

/* The sum of num over that of den, line by line: nats of tokens, or with den NULL a mean. */
typedef struct dlx__ratio {
    const double *num, *den; /* [n] */
} dlx__ratio;

double dlx__ratio_of(const dlx__ratio *r, size_t n); /* 0 where den adds up to nothing */

/*
 * BCa bootstrap interval of the ratio `a`, or of a less b where b is not NULL: 4000 times n lines
 * are drawn with replacement, each with the numbers of both. The same seed gives the same
 * ends. False when there is no memory.
 */
bool dlx__interval_ratio(dlx__interval *out, const dlx__ratio *a, const dlx__ratio *b, size_t n,
                         uint64_t seed, const dlx_allocator *mem);

#endif
