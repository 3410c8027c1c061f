/*
 * flat_view.c - a flatbuffer read with suspicion. Positions are size_t and are compared before they
 * are added, so no arithmetic on them overflows.
 */
#include "format/flat_view.h"

#include "base/fail.h"
#include "base/little.h"

#include <stdarg.h>
#include <stdio.h>

enum { OFFSET_BYTES = 4, VTABLE_HEAD = 4, MIN_VECTOR_BYTES = 1 << 20, VECTOR_FACTOR = 16 };

void dlx__flat_view_init(dlx__flat_view *v, const uint8_t *data, size_t n, const char *what)
{
    *v = (dlx__flat_view){.data = data, .n = n, .what = what};
}

dlx_result dlx__flat_view_result(const dlx__flat_view *v, dlx_error *err)
{
    if (v->failure.code == DLX_OK)
        return DLX_OK;
    return dlx__fail(err, v->failure.code, "%s", v->failure.text);
}

static void fault(dlx__flat_view *v, dlx_result code, const char *format, va_list args)
{
    char text[sizeof v->failure.text];
    if (v->failure.code != DLX_OK)
        return;
    vsnprintf(text, sizeof text, format, args);
    dlx__fail(&v->failure, code, "%.200s: %s", v->what, text);
}

void dlx__flat_fault(dlx__flat_view *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fault(v, DLX_E_FORMAT, format, args);
    va_end(args);
}

void dlx__flat_mismatch(dlx__flat_view *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fault(v, DLX_E_MISMATCH, format, args);
    va_end(args);
}

static bool failed(const dlx__flat_view *v)
{
    return v->failure.code != DLX_OK;
}

/* n bytes at `at`, aligned, are inside; otherwise the fault. */
static bool inside(dlx__flat_view *v, size_t at, size_t n, size_t align)
{
    if (at <= v->n && n <= v->n - at && at % align == 0)
        return true;
    dlx__flat_fault(
        v,
        "expected %zu bytes at byte %zu, a multiple of %zu, found %zu bytes in all; the "
        "file is damaged",
        n, at, align, v->n);
    return false;
}

/* Where the offset that is stored at `at` leads to; 0 with a fault. */
static size_t follow(dlx__flat_view *v, size_t at)
{
    if (!inside(v, at, OFFSET_BYTES, OFFSET_BYTES))
        return 0;
    uint32_t offset = dlx__le32(v->data + at);
    if (offset == 0 || offset > v->n - at) {
        dlx__flat_fault(v, "the offset at byte %zu leads out of the %zu bytes; the file is damaged",
                        at, v->n);
        return 0;
    }
    return at + offset;
}

/* The vtable of a table; its sizes against the bytes. */
static bool read_layout(dlx__flat_table *t)
{
    dlx__flat_view *v = t->view;
    if (!inside(v, t->at, OFFSET_BYTES, OFFSET_BYTES))
        return false;
    int64_t vtable = (int64_t)t->at - (int32_t)dlx__le32(v->data + t->at);
    if (vtable < 0 || (uint64_t)vtable > v->n) {
        dlx__flat_fault(v, "the table at byte %zu has no layout; the file is damaged", t->at);
        return false;
    }
    t->vtable = (size_t)vtable;
    if (!inside(v, t->vtable, VTABLE_HEAD, 2))
        return false;
    size_t n_bytes = dlx__le16(v->data + t->vtable);
    t->n_bytes = dlx__le16(v->data + t->vtable + 2);
    if (n_bytes < VTABLE_HEAD || n_bytes % 2 != 0 || t->n_bytes < OFFSET_BYTES) {
        dlx__flat_fault(v, "the layout at byte %zu is damaged", t->vtable);
        return false;
    }
    t->n_slots = (n_bytes - VTABLE_HEAD) / 2;
    return inside(v, t->vtable, n_bytes, 2) && inside(v, t->at, t->n_bytes, OFFSET_BYTES);
}

static dlx__flat_table table_from(dlx__flat_view *v, size_t at, int depth)
{
    dlx__flat_table t = {.view = v, .at = at, .depth = depth};
    if (depth > DLX__FLAT_MAX_DEPTH || v->n_tables >= DLX__FLAT_MAX_TABLES)
        dlx__flat_fault(v, "tables lead to tables without end; the file is damaged");
    v->n_tables++;
    if (failed(v) || !read_layout(&t))
        return (dlx__flat_table){.view = NULL};
    return t;
}

dlx__flat_table dlx__flat_root(dlx__flat_view *v, const char *id, const char *other)
{
    const dlx__flat_table none = {.view = NULL};
    if (failed(v) || !inside(v, 0, 8, 1))
        return none;
    const char *found = (const char *)v->data + 4;
    if (memcmp(found, id, 4) != 0 && (!other || memcmp(found, other, 4) != 0)) {
        dlx__flat_fault(v, "expected the identifier %.4s at byte 4, found something else", id);
        return none;
    }
    size_t at = follow(v, 0);
    return at ? table_from(v, at, 0) : none;
}

