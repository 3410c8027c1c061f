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

/*
 * To the values that int8 with a zero point has for them, as XNNPACK chooses scale and zero point
 * (reference_ops.c). NaN stays.
 */
static void round_to_affine(float *x, size_t n)
{
    float least = 0, greatest = 0;
    for (size_t i = 0; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    const float inverse = least == greatest ? 1.0f : 255.0f / (greatest - least);
    const float below = least * inverse, above = greatest * inverse, step = 1.0f / inverse;
    const bool by_least = (-128.0f + below) + (127.0f + above) > 0;
    const float end = by_least ? -128.0f - below : 127.0f - above;
    const float zero = rintf(fminf(fmaxf(end, -128.0f), 127.0f));
    const float low = -128.0f - zero, high = 127.0f - zero;
    for (size_t i = 0; i < n; i++) {
        const float q = rintf(x[i] * inverse);
        const float inside = q < low ? low : q;
        x[i] = (inside > high ? high : inside) * step;
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
    if (b->scheme == DLX__SCHEME_DYNAMIC_AFFINE)
        round_to_affine(a->x + row * a->stride, a->n_in);
    if (!a->ints || b->scheme != DLX__SCHEME_DYNAMIC_ROW) {
        dlx__cpu_round_part(b, a, row, 0, a->n_in, recorded);
        return;
    }
    const float largest = largest_of(a->x + row * a->stride, a->n_in);
    b->kernels->quantize(a, row, 0, a->n_in, &largest);
    if (a->halves)
        b->kernels->halve(a, row, 0, a->n_in);
}
