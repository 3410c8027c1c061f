/*
 * gemm_wide.h - products of many rows with two panels side by side, tile by tile of the rows, for
 * processors that execute 512 bits at once, included once by each kernel_<isa>.c that has defined
 * SET_WIDE beside SET_SIDES and SET_PAIRS.
 *
 * Such a processor multiplies two vectors a cycle and loads two: a panel alone, which takes a load
 * for each product, leaves its multipliers idle a third of the time. With two panels what is read
 * of a row serves both. Sums are those of one panel, bit for bit.
 *
 * The rows' totals are in registers too where there is room, for loading and storing them after
 * each span costs a fourteenth. Each group asks for its share of the two panels that follow.
 */
#ifndef DLX__GEMM_WIDE_H
#define DLX__GEMM_WIDE_H

#include "kernel/gemm_pairs.h"
#include "kernel/gemm_sides.h"

enum {
    WIDE_SCALED = 5, /* rows of a tile: sums of a group, of a span and of all are in registers */
    WIDE_PLAIN = 6,  /* those of a span and of all */
    WIDE_PAIRS = 12, /* of all */
    LEAST_ROWS = 13, /* more than one tile of a panel: it waits for memory less alone */
    LEAST_SCALED_BYTES = 17, /* two such tiles that keep their results do as well */
    WIDE_PAIR = 384 << 10    /* bytes of two panels: the two that follow stay in an L2 cache too */
};

/* What comes next: lines from `at` to `until`, which moves by n_bytes with each step. */
typedef struct flow {
    uintptr_t at, until;
    size_t n_bytes;
} flow;

INLINE void fetch_flow(flow *next)
{
    uintptr_t at = next->at;
    next->until += next->n_bytes;
    for (; at < next->until; at += 64)
        __builtin_prefetch((const void *)at, 0, 2);
    next->at = at;
}

/* As much as the two panels of s take, in n_steps; as in gemm_sides.h from a way behind them. */
INLINE flow flow_of(const strip *s, size_t n_steps)
{
    const size_t n_bytes = 2 * s->w->panel_bytes;
    const uintptr_t at = (uintptr_t)s->panel + n_bytes + dlx__min(n_bytes, (size_t)TILE_AHEAD);
    return (flow){at, at, (n_bytes + n_steps - 1) / n_steps};
}

/* part [2][n_rows] = the n groups of a span from g on, of two panels. */
INLINE void multiply_wide(vec *part, const range *in, size_t panel_bytes, size_t g, size_t n,
                          flow *next, const dlx__form form, const int n_rows)
{
    const dlx__kind kind = dlx__layouts[form].kind;
    UNROLL
    for (int i = 0; i < 2 * n_rows; i++)
        part[i] = vec_set(0);
    for (const size_t end = g + n; g < end; g++) {
        FORGET(in);
        const cells *c = &in->c;
        const size_t cell = g * c->n_rows + in->row;
        const weights w[2] = {weights_of(in->panel, g, form),
                              weights_of(in->panel + panel_bytes, g, form)};
        const uint8_t *const level[2] = {w[0].level, w[1].level};
        ivec sum[2 * WIDE_SCALED];
        fetch_flow(next);
        dot_sides(sum, level, c, cell, NULL, kind, true, n_rows);
        add_group(part, sum, &w[0], c, cell, kind, n_rows);
        add_group(part + n_rows, sum + n_rows, &w[1], c, cell, kind, n_rows);
    }
}

/* The same of weights without scales. */
INLINE void multiply_wide_plain(vec *part, const range *in, size_t panel_bytes, size_t g, size_t n,
                                flow *next, const int n_rows)
{
    ivec sum[2 * WIDE_PLAIN];
    const int32_t *start = span_starts(&in->c, g * in->c.n_rows + in->row);
    set_starts(sum, start, true, n_rows);
    set_starts(sum + n_rows, start, true, n_rows);
    for (const size_t end = g + n; g < end; g++) {
        const uint8_t *first = in->panel + dlx__levels_at(&dlx__layouts[DLX__FORM_I8], g);
        const uint8_t *const level[2] = {first, first + panel_bytes};
        fetch_flow(next);
        dot_sides(sum, level, &in->c, g * in->c.n_rows + in->row, NULL, DLX__S8, false, n_rows);
    }
    UNROLL
    for (int i = 0; i < 2 * n_rows; i++)
        part[i] = vec_of(sum[i]);
}

