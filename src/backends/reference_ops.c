/*
 * reference_ops.c - the arithmetic of each node kind, in the plainest form: float32 between nodes
 * as in the models' own code, sums in double so that their order does not matter.
 */
#include "backends/reference.h"
#include "dtype/convert.h"

#include <math.h>
#include <string.h>

void dlx__ref_read_row(float *dst, const dlx__tensor *w, size_t i)
{
    size_t cols = w->shape[w->n_dims - 1];
    size_t row_bytes = dlx__dtype_bytes(w->dtype, cols);
    dlx__to_f32(dst, (const char *)w->data + i * row_bytes, w->dtype, cols);
}

void dlx__ref_embed(float *dst, const dlx__tensor *table, const dlx_token *ids, size_t n)
{
    size_t d = table->shape[1];
    for (size_t i = 0; i < n; i++)
        dlx__ref_read_row(dst + i * d, table, (size_t)ids[i]);
}

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

/* To the nearest multiples of largest / levels, ties to even; what lies beyond is cut off. */
static void round_to(float *dst, const float *x, size_t n, float largest, float levels)
{
    const float step = largest / levels, inverse = largest > 0 ? levels / largest : 0;
    for (size_t i = 0; i < n; i++)
        dst[i] = rintf(fminf(fmaxf(x[i], -largest), largest) * inverse) * step;
}

/* To int8 by the largest of the numbers themselves. */
static void round_span(float *dst, const float *x, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    round_to(dst, x, n, largest, 127);
}

/* x inside [low, high]; NaN stays. */
static float within(float x, float low, float high)
{
    const float above = x < low ? low : x;
    return above > high ? high : above;
}

/*
 * To int8 with a zero point, by the least and the greatest of the numbers and 0, operation by
 * operation as XNNPACK chooses it: the zero point is taken from the end at which it errs less, and
 * ties go to even.
 */
static void round_affine(float *dst, const float *x, size_t n)
{
    float least = 0, greatest = 0;
    for (size_t i = 0; i < n; i++) {
        least = fminf(least, x[i]);
        greatest = fmaxf(greatest, x[i]);
    }
    const float inverse = least == greatest ? 1.0f : 255.0f / (greatest - least);
    const float below = least * inverse, above = greatest * inverse, step = 1.0f / inverse;
    const bool by_least = (-128.0f + below) + (127.0f + above) > 0;
    const float zero = rintf(within(by_least ? -128.0f - below : 127.0f - above, -128, 127));
    for (size_t i = 0; i < n; i++)
        dst[i] = within(rintf(x[i] * inverse), -128 - zero, 127 - zero) * step;
}

void dlx__ref_round(float *dst, const float *x, size_t n, dlx__scheme scheme, float largest)
{
    enum { SPAN = 128 };
    switch (scheme) {
    case DLX__SCHEME_DYNAMIC:
        for (size_t i = 0; i < n; i += SPAN)
            round_span(dst + i, x + i, dlx__min(SPAN, n - i));
        break;
    case DLX__SCHEME_DYNAMIC_ROW:
        round_span(dst, x, n);
        break;
    case DLX__SCHEME_DYNAMIC_AFFINE:
    case DLX__SCHEME_STATIC_AFFINE: /* of the head alone: other products are reference_int8.c */
        round_affine(dst, x, n);
        break;
    case DLX__SCHEME_STATIC:
        round_to(dst, x, n, largest, 127);
        break;
    case DLX__SCHEME_STATIC16:
        round_to(dst, x, n, largest, 32767);
        break;
    case DLX__SCHEME_NONE:
    case DLX__SCHEME_WEIGHT_ONLY:
    case DLX__N_SCHEMES:
        memcpy(dst, x, n * sizeof *x);
        break;
    }
}

void dlx__ref_linear(float *dst, const float *x, const dlx__tensor *w, const dlx__tensor *bias,
                     size_t n, bool int8_weights, float *row)
{
    size_t out = w->shape[0];
    size_t in = w->shape[1];
    for (size_t o = 0; o < out; o++) {
        dlx__ref_read_row(row, w, o); /* [in] */
        if (int8_weights)
            round_span(row, row, in);
        for (size_t i = 0; i < n; i++)
            dst[i * out + o] = (float)dot(x + i * in, row, in);
    }
    if (!bias)
        return;
    dlx__to_f32(row, bias->data, bias->dtype, out); /* [out] */
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < out; o++)
            dst[i * out + o] += row[o];
}

