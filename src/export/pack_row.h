/*
 * pack_row.h - a row of weights in the forms of programs. Integers are symmetric around 0; scales
 * are positive normal numbers, because the runtime refuses others, and 1 where all weights are 0.
 *
 *     INT8       int8 [n], one float32 scale a row, max / 127
 *     INT4       two a byte, the even column in the low nibble, stored + 8; a bf16 scale for 32,
 *                that with the least squared error
 *     INT8_HALF  as INT8, the scale an fp16
 *     INT4_HALF  as INT4, but two's complement, the scales fp16
 *     INT4_FLOAT as INT4, the scales those of INT4_HALF in float32
 */
#ifndef DLX__PACK_ROW_H
#define DLX__PACK_ROW_H

#include "export/packed.h"

/* Of n numbers, or of their scales; 0: there are none. */
size_t dlx__pack_row_bytes(dlx__packing packing, bool scales, size_t n);

/* Writes the numbers of the row x [n], all finite, or their scales. */
void dlx__pack_row(void *out, dlx__packing packing, bool scales, const float *x, size_t n);

/* One scale of a group as the form writes it, from the two bytes that it is chosen in: bf16 of
 * INT4, else fp16. */
void dlx__pack_group_scale(void *out, dlx__packing packing, uint16_t scale);

/* Two numbers, each counted from -8, as the form writes them. */
uint8_t dlx__pack_pair(dlx__packing packing, unsigned even, unsigned odd);

/* The multiples of a scale that are nearest to x [n], -127 to 127. */
void dlx__pack_int8(int8_t *out, const float *x, size_t n, float scale);

/* x [n] = what a runtime multiplies by; scales: of the integer forms. */
void dlx__unpack_row(float *x, dlx__packing packing, const void *numbers, const void *scales,
                     size_t n);

#endif
