/*
 * histogram.h - counts of values in bins that do not depend on the order in which values come.
 *
 * A bin is [k 2^e, (k + 1) 2^e) for a whole k. e is the least exponent with which the bins from the
 * least value to the greatest are at most n_bins, and 2^e is no finer than the spacing of floats at
 * the largest magnitude. So the bins are a function of (min, max) alone. When values come that do
 * not fit, e grows, and the neighbours 2j and 2j + 1 become j: no count is ever split, and what was
 * observed in pieces equals what was observed at once, to the last count.
 */
#ifndef DLX__HISTOGRAM_H
#define DLX__HISTOGRAM_H

#include "base/base.h"
#include "dtype/range.h"

enum { DLX__HISTOGRAM_MIN_BINS = 2, DLX__HISTOGRAM_MAX_BINS = 1 << 16 };

typedef struct dlx__histogram {
    const dlx_allocator *mem;
    size_t n_bins;     /* at most so many */
    dlx__range range;  /* of the values; 0, 0 while there are none */
    uint64_t n_values; /* the sum of all counts */
    int exponent;      /* e */
    int32_t first;     /* the k of counts[0] */
    size_t n;          /* bins in use: from that of range.min to that of range.max */
    size_t capacity;
    uint64_t *counts; /* [n] */
} dlx__histogram;

/* Allocates nothing. n_bins is from MIN_BINS to MAX_BINS. */
void dlx__histogram_init(dlx__histogram *h, size_t n_bins, const dlx_allocator *mem);
void dlx__histogram_release(dlx__histogram *h);
void dlx__histogram_reset(dlx__histogram *h); /* no values, memory kept */

/* How many bins there will be when the range is r and nothing else is known. */
size_t dlx__histogram_bins(dlx__range r, size_t n_bins);

/*
 * Sets range and bins of an empty histogram to those of r, with all counts 0, for a reader to fill
 * in counts and n_values; false: no memory.
 */
bool dlx__histogram_cover(dlx__histogram *h, dlx__range r);

/* Makes room for values of the range r beside those that are there; false: no memory, no change. */
bool dlx__histogram_reserve(dlx__histogram *h, dlx__range r);

/*
 * Adds n_rows runs of `width` finite values, `stride` apart. r is their exact range, and room for
 * it was reserved.
 */
void dlx__histogram_add(dlx__histogram *h, dlx__range r, const float *x, size_t n_rows,
                        size_t width, size_t stride);

/* Adds what other counted; room for other->range was reserved. Both have the same n_bins. */
void dlx__histogram_merge(dlx__histogram *h, const dlx__histogram *other);

/* Where the values of bin i lie: its edges, but no further than the least and greatest value. */
void dlx__histogram_edges(const dlx__histogram *h, size_t i, double *low, double *high);

/*
 * The range without the `share` (0 to 0.5) of the values at either end; values are spread evenly in
 * their bins. There is at least one value.
 */
dlx__range dlx__histogram_cut(const dlx__histogram *h, double share);

#endif
