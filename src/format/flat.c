/*
 * flat.c - a flatbuffer, built from its end. A reference to an object is its distance from the end,
 * which does not change while the buffer grows in front of it; a stored offset is the difference of
 * two such distances.
 */
#include "format/flat.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

enum { FIRST_BYTES = 1024, MAX_BYTES = 0x7fffffff, OFFSET_BYTES = 4 };

void dlx__flat_init(dlx__flat *f, const dlx_allocator *mem)
{
    *f = (dlx__flat){.mem = mem};
}

void dlx__flat_release(dlx__flat *f)
{
    dlx__free(f->mem, f->data);
    dlx__flat_init(f, f->mem);
}

static bool failed(const dlx__flat *f)
{
    return f->failure.code != DLX_OK;
}

/* The object behind a reference. */
static uint8_t *at(const dlx__flat *f, dlx__flat_ref ref)
{
    return f->data + (f->capacity - ref);
}

/* Room for n bytes in front; the used bytes stay at the end of the larger block. */
static bool reserve(dlx__flat *f, size_t n)
{
    if (failed(f))
        return false;
    if (n > MAX_BYTES - f->len) {
        dlx__fail(&f->failure, DLX_E_UNSUPPORTED,
                  "a flatbuffer holds at most 2 GiB, and %zu bytes more than its %zu were wanted; "
                  "large data belongs into segments behind it",
                  n, f->len);
        return false;
    }
    if (n <= f->capacity - f->len)
        return true;
    size_t capacity = dlx__max(f->len + n, dlx__max(FIRST_BYTES, 2 * f->capacity));
    uint8_t *grown = dlx__alloc(f->mem, capacity);
    if (!grown) {
        dlx__fail_memory(&f->failure, "building a flatbuffer", capacity);
        return false;
    }
    if (f->len)
        memcpy(grown + (capacity - f->len), at(f, (dlx__flat_ref)f->len), f->len);
    dlx__free(f->mem, f->data);
    f->data = grown;
    f->capacity = capacity;
    return true;
}

static void prepend(dlx__flat *f, const void *bytes, size_t n)
{
    if (!reserve(f, n))
        return;
    f->len += n;
    if (n)
        memcpy(at(f, (dlx__flat_ref)f->len), bytes, n);
}

static void prepend_zeros(dlx__flat *f, size_t n)
{
    if (!reserve(f, n))
        return;
    f->len += n;
    if (n)
        memset(at(f, (dlx__flat_ref)f->len), 0, n);
}

/* Pads, so that what begins after `extra` bytes more lies at a multiple of `align` from the end. */
static void align_to(dlx__flat *f, size_t align, size_t extra)
{
    size_t torn = dlx__add(f->len, extra) % align;
    prepend_zeros(f, torn ? align - torn : 0);
}

static dlx__flat_ref here(const dlx__flat *f)
{
    return failed(f) ? 0 : (dlx__flat_ref)f->len;
}

/* An object can only begin while no table is open. */
static bool may_begin(dlx__flat *f)
{
    if (f->in_table && !failed(f))
        dlx__fail(&f->failure, DLX_E_ARG, "a flatbuffer object was begun inside an open table");
    return !failed(f);
}

dlx__flat_ref dlx__flat_vector(dlx__flat *f, const void *elems, size_t n, size_t elem_bytes,
                               size_t elem_align)
{
    size_t n_bytes = dlx__mul(n, elem_bytes);
    if (!may_begin(f) || !reserve(f, n_bytes))
        return 0;
    align_to(f, dlx__max(elem_align, OFFSET_BYTES), n_bytes);
    prepend(f, elems, n_bytes);
    uint32_t count = (uint32_t)n;
    prepend(f, &count, sizeof count);
    return here(f);
}

/* The offset to store in the next four bytes, so that it leads to `ref`. */
static void prepend_offset(dlx__flat *f, dlx__flat_ref ref)
{
    uint32_t offset = (uint32_t)(f->len + OFFSET_BYTES - ref);
    prepend(f, &offset, sizeof offset);
}

dlx__flat_ref dlx__flat_refs(dlx__flat *f, const dlx__flat_ref *refs, size_t n)
{
    if (!may_begin(f) || !reserve(f, dlx__mul(n, OFFSET_BYTES)))
        return 0;
    align_to(f, OFFSET_BYTES, 0);
    for (size_t i = n; i-- > 0;)
        prepend_offset(f, refs[i]);
    uint32_t count = (uint32_t)n;
    prepend(f, &count, sizeof count);
    return here(f);
}

