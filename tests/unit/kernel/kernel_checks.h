/*
 * kernel_checks.h - every table of kernels against the scalar one, by one list. It needs no test
 * framework, so that a cross build can run it too: test_kernels.c hands the checks to cmocka,
 * kernel_checks.c is a plain program.
 *
 * A check returns NULL, or what went wrong (in a buffer that lives until the next check).
 */
#ifndef KERNEL_CHECKS_H
#define KERNEL_CHECKS_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "dtype/convert.h"
#include "kernel/kernel.h"

/* One line a check: the kernel's name is that of the check. */
#define KERNEL_CHECKS(X)                                                                           \
    X(gemm)                                                                                        \
    X(gemm_parts)                                                                                  \
    X(attend)                                                                                      \
    X(attend_extremes)                                                                             \
    X(norm)                                                                                        \
    X(rope)                                                                                        \
    X(silu_mul)                                                                                    \
    X(add)                                                                                         \
    X(stats)                                                                                       \
    X(stats_special)

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

/* A matrix of a type, one byte off any alignment when `crooked`. Free with free(m->data - 1). */
static dlx__mat check_matrix(dlx__dtype dtype, size_t n_rows, size_t n_cols, bool crooked,
                             dlx__rng *rng)
{
    dlx__mat m = {.dtype = dtype,
                  .n_rows = n_rows,
                  .n_cols = n_cols,
                  .row_bytes = dlx__dtype_bytes(dtype, n_cols)};
    uint8_t *data = malloc(n_rows * m.row_bytes + 65);
    float *row = check_random(n_cols, 1, rng);
    if (!data)
        abort();
    uint8_t *at = data + (crooked ? 1 : 64);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < n_cols; i++)
            row[i] = (float)(2 * dlx__rng_uniform(rng) - 1);
        if (!dlx__from_f32(at + r * m.row_bytes, dtype, row, n_cols)) {
            /* K types are read-only: random bits under small scales */
            for (size_t i = 0; i < m.row_bytes; i++)
                at[r * m.row_bytes + i] = (uint8_t)dlx__rng_bits(rng);
            const dlx__dtype_info *type = dlx__dtype_of(dtype);
            for (size_t b = 0; b < m.row_bytes; b += type->block_bytes) {
                uint16_t scale = dlx__f32_to_f16(0.001f);
                uint8_t *block = at + r * m.row_bytes + b;
                memcpy(dtype == DLX__Q6_K ? block + type->block_bytes - 2 : block, &scale, 2);
                if (dtype != DLX__Q6_K)
                    memcpy(block + 2, &scale, 2);
            }
        }
    }
    free(row);
    m.data = at;
    return m;
}

static void check_matrix_free(const dlx__mat *m, bool crooked)
{
    free((void *)(uintptr_t)(m->data - (crooked ? 1 : 64)));
}

/* Every storage type, odd numbers of rows and columns, all widths. */
static const char *check_gemm(const dlx__kernels *k)
{
    static const size_t rows[] = {1, 2, 5, 12, 33}, cols[] = {1, 7, 16, 33, 80, 255, 256, 300, 896};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 1);
    for (int dtype = 0; dtype < DLX__N_DTYPES; dtype++)
        CHECK_EACH(n, rows)
    CHECK_EACH(cols_wanted, cols)
    {
        const size_t block = dlx__dtype_of((dlx__dtype)dtype)->block_elems;
        const size_t n_cols = dlx__max(1, cols_wanted / block) * block;
        const bool crooked = (n + n_cols) % 2 == 0;
        dlx__mat w = check_matrix((dlx__dtype)dtype, n, n_cols, crooked, &rng);
        float *x = check_random(n_cols * DLX__LANES, 1, &rng);
        float *a = check_random(n * DLX__LANES, 0, &rng),
              *b = check_random(n * DLX__LANES, 0, &rng);
        CHECK_EACH(width, check_widths)
        {
            dlx__kernels_scalar.gemm(a, x, width, &w, 0, n);
            k->gemm(b, x, width, &w, 0, n);
            size_t at = check_differs(a, b, n * width, 1e-6f * (float)(n_cols + 10));
            if (at < n * width)
                said = check_says("%s [%zu, %zu] width %zu: expected %g, got %g at %zu",
                                  dlx__dtype_of((dlx__dtype)dtype)->name, n, n_cols, width,
                                  (double)a[at], (double)b[at], at);
        }
        free(x);
        free(a);
        free(b);
        check_matrix_free(&w, crooked);
    }
    return said;
}

