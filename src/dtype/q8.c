/* q8.c - Q8_0, 32 weights of 8 bits: f16 d; int8 q[32].  w = d * q */
#include "base/little.h"
#include "dtype/blocks.h"
#include "dtype/convert.h"
#include "dtype/range.h"

enum { N = 32, Q8_0_BYTES = 2 + N };

void dlx__unpack_q8_0(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += Q8_0_BYTES, dst += N) {
        float d = dlx__f16_to_f32(dlx__le16(src));
        int8_t q[N];
        memcpy(q, src + 2, sizeof q);
        for (int j = 0; j < N; j++)
            dst[j] = (float)q[j] * d;
    }
}

/* Nearest, halves away from zero, held inside a signed byte; not a number gives 0. */
static int8_t nearest(float x)
{
    if (!(x >= -127.0f))
        return x < -127.0f ? -127 : 0;
    return (int8_t)(x < 127.0f ? roundf(x) : 127.0f);
}

void dlx__pack_q8_0(uint8_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i += N, src += N, dst += Q8_0_BYTES) {
        float d = fabsf(dlx__widest(src, N)) / 127.0f;
        float id = dlx__inverse(d);
        int8_t q[N];
        for (int j = 0; j < N; j++)
            q[j] = nearest(src[j] * id);
        dlx__pack_f16(dst, &d, 1);
        memcpy(dst + 2, q, sizeof q);
    }
}

void dlx__store_q8_0(uint8_t *dst, const int8_t *levels, const dlx__grid *grids, size_t n)
{
    for (size_t i = 0; i < n; i += N, levels += N, dst += Q8_0_BYTES, grids++) {
        memcpy(dst, &grids->d, sizeof grids->d);
        memcpy(dst + 2, levels, N);
    }
}
