/*
 * vector_rows.h - the loops over a row of numbers, over an abstract vector. Included once by each
 * kernel_<isa>.c after it has defined:
 *
 *   VL                   floats in a vector: 4, 8 or 16
 *   vec, ivec, test      VL floats, VL int32, VL truth values
 *   vec_load vec_store vec_set vec_add vec_sub vec_mul vec_div
 *   vec_max(a, b)        b where either is NaN
 *   vec_fma(a, b, c)     a * b + c, rounded once
 *   vec_above(a, b)      a > b, false for NaN;  vec_regular(a): neither NaN nor +infinity
 *   vec_select(t, a, b)  t ? a : b;  test_and test_all
 *   vec_exp2_int(x, n)   n = x rounded to a whole number; returns 2^n for n in [-126, 127]
 *   vec_sum vec_top      of the lanes
 *   vec_of(a), ivec_of(x)  from and to int32, to nearest, even of two
 *   ivec_load ivec_store ivec_set ivec_add ivec_above(a, b) ivec_select(t, a, b)
 *   vec_bits(x), ivec_and ivec_max ivec_top
 *   put_group(c, cell, ints)  32 int32 into q, wide and start of a cell; returns their sum
 */
#ifndef DLX__VECTOR_ROWS_H
#define DLX__VECTOR_ROWS_H

#include "kernel/cells.h"

#include <math.h>
#include <string.h>

/*
 * exp(x) = 2^n exp(r) with x = n ln 2 + r, |r| <= ln 2 / 2; the polynomial is that of Cephes' expf
 * (S. Moshier), off by about one unit in the last place. For x in [-87.3, 88.3]; NaN stays NaN.
 */
INLINE vec exponential_within(vec x)
{
    vec n, power = vec_exp2_int(vec_mul(x, vec_set(1.44269504088896341f)), &n);
    vec r = vec_fma(n, vec_set(-0.693359375f), x);
    r = vec_fma(n, vec_set(2.12194440e-4f), r);
    vec p = vec_set(1.9875691500e-4f);
    p = vec_fma(p, r, vec_set(1.3981999507e-3f));
    p = vec_fma(p, r, vec_set(8.3334519073e-3f));
    p = vec_fma(p, r, vec_set(4.1665795894e-2f));
    p = vec_fma(p, r, vec_set(1.6666665459e-1f));
    p = vec_fma(p, r, vec_set(5.0000001201e-1f));
    p = vec_fma(p, vec_mul(r, r), vec_add(r, vec_set(1)));
    return vec_mul(p, power);
}

/* For x up to 88.3: 0 below -87.3. */
INLINE vec exponential_below(vec x)
{
    const vec lowest = vec_set(-87.3f);
    return vec_select(vec_above(lowest, x), vec_set(0), exponential_within(vec_max(lowest, x)));
}

