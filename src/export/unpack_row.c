/* unpack_row.c - the numbers that a runtime multiplies by, from the bytes of pack_row.c. */
#include "export/pack_row.h"

#include "dtype/convert.h"
#include "export/pack_lpbq.h"

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

static float scale_of(dlx__packing packing, const uint8_t *scales, size_t group)
{
    float scale;
    if (packing == DLX__PACK_INT4)
        return dlx__bf16_to_f32(two_bytes(scales, group));
    if (packing == DLX__PACK_INT4_HALF)
        return dlx__f16_to_f32(two_bytes(scales, group));
    memcpy(&scale, scales + sizeof scale * group, sizeof scale);
    return scale;
}

static void unpack_int4(float *x, dlx__packing packing, const uint8_t *numbers,
                        const uint8_t *scales, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t pair =
            packing == DLX__PACK_INT4_HALF ? numbers[i / 2] ^ 0x88 : numbers[i / 2];
        const int nibble = i % 2 ? pair >> 4 : pair & 15;
        x[i] = (float)(nibble - 8) * scale_of(packing, scales, i / DLX__PACK_GROUP);
    }
}

void dlx__unpack_row(float *x, dlx__packing packing, const dlx__packed_row *row, size_t n)
{
    const void *numbers = row->numbers, *scales = row->scales;
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
    case DLX__PACK_INT4_FLOAT:
        unpack_int4(x, packing, numbers, scales, n);
        break;
    case DLX__PACK_INT4_LPBQ:
        dlx__unpack_lpbq(x, row, n);
        break;
    case DLX__N_PACKINGS:
        break;
    }
}
