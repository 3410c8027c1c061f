/*
 * gemm_widened.h - products of integer weights with rows that are not rounded, and the choice among
 * strips, included once by each kernel_<isa>.c. A span of a strip's weights at a time becomes
 * floats in the layout of F32 panels, which the tiles of floats then read.
 *
 * A weight is the same float that dlx__to_f32 makes of its stored form: level * scale is exact in a
 * float for all of them, so that only adding a minimum rounds.
 */
#ifndef DLX__GEMM_WIDENED_H
#define DLX__GEMM_WIDENED_H

#include "kernel/gemm_floats.h"
#include "kernel/gemm_ints.h"
#ifdef SET_SIDES
#include "kernel/gemm_sides.h"
#endif

/* Input k of a group for the 16 outputs of a panel: the stored integers, offset taken off. */
INLINE void levels_of_input(int32_t *to, const uint8_t *levels, size_t k, const dlx__layout *l)
{
    const bool nibbles = in_nibbles(l);
    const bool is_signed = l->kind == DLX__S8 && k % 2 == 1;
    const size_t step = k / 4, line = nibbles ? step % (DLX__STEPS / 2) : step;
    const uint8_t *from = levels + line * 64 + k % 4;
    for (size_t o = 0; o < DLX__PANEL; o++) {
        const uint8_t byte = from[o * 4];
        if (is_signed)
            to[o] = byte < 128 ? byte : byte - 256;
        else if (nibbles)
            to[o] = (step < DLX__STEPS / 2 ? byte & 15 : byte >> 4) - l->offset;
        else
            to[o] = byte - l->offset;
    }
}

/* to [32][16] = the weights of a group; head: its part of the header, which for S6 is the integer
 * scales [2][16]. */
INLINE void widen_group(float *to, const weights *w, const uint8_t *head, const dlx__form form)
{
    const dlx__layout *l = &dlx__layouts[form];
    for (size_t k = 0; k < DLX__GROUP; k++, to += DLX__PANEL) {
        const uint8_t *sub = head + k / 16 * DLX__PANEL;
        int32_t level[DLX__PANEL];
        levels_of_input(level, w->level, k, l);
        for (size_t o = 0; o < DLX__PANEL; o++) {
            if (l->kind == DLX__S6)
                to[o] = (float)(level[o] * (int8_t)sub[o]) * w->scale[o];
            else if (l->kind == DLX__U4 || l->kind == DLX__U5)
                to[o] = (float)level[o] * w->scale[o] + w->minimum[o];
            else
                to[o] = form == DLX__FORM_I8 ? (float)level[o] : (float)level[o] * w->scale[o];
        }
    }
}

INLINE void strip_widened(const strip *s, const dlx__form form)
{
    const size_t n_in = s->w->n_in;
    _Alignas(64) float wide[DLX__SPAN * DLX__PANEL];
    for (size_t k = 0; k < n_in; k += DLX__SPAN) {
        const size_t n = dlx__min(DLX__SPAN, n_in - k), first = k / DLX__GROUP;
        coming next = {(uintptr_t)s->panel, 0}; /* widening takes longer than reading */
        for (size_t g = first; g < first + dlx__n_groups(n); g++) {
            const uint8_t *head = s->panel + dlx__head_at(&dlx__layouts[form], g);
            const weights w = weights_of(s->panel, g, form);
            widen_group(wide + (g - first) * DLX__GROUP * DLX__PANEL, &w, head, form);
        }
        for (size_t t = 0; t < s->tiles.n; t++) {
            const size_t r = part_begin(&s->tiles, t), n_rows = part_begin(&s->tiles, t + 1) - r;
            tile_F32(s->y + r * DLX__PANEL, (const uint8_t *)wide, n, row_of(s, r) + k,
                     s->acts->stride, &next, (int)n_rows);
        }
    }
}

#define WIDENED_STRIP(form, most)                                                                  \
    static void widened_##form(const strip *s)                                                     \
    {                                                                                              \
        strip_widened(s, DLX__FORM_##form);                                                        \
    }

INT_FORMS(WIDENED_STRIP)

/* How a product's strips are computed, but for the pairs of gemm_pairs.h. */
static strip_kind strips_of(const dlx__acts *a, const dlx__packed *w)
{
#define KIND(strips, rows)                                                                         \
    {                                                                                              \
        .multiply = strips, .most = rows                                                           \
    }
#define FLOAT_STRIPS(form)                                                                         \
    [DLX__FORM_##form] = {KIND(strip_##form, MOST_F32), KIND(strip_##form, MOST_F32)},
#define INT_STRIPS(form, rows)                                                                     \
    [DLX__FORM_##form] = {KIND(strip_##form, rows), KIND(widened_##form, MOST_F32)},
    static const strip_kind kinds[DLX__N_FORMS][2] = {FLOAT_STRIPS(F32) FLOAT_STRIPS(BF16)
                                                          FLOAT_STRIPS(F16) INT_FORMS(INT_STRIPS)};
#undef INT_STRIPS
#undef FLOAT_STRIPS
#undef KIND
    strip_kind kind = kinds[w->form][a->ints ? 0 : 1];
#ifdef SET_SIDES
    kind.sides = sides_of(a, w);
#endif
    return kind;
}

#ifndef SET_PAIRS /* gemm_pairs.h has its own */
static void gemm(float *y, size_t y_stride, const dlx__acts *a, const dlx__packed *w,
                 size_t first_panel, size_t n_panels)
{
    gemm_by(strips_of(a, w), y, y_stride, a, w, first_panel, n_panels);
}
#endif

#endif
