/*
 * k_quants.c - the bytes of super-blocks of 256 weights. k_grid.c chooses what they say.
 *   Q4_K: f16 d, dmin; u8 packed[12]; u8 q[128].              w = d * sc * q - dmin * mn
 *   Q5_K: f16 d, dmin; u8 packed[12]; u8 fifth[32]; u8 q[128]. the same with 5-bit q
 *   Q6_K: u8 low[128]; u8 high[64]; i8 sc[16]; f16 d.          w = d * sc * (q - 32)
 * `packed` holds eight 6-bit scales sc and eight 6-bit minima mn, one pair for each 32 weights.
 */
#include "base/little.h"
#include "dtype/blocks.h"
#include "dtype/convert.h"

enum { N = 256, Q4_K_BYTES = 144, Q5_K_BYTES = 176, Q6_K_BYTES = 210 };

typedef struct pair {
    float scale;
    float min;
} pair;

/*
 * Pair j of 8. The first four keep their 6 bits in one byte each; the last four keep 4 bits in
 * bytes 8 .. 11 and their upper 2 bits on top of the bytes of the first four.
 */
static pair pair_of(const uint8_t *packed, int j, float d, float dmin)
{
    int scale, min;
    if (j < 4) {
        scale = packed[j] & 63;
        min = packed[j + 4] & 63;
    } else {
        scale = (packed[j + 4] & 15) | packed[j - 4] >> 6 << 4;
        min = packed[j + 4] >> 4 | packed[j] >> 6 << 4;
    }
    return (pair){d * (float)scale, dmin * (float)min};
}

void dlx__unpack_q4_k(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += Q4_K_BYTES) {
        float d = dlx__f16_to_f32(dlx__le16(src));
        float dmin = dlx__f16_to_f32(dlx__le16(src + 2));
        const uint8_t *packed = src + 4; /* [12] */
        const uint8_t *q = src + 16;     /* [128]: 32 bytes serve 64 weights, low halves first */
        for (int j = 0; j < 8; j += 2, q += 32) {
            pair low = pair_of(packed, j, d, dmin);
            pair high = pair_of(packed, j + 1, d, dmin);
            for (int l = 0; l < 32; l++)
                *dst++ = low.scale * (float)(q[l] & 15) - low.min;
            for (int l = 0; l < 32; l++)
                *dst++ = high.scale * (float)(q[l] >> 4) - high.min;
        }
    }
}

void dlx__unpack_q5_k(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += Q5_K_BYTES) {
        float d = dlx__f16_to_f32(dlx__le16(src));
        float dmin = dlx__f16_to_f32(dlx__le16(src + 2));
        const uint8_t *packed = src + 4; /* [12] */
        const uint8_t *fifth =
            src + 16;                /* [32]: bit j of byte l belongs to weight l of 32-group j */
        const uint8_t *q = src + 48; /* [128] */
        for (int j = 0; j < 8; j += 2, q += 32) {
            pair low = pair_of(packed, j, d, dmin);
            pair high = pair_of(packed, j + 1, d, dmin);
            for (int l = 0; l < 32; l++)
                *dst++ = low.scale * (float)((q[l] & 15) | (fifth[l] >> j & 1) << 4) - low.min;
            for (int l = 0; l < 32; l++)
                *dst++ =
                    high.scale * (float)(q[l] >> 4 | (fifth[l] >> (j + 1) & 1) << 4) - high.min;
        }
    }
}

/* 128 weights of a Q6_K block: 64 bytes of low halves, 32 bytes of upper 2 bits, 8 scales. */
static void unpack_q6_half(float *dst, const uint8_t *low, const uint8_t *high, const int8_t *sc,
                           float d)
{
    for (int group = 0; group < 4; group++) {
        const uint8_t *from =
            low + 32 * (group & 1); /* groups 0, 1: low halves; 2, 3: high halves */
        int shift = group < 2 ? 0 : 4;
        for (int l = 0; l < 32; l++) {
            int q = (from[l] >> shift & 15) | (high[l] >> 2 * group & 3) << 4;
            int sub = 2 * group + l / 16;
            dst[32 * group + l] = d * (float)sc[sub] * (float)(q - 32);
        }
    }
}

