/*
 * little.h - little-endian numbers at any address. All file formats here and all packed weights are
 * little-endian and are read in place, so a big-endian machine is refused: here, once.
 */
#ifndef DLX__LITTLE_H
#define DLX__LITTLE_H

#include "base/base.h"

#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "DiffuLex Edge reads weights in place and needs a little-endian machine"
#endif

static inline uint16_t dlx__le16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t dlx__le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t dlx__le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline float dlx__le_f32(const void *p)
{
    float v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline double dlx__le_f64(const void *p)
{
    double v;
    memcpy(&v, p, sizeof v);
    return v;
}

#endif
