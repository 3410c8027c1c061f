/*
 * gemm_floats.h - products of float weights with rows of floats, included once by each
 * kernel_<isa>.c. It wants, beside what gemm_strips.h does:
 *
 *   MOST_F32               rows of a tile, at most 12
 *   ALONE_FLOATS           rows up to which a tile asks for nothing
 *   vec_of_halves(p)       VL f16 to float
 *   vec_of_pairs(p, odd)   of VL pairs of bf16 the first or the second to float
 */
#ifndef DLX__GEMM_FLOATS_H
#define DLX__GEMM_FLOATS_H

#include "kernel/gemm_strips.h"

/* Most bytes of a chunk. Tiles of few rows read weights as fast as the L1 cache gives them, and
 * take half of it; others read from the L2 cache without waiting. */
enum { CHUNK_BYTES = MOST_F32 > 8 ? 1 << 16 : 1 << 14 };

/* VL weights of one of the pair of inputs at `pair`. */
INLINE vec floats_at(const uint8_t *pair, const size_t odd, const size_t v, const dlx__form form)
{
    if (form == DLX__FORM_BF16)
        return vec_of_pairs(pair + v * VL * 4, odd);
    if (form == DLX__FORM_F16)
        return vec_of_halves(pair + (odd * DLX__PANEL + v * VL) * 2);
    return vec_load((const float *)(const void *)pair + odd * DLX__PANEL + v * VL);
}

/* Rows of floats by few addresses: each serves ROWS_STEP rows, a stride apart. */
enum { ROWS_STEP = MOST_F32 > 8 ? 3 : 1, N_BASES = MOST_F32 / ROWS_STEP };
_Static_assert(MOST_F32 % ROWS_STEP == 0, "each row has a base");

/* sum [n_rows][PANEL_VECS] += the weights of one input times the rows' numbers there. */
INLINE void multiply_input(vec *sum, const uint8_t *pair, const size_t odd,
                           const float *const *base, size_t stride, const dlx__form form,
                           const int n_rows)
{
    vec column[PANEL_VECS];
    UNROLL
    for (size_t v = 0; v < PANEL_VECS; v++)
        column[v] = vec_held(floats_at(pair, odd, v, form));
    UNROLL
    for (int r = 0; r < n_rows; r++) {
        const vec x = vec_set(base[r / ROWS_STEP][(size_t)(r % ROWS_STEP) * stride + odd]);
        UNROLL
        for (int v = 0; v < PANEL_VECS; v++)
            sum[r * PANEL_VECS + v] = vec_held(vec_fma(column[v], x, sum[r * PANEL_VECS + v]));
    }
}

/* y [n_rows][16] += n inputs from `panel` on. */
INLINE void tile_floats(float *y, const uint8_t *panel, size_t n, const float *x, size_t stride,
                        coming *next, const dlx__form form, const int n_rows)
{
    const size_t pair_bytes = 2 * DLX__PANEL * (form == DLX__FORM_F32 ? 4 : 2);
    const float *base[N_BASES];
    vec sum[MOST_F32 * PANEL_VECS];
    coming then = *next, *const fetch = n_rows > ALONE_FLOATS ? &then : NULL;
    UNROLL
    for (int r = 0; r < n_rows; r += ROWS_STEP)
        base[r / ROWS_STEP] = address_held(x + (size_t)r * stride);
    load_sums(sum, y, n_rows * PANEL_VECS);
    for (size_t k = 0; k < n / 2; k++, panel += pair_bytes) {
        fetch_line(fetch);
        multiply_input(sum, panel, 0, base, stride, form, n_rows);
        if (form == DLX__FORM_F32)
            fetch_line(fetch);
        multiply_input(sum, panel, 1, base, stride, form, n_rows);
        UNROLL
        for (int r = 0; r < n_rows; r += ROWS_STEP)
            base[r / ROWS_STEP] = address_held(base[r / ROWS_STEP] + 2);
    }
    if (n % 2)
        multiply_input(sum, panel, 0, base, stride, form, n_rows);
    store_sums(y, sum, n_rows * PANEL_VECS);
    *next = then;
}

typedef void (*floats_fn)(float *y, const uint8_t *panel, size_t n, const float *x, size_t stride,
                          coming *next, int n_rows);

/* Row r of a strip. */
INLINE const float *row_of(const strip *s, size_t r)
{
    return s->acts->x + (s->row + r) * s->acts->stride;
}

INLINE void strip_floats(const strip *s, floats_fn tile, const dlx__form form)
{
    enum { GRAIN = 8 }; /* inputs */
    const size_t n_in = s->w->n_in, input_bytes = DLX__PANEL * (form == DLX__FORM_F32 ? 4 : 2);
    const size_t most = s->tiles.n > 1 ? CHUNK_BYTES / input_bytes / GRAIN : SIZE_MAX;
    const parts chunks = parts_of((n_in + GRAIN - 1) / GRAIN, most);
    for (size_t i = 0, k = 0, end; i < chunks.n; i++, k = end) {
        const uint8_t *chunk = s->panel + k * input_bytes;
        end = dlx__min(part_begin(&chunks, i + 1) * GRAIN, n_in);
        coming next = coming_of(s, chunk, longest_part(&chunks) * GRAIN * input_bytes,
                                (end - k + 1) / 2 * (input_bytes / 32) * s->tiles.n);
        for (size_t t = 0; t < s->tiles.n; t++) {
            const size_t r = part_begin(&s->tiles, t), n_rows = part_begin(&s->tiles, t + 1) - r;
            tile(s->y + r * DLX__PANEL, chunk, end - k, row_of(s, r) + k, s->acts->stride, &next,
                 (int)n_rows);
        }
    }
}

#define FLOAT_STRIP(form)                                                                          \
    static void tile_##form(float *y, const uint8_t *panel, size_t n, const float *x,              \
                            size_t stride, coming *next, int n_rows)                               \
    {                                                                                              \
        BODIES(MOST_F32, tile_floats, y, panel, n, x, stride, next, DLX__FORM_##form)              \
    }                                                                                              \
    static void strip_##form(const strip *s)                                                       \
    {                                                                                              \
        strip_floats(s, tile_##form, DLX__FORM_##form);                                            \
    }

FLOAT_STRIP(F32)
FLOAT_STRIP(BF16)
FLOAT_STRIP(F16)

#endif
