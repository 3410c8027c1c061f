/*
 * ml_store.h - the one file of weights that all functions of a package refer to (MIL's blob
 * storage, version 2): a header of 64 bytes, then for each weight a record of 64 bytes and its
 * bytes, all of it in steps of 64. A weight gets its record when a function asks for it, the same
 * one for every function; bytes are made when the file is written, a few rows at a time.
 */
#ifndef DLX__ML_STORE_H
#define DLX__ML_STORE_H

#include "base/os.h"
#include "base/pool.h"
#include "base/sha256.h"
#include "export/ml_graph.h"
#include "export/pack_row.h"

typedef struct dlx__ml_item {
    const dlx__tensor *tensor; /* NULL: `bytes` */
    dlx__packing packing;
    bool scales;       /* of integers, not the integers */
    const void *bytes; /* [n_bytes] */
    const char *key;   /* of bytes */
    uint64_t n_bytes;
    dlx__ml_blob blob;
} dlx__ml_item;

typedef struct dlx__ml_store {
    dlx__arena arena;
    const dlx__model *model; /* whose file's pages are given back when a tensor is done */
    dlx__ml_item *items;     /* [n] in the order of the file */
    size_t n, capacity;
    uint64_t n_bytes; /* of the file */
    size_t n_again;   /* tensors whose integers were rounded again, once it is written */
    dlx_error failure;
} dlx__ml_store;

void dlx__ml_store_init(dlx__ml_store *s, const dlx__model *model, const dlx_allocator *mem);
void dlx__ml_store_release(dlx__ml_store *s);

/* The rows of a tensor, of FP16, INT8_HALF or INT4_HALF; or the scales of the last two, [n, 1] or
 * [n, k / 32]. */
dlx__ml_blob dlx__ml_store_rows(dlx__ml_store *s, const dlx__tensor *t, dlx__packing packing,
                                bool scales);

/* fp16 numbers that were made for a function, copied; one of a key that is there already is that
 * one. */
dlx__ml_blob dlx__ml_store_halves(dlx__ml_store *s, const char *key, const uint16_t *halves,
                                  size_t n);

typedef struct dlx__ml_store_writing {
    dlx__pool *pool;                                                    /* or NULL */
    bool (*on_progress)(void *user, uint64_t n_done, uint64_t n_total); /* false stops; or NULL */
    void *user;
    char sha256[DLX__SHA256_HEX]; /* of the file, when it is written */
} dlx__ml_store_writing;

dlx_result dlx__ml_store_write(dlx__ml_store *s, const char *path, dlx__ml_store_writing *w,
                               dlx_error *err);

#endif
