/*
 * grid.c - grids of the types whose blocks stand alone, and what all types share: the table of
 * kinds, rounding, packing.
 */
#include "dtype/grid.h"

#include "dtype/blocks.h"
#include "dtype/convert.h"
#include "dtype/k_grid.h"
#include "dtype/range.h"

enum { SUPER = 256 };

static const struct {
    dlx__grid_kind kind;
    void (*store)(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);
} types[DLX__N_DTYPES] = {
    [DLX__Q4_0] = {{32, {-8, 7, DLX__MIN_NONE, false}, 0, 0}, dlx__store_q4_0},
    [DLX__Q4_1] = {{32, {0, 15, DLX__MIN_ANY, false}, 0, 0}, dlx__store_q4_1},
    [DLX__Q5_0] = {{32, {-16, 15, DLX__MIN_NONE, false}, 0, 0}, dlx__store_q5_0},
    [DLX__Q5_1] = {{32, {0, 31, DLX__MIN_ANY, false}, 0, 0}, dlx__store_q5_1},
    [DLX__Q8_0] = {{32, {-127, 127, DLX__MIN_NONE, false}, 0, 0}, dlx__store_q8_0},
    [DLX__Q4_K] = {{32, {0, 15, DLX__MIN_BELOW, false}, 63, 63}, dlx__store_q4_k},
    [DLX__Q5_K] = {{32, {0, 31, DLX__MIN_BELOW, false}, 63, 63}, dlx__store_q5_k},
    [DLX__Q6_K] = {{16, {-32, 31, DLX__MIN_NONE, false}, 127, 0}, dlx__store_q6_k},
};

const dlx__grid_kind *dlx__grid_kind_of(dlx__dtype dtype)
{
    return &types[dtype].kind;
}

size_t dlx__grid_width(dlx__dtype dtype)
{
    return types[dtype].kind.width;
}

uint16_t dlx__f16_within(float x)
{
    const float most = 65504.0f;
    const float low = x < most ? x : most;
    return dlx__f32_to_f16(low > -most ? low : -most);
}

/* ---- one grid for a span --------------------------------------------------------------------- */

static dlx__line rounded(dlx__line line)
{
    return (dlx__line){dlx__f16_to_f32(dlx__f16_within(line.scale)),
                       dlx__f16_to_f32(dlx__f16_within(line.min))};
}

/* The line that dlx__from_f32 takes; its levels are no nearer than the nearest. */
static dlx__line plain_line(const dlx__span *s, const dlx__levels *l)
{
    if (l->min != DLX__MIN_NONE) {
        const dlx__range r = dlx__range_of(s->x, (int)s->n);
        return (dlx__line){(r.max - r.min) / (float)l->highest, r.min};
    }
    return (dlx__line){dlx__widest(s->x, (int)s->n) / (float)l->lowest, 0.0f};
}

/* The searched line once its numbers are f16: the minimum first, then the scale that suits it. */
static dlx__line searched_line(const dlx__span *s, const dlx__levels *l)
{
    dlx__line line = rounded(dlx__fit(s, l));
    if (l->min != DLX__MIN_NONE)
        line.scale = dlx__fit_scale(s, l, line);
    return rounded(line);
}

/* The nearest scale that f16 and bf16 both hold; of subnormal f16, multiples of the smallest one.
 */
static float portable(float scale)
{
    const float most = 65280.0f; /* of bf16 within f16 */
    const float half = dlx__f16_to_f32(dlx__f16_within(scale));
    const float both = dlx__bf16_to_f32(dlx__f32_to_bf16(half));
    return both < most ? both : most;
}

/* Positive, and of so few bits that its neighbours are tried too. */
static dlx__line portable_line(const dlx__span *s, dlx__levels l)
{
    const float beside[] = {0.0f, 0x1p-8f, -0x1p-8f};
    dlx__line lines[1 + DLX__LEN(beside)];
    double error;
    l.positive = true;
    const dlx__range r = dlx__range_of(s->x, (int)s->n);
    const float widest = fmaxf(r.min / (float)l.lowest, r.max / (float)l.highest);
    const dlx__line searched = dlx__fit(s, &l);
    lines[0] = (dlx__line){portable(fmaxf(widest, 0.0f)), 0.0f};
    for (size_t i = 0; i < DLX__LEN(beside); i++)
        lines[1 + i] = (dlx__line){portable(searched.scale * (1.0f + beside[i])), 0.0f};
    return lines[dlx__fit_nearest(s, &l, lines, DLX__LEN(lines), &error)];
}

static dlx__line own_line(const dlx__span *s, const dlx__levels *l)
{
    const dlx__line lines[] = {rounded(plain_line(s, l)), searched_line(s, l)};
    double error;
    return lines[dlx__fit_nearest(s, l, lines, DLX__LEN(lines), &error)];
}

