/*
 * pack_lpbq.c - one scale a row, one level a group: the scale is such that the widest group has the
 * highest level. Rows that were packed before, by another scale that this one would not find, are
 * packed by that one again, so that ranges can be recorded of the weights that will run.
 */
#include "export/pack_lpbq.h"

#include "export/int4_group.h"

#include <math.h>
#include <string.h>

enum { GROUP = DLX__PACK_GROUP, HIGHEST = 15, MORE = 2 };

typedef struct row_grid {
    float scale;
    unsigned more; /* levels to try beyond where nothing is clipped: groups that were packed before
                      may not reach as far as theirs */
} row_grid;

typedef struct fit {
    unsigned level;
    float error; /* squared */
} fit;

/* The best of the levels from where nothing is clipped down to three quarters of that. */
static fit fit_of(const float *x, row_grid grid)
{
    const float needed = ceilf(dlx__int4_widest(x) / grid.scale - 1e-3f);
    const unsigned none_clipped = needed < 1 ? 1 : needed > HIGHEST ? HIGHEST : (unsigned)needed;
    const unsigned most = none_clipped + grid.more, first = most < HIGHEST ? most : HIGHEST;
    fit best = {first, dlx__int4_error(x, grid.scale * (float)first)};
    for (unsigned level = first - 1; level >= 1 && 4 * level >= 3 * none_clipped; level--) {
        const float error = dlx__int4_error(x, grid.scale * (float)level);
        if (error < best.error)
            best = (fit){level, error};
    }
    return best;
}

/* Are all groups what some level gives? */
static bool fits(const float *x, size_t n, row_grid grid)
{
    for (size_t g = 0; g < n; g += GROUP) {
        float energy = 0;
        for (size_t i = 0; i < GROUP; i++)
            energy += x[g + i] * x[g + i];
        if (fit_of(x + g, grid).error > 1e-11f * energy)
            return false;
    }
    return true;
}

static row_grid grid_of(const float *x, size_t n)
{
    /* Levels that the widest group may have had, and what is left of them where it had no -8. */
    static const float had[] = {15, 14, 13, 12, 13.125f, 12.25f};
    float widest = 0;
    for (size_t g = 0; g < n; g += GROUP) {
        const float of_group = dlx__int4_widest(x + g);
        widest = of_group > widest ? of_group : widest;
    }
    if (widest < 1e-30f)
        return (row_grid){1.0f, 0};
    for (size_t i = 0; i < DLX__LEN(had); i++) {
        const row_grid before = {widest / had[i], MORE};
        if (fits(x, n, before))
            return before;
    }
    return (row_grid){widest / HIGHEST, 0};
}

static void pack_numbers(uint8_t *out, const float *x, row_grid grid)
{
    float q[GROUP];
    dlx__int4_round(q, x, grid.scale * (float)fit_of(x, grid).level);
    for (size_t i = 0; i < GROUP; i += 2)
        out[i / 2] = (uint8_t)(((unsigned)(int)q[i] & 15u) | ((unsigned)(int)q[i + 1] & 15u) << 4);
}

void dlx__pack_lpbq(void *out, dlx__row_part part, const float *x, size_t n)
{
    uint8_t *bytes = out;
    const row_grid grid = grid_of(x, n);
    if (part == DLX__ROW_SCALES)
        memcpy(out, &grid.scale, sizeof grid.scale);
    for (size_t g = 0; part == DLX__ROW_LEVELS && g < n / GROUP; g++)
        bytes[g] = (uint8_t)fit_of(x + g * GROUP, grid).level;
    for (size_t g = 0; part == DLX__ROW_NUMBERS && g < n; g += GROUP)
        pack_numbers(bytes + g / 2, x + g, grid);
}

void dlx__unpack_lpbq(float *x, const dlx__packed_row *row, size_t n)
{
    const uint8_t *numbers = row->numbers, *levels = row->levels;
    float scale;
    memcpy(&scale, row->scales, sizeof scale);
    for (size_t i = 0; i < n; i++) {
        const int q = numbers[i / 2] >> (i % 2 ? 4 : 0) & 15, level = levels[i / GROUP];
        x[i] = (float)(q > 7 ? q - 16 : q) * (scale * (float)level);
    }
}
