/*
 * pte_layout.h - where everything of a program will lie: segments in the order in which they are
 * written. Offsets count from the end of the flatbuffer, so they are known before it is.
 */
#ifndef DLX__PTE_LAYOUT_H
#define DLX__PTE_LAYOUT_H

#include "export/pte_write.h"
#include "format/flat.h"

typedef struct dlx__pte_layout {
    dlx__pte_span *segments; /* [n_segments]: constants, initial values, payloads, named data */
    size_t n_segments;
    size_t constants, initials, payloads, named;  /* first segment of each; initials may be none */
    uint64_t *constant_offsets, *initial_offsets; /* [n_constants or 1], [n_initials] */
    uint64_t data_bytes;                          /* up to the end of the last segment */
    dlx__pte_span *outside;                       /* [n_named] segments of a .ptd, or NULL */
    uint64_t outside_bytes;
    uint64_t align; /* of the first segment */
} dlx__pte_layout;

/* Memory comes from the arena. */
dlx_result dlx__pte_lay_out(dlx__pte_layout *l, const dlx__pte *p, uint64_t align, bool outside,
                            dlx__arena *arena, dlx_error *err);

/* The flatbuffers of a .pte and of its .ptd; the bytes live in f. */
dlx_result dlx__pte_program_flat(dlx__flat *f, const dlx__pte *p, const dlx__pte_layout *l,
                                 const uint8_t **bytes, size_t *n_bytes, dlx_error *err);
dlx_result dlx__pte_outside_flat(dlx__flat *f, const dlx__pte *p, const dlx__pte_layout *l,
                                 const uint8_t **bytes, size_t *n_bytes, dlx_error *err);

#endif
