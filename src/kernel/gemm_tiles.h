/*
 * gemm_tiles.h - products over an abstract vector, included once by each kernel_<isa>.c. It wants,
 * beside the vector of vector_rows.h:
 *
 *   STRIP                  outputs of a tile: the panels of one (16) or two (32)
 *   MOST_F32               rows of a tile of floats, at most 12
 *   MOST_S4 MOST_U4 MOST_U5 MOST_S6 MOST_S8 MOST_I8   of levels, at most MOST_TILE_ROWS
 *   vec_of_halves(p) vec_of_bytes(p)   VL f16 or uint8 to float
 *   vec_of_pairs(p, odd)   of VL pairs of bf16 the first or the second to float
 *   unpack_subs(to, subs)  int8 scales [2][16] of a group, as dot wants them in [2][STRIP]
 *   dot(sum, level, sub, c, cell, next, kind, run, n_rows)
 *                          sum [n_rows][N_VECS] int32 = a group times the rows from `cell` on;
 *                          with a fetch_line at each step
 *   vec_held(x) address_held(p)   the same, which the compiler must have computed here
 *
 * A strip of outputs is computed for a batch of rows, a chunk of inputs at a time: the chunk's
 * levels then stay in the L1 cache for all tiles of rows, and its scales are unpacked once. Between
 * spans the results wait in memory. Meanwhile the next chunk is asked for into the L1 cache, and
 * one farther on into the L2 cache: only so are enough reads on their way.
 *
 * Arrays with literal indices become registers. Compilers delay a sum to the end of a loop's body,
 * by which they run out of registers, unless it is held where it stands.
 */
#ifndef DLX__GEMM_TILES_H
#define DLX__GEMM_TILES_H

#include "kernel/coming.h"
#include "kernel/vector_rows.h"

enum {
    CHUNK_GROUPS = 8, /* a whole block of every form */
    /* Most bytes of a chunk of floats in a strip. Tiles of few rows read weights as fast as the L1
     * cache gives them, and take half of it; others read from the L2 cache without waiting. */
    CHUNK_BYTES = MOST_F32 > 8 ? 1 << 16 : 1 << 14,
    MOST_ROWS = 96,   /* of a batch */
    CHUNKS_AHEAD = 4, /* of levels, what is asked for: nearer is too late */
    N_PANELS = STRIP / DLX__PANEL,
    N_VECS = STRIP / VL,
    PANEL_VECS = DLX__PANEL / VL
};

/* A group of weights: its levels where they are, the rest unpacked. */
typedef struct weights {
    _Alignas(64) float scale[STRIP];
    float minimum[STRIP];  /* U4, U5 */
    int32_t sub[2][STRIP]; /* S6: scales of the halves of a group */
    const uint8_t *level[N_PANELS];
} weights;

/* Where a tile's rows are. */
typedef struct place {
    cells c;
    size_t group;   /* the first; of a span the first */
    size_t row;     /* the first */
    const float *x; /* [n_rows][stride] */
    size_t stride;
    const dlx__acts *acts; /* of which these are rows from `row` on */
} place;

INLINE void load_sums(vec *sum, const float *y, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * N_VECS; i++)
        sum[i] = vec_load(y + i * VL);
}

INLINE void store_sums(float *y, const vec *sum, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * N_VECS; i++)
        vec_store(y + i * VL, sum[i]);
}

/* part [n_rows][N_VECS] += one group, in units of the rows' scales. */
INLINE void multiply_group(vec *part, const weights *w, const cells *c, size_t cell, coming *next,
                           const dlx__kind kind, const int n_rows)
{
    ivec sum[MOST_TILE_ROWS * N_VECS];
    dot(sum, w->level, w->sub[0], c, cell, next, kind, ALONE, n_rows);
    UNROLL
    for (int i = 0; i < n_rows * N_VECS; i++) {
        const size_t column = (size_t)(i % N_VECS) * VL;
        part[i] = vec_held(vec_fma(vec_of(sum[i]), vec_load(w->scale + column), part[i]));
        if (kind == DLX__U4 || kind == DLX__U5)
            part[i] = vec_held(vec_fma(vec_load(w->minimum + column),
                                       vec_set(c->sum[cell + (size_t)(i / N_VECS)]), part[i]));
    }
}

