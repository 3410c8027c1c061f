/* attend_checks.h - attention of a table of kernels against that of the scalar one; kernel_checks.h
 * lists the checks. */
#ifndef ATTEND_CHECKS_H
#define ATTEND_CHECKS_H

#include "check_numbers.h"

typedef struct check_attention {
    float *keys, *values; /* [n_slots, head_dim] */
    uint16_t *key_halves,
        *value_halves; /* the same in bf16; NaN beside the last of an odd number */
    float *q, *a, *b;  /* [head_dim][32] */
    int32_t n_seen[DLX__LANES];
    dlx__attend_in in;
} check_attention;

static void check_attention_open(check_attention *t, size_t n_slots, size_t head_dim, float spread,
                                 dlx__rng *rng)
{
    t->keys = check_random(n_slots * head_dim, 1, rng);
    t->values = check_random(n_slots * head_dim, 1, rng);
    t->key_halves = malloc(n_slots * head_dim * sizeof *t->key_halves);
    t->value_halves = malloc((n_slots + 1) * head_dim * sizeof *t->value_halves);
    if (!t->key_halves || !t->value_halves)
        abort();
    for (size_t i = 0; i < n_slots * head_dim; i++)
        t->key_halves[i] = dlx__f32_to_bf16(t->keys[i]);
    for (size_t i = 0; i < (n_slots + n_slots % 2) * head_dim; i++) {
        const size_t slot = i / head_dim, to = (slot / 2 * head_dim + i % head_dim) * 2 + slot % 2;
        t->value_halves[to] = dlx__f32_to_bf16(slot < n_slots ? t->values[i] : NAN);
    }
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

/* The keys and values in bf16 in place of the floats. */
static void check_attention_halve(check_attention *t)
{
    t->in.keys = t->in.values = NULL;
    t->in.key_halves = t->key_halves;
    t->in.value_halves = t->value_halves;
}

/* y [head_dim][width], by a table, of a copy of the queries. */
static void check_attention_run(const dlx__kernels *k, float *y, const float *q, size_t width,
                                const dlx__attend_in *in)
{
    float *copy = check_aligned(in->head_dim * width * sizeof *copy);
    memcpy(copy, q, in->head_dim * width * sizeof *copy);
    k->attend(y, copy, width, in);
    dlx__free_aligned(NULL, copy);
}

static void check_attention_release(check_attention *t)
{
    free(t->keys);
    free(t->values);
    free(t->key_halves);
    free(t->value_halves);
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
        check_attention_run(&dlx__kernels_scalar, t.a, t.q, width, &t.in);
        check_attention_run(k, t.b, t.q, width, &t.in);
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
    check_attention_run(&dlx__kernels_scalar, t.a, t.q, WIDTH, &t.in);
    check_attention_run(k, t.b, t.q, WIDTH, &t.in);
    for (size_t i = 0; i < DIM * WIDTH; i++) {
        if (i % WIDTH == SICK ? !isnan(t.b[i]) : !(fabsf(t.a[i] - t.b[i]) <= 1e-3f))
            said = check_says("expected %g, got %g at %zu", (double)t.a[i], (double)t.b[i], i);
    }
    check_attention_release(&t);
    return said;
}

/*
 * What rounding q and the softmax to bf16 may do to a lane whose values are within 1. A number is
 * off by at most r = 2^-8 of itself, a score then by r times the sum of the magnitudes, d, and a
 * weight, numerator and denominator, by (exp(d) (1 + r))^2 at most.
 */
static double check_rounding(const check_attention *t, size_t width, size_t lane)
{
    const double r = 1.0 / 256;
    double most = 0;
    for (size_t j = 0; j < (size_t)t->n_seen[lane]; j++) {
        double size = 0;
        for (size_t c = 0; c < t->in.head_dim; c++)
            size += fabs((double)t->q[c * width + lane] * (double)t->keys[j * t->in.head_dim + c]);
        most = fmax(most, size * (double)t->in.scale);
    }
    return expm1(2 * (most * r * 1.01 + r)) + 1e-4;
}

static const char *check_attend_halves_of(const dlx__kernels *k, size_t n_slots, size_t head_dim,
                                          size_t width, float spread, dlx__rng *rng)
{
    const char *said = NULL;
    check_attention t;
    check_attention_open(&t, n_slots, head_dim, spread, rng);
    check_attention_halve(&t);
    check_attention_run(&dlx__kernels_scalar, t.a, t.q, width, &t.in);
    check_attention_run(k, t.b, t.q, width, &t.in);
    for (size_t l = 0; l < width; l++) {
        const double allowed = k->halve ? check_rounding(&t, width, l) : 1e-5;
        for (size_t i = l; i < head_dim * width; i += width)
            if (!(fabs((double)t.a[i] - (double)t.b[i]) <= allowed))
                said = check_says("%zu slots of %zu in bf16, width %zu: expected %g, got %g at %zu",
                                  n_slots, head_dim, width, (double)t.a[i], (double)t.b[i], i);
    }
    check_attention_release(&t);
    return said;
}

/* Keys and values in bf16; small queries leave little to rounding. */
static const char *check_attend_halves(const dlx__kernels *k)
{
    static const size_t slots[] = {1, 2, 33, 64, 95, 96, 97, 227}, dims[] = {2, 10, 24, 64, 128};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 16);
    CHECK_EACH(n_slots, slots)
    CHECK_EACH(head_dim, dims)
    CHECK_EACH(width, check_widths)
    {
        if (!said)
            said = check_attend_halves_of(k, n_slots, head_dim, width, 4, &rng);
        if (!said)
            said = check_attend_halves_of(k, n_slots, head_dim, width, 0.1f, &rng);
    }
    return said;
}

