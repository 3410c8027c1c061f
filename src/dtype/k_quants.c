/*
 * k_quants.c - super-blocks of 256 weights, read only.
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
            dst[32 * group + l] = d * (float)sc[2 * group + l / 16] * (float)(q - 32);
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
