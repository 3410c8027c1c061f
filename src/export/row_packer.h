/*
 * row_packer.h - rows of a tensor in a form, many at once: each by one thread, so that the bytes
 * are the same for any number of them.
 */
#ifndef DLX__ROW_PACKER_H
#define DLX__ROW_PACKER_H

#include "base/pool.h"
#include "export/stored_row.h"

typedef struct dlx__row_packer {
    dlx__pool *pool; /* NULL: the caller alone */
    const dlx_allocator *mem;
    const dlx__tensor *tensor;
    dlx__packing packing;
    const float *row_scales; /* [rows] of INT8, set behind open; NULL: those of stored_row.h */
    float *floats;           /* [pool size][n_cols] */
} dlx__row_packer;

/* A zeroed packer may be closed. */
dlx_result dlx__row_packer_open(dlx__row_packer *p, const dlx__tensor *t, dlx__packing packing,
                                dlx__pool *pool, const dlx_allocator *mem, dlx_error *err);
void dlx__row_packer_close(dlx__row_packer *p);

/*
 * Writes a part of the rows [first, first + n). *exact becomes false where
 * some are rounded again. Refuses what dlx__stored_row_read refuses, of several rows the first.
 */
dlx_result dlx__row_packer_put(const dlx__row_packer *p, uint8_t *out, dlx__row_part part,
                               size_t first, size_t n, bool *exact, dlx_error *err);

#endif
