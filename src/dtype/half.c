/* half.c - the two 16-bit floats. Integer arithmetic only, so no rounding mode can disturb it. */
#include "base/little.h"
#include "dtype/blocks.h"
#include "dtype/convert.h"

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

float dlx__f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = h >> 10 & 0x1Fu;
    uint32_t mantissa = h & 0x3FFu;
    if (exponent == 0x1F) /* infinity; NaN, made quiet as the hardware does */
        return float_of(sign | 0x7F800000u | mantissa << 13 | (mantissa ? 0x400000u : 0));
    if (exponent == 0) /* zero or subnormal: a multiple of 2^-24, exact in float32 */
        return float_of(sign | bits_of((float)mantissa * 0x1.0p-24f));
    return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t dlx__f32_to_f16(float x)
{
    uint32_t bits = bits_of(x);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) /* NaN, quiet, the upper payload kept */
        return (uint16_t)(sign | 0x7E00u | (magnitude >> 13 & 0x1FFu));
    if (magnitude >= 0x477FF000u) /* 65520 and more round to infinity */
        return (uint16_t)(sign | 0x7C00u);
    if (magnitude >= 0x38800000u) { /* normal: rounding may carry into the exponent, rightly */
        uint32_t rounded = magnitude + 0xFFFu + (magnitude >> 13 & 1u);
        return (uint16_t)(sign | ((rounded >> 13) - (112u << 10)));
    }
    if (magnitude <= 0x33000000u) /* up to half of the smallest subnormal */
        return (uint16_t)sign;
    uint32_t shift = 126 - (magnitude >> 23);
    uint32_t mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
    uint32_t whole = mantissa >> shift;
    uint32_t rest = mantissa & ((1u << shift) - 1);
    uint32_t half = 1u << (shift - 1);
    whole += rest > half || (rest == half && (whole & 1u));
    return (uint16_t)(sign | whole);
}

void dlx__unpack_f16(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = dlx__f16_to_f32(dlx__le16(src + 2 * i));
}

void dlx__unpack_bf16(float *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = dlx__bf16_to_f32(dlx__le16(src + 2 * i));
}

void dlx__pack_f16(uint8_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t h = dlx__f32_to_f16(src[i]);
        memcpy(dst + 2 * i, &h, sizeof h);
    }
}

void dlx__pack_bf16(uint8_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t b = dlx__f32_to_bf16(src[i]);
        memcpy(dst + 2 * i, &b, sizeof b);
    }
}
