/*
 * proto.h - writes protobuf messages (the wire format of proto3). A message inside another is what
 * is put between dlx__proto_begin and dlx__proto_end; fields go out in the order in which they are
 * put, so that the same calls give the same bytes.
 *
 * Like dlx__flat, it keeps a failure (no memory, 2 GiB passed, too deep) inside: later calls do
 * nothing, and dlx__proto_finish returns it. Numbers that are 0 and texts that are empty are left
 * out, as proto3 does; members of a oneof and elements of a list need the calls that say `always`.
 *
 * Source: the encoding chapter of the Protocol Buffers documentation.
 */
#ifndef DLX__PROTO_H
#define DLX__PROTO_H

#include "base/buf.h"

enum { DLX__PROTO_MAX_DEPTH = 32 };

typedef struct dlx__proto {
    dlx__buf out;
    size_t starts[DLX__PROTO_MAX_DEPTH]; /* of the open messages: where their bytes begin */
    size_t depth;
    dlx_error failure; /* the first one; later calls do nothing */
} dlx__proto;

void dlx__proto_init(dlx__proto *p, const dlx_allocator *mem); /* allocates nothing */
void dlx__proto_release(dlx__proto *p);

/* A message as a field; the one that was begun last is ended first. */
void dlx__proto_begin(dlx__proto *p, int field);
void dlx__proto_end(dlx__proto *p);

/* int32, int64, uint64, bool and enum are one wire type: a varint. */
void dlx__proto_int(dlx__proto *p, int field, int64_t v);
void dlx__proto_int_always(dlx__proto *p, int field, int64_t v);
void dlx__proto_float(dlx__proto *p, int field, float v);
void dlx__proto_text(dlx__proto *p, int field, const char *text);
void dlx__proto_text_always(dlx__proto *p, int field, const char *text);
void dlx__proto_bytes(dlx__proto *p, int field, const void *bytes, size_t n); /* always */

/* Lists of numbers, packed; always, so that an empty one chooses its place in a oneof. */
void dlx__proto_ints(dlx__proto *p, int field, const int64_t *v, size_t n);
void dlx__proto_floats(dlx__proto *p, int field, const float *v, size_t n);

/* All that was put; the bytes live in p. Every message must have been ended. */
dlx_result dlx__proto_finish(dlx__proto *p, const uint8_t **bytes, size_t *n_bytes, dlx_error *err);

#endif
