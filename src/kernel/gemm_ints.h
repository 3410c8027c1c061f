/*
 * gemm_ints.h - products of integer weights with quantized rows, included once by each
 * kernel_<isa>.c. It wants, beside what gemm_strips.h does:
 *
 *   MOST_S4 MOST_U4 MOST_U5 MOST_S6 MOST_S8 MOST_I8   rows of a tile, at most MOST_TILE_ROWS
 *   ALONE_BYTES ALONE_NIBBLES   rows up to which a tile asks for nothing
 *   vec_of_halves(p) vec_of_bytes(p)   VL f16 or uint8 to float
 *   unpack_subs(to, subs)  int8 scales [2][16] of a group, as dot wants them in [2][16]
 *   dot(sum, level, sub, c, cell, next, kind, fresh, n_rows)
 *                          sum [n_rows][PANEL_VECS] int32 = a group times the rows from `cell` on;
 *                          of S8, where it is not fresh, +=
 *   span_starts(c, cell)   what the sums of a span of S8, whose groups are not fresh, begin with,
 *                          row by row; NULL: zeros
 */
#ifndef DLX__GEMM_INTS_H
#define DLX__GEMM_INTS_H

#include "kernel/cells.h"
#include "kernel/gemm_strips.h"

enum { CHUNK_GROUPS = 32 /* half of an L1 cache */ };

#ifdef SET_WIDE
/* Rows up to which results stay in registers from one span to the next. */
enum { KEPT_SCALED = 8, KEPT_I8 = 12, NIBBLE_ASKS = DLX__STEPS / 2 };
#else
enum { KEPT_SCALED = 0, KEPT_I8 = 0, NIBBLE_ASKS = DLX__STEPS };
#endif

/* A group of weights as dot reads it: its levels where they are, the rest unpacked. */
typedef struct weights {
    _Alignas(64) float scale[DLX__PANEL];
    float minimum[DLX__PANEL];  /* U4, U5 */
    int32_t sub[2][DLX__PANEL]; /* S6: scales of the halves of a group */
    const uint8_t *level;
} weights;

/* The groups that a tile goes over, and its rows. */
typedef struct range {
    const uint8_t *panel;
    size_t begin, end; /* groups, whole spans but for the last */
    size_t row;        /* the first */
    cells c;
} range;

/* Scales and minima of 16 outputs of a group. */
INLINE void unpack_scales(weights *to, const uint8_t *front, const uint8_t *head,
                          const dlx__form form)
{
    for (size_t v = 0; v < DLX__PANEL; v += VL) {
        float *scale = to->scale + v, *minimum = to->minimum + v;
        if (form == DLX__FORM_I8) {
            continue;
        } else if (form == DLX__FORM_Q6_K) {
            vec_store(scale, vec_of_halves(front + 2 * v));
        } else if (form == DLX__FORM_Q4_K || form == DLX__FORM_Q5_K) {
            const vec d = vec_of_halves(front + 2 * v), m = vec_of_halves(front + 32 + 2 * v);
            vec_store(scale, vec_mul(d, vec_of_bytes(head + v)));
            vec_store(minimum, vec_sub(vec_set(0), vec_mul(m, vec_of_bytes(head + 16 + v))));
        } else {
            vec_store(scale, vec_of_halves(head + 2 * v));
            if (form == DLX__FORM_Q8_1 || form == DLX__FORM_Q4_1)
                vec_store(minimum, vec_of_halves(head + 32 + 2 * v));
        }
    }
    if (form == DLX__FORM_Q6_K)
        unpack_subs(to->sub[0], head);
}

/* part [n_rows][PANEL_VECS] += the sum of a group, in units of the rows' scales. */
INLINE void add_group(vec *part, const ivec *sum, const weights *w, const cells *c, size_t cell,
                      const dlx__kind kind, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * PANEL_VECS; i++) {
        const size_t column = (size_t)(i % PANEL_VECS) * VL;
        part[i] = vec_held(vec_fma(vec_of(sum[i]), vec_load(w->scale + column), part[i]));
        if (kind == DLX__U4 || kind == DLX__U5)
            part[i] = vec_held(vec_fma(vec_load(w->minimum + column),
                                       vec_set(c->sum[cell + (size_t)(i / PANEL_VECS)]), part[i]));
    }
}