/* The same bits however rows of weights are divided between calls and lanes between chunks. */
static const char *check_gemm_parts(const dlx__kernels *k)
{
    enum { N = 61, COLS = 333 };
    dlx__rng rng;
    dlx__rng_seed(&rng, 2);
    dlx__mat w = check_matrix(DLX__BF16, N, COLS, false, &rng);
    float *x = check_random(COLS * 32, 1, &rng), *x8 = check_random(COLS * 8, 0, &rng);
    float *whole = check_random(N * 32, 0, &rng), *parts = check_random(N * 32, 0, &rng);
    k->gemm(whole, x, 32, &w, 0, N);
    const char *said = NULL;
    for (size_t at = 0; at < N; at += 7)
        k->gemm(parts + at * 32, x, 32, &w, at, dlx__min(7, N - at));
    if (memcmp(whole, parts, N * 32 * sizeof *whole) != 0)
        said = check_says("rows in parts give other bits");
    for (size_t first = 0; first < 32; first += 8) {
        for (size_t i = 0; i < COLS; i++)
            memcpy(x8 + i * 8, x + i * 32 + first, 8 * sizeof *x8);
        k->gemm(parts, x8, 8, &w, 0, N);
        for (size_t i = 0; i < N; i++)
            if (memcmp(parts + i * 8, whole + i * 32 + first, 8 * sizeof *x8) != 0)
                said = check_says("lanes %zu.. alone give other bits in row %zu", first, i);
    }
    free(x);
    free(x8);
    free(whole);
    free(parts);
    check_matrix_free(&w, false);
    return said;
}

typedef struct check_attention {
    float *keys, *values; /* [n_slots, head_dim] */
    float *q, *a, *b;     /* [head_dim][32] */
    int32_t n_seen[DLX__LANES];
    dlx__attend_in in;
} check_attention;

static void check_attention_open(check_attention *t, size_t n_slots, size_t head_dim, float spread,
                                 dlx__rng *rng)
{
    t->keys = check_random(n_slots * head_dim, 1, rng);
    t->values = check_random(n_slots * head_dim, 1, rng);
    t->q = check_random(head_dim * DLX__LANES, spread, rng);
    t->a = check_random(head_dim * DLX__LANES, 0, rng);
    t->b = check_random(head_dim * DLX__LANES, 0, rng);
    t->in = (dlx__attend_in){.keys = t->keys,
                             .values = t->values,
                             .n_seen = t->n_seen,
                             .n_slots = n_slots,
                             .head_dim = head_dim,
                             .scale = 1.0f / sqrtf((float)head_dim)};
    for (size_t l = 0; l < DLX__LANES; l++) /* one sees all, one a single slot, the rest between */
        t->n_seen[l] = l == 3 ? (int32_t)n_slots : l == 1 ? 1 : (int32_t)(1 + l * 37 % n_slots);
}

static void check_attention_release(check_attention *t)
{
    free(t->keys);
    free(t->values);
    free(t->q);
    free(t->a);
    free(t->b);
}

static const char *check_attend(const dlx__kernels *k)
{
    static const size_t slots[] = {1, 2, 33, 63, 64, 65, 200}, dims[] = {2, 16, 24, 64, 128};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 3);
    CHECK_EACH(n_slots, slots)
    CHECK_EACH(head_dim, dims)
    CHECK_EACH(width, check_widths)
    {
        check_attention t;
        check_attention_open(&t, n_slots, head_dim, 4, &rng);
        dlx__kernels_scalar.attend(t.a, t.q, width, &t.in);
        k->attend(t.b, t.q, width, &t.in);
        size_t at = check_differs(t.a, t.b, head_dim * width, 1e-5f);
        if (at < head_dim * width)
            said = check_says("%zu slots of %zu, width %zu: expected %g, got %g at %zu", n_slots,
                              head_dim, width, (double)t.a[at], (double)t.b[at], at);
        check_attention_release(&t);
    }
    return said;
}