/* y [2][n_rows][16] += the groups of a range. */
INLINE void tile_wide(float *const y[2], const range *in, size_t panel_bytes, flow *next,
                      const dlx__form form, const int n_rows)
{
    vec total[2 * WIDE_PLAIN];
    load_sums(total, y[0], n_rows);
    load_sums(total + n_rows, y[1], n_rows);
    for (size_t g = in->begin; g < in->end; g += DLX__SPAN_GROUPS) {
        vec part[2 * WIDE_PLAIN];
        FORGET(in);
        const size_t n = dlx__min(DLX__SPAN_GROUPS, in->end - g);
        const float *scale = in->c.scale + g / DLX__SPAN_GROUPS * in->c.n_rows + in->row;
        if (form == DLX__FORM_I8)
            multiply_wide_plain(part, in, panel_bytes, g, n, next, n_rows);
        else
            multiply_wide(part, in, panel_bytes, g, n, next, form, n_rows);
        keep_span(total, part, scale, n_rows);
        keep_span(total + n_rows, part + n_rows, scale, n_rows);
    }
    store_sums(y[0], total, n_rows);
    store_sums(y[1], total + n_rows, n_rows);
}

typedef void (*wide_fn)(float *const y[2], const range *in, size_t panel_bytes, flow *next,
                        int n_rows);

INLINE void strip_wide(const strip *s, wide_fn tile, const dlx__form form, size_t most)
{
    const size_t n_groups = dlx__n_groups(s->w->n_in);
    const size_t grain = dlx__max(dlx__layouts[form].block_groups, (size_t)DLX__SPAN_GROUPS);
    const parts tiles = parts_of(s->n_rows, most);
    const parts chunks =
        parts_of((n_groups + grain - 1) / grain, tiles.n > 1 ? CHUNK_GROUPS / 2 / grain : SIZE_MAX);
    flow next = flow_of(s, n_groups * tiles.n);
    range in = {.panel = s->panel, .c = cells_of(s->acts)};
    for (size_t i = 0; i < chunks.n; i++, in.begin = in.end) {
        in.end = dlx__min(part_begin(&chunks, i + 1) * grain, n_groups);
        for (size_t t = 0; t < tiles.n; t++) {
            const size_t r = part_begin(&tiles, t), end = part_begin(&tiles, t + 1);
            float *const y[2] = {s->y + r * DLX__PANEL, s->y + (s->n_rows + r) * DLX__PANEL};
            in.row = s->row + r;
            tile(y, &in, s->w->panel_bytes, &next, (int)(end - r));
        }
    }
}

/* ---- pairs --------------------------------------------------------------------------------- */

/* y [2][n_rows][16] += n runs of two panels, times the rows' runs, `step` bytes apart. */
INLINE void wide_runs(float *const y[2], const uint8_t *panel, size_t panel_bytes, size_t n,
                      const uint8_t *x, size_t step, flow *next, const int n_rows)
{
    enum { PAIRS = RUN / 2 };
    vec sum[2 * WIDE_PAIRS];
    load_sums(sum, y[0], n_rows);
    load_sums(sum + n_rows, y[1], n_rows);
    for (; n > 0; n--, x += step, panel += PAIRS * PAIR_BYTES) {
        fetch_flow(next);
        UNROLL
        for (size_t i = 0; i < PAIRS; i++) {
            const ivec w = held(bytes_load(panel + i * PAIR_BYTES));
            const ivec v = held(bytes_load(panel + panel_bytes + i * PAIR_BYTES));
            UNROLL
            for (int r = 0; r < n_rows; r++) {
                int32_t two;
                memcpy(&two, x + r * RUN_BYTES + 4 * i, sizeof two);
                const ivec all = held(ivec_set(two));
                sum[r] = dot_pairs(sum[r], w, all);
                sum[n_rows + r] = dot_pairs(sum[n_rows + r], v, all);
            }
        }
    }
    store_sums(y[0], sum, n_rows);
    store_sums(y[1], sum + n_rows, n_rows);
}

