/* kernel_avx2.c - x86-64 with AVX2, FMA and F16C. */
#include "kernel/kernel.h"

#if defined(__x86_64__)

/* Of the cells of quantized inputs: cells.h. */
enum { N_WIDE = 1, N_STARTS = 5 };

#include "kernel/cells.h"
#include "kernel/coming.h"
#include "kernel/vector_avx2.h"

/*
 * Levels below 16 are multiplied by maddubs, which adds two products of an unsigned and a signed
 * byte and keeps 16 bits: enough for the sum of a group. With levels below 64 it is enough for half
 * of one. An offset is taken off before the sum begins: a start is the offset times the sums of the
 * q that meet a 16-bit lane, two lanes in a word. What passes 16 bits on the way comes back, for
 * additions wrap around.
 *
 * Levels of 8 bits are multiplied by maddwd, 16 bits by 16. A pair of levels is taken as it is, for
 * 256 w[odd] + level[even], and then w[odd] alone, which takes one shift:
 *
 *   (256 w1 + l0) q0  +  w1 (q1 - 256 q0)  =  l0 q0 + w1 q1
 *
 * The inputs are kept in 16 bits so, and a start is the offset of the even levels times their q.
 */
enum { START_S4, START_S6, START_S8 = START_S6 + 2, START_SPAN };
enum {
    MOST_TILE_ROWS = 6,
    ALONE_BYTES = 0,
    ALONE_NIBBLES = 0,
    ALONE_FLOATS = 0,
    HALF = DLX__STEPS / 2
};
enum { MOST_F32 = 6, MOST_S4 = 5, MOST_U4 = 5, MOST_U5 = 3, MOST_S6 = 3, MOST_S8 = 6, MOST_I8 = 6 };

/* q0 q1 q2 q3 -> q0, q2, q1 - 256 q0, q3 - 256 q2. */
INLINE ivec pairs_apart(ivec q)
{
    const ivec apart = _mm256_sub_epi16(q, _mm256_slli_epi32(q, 24));
    return _mm256_shufflelo_epi16(_mm256_shufflehi_epi16(apart, 0xD8), 0xD8);
}

INLINE int32_t put_group(const cells *c, size_t cell, const ivec *ints)
{
    const ivec first = _mm256_permute4x64_epi64(_mm256_packs_epi32(ints[0], ints[1]), 0xD8);
    const ivec second = _mm256_permute4x64_epi64(_mm256_packs_epi32(ints[2], ints[3]), 0xD8);
    const ivec bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(first, second), 0xD8);
    bytes_store(c->q + cell * DLX__GROUP, bytes);
    bytes_store(c->wide + cell * DLX__GROUP, pairs_apart(first));
    bytes_store(c->wide + cell * DLX__GROUP + 16, pairs_apart(second));
    ivec sums = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes); /* [step][2] */
    sums = _mm256_add_epi16(sums, _mm256_shuffle_epi32(sums, 0x4E));
    sums = _mm256_add_epi16(sums, _mm256_shuffle_epi32(sums, 0xB1));
    const __m128i low = _mm256_castsi256_si128(sums), high = _mm256_extracti128_si256(sums, 1);
    const __m128i both = _mm_add_epi16(low, high);
    const int32_t sum = _mm_cvtsi128_si32(_mm_madd_epi16(both, _mm_set1_epi16(1)));
    int32_t *start = c->start + cell;
    start[START_S4 * c->n_cells] = _mm_cvtsi128_si32(_mm_mullo_epi16(both, _mm_set1_epi16(-8)));
    start[START_S6 * c->n_cells] = _mm_cvtsi128_si32(_mm_mullo_epi16(low, _mm_set1_epi16(-32)));
    start[(START_S6 + 1) * c->n_cells] =
        _mm_cvtsi128_si32(_mm_mullo_epi16(high, _mm_set1_epi16(-32)));
    const ivec even = _mm256_maddubs_epi16(_mm256_set1_epi16(1), bytes);
    start[START_S8 * c->n_cells] = -128 * ivec_sum(_mm256_madd_epi16(even, _mm256_set1_epi16(1)));
    return sum;
}

INLINE void put_span(const cells *c, size_t cell, size_t n)
{
    int32_t sum = 0;
    for (size_t g = 0; g < n; g++)
        sum += c->start[START_S8 * c->n_cells + cell + g * c->n_rows];
    c->start[START_SPAN * c->n_cells + cell] = sum;
}

/* As pairs of int16, to be multiplied with pairs of sums. */
INLINE void unpack_subs(int32_t *to, const uint8_t *subs)
{
    for (size_t at = 0; at < 2 * DLX__PANEL; at += VL) {
        const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(subs + at));
        const ivec wide = _mm256_cvtepi8_epi32(bytes), low = ivec_and(wide, ivec_set(0xFFFF));
        ivec_store(to + at, _mm256_or_si256(_mm256_slli_epi32(wide, 16), low));
    }
}

/* Eight outputs' levels of a step. */
INLINE ivec levels_at(const uint8_t *level, size_t step, size_t v, const dlx__kind kind)
{
    if (kind == DLX__S8 || kind == DLX__U5 || kind == DLX__S6)
        return bytes_load(level + step * 64 + v * 32);
    const ivec both = bytes_load(level + step % 4 * 64 + v * 32);
    return ivec_and(step < 4 ? both : _mm256_srli_epi16(both, 4), _mm256_set1_epi8(15));
}

