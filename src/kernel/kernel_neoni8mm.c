/* kernel_neoni8mm.c - AArch64 with the products of byte matrices of ARMv8.6. */
#include "kernel/kernel.h"

#if defined(__aarch64__)

#if !defined(__ARM_FEATURE_MATMUL_INT8)
#error "this file needs the flags of cmake/isa.cmake"
#endif

/* Of the cells of quantized inputs: cells.h. */
enum { N_WIDE = 0, N_STARTS = 5 };

#include "kernel/cells.h"
#include "kernel/coming.h"
#include "kernel/vector_neon.h"

/*
 * usmmla multiplies eight inputs of two outputs by those of two rows: two steps at once. Levels are
 * unsigned; an offset is taken off before the sum begins: a start is the offset
 * times the sum of the q of a group, of S6 of each half of it. The last of an odd number of rows is
 * its own partner.
 */
enum { START_S4, START_S6, START_S8 = START_S6 + 2, START_SPAN };
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
    start[START_S8 * c->n_cells] = -128 * (half[0] + half[1]);
    return half[0] + half[1];
}

INLINE void put_span(const cells *c, size_t cell, size_t n)
{
    int32_t sum = 0;
    for (size_t g = 0; g < n; g++)
        sum += c->start[START_S8 * c->n_cells + cell + g * c->n_rows];
    c->start[START_SPAN * c->n_cells + cell] = sum;
}

/* With an offset in all bytes of 8 bits. */
INLINE uint32x4_t words_at(const uint8_t *level, const size_t step, const size_t v,
                           const dlx__kind kind)
{
    const uint8x16_t stored = levels_at(level, step, v, kind);
    const uint8x16_t odd = vreinterpretq_u8_u16(vdupq_n_u16(0x8000));
    return vreinterpretq_u32_u8(kind == DLX__S8 ? veorq_u8(stored, odd) : stored);
}

/* Eight inputs of two rows. */
INLINE int8x16_t rows_at(const int8_t *q, const int pair, const size_t step, const int n_rows)
{
    const int first = 2 * pair, second = first + 1 < n_rows ? first + 1 : first;
    return vcombine_s8(vld1_s8(q + first * DLX__GROUP + step * 4),
                       vld1_s8(q + second * DLX__GROUP + step * 4));
}

/* sum [pairs of rows][8 pairs of outputs] += the steps [first, end). */
INLINE void dot_squares(ivec *sum, const uint8_t *level, const int8_t *q, coming *next,
                        const size_t first, const size_t end, const dlx__kind kind,
                        const int n_rows)
{
    const int n_pairs = (n_rows + 1) / 2;
    UNROLL
    for (size_t s = first; s < end; s += 2) {
        fetch_line(next);
        fetch_line(next);
        int8x16_t x[MOST_TILE_ROWS / 2];
        UNROLL
        for (int p = 0; p < n_pairs; p++)
            x[p] = rows_at(q, p, s, n_rows);
        UNROLL
        for (size_t v = 0; v < 4; v++) {
            const uint32x4_t now = words_at(level, s, v, kind);
            const uint32x4_t then = words_at(level, s + 1, v, kind);
            const uint8x16_t w0 = vreinterpretq_u8_u32(vzip1q_u32(now, then));
            const uint8x16_t w1 = vreinterpretq_u8_u32(vzip2q_u32(now, then));
            UNROLL
            for (int p = 0; p < n_pairs; p++) {
                ivec *to = sum + (size_t)p * 8 + v * 2;
                to[0] = vusmmlaq_s32(to[0], w0, x[p]);
                to[1] = vusmmlaq_s32(to[1], w1, x[p]);
            }
        }
    }
}

/* Both rows' starts, twice. */
INLINE void set_starts(ivec *sum, const int32_t *start, const bool any, const int n_rows)
{
    UNROLL
    for (int i = 0; i < (n_rows + 1) / 2 * 8; i++) {
        const int first = i / 8 * 2, second = first + 1 < n_rows ? first + 1 : first;
        const ivec pair = vsetq_lane_s32(start[second], vdupq_n_s32(start[first]), 1);
        sum[i] = any ? vreinterpretq_s32_s64(vdupq_laneq_s64(vreinterpretq_s64_s32(pair), 0))
                     : vdupq_n_s32(0);
    }
}

/* sum [n_rows][PANEL_VECS] from squares, which hold output 0 of both rows, then output 1. */
INLINE void rows_of(ivec *sum, const ivec *squares, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * 4; i++) {
        const ivec *two = squares + i / 8 * 8 + i % 4 * 2;
        sum[i] = i / 4 % 2 == 0 ? vuzp1q_s32(two[0], two[1]) : vuzp2q_s32(two[0], two[1]);
    }
}

INLINE const int32_t *span_starts(const cells *c, size_t cell)
{
    return c->start + START_SPAN * c->n_cells + cell;
}

INLINE void dot(ivec *sum, const uint8_t *level, const int32_t *sub, const cells *c, size_t cell,
                coming *next, const dlx__kind kind, const bool fresh, const int n_rows)
{
    const int8_t *q = c->q + cell * DLX__GROUP;
    const size_t which = kind == DLX__S8 ? START_S8 : kind == DLX__S6 ? START_S6 : START_S4;
    const int32_t *start = c->start + which * c->n_cells + cell;
    const size_t end = kind == DLX__S6 ? HALF : DLX__STEPS;
    ivec squares[MOST_TILE_ROWS * 4], high[MOST_TILE_ROWS * 4];
    const bool offset = kind != DLX__U4 && kind != DLX__U5;
    set_starts(squares, start, offset && fresh, n_rows);
    dot_squares(squares, level, q, next, 0, end, kind, n_rows);
    rows_of(fresh ? sum : high, squares, n_rows);
    if (!fresh) {
        UNROLL
        for (int i = 0; i < n_rows * 4; i++)
            sum[i] = vaddq_s32(sum[i], high[i]);
    }
    if (kind != DLX__S6)
        return;
    set_starts(squares, start + c->n_cells, true, n_rows);
    dot_squares(squares, level, q, next, HALF, DLX__STEPS, kind, n_rows);
    rows_of(high, squares, n_rows);
    UNROLL
    for (int i = 0; i < n_rows * 4; i++) {
        const ivec low = vmulq_s32(sum[i], ivec_load(sub + i % 4 * VL));
        sum[i] = vmlaq_s32(low, high[i], ivec_load(sub + DLX__PANEL + i % 4 * VL));
    }
}

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->neon_i8mm;
}

#define SET_NAME dlx__kernels_neoni8mm
#define SET_TEXT "neoni8mm"
#include "kernel/vector_table.h"

#endif
