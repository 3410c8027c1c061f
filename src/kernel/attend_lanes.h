/*
 * attend_lanes.h - attention over an abstract vector, included once by each kernel_<isa>.c. It
 * wants, beside what vector_rows.h lists:
 *
 *   LANE_SUMS           registers for the sums of a tile
 *   vec_load_first(p, n) vec_store_first(p, x, n)   the first n lanes, of loaded ones the others 0
 *   vec_held(x)         gemm_strips.h
 *   dot_pairs(sum, w, x)   gemm_pairs.h, where SET_PAIRS is defined
 *
 * A head's queries lie in lanes, feature by feature: [features][width], a (head, row) pair being
 * one lane. No sum crosses lanes then, and a lane's numbers do not depend on those beside it.
 */
#ifndef DLX__ATTEND_LANES_H
#define DLX__ATTEND_LANES_H

#include "kernel/coming.h"
#include "kernel/vector_rows.h"

enum {
    MOST_WEIGHTS = 12,
    SLOTS = 64 /* of a softmax tile: keys or values, q and scores then share the L1 cache */
};

/*
 * y [n_rows][width] = w x, or y times `factor`, lane by lane, + w x. One chain for each result, k
 * ascending. A number is a float; or a pair of bf16, of which both products are added.
 */
typedef struct lane_product {
    float *y;
    const float *factor; /* [width]; NULL: y is not read */
    const void *x;       /* [n_cols][width] numbers */
    const void *w;       /* w(r, k) is the number at r * row_step + k * col_step */
    size_t row_step, col_step;
    size_t n_rows, n_cols;
    const void *next;  /* what is read after this product: asked for meanwhile, */
    size_t next_bytes; /* so much of it for each row; 0: the same line again and again */
} lane_product;

/* Lanes of vector v of `width`; the last of them may be a part of a vector. */
INLINE size_t lanes_of(size_t width, size_t v)
{
    return dlx__min(VL, width - v * VL);
}

INLINE vec add_product(vec sum, vec w, vec x, const bool pairs)
{
#ifdef SET_PAIRS
    if (pairs)
        return dot_pairs(sum, vec_bits(w), vec_bits(x));
#endif
    (void)pairs;
    return vec_held(vec_fma(w, x, sum));
}

/* w(r, 0) in all lanes. */
INLINE vec weight_at(const lane_product *p, const float *w, size_t r)
{
    float number;
    memcpy(&number, w + r * p->row_step, sizeof number);
    return vec_set(number);
}

/* sum += one column of w times the lanes x of that column. */
INLINE void step(vec *sum, const lane_product *p, const float *x, const float *w,
                 const size_t width, const size_t n_rows, const bool pairs)
{
    const size_t n_vec = (width + VL - 1) / VL;
    vec weight[MOST_WEIGHTS], lanes[DLX__LANES / VL];
    if (n_rows < n_vec) { /* hold the fewer ones */
        UNROLL
        for (size_t r = 0; r < n_rows; r++)
            weight[r] = weight_at(p, w, r);
        UNROLL
        for (size_t v = 0; v < n_vec; v++) {
            const vec x_v = vec_load_first(x + v * VL, lanes_of(width, v));
            UNROLL
            for (size_t r = 0; r < n_rows; r++)
                sum[r * n_vec + v] = add_product(sum[r * n_vec + v], weight[r], x_v, pairs);
        }
    } else {
        UNROLL
        for (size_t v = 0; v < n_vec; v++)
            lanes[v] = vec_load_first(x + v * VL, lanes_of(width, v));
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            const vec w_r = weight_at(p, w, r);
            UNROLL
            for (size_t v = 0; v < n_vec; v++)
                sum[r * n_vec + v] = add_product(sum[r * n_vec + v], w_r, lanes[v], pairs);
        }
    }
}

/* The rows [first, first + n_rows), as many as there are registers for. */
INLINE void lane_tile(const lane_product *p, size_t first, const size_t width, const size_t n_rows,
                      const bool pairs)
{
    const size_t n_vec = (width + VL - 1) / VL;
    float *y = p->y + first * width;
    const float *x = p->x, *w = (const float *)p->w + first * p->row_step;
    coming next = coming_from((uintptr_t)p->next + first * p->next_bytes, n_rows * p->next_bytes,
                              dlx__max(p->n_cols, (size_t)1));
    vec sum[LANE_SUMS];
    UNROLL
    for (size_t i = 0; i < n_rows * n_vec; i++)
        sum[i] = vec_set(0);
    if (p->factor) {
        UNROLL
        for (size_t i = 0; i < n_rows * n_vec; i++) {
            const size_t at = i % n_vec * VL, n = lanes_of(width, i % n_vec);
            sum[i] = vec_mul(vec_load_first(y + i / n_vec * width + at, n),
                             vec_load_first(p->factor + at, n));
        }
    }
    for (size_t k = 0; k < p->n_cols; k++, x += width, w += p->col_step) {
        fetch_line(&next);
        step(sum, p, x, w, width, n_rows, pairs);
    }
    UNROLL
    for (size_t i = 0; i < n_rows * n_vec; i++)
        vec_store_first(y + i / n_vec * width + i % n_vec * VL, sum[i], lanes_of(width, i % n_vec));
}

/* Any number of rows: full tiles, then thirds of a tile, then single rows. */
INLINE void lane_strip(const lane_product *p, const size_t width, const bool pairs)
{
    const size_t n_vec = (width + VL - 1) / VL;
    const size_t full = dlx__min(MOST_WEIGHTS, LANE_SUMS / n_vec), third = full / 3;
    size_t r = 0;
    for (; r + full <= p->n_rows; r += full)
        lane_tile(p, r, width, full, pairs);
    for (; third > 1 && r + third <= p->n_rows; r += third)
        lane_tile(p, r, width, third, pairs);
    for (; r < p->n_rows; r++)
        lane_tile(p, r, width, 1, pairs);
}

