/* pack_lpbq.h - rows of INT4_LPBQ (pack_row.h), as NPUs of Qualcomm's call it: low-power blockwise
 * quantization. */
#ifndef DLX__PACK_LPBQ_H
#define DLX__PACK_LPBQ_H

#include "export/pack_row.h"

/* As dlx__pack_row and dlx__unpack_row. */
void dlx__pack_lpbq(void *out, dlx__row_part part, const float *x, size_t n);
void dlx__unpack_lpbq(float *x, const dlx__packed_row *row, size_t n);

#endif
