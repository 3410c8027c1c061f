/*
 * turned_rows.h - a matrix of packed rows as one of packed columns. All rows are there at once,
 * packed; columns are made a few at a time.
 */
#ifndef DLX__TURNED_ROWS_H
#define DLX__TURNED_ROWS_H

#include "export/tensor_rows.h"

/* Are these written turned? Integers of INT4_LPBQ and their levels are. */
bool dlx__packing_is_turned(dlx__packing packing, dlx__row_part part);

/* As dlx__tensor_rows_make, [k, n] in place of [n, k]: elements of four bits two a byte, the first
 * low, also where a column ends within a byte. */
dlx_result dlx__turned_rows_make(const dlx__tensor_rows *r, dlx__emit_fn emit, void *user,
                                 bool *exact, dlx_error *err);

#endif
