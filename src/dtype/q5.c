/*
 * q5.c - 32 weights of 5 bits: the lower 4 as in Q4, the fifth bit of element i is bit i of a u32.
 *   Q5_0: f16 d; u32 fifth; 16 bytes.          w = d * (q - 16)
 *   Q5_1: f16 d; f16 m; u32 fifth; 16 bytes.   w = d * q + m
 */
#include "base/little.h"
#include "dtype/blocks.h"
#include "dtype/convert.h"
#include "dtype/range.h"

enum { N = 32, HALF = N / 2, Q5_0_BYTES = 6 + HALF, Q5_1_BYTES = 8 + HALF };

/* The levels of one block, 0 .. 31, from the fifth bits and the halves that follow them. */
static void levels(uint8_t out[N], const uint8_t *fifth_and_halves)
{
    uint32_t fifth = dlx__le32(fifth_and_halves);
    const uint8_t *q = fifth_and_halves + 4; /* [HALF] */
    for (int j = 0; j < HALF; j++) {
        out[j] = (uint8_t)((q[j] & 15) | (fifth >> j & 1u) << 4);
        out[HALF + j] = (uint8_t)(q[j] >> 4 | (fifth >> (HALF + j) & 1u) << 4);
    }
}

static void put_levels(uint8_t *fifth_and_halves, const uint8_t in[N])
{
    uint32_t fifth = 0;
    uint8_t *q = fifth_and_halves + 4; /* [HALF] */
    for (int j = 0; j < HALF; j++) {
        q[j] = (uint8_t)((in[j] & 15) | (in[HALF + j] & 15) << 4);
        fifth |= (uint32_t)(in[j] >> 4) << j | (uint32_t)(in[HALF + j] >> 4) << (HALF + j);
    }
    memcpy(fifth_and_halves, &fifth, sizeof fifth);
}

void dlx__unpack_q5_0(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += Q5_0_BYTES, dst += N) {
        float d = dlx__f16_to_f32(dlx__le16(src));
        uint8_t q[N];
        levels(q, src + 2);
        for (int j = 0; j < N; j++)
            dst[j] = (float)(q[j] - 16) * d;
    }
}

void dlx__unpack_q5_1(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += Q5_1_BYTES, dst += N) {
        float d = dlx__f16_to_f32(dlx__le16(src));
        float m = dlx__f16_to_f32(dlx__le16(src + 2));
        uint8_t q[N];
        levels(q, src + 4);
        for (int j = 0; j < N; j++)
            dst[j] = (float)q[j] * d + m;
    }
}

void dlx__pack_q5_0(uint8_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += N, dst += Q5_0_BYTES) {
        float d = dlx__widest(src, N) / -16.0f;
        float id = dlx__inverse(d);
        uint8_t q[N];
        for (int j = 0; j < N; j++)
            q[j] = dlx__level(src[j] * id + 16.5f, 31);
        dlx__pack_f16(dst, &d, 1);
        put_levels(dst + 2, q);
    }
}

void dlx__pack_q5_1(uint8_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += N, dst += Q5_1_BYTES) {
        dlx__range r = dlx__range_of(src, N);
        float d = (r.max - r.min) / 31.0f;
        float id = dlx__inverse(d);
        uint8_t q[N];
        for (int j = 0; j < N; j++)
            q[j] = dlx__level((src[j] - r.min) * id + 0.5f, 31);
        dlx__pack_f16(dst, &d, 1);
        dlx__pack_f16(dst + 2, &r.min, 1);
        put_levels(dst + 4, q);
    }
}

/* One block: its levels, moved up to begin at 0. */
static void store_levels(uint8_t *fifth_and_halves, const int8_t *levels, int up)
{
    uint8_t q[N];
    for (int j = 0; j < N; j++)
        q[j] = (uint8_t)(levels[j] + up);
    put_levels(fifth_and_halves, q);
}

void dlx__store_q5_0(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n)
{
    for (size_t i = 0; i < n; i += N, levels += N, dst += Q5_0_BYTES, grids++) {
        memcpy(dst, &grids->d, sizeof grids->d);
        store_levels(dst + 2, levels, 16);
    }
}

void dlx__store_q5_1(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n)
{
    for (size_t i = 0; i < n; i += N, levels += N, dst += Q5_1_BYTES, grids++) {
        memcpy(dst, &grids->d, sizeof grids->d);
        memcpy(dst + 2, &grids->m, sizeof grids->m);
        store_levels(dst + 4, levels, 0);
    }
}
