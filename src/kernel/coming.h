/* coming.h - asking for weights, keys and values before they are read; included by whatever reads
 * them. */
#ifndef DLX__COMING_H
#define DLX__COMING_H

#include "kernel/panels.h"

/* What will follow: at each step of a tile the line at `at` is asked for, some of them
 * again. Bursts would make the reads beside them wait. NULL instead: nothing is asked for. */
typedef struct coming {
    uintptr_t at;
    size_t n_bytes; /* between two steps, at most a line */
} coming;

/* n_bytes from `at` in n_asks steps. */
INLINE coming coming_from(uintptr_t at, size_t n_bytes, size_t n_asks)
{
    return (coming){at, dlx__min((n_bytes + n_asks - 1) / n_asks, (size_t)64)};
}

INLINE void fetch_line(coming *next)
{
    if (!next)
        return;
    __builtin_prefetch((const void *)next->at, 0,
                       2); /* to the L2 cache: it is not wanted so soon */
    next->at += next->n_bytes;
    __asm__("" : "+r"(next->at)); /* lest each step's address take a register of its own */
}

#endif
