/*
 * coming.h - asking for weights before they are read; included by the headers of products.
 */
#ifndef DLX__COMING_H
#define DLX__COMING_H

#include "kernel/panels.h"

/* Weights that will follow: at each step of a tile, for which about a cache line is read, the line
 * at `at` is asked for, and some are asked for again: bursts would make the reads beside them wait,
 * and a branch would make the compiler keep the sums in memory. */
typedef struct coming {
    const uint8_t *at;
    size_t n_bytes; /* between two steps: those read, for all tiles of rows together */
} coming;

/* Where from: what is wanted soon goes to the L1 cache, which would not hold the rest. */
typedef enum distance { FAR, NEAR } distance;

INLINE void fetch_line(coming *next, const distance d)
{
    if (d == NEAR)
        __builtin_prefetch(next->at, 0, 3);
    else
        __builtin_prefetch(next->at, 0, 2);
    next->at += next->n_bytes;
}

#endif