void dlx__unpack_q6_k(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += Q6_K_BYTES, dst += N) {
        const uint8_t *low = src;        /* [128] */
        const uint8_t *high = src + 128; /* [64] */
        int8_t sc[16];
        memcpy(sc, src + 192, sizeof sc);
        float d = dlx__f16_to_f32(dlx__le16(src + 208));
        unpack_q6_half(dst, low, high, sc, d);
        unpack_q6_half(dst + 128, low + 64, high + 32, sc + 8, d);
    }
}

/* The inverse of pair_of: eight 6-bit scales and minima into 12 bytes. */
static void put_pairs(uint8_t *packed, const dlx__grid *grids)
{
    for (int j = 0; j < 4; j++) {
        const unsigned scale = (unsigned)grids[j].sub_scale, min = grids[j].sub_min;
        const unsigned far_scale = (unsigned)grids[j + 4].sub_scale, far_min = grids[j + 4].sub_min;
        packed[j] = (uint8_t)(scale | far_scale >> 4 << 6);
        packed[j + 4] = (uint8_t)(min | far_min >> 4 << 6);
        packed[j + 8] = (uint8_t)((far_scale & 15) | (far_min & 15) << 4);
    }
}

static void put_heads(uint8_t *dst, const dlx__grid *grids)
{
    memcpy(dst, &grids->d, sizeof grids->d);
    memcpy(dst + 2, &grids->m, sizeof grids->m);
    put_pairs(dst + 4, grids);
}

/* The lower 4 bits of 256 levels: 32 bytes serve 64 weights. */
static void put_q4(uint8_t *q, const int8_t *levels)
{
    for (int j = 0; j < N / 64; j++, q += 32, levels += 64)
        for (int l = 0; l < 32; l++)
            q[l] = (uint8_t)((levels[l] & 15) | (levels[32 + l] & 15) << 4);
}

void dlx__store_q4_k(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n)
{
    for (size_t i = 0; i < n; i += N, levels += N, dst += Q4_K_BYTES, grids += 8) {
        put_heads(dst, grids);
        put_q4(dst + 16, levels);
    }
}

void dlx__store_q5_k(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n)
{
    for (size_t i = 0; i < n; i += N, levels += N, dst += Q5_K_BYTES, grids += 8) {
        uint8_t *fifth = dst + 16; /* [32] */
        put_heads(dst, grids);
        for (int l = 0; l < 32; l++) {
            fifth[l] = 0;
            for (int j = 0; j < 8; j++)
                fifth[l] |= (uint8_t)((levels[32 * j + l] >> 4 & 1) << j);
        }
        put_q4(dst + 48, levels);
    }
}

/* The inverse of unpack_q6_half: 128 levels, -32 .. 31. */
static void put_q6_half(uint8_t *low, uint8_t *high, const int8_t *levels)
{
    for (int l = 0; l < 32; l++) {
        unsigned q[4];
        for (int group = 0; group < 4; group++)
            q[group] = (unsigned)(levels[32 * group + l] + 32);
        low[l] = (uint8_t)((q[0] & 15) | (q[2] & 15) << 4);
        low[32 + l] = (uint8_t)((q[1] & 15) | (q[3] & 15) << 4);
        high[l] = (uint8_t)(q[0] >> 4 | q[1] >> 4 << 2 | q[2] >> 4 << 4 | q[3] >> 4 << 6);
    }
}

void dlx__store_q6_k(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n)
{
    for (size_t i = 0; i < n; i += N, levels += N, dst += Q6_K_BYTES, grids += 16) {
        put_q6_half(dst, dst + 128, levels);
        put_q6_half(dst + 64, dst + 160, levels + 128);
        for (int j = 0; j < 16; j++)
            dst[192 + j] = (uint8_t)grids[j].sub_scale;
        memcpy(dst + 208, &grids->d, sizeof grids->d);
    }
}
