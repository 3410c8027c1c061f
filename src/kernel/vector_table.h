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

#ifdef SET_PAIRS
#define OF_PAIRS .halves_bytes = halves_bytes, .halve = halve,
#define GEMM gemm_pairs
#else
#define OF_PAIRS
#define GEMM gemm
#endif

#define TABLE(text, on, product)                                                                   \
    {                                                                                              \
        .name = text, .runs_on = on, .panel_bytes = dlx__panel_bytes, .pack = dlx__panel_pack,     \
        .ints_bytes = ints_bytes, .quantize = quantize, OF_PAIRS.gemm = product, .attend = attend, \
        .norm = norm, .rope = rope, .silu_mul = silu_mul, .add = add, .stats = stats               \
    }

const dlx__kernels SET_NAME = TABLE(SET_TEXT, runs_on, GEMM);
#ifdef SET_WIDE
const dlx__kernels SET_WIDE = TABLE(SET_WIDE_TEXT, runs_wide_on, gemm_wide);
#endif

#endif
