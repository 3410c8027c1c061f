/*
 * flat_view.h - reads a flatbuffer that nobody vouches for. Every access is compared with the bytes
 * that are there, its alignment with the start of the buffer. Depth and number of the tables that
 * are visited are limited: tables that lead to the same tables twice over multiply without end.
 *
 * The first fault is kept in `failure`; from then on every getter gives its default and every
 * vector is empty, so a reader collects what it wants and looks at the failure once a step. A table
 * that is absent reads as one without fields.
 */
#ifndef DLX__FLAT_VIEW_H
#define DLX__FLAT_VIEW_H

#include "base/base.h"

enum { DLX__FLAT_MAX_DEPTH = 64, DLX__FLAT_MAX_TABLES = 1000000 };

typedef struct dlx__flat_view {
    const uint8_t *data; /* [n] */
    size_t n;
    const char *what;      /* begins the sentences: "model.pte: program" */
    size_t n_tables;       /* visited */
    size_t n_vector_bytes; /* likewise; the same bytes may be visited often, but not endlessly */
    dlx_error failure;
} dlx__flat_view;

typedef struct dlx__flat_table {
    dlx__flat_view *view; /* NULL: absent */
    size_t at;            /* of the table in the view */
    size_t vtable;
    size_t n_slots, n_bytes;
    int depth;
} dlx__flat_table;

typedef struct dlx__flat_vec {
    const uint8_t *data; /* [n] elements, little-endian, aligned to the start of the buffer only */
    size_t n;
    dlx__flat_view *view;
    int depth;
    bool present;
} dlx__flat_vec;

typedef struct dlx__flat_str {
    const char *data; /* [len], then a zero byte; "" when absent */
    size_t len;
    bool present;
} dlx__flat_str;

/* `what` is borrowed. data[0 .. 8) holds the offset of the root and the identifier. */
void dlx__flat_view_init(dlx__flat_view *v, const uint8_t *data, size_t n, const char *what);
dlx_result dlx__flat_view_result(const dlx__flat_view *v, dlx_error *err);

/* Keeps a fault that the caller found, unless there is one already: "<what>: <sentence>". */
void dlx__flat_fault(dlx__flat_view *v, const char *format, ...) DLX__PRINTF(2, 3);
/* The same of a file that is whole, but does not go with another: DLX_E_MISMATCH. */
void dlx__flat_mismatch(dlx__flat_view *v, const char *format, ...) DLX__PRINTF(2, 3);

/* The root table; the identifier must be `id`, or `other` where that is not NULL. */
dlx__flat_table dlx__flat_root(dlx__flat_view *v, const char *id, const char *other);

bool dlx__flat_has(const dlx__flat_table *t, int slot);
uint8_t dlx__flat_u8(const dlx__flat_table *t, int slot);
uint16_t dlx__flat_u16(const dlx__flat_table *t, int slot);
uint32_t dlx__flat_u32(const dlx__flat_table *t, int slot);
int32_t dlx__flat_i32(const dlx__flat_table *t, int slot);
uint64_t dlx__flat_u64(const dlx__flat_table *t, int slot);
int64_t dlx__flat_i64(const dlx__flat_table *t, int slot);
float dlx__flat_f32(const dlx__flat_table *t, int slot);
double dlx__flat_f64(const dlx__flat_table *t, int slot);

dlx__flat_table dlx__flat_child(const dlx__flat_table *t, int slot);
dlx__flat_str dlx__flat_get_text(const dlx__flat_table *t, int slot);
dlx__flat_vec dlx__flat_get_vector(const dlx__flat_table *t, int slot, size_t elem_bytes);

/* A vector of tables or strings, and its elements. */
dlx__flat_vec dlx__flat_get_refs(const dlx__flat_table *t, int slot);
dlx__flat_table dlx__flat_table_at(const dlx__flat_vec *v, size_t i);

/* Elements of vectors of scalars; i < v->n. */
uint32_t dlx__flat_u32_at(const dlx__flat_vec *v, size_t i);
int32_t dlx__flat_i32_at(const dlx__flat_vec *v, size_t i);
uint64_t dlx__flat_u64_at(const dlx__flat_vec *v, size_t i);
int64_t dlx__flat_i64_at(const dlx__flat_vec *v, size_t i);

#endif