/* y [n_rows][STRIP] += part times the rows' scales. */
INLINE void add_span(float *y, const vec *part, const float *scale, const int n_rows)
{
    /* Results are not to be kept from one span to the next: there are too few registers. */
    __asm__ volatile("" : "+r"(y));
    UNROLL
    for (int i = 0; i < n_rows * N_VECS; i++)
        vec_store(y + i * VL, vec_fma(part[i], vec_set(scale[i / N_VECS]), vec_load(y + i * VL)));
}

/* part [n_rows][N_VECS] = n groups of a span. */
INLINE void multiply_span(vec *part, const weights *w, size_t n, const cells *c, size_t cell,
                          coming *next, const dlx__kind kind, const int n_rows)
{
    UNROLL
    for (int i = 0; i < n_rows * N_VECS; i++)
        part[i] = vec_set(0);
    for (size_t g = 0; g < n; g++, cell += c->n_rows) {
        multiply_group(part, w + g, c, cell, next, kind, n_rows);
    }
}

/* The same of weights without scales: nothing is to be done between the groups, and the sum of
 * integers is exact in float. */
INLINE void multiply_plain(vec *part, const weights *w, size_t n, const cells *c, size_t cell,
                           coming *next, const int n_rows)
{
    ivec sum[MOST_TILE_ROWS * N_VECS];
    dot(sum, w->level, w->sub[0], c, cell, next, DLX__S8, FIRST, n_rows);
    UNROLL
    for (size_t g = 1; g < DLX__SPAN_GROUPS; g++)
        if (g < n)
            dot(sum, w[g].level, w->sub[0], c, cell + g * c->n_rows, next, DLX__S8, NEXT, n_rows);
    UNROLL
    for (int i = 0; i < n_rows * N_VECS; i++)
        part[i] = vec_of(sum[i]);
}