INLINE weights weights_of(const uint8_t *panel, size_t g, const dlx__form form)
{
    const dlx__layout *l = &dlx__layouts[form];
    weights w = {.level = panel + dlx__levels_at(l, g)};
    unpack_scales(&w, panel + dlx__block_at(l, g), panel + dlx__head_at(l, g), form);
    return w;
}

/* part [n_rows][PANEL_VECS] = the n groups of a span from g on. */
INLINE void multiply_span(vec *part, const uint8_t *panel, size_t g, size_t n, const cells *c,
                          size_t cell, coming *next, const dlx__form form, const int n_rows)
{
    const dlx__kind kind = dlx__layouts[form].kind;
    UNROLL
    for (int i = 0; i < n_rows * PANEL_VECS; i++)
        part[i] = vec_set(0);
    for (const size_t end = g + n; g < end; g++, cell += c->n_rows) {
        const weights w = weights_of(panel, g, form);
        ivec sum[MOST_TILE_ROWS * PANEL_VECS];
        fetch_line(next);
        dot(sum, w.level, w.sub[0], c, cell, next, kind, true, n_rows);
        add_group(part, sum, &w, c, cell, kind, n_rows);
    }
}

/* The same of weights without scales: nothing is to be done between the groups, and the sum of
 * integers is exact in float. */
INLINE void multiply_plain(vec *part, const uint8_t *level, size_t n, const cells *c, size_t cell,
                           coming *next, const int n_rows)
{
    ivec sum[MOST_TILE_ROWS * PANEL_VECS];
    const int32_t *start = span_starts(c, cell);
    UNROLL
    for (int i = 0; i < n_rows * PANEL_VECS; i++)
        sum[i] = ivec_set(start ? start[i / PANEL_VECS] : 0);
    for (; n > 0; n--, cell += c->n_rows, level += DLX__GROUP * DLX__PANEL) {
        fetch_line(next);
        dot(sum, level, NULL, c, cell, next, DLX__S8, false, n_rows);
    }
    UNROLL
    for (int i = 0; i < n_rows * PANEL_VECS; i++)
        part[i] = vec_of(sum[i]);
}

/* The compiler forgets what it knows of p: what it points to is then read from memory. It would
 * keep that, where general registers are few, in vector registers, and to come out of these it
 * waits behind all products before. */
#define FORGET(p) __asm__ volatile("" : "+r"(p))

/* y [n_rows][16] += part times the rows' scales. */
INLINE void add_span(float *y, const vec *part, const float *scale, const int n_rows)
{
    FORGET(y); /* there are too few registers to keep results (keep_span) */
    UNROLL
    for (int i = 0; i < n_rows * PANEL_VECS; i++)
        vec_store(y + i * VL,
                  vec_fma(part[i], vec_set(scale[i / PANEL_VECS]), vec_load(y + i * VL)));
}

/* The same of results that stay in registers. */
INLINE void keep_span(vec *total, const vec *part, const float *scale, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * PANEL_VECS; i++)
        total[i] = vec_held(vec_fma(part[i], vec_set(scale[i / PANEL_VECS]), total[i]));
}

INLINE bool in_nibbles(const dlx__layout *l)
{
    return l->level_bytes < DLX__GROUP * DLX__PANEL;
}

/* Rows up to which a tile asks for nothing. */
INLINE int alone_rows(const dlx__layout *l)
{
    return in_nibbles(l) ? ALONE_NIBBLES : ALONE_BYTES;
}

/* How often a group asks: before its steps, and at each or each other one. */
INLINE size_t asks_of_group(const dlx__layout *l)
{
    return 1 + (in_nibbles(l) ? NIBBLE_ASKS : DLX__STEPS);
}

