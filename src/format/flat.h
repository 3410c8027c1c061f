/*
 * flat.h - builds a flatbuffer. It grows from the end towards the front, so whatever an object
 * refers to is written before it: leaves first, the root table last. A table is its fields between
 * dlx__flat_begin and dlx__flat_end, and nothing else may be written in between.
 *
 * Like dlx__buf, it keeps a failure (no memory, 2 GiB passed) inside: later calls do nothing, and
 * dlx__flat_finish returns it. Fields that hold zero bytes only are left out, because every default
 * of the formats written here is zero.
 */
#ifndef DLX__FLAT_H
#define DLX__FLAT_H

#include "base/base.h"

enum {
    DLX__FLAT_MAX_SLOTS = 24,
    DLX__FLAT_MAX_LAYOUTS = 64, /* tables of the same layout share a vtable, up to so many */
    DLX__FLAT_ALIGN = 16        /* of the whole buffer */
};

typedef uint32_t dlx__flat_ref; /* an object: bytes from its start to the end; 0: none */

typedef struct dlx__flat {
    const dlx_allocator *mem;
    uint8_t *data; /* the used bytes are the last `len` of `capacity` */
    size_t capacity, len;
    size_t table_start; /* `len` when the open table began */
    bool in_table;
    uint16_t n_slots;                          /* of the open table: highest slot + 1 */
    dlx__flat_ref fields[DLX__FLAT_MAX_SLOTS]; /* of the open table; 0: left out */
    dlx__flat_ref layouts[DLX__FLAT_MAX_LAYOUTS];
    size_t n_layouts;
    dlx_error failure; /* the first one; later calls do nothing */
} dlx__flat;

void dlx__flat_init(dlx__flat *f, const dlx_allocator *mem); /* allocates nothing */
void dlx__flat_release(dlx__flat *f);

/* n elements of elem_bytes (1, 2, 4 or 8), or structs with elem_align; the elements are aligned. */
dlx__flat_ref dlx__flat_vector(dlx__flat *f, const void *elems, size_t n, size_t elem_bytes,
                               size_t elem_align);
dlx__flat_ref dlx__flat_refs(dlx__flat *f, const dlx__flat_ref *refs, size_t n);
dlx__flat_ref dlx__flat_text(dlx__flat *f, const char *text);

void dlx__flat_begin(dlx__flat *f);
void dlx__flat_put(dlx__flat *f, int slot, const void *value, size_t n_bytes); /* 1, 2, 4 or 8 */
void dlx__flat_put_ref(dlx__flat *f, int slot, dlx__flat_ref ref);             /* 0: left out */
dlx__flat_ref dlx__flat_end(dlx__flat *f);

/* A union takes the slots `slot` (its kind) and slot + 1. */
static inline void dlx__flat_put_union(dlx__flat *f, int slot, uint8_t kind, dlx__flat_ref ref)
{
    dlx__flat_put(f, slot, &kind, 1);
    dlx__flat_put_ref(f, slot + 1, ref);
}

static inline void dlx__flat_put_u8(dlx__flat *f, int slot, uint8_t v)
{
    dlx__flat_put(f, slot, &v, sizeof v);
}

static inline void dlx__flat_put_u16(dlx__flat *f, int slot, uint16_t v)
{
    dlx__flat_put(f, slot, &v, sizeof v);
}

static inline void dlx__flat_put_u32(dlx__flat *f, int slot, uint32_t v)
{
    dlx__flat_put(f, slot, &v, sizeof v);
}

static inline void dlx__flat_put_i32(dlx__flat *f, int slot, int32_t v)
{
    dlx__flat_put(f, slot, &v, sizeof v);
}

static inline void dlx__flat_put_u64(dlx__flat *f, int slot, uint64_t v)
{
    dlx__flat_put(f, slot, &v, sizeof v);
}

static inline void dlx__flat_put_i64(dlx__flat *f, int slot, int64_t v)
{
    dlx__flat_put(f, slot, &v, sizeof v);
}

static inline void dlx__flat_put_f32(dlx__flat *f, int slot, float v)
{
    dlx__flat_put(f, slot, &v, sizeof v);
}

static inline void dlx__flat_put_f64(dlx__flat *f, int slot, double v)
{
    dlx__flat_put(f, slot, &v, sizeof v);
}

/* Names the root and the four characters that identify the format; `bytes` live in f. */
dlx_result dlx__flat_finish(dlx__flat *f, dlx__flat_ref root, const char id[4],
                            const uint8_t **bytes, size_t *n_bytes, dlx_error *err);

#endif