void dlx__ref_rmsnorm(float *dst, const float *x, const dlx__tensor *w, float eps, size_t n,
                      float *row)
{
    size_t cols = w->shape[0];
    dlx__ref_read_row(row, w, 0); /* [cols] */
    for (size_t i = 0; i < n; i++, x += cols, dst += cols) {
        double mean = dot(x, x, cols) / (double)cols;
        float scale = (float)(1.0 / sqrt(mean + (double)eps));
        for (size_t j = 0; j < cols; j++)
            dst[j] = x[j] * scale * row[j];
    }
}

void dlx__ref_rope(float *dst, const float *x, size_t n, size_t n_heads, size_t n_cols,
                   size_t start, double theta)
{
    size_t half = n_cols / 2;
    for (size_t i = 0; i < n; i++) {
        float pos = (float)(start + i);
        for (size_t j = 0; j < half; j++) {
            /* float32 throughout, as the references compute their tables */
            float inv_freq = 1.0f / powf((float)theta, (float)(2 * j) / (float)n_cols);
            float c = cosf(pos * inv_freq);
            float s = sinf(pos * inv_freq);
            for (size_t h = 0; h < n_heads; h++) {
                size_t at = (i * n_heads + h) * n_cols + j;
                float lo = x[at];
                float hi = x[at + half];
                dst[at] = lo * c - hi * s;
                dst[at + half] = hi * c + lo * s;
            }
        }
    }
}

/* How many slots, from 0, the row at position `pos` sees. */
static size_t n_visible(const dlx__step *step, size_t pos)
{
    size_t n = dlx__max(step->n_kv, step->start + step->n);
    if (step->visibility == DLX__VISIBLE_FULL)
        return n;
    return dlx__min(n, dlx__mul(pos / step->block + 1, step->block));
}

/* scores[0, n) = softmax(q kT * scale) */
static void softmax_scores(double *scores, const float *q, const dlx__kv_cache *kv, size_t layer,
                           size_t head, size_t n, double scale, float *row)
{
    double highest = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        scores[j] = dot(q, dlx__kv_key(kv, layer, head, j, row), kv->head_dim) * scale;
        highest = scores[j] > highest ? scores[j] : highest;
    }
    double sum = 0.0;
    for (size_t j = 0; j < n; j++) {
        scores[j] = exp(scores[j] - highest);
        sum += scores[j];
    }
    for (size_t j = 0; j < n; j++)
        scores[j] /= sum;
}

/* sums [cols] = the values of the slots [0, n), weighted */
static void weighted_values(double *sums, const double *weights, const dlx__kv_cache *kv,
                            size_t layer, size_t head, size_t n, float *row)
{
    for (size_t c = 0; c < kv->head_dim; c++)
        sums[c] = 0.0;
    for (size_t j = 0; j < n; j++) {
        const float *value = dlx__kv_value(kv, layer, head, j, row); /* [cols] */
        for (size_t c = 0; c < kv->head_dim; c++)
            sums[c] += weights[j] * (double)value[c];
    }
}

void dlx__ref_attend(float *dst, const float *q, const dlx__kv_cache *kv, const dlx__node *node,
                     const dlx__step *step, double *scores, double *sums, float *row)
{
    size_t cols = node->n_cols;
    size_t group = node->n_heads / kv->n_heads; /* query heads that share a key head */
    for (size_t i = 0; i < step->n; i++) {
        size_t n = n_visible(step, step->start + i);
        for (size_t h = 0; h < node->n_heads; h++) {
            size_t at = (i * node->n_heads + h) * cols;
            const size_t layer = (size_t)node->layer, head = h / group;
            softmax_scores(scores, q + at, kv, layer, head, n, (double)node->scale, row);
            weighted_values(sums, scores, kv, layer, head, n, row);
            for (size_t c = 0; c < cols; c++)
                dst[at + c] = (float)sums[c];
        }
    }
}

void dlx__ref_silu_mul(float *dst, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

void dlx__ref_add(float *dst, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = x[i] + y[i];
}
