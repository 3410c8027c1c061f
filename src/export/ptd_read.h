/* ptd_read.h - a .ptd file: data by key, beside a program. Checked like pte_read.h. */
#ifndef DLX__PTD_READ_H
#define DLX__PTD_READ_H

#include "base/arena.h"
#include "base/os.h"

/* Data by key, in a .pte or a .ptd. */
typedef struct dlx__pte_item {
    const char *key;
    const uint8_t *data; /* in the mapped file */
    uint64_t n_bytes;
    int type; /* .ptd, of a tensor: element type and shape; -1: bytes without a layout */
    int n_dims;
    const int32_t *dims;
} dlx__pte_item;

typedef struct dlx__ptd_file {
    dlx__arena arena;
    dlx__map map;
    dlx__pte_item *items; /* [n_items], sorted by key, each key once */
    size_t n_items;
} dlx__ptd_file;

dlx_result dlx__ptd_open(dlx__ptd_file *f, const char *path, const dlx_allocator *mem,
                         dlx_error *err);
/* The same for bytes that the caller keeps. */
dlx_result dlx__ptd_parse(dlx__ptd_file *f, const uint8_t *data, size_t n, const char *path,
                          const dlx_allocator *mem, dlx_error *err);
void dlx__ptd_close(dlx__ptd_file *f);

/* Sorts; a key that occurs twice is the failure. */
dlx_result dlx__pte_sort_items(dlx__pte_item *items, size_t n, const char *path, dlx_error *err);
/* NULL: no such key. */
const dlx__pte_item *dlx__pte_find_item(const dlx__pte_item *items, size_t n, const char *key);

#endif
