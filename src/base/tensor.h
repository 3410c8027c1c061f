/* tensor.h - what a named block of numbers is: type, shape, bytes. It never owns its bytes. */
#ifndef DLX__TENSOR_H
#define DLX__TENSOR_H

#include "base/base.h"

/*
 * Element types: name as printed, GGUF type number (-1: has none), elements and bytes of a block.
 * Values of the enum are internal; files carry GGUF numbers or safetensors names.
 */
#define DLX__DTYPES(X)                                                                             \
    X(F32, "f32", 0, 1, 4)                                                                         \
    X(F16, "f16", 1, 1, 2)                                                                         \
    X(BF16, "bf16", 30, 1, 2)                                                                      \
    X(Q4_0, "q4_0", 2, 32, 18)                                                                     \
    X(Q4_1, "q4_1", 3, 32, 20)                                                                     \
    X(Q5_0, "q5_0", 6, 32, 22)                                                                     \
    X(Q5_1, "q5_1", 7, 32, 24)                                                                     \
    X(Q8_0, "q8_0", 8, 32, 34)                                                                     \
    X(Q4_K, "q4_k", 12, 256, 144)                                                                  \
    X(Q5_K, "q5_k", 13, 256, 176)                                                                  \
    X(Q6_K, "q6_k", 14, 256, 210)

typedef enum dlx__dtype {
#define DLX__DTYPE_ENUM(name, text, gguf, elems, bytes) DLX__##name,
    DLX__DTYPES(DLX__DTYPE_ENUM)
#undef DLX__DTYPE_ENUM
        DLX__N_DTYPES
} dlx__dtype;

enum { DLX__MAX_DIMS = 4 };

typedef struct dlx__tensor {
    const char *name;
    dlx__dtype dtype;
    int n_dims;
    size_t shape[DLX__MAX_DIMS]; /* row-major, outermost first: a matrix is [rows, cols] */
    size_t n_bytes;
    const void *data; /* NULL: only the shape is known (weights not on this machine) */
} dlx__tensor;

typedef struct dlx__dtype_info {
    const char *name;
    int gguf_type;
    size_t block_elems;
    size_t block_bytes;
} dlx__dtype_info;

const dlx__dtype_info *dlx__dtype_of(dlx__dtype dtype);

/* As rows of its last axis: a vector is one. */
static inline size_t dlx__tensor_n_rows(const dlx__tensor *t)
{
    return t->n_dims > 1 ? t->shape[0] : 1;
}

static inline size_t dlx__tensor_n_cols(const dlx__tensor *t)
{
    return t->shape[t->n_dims - 1];
}

/* Product of the shape; SIZE_MAX on overflow. */
size_t dlx__tensor_elems(const dlx__tensor *t);

/* Bytes of n elements that are stored as whole blocks; SIZE_MAX on overflow or a torn block. */
size_t dlx__dtype_bytes(dlx__dtype dtype, size_t n_elems);

/* "[2560, 1024]" into out; always terminated. Returns out. */
const char *dlx__shape_text(char out[96], const size_t *shape, int n_dims);

#endif
