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
 *     INT4_LPBQ  two's complement; a float32 scale a row and levels of 1 to 15 for 32, which it is
 *                multiplied by: of those near what the group needs that with the least squared
 * error
 */
#ifndef DLX__PACK_ROW_H
#define DLX__PACK_ROW_H

#include "export/packed.h"

/* What is kept of a row. */
typedef enum dlx__row_part {
    DLX__ROW_NUMBERS,
    DLX__ROW_SCALES, /* of integers */
    DLX__ROW_LEVELS  /* by which the scale of the row is multiplied, of INT4_LPBQ */
} dlx__row_part;

/* Of a row of n numbers; 0: there are none. */
size_t dlx__pack_row_bytes(dlx__packing packing, dlx__row_part part, size_t n);

/* Writes this part of the row x [n], whose numbers are all finite. */
void dlx__pack_row(void *out, dlx__packing packing, dlx__row_part part, const float *x, size_t n);

/* One scale of a group as the form writes it, from the two bytes that it is chosen in: bf16 of
 * INT4, else fp16. */
void dlx__pack_group_scale(void *out, dlx__packing packing, uint16_t scale);

/* Two numbers, each counted from -8, as the form writes them. */
uint8_t dlx__pack_pair(dlx__packing packing, unsigned even, unsigned odd);

/* The multiples of a scale that are nearest to x [n], -127 to 127. */
void dlx__pack_int8(int8_t *out, const float *x, size_t n, float scale);

/* A row as it was packed; what its form has not is left out. */
typedef struct dlx__packed_row {
    const void *numbers, *scales, *levels;
} dlx__packed_row;

/* x [n] = what a runtime multiplies by. */
void dlx__unpack_row(float *x, dlx__packing packing, const dlx__packed_row *row, size_t n);

#endif
