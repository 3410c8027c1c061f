/*
 * gemm_floats.h - products of float weights with rows of floats, included once by each
 * kernel_<isa>.c. It wants, beside what gemm_strips.h does:
 *
 *   MOST_F32               rows of a tile, at most 12
 *   vec_of_halves(p)       VL f16 to float
 *   vec_of_pairs(p, odd)   of VL pairs of bf16 the first or the second to float
 *
 * A strip is computed for a batch of rows, a chunk of inputs at a time, which stays in a cache for
 * all tiles of rows; meanwhile the next chunk is asked for.
 */
#ifndef DLX__GEMM_FLOATS_H
#define DLX__GEMM_FLOATS_H

#include "kernel/coming.h"
#include "kernel/gemm_strips.h"

enum {
    /* Most bytes of a chunk in a strip. Tiles of few rows read weights as fast as the L1 cache
     * gives them, and take half of it; others read from the L2 cache without waiting. */
    CHUNK_BYTES = MOST_F32 > 8 ? 1 << 16 : 1 << 14,
    N_VECS = STRIP / VL
};

/* Of each panel. */
typedef struct comings {
    coming of[N_PANELS];
} comings;

INLINE void fetch_lines(comings *next, const distance d)
{
    UNROLL
    for (size_t p = 0; p < N_PANELS; p++)
        fetch_line(&next->of[p], d);
}

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

/* sum += the weights of one input times the rows' numbers there. */
INLINE void multiply_input(vec *sum, const uint8_t *const *pair, const size_t odd,
                           const float *const *base, size_t stride, const dlx__form form,
                           const int n_rows)
{
    vec column[N_VECS];
    UNROLL
    for (size_t v = 0; v < N_VECS; v++)
        column[v] = vec_held(floats_at(pair[v / PANEL_VECS], odd, v % PANEL_VECS, form));
    UNROLL
    for (int r = 0; r < n_rows; r++) {
        const vec x = vec_set(base[r / ROWS_STEP][(size_t)(r % ROWS_STEP) * stride + odd]);
        UNROLL
        for (int v = 0; v < N_VECS; v++)
            sum[r * N_VECS + v] = vec_held(vec_fma(column[v], x, sum[r * N_VECS + v]));
    }
}

/* y [n_rows][STRIP] += the inputs [0, n) of a chunk; `panel` is moved behind them. */
INLINE void tile_floats(float *y, const uint8_t **panel, size_t n, const float *x, size_t stride,
                        comings *next, const dlx__form form, const int n_rows)
{
    const size_t pair_bytes = 2 * DLX__PANEL * (form == DLX__FORM_F32 ? 4 : 2);
    const float *base[N_BASES];
    vec sum[MOST_F32 * N_VECS];
    UNROLL
    for (int r = 0; r < n_rows; r += ROWS_STEP)
        base[r / ROWS_STEP] = address_held(x + (size_t)r * stride);
    load_sums(sum, y, n_rows * N_VECS);
    for (size_t k = 0; k < n / 2; k++) {
        fetch_lines(next, FAR);
        multiply_input(sum, panel, 0, base, stride, form, n_rows);
        if (form == DLX__FORM_F32)
            fetch_lines(next, FAR);
        multiply_input(sum, panel, 1, base, stride, form, n_rows);
        UNROLL
        for (size_t p = 0; p < N_PANELS; p++)
            panel[p] += pair_bytes;
        UNROLL
        for (int r = 0; r < n_rows; r += ROWS_STEP)
            base[r / ROWS_STEP] = address_held(base[r / ROWS_STEP] + 2);
    }
    if (n % 2)
        multiply_input(sum, panel, 0, base, stride, form, n_rows);
    store_sums(y, sum, n_rows * N_VECS);
}

#define FLOAT_TILE(form)                                                                           \
    static void tile_##form(float *y, const uint8_t *const *first, size_t n, const float *x,       \
                            size_t stride, comings *next, int n_rows)                              \
    {                                                                                              \
        const uint8_t *panel[N_PANELS];                                                            \
        memcpy(panel, first, sizeof panel);                                                        \
        BODIES(MOST_F32, tile_floats, y, panel, n, x, stride, next, DLX__FORM_##form)              \
    }

FLOAT_TILE(F32)
FLOAT_TILE(BF16)
FLOAT_TILE(F16)

/* Offset `offset` of panel p, or, past its end, of the panel that follows. */
INLINE const uint8_t *follows(const strip *s, size_t p, size_t offset)
{
    const size_t n = s->w->panel_bytes;
    return offset < n ? s->panel[p] + offset : s->next[p] + dlx__min(offset - n, n);
}

/* What follows at `offset` in the panels, in steps that are spread over n_tiles tiles of rows. */
INLINE comings coming_of(const strip *s, size_t offset, size_t step_bytes, size_t n_tiles)
{
    comings next;
    for (size_t p = 0; p < N_PANELS; p++)
        next.of[p] = (coming){follows(s, p, offset), (step_bytes + n_tiles - 1) / n_tiles};
    return next;
}

typedef void (*floats_fn)(float *y, const uint8_t *const *panel, size_t n, const float *x,
                          size_t stride, comings *next, int n_rows);

/* Row r of a strip. */
INLINE const float *row_of(const strip *s, size_t r)
{
    return s->acts->x + (s->row + r) * s->acts->stride;
}

INLINE void strip_floats(const strip *s, floats_fn tile, const dlx__form form)
{
    const size_t n_in = s->w->n_in, n_tiles = s->n_tiles;
    const size_t input_bytes = DLX__PANEL * (form == DLX__FORM_F32 ? 4 : 2);
    const size_t chunk = even_part(n_in, CHUNK_BYTES / (N_PANELS * input_bytes), 8);
    for (size_t k = 0; k < n_in; k += chunk) {
        comings next = coming_of(s, (k + chunk) * input_bytes, 64, n_tiles);
        const uint8_t *panel[N_PANELS];
        for (size_t p = 0; p < N_PANELS; p++)
            panel[p] = s->panel[p] + k * input_bytes;
        for (size_t t = 0; t < n_tiles; t++) {
            const size_t r = first_row(s, t), end = first_row(s, t + 1);
            tile(s->y + r * STRIP, panel, dlx__min(chunk, n_in - k), row_of(s, r) + k,
                 s->acts->stride, &next, (int)(end - r));
        }
    }
}

#define FLOAT_STRIP(form)                                                                          \
    static void strip_##form(const strip *s)                                                       \
    {                                                                                              \
        strip_floats(s, tile_##form, DLX__FORM_##form);                                            \
    }

FLOAT_STRIP(F32)
FLOAT_STRIP(BF16)
FLOAT_STRIP(F16)

#endif