/* For any x: infinity above 88.3. */
INLINE vec exponential(vec x)
{
    const vec highest = vec_set(88.3f);
    const test above = vec_above(x, highest);
    return vec_select(above, vec_set(INFINITY), exponential_below(vec_select(above, highest, x)));
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

INLINE vec gated(vec gate, vec up)
{
    const vec one = vec_set(1);
    const vec e = exponential(vec_sub(vec_set(0), gate));
    return vec_mul(vec_div(gate, vec_add(one, e)), up);
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vec_store(y + i, gated(vec_load(gate + i), vec_load(up + i)));
    if (i < n)
        store_end(y + i, gated(load_end(gate + i, n - i, 0), load_end(up + i, n - i, 0)), n - i);
}

static void add(float *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vec_store(y + i, vec_add(vec_load(y + i), vec_load(x + i)));
    for (; i < n; i++)
        y[i] += x[i];
}

/* What each lane has seen: its largest number, the place of that, the largest but one. */
typedef struct ranks {
    vec max, second;
    ivec best;
    test regular; /* of all numbers so far */
} ranks;

/* Strictly above: the lower id keeps a tie. */
INLINE void rank(ranks *r, vec x, ivec ids)
{
    const test higher = vec_above(x, r->max);
    r->second = vec_max(vec_select(higher, r->max, x), r->second);
    r->best = ivec_select(higher, ids, r->best);
    r->max = vec_select(higher, x, r->max);
    r->regular = test_and(r->regular, vec_regular(x));
}

/* One lane after the other: they hold interleaved ids, so that a tie goes to the lower one. */
static void join_lanes(dlx__stats *s, const ranks *r)
{
    float max[VL], second[VL];
    int32_t best[VL];
    vec_store(max, r->max);
    vec_store(second, r->second);
    ivec_store(best, r->best);
    for (size_t l = 0; l < VL; l++) {
        const bool first = max[l] > s->max ||
                           (max[l] == s->max && best[l] >= 0 && (s->best < 0 || best[l] < s->best));
        const float lower = first ? s->max : max[l];
        s->second = lower > s->second ? lower : s->second;
        s->second = second[l] > s->second ? second[l] : s->second;
        s->max = first ? max[l] : s->max;
        s->best = first ? best[l] : s->best;
    }
    s->broken = !test_all(r->regular);
}

/* The part of s that needs no exponential. */
static void rank_all(dlx__stats *s, const float *logits, size_t n, int32_t first_id)
{
    int32_t lanes[VL];
    for (int32_t l = 0; l < VL; l++)
        lanes[l] = first_id + l;
    ivec ids = ivec_load(lanes);
    ranks r = {vec_set(-INFINITY), vec_set(-INFINITY), ivec_set(-1), vec_regular(vec_set(0))};
    for (size_t i = 0; i < n; i += VL, ids = ivec_add(ids, ivec_set(VL)))
        rank(&r, i + VL <= n ? vec_load(logits + i) : load_end(logits + i, n - i, -INFINITY), ids);
    join_lanes(s, &r);
}

/*
 * Differences are cut at -100, where exp is 0 anyway: -infinity, an id that is not allowed, then
 * adds 0 and not 0 * infinity.
 */
static void sum_exponentials(dlx__stats *s, const float *logits, size_t n)
{
    const vec cut = vec_set(-100), top = vec_set(s->max);
    vec sum = vec_set(0), weighted = vec_set(0);
    for (size_t i = 0; i < n; i += VL) {
        const vec x = i + VL <= n ? vec_load(logits + i) : load_end(logits + i, n - i, -INFINITY);
        const vec d = vec_max(cut, vec_sub(x, top)), e = exponential_below(d);
        sum = vec_add(sum, e);
        weighted = vec_fma(e, d, weighted);
    }
    s->sum = vec_sum(sum);
    s->weighted = vec_sum(weighted);
}

static void stats(dlx__stats *s, const float *logits, size_t n, int32_t first_id)
{
    dlx__stats run;
    dlx__stats_reset(&run);
    rank_all(&run, logits, n, first_id);
    if (run.best >= 0)
        sum_exponentials(&run, logits, n);
    dlx__stats_merge(s, &run);
}

/* ---- quantized rows ------------------------------------------------------------------------ */

static size_t ints_bytes(size_t n_in, size_t n_rows)
{
    return dlx__mul(dlx__mul(dlx__n_groups(n_in), n_rows), CELL_BYTES);
}

/* The largest magnitude by its bits, which order numbers as integers do, infinity and NaN on top.
 */
INLINE dlx__quantum quantum_of(const float *x)
{
    const ivec magnitude = ivec_set(0x7FFFFFFF);
    ivec most = ivec_set(0);
    for (size_t i = 0; i < DLX__GROUP; i += VL)
        most = ivec_max(most, ivec_and(vec_bits(vec_load(x + i)), magnitude));
    const int32_t bits = ivec_top(most);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return dlx__quantum_of(largest, bits < 0x7F800000);
}

static void quantize_group(const cells *c, size_t cell, const float *x)
{
    const dlx__quantum quantum = quantum_of(x);
    ivec whole[DLX__GROUP / VL];
    for (size_t v = 0; v < DLX__GROUP / VL; v++)
        whole[v] = quantum.inverse == 0
                       ? ivec_set(0) /* x may be infinite */
                       : ivec_of(vec_mul(vec_load(x + v * VL), vec_set(quantum.inverse)));
    c->scale[cell] = quantum.scale;
    c->sum[cell] = quantum.scale * (float)put_group(c, cell, whole);
}

static void quantize(const dlx__acts *a, size_t row, size_t col, size_t n)
{
    const cells c = cells_of(a);
    const float *x = a->x + row * a->stride;
    for (size_t at = col; at < col + n; at += DLX__GROUP) {
        const size_t cell = at / DLX__GROUP * c.n_rows + row, len = col + n - at;
        float padded[DLX__GROUP] = {0};
        if (len < DLX__GROUP)
            memcpy(padded, x + at, len * sizeof *x);
        quantize_group(&c, cell, len < DLX__GROUP ? padded : x + at);
    }
}

#endif
