/* npy.h - NumPy .npy files of versions 1 and 2, C order, little-endian: read f4/f8/i4/i8, write f4.
 */
#ifndef DLX__NPY_H
#define DLX__NPY_H

#include "base/base.h"

typedef struct dlx__npy {
    char kind;      /* 'f' or 'i' */
    int item_bytes; /* 4 or 8 */
    int n_dims;
    size_t shape[8];
    size_t n_elems;
    void *data; /* owned */
    const dlx_allocator *mem;
} dlx__npy;

dlx_result dlx__npy_read(dlx__npy *a, const char *path, const dlx_allocator *mem, dlx_error *err);
dlx_result dlx__npy_parse(dlx__npy *a, const uint8_t *bytes, size_t n, const char *path,
                          const dlx_allocator *mem, dlx_error *err);
void dlx__npy_release(dlx__npy *a);

/* float32, row-major, shape[n_dims]. */
dlx_result dlx__npy_write_f32(const char *path, const float *data, const size_t *shape, int n_dims,
                              const dlx_allocator *mem, dlx_error *err);

#endif