/* y [n_rows][STRIP] += n groups. */
INLINE void tile_ints(float *y, const weights *w, size_t n, const place *at, coming *next,
                      const dlx__kind kind, const bool plain, const int n_rows)
{
    const cells *c = &at->c;
    for (size_t g = 0; g < n; g += DLX__SPAN_GROUPS) {
        vec part[MOST_TILE_ROWS * N_VECS];
        const size_t n_span = dlx__min(DLX__SPAN_GROUPS, n - g);
        const size_t cell = (at->group + g) * c->n_rows + at->row;
        if (plain)
            multiply_plain(part, w + g, n_span, c, cell, next, n_rows);
        else
            multiply_span(part, w + g, n_span, c, cell, next, kind, n_rows);
        const size_t span = (at->group + g) / DLX__SPAN_GROUPS;
        add_span(y, part, c->scale + span * c->n_rows + at->row, n_rows);
    }
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
INLINE void tile_floats(float *y, const uint8_t **panel, size_t n, const place *at, coming *next,
                        const dlx__form form, const int n_rows)
{
    const size_t pair_bytes = 2 * DLX__PANEL * (form == DLX__FORM_F32 ? 4 : 2);
    const float *base[N_BASES];
    vec sum[MOST_F32 * N_VECS];
    UNROLL
    for (int r = 0; r < n_rows; r += ROWS_STEP)
        base[r / ROWS_STEP] = address_held(at->x + (size_t)r * at->stride);
    load_sums(sum, y, n_rows);
    for (size_t k = 0; k < n / 2; k++) {
        fetch_line(next);
        multiply_input(sum, panel, 0, base, at->stride, form, n_rows);
        if (form == DLX__FORM_F32)
            fetch_line(next);
        multiply_input(sum, panel, 1, base, at->stride, form, n_rows);
        UNROLL
        for (size_t p = 0; p < N_PANELS; p++)
            panel[p] += pair_bytes;
        UNROLL
        for (int r = 0; r < n_rows; r += ROWS_STEP)
            base[r / ROWS_STEP] = address_held(base[r / ROWS_STEP] + 2);
    }
    if (n % 2)
        multiply_input(sum, panel, 0, base, at->stride, form, n_rows);
    store_sums(y, sum, n_rows);
}

/* ---- one body for each number of rows, so that sums stay in registers ---------------------- */

#define BODY(n, most, tile, ...)                                                                   \
    case n:                                                                                        \
        if (n <= (most))                                                                           \
            tile(__VA_ARGS__, n);                                                                  \
        break;

#define BODIES(most, tile, ...)                                                                    \
    switch (n_rows) {                                                                              \
        BODY(1, most, tile, __VA_ARGS__)                                                           \
        BODY(2, most, tile, __VA_ARGS__)                                                           \
        BODY(3, most, tile, __VA_ARGS__)                                                           \
        BODY(4, most, tile, __VA_ARGS__)                                                           \
        BODY(5, most, tile, __VA_ARGS__)                                                           \
        BODY(6, most, tile, __VA_ARGS__)                                                           \
        BODY(7, most, tile, __VA_ARGS__)                                                           \
        BODY(8, most, tile, __VA_ARGS__)                                                           \
        BODY(9, most, tile, __VA_ARGS__)                                                           \
        BODY(10, most, tile, __VA_ARGS__)                                                          \
        BODY(11, most, tile, __VA_ARGS__)                                                          \
        BODY(12, most, tile, __VA_ARGS__)                                                          \
    default:                                                                                       \
        break;                                                                                     \
    }

#define INT_TILE(name, kind, plain)                                                                \
    static void tile_##name(float *y, const weights *w, size_t n, const place *at, coming *next,   \
                            int n_rows)                                                            \
    {                                                                                              \
        BODIES(MOST_##name, tile_ints, y, w, n, at, next, DLX__##kind, plain)                      \
    }

#define FLOAT_TILE(form)                                                                           \
    static void tile_##form(float *y, const uint8_t *const *first, size_t n, const place *at,      \
                            coming *next, int n_rows)                                              \
    {                                                                                              \
        const uint8_t *panel[N_PANELS];                                                            \
        memcpy(panel, first, sizeof panel);                                                        \
        BODIES(MOST_F32, tile_floats, y, panel, n, at, next, DLX__FORM_##form)                     \
    }

INT_TILE(S4, S4, false)
INT_TILE(U4, U4, false)
INT_TILE(U5, U5, false)
INT_TILE(S6, S6, false)
INT_TILE(S8, S8, false)
INT_TILE(I8, S8, true)
FLOAT_TILE(F32)
FLOAT_TILE(BF16)
FLOAT_TILE(F16)

/* ---- strips -------------------------------------------------------------------------------- */

/* Some outputs of a product for some of its rows. */
typedef struct strip {
    const dlx__packed *w;
    const uint8_t *panel[N_PANELS];
    const uint8_t *next[N_PANELS]; /* the panels of the strip that follows */
    place rows;
    size_t n_rows;
    float *y; /* [n_rows][STRIP] */
} strip;

/* Scales and minima of 16 outputs of a group. */
INLINE void unpack_scales(weights *to, size_t column, const uint8_t *front, const uint8_t *head,
                          const dlx__form form)
{
    for (size_t v = 0; v < DLX__PANEL; v += VL) {
        float *scale = to->scale + column + v, *minimum = to->minimum + column + v;
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
        unpack_subs(&to->sub[0][column], head);
}

INLINE void unpack_group(weights *to, const strip *s, size_t g, const dlx__form form)
{
    const dlx__layout *l = &dlx__layouts[form];
    const size_t front = dlx__block_at(l, g), head = dlx__head_at(l, g);
    for (size_t p = 0; p < N_PANELS; p++) {
        to->level[p] = s->panel[p] + dlx__levels_at(l, g);
        unpack_scales(to, p * DLX__PANEL, s->panel[p] + front, s->panel[p] + head, form);
    }
}

/* Offset `offset` of panel p, or, past its end, of the panel that follows. */
INLINE const uint8_t *follows(const strip *s, size_t p, size_t offset)
{
    const size_t n = s->w->panel_bytes;
    return offset < n ? s->panel[p] + offset : s->next[p] + dlx__min(offset - n, n);
}

/* What follows at `offset` in the panels, in steps that are spread over n_tiles tiles of rows. */
INLINE coming coming_of(const strip *s, size_t offset, size_t step_bytes, size_t n_tiles)
{
    coming next = {.n_bytes = (step_bytes + n_tiles - 1) / n_tiles};
    for (size_t p = 0; p < N_PANELS; p++)
        next.at[p] = follows(s, p, offset);
    return next;
}

/* The rows of tile t of n_tiles: as even as can be. */
INLINE size_t first_row(const strip *s, size_t t, size_t n_tiles)
{
    return t * s->n_rows / n_tiles;
}

typedef void (*ints_fn)(float *y, const weights *w, size_t n, const place *at, coming *next,
                        int n_rows);
typedef void (*floats_fn)(float *y, const uint8_t *const *panel, size_t n, const place *at,
                          coming *next, int n_rows);

INLINE void strip_ints(const strip *s, ints_fn tile, const dlx__form form, const size_t most)
{
    const dlx__layout *l = &dlx__layouts[form];
    const size_t n_groups = dlx__n_groups(s->w->n_in), n_tiles = (s->n_rows + most - 1) / most;
    const size_t n_bytes = CHUNK_GROUPS / l->block_groups * dlx__block_bytes(l);
    const size_t step_bytes = n_bytes / (CHUNK_GROUPS * DLX__STEPS);
    weights w[CHUNK_GROUPS];
    for (size_t g = 0; g < n_groups; g += CHUNK_GROUPS) {
        const size_t n = dlx__min(CHUNK_GROUPS, n_groups - g);
        coming next =
            coming_of(s, dlx__block_at(l, g) + CHUNKS_AHEAD * n_bytes, step_bytes, n_tiles);
        for (size_t i = 0; i < n; i++)
            unpack_group(w + i, s, g + i, form);
        for (size_t t = 0; t < n_tiles; t++) {
            const size_t r = first_row(s, t, n_tiles), end = first_row(s, t + 1, n_tiles);
            place at = s->rows;
            at.group = g;
            at.row += r;
            tile(s->y + r * STRIP, w, n, &at, &next, (int)(end - r));
        }
    }
}

/* Inputs of a chunk, as many in each: whole runs of 8. */
INLINE size_t chunk_floats(size_t n_in, size_t input_bytes)
{
    const size_t most = CHUNK_BYTES / (N_PANELS * input_bytes), n_chunks = (n_in + most - 1) / most;
    return dlx__align((n_in + n_chunks - 1) / n_chunks, 8);
}

INLINE void strip_floats(const strip *s, floats_fn tile, const dlx__form form)
{
    const size_t n_in = s->w->n_in, n_tiles = (s->n_rows + MOST_F32 - 1) / MOST_F32;
    const size_t input_bytes = DLX__PANEL * (form == DLX__FORM_F32 ? 4 : 2);
    const size_t chunk = chunk_floats(n_in, input_bytes);
    for (size_t k = 0; k < n_in; k += chunk) {
        coming next = coming_of(s, (k + chunk) * input_bytes, 64, n_tiles);
        const uint8_t *panel[N_PANELS];
        for (size_t p = 0; p < N_PANELS; p++)
            panel[p] = s->panel[p] + k * input_bytes;
        for (size_t t = 0; t < n_tiles; t++) {
            const size_t r = first_row(s, t, n_tiles), end = first_row(s, t + 1, n_tiles);
            place at = s->rows;
            at.x += r * at.stride + k;
            tile(s->y + r * STRIP, panel, dlx__min(chunk, n_in - k), &at, &next, (int)(end - r));
        }
    }
}

#define INT_STRIP(form, tile)                                                                      \
    static void strip_##form(const strip *s)                                                       \
    {                                                                                              \
        strip_ints(s, tile_##tile, DLX__FORM_##form, MOST_##tile);                                 \
    }
#define FLOAT_STRIP(form)                                                                          \
    static void strip_##form(const strip *s)                                                       \
    {                                                                                              \
        strip_floats(s, tile_##form, DLX__FORM_##form);                                            \
    }

FLOAT_STRIP(F32)
FLOAT_STRIP(BF16)
FLOAT_STRIP(F16)
INT_STRIP(I8, I8)
INT_STRIP(Q8_0, S8)
INT_STRIP(Q8_1, U5)
INT_STRIP(Q4_0, S4)
INT_STRIP(Q4_1, U4)
INT_STRIP(Q4_K, U4)
INT_STRIP(Q5_K, U5)
INT_STRIP(Q6_K, S6)

typedef void (*strip_fn)(const strip *s);

static const strip_fn strips[DLX__N_FORMS] = {
#define STRIP_ROW(form) strip_##form,
    DLX__FORMS(STRIP_ROW)
#undef STRIP_ROW
};

/* Results of panel p of a strip to y [n_rows][y_stride]; I8 has its scales to apply. */
static void finish(float *y, size_t y_stride, const strip *s, size_t p, size_t n_out)
{
    const float *scale =
        (const float *)(const void *)(s->panel[p] + s->w->panel_bytes) - DLX__PANEL;
    for (size_t r = 0; r < s->n_rows; r++, y += y_stride) {
        const float *from = s->y + r * STRIP + p * DLX__PANEL;
        for (size_t v = 0; v < DLX__PANEL; v += VL) {
            const vec sum = vec_load(from + v);
            vec_store(y + v, s->w->form == DLX__FORM_I8 ? vec_mul(sum, vec_load(scale + v)) : sum);
        }
        for (size_t o = n_out; o < DLX__PANEL; o++)
            y[o] = 0; /* not 0 * NaN */
    }
}

/* The panels from `panel`, of which the strip has n; y is the first row of its first output. */
static void gemm_strip(strip_fn multiply, float *y, size_t y_stride, const dlx__packed *w,
                       size_t panel, size_t n, const place *rows, size_t n_rows)
{
    _Alignas(64) float sums[MOST_ROWS * STRIP];
    strip s = {.w = w, .rows = *rows, .n_rows = n_rows, .y = sums};
    for (size_t p = 0; p < N_PANELS; p++) {
        const size_t last = w->n_panels - 1;
        s.panel[p] = w->data + (panel + dlx__min(p, n - 1)) * w->panel_bytes;
        s.next[p] = w->data + dlx__min(panel + N_PANELS + p, last) * w->panel_bytes;
    }
    memset(sums, 0, n_rows * STRIP * sizeof *sums);
    multiply(&s);
    for (size_t p = 0; p < n; p++) {
        const size_t n_left = w->n_out - (panel + p) * DLX__PANEL;
        finish(y + p * DLX__PANEL, y_stride, &s, p, dlx__min(DLX__PANEL, n_left));
    }
}

/* kernels.gemm by strips of a kind. */
static void gemm_by(strip_fn multiply, float *y, size_t y_stride, const dlx__acts *a,
                    const dlx__packed *w, size_t first_panel, size_t n_panels)
{
    const size_t n_batches = (a->n_rows + MOST_ROWS - 1) / MOST_ROWS;
    for (size_t p = 0; p < n_panels; p += N_PANELS)
        for (size_t b = 0; b < n_batches; b++) {
            const size_t r = b * a->n_rows / n_batches, end = (b + 1) * a->n_rows / n_batches;
            const place rows = {.c = a->ints ? cells_of(a) : (cells){0},
                                .row = r,
                                .x = a->x + r * a->stride,
                                .stride = a->stride,
                                .acts = a};
            gemm_strip(multiply, y + r * y_stride + p * DLX__PANEL, y_stride, w, first_panel + p,
                       dlx__min(N_PANELS, n_panels - p), &rows, end - r);
        }
}

#endif