/* sum [n_rows][2] in 16 bits += four steps of levels below 64. */
INLINE void dot_half(ivec *sum, const uint8_t *level, const int8_t *q, coming *next,
                     const size_t half, const dlx__kind kind, const int n_rows)
{
    /* Levels are not to be kept from one half to the other: there are too few registers. */
    __asm__ volatile("" : "+r"(level));
    UNROLL
    for (size_t s = half * HALF; s < (half + 1) * HALF; s++) {
        fetch_line(next);
        const ivec w0 = levels_at(level, s, 0, kind), w1 = levels_at(level, s, 1, kind);
        UNROLL
        for (int r = 0; r < n_rows; r++) {
            const ivec x = broadcast(q + r * DLX__GROUP + s * 4);
            sum[2 * r] = held(_mm256_add_epi16(sum[2 * r], _mm256_maddubs_epi16(w0, x)));
            sum[2 * r + 1] = held(_mm256_add_epi16(sum[2 * r + 1], _mm256_maddubs_epi16(w1, x)));
        }
    }
}

INLINE void set_starts(ivec *sum, const int32_t *start, const bool any, const int n_rows)
{
    UNROLL
    for (int r = 0; r < n_rows; r++)
        sum[2 * r] = sum[2 * r + 1] = ivec_set(any ? start[r] : 0);
}

INLINE void dot_4(ivec *sum, const uint8_t *level, const cells *c, size_t cell, coming *next,
                  const dlx__kind kind, const int n_rows)
{
    set_starts(sum, c->start + START_S4 * c->n_cells + cell, kind == DLX__S4, n_rows);
    dot_half(sum, level, c->q + cell * DLX__GROUP, next, 0, kind, n_rows);
    dot_half(sum, level, c->q + cell * DLX__GROUP, next, 1, kind, n_rows);
    UNROLL
    for (int i = 0; i < 2 * n_rows; i++)
        sum[i] = _mm256_madd_epi16(sum[i], _mm256_set1_epi16(1));
}

/* In halves; those of S6 have a scale each. */
INLINE void dot_6(ivec *sum, const uint8_t *level, const int32_t *sub, const cells *c, size_t cell,
                  coming *next, const dlx__kind kind, const int n_rows)
{
    UNROLL
    for (size_t h = 0; h < 2; h++) {
        ivec part[2 * MOST_TILE_ROWS];
        set_starts(part, c->start + (START_S6 + h) * c->n_cells + cell, kind == DLX__S6, n_rows);
        dot_half(part, level, c->q + cell * DLX__GROUP, next, h, kind, n_rows);
        UNROLL
        for (int i = 0; i < 2 * n_rows; i++) {
            const ivec factor = kind == DLX__S6 ? ivec_load(sub + h * DLX__PANEL + i % 2 * VL)
                                                : _mm256_set1_epi16(1);
            const ivec whole = _mm256_madd_epi16(part[i], factor);
            sum[i] = h == 0 ? whole : held(ivec_add(sum[i], whole));
        }
    }
}

INLINE const int32_t *span_starts(const cells *c, size_t cell)
{
    return c->start + START_SPAN * c->n_cells + cell;
}

INLINE void dot_8(ivec *sum, const uint8_t *level, const cells *c, size_t cell, coming *next,
                  const bool fresh, const int n_rows)
{
    if (fresh)
        set_starts(sum, c->start + START_S8 * c->n_cells + cell, true, n_rows);
    const int16_t *q = c->wide + cell * DLX__GROUP;
    UNROLL
    for (size_t s = 0; s < 2 * DLX__STEPS; s++) {
        ivec w[2];
        if (s % 2 == 0)
            fetch_line(next);
        UNROLL
        for (size_t v = 0; v < 2; v++) {
            w[v] = levels_at(level, s / 2, v, DLX__S8);
            w[v] = s % 2 == 0 ? w[v] : _mm256_srai_epi16(w[v], 8);
        }
        UNROLL
        for (int r = 0; r < n_rows; r++) {
            const ivec x = broadcast(q + r * DLX__GROUP + s * 2);
            sum[2 * r] = held(ivec_add(sum[2 * r], _mm256_madd_epi16(w[0], x)));
            sum[2 * r + 1] = held(ivec_add(sum[2 * r + 1], _mm256_madd_epi16(w[1], x)));
        }
    }
}

INLINE void dot(ivec *sum, const uint8_t *level, const int32_t *sub, const cells *c, size_t cell,
                coming *next, const dlx__kind kind, const bool fresh, const int n_rows)
{
    if (kind == DLX__S8)
        dot_8(sum, level, c, cell, next, fresh, n_rows);
    else if (kind == DLX__U5 || kind == DLX__S6)
        dot_6(sum, level, sub, c, cell, next, kind, n_rows);
    else
        dot_4(sum, level, c, cell, next, kind, n_rows);
}

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx2_fma;
}

#define SET_NAME dlx__kernels_avx2
#define SET_TEXT "avx2"
#include "kernel/vector_table.h"

#endif
