/*
 * gemm_tiles.h - products over an abstract vector, included once by each kernel_<isa>.c behind
 * vector_rows.h. It wants also:
 *
 *   STRIP               outputs of a tile: the panels of one (16) or two (32)
 *   LEVEL_BYTES         bytes of an output's levels of a group, unpacked
 *   MOST_TILE_ROWS      rows of the largest tile; MOST_S4 ... MOST_F32: of a kind's, in 1 .. 6
 *   start_of(kind)      which of a cell's N_STARTS numbers dot begins with (two for halves), or 0
 *   vec_of_halves(p) vec_of_bytes(p)   VL f16 or uint8 to float
 *   vec_of_pairs(p, odd)     of VL pairs of bf16 the first or the second to float
 *   unpack_levels(to, levels, kind)    a group of a panel, into its 16 columns of a strip
 *   unpack_subs(to, subs)              int8 scales [2][16] of a group, into [2][STRIP]
 *   dot(sum, w, q, start, n_cells, kind, n_rows)
 *                       sum [n_rows][N_VECS] int32 = a group times the rows' q [n_rows][32]
 *
 * A strip of outputs is computed for a batch of rows, a chunk of inputs at a time. A chunk of
 * weights is unpacked once, into a buffer that does not leave the L1 cache, for all tiles of rows;
 * between chunks the results wait in memory. Meanwhile the next chunk is asked for.
 */

enum {
    CHUNK_GROUPS = 8, /* a whole block of every form */
    CHUNK_FLOATS = 128,
    MOST_ROWS = 96, /* of a batch */
    N_PANELS = STRIP / DLX__PANEL,
    N_VECS = STRIP / VL
};

/* Levels by their range, signed or not: what a product of them with a byte allows. */
typedef enum kind { S4, U4, U5, S6, S8, N_KINDS } kind;

/* A group of weights, unpacked. */
typedef struct weights {
    uint8_t level[LEVEL_BYTES * STRIP];
    int32_t sub[2][STRIP]; /* S6: scales of the halves of a group */
    float scale[STRIP];
    float minimum[STRIP]; /* U4, U5 */
} weights;

/* The weights that will follow, requested a few cache lines at a time. */
typedef struct ahead {
    const uint8_t *at[N_PANELS];
    size_t n_lines; /* at each step */
} ahead;

/* Where a tile's rows are. */
typedef struct place {
    cells c;
    size_t cell;        /* of the first row in the first group */
    const float *x;     /* [n_rows][stride] */
    size_t stride;
} place;

ALWAYS void fetch(ahead *next)
{
    for (size_t i = 0; i < next->n_lines; i++)
        for (size_t p = 0; p < N_PANELS; p++) {
            __builtin_prefetch(next->at[p], 0, 2);
            next->at[p] += 64;
        }
}

/* y [n_rows][STRIP] += one group. */
ALWAYS void multiply_group(float *y, const weights *w, const cells *c, size_t cell, const kind kind,
                           const int n_rows)
{
    ivec sum[MOST_TILE_ROWS * N_VECS];
    const int32_t *start = c->start + start_of(kind) * c->n_cells + cell;
    dot(sum, w, c->q + cell * DLX__GROUP, start, c->n_cells, kind, n_rows);
    for (int r = 0; r < n_rows; r++) {
        const vec row_scale = vec_set(c->scale[cell + (size_t)r]);
        for (int v = 0; v < N_VECS; v++) {
            float *out = y + r * STRIP + v * VL;
            const vec scale = vec_mul(vec_load(w->scale + v * VL), row_scale);
            vec total = vec_fma(vec_of(sum[r * N_VECS + v]), scale, vec_load(out));
            if (kind == U4 || kind == U5)
                total = vec_fma(vec_load(w->minimum + v * VL), vec_set(c->sum[cell + (size_t)r]),
                                total);
            vec_store(out, total);
        }
    }
}

ALWAYS void tile_ints(float *y, const weights *w, size_t n_groups, const place *at, ahead *next,
                      const kind kind, const int n_rows)
{
    for (size_t g = 0; g < n_groups; g++) {
        fetch(next);
        multiply_group(y, w + g, &at->c, at->cell + g * at->c.n_rows, kind, n_rows);
    }
}

/* y [n_rows][STRIP] += w [n][STRIP] times the rows. */
ALWAYS void tile_floats(float *y, const float *w, size_t n, const place *at, ahead *next,
                        const int n_rows)
{
    enum { RUN = 16 }; /* inputs between two requests */
    vec sum[MOST_TILE_ROWS * N_VECS];
    for (int i = 0; i < n_rows * N_VECS; i++)
        sum[i] = vec_load(y + i * VL);
    for (size_t k = 0; k < n;) {
        const size_t end = dlx__min(n, k + RUN);
        fetch(next);
        for (; k < end; k++) {
            vec column[N_VECS];
            for (int v = 0; v < N_VECS; v++)
                column[v] = vec_load(w + k * STRIP + v * VL);
            for (int r = 0; r < n_rows; r++) {
                const vec x = vec_set(at->x[(size_t)r * at->stride + k]);
                for (int v = 0; v < N_VECS; v++)
                    sum[r * N_VECS + v] = vec_fma(column[v], x, sum[r * N_VECS + v]);
            }
        }
    }
    for (int i = 0; i < n_rows * N_VECS; i++)
        vec_store(y + i * VL, sum[i]);
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
    default:                                                                                       \
        break;                                                                                     \
    }

