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

/* The same with a scale and a zero point that are known; multiplied by the inverse, as there. */
static void round_by(float *x, size_t n, const dlx__affine *a)
{
    const float inverse = 1.0f / a->scale;
    const float low = (float)(a->q_min - a->zero_point), high = (float)(a->q_max - a->zero_point);
    for (size_t i = 0; i < n; i++) {
        const float q = rintf(x[i] * inverse);
        const float inside = q < low ? low : q;
        x[i] = (inside > high ? high : inside) * a->scale;
    }
}

void dlx__cpu_round_result(const dlx__backend *b, const dlx__cpu_linear *product, float *y,
                           size_t n)
{
    if (b->scheme == DLX__SCHEME_STATIC_AFFINE)
        round_by(y, n, &product->out);
}

void dlx__cpu_round_part(const dlx__backend *b, const dlx__acts *a, size_t row, size_t col,
                         size_t n, const dlx__cpu_linear *reader)
{
    float *x = a->x + row * a->stride + col;
    if (b->scheme == DLX__SCHEME_STATIC16 && reader->in_largest > 0)
        round_to_int16(x, n, reader->in_largest);
    if (b->scheme == DLX__SCHEME_STATIC_AFFINE && reader->has_ranges)
        round_by(x, n, &reader->in);
    if (a->ints)
        b->kernels->quantize(a, row, col, n,
                             b->scheme == DLX__SCHEME_STATIC ? &reader->in_largest : NULL);
    if (a->halves)
        b->kernels->halve(a, row, col, n);
}

/* Rows of the head have no static form. */
static bool rounds_as_they_come(const dlx__backend *b, const dlx__cpu_linear *reader)
{
    return b->scheme == DLX__SCHEME_DYNAMIC_AFFINE ||
           (b->scheme == DLX__SCHEME_STATIC_AFFINE && !reader->has_ranges);
}

void dlx__cpu_round_row(const dlx__backend *b, const dlx__acts *a, size_t row,
                        const dlx__cpu_linear *reader)
{
    if (rounds_as_they_come(b, reader))
        round_to_affine(a->x + row * a->stride, a->n_in);
    if (!a->ints || b->scheme != DLX__SCHEME_DYNAMIC_ROW) {
        dlx__cpu_round_part(b, a, row, 0, a->n_in, reader);
        return;
    }
    const float largest = largest_of(a->x + row * a->stride, a->n_in);
    b->kernels->quantize(a, row, 0, a->n_in, &largest);
    if (a->halves)
        b->kernels->halve(a, row, 0, a->n_in);
}