static void choose_one(dlx__grid *g, const dlx__grid_kind *kind, const dlx__span *s,
                       bool is_portable)
{
    const dlx__levels *l = &kind->levels;
    const dlx__line line = is_portable ? portable_line(s, *l) : own_line(s, l);
    *g = (dlx__grid){.scale = line.scale,
                     .min = line.min,
                     .inverse = dlx__inverse(line.scale),
                     .lowest = (int8_t)l->lowest,
                     .highest = (int8_t)l->highest,
                     .d = dlx__f16_within(line.scale),
                     .m = dlx__f16_within(line.min)};
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Weights that are chosen for at once: a super-block, or those that share a grid. 0: none such. */
static size_t piece_of(dlx__dtype dtype, size_t group, size_t n)
{
    const dlx__grid_kind *kind = &types[dtype].kind;
    if (kind->width == 0 || n % dlx__dtype_of(dtype)->block_elems != 0)
        return 0;
    if (kind->most_scale > 0)
        return group == DLX__GRID_OWN ? SUPER : 0;
    if (group == DLX__GRID_PORTABLE)
        return dtype == DLX__Q4_0 ? kind->width : 0;
    if (group % kind->width != 0)
        return 0;
    return group == DLX__GRID_ROW ? dlx__max(n, kind->width) : group;
}

/* The grids of a super-block, or the one of n weights that share it. */
static void choose_piece(dlx__grid *grids, const dlx__grid_kind *kind, const float *x,
                         const float *importance, bool is_portable, size_t n)
{
    if (kind->most_scale > 0) {
        dlx__super_choose(grids, kind, x, importance);
        return;
    }
    const dlx__span s = {x, importance, n, dlx__importance_unit(importance, n)};
    choose_one(grids, kind, &s, is_portable);
}

bool dlx__grids_choose(dlx__grid *grids, dlx__dtype dtype, const float *x, const float *importance,
                       size_t group, size_t n)
{
    const dlx__grid_kind *kind = &types[dtype].kind;
    const size_t piece = piece_of(dtype, group, n);
    if (piece == 0)
        return false;
    for (size_t at = 0; at < n; at += piece) {
        const size_t n_piece = dlx__min(piece, n - at);
        dlx__grid *first = grids + at / kind->width;
        choose_piece(first, kind, x + at, importance ? importance + at : NULL,
                     group == DLX__GRID_PORTABLE, n_piece);
        for (size_t i = 1; kind->most_scale == 0 && i < n_piece / kind->width; i++)
            first[i] = *first;
    }
    return true;
}

static void round_all(int8_t *levels, const dlx__grid *grids, size_t width, const float *x,
                      size_t n)
{
    for (size_t at = 0; at < n; at += width, grids++)
        for (size_t i = at; i < at + width; i++)
            levels[i] = (int8_t)dlx__grid_level(grids, x[i]);
}

bool dlx__grids_round(int8_t *levels, dlx__dtype dtype, const dlx__grid *grids, const float *x,
                      size_t n)
{
    const size_t width = types[dtype].kind.width;
    if (width == 0 || n % dlx__dtype_of(dtype)->block_elems != 0)
        return false;
    round_all(levels, grids, width, x, n);
    return true;
}

bool dlx__grids_pack(void *dst, dlx__dtype dtype, const int8_t *levels, const dlx__grid *grids,
                     size_t n)
{
    if (!types[dtype].store || n % dlx__dtype_of(dtype)->block_elems != 0)
        return false;
    types[dtype].store(dst, levels, grids, n);
    return true;
}

bool dlx__pack_weighted(void *dst, dlx__dtype dtype, const float *src, const float *importance,
                        size_t group, size_t n)
{
    const dlx__grid_kind *kind = &types[dtype].kind;
    const size_t piece = piece_of(dtype, group, n);
    const size_t block = dlx__dtype_of(dtype)->block_elems;
    if (piece == 0)
        return false;
    uint8_t *to = dst;
    for (size_t at = 0; at < n; at += piece) {
        dlx__grid grids[SUPER / 16];
        const size_t n_piece = dlx__min(piece, n - at);
        choose_piece(grids, kind, src + at, importance ? importance + at : NULL,
                     group == DLX__GRID_PORTABLE, n_piece);
        for (size_t i = at; i < at + n_piece; i += block) {
            int8_t levels[SUPER];
            round_all(levels, grids, kind->width, src + i, block);
            types[dtype].store(to, levels, grids, block);
            to += dlx__dtype_of(dtype)->block_bytes;
        }
    }
    return true;
}
