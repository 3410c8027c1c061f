/*
 * kernel_scalar.c - the truth that the vector files are tested against, and what runs where there
 * is no vector file. Plain loops and the C library's expf; the order of every sum is that of
 * kernel.h.
 */
#include "dtype/convert.h"
#include "kernel/kernel.h"

#include <math.h>

/* Weights are unpacked this many at a time: the largest block of the storage types. */
enum { PIECE = 256 };

static bool runs_on(const dlx__cpu *cpu)
{
    (void)cpu;
    return true;
}

static void gemm(float *y, const float *x, size_t width, const dlx__mat *w, size_t first, size_t n)
{
    const dlx__dtype_info *type = dlx__dtype_of(w->dtype);
    for (size_t i = 0; i < n; i++) {
        float sum[DLX__LANES] = {0};
        float piece[PIECE];
        for (size_t at = 0; at < w->n_cols; at += PIECE) {
            size_t len = dlx__min(PIECE, w->n_cols - at);
            const uint8_t *src =
                w->data + (first + i) * w->row_bytes + at / type->block_elems * type->block_bytes;
            dlx__to_f32(piece, src, w->dtype, len);
            for (size_t k = 0; k < len; k++)
                for (size_t l = 0; l < width; l++)
                    sum[l] += piece[k] * x[(at + k) * width + l];
        }
        for (size_t l = 0; l < width; l++)
            y[i * width + l] = sum[l];
    }
}

static float score(const float *q, const float *key, size_t width, const dlx__attend_in *in)
{
    float sum = 0;
    for (size_t c = 0; c < in->head_dim; c++)
        sum += key[c] * q[c * width];
    return sum * in->scale;
}

/* One lane; scores are computed twice rather than stored. q and y are the lane's first numbers. */
static void attend_lane(float *y, const float *q, size_t width, size_t n_seen,
                        const dlx__attend_in *in)
{
    float max = -INFINITY;
    for (size_t j = 0; j < n_seen; j++) {
        float s = score(q, in->keys + j * in->head_dim, width, in);
        max = s > max ? s : max;
    }
    for (size_t c = 0; c < in->head_dim; c++)
        y[c * width] = 0;
    float sum = 0;
    for (size_t j = 0; j < n_seen; j++) {
        float p = expf(score(q, in->keys + j * in->head_dim, width, in) - max);
        sum += p;
        for (size_t c = 0; c < in->head_dim; c++)
            y[c * width] += p * in->values[j * in->head_dim + c];
    }
    for (size_t c = 0; c < in->head_dim; c++)
        y[c * width] /= sum;
}

static void attend(float *y, const float *q, size_t width, const dlx__attend_in *in)
{
    for (size_t l = 0; l < width; l++)
        attend_lane(y + l, q + l, width, (size_t)in->n_seen[l], in);
}

static void norm(float *y, const float *x, size_t width, size_t n_lanes, const float *weight,
                 size_t n, float eps)
{
    for (size_t l = 0; l < n_lanes; l++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)x[i * width + l] * (double)x[i * width + l];
        float factor = 1.0f / sqrtf((float)(sum / (double)n) + eps);
        for (size_t i = 0; i < n; i++)
            y[i * width + l] = x[i * width + l] * factor * weight[i];
    }
}

static void rope(float *x, const float *cosine, const float *sine, size_t width, size_t half)
{
    for (size_t i = 0; i < half * width; i++) {
        float a = x[i], b = x[half * width + i];
        x[i] = a * cosine[i] - b * sine[i];
        x[half * width + i] = b * cosine[i] + a * sine[i];
    }
}

static void silu_mul(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] *= x[i] / (1.0f + expf(-x[i]));
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void add_bias(float *y, const float *bias, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < width; l++)
            y[i * width + l] += bias[i];
}

/* One logit a time, the sums moved to the new maximum where there is one. */
static void stats(dlx__lane_stats *s, const float *logits, size_t width, size_t n, int32_t first_id)
{
    for (size_t i = 0; i < n; i++) {
        dlx__lane_stats one;
        dlx__stats_reset(&one);
        for (size_t l = 0; l < width; l++) {
            float logit = logits[i * width + l];
            if (logit > -INFINITY) {
                one.max[l] = logit;
                one.sum[l] = 1;
                one.best[l] = first_id + (int32_t)i;
            }
            one.broken[l] = !(logit < INFINITY);
        }
        dlx__stats_merge(s, &one, width);
    }
}

const dlx__kernels dlx__kernels_scalar = {
    .name = "scalar",
    .runs_on = runs_on,
    .gemm = gemm,
    .attend = attend,
    .norm = norm,
    .rope = rope,
    .silu_mul = silu_mul,
    .add = add,
    .add_bias = add_bias,
    .stats = stats,
};
