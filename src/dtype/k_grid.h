/* k_grid.h - the grids of super-blocks, and what makes a grid out of what is stored. */
#ifndef DLX__K_GRID_H
#define DLX__K_GRID_H

#include "dtype/fit.h"
#include "dtype/grid.h"

/* What the groups of a type have in common. */
typedef struct dlx__grid_kind {
    size_t width; /* 0: the type has no grids */
    dlx__levels levels;
    int most_scale; /* of the integers a super-block keeps for a group; 0: no super-block */
    int most_min;
} dlx__grid_kind;

const dlx__grid_kind *dlx__grid_kind_of(dlx__dtype dtype);

/* Nearest f16; what is beyond the largest becomes the largest. */
uint16_t dlx__f16_within(float x);

/* The grid [256 / width] of one super-block of 256 weights; `importance` [256] or NULL. */
void dlx__super_choose(dlx__grid *grids, const dlx__grid_kind *kind, const float *x,
                       const float *importance);

#endif
