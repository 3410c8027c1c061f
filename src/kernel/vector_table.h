/* vector_table.h - the table of a kernel_<isa>.c, from what the other headers have defined. A body
 * over macros, included once by each of these files, the last. */
#ifndef DLX__VECTOR_TABLE_H
#define DLX__VECTOR_TABLE_H

#include "kernel/attend_lanes.h"
#include "kernel/attend_widened.h"
#include "kernel/gemm_widened.h"
#include "kernel/vector_rows.h"
#ifdef SET_PAIRS
#include "kernel/attend_pairs.h"
#include "kernel/gemm_pairs.h"
#endif
#ifdef SET_WIDE
#include "kernel/gemm_wide.h"
#endif

static void attend(float *y, float *q, size_t width, const dlx__attend_in *in)
{
#ifdef SET_PAIRS
    if (in->pairs) {
        attend_by_pairs(y, q, width, in);
        return;
    }
#endif
    if (in->type == DLX__KV_F32)
        attend_floats(y, q, width, in);
    else
        attend_widened(y, q, width, in);
}

const dlx__kernels SET_NAME = {
    .name = SET_TEXT,
    .runs_on = runs_on,
    .panel_bytes = dlx__panel_bytes,
    .pack = dlx__panel_pack,
    .ints_bytes = ints_bytes,
    .quantize = quantize,
#ifdef SET_PAIRS
    .halves_bytes = halves_bytes,
    .halve = halve,
#endif
#if defined(SET_WIDE)
    .gemm = gemm_wide,
#elif defined(SET_PAIRS)
    .gemm = gemm_pairs,
#else
    .gemm = gemm,
#endif
    .attend = attend,
    .norm = norm,
    .rope = rope,
    .silu_mul = silu_mul,
    .add = add,
    .stats = stats,
};

#endif
