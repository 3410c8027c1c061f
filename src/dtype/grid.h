/*
 * grid.h - the values that a group of weights may take once it is stored in a block type. A grid is
 * exactly what the bytes can hold: its scales are rounded already, so whoever rounds on it (one
 * weight after the other, its error handed on to the next, for instance) rounds to what
 * dlx__to_f32 gives back.
 *
 * Weights that are not numbers count as 0. Weights beyond what a type can hold get its outermost
 * level.
 */
#ifndef DLX__GRID_H
#define DLX__GRID_H

#include "base/tensor.h"

typedef struct dlx__grid {
    float scale; /* a level means scale * level + min, in float32; the scale may be negative */
    float min;
    float inverse; /* of the scale; 0 for 0 */
    int8_t lowest;
    int8_t highest;
    int8_t sub_scale; /* K types: what a super-block keeps of the group; the others: 0 */
    uint8_t sub_min;
    uint16_t d; /* f16, as the block or the super-block has it */
    uint16_t m; /* f16; 0 where the type has no minimum */
} dlx__grid;

enum {
    DLX__GRID_ROW = 0,      /* one grid for all inputs */
    DLX__GRID_PORTABLE = 1, /* as DLX__GRID_OWN, with positive scales that bf16 and f16 both hold */
    DLX__GRID_OWN = 32,     /* a grid for as few inputs as the type can: 32, or 16 in Q6_K */
};

/* Inputs that a grid stands for: 32, or 16 in Q6_K; 0: a type without grids (F32, F16, BF16). */
size_t dlx__grid_width(dlx__dtype dtype);

/*
 * Chooses the grids [n / width] of n weights so that the sum of importance[i] * (x[i] - its
 * value)^2 is small; importance NULL: all the same, and what is no positive finite number counts as
 * none. Never worse for a group of its own than the scale that dlx__from_f32 would take.
 *
 * `group` weights share a grid: a multiple of 32 (the last group may be shorter), DLX__GRID_ROW,
 * DLX__GRID_PORTABLE (of Q4_0, and maybe worse than dlx__from_f32) or DLX__GRID_OWN. K types know
 * DLX__GRID_OWN alone.
 *
 * false: no such grids (a float type, n that tears a block, another group); nothing is written.
 */
bool dlx__grids_choose(dlx__grid *grids, dlx__dtype dtype, const float *x, const float *importance,
                       size_t group, size_t n);

/* The level nearest to x; between two levels the higher one. */
static inline int dlx__grid_level(const dlx__grid *g, float x)
{
    const float number = x == x ? x : 0.0f;
    const float steps = (number - g->min) * g->inverse - (float)g->lowest + 0.5f;
    if (!(steps > 0.0f))
        return g->lowest;
    const int most = g->highest - g->lowest;
    return g->lowest + (steps < (float)most ? (int)steps : most);
}

static inline float dlx__grid_value(const dlx__grid *g, int level)
{
    return g->scale * (float)level + g->min;
}

/* The levels [n] nearest to x [n]. false as above. */
bool dlx__grids_round(int8_t *levels, dlx__dtype dtype, const dlx__grid *grids, const float *x,
                      size_t n);

/*
 * Writes n levels, each within its grid's, and grids that dlx__grids_choose chose for this type:
 * dlx__to_f32 of dst gives dlx__grid_value of each. false as above.
 */
bool dlx__grids_pack(void *dst, dlx__dtype dtype, const int8_t *levels, const dlx__grid *grids,
                     size_t n);

/* Chooses, rounds to the nearest and packs. dst and src do not overlap. false as above. */
bool dlx__pack_weighted(void *dst, dlx__dtype dtype, const float *src, const float *importance,
                        size_t group, size_t n);

#endif
