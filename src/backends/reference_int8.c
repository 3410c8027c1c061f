/* reference_int8.c - products of int8 by int8 into int8, number by number as XNNPACK computes them.
 */
#include "backends/reference.h"

#include "dtype/convert.h"

#include <math.h>

/* The nearest whole number, of equals the even one, that has a level. */
static float level_of(float x, const dlx__affine *a)
{
    const float low = (float)(a->q_min - a->zero_point), high = (float)(a->q_max - a->zero_point);
    return fminf(fmaxf(rintf(x), low), high);
}

/* The sum of an output: whole numbers of up to 32 bits. */
static int64_t sum_of(const float *p, const int8_t *q, size_t n, int32_t bias)
{
    int64_t sum = bias;
    for (size_t i = 0; i < n; i++)
        sum += (int64_t)p[i] * q[i];
    return sum;
}

void dlx__ref_static_product(float *dst, const float *x, const dlx__node *node,
                             const dlx__static_product *p, size_t n, float *levels, float *row,
                             int8_t *q)
{
    const dlx__tensor *w = node->weight;
    const size_t n_in = w->shape[1], n_out = w->shape[0];
    const float inverse = 1.0f / p->in.scale;
    for (size_t i = 0; i < n * n_in; i++)
        levels[i] = level_of(x[i] * inverse, &p->in);
    for (size_t o = 0; o < n_out; o++) {
        const float ratio = p->units[o] / p->out.scale;
        dlx__ref_read_row(row, w, o); /* [n_in] */
        dlx__static_product_row(q, p, row, n_in, o);
        for (size_t i = 0; i < n; i++) {
            const int64_t sum = sum_of(levels + i * n_in, q, n_in, p->bias ? p->bias[o] : 0);
            dst[i * n_out + o] = level_of((float)sum * ratio, &p->out) * p->out.scale;
        }
    }
}