/* y [n_rows][16] += the groups of a range. */
INLINE void tile_ints(float *y, const range *in, coming *next, const dlx__form form,
                      const int n_rows)
{
    const dlx__layout *l = &dlx__layouts[form];
    const bool kept = n_rows <= (form == DLX__FORM_I8 ? KEPT_I8 : KEPT_SCALED);
    vec total[MOST_TILE_ROWS * PANEL_VECS];
    coming then = *next, *const fetch = n_rows > alone_rows(l) ? &then : NULL;
    if (kept)
        load_sums(total, y, n_rows * PANEL_VECS);
    for (size_t g = in->begin; g < in->end; g += DLX__SPAN_GROUPS) {
        vec part[MOST_TILE_ROWS * PANEL_VECS];
        FORGET(in);
        const cells *c = &in->c;
        const size_t n = dlx__min(DLX__SPAN_GROUPS, in->end - g), cell = g * c->n_rows + in->row;
        if (form == DLX__FORM_I8)
            multiply_plain(part, in->panel + dlx__levels_at(l, g), n, c, cell, fetch, n_rows);
        else
            multiply_span(part, in->panel, g, n, c, cell, fetch, form, n_rows);
        const float *scale = c->scale + g / DLX__SPAN_GROUPS * c->n_rows + in->row;
        if (kept)
            keep_span(total, part, scale, n_rows);
        else
            add_span(y, part, scale, n_rows);
    }
    if (kept)
        store_sums(y, total, n_rows * PANEL_VECS);
    *next = then;
}

typedef void (*ints_fn)(float *y, const range *in, coming *next, int n_rows);

INLINE void strip_ints(const strip *s, ints_fn tile, const dlx__form form)
{
    const dlx__layout *l = &dlx__layouts[form];
    const size_t n_groups = dlx__n_groups(s->w->n_in);
    const size_t grain = dlx__max(l->block_groups, (size_t)DLX__SPAN_GROUPS);
    const size_t most = s->tiles.n > 1 ? CHUNK_GROUPS / grain : SIZE_MAX;
    const parts chunks = parts_of((n_groups + grain - 1) / grain, most);
    const size_t n_bytes = longest_part(&chunks) * grain * dlx__block_bytes(l) / l->block_groups +
                           (form == DLX__FORM_I8 ? 64 : 0); /* the scales behind the panel */
    range in = {.panel = s->panel, .c = cells_of(s->acts)};
    for (size_t i = 0; i < chunks.n; i++, in.begin = in.end) {
        in.end = dlx__min(part_begin(&chunks, i + 1) * grain, n_groups);
        coming next = coming_of(s, s->panel + dlx__block_at(l, in.begin), n_bytes,
                                (in.end - in.begin) * asks_of_group(l) * s->tiles.n);
        for (size_t t = 0; t < s->tiles.n; t++) {
            const size_t r = part_begin(&s->tiles, t), end = part_begin(&s->tiles, t + 1);
            in.row = s->row + r;
            tile(s->y + r * DLX__PANEL, &in, &next, (int)(end - r));
        }
    }
}

/* The forms with the most rows of a tile. */
#define INT_FORMS(X)                                                                               \
    X(I8, MOST_I8)                                                                                 \
    X(Q8_0, MOST_S8)                                                                               \
    X(Q8_1, MOST_U5)                                                                               \
    X(Q4_0, MOST_S4)                                                                               \
    X(Q4_1, MOST_U4)                                                                               \
    X(Q4_K, MOST_U4)                                                                               \
    X(Q5_K, MOST_U5)                                                                               \
    X(Q6_K, MOST_S6)

#define INT_STRIP(form, most)                                                                      \
    static void tile_##form(float *y, const range *in, coming *next, int n_rows)                   \
    {                                                                                              \
        BODIES(most, tile_ints, y, in, next, DLX__FORM_##form)                                     \
    }                                                                                              \
    static void strip_##form(const strip *s)                                                       \
    {                                                                                              \
        strip_ints(s, tile_##form, DLX__FORM_##form);                                              \
    }

INT_FORMS(INT_STRIP)

/* Each of several tiles asks for its share. */
#define SEVERAL_ASK(form, most)                                                                    \
    _Static_assert(((most) + 1) / 2 > ALONE_BYTES, "one of several tiles asks for nothing");
INT_FORMS(SEVERAL_ASK)
#undef SEVERAL_ASK

#endif
