/*
 * onnx_store.h - the one file of weights that all graphs of a directory refer to. A place is given
 * when a graph asks for a tensor in a form, the same place to every graph that asks for it; bytes
 * are made when the file is written, a few rows at a time.
 */
#ifndef DLX__ONNX_STORE_H
#define DLX__ONNX_STORE_H

#include "base/os.h"
#include "base/pool.h"
#include "base/sha256.h"
#include "export/onnx_form.h"
#include "export/onnx_graph.h"
#include "model/model.h"

typedef struct dlx__onnx_item {
    const dlx__tensor *tensor; /* NULL: `bytes` */
    dlx__onnx_form form;
    const void *bytes; /* [place.n_bytes] */
    const char *key;   /* of bytes */
    dlx__onnx_place place;
} dlx__onnx_item;

typedef struct dlx__onnx_store {
    dlx__arena arena;
    const dlx__model *model; /* whose file's pages are given back when a tensor is done */
    dlx__onnx_item *items;   /* [n] in the order of the file */
    size_t n, capacity;
    uint64_t n_bytes; /* of the file */
    size_t n_again;   /* tensors whose integers were rounded again, once it is written */
    dlx_error failure;
} dlx__onnx_store;

void dlx__onnx_store_init(dlx__onnx_store *s, const dlx__model *model, const dlx_allocator *mem);
void dlx__onnx_store_release(dlx__onnx_store *s);

/* The rows of a tensor. */
dlx__onnx_place dlx__onnx_store_rows(dlx__onnx_store *s, const dlx__tensor *t, dlx__onnx_form form);

/* Numbers that were made for a graph, copied; one of a key that is there already is that one. */
dlx__onnx_place dlx__onnx_store_bytes(dlx__onnx_store *s, const char *key, const void *bytes,
                                      size_t n_bytes);

typedef struct dlx__onnx_store_writing {
    dlx__pool *pool;                                                    /* or NULL */
    bool (*on_progress)(void *user, uint64_t n_done, uint64_t n_total); /* false stops; or NULL */
    void *user;
    char sha256[DLX__SHA256_HEX]; /* of the file, when it is written */
} dlx__onnx_store_writing;

dlx_result dlx__onnx_store_write(dlx__onnx_store *s, const char *path, dlx__onnx_store_writing *w,
                                 dlx_error *err);

#endif
