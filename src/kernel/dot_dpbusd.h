/*
 * dot_dpbusd.h - integer products by dpbusd, which adds the products of four unsigned and four
 * signed bytes to 32 bits: levels, as they are stored, times inputs;
 * included once by each kernel_<isa>.c that has defined, beside the vector of vector_rows.h:
 *
 *   MOST_TILE_ROWS          as for gemm_ints.h
 *   dpbusd(sum, u, s)       bytes_load(p): a vector of bytes
 *   low_halves(x) high_halves(x)   of each byte, as bytes
 *   with_offset(x)          the odd bytes plus 128
 *   ivec_mul ivec_sum       ivec_of_signed(p): VL int8 to int32
 *   put_bytes(q, ints)      32 int32 to int8
 *   held(x)                 x, which the compiler must have computed here
 *
 * An offset is taken off before the sum begins: a start is the offset times the sum of the q of a
 * group, of S6 of each half of it; where a sum runs over a span, of the span.
 */
#ifndef DLX__DOT_DPBUSD_H
#define DLX__DOT_DPBUSD_H

#include "kernel/cells.h"
#include "kernel/coming.h"

enum { START_S4, START_S6, START_S8 = START_S6 + 2, START_SPAN };
enum { DOT_VECS = DLX__PANEL / VL }; /* of a row's sums */

INLINE int32_t put_group(const cells *c, size_t cell, const ivec *ints)
{
    enum { HALF_VECS = DLX__GROUP / VL / 2 };
    ivec low = ints[0], high = ints[HALF_VECS];
    UNROLL
    for (size_t v = 1; v < HALF_VECS; v++) {
        low = ivec_add(low, ints[v]);
        high = ivec_add(high, ints[HALF_VECS + v]);
    }
    put_bytes(c->q + cell * DLX__GROUP, ints);
    const int32_t low_sum = ivec_sum(low), high_sum = ivec_sum(high), sum = low_sum + high_sum;
    int32_t *start = c->start + cell;
    start[START_S4 * c->n_cells] = -8 * sum;
    start[START_S6 * c->n_cells] = -32 * low_sum;
    start[(START_S6 + 1) * c->n_cells] = -32 * high_sum;
    start[START_S8 * c->n_cells] = -128 * sum;
    return sum;
}

INLINE void put_span(const cells *c, size_t cell, size_t n)
{
    int32_t sum = 0;
    for (size_t g = 0; g < n; g++)
        sum += c->start[START_S8 * c->n_cells + cell + g * c->n_rows];
    c->start[START_SPAN * c->n_cells + cell] = sum;
}

INLINE void unpack_subs(int32_t *to, const uint8_t *subs)
{
    for (size_t i = 0; i < 2 * DLX__PANEL; i += VL)
        ivec_store(to + i, ivec_of_signed(subs + i));
}

INLINE const int32_t *span_starts(const cells *c, size_t cell)
{
    return c->start + START_SPAN * c->n_cells + cell;
}

/* The levels of a step of vector v of a panel. */
INLINE ivec levels_at(const uint8_t *level, const size_t step, const size_t v, const dlx__kind kind)
{
    const uint8_t *first = level + v * VL * 4;
    if (kind == DLX__S8)
        return with_offset(bytes_load(first + step * 64));
    if (kind == DLX__U5 || kind == DLX__S6)
        return bytes_load(first + step * 64);
    const ivec both = bytes_load(first + step % 4 * 64);
    return step < 4 ? low_halves(both) : high_halves(both);
}

INLINE void set_starts(ivec *sum, const int32_t *start, const bool any, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * DOT_VECS; i++)
        sum[i] = ivec_set(any ? start[i / DOT_VECS] : 0);
}

/* sum [n_rows][DOT_VECS] += the steps [first, end). */
INLINE void dot_steps(ivec *sum, const uint8_t *level, const int8_t *q, coming *next,
                      const size_t first, const size_t end, const dlx__kind kind, const int n_rows)
{
    UNROLL
    for (size_t s = first; s < end; s++) {
        ivec w[DOT_VECS];
        fetch_line(next);
        UNROLL
        for (size_t v = 0; v < DOT_VECS; v++)
            w[v] = levels_at(level, s, v, kind);
        UNROLL
        for (int r = 0; r < n_rows; r++) {
            int32_t word;
            memcpy(&word, q + r * DLX__GROUP + s * 4, sizeof word);
            const ivec x = ivec_set(word);
            UNROLL
            for (int v = 0; v < DOT_VECS; v++)
                sum[r * DOT_VECS + v] = held(dpbusd(sum[r * DOT_VECS + v], w[v], x));
        }
    }
}

#ifdef SET_WIDE
/*
 * The same of a whole group. What it waits for are loads: of a quarter of the rows the numbers of
 * four steps are loaded at once and spread by shuffles, for which a unit is free.
 */
