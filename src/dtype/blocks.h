/*
 * blocks.h - the doors between convert.c and the files that know one family of layouts each.
 * All take whole blocks: n elements, n a multiple of the block. Packed bytes may lie at any
 * address.
 */
#ifndef DLX__BLOCKS_H
#define DLX__BLOCKS_H

#include "base/base.h"
#include "dtype/grid.h"

void dlx__unpack_f16(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_bf16(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_q4_0(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_q4_1(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_q5_0(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_q5_1(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_q8_0(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_q4_k(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_q5_k(float *dst, const uint8_t *src, size_t n);
void dlx__unpack_q6_k(float *dst, const uint8_t *src, size_t n);

void dlx__pack_f16(uint8_t *dst, const float *src, size_t n);
void dlx__pack_bf16(uint8_t *dst, const float *src, size_t n);
void dlx__pack_q4_0(uint8_t *dst, const float *src, size_t n);
void dlx__pack_q4_1(uint8_t *dst, const float *src, size_t n);
void dlx__pack_q5_0(uint8_t *dst, const float *src, size_t n);
void dlx__pack_q5_1(uint8_t *dst, const float *src, size_t n);
void dlx__pack_q8_0(uint8_t *dst, const float *src, size_t n);

/* Bytes from levels [n] and the grids they lie on. */
void dlx__store_q4_0(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);
void dlx__store_q4_1(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);
void dlx__store_q5_0(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);
void dlx__store_q5_1(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);
void dlx__store_q8_0(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);
void dlx__store_q4_k(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);
void dlx__store_q5_k(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);
void dlx__store_q6_k(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n);

/*
 * x cut towards zero and held inside [0, most]. For the finite weights that ggml quantizes this is
 * its plain cast; for the others (a scale so small that its inverse is infinite, NaN) a cast is
 * undefined in C and this is not.
 */
static inline uint8_t dlx__level(float x, int most)
{
    if (!(x > 0.0f))
        return 0;
    return (uint8_t)(x < (float)most ? (int)x : most);
}

/* The inverse of a scale, 0 for 0: a block of zeros packs to zeros. */
static inline float dlx__inverse(float d)
{
    return d != 0.0f ? 1.0f / d : 0.0f;
}

#endif
