/*
 * gguf_rows.h - the tensors of an open model in the order, under the names and with the rows that
 * its GGUF file has: embedding, layer after layer, final norm, head.
 *
 * Row r of the file is row dlx__gguf_row(t, r) of the tensor, which differs from r for q and k of
 * families that llama.cpp stores permuted (permute.h). A vector is one row; llama.cpp wants
 * vectors as F32.
 */
#ifndef DLX__GGUF_ROWS_H
#define DLX__GGUF_ROWS_H

#include "model/model.h"

typedef struct dlx__gguf_tensor {
    const char *name; /* in the file; belongs to the list */
    dlx__role role;
    size_t layer;
    const dlx__tensor *tensor; /* rows in our order; borrowed from the model */
    size_t n_rows, n_cols;     /* of a vector 1 and its length */
    size_t head_dim;           /* 0: rows in order; else permuted within heads of so many */
} dlx__gguf_tensor;

typedef struct dlx__gguf_tensors {
    dlx__arena arena;
    dlx__gguf_tensor *items; /* [n] */
    size_t n;
} dlx__gguf_tensors;

/* Borrows from m. The list may be released at any time; its names are gone then. */
dlx_result dlx__gguf_tensors_init(dlx__gguf_tensors *list, const dlx__model *m, dlx_error *err);
void dlx__gguf_tensors_release(dlx__gguf_tensors *list);

/* The tensor as the file describes it, in a type of the caller's choice. */
dlx__tensor dlx__gguf_described(const dlx__gguf_tensor *t, dlx__dtype dtype);

/* The tensor's row that is row r of the file. */
size_t dlx__gguf_row(const dlx__gguf_tensor *t, size_t r);

#endif