/* The widths as literals. */
#define FOR_WIDTH(width, call)                                                                     \
    do {                                                                                           \
        if ((width) == 32) {                                                                       \
            enum { WIDTH = 32 };                                                                   \
            call;                                                                                  \
        } else if ((width) == 24) {                                                                \
            enum { WIDTH = 24 };                                                                   \
            call;                                                                                  \
        } else if ((width) == 16) {                                                                \
            enum { WIDTH = 16 };                                                                   \
            call;                                                                                  \
        } else {                                                                                   \
            enum { WIDTH = 8 };                                                                    \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

static void multiply_lanes(const lane_product *p, size_t width)
{
    FOR_WIDTH(width, lane_strip(p, WIDTH, false));
}

/*
 * n_lanes scores of n slots at s become exp(score - top); returns total + these. The other lanes of
 * a vector hold anything.
 */
INLINE vec softmax_part(float *s, size_t width, size_t n_lanes, vec top, vec total, const int n)
{
    vec p[EXPS];
    EACH p[i] = vec_sub(vec_load_first(s + (size_t)i * width, n_lanes), top);
    exponentials(p, n);
    EACH vec_store_first(s + (size_t)i * width, p[i], n_lanes);
    EACH total = vec_add(total, p[i]);
    return total;
}

/* Scores s [n][width] of the slots from `slot`, scaled and masked; returns the largest or `top`. */
INLINE vec scale_scores(float *s, size_t width, size_t n_lanes, size_t n, int32_t slot, ivec seen,
                        float scale, vec top)
{
    for (size_t j = 0; j < n; j++, s += width) {
        const vec score = vec_mul(vec_load_first(s, n_lanes), vec_set(scale));
        const test visible = ivec_above(seen, ivec_set(slot + (int32_t)j));
        const vec masked = vec_select(visible, score, vec_set(-INFINITY));
        vec_store_first(s, masked, n_lanes);
        top = vec_max(masked, top);
    }
    return top;
}

/* What is kept of the lanes from one tile of slots to the next; whole vectors, whatever the width.
 */
typedef struct lane_state {
    float max[DLX__LANES], sum[DLX__LANES];
    float shrink[DLX__LANES]; /* what earlier results must be multiplied by */
    int32_t n_seen[DLX__LANES];
} lane_state;

/* Scores s [n][width] of the slots from `slot` become exp(score - max). */
static void softmax_tile(float *s, size_t width, size_t n, int32_t slot, float scale, lane_state *l)
{
    for (size_t v = 0; v * VL < width; v++) {
        const size_t at = v * VL, n_lanes = lanes_of(width, v);
        const vec before = vec_load(l->max + at);
        const vec top =
            scale_scores(s + at, width, n_lanes, n, slot, ivec_load(l->n_seen + at), scale, before);
        vec smaller = vec_sub(before, top), total = vec_set(0);
        exponentials(&smaller, 1);
        size_t j = 0;
        for (; j + EXPS <= n; j += EXPS)
            total = softmax_part(s + j * width + at, width, n_lanes, top, total, EXPS);
        for (; j < n; j++)
            total = softmax_part(s + j * width + at, width, n_lanes, top, total, 1);
        vec_store(l->shrink + at, smaller);
        vec_store(l->sum + at, vec_fma(vec_load(l->sum + at), smaller, total));
        vec_store(l->max + at, top);
    }
}

/* Before the first tile. */
static void lanes_reset(lane_state *l, size_t width, const dlx__attend_in *in)
{
    *l = (lane_state){.n_seen = {0}};
    for (size_t i = 0; i < width; i++) {
        l->max[i] = -INFINITY;
        l->n_seen[i] = in->n_seen[i];
    }
}

/* y [n][width] divided by the lanes' sums: after the last tile. */
static void divide_lanes(float *y, const lane_state *l, size_t width, size_t n)
{
    for (size_t v = 0; v * VL < width; v++) {
        const size_t at = v * VL, n_lanes = lanes_of(width, v);
        const vec factor = vec_div(vec_set(1), vec_load(l->sum + at));
        for (size_t i = 0; i < n; i++)
            vec_store_first(y + i * width + at,
                            vec_mul(vec_load_first(y + i * width + at, n_lanes), factor), n_lanes);
    }
}

/* Tiles of SLOTS slots with a running maximum. Slot 0 is visible to every lane, so that the first
 * tile always finds a maximum. */
static void attend_floats(float *y, const float *q, size_t width, const dlx__attend_in *in)
{
    const size_t c = in->head_dim;
    const float *keys = in->keys.numbers, *values = in->values.numbers; /* [n_slots][c] */
    float s[SLOTS * DLX__LANES];                                        /* [SLOTS][width] */
    lane_state lanes;
    lanes_reset(&lanes, width, in);
    for (size_t slot = 0; slot < in->n_slots; slot += SLOTS) {
        const size_t n = dlx__min(SLOTS, in->n_slots - slot), at = slot * c;
        const size_t n_after = dlx__min(SLOTS, in->n_slots - slot - n);
        const float *factor = slot > 0 ? lanes.shrink : NULL;
        multiply_lanes(
            &(lane_product){s, NULL, q, keys + at, c, 1, n, c, values + at, c * sizeof *values},
            width);
        softmax_tile(s, width, n, (int32_t)slot, in->scale, &lanes);
        multiply_lanes(&(lane_product){y, factor, s, values + at, 1, c, c, n, keys + at + n * c,
                                       n_after * sizeof *keys},
                       width);
    }
    divide_lanes(y, &lanes, width, c);
}

#endif
