/* kernel_neondot.c - AArch64 with the dot products of ARMv8.2. */
#include "kernel/kernel.h"

#if defined(__aarch64__)

#if !defined(__ARM_FEATURE_DOTPROD)
#error "this file needs the flags of cmake/isa.cmake"
#endif

/* Of the cells of quantized inputs: cells.h. */
enum { N_WIDE = 0, N_STARTS = 3 };

#include "kernel/cells.h"
#include "kernel/coming.h"
#include "kernel/vector_neon.h"

/*
 * sdot adds four products of signed bytes to 32 bits; one of its operands can be a word of a
 * vector, so that a row's inputs are loaded four steps at a time. The offset of levels below 64 is
 * taken off before the sum begins: a start is the offset times the sum of the q of a group, of S6
 * of each half of it. Of 8 bits it is taken off the levels.
 */
enum { START_S4, START_S6 };
enum {
    MOST_TILE_ROWS = 6,
    ALONE_BYTES = 0,
    ALONE_NIBBLES = 0,
    ALONE_FLOATS = 0,
    HALF = DLX__STEPS / 2
};
enum { MOST_F32 = 6, MOST_S4 = 4, MOST_U4 = 4, MOST_U5 = 4, MOST_S6 = 4, MOST_S8 = 4, MOST_I8 = 4 };

INLINE int32_t put_group(const cells *c, size_t cell, const ivec *ints)
{
    int32_t half[2], *start = c->start + cell;
    halves_of(half, ints);
    put_bytes(c->q + cell * DLX__GROUP, ints);
    start[START_S4 * c->n_cells] = -8 * (half[0] + half[1]);
    start[START_S6 * c->n_cells] = -32 * half[0];
    start[(START_S6 + 1) * c->n_cells] = -32 * half[1];
    return half[0] + half[1];
}

INLINE void put_span(const cells *c, size_t cell, size_t n)
{
    (void)c, (void)cell, (void)n;
}

INLINE int8x16_t weights_at(const uint8_t *level, const size_t step, const size_t v,
                            const dlx__kind kind)
{
    const uint8x16_t stored = levels_at(level, step, v, kind);
    return kind == DLX__S8 ? signed_of(stored) : vreinterpretq_s8_u8(stored);
}

/* The word of x that belongs to a step is named by a literal. */
INLINE ivec dot_step(ivec sum, int8x16_t w, int8x16_t x, const size_t step)
{
    switch (step % 4) {
    case 0:
        return vdotq_laneq_s32(sum, w, x, 0);
    case 1:
        return vdotq_laneq_s32(sum, w, x, 1);
    case 2:
        return vdotq_laneq_s32(sum, w, x, 2);
    default:
        return vdotq_laneq_s32(sum, w, x, 3);
    }
}

/* sum [n_rows][PANEL_VECS] += half a group. */
INLINE void dot_half(ivec *sum, const uint8_t *level, const int8_t *q, coming *next,
                     const size_t half, const dlx__kind kind, const int n_rows)
{
    int8x16_t x[MOST_TILE_ROWS];
    UNROLL
    for (int r = 0; r < n_rows; r++)
        x[r] = vld1q_s8(q + (size_t)r * DLX__GROUP + half * 16);
    UNROLL
    for (size_t s = half * HALF; s < (half + 1) * HALF; s++) {
        fetch_line(next);
        UNROLL
        for (size_t v = 0; v < 4; v++) {
            const int8x16_t w = weights_at(level, s, v, kind);
            UNROLL
            for (int r = 0; r < n_rows; r++)
                sum[(size_t)r * 4 + v] = dot_step(sum[(size_t)r * 4 + v], w, x[r], s);
        }
    }
}

INLINE void set_starts(ivec *sum, const int32_t *start, const bool any, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * 4; i++)
        sum[i] = ivec_set(any ? start[i / 4] : 0);
}

INLINE const int32_t *span_starts(const cells *c, size_t cell)
{
    (void)c;
    (void)cell;
    return NULL;
}

INLINE void dot(ivec *sum, const uint8_t *level, const int32_t *sub, const cells *c, size_t cell,
                coming *next, const dlx__kind kind, const bool fresh, const int n_rows)
{
    const int8_t *q = c->q + cell * DLX__GROUP;
    const size_t which = kind == DLX__S6 ? START_S6 : START_S4;
    const int32_t *start = c->start + which * c->n_cells + cell;
    if (fresh)
        set_starts(sum, start, kind == DLX__S4 || kind == DLX__S6, n_rows);
    dot_half(sum, level, q, next, 0, kind, n_rows);
    if (kind != DLX__S6) {
        dot_half(sum, level, q, next, 1, kind, n_rows);
        return;
    }
    ivec high[MOST_TILE_ROWS * 4]; /* the halves have a scale each */
    set_starts(high, start + c->n_cells, true, n_rows);
    dot_half(high, level, q, next, 1, kind, n_rows);
    UNROLL
    for (int i = 0; i < n_rows * 4; i++) {
        const ivec low = vmulq_s32(sum[i], ivec_load(sub + i % 4 * VL));
        sum[i] = vmlaq_s32(low, high[i], ivec_load(sub + DLX__PANEL + i % 4 * VL));
    }
}

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->neon_dotprod;
}

#define SET_NAME dlx__kernels_neondot
#define SET_TEXT "neondot"
#include "kernel/vector_table.h"

#endif
