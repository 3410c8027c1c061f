/*
 * rounding.c - what products read of a row beside its numbers, or in their place, once these are
 * there: by the session's scheme for integer weights, as bf16 for those.
 */
#include "backends/cpu/session.h"

#include <math.h>

/* NaN and infinity are the kernels' business. */
static float largest_of(const float *x, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    return largest;
}

/* To multiples of largest / 32767; what lies beyond is cut off. */
static void round_to_int16(float *x, size_t n, float largest)
{
    const float step = largest / 32767.0f, inverse = 32767.0f / largest;
    for (size_t i = 0; i < n; i++) {
        float inside = x[i] > largest ? largest : x[i];
        inside = -largest > inside ? -largest : inside;
        x[i] = rintf(inside * inverse) * step;
    }
}

void dlx__cpu_round_part(const dlx__backend *b, const dlx__acts *a, size_t row, size_t col,
                         size_t n, float recorded)
{
    if (b->scheme == DLX__SCHEME_STATIC16 && recorded > 0)
        round_to_int16(a->x + row * a->stride + col, n, recorded);
    if (a->ints)
        b->kernels->quantize(a, row, col, n, b->scheme == DLX__SCHEME_STATIC ? &recorded : NULL);
    if (a->halves)
        b->kernels->halve(a, row, col, n);
}

void dlx__cpu_round_row(const dlx__backend *b, const dlx__acts *a, size_t row, float recorded)
{
    if (!a->ints || b->scheme != DLX__SCHEME_DYNAMIC_ROW) {
        dlx__cpu_round_part(b, a, row, 0, a->n_in, recorded);
        return;
    }
    const float largest = largest_of(a->x + row * a->stride, a->n_in);
    b->kernels->quantize(a, row, 0, a->n_in, &largest);
    if (a->halves)
        b->kernels->halve(a, row, 0, a->n_in);
}
