/* check_numbers.h - what the checks of kernels are made of: sentences, random numbers, lists. */
#ifndef CHECK_NUMBERS_H
#define CHECK_NUMBERS_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "dtype/convert.h"
#include "kernel/kernel.h"

static char check_text[256];

static const char *check_says(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(check_text, sizeof check_text, format, args);
    va_end(args);
    return check_text;
}

static const size_t check_widths[] = {8, 16, 24, 32};

#define CHECK_EACH(item, list)                                                                     \
    for (size_t i_##item = 0, item = list[0]; i_##item < DLX__LEN(list);                           \
         i_##item++, item = i_##item < DLX__LEN(list) ? list[i_##item] : 0)

static float *check_random(size_t n, float spread, dlx__rng *rng)
{
    float *x = malloc((n + 1) * sizeof *x);
    if (!x)
        abort();
    for (size_t i = 0; i < n; i++)
        x[i] = spread * (float)(2 * dlx__rng_uniform(rng) - 1);
    return x;
}

/* The place of the first difference above `tolerance`, n when there is none. NaN equals NaN. */
static size_t check_differs(const float *a, const float *b, size_t n, float tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= tolerance) && !(isnan(a[i]) && isnan(b[i])) && a[i] != b[i])
            return i;
    return n;
}

/* Memory for vectors. */
static void *check_aligned(size_t n_bytes)
{
    void *p = dlx__alloc_aligned(NULL, n_bytes + 64);
    if (!p)
        abort();
    memset(p, 0xA5, n_bytes + 64);
    return p;
}

#endif
