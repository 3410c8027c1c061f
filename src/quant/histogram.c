/* histogram.c - counts on a grid of powers of two. Knows values and counts, not what they are for.
 */
#include "quant/histogram.h"

#include "base/mem.h"

#include <string.h>

enum {
    LEAST_EXPONENT = -149, /* of the least float above 0 */
    FLOAT_DIGITS = 24,
    LEAST_CAPACITY = 16,
};

/* Which bins a range needs. */
typedef struct grid {
    int exponent;
    int32_t first;
    size_t n;
} grid;

/* The k of the bin that holds x: below 2^25, because bins are no finer than the floats there. */
static int32_t bin_of(double x, int exponent)
{
    return (int32_t)floor(ldexp(x, -exponent));
}

/* Where the spacing of floats of this magnitude is 2^e. */
static int spacing_exponent(float magnitude)
{
    int e = 0;
    frexpf(magnitude, &e); /* magnitude = f 2^e, 0.5 <= f < 1 */
    if (magnitude == 0.0f || e - FLOAT_DIGITS < LEAST_EXPONENT)
        return LEAST_EXPONENT;
    return e - FLOAT_DIGITS;
}

/* Ends, because at the latest bins as wide as the largest magnitude are two: -1 and 0. */
static grid grid_of(dlx__range r, size_t n_bins)
{
    int e = spacing_exponent(fmaxf(fabsf(r.min), fabsf(r.max)));
    for (;; e++) {
        int32_t first = bin_of(r.min, e);
        size_t n = (size_t)(bin_of(r.max, e) - first) + 1;
        if (n <= n_bins)
            return (grid){e, first, n};
    }
}

static dlx__range joined(const dlx__histogram *h, dlx__range r)
{
    if (h->n_values == 0)
        return r;
    return (dlx__range){fminf(h->range.min, r.min), fmaxf(h->range.max, r.max)};
}

void dlx__histogram_init(dlx__histogram *h, size_t n_bins, const dlx_allocator *mem)
{
    *h = (dlx__histogram){.mem = mem, .n_bins = n_bins};
}

void dlx__histogram_release(dlx__histogram *h)
{
    dlx__free(h->mem, h->counts);
    dlx__histogram_init(h, h->n_bins, h->mem);
}

void dlx__histogram_reset(dlx__histogram *h)
{
    h->range = (dlx__range){0.0f, 0.0f};
    h->n_values = 0;
    h->n = 0;
}

size_t dlx__histogram_bins(dlx__range r, size_t n_bins)
{
    return grid_of(r, n_bins).n;
}

/* Memory follows the bins in use, not n_bins: a file cannot ask for more than it holds. */
bool dlx__histogram_reserve(dlx__histogram *h, dlx__range r)
{
    size_t need = grid_of(joined(h, r), h->n_bins).n;
    if (need <= h->capacity)
        return true;
    size_t capacity = dlx__max(need, LEAST_CAPACITY);
    capacity = dlx__max(capacity, dlx__min(h->n_bins, dlx__mul(h->capacity, 2)));
    uint64_t *counts = dlx__realloc(h->mem, h->counts, dlx__mul(capacity, sizeof *counts));
    if (!counts)
        return false;
    h->counts = counts;
    h->capacity = capacity;
    return true;
}

/* Neighbours become one, 2^by of them at a time. A count only moves down, so one array is enough.
 */
static void widen(dlx__histogram *h, int by)
{
    for (; by > 0; by--) {
        int32_t first = bin_of(h->first, 1);
        size_t n = 0;
        for (size_t i = 0; i < h->n; i++) {
            size_t to = (size_t)(bin_of((double)h->first + (double)i, 1) - first);
            uint64_t count = h->counts[i];
            if (to == n)
                h->counts[n++] = 0;
            h->counts[to] += count;
        }
        h->first = first;
        h->n = n;
        h->exponent++;
    }
}

/* The bins of the range of what is there and r, with the counts that are there. */
static void cover(dlx__histogram *h, dlx__range r)
{
    dlx__range whole = joined(h, r);
    grid g = grid_of(whole, h->n_bins);
    if (h->n_values == 0) {
        h->exponent = g.exponent;
        h->first = g.first;
        h->n = 0;
    }
    widen(h, g.exponent - h->exponent);
    size_t before = (size_t)(h->first - g.first);
    size_t after = g.n - before - h->n;
    memmove(h->counts + before, h->counts, h->n * sizeof *h->counts);
    memset(h->counts, 0, before * sizeof *h->counts);
    memset(h->counts + before + h->n, 0, after * sizeof *h->counts);
    h->first = g.first;
    h->n = g.n;
    h->range = whole;
}

bool dlx__histogram_cover(dlx__histogram *h, dlx__range r)
{
    if (!dlx__histogram_reserve(h, r))
        return false;
    cover(h, r);
    return true;
}

void dlx__histogram_add(dlx__histogram *h, dlx__range r, const float *x, size_t n_rows,
                        size_t width, size_t stride)
{
    if (n_rows == 0)
        return;
    cover(h, r);
    const double bins_per_one = ldexp(1.0, -h->exponent); /* a power of two: products are exact */
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < width; j++)
            h->counts[(int32_t)floor((double)x[i * stride + j] * bins_per_one) - h->first]++;
    h->n_values += n_rows * width;
}

void dlx__histogram_merge(dlx__histogram *h, const dlx__histogram *other)
{
    if (other->n_values == 0)
        return;
    cover(h, other->range);
    for (size_t i = 0; i < other->n; i++) {
        double k = (double)other->first + (double)i;
        h->counts[bin_of(k, h->exponent - other->exponent) - h->first] += other->counts[i];
    }
    h->n_values += other->n_values;
}

void dlx__histogram_edges(const dlx__histogram *h, size_t i, double *low, double *high)
{
    double k = (double)h->first + (double)i;
    *low = fmax(ldexp(k, h->exponent), (double)h->range.min);
    *high = fmin(ldexp(k + 1.0, h->exponent), (double)h->range.max);
}

/* How far into its bin a value lies when `wanted` values of the bin's are passed. */
static double part(double wanted, uint64_t count, double low, double high)
{
    return (high - low) * (wanted / (double)count);
}

/* From either end inwards, so that a share of 0 gives the least and the greatest value exactly. */
dlx__range dlx__histogram_cut(const dlx__histogram *h, double share)
{
    const double wanted = (double)h->n_values * share;
    double low, high, passed = 0.0;
    size_t i = 0;
    while (i + 1 < h->n && passed + (double)h->counts[i] < wanted)
        passed += (double)h->counts[i++];
    size_t j = h->n - 1;
    dlx__histogram_edges(h, i, &low, &high);
    const double min = low + part(wanted - passed, h->counts[i], low, high);
    passed = 0.0;
    while (j > 0 && passed + (double)h->counts[j] < wanted)
        passed += (double)h->counts[j--];
    dlx__histogram_edges(h, j, &low, &high);
    const double max = high - part(wanted - passed, h->counts[j], low, high);
    return (dlx__range){(float)min, (float)fmax(min, max)};
}