dlx__flat_ref dlx__flat_text(dlx__flat *f, const char *text)
{
    size_t len = strlen(text);
    if (!may_begin(f) || !reserve(f, len))
        return 0;
    align_to(f, OFFSET_BYTES, len + 1);
    prepend(f, text, len + 1);
    uint32_t count = (uint32_t)len;
    prepend(f, &count, sizeof count);
    return here(f);
}

void dlx__flat_begin(dlx__flat *f)
{
    if (!may_begin(f))
        return;
    align_to(f, OFFSET_BYTES, 0); /* tables of one kind come out alike */
    f->in_table = true;
    f->table_start = f->len;
    f->n_slots = 0;
    memset(f->fields, 0, sizeof f->fields);
}

/* What was written last is the field of this slot. */
static void set_field(dlx__flat *f, int slot)
{
    f->fields[slot] = (dlx__flat_ref)f->len;
    f->n_slots = (uint16_t)dlx__max(f->n_slots, (size_t)slot + 1);
}

static bool may_put(dlx__flat *f, int slot)
{
    if (!failed(f) && (!f->in_table || slot < 0 || slot >= DLX__FLAT_MAX_SLOTS))
        dlx__fail(&f->failure, DLX_E_ARG, "a flatbuffer field of slot %d is in no table", slot);
    return !failed(f);
}

void dlx__flat_put(dlx__flat *f, int slot, const void *value, size_t n_bytes)
{
    static const uint8_t zeros[8];
    if (!may_put(f, slot) || memcmp(value, zeros, n_bytes) == 0)
        return;
    align_to(f, n_bytes, 0);
    prepend(f, value, n_bytes);
    set_field(f, slot);
}

void dlx__flat_put_ref(dlx__flat *f, int slot, dlx__flat_ref ref)
{
    if (!may_put(f, slot) || ref == 0)
        return;
    align_to(f, OFFSET_BYTES, 0);
    prepend_offset(f, ref);
    set_field(f, slot);
}

typedef struct vtable {
    uint16_t n_bytes, object_bytes;
    uint16_t fields[DLX__FLAT_MAX_SLOTS]; /* from the start of the table; 0: left out */
} vtable;

/* A vtable that was written before with the same bytes; 0: none. */
static dlx__flat_ref find_layout(const dlx__flat *f, const vtable *v)
{
    for (size_t i = 0; i < f->n_layouts; i++) {
        dlx__flat_ref ref = f->layouts[i];
        if (ref >= v->n_bytes && memcmp(at(f, ref), v, v->n_bytes) == 0)
            return ref;
    }
    return 0;
}

static dlx__flat_ref put_layout(dlx__flat *f, const vtable *v)
{
    dlx__flat_ref ref = find_layout(f, v);
    if (ref)
        return ref;
    prepend(f, v, v->n_bytes);
    ref = here(f);
    if (ref && f->n_layouts < DLX__FLAT_MAX_LAYOUTS)
        f->layouts[f->n_layouts++] = ref;
    return ref;
}

dlx__flat_ref dlx__flat_end(dlx__flat *f)
{
    if (!may_put(f, 0))
        return 0;
    align_to(f, OFFSET_BYTES, 0);
    prepend_zeros(f, OFFSET_BYTES); /* the distance to the vtable comes here */
    f->in_table = false;
    dlx__flat_ref table = here(f);
    if (!table)
        return 0;
    vtable v = {.n_bytes = (uint16_t)(4 + 2 * f->n_slots),
                .object_bytes = (uint16_t)(table - f->table_start)};
    for (size_t i = 0; i < f->n_slots; i++)
        v.fields[i] = f->fields[i] ? (uint16_t)(table - f->fields[i]) : 0;
    dlx__flat_ref layout = put_layout(f, &v);
    if (!layout)
        return 0;
    int32_t distance = (int32_t)layout - (int32_t)table;
    memcpy(at(f, table), &distance, sizeof distance);
    return table;
}

dlx_result dlx__flat_finish(dlx__flat *f, dlx__flat_ref root, const char id[4],
                            const uint8_t **bytes, size_t *n_bytes, dlx_error *err)
{
    if (may_begin(f) && root == 0)
        dlx__fail(&f->failure, DLX_E_ARG, "a flatbuffer has no root");
    align_to(f, DLX__FLAT_ALIGN, 8);
    prepend(f, id, 4);
    prepend_offset(f, root);
    if (failed(f))
        return dlx__fail(err, f->failure.code, "%s", f->failure.text);
    *bytes = at(f, (dlx__flat_ref)f->len);
    *n_bytes = f->len;
    return DLX_OK;
}
