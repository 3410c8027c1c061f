/* npy_out.c - float32 matrices as NumPy files. Data are written as the machine holds them. */
#include "npy_out.h"

#include <stdint.h>
#include <string.h>

bool npy_write(FILE *file, const float *data, size_t n_rows, size_t n_columns)
{
    /* Magic, version and length take 10 bytes; the header ends with a newline at a multiple of 64.
     */
    char head[128];
    const uint16_t probe = 1;
    unsigned char low;
    memcpy(&low, &probe, 1);
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", 10);
    int n = snprintf(head + 10, sizeof head - 10,
                     "{'descr': '%cf4', 'fortran_order': False, 'shape': (%zu, %zu), }",
                     low ? '<' : '>', n_rows, n_columns);
    memset(head + 10 + n, ' ', sizeof head - 10 - (size_t)n);
    head[sizeof head - 1] = '\n';
    return fwrite(head, 1, sizeof head, file) == sizeof head &&
           fwrite(data, sizeof *data, n_rows * n_columns, file) == n_rows * n_columns;
}
