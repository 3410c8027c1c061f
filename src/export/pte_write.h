/*
 * pte_write.h - writes a program to a .pte file, and its named data to a .ptd file if asked. Sizes
 * come first: the flatbuffer, which is small, is built with the place of every segment in it. Then
 * the bytes stream from their producers to the file; nothing as large as a weight is held. The
 * files appear under their names when they are complete.
 */
#ifndef DLX__PTE_WRITE_H
#define DLX__PTE_WRITE_H

#include "export/pte_program.h"

typedef struct dlx__pte_write_opts {
    /*
     * Alignment of segments, a power of two from 16; 0: 4096, a page. Small segments get less, so
     * that padding stays below 1/64 of the data.
     */
    uint64_t segment_align;
    const char *data_path; /* NULL: named data lies in the .pte; otherwise in this .ptd */
    bool (*on_progress)(void *user, uint64_t n_done, uint64_t n_total); /* false stops; or NULL */
    void *user;
    const dlx_allocator *mem;
} dlx__pte_write_opts;

typedef struct dlx__pte_written {
    uint64_t pte_bytes, ptd_bytes; /* of the files */
    uint64_t program_bytes;        /* header and flatbuffer of the .pte */
    uint64_t payload_bytes, constant_bytes, named_bytes;
} dlx__pte_written;

/* `written` may be NULL. A failed write leaves what was under the names before. */
dlx_result dlx__pte_write(const dlx__pte *p, const char *path, const dlx__pte_write_opts *opts,
                          dlx__pte_written *written, dlx_error *err);

/* For producers: the next bytes of their blob. */
dlx_result dlx__pte_sink_put(dlx__pte_sink *sink, const void *bytes, size_t n, dlx_error *err);

#endif
