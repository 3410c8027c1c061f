/* int4_group.h - 32 numbers of a row as integers of four bits under one scale. */
#ifndef DLX__INT4_GROUP_H
#define DLX__INT4_GROUP_H

#include "export/packed.h"

/* The least scale under which none of x [32] is clipped; 0 where all are 0. */
float dlx__int4_widest(const float *x);

/* The sum of the squares of what is lost; x is finite. */
float dlx__int4_error(const float *x, float scale);

/* levels [32] = the nearest whole numbers, -8 to 7, even of two. */
void dlx__int4_round(float *levels, const float *x, float scale);

#endif
