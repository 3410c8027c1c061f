/*
 * tensor_rows.h - all rows of a tensor in a form, one after the other, a few at a time: a head of a
 * gigabyte is never there whole, and pages of the model's file are given back as they are read.
 */
#ifndef DLX__TENSOR_ROWS_H
#define DLX__TENSOR_ROWS_H

#include "export/row_packer.h"
#include "model/model.h"

typedef struct dlx__tensor_rows {
    const dlx__model *model; /* whose file has the tensor */
    dlx__pool *pool;         /* that packs; NULL: the caller alone */
    const dlx_allocator *mem;
    const dlx__tensor *tensor;
    dlx__packing packing;
    dlx__row_part part;      /* that is made of them */
    const float *row_scales; /* [rows] of INT8; NULL: those of stored_row.h */
} dlx__tensor_rows;

/* Of all of them; 0: the form has none. */
uint64_t dlx__tensor_rows_bytes(const dlx__tensor *t, dlx__packing packing, dlx__row_part part);

typedef dlx_result (*dlx__emit_fn)(void *user, const void *bytes, size_t n, dlx_error *err);

/* Gives the bytes to `emit`, whose failure ends it. *exact becomes false where integers of the file
 * are rounded again. Refuses what dlx__row_packer_put refuses. */
dlx_result dlx__tensor_rows_make(const dlx__tensor_rows *r, dlx__emit_fn emit, void *user,
                                 bool *exact, dlx_error *err);

#endif
