/* stored_row.c - blocks of GGUF, taken as they are where that can be. */
#include "export/stored_row.h"

#include "base/fail.h"
#include "base/little.h"
#include "dtype/convert.h"
#include "dtype/grid.h"

#include <math.h>
#include <string.h>

enum { GROUP = DLX__PACK_GROUP, HALF = GROUP / 2, Q4_0_BYTES = 2 + HALF, Q8_0_BYTES = 2 + GROUP };

static const uint8_t *bytes_of(const dlx__tensor *t, size_t row)
{
    return (const uint8_t *)t->data + row * dlx__dtype_bytes(t->dtype, dlx__tensor_n_cols(t));
}

dlx_result dlx__stored_row_read(float *x, const dlx__tensor *t, size_t row, dlx__packing packing,
                                dlx_error *err)
{
    const bool wide = packing == DLX__PACK_FP32 || dlx__packing_rounds_rows(packing);
    const float most = wide ? INFINITY : 65504.0f; /* scaled integers are fp16 as well */
    const size_t n = dlx__tensor_n_cols(t);
    dlx__to_f32(x, bytes_of(t, row), t->dtype, n);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return dlx__fail(err, DLX_E_FORMAT,
                             "tensor %s: expected finite numbers, found NaN or infinity in row "
                             "%zu; fetch the model again",
                             t->name, row);
        if (fabsf(x[i]) > most)
            return dlx__fail(err, DLX_E_ARG,
                             "tensor %s: row %zu has numbers beyond 65504, which fp16 cannot hold; "
                             "take fp32",
                             t->name, row);
    }
    return DLX_OK;
}

/* ---- four bits ----------------------------------------------------------------------------- */

/* The scale of a block of Q4_0 in the form; a block of zeros counts as one of scale 0. */
static bool scale_of_block(uint16_t *scale, dlx__packing packing, const uint8_t *block)
{
    const float d = dlx__f16_to_f32(dlx__le16(block));
    if (packing != DLX__PACK_INT4) {
        *scale = d == 0 ? dlx__f32_to_f16(1.0f) : dlx__le16(block);
        return true;
    }
    *scale = dlx__f32_to_bf16(d == 0 ? 1.0f : d); /* the runtime refuses a scale of 0 */
    return d == 0 || (d > 0 && dlx__bf16_to_f32(*scale) == d);
}

/* Element i of a block: there halves share a byte with halves, here neighbours. */
static unsigned nibble(const uint8_t *block, size_t i)
{
    const uint8_t *q = block + 2; /* [HALF] */
    if (dlx__f16_to_f32(dlx__le16(block)) == 0)
        return 8;
    return i < HALF ? q[i] & 15u : q[i - HALF] >> 4;
}

/* One group of a row: 16 bytes, or the two of its scale. */
static bool pack_group(uint8_t *out, dlx__packing packing, dlx__row_part part, const uint8_t *block,
                       const float *x)
{
    uint16_t scale;
    if (!scale_of_block(&scale, packing, block)) {
        dlx__pack_row(out, packing, part, x, GROUP);
        return false;
    }
    if (part == DLX__ROW_SCALES)
        dlx__pack_group_scale(out, packing, scale);
    for (size_t i = 0; part == DLX__ROW_NUMBERS && i < GROUP; i += 2)
        out[i / 2] = dlx__pack_pair(packing, nibble(block, i), nibble(block, i + 1));
    return true;
}

static bool pack_groups(uint8_t *out, dlx__packing packing, dlx__row_part part,
                        const uint8_t *blocks, const float *x, size_t n)
{
    const size_t n_bytes = dlx__pack_row_bytes(packing, part, GROUP);
    bool exact = true;
    for (size_t g = 0; g < n / GROUP; g++)
        exact &=
            pack_group(out + g * n_bytes, packing, part, blocks + g * Q4_0_BYTES, x + g * GROUP);
    return exact;
}

/* ---- eight bits ---------------------------------------------------------------------------- */

static int8_t level(const uint8_t *blocks, size_t i)
{
    return (int8_t)blocks[i / GROUP * Q8_0_BYTES + 2 + i % GROUP];
}

/* The one scale of a row of Q8_0. A negative one turns all levels around, which -128 has no room
 * for. */
static bool scale_of_blocks(float *scale, const uint8_t *blocks, size_t n)
{
    *scale = dlx__f16_to_f32(dlx__le16(blocks));
    for (size_t i = 0; i < n; i++) {
        const uint8_t *block = blocks + i / GROUP * Q8_0_BYTES;
        if (dlx__le16(block) != dlx__le16(blocks) || (*scale < 0 && level(blocks, i) == -128))
            return false;
    }
    return true;
}

static void pack_levels(void *out, dlx__packing packing, dlx__row_part part, const uint8_t *blocks,
                        float scale, size_t n)
{
    int8_t *q = out;
    const float positive = scale == 0 ? 1.0f : fabsf(scale);
    const uint16_t half = dlx__f32_to_f16(positive); /* as the blocks have it */
    const int sign = scale < 0 ? -1 : scale > 0;
    if (part == DLX__ROW_SCALES && packing == DLX__PACK_INT8)
        memcpy(out, &positive, sizeof positive);
    if (part == DLX__ROW_SCALES && packing == DLX__PACK_INT8_HALF)
        memcpy(out, &half, sizeof half);
    for (size_t i = 0; part == DLX__ROW_NUMBERS && i < n; i++)
        q[i] = (int8_t)(sign * level(blocks, i));
}

/* ---- any ----------------------------------------------------------------------------------- */

bool dlx__stored_row_pack(void *out, dlx__packing packing, dlx__row_part part, const dlx__tensor *t,
                          size_t row, const float *x)
{
    const size_t n = dlx__tensor_n_cols(t);
    const uint8_t *blocks = bytes_of(t, row);
    float scale;
    const bool eight = packing == DLX__PACK_INT8 || packing == DLX__PACK_INT8_HALF;
    const bool four = dlx__packing_has_groups(packing) && packing != DLX__PACK_INT4_LPBQ;
    if (four && t->dtype == DLX__Q4_0)
        return pack_groups(out, packing, part, blocks, x, n);
    if (eight && t->dtype == DLX__Q8_0 && scale_of_blocks(&scale, blocks, n)) {
        pack_levels(out, packing, part, blocks, scale, n);
        return true;
    }
    dlx__pack_row(out, packing, part, x, n);
    return !dlx__packing_is_integer(packing) || dlx__grid_width(t->dtype) == 0;
}