static void tile_wide_pairs(float *const y[2], const uint8_t *panel, size_t panel_bytes, size_t n,
                            const uint8_t *x, size_t step, flow *next, int n_rows)
{
    BODIES(WIDE_PAIRS, wide_runs, y, panel, panel_bytes, n, x, step, next)
}

static void wide_pairs(const strip *s)
{
    const dlx__acts *a = s->acts;
    const size_t n_in = s->w->n_in, n_runs = n_in / RUN, run_bytes = RUN / 2 * PAIR_BYTES;
    const parts tiles = parts_of(s->n_rows, WIDE_PAIRS);
    const parts chunks = parts_of(n_runs, tiles.n > 1 ? PAIRS_CHUNK / 2 / RUN : SIZE_MAX);
    flow next = flow_of(s, dlx__max(n_runs, 1) * tiles.n);
    for (size_t i = 0; i < chunks.n; i++) {
        const size_t first = part_begin(&chunks, i), n = part_begin(&chunks, i + 1) - first;
        for (size_t t = 0; t < tiles.n; t++) {
            const size_t r = part_begin(&tiles, t), end = part_begin(&tiles, t + 1);
            float *const y[2] = {s->y + r * DLX__PANEL, s->y + (s->n_rows + r) * DLX__PANEL};
            tile_wide_pairs(y, s->panel + first * run_bytes, s->w->panel_bytes, n,
                            run_of(a, s->row + r, first * RUN), a->n_rows * RUN_BYTES, &next,
                            (int)(end - r));
        }
    }
    for (size_t side = 0; side < 2 && n_runs * RUN < n_in; side++)
        rest_pairs(s->y + side * s->n_rows * DLX__PANEL,
                   s->panel + side * s->w->panel_bytes + n_runs * run_bytes, (n_in % RUN + 1) / 2,
                   run_of(a, s->row, n_runs * RUN), s->n_rows);
}

/* ---- the choice ---------------------------------------------------------------------------- */

/* The forms, rows of a tile, and the least rows. Q6_K has sums of half groups: two panels of them
 * find no room. */
#define WIDE_FORMS(X)                                                                              \
    X(I8, WIDE_PLAIN, LEAST_ROWS)                                                                  \
    X(Q8_0, WIDE_SCALED, LEAST_SCALED_BYTES)                                                       \
    X(Q8_1, WIDE_SCALED, LEAST_SCALED_BYTES)                                                       \
    X(Q4_0, WIDE_SCALED, LEAST_ROWS)                                                               \
    X(Q4_1, WIDE_SCALED, LEAST_ROWS)                                                               \
    X(Q4_K, WIDE_SCALED, LEAST_ROWS)                                                               \
    X(Q5_K, WIDE_SCALED, LEAST_SCALED_BYTES)

#define WIDE_STRIP(form, most, least)                                                              \
    static void tile_wide_##form(float *const y[2], const range *in, size_t panel_bytes,           \
                                 flow *next, int n_rows)                                           \
    {                                                                                              \
        BODIES(most, tile_wide, y, in, panel_bytes, next, DLX__FORM_##form)                        \
    }                                                                                              \
    static void wide_##form(const strip *s)                                                        \
    {                                                                                              \
        strip_wide(s, tile_wide_##form, DLX__FORM_##form, most);                                   \
    }

WIDE_FORMS(WIDE_STRIP)
#undef WIDE_STRIP

static strip_sides wide_sides_of(const dlx__acts *a, const dlx__packed *w)
{
#define WIDE(form, most, least) [DLX__FORM_##form] = {wide_##form, least, MOST_ROWS, WIDE_PAIR},
    static const strip_sides wide[DLX__N_FORMS] = {WIDE_FORMS(WIDE)};
#undef WIDE
    if (a->halves && w->form == DLX__FORM_BF16)
        return (strip_sides){wide_pairs, LEAST_ROWS, MOST_ROWS, WIDE_PAIR};
    if (!a->ints || a->n_rows < wide[w->form].least)
        return sides_of(a, w); /* of few rows */
    return wide[w->form];
}

static void gemm_wide(float *y, size_t y_stride, const dlx__acts *a, const dlx__packed *w,
                      size_t first_panel, size_t n_panels)
{
    strip_kind kind = strips_of_pairs(a, w);
    kind.sides = wide_sides_of(a, w);
    gemm_by(kind, y, y_stride, a, w, first_panel, n_panels);
}

#endif
