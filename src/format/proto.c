/*
 * proto.c - protobuf messages, front to back. The length of a message stands before it and is as
 * long as the number needs: it is put in when the message ends.
 */
#include "format/proto.h"

#include "base/fail.h"
#include "base/little.h" /* floats go out as they are */

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_32 = 5, MAX_VARINT = 10, MAX_BYTES = 0x7fffffff };

void dlx__proto_init(dlx__proto *p, const dlx_allocator *mem)
{
    *p = (dlx__proto){0};
    dlx__buf_init(&p->out, mem);
}

void dlx__proto_release(dlx__proto *p)
{
    dlx__buf_release(&p->out);
    dlx__proto_init(p, p->out.mem);
}

/* Room for n bytes more; false: there is a failure. */
static bool reserve(dlx__proto *p, size_t n)
{
    if (p->failure.code != DLX_OK)
        return false;
    if (n > MAX_BYTES - p->out.len)
        dlx__fail(&p->failure, DLX_E_UNSUPPORTED,
                  "a protobuf message holds at most 2 GiB, and %zu bytes more than its %zu were "
                  "wanted; large data belongs into a file beside it",
                  n, p->out.len);
    else if (!dlx__buf_reserve(&p->out, n))
        dlx__fail_memory(&p->failure, "building a protobuf message", n);
    return p->failure.code == DLX_OK;
}

static void append(dlx__proto *p, const void *bytes, size_t n)
{
    if (reserve(p, n))
        (void)dlx__buf_append(&p->out, bytes, n); /* there is room */
}

static size_t varint(uint8_t out[MAX_VARINT], uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    return n;
}

static void put_varint(dlx__proto *p, uint64_t v)
{
    uint8_t bytes[MAX_VARINT];
    append(p, bytes, varint(bytes, v));
}

static void put_key(dlx__proto *p, int field, int wire)
{
    put_varint(p, (uint64_t)field << 3 | (uint64_t)wire);
}

void dlx__proto_begin(dlx__proto *p, int field)
{
    put_key(p, field, WIRE_BYTES);
    if (p->failure.code == DLX_OK && p->depth == DLX__PROTO_MAX_DEPTH)
        dlx__fail(&p->failure, DLX_E_UNSUPPORTED, "a protobuf message is more than %d deep",
                  DLX__PROTO_MAX_DEPTH);
    if (p->failure.code == DLX_OK)
        p->starts[p->depth++] = p->out.len;
}

void dlx__proto_end(dlx__proto *p)
{
    uint8_t length[MAX_VARINT];
    if (p->failure.code == DLX_OK && p->depth == 0)
        dlx__fail(&p->failure, DLX_E_ARG, "a protobuf message was ended and not begun");
    if (p->failure.code != DLX_OK)
        return;
    const size_t start = p->starts[--p->depth], n_bytes = p->out.len - start;
    const size_t n = varint(length, n_bytes);
    if (!reserve(p, n))
        return;
    (void)dlx__buf_append(&p->out, length, n); /* makes room; the bytes are put where they belong */
    char *at = p->out.data + start;
    memmove(at + n, at, n_bytes);
    memcpy(at, length, n);
}

void dlx__proto_int_always(dlx__proto *p, int field, int64_t v)
{
    put_key(p, field, WIRE_VARINT);
    put_varint(p, (uint64_t)v);
}

void dlx__proto_int(dlx__proto *p, int field, int64_t v)
{
    if (v != 0)
        dlx__proto_int_always(p, field, v);
}

void dlx__proto_float(dlx__proto *p, int field, float v)
{
    if (v == 0.0f)
        return;
    put_key(p, field, WIRE_32);
    append(p, &v, sizeof v);
}

void dlx__proto_bytes(dlx__proto *p, int field, const void *bytes, size_t n)
{
    put_key(p, field, WIRE_BYTES);
    put_varint(p, n);
    append(p, bytes, n);
}

void dlx__proto_text_always(dlx__proto *p, int field, const char *text)
{
    dlx__proto_bytes(p, field, text, strlen(text));
}

void dlx__proto_text(dlx__proto *p, int field, const char *text)
{
    if (text[0] != '\0')
        dlx__proto_text_always(p, field, text);
}

void dlx__proto_ints(dlx__proto *p, int field, const int64_t *v, size_t n)
{
    dlx__proto_begin(p, field);
    for (size_t i = 0; i < n; i++)
        put_varint(p, (uint64_t)v[i]);
    dlx__proto_end(p);
}

void dlx__proto_floats(dlx__proto *p, int field, const float *v, size_t n)
{
    dlx__proto_bytes(p, field, v, dlx__mul(n, sizeof *v));
}

dlx_result dlx__proto_finish(dlx__proto *p, const uint8_t **bytes, size_t *n_bytes, dlx_error *err)
{
    if (p->failure.code == DLX_OK && p->depth > 0)
        dlx__fail(&p->failure, DLX_E_ARG, "a protobuf message was begun and not ended");
    if (p->failure.code != DLX_OK)
        return dlx__fail(err, p->failure.code, "%s", p->failure.text);
    *bytes = (const uint8_t *)p->out.data;
    *n_bytes = p->out.len;
    return DLX_OK;
}
