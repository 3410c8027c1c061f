/*
 * packed.h - weights in the forms that XNNPACK packs: each is named by what its bytes are (their
 * SHA-256, as stock exporters do it), so that the methods of a program, and programs in one
 * process, share what is equal and nothing else. Bytes are made when they are written; a few rows
 * at a time are in memory.
 */
#ifndef DLX__PACKED_H
#define DLX__PACKED_H

#include "base/pool.h"
#include "base/tensor.h"
#include "export/pte_program.h"
#include "export/xnn_graph.h"
#include "graph/scheme.h"
#include "model/model.h"

/* name, as the command has it */
#define DLX__PACKINGS(X)                                                                           \
    X(FP32, "fp32")                                                                                \
    X(FP16, "fp16") /* products in float32 all the same */                                         \
    X(INT8, "int8") /* 8da8w: a scale for each output, rows rounded to int8 as they come */        \
    X(INT4, "int4") /* 8da4w: a bf16 scale for 32 inputs, rows as with INT8 */                     \
    /* for runtimes that widen weights and leave rows as they are */                               \
    X(INT8_HALF, "int8")  /* an fp16 scale for each output */                                      \
    X(INT4_HALF, "int4")  /* an fp16 scale for 32 inputs */                                        \
    X(INT4_FLOAT, "int4") /* the same in float32 */                                                \
    X(INT4_LPBQ, "int4")  /* a float32 scale for each output, by a whole number for 32 inputs */

typedef enum dlx__packing {
#define DLX__PACKING_ENUM(name, text) DLX__PACK_##name,
    DLX__PACKINGS(DLX__PACKING_ENUM)
#undef DLX__PACKING_ENUM
        DLX__N_PACKINGS
} dlx__packing;

enum { DLX__PACK_GROUP = 32 };

/* The forms that the weights of a program have. */
typedef struct dlx__export_forms {
    dlx__packing matrix; /* of products */
    dlx__packing torn;   /* of those whose rows are no whole groups */
    dlx__packing head;
    dlx__packing table;  /* of the embedding, which is looked up */
    dlx__packing vector; /* of norms and biases */
} dlx__export_forms;

typedef struct dlx__packed_tensor dlx__packed_tensor;
struct dlx__static_product;

typedef struct dlx__packed {
    dlx__arena arena;
    const dlx__model *model; /* whose file's pages are given back when a tensor is done */
    dlx__pool *pool;         /* that packs; NULL: the caller alone */
    dlx__export_forms forms;
    dlx__scheme scheme;         /* STATIC: products of INT8 are static_product.h, but for the head;
                                   WEIGHT_ONLY: rows are left as they are */
    dlx__packed_tensor **items; /* [n] */
    size_t n, capacity;
    dlx__pte_named_blob *filled; /* [n_filled] */
    size_t n_filled, filled_capacity;
    struct dlx__packed_product **products; /* [n_products] */
    size_t n_products, product_capacity;
    bool nameless; /* bytes are not made to be named: for graphs that are looked at, not written */
    /* Called while bytes are made to be named; false stops. May be NULL. */
    bool (*on_progress)(void *user, uint64_t n_bytes);
    void *user;
} dlx__packed;

void dlx__packed_init(dlx__packed *p, const dlx__model *model, const dlx_allocator *mem);
void dlx__packed_release(dlx__packed *p);

/* What a matrix [n, k] becomes. */
dlx__packing dlx__export_form(const dlx__export_forms *forms, const dlx__tensor *w, bool is_head);

/* The filter of a product with w [n, k]; refuses numbers that are not finite. */
dlx_result dlx__packed_filter(dlx__packed *p, dlx__xnn_graph *g, const dlx__tensor *w, bool is_head,
                              dlx__xnn_value *out, dlx_error *err);

/* The filter of int8 with these scales [n], which stay where they are. */
dlx_result dlx__packed_scaled_filter(dlx__packed *p, dlx__xnn_graph *g, const dlx__tensor *w,
                                     const float *scales, dlx__xnn_value *out, dlx_error *err);

/* Numbers in memory, which stay where they are, named like the others; 0: a failure of g. */
dlx__xnn_data dlx__packed_numbers(dlx__packed *p, dlx__xnn_graph *g, bool scales, const void *bytes,
                                  size_t n_bytes);

/* A bias [n], float32. */
dlx_result dlx__packed_bias(dlx__packed *p, dlx__xnn_graph *g, const dlx__tensor *bias,
                            dlx__xnn_value *out, dlx_error *err);

/* Are rows rounded before products with this filter, unless a scheme forbids it? */
static inline bool dlx__packing_rounds_rows(dlx__packing packing)
{
    return packing == DLX__PACK_INT8 || packing == DLX__PACK_INT4;
}

/* Are its numbers whole numbers under scales? */
static inline bool dlx__packing_is_integer(dlx__packing packing)
{
    return packing != DLX__PACK_FP32 && packing != DLX__PACK_FP16;
}

/* Is a scale one of a group of a row, which must be whole groups? */
static inline bool dlx__packing_has_groups(dlx__packing packing)
{
    return packing == DLX__PACK_INT4 || packing == DLX__PACK_INT4_HALF ||
           packing == DLX__PACK_INT4_FLOAT || packing == DLX__PACK_INT4_LPBQ;
}

/* One number throughout, named by what it is: the filter of a mean, its eps. */
dlx__xnn_value dlx__packed_filled(dlx__packed *p, dlx__xnn_graph *g, float x, const size_t *dims,
                                  int n_dims);

/* The static product of a node, made once for all methods. */
dlx_result dlx__packed_product(dlx__packed *p, const dlx__node *node,
                               const struct dlx__static_product **out, dlx_error *err);

/* Matrices that the file has as integers which their form cannot hold, and which are rounded again:
 * of those that were named. */
size_t dlx__packed_n_again(const dlx__packed *p);

/* Gives all that was named to the program that is to hold it; p outlives the program. */
void dlx__packed_name_all(const dlx__packed *p, dlx__pte *program);

/* Bytes of a tensor's rows in float32, for tables that kernels read. */
dlx__pte_blob dlx__packed_floats(dlx__packed *p, const dlx__tensor *t, dlx__pte_type type);

/* Every tensor that bytes are made of; a table is one that kernels read, not the delegate. */
void dlx__packed_visit(const dlx__packed *p,
                       void (*visit)(void *user, const dlx__tensor *t, bool is_table,
                                     uint64_t n_bytes),
                       void *user);

#endif
