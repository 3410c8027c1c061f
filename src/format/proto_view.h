/*
 * proto_view.h - reads protobuf messages (the wire format) that nobody vouches for. A message is a
 * span of bytes; its fields come one after the other, each compared with the bytes that are there.
 * How deep messages may lie in each other is limited, as it is in protobuf's own readers.
 *
 * Like dlx__flat_view, the first fault is kept in `failure`; from then on no message has fields, so
 * a reader collects what it wants and looks at the failure once a step. Fields that a reader does
 * not know are passed over; one that it knows and that is of another kind is a fault. So is a
 * message that is begun twice in a place for one: readers differ in what they make of it.
 *
 * Source: the encoding chapter of the Protocol Buffers documentation.
 */
#ifndef DLX__PROTO_VIEW_H
#define DLX__PROTO_VIEW_H

#include "base/arena.h"

enum { DLX__PROTO_VIEW_DEPTH = 100 };

typedef struct dlx__proto_view {
    const char *what; /* begins the sentences: "X.mlpackage/model.mlmodel" */
    const uint8_t *data;
    size_t n;
    dlx_error failure;
} dlx__proto_view;

/* A message, or the bytes of a list of packed numbers. */
typedef struct dlx__proto_message {
    dlx__proto_view *view; /* NULL: absent, which reads as a message without fields */
    const uint8_t *data;   /* [n] */
    size_t n;
    int depth;
} dlx__proto_message;

typedef enum dlx__proto_wire {
    DLX__PROTO_VARINT = 0,
    DLX__PROTO_FIXED64 = 1,
    DLX__PROTO_BYTES = 2,
    DLX__PROTO_FIXED32 = 5
} dlx__proto_wire;

/* A field, and where the reading of its message stands. Begins as the message's first. */
typedef struct dlx__proto_field {
    dlx__proto_message in;
    size_t at;    /* in the message: of the next field */
    size_t start; /* of this one */
    uint32_t number;
    dlx__proto_wire wire;
    uint64_t value;      /* of a number, as its bits are */
    const uint8_t *data; /* [n] of what has a length */
    size_t n;
} dlx__proto_field;

/* `what` is borrowed. */
void dlx__proto_view_init(dlx__proto_view *v, const uint8_t *data, size_t n, const char *what);
dlx_result dlx__proto_view_result(const dlx__proto_view *v, dlx_error *err);

/* Keeps a fault that the caller found, unless there is one already: "<what>: <sentence>". */
void dlx__proto_fault(dlx__proto_view *v, const char *format, ...) DLX__PRINTF(2, 3);

/*
 * The outermost message, and its fields:
 *     for (dlx__proto_field f = dlx__proto_fields(&m); dlx__proto_next(&f);)
 *         switch (f.number) ...
 */
dlx__proto_message dlx__proto_root(dlx__proto_view *v);
dlx__proto_field dlx__proto_fields(const dlx__proto_message *m);
bool dlx__proto_next(dlx__proto_field *f);

/* What the field holds; of another kind: a fault, and nothing. */
dlx__proto_message dlx__proto_child(const dlx__proto_field *f);
int64_t dlx__proto_get_int(const dlx__proto_field *f); /* int32, int64, uint64, bool, enum */

/* The message of a place for one: the second that is put there is a fault. */
void dlx__proto_only_child(const dlx__proto_field *f, dlx__proto_message *m);

/* A text, copied and terminated: UTF-8 without a zero byte in it. "" with a fault or without
 * memory, which is a fault of its own. */
const char *dlx__proto_get_text(const dlx__proto_field *f, dlx__arena *arena);

/* How many numbers of this wire type a repeated field brings here: many if they are packed. */
size_t dlx__proto_count(const dlx__proto_field *f, dlx__proto_wire wire);
/* The same for varints, which are written to out[n] as far as they go. */
size_t dlx__proto_get_ints(const dlx__proto_field *f, int64_t *out, size_t n);

#endif