/* Where a field of n_bytes stands; 0: it is left out, or the view has a fault. */
static size_t field(const dlx__flat_table *t, int slot, size_t n_bytes)
{
    if (!t->view || failed(t->view) || (size_t)slot >= t->n_slots)
        return 0;
    dlx__flat_view *v = t->view;
    size_t offset = dlx__le16(v->data + t->vtable + VTABLE_HEAD + 2 * (size_t)slot);
    if (offset == 0)
        return 0;
    if (offset < OFFSET_BYTES || offset + n_bytes > t->n_bytes) {
        dlx__flat_fault(v, "field %d of the table at byte %zu lies outside of it", slot, t->at);
        return 0;
    }
    return inside(v, t->at + offset, n_bytes, n_bytes) ? t->at + offset : 0;
}

bool dlx__flat_has(const dlx__flat_table *t, int slot)
{
    return field(t, slot, 1) != 0;
}

/* Copies the field into *value, which keeps its default if there is none. */
static void get(const dlx__flat_table *t, int slot, void *value, size_t n_bytes)
{
    size_t at = field(t, slot, n_bytes);
    if (at)
        memcpy(value, t->view->data + at, n_bytes);
}

#define GETTER(name, type)                                                                         \
    type dlx__flat_##name(const dlx__flat_table *t, int slot)                                      \
    {                                                                                              \
        type value = 0;                                                                            \
        get(t, slot, &value, sizeof value);                                                        \
        return value;                                                                              \
    }
GETTER(u8, uint8_t)
GETTER(u16, uint16_t)
GETTER(u32, uint32_t)
GETTER(i32, int32_t)
GETTER(u64, uint64_t)
GETTER(i64, int64_t)
GETTER(f32, float)
GETTER(f64, double)
#undef GETTER

dlx__flat_table dlx__flat_child(const dlx__flat_table *t, int slot)
{
    size_t from = field(t, slot, OFFSET_BYTES);
    size_t at = from ? follow(t->view, from) : 0;
    return at ? table_from(t->view, at, t->depth + 1) : (dlx__flat_table){.view = NULL};
}

dlx__flat_str dlx__flat_get_text(const dlx__flat_table *t, int slot)
{
    const dlx__flat_str none = {.data = ""};
    size_t from = field(t, slot, OFFSET_BYTES);
    size_t at = from ? follow(t->view, from) : 0;
    if (!at || !inside(t->view, at, OFFSET_BYTES, OFFSET_BYTES))
        return none;
    size_t len = dlx__le32(t->view->data + at);
    if (!inside(t->view, at + OFFSET_BYTES, dlx__add(len, 1), 1))
        return none;
    const char *text = (const char *)t->view->data + at + OFFSET_BYTES;
    if (text[len] != '\0') {
        dlx__flat_fault(t->view, "the text at byte %zu does not end where it should", at);
        return none;
    }
    return (dlx__flat_str){.data = text, .len = len, .present = true};
}

/* Visiting the same large vector from many tables would take forever; files share few of them. */
static bool charge(dlx__flat_view *v, size_t n_bytes)
{
    v->n_vector_bytes = dlx__add(v->n_vector_bytes, n_bytes);
    if (v->n_vector_bytes <= dlx__add(dlx__mul(v->n, VECTOR_FACTOR), MIN_VECTOR_BYTES))
        return true;
    dlx__flat_fault(v, "its tables lead to the same bytes over and over; the file is damaged");
    return false;
}

dlx__flat_vec dlx__flat_get_vector(const dlx__flat_table *t, int slot, size_t elem_bytes)
{
    const dlx__flat_vec none = {.n = 0};
    size_t from = field(t, slot, OFFSET_BYTES);
    size_t at = from ? follow(t->view, from) : 0;
    if (!at || !inside(t->view, at, OFFSET_BYTES, OFFSET_BYTES))
        return none;
    size_t n = dlx__le32(t->view->data + at);
    size_t n_bytes = dlx__mul(n, elem_bytes);
    if (!inside(t->view, at + OFFSET_BYTES, n_bytes, n ? elem_bytes : 1) ||
        !charge(t->view, n_bytes))
        return none;
    return (dlx__flat_vec){.data = t->view->data + at + OFFSET_BYTES,
                           .n = n,
                           .view = t->view,
                           .depth = t->depth,
                           .present = true};
}

dlx__flat_vec dlx__flat_get_refs(const dlx__flat_table *t, int slot)
{
    return dlx__flat_get_vector(t, slot, OFFSET_BYTES);
}

dlx__flat_table dlx__flat_table_at(const dlx__flat_vec *v, size_t i)
{
    size_t from = (size_t)(v->data - v->view->data) + i * OFFSET_BYTES;
    size_t at = failed(v->view) ? 0 : follow(v->view, from);
    return at ? table_from(v->view, at, v->depth + 1) : (dlx__flat_table){.view = NULL};
}

uint32_t dlx__flat_u32_at(const dlx__flat_vec *v, size_t i)
{
    return dlx__le32(v->data + 4 * i);
}

int32_t dlx__flat_i32_at(const dlx__flat_vec *v, size_t i)
{
    return (int32_t)dlx__le32(v->data + 4 * i);
}

uint64_t dlx__flat_u64_at(const dlx__flat_vec *v, size_t i)
{
    return dlx__le64(v->data + 8 * i);
}

int64_t dlx__flat_i64_at(const dlx__flat_vec *v, size_t i)
{
    return (int64_t)dlx__le64(v->data + 8 * i);
}
