/*
 * stored_row.h - a row of a tensor of the model, and its bytes in one of the forms of programs.
 * Where the file has integers whose scales the form can hold, the same integers go under the same
 * scales, so that nothing is rounded a second time:
 *
 *     INT4       of Q4_0: blocks whose scale is positive and a bf16, or 0
 *     INT4_HALF, INT4_FLOAT  of Q4_0: all blocks; negative scales stay negative
 *     INT8       of Q8_0: rows whose blocks have one scale; INT8_HALF likewise
 */
#ifndef DLX__STORED_ROW_H
#define DLX__STORED_ROW_H

#include "base/tensor.h"
#include "export/pack_row.h"

/* x [n_cols] = the row; refuses numbers that are not finite, or that the form cannot hold. */
dlx_result dlx__stored_row_read(float *x, const dlx__tensor *t, size_t row, dlx__packing packing,
                                dlx_error *err);

/* Writes a part of the row x. False: it holds integers that the form cannot
 * hold, and which are rounded again. */
bool dlx__stored_row_pack(void *out, dlx__packing packing, dlx__row_part part, const dlx__tensor *t,
                          size_t row, const float *x);

#endif
