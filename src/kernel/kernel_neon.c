/* kernel_neon.c - AArch64 as every processor has it. */
#include "kernel/kernel.h"

#if defined(__aarch64__)

/* Of the cells of quantized inputs: cells.h. */
enum { N_WIDE = 0, N_STARTS = 0 };

#include "kernel/cells.h"
#include "kernel/coming.h"
#include "kernel/vector_neon.h"

/*
 * smlal multiplies eight bytes by eight and adds to 16 bits, which hold four products for each of
 * two outputs. Levels within -32 .. 31 can be summed so for a group, those of 8 bits for two steps.
 */
enum { MOST_TILE_ROWS = 6, ALONE_BYTES = 0, ALONE_NIBBLES = 0, ALONE_FLOATS = 0 };
enum { MOST_F32 = 6, MOST_S4 = 2, MOST_U4 = 2, MOST_U5 = 2, MOST_S6 = 2, MOST_S8 = 2, MOST_I8 = 2 };

INLINE int32_t put_group(const cells *c, size_t cell, const ivec *ints)
{
    int32_t half[2];
    halves_of(half, ints);
    put_bytes(c->q + cell * DLX__GROUP, ints);
    return half[0] + half[1];
}

INLINE void put_span(const cells *c, size_t cell, size_t n)
{
    (void)c, (void)cell, (void)n;
}

/* As signed numbers: their offset taken off. */
INLINE int8x16_t weights_at(const uint8_t *level, const size_t step, const size_t v,
                            const dlx__kind kind)
{
    const uint8x16_t stored = levels_at(level, step, v, kind);
    if (kind == DLX__S8)
        return signed_of(stored);
    const uint8_t offset = kind == DLX__S6 ? 32 : kind == DLX__S4 ? 8 : 0;
    return vreinterpretq_s8_u8(vsubq_u8(stored, vdupq_n_u8(offset)));
}

INLINE int8x8_t broadcast(const int8_t *q)
{
    int32_t word;
    memcpy(&word, q, sizeof word);
    return vreinterpret_s8_s32(vdup_n_s32(word));
}

/* sum [n_rows][PANEL_VECS][2] in 16 bits, two outputs each, = the steps [first, end). */
INLINE void dot_words(int16x8_t *sum, const uint8_t *level, const int8_t *q, coming *next,
                      const size_t first, const size_t end, const dlx__kind kind, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * 8; i++)
        sum[i] = vdupq_n_s16(0);
    UNROLL
    for (size_t s = first; s < end; s++) {
        fetch_line(next);
        UNROLL
        for (size_t v = 0; v < 4; v++) {
            const int8x16_t w = weights_at(level, s, v, kind);
            UNROLL
            for (int r = 0; r < n_rows; r++) {
                const int8x8_t x = broadcast(q + r * DLX__GROUP + s * 4);
                int16x8_t *to = sum + (size_t)r * 8 + v * 2;
                to[0] = vmlal_s8(to[0], vget_low_s8(w), x);
                to[1] = vmlal_s8(to[1], vget_high_s8(w), x);
            }
        }
    }
}

/* sum [n_rows][PANEL_VECS] = or += words, times `sub` where there is one. */
INLINE void add_words(ivec *sum, const int16x8_t *words, const int32_t *sub, const bool fresh,
                      const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * 4; i++) {
        const ivec first = vpaddlq_s16(words[2 * i]), second = vpaddlq_s16(words[2 * i + 1]);
        ivec whole = vpaddq_s32(first, second);
        if (sub)
            whole = vmulq_s32(whole, ivec_load(sub + i % 4 * VL));
        sum[i] = fresh ? whole : vaddq_s32(sum[i], whole);
    }
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
    const size_t n_steps = kind == DLX__S8 ? 2 : kind == DLX__S6 ? 4 : DLX__STEPS;
    const int8_t *q = c->q + cell * DLX__GROUP;
    UNROLL
    for (size_t s = 0; s < DLX__STEPS; s += n_steps) {
        int16x8_t words[MOST_TILE_ROWS * 8];
        dot_words(words, level, q, next, s, s + n_steps, kind, n_rows);
        add_words(sum, words, kind == DLX__S6 ? sub + s / n_steps * DLX__PANEL : NULL,
                  fresh && s == 0, n_rows);
    }
}

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->neon;
}

#define SET_NAME dlx__kernels_neon
#define SET_TEXT "neon"
#include "kernel/vector_table.h"

#endif
