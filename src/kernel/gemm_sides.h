/*
 * gemm_sides.h - integer products of a few rows with two panels side by side, included once by each
 * kernel_<isa>.c that has defined SET_SIDES, which takes vectors that hold a whole panel and
 * thirty-two registers for them. What is read of a row serves both panels. It wants, beside what
 * gemm_ints.h does:
 *
 *   dot_sides(sum, level, c, cell, next, kind, fresh, n_rows)   as dot, of level [2],
 *                                                              sum [2][n_rows]
 *
 * Processors do not follow two stretches that are read in turns. As much as both panels take is
 * asked for meanwhile, in the order of memory: what begins 12.5 KB behind their end. The sums are
 * those of one panel, bit for bit.
 */
#ifndef DLX__GEMM_SIDES_H
#define DLX__GEMM_SIDES_H

#include "kernel/gemm_ints.h"

_Static_assert(PANEL_VECS == 1, "a side's sum of a row is a vector");
enum {
    SIDES_LEAST = 4,
    SIDES_MOST = 6,         /* for more there are no registers */
    SIDES_BYTES = 256 << 10 /* of two panels: what is asked for stays in an L2 cache beside them */
};
_Static_assert(SIDES_LEAST == 4 && SIDES_MOST == 6, "each number of rows has a body");

/* part [2][n_rows] = the n groups of a span from g on, of a panel and the next one. */
INLINE void multiply_sides(vec *part, const uint8_t *panel, size_t panel_bytes, size_t g, size_t n,
                           const cells *c, size_t cell, coming *next, const dlx__form form,
                           const int n_rows)
{
    const dlx__kind kind = dlx__layouts[form].kind;
    UNROLL
    for (int i = 0; i < 2 * n_rows; i++)
        part[i] = vec_set(0);
    for (const size_t end = g + n; g < end; g++, cell += c->n_rows) {
        const weights w[2] = {weights_of(panel, g, form), weights_of(panel + panel_bytes, g, form)};
        const uint8_t *const level[2] = {w[0].level, w[1].level};
        ivec sum[2 * SIDES_MOST];
        fetch_line(next);
        fetch_line(next);
        dot_sides(sum, level, c, cell, next, kind, true, n_rows);
        add_group(part, sum, &w[0], c, cell, kind, n_rows);
        add_group(part + n_rows, sum + n_rows, &w[1], c, cell, kind, n_rows);
    }
}

/* y [2][n_rows][16] += the groups of a range. */
INLINE void tile_sides(float *y, const range *in, size_t panel_bytes, coming next,
                       const dlx__form form, const int n_rows)
{
    for (size_t g = in->begin; g < in->end; g += DLX__SPAN_GROUPS) {
        vec part[2 * SIDES_MOST];
        FORGET(in);
        const cells *c = &in->c;
        const size_t n = dlx__min(DLX__SPAN_GROUPS, in->end - g);
        const float *scale = c->scale + g / DLX__SPAN_GROUPS * c->n_rows + in->row;
        multiply_sides(part, in->panel, panel_bytes, g, n, c, g * c->n_rows + in->row, &next, form,
                       n_rows);
        add_span(y, part, scale, n_rows);
        add_span(y + n_rows * DLX__PANEL, part + n_rows, scale, n_rows);
    }
}

INLINE void sides_strip(const strip *s, const dlx__form form, const int n_rows)
{
    const size_t n_groups = dlx__n_groups(s->w->n_in), panel_bytes = s->w->panel_bytes;
    const size_t n_bytes = 2 * panel_bytes, ahead = n_bytes + dlx__min(n_bytes, TILE_AHEAD);
    const coming next =
        coming_from((uintptr_t)s->panel + ahead, n_bytes, n_groups * (DLX__STEPS + 2));
    const range in = {s->panel, 0, n_groups, s->row, cells_of(s->acts)};
    tile_sides(s->y, &in, panel_bytes, next, form, n_rows);
}

/* The forms of which two panels are multiplied at once: those whose reading leaves time. */
#define SIDE_FORMS(X) X(Q4_0) X(Q4_1) X(Q4_K)

#define SIDE_STRIP(form)                                                                           \
    static void sides_##form(const strip *s)                                                       \
    {                                                                                              \
        switch (s->n_rows) {                                                                       \
            BODY(4, SIDES_MOST, sides_strip, s, DLX__FORM_##form)                                  \
            BODY(5, SIDES_MOST, sides_strip, s, DLX__FORM_##form)                                  \
            BODY(6, SIDES_MOST, sides_strip, s, DLX__FORM_##form)                                  \
        default:                                                                                   \
            break;                                                                                 \
        }                                                                                          \
    }

SIDE_FORMS(SIDE_STRIP)
#undef SIDE_STRIP

static strip_sides sides_of(const dlx__acts *a, const dlx__packed *w)
{
#define SIDES(form) [DLX__FORM_##form] = sides_##form,
    static const strip_fn sides[DLX__N_FORMS] = {SIDE_FORMS(SIDES)};
#undef SIDES
    const strip_fn multiply = a->ints ? sides[w->form] : NULL;
    return (strip_sides){multiply, SIDES_LEAST, SIDES_MOST, SIDES_BYTES};
}

#endif
