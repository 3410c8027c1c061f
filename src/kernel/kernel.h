/*
 * kernel.h - the numeric loops of the CPU backend: one table for each instruction set.
 *
 * Activations lie in lanes: a chunk of up to 32 rows of a pass is stored feature by feature,
 * [features][width], a row being one lane. width is 8, 16, 24 or 32; lanes past the last row hold
 * numbers that nobody reads. In this layout every loop works on whole vectors whatever the sizes of
 * the model are, the result of one product is the operand of the next without repacking, and no
 * sum crosses lanes: a row's numbers do not depend on the rows beside it. Each sum runs over its
 * terms in ascending order, so cutting the work differently changes no bit.
 *
 * The scalar table is the truth; the others are tested against it.
 */
#ifndef DLX__KERNEL_H
#define DLX__KERNEL_H

#include "base/cpu.h"
#include "base/tensor.h"

enum {
    DLX__LANES = 32,       /* the widest chunk */
    DLX__LANE_STEP = 8,    /* widths are multiples of it */
    DLX__WEIGHT_GRAIN = 12 /* weight rows per call are best a multiple of it */
};

/* A weight matrix as it is stored: n_rows outputs of n_cols inputs each. */
typedef struct dlx__mat {
    const uint8_t *data;
    dlx__dtype dtype;
    size_t n_rows, n_cols;
    size_t row_bytes;
} dlx__mat;

/* One head's keys and values and what the lanes may see of them. */
typedef struct dlx__attend_in {
    const float *keys;     /* [n_slots, head_dim] */
    const float *values;   /* [n_slots, head_dim] */
    const int32_t *n_seen; /* [width]: lane l sees the slots [0, n_seen[l]), at least one */
    size_t n_slots;        /* the largest of n_seen */
    size_t head_dim;
    float scale;
} dlx__attend_in;

/* What is known of each lane's logits so far; made for ascending ids. */
typedef struct dlx__lane_stats {
    float max[DLX__LANES];
    float second[DLX__LANES];   /* the largest but one */
    float sum[DLX__LANES];      /* of exp(l - max) */
    float weighted[DLX__LANES]; /* of exp(l - max) * (l - max) */
    int32_t best[DLX__LANES];   /* id of max, the lowest of several; -1: none above -infinity */
    int32_t broken[DLX__LANES]; /* not 0: a NaN or +infinity was seen */
} dlx__lane_stats;

typedef struct dlx__kernels {
    const char *name;
    bool (*runs_on)(const dlx__cpu *cpu);

    /* y [n][width] = rows first .. first + n - 1 of w, times x [w->n_cols][width] */
    void (*gemm)(float *y, const float *x, size_t width, const dlx__mat *w, size_t first, size_t n);

    /* y [head_dim][width] = softmax(scale * keys q) over what each lane sees, times values;
     * q [head_dim][width] */
    void (*attend)(float *y, const float *q, size_t width, const dlx__attend_in *in);

    /* y = x * weight / sqrt(mean(x * x) + eps) over n features, in the first n_lanes (a multiple
     * of 8) of rows that are `width` apart; y may be x */
    void (*norm)(float *y, const float *x, size_t width, size_t n_lanes, const float *weight,
                 size_t n, float eps);

    /* Rotates the pairs (i, i + half) of x [2 * half][width]; cosine, sine [half][width] */
    void (*rope)(float *x, const float *cosine, const float *sine, size_t width, size_t half);

    /* y = x / (1 + exp(-x)) * y, n numbers, n a multiple of 8 */
    void (*silu_mul)(float *y, const float *x, size_t n);

    /* y += x, n numbers, n a multiple of 8 */
    void (*add)(float *y, const float *x, size_t n);

    /* y [n][width] += bias [n] */
    void (*add_bias)(float *y, const float *bias, size_t width, size_t n);

    /* Takes logits [n][width] of the ids first_id ... into account; -infinity: not allowed. */
    void (*stats)(dlx__lane_stats *s, const float *logits, size_t width, size_t n,
                  int32_t first_id);
} dlx__kernels;

/* The fastest table for this processor. */
const dlx__kernels *dlx__kernels_best(const dlx__cpu *cpu);

/* Every table of this build, the scalar one first; NULL-terminated. */
const dlx__kernels *const *dlx__kernels_list(void);

/* Before the first logit, and: a becomes what it would be had it seen b's logits after its own. */
void dlx__stats_reset(dlx__lane_stats *s);
void dlx__stats_merge(dlx__lane_stats *a, const dlx__lane_stats *b, size_t width);

extern const dlx__kernels dlx__kernels_scalar;
extern const dlx__kernels dlx__kernels_avx2;
extern const dlx__kernels dlx__kernels_neon;

#endif
