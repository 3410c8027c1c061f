/* attend_checks.h - attention of a table of kernels against that of the scalar one; kernel_checks.h
 * lists the checks. */
#ifndef ATTEND_CHECKS_H
#define ATTEND_CHECKS_H

#include "check_numbers.h"

typedef struct check_attention {
    float *keys, *values;           /* [n_slots, head_dim] */
    void *kept_keys, *kept_values;  /* the same as another type; room for float32 */
    float *key_scale, *value_scale; /* [n_slots] */
    float *q, *a, *b;               /* [head_dim][32] */
    int32_t n_seen[DLX__LANES];
    dlx__attend_in in;
} check_attention;

static void check_attention_open(check_attention *t, size_t n_slots, size_t head_dim, float spread,
                                 dlx__rng *rng)
{
    t->keys = check_random(n_slots * head_dim, 1, rng);
    t->values = check_random(n_slots * head_dim, 1, rng);
    t->kept_keys = check_aligned((n_slots + 1) * head_dim * sizeof(float));
    t->kept_values = check_aligned((n_slots + 1) * head_dim * sizeof(float));
    t->key_scale = check_random(n_slots, 0, rng);
    t->value_scale = check_random(n_slots, 0, rng);
    t->q = check_random(head_dim * DLX__LANES, spread, rng);
    t->a = check_random(head_dim * DLX__LANES, 0, rng);
    t->b = check_random(head_dim * DLX__LANES, 0, rng);
    t->in = (dlx__attend_in){.type = DLX__KV_F32,
                             .keys = {t->keys, NULL},
                             .values = {t->values, NULL},
                             .n_seen = t->n_seen,
                             .n_slots = n_slots,
                             .head_dim = head_dim,
                             .scale = 1.0f / sqrtf((float)head_dim)};
    for (size_t l = 0; l < DLX__LANES; l++) /* one sees all, one a single slot, the rest between */
        t->n_seen[l] = l == 3 ? (int32_t)n_slots : l == 1 ? 1 : (int32_t)(1 + l * 37 % n_slots);
}

/* The keys and values as another type in place of the floats; all bits set beside and behind. */
static void check_attention_keep(check_attention *t, dlx__kv_type type)
{
    const size_t c = t->in.head_dim, size = dlx__kv_number_bytes(type);
    const size_t n_bytes = (t->in.n_slots + 1) * c * sizeof(float);
    memset(t->kept_keys, 0xFF, n_bytes);
    memset(t->kept_values, 0xFF, n_bytes);
    for (size_t slot = 0; slot < t->in.n_slots; slot++) {
        uint8_t *key = (uint8_t *)t->kept_keys + dlx__kv_key_at(c, slot, 0) * size;
        uint8_t *value = (uint8_t *)t->kept_values + dlx__kv_value_at(type, c, slot, 0) * size;
        dlx__kv_round(type, key, 1, t->key_scale + slot, t->keys + slot * c, c);
        dlx__kv_round(type, value, type == DLX__KV_BF16 ? 2 : 1, t->value_scale + slot,
                      t->values + slot * c, c);
    }
    const bool scaled = type == DLX__KV_INT8;
    t->in.type = type;
    t->in.keys = (dlx__kv_rows){t->kept_keys, scaled ? t->key_scale : NULL};
    t->in.values = (dlx__kv_rows){t->kept_values, scaled ? t->value_scale : NULL};
}

/* In bf16, multiplied as pairs where the table does that. */
static void check_attention_halve(const dlx__kernels *k, check_attention *t)
{
    check_attention_keep(t, DLX__KV_BF16);
    t->in.pairs = k->halve != NULL;
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
    dlx__free_aligned(NULL, t->kept_keys);
    dlx__free_aligned(NULL, t->kept_values);
    free(t->key_scale);
    free(t->value_scale);
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
    check_attention_halve(k, &t);
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

static const char *check_attend_kept_of(const dlx__kernels *k, dlx__kv_type type, size_t n_slots,
                                        size_t head_dim, size_t width, dlx__rng *rng)
{
    const char *said = NULL;
    check_attention t;
    check_attention_open(&t, n_slots, head_dim, 4, rng);
    check_attention_keep(&t, type);
    check_attention_run(&dlx__kernels_scalar, t.a, t.q, width, &t.in);
    check_attention_run(k, t.b, t.q, width, &t.in);
    const size_t at = check_differs(t.a, t.b, head_dim * width, 1e-5f);
    if (at < head_dim * width)
        said = check_says("%zu slots of %zu in %s, width %zu: expected %g, got %g at %zu", n_slots,
                          head_dim, dlx__kv_type_name(type), width, (double)t.a[at],
                          (double)t.b[at], at);
    check_attention_release(&t);
    return said;
}

/* Keys and values of every type, multiplied as floats. */
static const char *check_attend_kept(const dlx__kernels *k)
{
    static const size_t slots[] = {1, 2, 33, 63, 64, 65, 200}, dims[] = {2, 10, 24, 64, 66, 128};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 19);
    CHECK_EACH(n_slots, slots)
    CHECK_EACH(head_dim, dims)
    CHECK_EACH(width, check_widths)
    {
        for (int t = DLX__KV_F32; t < DLX__N_KV_TYPES && !said; t++)
            said = check_attend_kept_of(k, (dlx__kv_type)t, n_slots, head_dim, width, &rng);
    }
    return said;
}

/* A slot of NaN in int8 is one for the lanes that see it, and zeros are zeros. */
static const char *check_attend_kept_sick(const dlx__kernels *k)
{
    enum { DIM = 24, N = 80, WIDTH = 8, SICK = 70, ZERO = 3 };
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 20);
    for (int type = DLX__KV_F32; type < DLX__N_KV_TYPES && !said; type++) {
        check_attention t;
        check_attention_open(&t, N, DIM, 4, &rng);
        for (size_t i = 0; i < DIM; i++)
            t.values[ZERO * DIM + i] = t.keys[ZERO * DIM + i] = 0;
        t.values[SICK * DIM + 5] = NAN;
        check_attention_keep(&t, (dlx__kv_type)type);
        for (size_t l = 0; l < WIDTH; l++)
            t.n_seen[l] = N;
        check_attention_run(&dlx__kernels_scalar, t.a, t.q, WIDTH, &t.in);
        check_attention_run(k, t.b, t.q, WIDTH, &t.in);
        const size_t at = check_differs(t.a, t.b, DIM * WIDTH, 1e-5f);
        if (at < DIM * WIDTH || !isnan(t.b[5 * WIDTH]) ||
            (type == DLX__KV_INT8) != isnan(t.b[6 * WIDTH]))
            said =
                check_says("%s: expected %g, got %g at %zu", dlx__kv_type_name((dlx__kv_type)type),
                           (double)t.a[at % (DIM * WIDTH)], (double)t.b[at % (DIM * WIDTH)], at);
        check_attention_release(&t);
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
        check_attention_halve(k, &t);
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
    for (size_t i = 0; i < c; i++)
        t->values[last * c + i] = t->in.n_slots % 2 ? 60000 : -60000; /* of f16's range */
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
        for (int type = DLX__KV_F32; type < DLX__N_KV_TYPES && !said; type++) {
            check_attention_keep(&t, (dlx__kv_type)type);
            said = check_attend_alone(k, &t);
        }
        check_attention_halve(k, &t);
        said = said ? said : check_attend_alone(k, &t);
        check_attention_release(&t);
    }
    return said;
}

#endif
