/*
 * eval_samples.h - numbers of single lines, kept beside the sums of a tally until its intervals
 * are drawn from them.
 */
#ifndef DLX__EVAL_SAMPLES_H
#define DLX__EVAL_SAMPLES_H

#include "api/interval.h"

#include <jansson.h>

#define DLX__LN2 0.6931471805599453 /* nats of a bit */

/* Keeps the number line[key] as one more sample `name`. False when there is no memory. */
bool dlx__eval_keep(json_t *tally, const char *name, const json_t *line, const char *key);

/* Takes the samples out of the tally again. */
void dlx__eval_forget(json_t *tally);

/* The samples that a ratio of A, [0], and one of B, [1], are made of; den NULL: a mean. */
typedef struct dlx__eval_names {
    const char *num[2], *den[2]; /* num[1] NULL: there is no B */
} dlx__eval_names;

typedef struct dlx__eval_estimate {
    size_t n;               /* lines */
    double a, b;            /* b is 0 without B */
    dlx__interval interval; /* of a - b */
} dlx__eval_estimate;

/* False when there is no memory. */
bool dlx__eval_estimate_of(dlx__eval_estimate *out, const json_t *tally,
                           const dlx__eval_names *names, uint64_t seed, const dlx_allocator *mem);

/* [lo, hi], or null where nothing can be said. */
json_t *dlx__eval_interval(dlx__interval x);

#endif
