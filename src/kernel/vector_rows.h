/*
 * vector_rows.h - the loops over a row of numbers, over an abstract vector. A body over macros,
 * included once by each kernel_<isa>.c after it has defined:
 *
 *   VL                   floats in a vector: 4, 8 or 16
 *   vec, ivec, test      VL floats, VL int32, VL truth values
 *   vec_load vec_store vec_set vec_add vec_sub vec_mul vec_div
 *   vec_max(a, b)        b where either is NaN
 *   vec_fma(a, b, c)     a * b + c, rounded once
 *   vec_above(a, b)      a > b, false for NaN;  vec_equal(a, b)
 *   vec_select(t, a, b)  t ? a : b;  test_or;  test_lanes(t): a bit for each lane
 *   vec_exp2_int(x, n)   n = x rounded to a whole number; returns 2^n for n in [-126, 127]
 *   vec_sum vec_top      of the lanes
 *   vec_of(a), ivec_of(x)  from and to int32, to nearest, even of two
 *   ivec_load ivec_store ivec_set ivec_and ivec_max ivec_top ivec_above(a, b)
 *   vec_bits(x)          the same bits as int32
 *   put_group(c, cell, ints)  32 int32 into q, wide and start of a cell; returns their sum
 *   put_span(c, cell, n)   what follows from the starts of n groups of a span
 */
#ifndef DLX__VECTOR_ROWS_H
#define DLX__VECTOR_ROWS_H

#include "kernel/cells.h"

#include <math.h>
#include <string.h>

enum { EXPS = 4 }; /* computed side by side, for each is one long chain */

#define EACH                                                                                       \
    UNROLL                                                                                         \
    for (int i = 0; i < n; i++)

/*
 * x [n] = exp(x), x up to 88.3, and 0 below -87.3. exp(x) = 2^m exp(r) with x = m ln 2 + r,
 * |r| <= ln 2 / 2; the polynomial is that of Cephes' expf (S. Moshier), off by about one unit in
 * the last place. NaN stays NaN.
 */
INLINE void exponentials(vec *x, const int n)
{
    static const float taylor[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                                   1.6666665459e-1f, 5.0000001201e-1f};
    const vec lowest = vec_set(-87.3f);
    vec m[EXPS], r[EXPS], power[EXPS], p[EXPS];
    EACH r[i] = vec_max(lowest, x[i]);
    EACH power[i] = vec_exp2_int(vec_mul(r[i], vec_set(1.44269504088896341f)), &m[i]);
    EACH r[i] = vec_fma(m[i], vec_set(-0.693359375f), r[i]);
    EACH r[i] = vec_fma(m[i], vec_set(2.12194440e-4f), r[i]);
    EACH p[i] = vec_set(1.9875691500e-4f);
    UNROLL
    for (size_t t = 0; t < DLX__LEN(taylor); t++)
        EACH p[i] = vec_fma(p[i], r[i], vec_set(taylor[t]));
    EACH p[i] = vec_fma(p[i], vec_mul(r[i], r[i]), vec_add(r[i], vec_set(1)));
    EACH p[i] = vec_mul(p[i], power[i]);
    EACH x[i] = vec_select(vec_above(lowest, x[i]), vec_set(0), p[i]);
}

/* The end of a row: n < VL numbers, the other lanes `rest`. */
INLINE vec load_end(const float *p, size_t n, float rest)
{
    float lanes[VL];
    vec_store(lanes, vec_set(rest));
    memcpy(lanes, p, n * sizeof *p);
    return vec_load(lanes);
}

INLINE void store_end(float *p, vec a, size_t n)
{
    float lanes[VL];
    vec_store(lanes, a);
    memcpy(p, lanes, n * sizeof *p);
}

/* In several sums, which keeps long ones accurate and the multipliers busy. */
static float sum_of_squares(const float *x, size_t n)
{
    enum { N = 4 };
    vec sum[N];
    for (int s = 0; s < N; s++)
        sum[s] = vec_set(0);
    size_t i = 0;
    for (; i + N * VL <= n; i += N * VL)
        for (size_t s = 0; s < N; s++) {
            const vec v = vec_load(x + i + s * VL);
            sum[s] = vec_fma(v, v, sum[s]);
        }
    for (; i < n; i += VL) {
        const vec v = i + VL <= n ? vec_load(x + i) : load_end(x + i, n - i, 0);
        sum[0] = vec_fma(v, v, sum[0]);
    }
    return vec_sum(vec_add(vec_add(sum[0], sum[1]), vec_add(sum[2], sum[3])));
}

static void norm(float *y, const float *x, const float *weight, size_t n, float eps)
{
    const vec factor = vec_set(1.0f / sqrtf(sum_of_squares(x, n) / (float)n + eps));
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vec_store(y + i, vec_mul(vec_mul(vec_load(x + i), factor), vec_load(weight + i)));
    if (i < n)
        store_end(
            y + i,
            vec_mul(vec_mul(load_end(x + i, n - i, 0), factor), load_end(weight + i, n - i, 0)),
            n - i);
}

