/*
 * coming.h - asking for weights before they are read; included once by each kernel_<isa>.c that has
 * defined STRIP, the outputs of a tile.
 */
#ifndef DLX__COMING_H
#define DLX__COMING_H

#include "kernel/panels.h"

/* The weights that will follow: at each step of a tile, for which a cache line of a panel is read,
 * the line at `at` is asked for, and some are asked for again: bursts would make the reads beside
 * them wait, and a branch would make the compiler keep the sums in memory. */
typedef struct coming {
    const uint8_t *at[STRIP / DLX__PANEL];
    size_t n_bytes; /* between two steps: those read, for all tiles of rows together */
} coming;

/* Where from: what is wanted soon goes to the L1 cache, which would not hold the rest. */
typedef enum distance { FAR, NEAR } distance;

INLINE void fetch_line_at(coming *next, const distance d)
{
    UNROLL
    for (size_t p = 0; p < STRIP / DLX__PANEL; p++) {
        if (d == NEAR)
            __builtin_prefetch(next->at[p], 0, 3);
        else
            __builtin_prefetch(next->at[p], 0, 2);
        next->at[p] += next->n_bytes;
    }
}

INLINE void fetch_line(coming *next)
{
    fetch_line_at(next, FAR);
}

#endif
