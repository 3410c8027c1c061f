/* pack_row.c - scales first, then the numbers that are nearest. */
#include "export/pack_row.h"

#include "dtype/convert.h"
#include "export/int4_group.h"
#include "export/pack_lpbq.h"
#include "export/round_levels.h"

#include <math.h>

enum { GROUP = DLX__PACK_GROUP };

size_t dlx__pack_row_bytes(dlx__packing packing, dlx__row_part part, size_t n)
{
    const bool scales = part == DLX__ROW_SCALES;
    if (part == DLX__ROW_LEVELS)
        return packing == DLX__PACK_INT4_LPBQ ? n / GROUP : 0;
    switch (packing) {
    case DLX__PACK_FP32:
        return scales ? 0 : dlx__mul(4, n);
    case DLX__PACK_FP16:
        return scales ? 0 : dlx__mul(2, n);
    case DLX__PACK_INT8:
        return scales ? 4 : n;
    case DLX__PACK_INT8_HALF:
        return scales ? 2 : n;
    case DLX__PACK_INT4:
    case DLX__PACK_INT4_HALF:
        return scales ? 2 * (n / GROUP) : n / 2;
    case DLX__PACK_INT4_FLOAT:
        return scales ? 4 * (n / GROUP) : n / 2;
    case DLX__PACK_INT4_LPBQ:
        return scales ? 4 : n / 2;
    case DLX__N_PACKINGS:
        break;
    }
    return 0;
}

static float largest(const float *x, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return most;
}

/* ---- scales of two bytes --------------------------------------------------------------------- */

static uint16_t to_scale(dlx__packing packing, float x)
{
    return packing == DLX__PACK_INT4 ? dlx__f32_to_bf16(x) : dlx__f32_to_f16(x);
}

static float of_scale(dlx__packing packing, uint16_t scale)
{
    return packing == DLX__PACK_INT4 ? dlx__bf16_to_f32(scale) : dlx__f16_to_f32(scale);
}

/* Below it a scale is none, and all weights are 0: of fp16 the least, so that none becomes 0. */
static float least_scale(dlx__packing packing)
{
    return packing == DLX__PACK_INT4 ? 1e-30f : 0x1p-23f;
}

/* ---- eight bits ---------------------------------------------------------------------------- */

static float scale_of_row(const float *x, size_t n)
{
    const float most = largest(x, n);
    return most < 1e-30f ? 1.0f : most / 127.0f;
}

static uint16_t half_scale_of_row(const float *x, size_t n)
{
    const float scale = largest(x, n) / 127.0f;
    return to_scale(DLX__PACK_INT8_HALF, scale < least_scale(DLX__PACK_INT8_HALF) ? 1.0f : scale);
}

void dlx__pack_int8(int8_t *out, const float *x, size_t n, float scale)
{
    float levels[GROUP];
    const float inverse = 1.0f / scale;
    for (size_t at = 0; at < n; at += GROUP) {
        const size_t n_some = dlx__min(GROUP, n - at);
        dlx__round_levels(levels, x + at, n_some, inverse, -127.0f, 127.0f);
        for (size_t i = 0; i < n_some; i++)
            out[at + i] = (int8_t)levels[i];
    }
}

/* ---- four bits ----------------------------------------------------------------------------- */

/* Of the scales from where nothing is clipped down to three quarters of that the best. */
static uint16_t scale_of_group(dlx__packing packing, const float *x)
{
    enum { TRIES = 9 };
    const float widest = dlx__int4_widest(x);
    if (widest < least_scale(packing))
        return to_scale(packing, 1.0f);
    uint16_t best = to_scale(packing, widest); /* also where every error is beyond float32 */
    float least = INFINITY;
    for (int i = 0; i < TRIES; i++) {
        const uint16_t scale = to_scale(packing, widest * (1.0f - (float)i / (4.0f * TRIES)));
        const float error = dlx__int4_error(x, of_scale(packing, scale));
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return best;
}

void dlx__pack_group_scale(void *out, dlx__packing packing, uint16_t scale)
{
    const float wide = of_scale(packing, scale);
    if (packing == DLX__PACK_INT4_FLOAT)
        memcpy(out, &wide, sizeof wide);
    else
        memcpy(out, &scale, sizeof scale);
}

uint8_t dlx__pack_pair(dlx__packing packing, unsigned even, unsigned odd)
{
    const unsigned pair = even | odd << 4;
    return (uint8_t)(packing == DLX__PACK_INT4_HALF ? pair ^ 0x88u : pair);
}

static void pack_int4(uint8_t *out, dlx__packing packing, const float *x, size_t n)
{
    float levels[GROUP];
    for (size_t g = 0; g < n; g += GROUP) {
        dlx__int4_round(levels, x + g, of_scale(packing, scale_of_group(packing, x + g)));
        for (size_t i = 0; i < GROUP; i += 2) {
            const int even = (int)levels[i] + 8, odd = (int)levels[i + 1] + 8;
            out[(g + i) / 2] = dlx__pack_pair(packing, (unsigned)even, (unsigned)odd);
        }
    }
}

/* ---- any ----------------------------------------------------------------------------------- */

static void pack_scales(void *out, dlx__packing packing, const float *x, size_t n)
{
    if (packing == DLX__PACK_INT8) {
        const float scale = scale_of_row(x, n);
        memcpy(out, &scale, sizeof scale);
    }
    if (packing == DLX__PACK_INT8_HALF) {
        const uint16_t scale = half_scale_of_row(x, n);
        memcpy(out, &scale, sizeof scale);
    }
    const size_t n_bytes = dlx__pack_row_bytes(packing, DLX__ROW_SCALES, GROUP);
    for (size_t g = 0; dlx__packing_has_groups(packing) && g < n / GROUP; g++)
        dlx__pack_group_scale((uint8_t *)out + g * n_bytes, packing,
                              scale_of_group(packing, x + g * GROUP));
}

void dlx__pack_row(void *out, dlx__packing packing, dlx__row_part part, const float *x, size_t n)
{
    if (packing == DLX__PACK_INT4_LPBQ)
        dlx__pack_lpbq(out, part, x, n);
    else if (part == DLX__ROW_SCALES)
        pack_scales(out, packing, x, n);
    else if (packing == DLX__PACK_FP32)
        memcpy(out, x, n * sizeof *x);
    else if (packing == DLX__PACK_FP16)
        dlx__from_f32(out, DLX__F16, x, n);
    else if (packing == DLX__PACK_INT8)
        dlx__pack_int8(out, x, n, scale_of_row(x, n));
    else if (packing == DLX__PACK_INT8_HALF)
        dlx__pack_int8(out, x, n, of_scale(packing, half_scale_of_row(x, n)));
    else
        pack_int4(out, packing, x, n);
}
