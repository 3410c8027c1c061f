/* arithmetic.h - in which numbers a session multiplies, and with which kernels: the names of the
 * public options, checked against the backend that is to do it. */
#ifndef DLX__ARITHMETIC_H
#define DLX__ARITHMETIC_H

#include "backends/backend.h"

/* As the caller wrote them; each may be NULL. */
typedef struct dlx__arithmetic_names {
    const char *weights, *compute, *kernels, *scheme, *kv_type;
} dlx__arithmetic_names;

typedef struct dlx__arithmetic {
    bool int8;           /* float matrices are multiplied as int8 */
    bool bf16;           /* bf16 was asked for ... */
    bool halves;         /* ... and the kernels have it */
    const char *kernels; /* the table's own name; NULL: the backend has none to choose from */
    dlx__scheme scheme;  /* how rows are rounded that integer weights are multiplied by; not NONE */
    dlx__kv_type kv_type; /* of keys and values; not NONE */
} dlx__arithmetic;

/* Refuses, with the list, a name that is unknown, what the backend cannot do, and what this model
 * has no records for. */
dlx_result dlx__api_arithmetic(dlx__arithmetic *out, const dlx__model *m,
                               const dlx__backend_class *backend, dlx__arithmetic_names names,
                               dlx_error *err);

void dlx__arithmetic_apply(const dlx__arithmetic *a, dlx__backend_opts *o);

bool dlx__arithmetic_same(const dlx__arithmetic *a, const dlx__arithmetic *b);

/* Keys and values of a position, all layers, one stream. */
size_t dlx__arithmetic_kv_bytes(const dlx__arithmetic *a, const dlx__model *m);

/* What is in force, as the options name it. */
const char *dlx__arithmetic_weights(const dlx__arithmetic *a);
const char *dlx__arithmetic_compute(const dlx__arithmetic *a);
const char *dlx__arithmetic_scheme(const dlx__arithmetic *a);
const char *dlx__arithmetic_kv_type(const dlx__arithmetic *a);

#endif
