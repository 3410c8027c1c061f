/* unpack_row.c - the numbers that a runtime multiplies by, from the bytes of pack_row.c. */
#include "export/pack_row.h"

#include "dtype/convert.h"

#include <string.h>

static uint16_t two_bytes(const uint8_t *scales, size_t i)
{
    uint16_t scale;
    memcpy(&scale, scales + 2 * i, sizeof scale);
    return scale;
}

static void unpack_int8(float *x, const int8_t *numbers, float scale, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)numbers[i] * scale;
}

static void unpack_int4(float *x, dlx__packing packing, const uint8_t *numbers,
                        const uint8_t *scales, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t scale = two_bytes(scales, i / DLX__PACK_GROUP);
        const int nibble = i % 2 ? numbers[i / 2] >> 4 : numbers[i / 2] & 15;
        x[i] = (float)(nibble - 8) *
               (packing == DLX__PACK_INT4 ? dlx__bf16_to_f32(scale) : dlx__f16_to_f32(scale));
    }
}

void dlx__unpack_row(float *x, dlx__packing packing, const void *numbers, const void *scales,
                     size_t n)
{
    float scale;
    switch (packing) {
    case DLX__PACK_FP32:
        memcpy(x, numbers, n * sizeof *x);
        break;
    case DLX__PACK_FP16:
        dlx__to_f32(x, numbers, DLX__F16, n);
        break;
    case DLX__PACK_INT8:
        memcpy(&scale, scales, sizeof scale);
        unpack_int8(x, numbers, scale, n);
        break;
    case DLX__PACK_INT8_HALF:
        unpack_int8(x, numbers, dlx__f16_to_f32(two_bytes(scales, 0)), n);
        break;
    case DLX__PACK_INT4:
    case DLX__PACK_INT4_HALF:
        unpack_int4(x, packing, numbers, scales, n);
        break;
    case DLX__N_PACKINGS:
        break;
    }
}
