/*
 * weight_store.h - one file of weights that several graphs refer to. A weight gets its place when a
 * graph asks for it, the same place for every graph that does; bytes are made when the file is
 * written, a few rows at a time. How the file is laid out is its format's.
 */
#ifndef DLX__WEIGHT_STORE_H
#define DLX__WEIGHT_STORE_H

#include "base/os.h"
#include "base/sha256.h"
#include "export/parts.h"
#include "export/tensor_rows.h"
#include "export/weight_place.h"

typedef struct dlx__weight_item {
    const dlx__tensor *tensor; /* NULL: `bytes` */
    dlx__packing packing;
    dlx__row_part row_part; /* of its rows */
    const void *bytes;      /* [place.n_bytes] */
    const char *key;        /* of bytes */
    dlx__export_part part;
    dlx__weight_place place;
} dlx__weight_item;

enum { DLX__WEIGHT_RECORD = 64 };

typedef struct dlx__weight_layout {
    size_t head_bytes, record_bytes; /* before all items; before each: RECORD at most */
    size_t step, large_step; /* items begin at multiples of step, those with as many bytes as
                                large_step at multiples of that */
    bool ends_on_step;       /* the file too */
    /* Fill `out`, which is 0; NULL where there are no such bytes. */
    void (*head)(uint8_t *out, size_t n_items);
    void (*record)(uint8_t *out, const dlx__weight_item *item);
} dlx__weight_layout;

typedef struct dlx__weight_store {
    dlx__arena arena;
    const dlx__weight_layout *layout;
    const dlx__model *model;
    dlx__weight_item *items; /* [n] in the order of the file */
    size_t n, capacity;
    uint64_t n_bytes; /* of the file */
    size_t n_again;   /* tensors whose integers were rounded again, once it is written */
    dlx_error failure;
} dlx__weight_store;

void dlx__weight_store_init(dlx__weight_store *s, const dlx__weight_layout *layout,
                            const dlx__model *model, const dlx_allocator *mem);
void dlx__weight_store_release(dlx__weight_store *s);

/* A part of the rows of a tensor in a form; integers and levels of INT4_LPBQ turned, [k, n]. */
dlx__weight_place dlx__weight_store_rows(dlx__weight_store *s, const dlx__tensor *t,
                                         dlx__packing packing, dlx__row_part part);

/* Numbers that were made for a graph, copied, which count as `part`; one of a key that is there
 * already is that one. */
dlx__weight_place dlx__weight_store_bytes(dlx__weight_store *s, const char *key,
                                          dlx__export_part part, const void *bytes, size_t n_bytes);

/* Adds all of them to parts->bytes, and what is between them to the program's. A tied head that is
 * in the form of the table, `table`, counts as that. */
void dlx__weight_store_weigh(const dlx__weight_store *s, dlx__packing table,
                             dlx__export_parts *parts);

typedef struct dlx__weight_writing {
    int n_threads; /* that pack; 0: the fast cores */
    bool (*on_progress)(void *user, uint64_t n_done, uint64_t n_total); /* false stops; or NULL */
    void *user;
    char sha256[DLX__SHA256_HEX]; /* of the file, when it is written */
} dlx__weight_writing;

dlx_result dlx__weight_store_write(dlx__weight_store *s, const char *path, dlx__weight_writing *w,
                                   dlx_error *err);

#endif