/* Scores that differ by thousands, and a NaN that must stay in its lane. */
static const char *check_attend_extremes(const dlx__kernels *k)
{
    enum { SLOTS_SEEN = 150, DIM = 16, WIDTH = 8, SICK = 5 };
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 4);
    check_attention t;
    check_attention_open(&t, SLOTS_SEEN, DIM, 5000, &rng);
    t.q[2 * WIDTH + SICK] = NAN;
    dlx__kernels_scalar.attend(t.a, t.q, WIDTH, &t.in);
    k->attend(t.b, t.q, WIDTH, &t.in);
    for (size_t i = 0; i < DIM * WIDTH; i++) {
        if (i % WIDTH == SICK ? !isnan(t.b[i]) : !(fabsf(t.a[i] - t.b[i]) <= 1e-3f))
            said = check_says("expected %g, got %g at %zu", (double)t.a[i], (double)t.b[i], i);
    }
    check_attention_release(&t);
    return said;
}

static const char *check_norm(const dlx__kernels *k)
{
    static const size_t sizes[] = {1, 16, 24, 63, 65, 896, 4097};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 5);
    CHECK_EACH(n, sizes)
    CHECK_EACH(width, check_widths)
    {
        float *x = check_random(n * width, 3, &rng), *weight = check_random(n, 2, &rng);
        float *a = check_random(n * width, 1, &rng), *b = check_random(n * width, 1, &rng);
        memcpy(b, a, n * width * sizeof *a); /* lanes beyond n_lanes are left alone */
        dlx__kernels_scalar.norm(a, x, width, width > 8 ? width - 8 : 8, weight, n, 1e-6f);
        k->norm(b, x, width, width > 8 ? width - 8 : 8, weight, n, 1e-6f);
        size_t at = check_differs(a, b, n * width, 1e-5f);
        k->norm(x, x, width, width > 8 ? width - 8 : 8, weight, n, 1e-6f);
        size_t in_place = width == 8 ? check_differs(b, x, n * width, 0) : n * width;
        if (at < n * width || in_place < n * width)
            said = check_says("%zu features, width %zu: expected %g, got %g at %zu", n, width,
                              (double)a[at], (double)b[at], at);
        free(x);
        free(weight);
        free(a);
        free(b);
    }
    return said;
}

static const char *check_rope(const dlx__kernels *k)
{
    static const size_t halves[] = {1, 8, 12, 32, 64};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 6);
    CHECK_EACH(half, halves)
    CHECK_EACH(width, check_widths)
    {
        size_t n = 2 * half * width;
        float *a = check_random(n, 3, &rng), *b = check_random(n, 3, &rng);
        float *cosine = check_random(n, 1, &rng), *sine = check_random(n, 1, &rng);
        memcpy(b, a, n * sizeof *a);
        dlx__kernels_scalar.rope(a, cosine, sine, width, half);
        k->rope(b, cosine, sine, width, half);
        size_t at = check_differs(a, b, n, 1e-6f);
        if (at < n)
            said = check_says("half %zu, width %zu: expected %g, got %g at %zu", half, width,
                              (double)a[at], (double)b[at], at);
        free(a);
        free(b);
        free(cosine);
        free(sine);
    }
    return said;
}

/* From the flat part of the exponential to where it overflows. */
static const char *check_silu_mul(const dlx__kernels *k)
{
    enum { N = 4096 };
    static float x[N], a[N], b[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = ((float)i - N / 2) * 0.06f;
        a[i] = b[i] = 1;
    }
    x[0] = -3e38f;
    x[1] = 3e38f;
    x[2] = NAN;
    x[3] = 0;
    dlx__kernels_scalar.silu_mul(a, x, N);
    k->silu_mul(b, x, N);
    for (size_t i = 0; i < N; i++)
        if (check_differs(a + i, b + i, 1, 3e-7f * fmaxf(1, fabsf(a[i]))) < 1)
            return check_says("silu(%g): expected %g, got %g", (double)x[i], (double)a[i],
                              (double)b[i]);
    return NULL;
}

static const char *check_add(const dlx__kernels *k)
{
    enum { N = 33, MOST = N * DLX__LANES };
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 7);
    CHECK_EACH(width, check_widths)
    {
        float *a = check_random(MOST, 1, &rng), *b = check_random(MOST, 1, &rng);
        float *x = check_random(MOST, 1, &rng);
        memcpy(b, a, MOST * sizeof *a);
        dlx__kernels_scalar.add(a, x, N * width);
        dlx__kernels_scalar.add_bias(a, x, width, N);
        k->add(b, x, N * width);
        k->add_bias(b, x, width, N);
        if (memcmp(a, b, MOST * sizeof *a) != 0)
            said = check_says("width %zu: sums differ", width);
        free(a);
        free(b);
        free(x);
    }
    return said;
}

