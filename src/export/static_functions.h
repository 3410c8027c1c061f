/*
 * static_functions.h - which functions of fixed shapes a model has, for runtimes where one cannot
 * take fewer rows than it was made for:
 *
 *     denoise, prefill   families that decode in blocks or tokens
 *     denoise_N          families that see a whole canvas, for each length N
 *     denoise            the only one with states: rows of a block, or of one canvas
 *     logits             the head alone, for all logits of chosen rows
 */
#ifndef DLX__STATIC_FUNCTIONS_H
#define DLX__STATIC_FUNCTIONS_H

#include "export/exporter.h"
#include "export/weight_store.h"

enum { DLX__MOST_HEAD_ROWS = 32 }; /* of a canvas: as many as are asked about at a time */

typedef struct dlx__static_function {
    char name[32];
    const dlx__export_forms *forms;
    size_t n_rows, n_past; /* T; P, positions kept before them; T 0: the head alone */
    bool states;           /* P are inside */
    size_t n_head_rows;    /* R; 0: no head */
    size_t n_ids;          /* ids below may be chosen ... */
    int64_t never_id;      /* ... but for this one; -1: all of them */
} dlx__static_function;

typedef struct dlx__static_functions {
    const dlx_allocator *mem;
    dlx__static_function *items; /* [n], the first is the one that is run where nobody names one */
    size_t n;
} dlx__static_functions;

/* On failure nothing is to be released. */
dlx_result dlx__static_functions_list(dlx__static_functions *f, const dlx__model *m,
                                      const dlx__export_opts *o, dlx_error *err);
void dlx__static_functions_release(dlx__static_functions *f);

/* Refuses what such functions cannot be without, and a second file; `what` holds them: "a Core ML
 * package". */
dlx_result dlx__static_functions_check(const dlx__export_opts *o, const char *what, dlx_error *err);

/* Fills o->written, whose program_bytes are known, of functions over the store; K and V of a
 * position have kv_bytes. */
void dlx__static_functions_tell(const dlx__static_functions *f, const dlx__model *m,
                                const dlx__export_opts *o, const dlx__weight_store *store,
                                size_t kv_bytes);

#endif