#define INT_TILE(kind)                                                                             \
    static void tile_##kind(float *y, const weights *w, size_t n, const place *at, ahead *next,    \
                            int n_rows)                                                            \
    {                                                                                              \
        BODIES(MOST_##kind, tile_ints, y, w, n, at, next, kind)                                    \
    }

INT_TILE(S4)
INT_TILE(U4)
INT_TILE(U5)
INT_TILE(S6)
INT_TILE(S8)

static void tile_F32(float *y, const float *w, size_t n, const place *at, ahead *next, int n_rows)
{
    BODIES(MOST_F32, tile_floats, y, w, n, at, next)
}

/* ---- strips -------------------------------------------------------------------------------- */

/* Some outputs of a product for some of its rows. */
typedef struct strip {
    const dlx__packed *w;
    const uint8_t *panel[N_PANELS];
    const uint8_t *next[N_PANELS]; /* the panels of the next strip */
    place rows;
    size_t n_rows;
    float *y; /* [n_rows][STRIP] */
} strip;

static kind kind_of(dlx__form form)
{
    switch (form) {
    case DLX__FORM_Q4_0:
        return S4;
    case DLX__FORM_Q4_1:
    case DLX__FORM_Q4_K:
        return U4;
    case DLX__FORM_Q8_1:
    case DLX__FORM_Q5_K:
        return U5;
    case DLX__FORM_Q6_K:
        return S6;
    default:
        return S8;
    }
}

/* Scales and minima of a group as numbers. */
static void unpack_scales(weights *to, size_t column, dlx__form form, const uint8_t *front,
                          const uint8_t *head)
{
    for (size_t v = 0; v < DLX__PANEL; v += VL) {
        float *scale = to->scale + column + v, *minimum = to->minimum + column + v;
        if (form == DLX__FORM_I8) {
            vec_store(scale, vec_set(1));
        } else if (form == DLX__FORM_Q6_K) {
            vec_store(scale, vec_of_halves(front + 2 * v));
        } else if (form == DLX__FORM_Q4_K || form == DLX__FORM_Q5_K) {
            const vec least = vec_mul(vec_of_halves(front + 32 + 2 * v),
                                      vec_of_bytes(head + DLX__PANEL + v));
            vec_store(scale, vec_mul(vec_of_halves(front + 2 * v), vec_of_bytes(head + v)));
            vec_store(minimum, vec_sub(vec_set(0), least));
        } else {
            vec_store(scale, vec_of_halves(head + 2 * v));
            if (form == DLX__FORM_Q8_1 || form == DLX__FORM_Q4_1)
                vec_store(minimum, vec_of_halves(head + 32 + 2 * v));
        }
    }
    if (form == DLX__FORM_Q6_K)
        unpack_subs(&to->sub[0][column], head);
}

ALWAYS void unpack_group(weights *to, const strip *s, dlx__form form, size_t g)
{
    const dlx__layout *l = &dlx__layouts[form];
    const size_t block = dlx__block_at(l, g), head = dlx__head_at(l, g);
    const size_t levels = dlx__levels_at(l, g);
    for (size_t p = 0; p < N_PANELS; p++) {
        unpack_scales(to, p * DLX__PANEL, form, s->panel[p] + block, s->panel[p] + head);
        unpack_levels(to->level + p * DLX__PANEL * 4, s->panel[p] + levels, kind_of(form));
    }
}

/* The requests of a chunk are spread over the steps of its tiles. */
ALWAYS ahead ahead_of(const strip *s, size_t offset, size_t n_bytes, size_t n_steps)
{
    ahead next = {.n_lines = (n_bytes / 64 + n_steps - 1) / n_steps};
    const bool here = offset + n_bytes <= s->w->panel_bytes;
    for (size_t p = 0; p < N_PANELS; p++)
        next.at[p] = here ? s->panel[p] + offset : s->next[p];
    return next;
}

static void strip_ints(const strip *s, tile_fn tile, size_t n_tiles)
{
    const dlx__layout *l = &dlx__layouts[s->w->form];
    const size_t n_groups = dlx__n_groups(s->w->n_in);
    const size_t n_bytes = CHUNK_GROUPS / l->block_groups * dlx__block_bytes(l);
    weights w[CHUNK_GROUPS];
    for (size_t g = 0; g < n_groups; g += CHUNK_GROUPS) {
        const size_t n = dlx__min(CHUNK_GROUPS, n_groups - g);
        ahead next = ahead_of(s, (g / CHUNK_GROUPS + 1) * n_bytes, n_bytes, n_tiles * n);
        for (size_t i = 0; i < n; i++)
            unpack_group(w + i, s, s->w->form, g + i);
        for (size_t t = 0; t < n_tiles; t++) {
        }
    }
}
