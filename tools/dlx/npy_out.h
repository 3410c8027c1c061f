/* npy_out.h - float32 matrices as NumPy files, format 1.0. */
#ifndef DLX_TOOL_NPY_OUT_H
#define DLX_TOOL_NPY_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* data [n_rows, n_columns]. False if the file did not take it. */
bool npy_write(FILE *file, const float *data, size_t n_rows, size_t n_columns);

#endif