INLINE void dot_spread(ivec *sum, const uint8_t *level, const int8_t *q, coming *next,
                       const dlx__kind kind, const int n_rows)
{
    const bool nibbles = kind == DLX__S4 || kind == DLX__U4;
    ivec words[MOST_TILE_ROWS / 4];
    UNROLL
    for (size_t s = 0; s < DLX__STEPS; s++) {
        const ivec w = levels_at(level, s, 0, kind);
        if (!nibbles || s % 2 == 0) /* half as many lines */
            fetch_line(next);
        UNROLL
        for (int r = 0; r < n_rows; r++) {
            const int8_t *from = q + r * DLX__GROUP + s * 4;
            int32_t word;
            memcpy(&word, from, sizeof word);
            if (r < n_rows / 4 && s % 4 == 0)
                words[r] = four_words(from);
            const ivec x = r < n_rows / 4 ? word_of_four(words[r], s % 4) : ivec_set(word);
            sum[r] = held(dpbusd(sum[r], w, x));
        }
    }
}
#endif

/* In halves, which have a scale each. */
INLINE void dot_6(ivec *sum, const uint8_t *level, const int32_t *sub, const int8_t *q,
                  const int32_t *start, size_t n_cells, coming *next, const int n_rows)
{
    enum { HALF = DLX__STEPS / 2 };
    ivec high[DOT_VECS * MOST_TILE_ROWS];
    set_starts(sum, start, true, n_rows);
    dot_steps(sum, level, q, next, 0, HALF, DLX__S6, n_rows);
    UNROLL
    for (int i = 0; i < DOT_VECS * n_rows; i++)
        sum[i] = held(ivec_mul(sum[i], ivec_load(sub + i % DOT_VECS * VL)));
    set_starts(high, start + n_cells, true, n_rows);
    dot_steps(high, level, q, next, HALF, DLX__STEPS, DLX__S6, n_rows);
    UNROLL
    for (int i = 0; i < DOT_VECS * n_rows; i++)
        sum[i] =
            ivec_add(sum[i], ivec_mul(high[i], ivec_load(sub + DLX__PANEL + i % DOT_VECS * VL)));
}

INLINE void dot(ivec *sum, const uint8_t *level, const int32_t *sub, const cells *c, size_t cell,
                coming *next, const dlx__kind kind, const bool fresh, const int n_rows)
{
    const int8_t *q = c->q + cell * DLX__GROUP;
    const size_t which = kind == DLX__S8 ? START_S8 : kind == DLX__S6 ? START_S6 : START_S4;
    const int32_t *start = c->start + which * c->n_cells + cell;
    if (kind == DLX__S6) {
        dot_6(sum, level, sub, q, start, c->n_cells, next, n_rows);
        return;
    }
    if (fresh)
        set_starts(sum, start, kind != DLX__U4 && kind != DLX__U5, n_rows);
#ifdef SET_WIDE
    if (fresh) { /* else sums wait for themselves */
        dot_spread(sum, level, q, next, kind, n_rows);
        return;
    }
#endif
    dot_steps(sum, level, q, next, 0, DLX__STEPS, kind, n_rows);
}

#ifdef SET_SIDES
_Static_assert(DOT_VECS == 1, "a vector holds a panel");

/* The same of two panels at once, sum [2][n_rows], but not of S6; for gemm_sides.h and gemm_wide.h.
 */
INLINE void dot_sides(ivec *sum, const uint8_t *const level[2], const cells *c, size_t cell,
                      coming *next, const dlx__kind kind, const bool fresh, const int n_rows)
{
    const int8_t *q = c->q + cell * DLX__GROUP;
    const bool nibbles = kind == DLX__S4 || kind == DLX__U4;
    const int32_t *start = c->start + (kind == DLX__S8 ? START_S8 : START_S4) * c->n_cells + cell;
    for (int side = 0; side < 2 && fresh; side++)
        set_starts(sum + side * n_rows, start, kind == DLX__S4 || kind == DLX__S8, n_rows);
    UNROLL
    for (size_t i = 0; i < DLX__STEPS; i++) {
        /* Of nibbles both halves of a line in turn. */
        const size_t s = nibbles ? i / 2 + i % 2 * (DLX__STEPS / 2) : i;
        const ivec w = levels_at(level[0], s, 0, kind), v = levels_at(level[1], s, 0, kind);
        fetch_line(next);
        UNROLL
        for (int r = 0; r < n_rows; r++) {
            int32_t word;
            memcpy(&word, q + r * DLX__GROUP + s * 4, sizeof word);
            const ivec x = held(ivec_set(word)); /* read once for both */
            sum[r] = held(dpbusd(sum[r], w, x));
            sum[n_rows + r] = held(dpbusd(sum[n_rows + r], v, x));
        }
    }
}
#endif

#endif
