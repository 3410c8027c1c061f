/*
 * proto_view.c - protobuf messages read with suspicion. Lengths are compared with what is left
 * before anything is added to a position, so no arithmetic on them overflows.
 */
#include "format/proto_view.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_VARINT = 10 };

void dlx__proto_view_init(dlx__proto_view *v, const uint8_t *data, size_t n, const char *what)
{
    *v = (dlx__proto_view){.what = what, .data = data, .n = n};
}

dlx_result dlx__proto_view_result(const dlx__proto_view *v, dlx_error *err)
{
    if (v->failure.code == DLX_OK)
        return DLX_OK;
    return dlx__fail(err, v->failure.code, "%s", v->failure.text);
}

void dlx__proto_fault(dlx__proto_view *v, const char *format, ...)
{
    if (v->failure.code != DLX_OK)
        return;
    char text[sizeof v->failure.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dlx__fail(&v->failure, DLX_E_FORMAT, "%.200s: %s", v->what, text);
}

static bool failed(const dlx__proto_view *v)
{
    return v->failure.code != DLX_OK;
}

/* Where a byte of the view stands, for the sentences. */
static size_t place(const dlx__proto_field *f, size_t at)
{
    return (size_t)(f->in.data - f->in.view->data) + at;
}

dlx__proto_message dlx__proto_root(dlx__proto_view *v)
{
    return (dlx__proto_message){.view = v, .data = v->data, .n = v->n};
}

dlx__proto_field dlx__proto_fields(const dlx__proto_message *m)
{
    return (dlx__proto_field){.in = *m};
}

/* The number at *at, which moves behind it; false: it does not end where it may. */
static bool read_varint(const uint8_t *data, size_t n, size_t *at, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < MAX_VARINT && *at < n; i++) {
        const uint8_t byte = data[(*at)++];
        if (i == MAX_VARINT - 1 && byte > 1)
            return false; /* more than 64 bits */
        v |= (uint64_t)(byte & 0x7fu) << 7 * i;
        if (byte < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool cut_off(const dlx__proto_field *f)
{
    dlx__proto_fault(f->in.view,
                     "the field at byte %zu does not end inside its message of %zu bytes; the file "
                     "is cut off or damaged",
                     place(f, f->start), f->in.n);
    return false;
}

/* n bytes from `at` on, which moves behind them. */
static bool take(dlx__proto_field *f, uint64_t n)
{
    if (n > f->in.n - f->at)
        return cut_off(f);
    f->data = f->in.data + f->at;
    f->n = (size_t)n;
    f->at += (size_t)n;
    return true;
}

static bool read_payload(dlx__proto_field *f)
{
    switch (f->wire) {
    case DLX__PROTO_VARINT:
        return read_varint(f->in.data, f->in.n, &f->at, &f->value) || cut_off(f);
    case DLX__PROTO_FIXED64:
        if (!take(f, 8))
            return false;
        f->value = dlx__le64(f->data);
        return true;
    case DLX__PROTO_FIXED32:
        if (!take(f, 4))
            return false;
        f->value = dlx__le32(f->data);
        return true;
    default: /* a length in front */
        if (!read_varint(f->in.data, f->in.n, &f->at, &f->value))
            return cut_off(f);
        return take(f, f->value);
    }
}

bool dlx__proto_next(dlx__proto_field *f)
{
    uint64_t key = 0;
    if (!f->in.view || failed(f->in.view) || f->at == f->in.n)
        return false;
    f->start = f->at;
    f->data = NULL;
    f->n = 0;
    if (!read_varint(f->in.data, f->in.n, &f->at, &key))
        return cut_off(f);
    const unsigned wire = key & 7;
    if (key >> 3 == 0 || key >> 32 != 0 || wire == 3 || wire == 4 || wire > DLX__PROTO_FIXED32) {
        dlx__proto_fault(f->in.view,
                         "expected the number and the kind of a field at byte %zu, found %llu; the "
                         "file is damaged",
                         place(f, f->start), (unsigned long long)key);
        return false;
    }
    f->number = (uint32_t)(key >> 3);
    f->wire = (dlx__proto_wire)wire;
    return read_payload(f);
}

/* The field is of this kind; otherwise the fault. */
static bool expect(const dlx__proto_field *f, dlx__proto_wire wire)
{
    static const char *const kinds[] = {"a number", "8 bytes", "a length and bytes",
                                        "a group",  "a group", "4 bytes"};
    if (f->wire == wire)
        return true;
    dlx__proto_fault(f->in.view, "field %u at byte %zu: expected %s, found %s", (unsigned)f->number,
                     place(f, f->start), kinds[wire], kinds[f->wire]);
    return false;
}

dlx__proto_message dlx__proto_child(const dlx__proto_field *f)
{
    const dlx__proto_message none = {.view = NULL};
    if (!expect(f, DLX__PROTO_BYTES))
        return none;
    if (f->in.depth == DLX__PROTO_VIEW_DEPTH) {
        dlx__proto_fault(f->in.view,
                         "byte %zu: expected messages at most %d deep, found more; the file is "
                         "damaged",
                         place(f, f->start), DLX__PROTO_VIEW_DEPTH);
        return none;
    }
    return (dlx__proto_message){
        .view = f->in.view, .data = f->data, .n = f->n, .depth = f->in.depth + 1};
}

void dlx__proto_only_child(const dlx__proto_field *f, dlx__proto_message *m)
{
    if (m->view)
        dlx__proto_fault(f->in.view, "field %u at byte %zu: expected it once in its message",
                         (unsigned)f->number, place(f, f->start));
    *m = dlx__proto_child(f);
}

int64_t dlx__proto_get_int(const dlx__proto_field *f)
{
    return expect(f, DLX__PROTO_VARINT) ? (int64_t)f->value : 0;
}

const char *dlx__proto_get_text(const dlx__proto_field *f, dlx__arena *arena)
{
    if (!expect(f, DLX__PROTO_BYTES))
        return "";
    if (dlx__utf8_valid_prefix((const char *)f->data, f->n) != f->n ||
        (f->n && memchr(f->data, '\0', f->n))) {
        dlx__proto_fault(f->in.view, "field %u at byte %zu: expected text in UTF-8",
                         (unsigned)f->number, place(f, f->start));
        return "";
    }
    const char *text = dlx__arena_strndup(arena, (const char *)f->data, f->n);
    if (text)
        return text;
    if (!failed(f->in.view))
        dlx__fail_memory(&f->in.view->failure, "reading a protobuf message", f->n);
    return "";
}

/* Packed or not, numbers of this wire type; `out` may be NULL. */
static size_t read_numbers(const dlx__proto_field *f, dlx__proto_wire wire, int64_t *out, size_t n)
{
    if (f->wire == wire && f->wire != DLX__PROTO_BYTES) {
        if (out && n)
            out[0] = (int64_t)f->value;
        return 1;
    }
    if (!expect(f, DLX__PROTO_BYTES))
        return 0;
    const size_t bytes = wire == DLX__PROTO_FIXED64 ? 8 : 4;
    size_t count = 0, at = 0;
    uint64_t v = 0;
    if (wire != DLX__PROTO_VARINT) {
        if (f->n % bytes != 0)
            (void)cut_off(f);
        return f->n / bytes;
    }
    for (; at < f->n; count++) {
        if (!read_varint(f->data, f->n, &at, &v)) {
            (void)cut_off(f);
            break;
        }
        if (out && count < n)
            out[count] = (int64_t)v;
    }
    return count;
}

size_t dlx__proto_count(const dlx__proto_field *f, dlx__proto_wire wire)
{
    return read_numbers(f, wire, NULL, 0);
}

size_t dlx__proto_get_ints(const dlx__proto_field *f, int64_t *out, size_t n)
{
    return read_numbers(f, DLX__PROTO_VARINT, out, n);
}
