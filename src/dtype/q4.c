/*
 * q4.c - 32 weights of 4 bits. Byte j holds element j (low half) and element 16 + j (high half).
 *   Q4_0: f16 d; 16 bytes.          w = d * (q - 8)
 *   Q4_1: f16 d; f16 m; 16 bytes.   w = d * q + m
 */
#include "base/little.h"
#include "dtype/blocks.h"
#include "dtype/convert.h"
#include "dtype/range.h"

enum { N = 32, HALF = N / 2, Q4_0_BYTES = 2 + HALF, Q4_1_BYTES = 4 + HALF };

void dlx__unpack_q4_0(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += Q4_0_BYTES, dst += N) {
        float d = dlx__f16_to_f32(dlx__le16(src));
        const uint8_t *q = src + 2; /* [HALF] */
        for (int j = 0; j < HALF; j++) {
            dst[j] = (float)((q[j] & 15) - 8) * d;
            dst[HALF + j] = (float)((q[j] >> 4) - 8) * d;
        }
    }
}

void dlx__unpack_q4_1(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += Q4_1_BYTES, dst += N) {
        float d = dlx__f16_to_f32(dlx__le16(src));
        float m = dlx__f16_to_f32(dlx__le16(src + 2));
        const uint8_t *q = src + 4; /* [HALF] */
        for (int j = 0; j < HALF; j++) {
            dst[j] = (float)(q[j] & 15) * d + m;
            dst[HALF + j] = (float)(q[j] >> 4) * d + m;
        }
    }
}

void dlx__pack_q4_0(uint8_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += N, dst += Q4_0_BYTES) {
        float d = dlx__widest(src, N) / -8.0f;
        float id = dlx__inverse(d);
        dlx__pack_f16(dst, &d, 1);
        uint8_t *q = dst + 2; /* [HALF] */
        for (int j = 0; j < HALF; j++) {
            unsigned low = dlx__level(src[j] * id + 8.5f, 15);
            unsigned high = dlx__level(src[HALF + j] * id + 8.5f, 15);
            q[j] = (uint8_t)(low | high << 4);
        }
    }
}

void dlx__pack_q4_1(uint8_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += N, dst += Q4_1_BYTES) {
        dlx__range r = dlx__range_of(src, N);
        float d = (r.max - r.min) / 15.0f;
        float id = dlx__inverse(d);
        dlx__pack_f16(dst, &d, 1);
        dlx__pack_f16(dst + 2, &r.min, 1);
        uint8_t *q = dst + 4; /* [HALF] */
        for (int j = 0; j < HALF; j++) {
            unsigned low = dlx__level((src[j] - r.min) * id + 0.5f, 15);
            unsigned high = dlx__level((src[HALF + j] - r.min) * id + 0.5f, 15);
            q[j] = (uint8_t)(low | high << 4);
        }
    }
}

/* A byte for every pair of levels, moved up to begin at 0. */
static void put_halves(uint8_t *q, const int8_t *levels, int up)
{
    for (int j = 0; j < HALF; j++) {
        const unsigned low = (unsigned)(levels[j] + up), high = (unsigned)(levels[HALF + j] + up);
        q[j] = (uint8_t)(low | high << 4);
    }
}

void dlx__store_q4_0(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n)
{
    for (size_t i = 0; i < n; i += N, levels += N, dst += Q4_0_BYTES, grids++) {
        memcpy(dst, &grids->d, sizeof grids->d);
        put_halves(dst + 2, levels, 8);
    }
}

void dlx__store_q4_1(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n)
{
    for (size_t i = 0; i < n; i += N, levels += N, dst += Q4_1_BYTES, grids++) {
        memcpy(dst, &grids->d, sizeof grids->d);
        memcpy(dst + 2, &grids->m, sizeof grids->m);
        put_halves(dst + 4, levels, 0);
    }
}
