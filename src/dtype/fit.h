/*
 * fit.h - the line scale * level + min that comes nearest to a span of weights, before a format
 * rounds it. Levels are the whole numbers from `lowest` to `highest`.
 */
#ifndef DLX__FIT_H
#define DLX__FIT_H

#include "base/base.h"

/* Weights that share a line, and how much the error of each counts. */
typedef struct dlx__span {
    const float *x;          /* [n] */
    const float *importance; /* [n]; NULL: all the same */
    size_t n;                /* a multiple of 16 */
    float unit;              /* what importance is measured in, dlx__importance_unit */
} dlx__span;

typedef enum dlx__min_kind {
    DLX__MIN_NONE,  /* always 0 */
    DLX__MIN_BELOW, /* 0 or less */
    DLX__MIN_ANY,
} dlx__min_kind;

typedef struct dlx__levels {
    int lowest;
    int highest;
    dlx__min_kind min;
    bool positive; /* scales above 0 alone; without a minimum */
} dlx__levels;

typedef struct dlx__line {
    float scale;
    float min;
} dlx__line;

/* The largest importance of n; 1 where none is a positive finite number. */
float dlx__importance_unit(const float *importance, size_t n);

/* A line whose squared error is small. Scale 0 where the weights are too small for any format. */
dlx__line dlx__fit(const dlx__span *s, const dlx__levels *l);

/* The scale that fits best when the minimum stays and the weights keep their levels on `line`. */
float dlx__fit_scale(const dlx__span *s, const dlx__levels *l, dlx__line line);

enum { DLX__MOST_LINES = 9 };

/*
 * Which of 1 .. DLX__MOST_LINES lines has the least squared error (the first of equals), and the
 * error: of weights rounded to their nearest levels, as dlx__grid_level rounds.
 */
size_t dlx__fit_nearest(const dlx__span *s, const dlx__levels *l, const dlx__line *lines, size_t n,
                        double *error);

/*
 * How the weights lie on a line: sums over them, each counted by its importance, of what q (its
 * level) and r (how far it lies above the level, in levels) say. A scale of 0 gives zeros.
 */
typedef struct dlx__residue {
    double w, q, qq; /* 1, q, q^2 */
    double r, rq, rr;
} dlx__residue;

dlx__residue dlx__fit_residue(const dlx__span *s, const dlx__levels *l, dlx__line line);

#endif