static void rope(float *x, const float *cosine, const float *sine, size_t half)
{
    float *low = x, *high = x + half;
    size_t i = 0;
    for (; i + VL <= half; i += VL) {
        const vec a = vec_load(low + i), b = vec_load(high + i);
        const vec c = vec_load(cosine + i), s = vec_load(sine + i);
        vec_store(low + i, vec_sub(vec_mul(a, c), vec_mul(b, s)));
        vec_store(high + i, vec_add(vec_mul(b, c), vec_mul(a, s)));
    }
    for (; i < half; i++) {
        const float a = low[i], b = high[i];
        low[i] = a * cosine[i] - b * sine[i];
        high[i] = b * cosine[i] + a * sine[i];
    }
}

/* y = gate / (1 + exp(-gate)) * up. Where exp(-gate) is too large for a float the quotient is less
 * than any that matters, and is taken for 0. */
INLINE void gated(vec *y, const vec *gate, const vec *up, const int n)
{
    const vec highest = vec_set(88.3f), none = vec_set(0);
    vec e[EXPS];
    EACH e[i] = vec_sub(none, gate[i]);
    EACH e[i] = vec_select(vec_above(e[i], highest), highest, e[i]);
    exponentials(e, n);
    EACH y[i] = vec_mul(vec_div(gate[i], vec_add(vec_set(1), e[i])), up[i]);
    EACH y[i] = vec_select(vec_above(vec_set(-88.3f), gate[i]), none, y[i]);
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n_numbers)
{
    enum { n = EXPS };
    size_t k = 0;
    for (; k + n * VL <= n_numbers; k += n * VL) {
        vec g[n], u[n], out[n];
        EACH g[i] = vec_load(gate + k + (size_t)i * VL);
        EACH u[i] = vec_load(up + k + (size_t)i * VL);
        gated(out, g, u, n);
        EACH vec_store(y + k + (size_t)i * VL, out[i]);
    }
    for (; k < n_numbers; k += VL) {
        const size_t len = dlx__min(VL, n_numbers - k);
        const vec g = load_end(gate + k, len, 0), u = load_end(up + k, len, 0);
        vec out;
        gated(&out, &g, &u, 1);
        store_end(y + k, out, len);
    }
}

static void add(float *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vec_store(y + i, vec_add(vec_load(y + i), vec_load(x + i)));
    for (; i < n; i++)
        y[i] += x[i];
}

/* The largest number that is not NaN; -infinity: none. */
static float largest_of(const float *x, size_t n_numbers)
{
    enum { n = EXPS };
    vec top[n];
    EACH top[i] = vec_set(-INFINITY);
    size_t k = 0;
    for (; k + n * VL <= n_numbers; k += n * VL)
        EACH top[i] = vec_max(vec_load(x + k + (size_t)i * VL), top[i]);
    for (; k < n_numbers; k += VL)
        top[0] = vec_max(load_end(x + k, dlx__min(VL, n_numbers - k), -INFINITY), top[0]);
    return vec_top(vec_max(vec_max(top[0], top[1]), vec_max(top[2], top[3])));
}

/* What is gathered of a run of logits when their maximum is known. */
typedef struct gathered {
    vec sum, weighted;
    vec second;  /* the largest below the maximum */
    int n_best;  /* how many are the maximum */
    size_t best; /* where the first of them is */
} gathered;

INLINE void note_best(gathered *g, size_t at, unsigned lanes)
{
    if (g->n_best == 0)
        g->best = at + (size_t)__builtin_ctz(lanes);
    g->n_best += __builtin_popcount(lanes);
}

/* The logits x, n vectors of them, the first one's id being `at`. */
INLINE void gather(gathered *g, const vec *x, size_t at, float max, const int n)
{
    const vec top = vec_set(max), lowest = vec_set(-87.3f);
    vec d[EXPS], e[EXPS], sum = vec_set(0), weighted = vec_set(0);
    test best = vec_equal(x[0], top);
    EACH best = test_or(best, vec_equal(x[i], top));
    if (test_lanes(best) != 0) /* seldom */
        EACH if (test_lanes(vec_equal(x[i], top)) != 0)
            note_best(g, at + (size_t)i * VL, test_lanes(vec_equal(x[i], top)));
    EACH g->second = vec_max(vec_select(vec_equal(x[i], top), vec_set(-INFINITY), x[i]), g->second);
    EACH e[i] = vec_sub(x[i], top);
    EACH d[i] = vec_max(lowest, e[i]); /* -infinity times 0 would be NaN */
    exponentials(e, n);
    EACH sum = vec_add(sum, e[i]);
    EACH weighted = vec_fma(e[i], d[i], weighted);
    g->sum = vec_add(g->sum, sum);
    g->weighted = vec_add(g->weighted, weighted);
}

