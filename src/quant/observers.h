/*
 * observers.h - an observer watches the activations at one place of the graph and says which range
 * of numbers they need when they are quantized. Rows are shown to it in any number of calls.
 *
 *   minmax          the least and the greatest value
 *   moving_average  the least and greatest value of each call, averaged: a call is a batch
 *   percentile      the range that holds so many percent of the values
 *   mse             the range with the least squared error when quantized
 *
 * The last two keep a histogram. All but the moving average give the same bits however the rows are
 * split into calls, and merging the observers of several shards equals observing everything. The
 * averages of shards are merged weighted by their numbers of calls: an estimate of the same thing,
 * not the same number.
 */
#ifndef DLX__OBSERVERS_H
#define DLX__OBSERVERS_H

#include "dtype/affine.h"
#include "quant/histogram.h"

/* name, text */
#define DLX__OBSERVER_KINDS(X)                                                                     \
    X(MINMAX, "minmax")                                                                            \
    X(MOVING_AVERAGE, "moving_average")                                                            \
    X(PERCENTILE, "percentile")                                                                    \
    X(MSE, "mse")

typedef enum dlx__observer_kind {
#define DLX__OBSERVER_ENUM(name, text) DLX__OBSERVER_##name,
    DLX__OBSERVER_KINDS(DLX__OBSERVER_ENUM)
#undef DLX__OBSERVER_ENUM
        DLX__N_OBSERVER_KINDS
} dlx__observer_kind;

/* The text of a kind, and back; -1: there is no such kind. */
const char *dlx__observer_kind_text(dlx__observer_kind kind);
int dlx__observer_kind_find(const char *text);

/* A zero field means the default; a field that the kind does not read must be zero. */
typedef struct dlx__observer_spec {
    dlx__observer_kind kind;
    size_t group;     /* neighbouring channels that share a range: 1 each has its own; 0 all */
    size_t n_bins;    /* percentile, mse: of the histogram; 0: 2048 */
    float momentum;   /* moving_average: the weight of a new batch, up to 1; 0: 0.01 */
    float percentile; /* percentile: how much of the values is inside, 50 to 100; 0: 99.9 */
    bool squares; /* any kind: mean squares of each channel too, the importance of its weights */
} dlx__observer_spec;

enum {
    DLX__OBSERVER_BINS = 2048,
    DLX__OBSERVER_MAX_CHANNELS = 1 << 24,
};
#define DLX__OBSERVER_MAX_VALUES (UINT64_C(1) << 52) /* per range; doubles count further */

typedef struct dlx__observer {
    const dlx_allocator *mem;
    const char *name;        /* for the sentences; borrowed */
    dlx__observer_spec spec; /* without zeros that mean a default; group is the real number */
    size_t n_channels;
    size_t n_groups; /* each of spec.group channels */
    uint64_t n_rows;
    uint64_t n_batches;         /* moving_average: calls that brought rows; 0 else */
    dlx__range *ranges;         /* [n_groups]; 0, 0 while n_rows is 0 */
    dlx__range *batch;          /* [n_groups], of the call that is running */
    dlx__histogram *histograms; /* [n_groups]: percentile, mse; NULL else */
    double *squares;            /* [n_channels]: sums, if asked for; NULL else */
} dlx__observer;

/* Refuses a spec that is not sound, and groups that do not divide the channels. */
dlx_result dlx__observer_init(dlx__observer *o, const dlx__observer_spec *spec, size_t n_channels,
                              const dlx_allocator *mem, dlx_error *err);
void dlx__observer_release(dlx__observer *o);
void dlx__observer_reset(dlx__observer *o); /* nothing seen, memory kept */

/*
 * Observes x [n_rows, n_channels]. NaN and infinity are refused with their place. After a failure
 * the observer is as it was.
 */
dlx_result dlx__observer_add(dlx__observer *o, const float *x, size_t n_rows, dlx_error *err);

/* May the two be merged? The sentence names what differs. */
dlx_result dlx__observer_match(const dlx__observer *a, const dlx__observer *b, dlx_error *err);

/* Adds what other saw. After a failure `into` is as it was. */
dlx_result dlx__observer_merge(dlx__observer *into, const dlx__observer *other, dlx_error *err);

/* The two halves of a merge, for a set: the first may fail and changes nothing, the second cannot.
 */
dlx_result dlx__observer_merge_prepare(dlx__observer *into, const dlx__observer *other,
                                       dlx_error *err);
void dlx__observer_merge_apply(dlx__observer *into, const dlx__observer *other);

/*
 * The range of group g, for channels [g * spec.group, (g + 1) * spec.group). Only mse looks at the
 * grid, for which its range is the best. Refused while nothing was seen.
 */
dlx_result dlx__observer_range(const dlx__observer *o, size_t g, dlx__affine_grid grid,
                               dlx__range *out, dlx_error *err);

/* Scale and zero point of that range. */
dlx_result dlx__observer_affine(const dlx__observer *o, size_t g, dlx__affine_grid grid,
                                dlx__affine *out, dlx_error *err);

/* The mean of the squares of each channel, out [n_channels]. Refused if they were not asked for. */
dlx_result dlx__observer_mean_squares(const dlx__observer *o, double *out, dlx_error *err);

#endif
