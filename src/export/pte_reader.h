/* pte_reader.h - what the files that read a .pte share. */
#ifndef DLX__PTE_READER_H
#define DLX__PTE_READER_H

#include "export/pte_read.h"
#include "format/flat_view.h"

/* Bytes that tensors begin with: a segment and the offsets in it. */
typedef struct dlx__pte_pool {
    uint64_t n_bytes;
    dlx__flat_vec offsets;
} dlx__pte_pool;

typedef struct dlx__pte_reader {
    dlx__pte_file *file;
    const uint8_t *data; /* [file->n_bytes] */
    dlx__flat_view view;
    dlx__flat_table root;
    const char *path;
    const dlx__ptd_file *outside; /* or NULL */
    dlx_error *err;
    dlx__pte_span *segments; /* [file->n_segments] offsets in the file */
    bool *counted;           /* [file->n_segments] whether a part of the file's sizes has them */
    dlx__pte_pool constants;
    dlx__pte_pool *initials; /* [n_initials] */
    size_t n_initials;
    dlx__flat_vec old_buffers; /* constants inside the program, as old exporters wrote them */
    dlx__flat_vec inline_data; /* payloads inside the program */
} dlx__pte_reader;

void *dlx__pte_reader_alloc(dlx__pte_reader *r, size_t n, size_t size); /* NULL with a failure */
/* Its bytes, for one of the file's sizes; 0 when it was asked for before. */
uint64_t dlx__pte_count_segment(dlx__pte_reader *r, size_t segment);

/* Each leaves its faults in r->view; a failure is of memory, or of an XNNPACK payload. */
dlx_result dlx__pte_read_methods(dlx__pte_reader *r);
dlx_result dlx__pte_read_delegates(dlx__pte_reader *r, dlx__pte_seen_method *m,
                                   const dlx__flat_table *plan);
dlx_result dlx__pte_read_steps(dlx__pte_reader *r, dlx__pte_seen_method *m,
                               const dlx__flat_table *plan);
/* Value i of the method. */
dlx_result dlx__pte_read_value(dlx__pte_reader *r, dlx__pte_seen_method *m, size_t i,
                               const dlx__flat_table *entry);

#endif
