/* int4_group.c - what one scale does to a group. */
#include "export/int4_group.h"

#include "export/round_levels.h"

enum { GROUP = DLX__PACK_GROUP };

float dlx__int4_widest(const float *x)
{
    float widest = 0;
    for (size_t i = 0; i < GROUP; i++) {
        const float scale = x[i] < 0 ? x[i] / -8.0f : x[i] / 7.0f;
        widest = scale > widest ? scale : widest;
    }
    return widest;
}

void dlx__int4_round(float *levels, const float *x, float scale)
{
    dlx__round_levels(levels, x, GROUP, 1.0f / scale, -8.0f, 7.0f);
}

float dlx__int4_error(const float *x, float scale)
{
    enum { LANES = 8 };
    float levels[GROUP], squares[GROUP], sums[LANES] = {0}, error = 0;
    dlx__round_levels(levels, x, GROUP, 1.0f / scale, -8.0f, 7.0f);
    for (size_t i = 0; i < GROUP; i++) {
        const float off = x[i] - scale * levels[i];
        squares[i] = off * off;
    }
    for (size_t i = 0; i < GROUP; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sums[k] += squares[i + k];
    for (size_t k = 0; k < LANES; k++)
        error += sums[k];
    return error;
}
