/* bench_samples.c - best, median and other percentiles of what was measured. */
#include "api/bench.h"

#include <stdlib.h>

void dlx__samples_add(dlx__samples *s, double x)
{
    if (s->n < s->capacity)
        s->at[s->n++] = x;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double dlx__percentile(double *x, size_t n, double p)
{
    if (n == 0)
        return 0;
    qsort(x, n, sizeof *x, ascending);
    double place = p * (double)(n - 1);
    size_t low = (size_t)place;
    if (low + 1 >= n)
        return x[n - 1];
    return x[low] + (place - (double)low) * (x[low + 1] - x[low]);
}

double dlx__samples_least(dlx__samples *s)
{
    return dlx__percentile(s->at, s->n, 0.0);
}

double dlx__samples_most(dlx__samples *s)
{
    return dlx__percentile(s->at, s->n, 1.0);
}

double dlx__samples_median(dlx__samples *s)
{
    return dlx__percentile(s->at, s->n, 0.5);
}