/* The last few logits as if -infinity followed them: sums then have the same bits, whether ids that
 * are not allowed follow or none. */
INLINE void load_last(vec *x, const float *logits, size_t n_logits)
{
    enum { n = EXPS };
    float padded[n * VL];
    EACH vec_store(padded + i * VL, vec_set(-INFINITY));
    memcpy(padded, logits, n_logits * sizeof *logits);
    EACH x[i] = vec_load(padded + i * VL);
}

/* Broken: the sum is not a number if a logit is none, or if the maximum is infinite. */
static void stats(dlx__stats *s, const float *logits, size_t n_logits, int32_t first_id)
{
    enum { n = EXPS };
    const float max = largest_of(logits, n_logits);
    const float base = max > -INFINITY ? max : 0;
    gathered g = {.sum = vec_set(0), .weighted = vec_set(0), .second = vec_set(-INFINITY)};
    for (size_t k = 0; k < n_logits; k += n * VL) {
        vec x[n];
        if (k + n * VL <= n_logits)
            EACH x[i] = vec_load(logits + k + (size_t)i * VL);
        else
            load_last(x, logits + k, n_logits - k);
        gather(&g, x, k, base, n);
    }
    dlx__stats run = {.max = max, .sum = vec_sum(g.sum), .weighted = vec_sum(g.weighted)};
    run.broken = !(run.sum < INFINITY);
    run.second = g.n_best > 1 ? max : vec_top(g.second);
    run.best = g.n_best > 0 ? first_id + (int32_t)g.best : -1;
    dlx__stats_merge(s, &run);
}

/* ---- quantized rows ------------------------------------------------------------------------ */

static size_t ints_bytes(size_t n_in, size_t n_rows)
{
    return dlx__mul(dlx__mul(dlx__n_groups(n_in), n_rows), CELL_BYTES);
}

/* The largest magnitude by its bits, which order numbers as integers do, infinity and NaN on top.
 */
INLINE dlx__quantum quantum_of(const float *x, const size_t n, const float *known)
{
    const ivec magnitude = ivec_set(0x7FFFFFFF);
    ivec most = ivec_set(0);
    UNROLL
    for (size_t i = 0; i < n; i += VL)
        most = ivec_max(most, ivec_and(vec_bits(vec_load(x + i)), magnitude));
    const int32_t bits = ivec_top(most);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return dlx__quantum_of(known ? *known : largest, bits < 0x7F800000);
}

/* x inside [-most, most] */
INLINE vec vec_inside(vec x, float most)
{
    const vec top = vec_set(most), bottom = vec_set(-most);
    x = vec_select(vec_above(x, top), top, x);
    return vec_select(vec_above(bottom, x), bottom, x);
}

INLINE void quantize_group(const cells *c, size_t cell, const float *x, float inverse,
                           const float *largest)
{
    ivec whole[DLX__GROUP / VL];
    UNROLL
    for (size_t v = 0; v < DLX__GROUP / VL; v++) {
        vec part = vec_load(x + v * VL);
        if (largest)
            part = vec_inside(part, *largest);
        whole[v] = inverse == 0 ? ivec_set(0) /* x may be infinite */
                                : ivec_of(vec_mul(part, vec_set(inverse)));
    }
    c->sum[cell] = (float)put_group(c, cell, whole);
}

/* n numbers of a row, whole groups: a span, or what is left of the row. */
INLINE void quantize_span(const cells *c, size_t row, size_t col, const float *x, const size_t n,
                          const float *largest)
{
    const dlx__quantum quantum = quantum_of(x, n, largest);
    c->scale[col / DLX__SPAN * c->n_rows + row] = quantum.scale;
    size_t cell = col / DLX__GROUP * c->n_rows + row;
    for (size_t i = 0; i < n; i += DLX__GROUP, cell += c->n_rows)
        quantize_group(c, cell, x + i, quantum.inverse, largest);
    put_span(c, col / DLX__GROUP * c->n_rows + row, n / DLX__GROUP);
}

INLINE void quantize_by(const dlx__acts *a, size_t row, size_t col, size_t n, const float *largest)
{
    const cells c = cells_of(a);
    const float *x = a->x + row * a->stride + col;
    for (; n >= DLX__SPAN; n -= DLX__SPAN, col += DLX__SPAN, x += DLX__SPAN)
        quantize_span(&c, row, col, x, DLX__SPAN, largest);
    if (n == 0)
        return;
    float padded[DLX__SPAN] = {0};
    memcpy(padded, x, n * sizeof *x);
    quantize_span(&c, row, col, padded, dlx__n_groups(n) * DLX__GROUP, largest);
}

static void quantize(const dlx__acts *a, size_t row, size_t col, size_t n, const float *largest)
{
    if (largest)
        quantize_by(a, row, col, n, largest);
    else
        quantize_by(a, row, col, n, NULL);
}

#endif