/* Scores that differ by thousands are a choice of one value, and a NaN stays in its lane. */
static const char *check_attend_sick(const dlx__kernels *k)
{
    enum { DIM = 16, WIDTH = 24, SICK = 5 };
    static const size_t slots[] = {149, 150};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 17);
    CHECK_EACH(n_slots, slots)
    {
        check_attention t;
        check_attention_open(&t, n_slots, DIM, 5000, &rng);
        check_attention_halve(&t);
        t.q[2 * WIDTH + SICK] = NAN;
        check_attention_run(k, t.b, t.q, WIDTH, &t.in);
        for (size_t i = 0; i < DIM * WIDTH; i++)
            if (i % WIDTH == SICK ? !isnan(t.b[i]) : !(fabsf(t.b[i]) <= 1.001f))
                said = check_says("%zu slots: got %g at %zu", n_slots, (double)t.b[i], i);
        check_attention_release(&t);
    }
    return said;
}

/* Is each lane, alone with what it sees, what it is among the others? */
static const char *check_attend_alone(const dlx__kernels *k, check_attention *t)
{
    const size_t c = t->in.head_dim;
    const char *said = NULL;
    float *q = check_aligned(c * 8 * sizeof *q), *y = check_aligned(c * 8 * sizeof *y);
    check_attention_run(k, t->a, t->q, DLX__LANES, &t->in);
    for (size_t l = 0; l < DLX__LANES; l++) {
        int32_t n_seen[8];
        dlx__attend_in in = t->in;
        in.n_seen = n_seen;
        in.n_slots = (size_t)t->n_seen[l];
        for (size_t i = 0; i < c * 8; i++)
            q[i] = t->q[i / 8 * DLX__LANES + l];
        for (size_t i = 0; i < 8; i++)
            n_seen[i] = t->n_seen[l];
        check_attention_run(k, y, q, 8, &in);
        for (size_t i = 0; i < c; i++)
            if (memcmp(y + i * 8 + 3, t->a + i * DLX__LANES + l, sizeof *y) != 0)
                said = check_says("lane %zu of %zu slots, alone: %.9g, among others: %.9g", l,
                                  t->in.n_slots, (double)y[i * 8 + 3],
                                  (double)t->a[i * DLX__LANES + l]);
    }
    dlx__free_aligned(NULL, q);
    dlx__free_aligned(NULL, y);
    return said;
}

/* A value that even the smallest weight would show. */
static void check_make_last_huge(check_attention *t)
{
    const size_t c = t->in.head_dim, last = t->in.n_slots - 1;
    for (size_t i = 0; i < c; i++) {
        t->values[last * c + i] = 3e38f;
        t->value_halves[(last / 2 * c + i) * 2 + last % 2] = dlx__f32_to_bf16(3e38f);
    }
}

static const char *check_attend_lanes(const dlx__kernels *k)
{
    static const size_t slots[] = {2, 97, 230}, dims[] = {10, 64};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 18);
    CHECK_EACH(n_slots, slots)
    CHECK_EACH(head_dim, dims)
    {
        check_attention t;
        check_attention_open(&t, n_slots, head_dim, 4, &rng);
        check_make_last_huge(&t);
        said = said ? said : check_attend_alone(k, &t);
        check_attention_halve(&t);
        said = said ? said : check_attend_alone(k, &t);
        check_attention_release(&t);
    }
    return said;
}

#endif