static const char *check_same_stats(const dlx__lane_stats *a, const dlx__lane_stats *b,
                                    size_t width)
{
    for (size_t l = 0; l < width; l++) {
        if (a->broken[l] != b->broken[l])
            return check_says("lane %zu: broken %d, got %d", l, a->broken[l], b->broken[l]);
        if (a->broken[l])
            continue;
        if (a->best[l] != b->best[l] || a->max[l] != b->max[l] || a->second[l] != b->second[l])
            return check_says("lane %zu: best %d (%g, %g), got %d (%g, %g)", l, a->best[l],
                              (double)a->max[l], (double)a->second[l], b->best[l],
                              (double)b->max[l], (double)b->second[l]);
        if (!(fabsf(a->sum[l] - b->sum[l]) <= 2e-5f * a->sum[l]) ||
            !(fabsf(a->weighted[l] - b->weighted[l]) <= 2e-5f * (1 + fabsf(a->weighted[l]))))
            return check_says("lane %zu: sums %g %g, got %g %g", l, (double)a->sum[l],
                              (double)a->weighted[l], (double)b->sum[l], (double)b->weighted[l]);
    }
    return NULL;
}

/* Several calls, many ties, and two halves merged. */
static const char *check_stats(const dlx__kernels *k)
{
    enum { N = 301 };
    dlx__rng rng;
    dlx__rng_seed(&rng, 8);
    CHECK_EACH(width, check_widths)
    {
        float *logits = check_random(N * width, 20, &rng);
        for (size_t i = 0; i < N * width; i += 3)
            logits[i] = roundf(logits[i] / 10) * 10;
        dlx__lane_stats truth, got, half;
        dlx__stats_reset(&truth);
        dlx__stats_reset(&got);
        dlx__stats_reset(&half);
        dlx__kernels_scalar.stats(&truth, logits, width, N, 5);
        for (size_t at = 0; at < 200; at += 48)
            k->stats(&got, logits + at * width, width, dlx__min(48, 200 - at), 5 + (int32_t)at);
        k->stats(&half, logits + 200 * width, width, N - 200, 205);
        dlx__stats_merge(&got, &half, width);
        free(logits);
        if (check_same_stats(&truth, &got, width))
            return check_text;
    }
    return NULL;
}

/* Lane 0: nothing allowed. 1: NaN. 2: +infinity. 3: one id allowed. 4: all equal. 5: -infinity
 * first. */
static const char *check_stats_special(const dlx__kernels *k)
{
    enum { N = 20, WIDTH = 8 };
    float logits[N * WIDTH];
    for (size_t i = 0; i < N; i++)
        for (size_t l = 0; l < WIDTH; l++) {
            float v = (float)(i * 7 % 11) - 300 * (float)(l == 7);
            v = l == 0 || (l == 3 && i != 9) || (l == 5 && i < 15) ? -INFINITY : l == 4 ? 2.5f : v;
            logits[i * WIDTH + l] = v;
        }
    logits[6 * WIDTH + 1] = NAN;
    logits[7 * WIDTH + 2] = INFINITY;
    dlx__lane_stats truth, got;
    dlx__stats_reset(&truth);
    dlx__stats_reset(&got);
    dlx__kernels_scalar.stats(&truth, logits, WIDTH, N, 0);
    for (size_t at = 0; at < N; at += 5)
        k->stats(&got, logits + at * WIDTH, WIDTH, 5, (int32_t)at);
    if (check_same_stats(&truth, &got, WIDTH))
        return check_text;
    if (got.best[0] != -1 || got.sum[0] != 0 || !got.broken[1] || !got.broken[2])
        return check_says("nothing allowed, NaN or infinity not seen");
    if (got.best[3] != 9 || got.sum[3] != 1 || got.weighted[3] != 0 || got.best[4] != 0 ||
        got.second[4] != 2.5f)
        return check_says("one id: %d sum %g; all equal: %d", got.best[3], (double)got.sum[3],
                          got.best[4]);
    return NULL;
}

typedef struct kernel_check {
    const char *name;
    const char *(*run)(const dlx__kernels *k);
} kernel_check;

static const kernel_check kernel_checks[] = {
#define KERNEL_CHECK_ROW(name) {#name, check_##name},
    KERNEL_CHECKS(KERNEL_CHECK_ROW)
#undef KERNEL_CHECK_ROW
};

#endif
