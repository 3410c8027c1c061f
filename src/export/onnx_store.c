/* onnx_store.c - places first, bytes later. */
#include "export/onnx_store.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

/* Of what is made and of what it is made of, at a time. */
enum { PIECE_BYTES = 1 << 20, SOURCE_BYTES = 16 << 20, PAGE = 4096, LINE = 64 };

void dlx__onnx_store_init(dlx__onnx_store *s, const dlx__model *model, const dlx_allocator *mem)
{
    *s = (dlx__onnx_store){.model = model};
    dlx__arena_init(&s->arena, mem);
}

void dlx__onnx_store_release(dlx__onnx_store *s)
{
    dlx__arena_release(&s->arena);
    *s = (dlx__onnx_store){.n = 0};
}

/* ---- places -------------------------------------------------------------------------------- */

static size_t n_rows_of(const dlx__tensor *t)
{
    return t->n_dims > 1 ? t->shape[0] : 1;
}

static size_t n_cols_of(const dlx__tensor *t)
{
    return t->shape[t->n_dims - 1];
}

/* Large ones begin a page, so that a reader can map them. */
static dlx__onnx_place add(dlx__onnx_store *s, dlx__onnx_item item)
{
    dlx__onnx_item *items = dlx__arena_grow(&s->arena, s->items, s->n, &s->capacity, sizeof *items);
    if (!items || s->failure.code != DLX_OK) {
        if (s->failure.code == DLX_OK)
            dlx__fail_memory(&s->failure, "placing weights", sizeof *items);
        return (dlx__onnx_place){0, 0};
    }
    s->items = items;
    const uint64_t step = item.place.n_bytes >= PAGE ? PAGE : LINE;
    item.place.offset = (s->n_bytes + step - 1) / step * step;
    s->n_bytes = item.place.offset + item.place.n_bytes;
    items[s->n++] = item;
    return item.place;
}

dlx__onnx_place dlx__onnx_store_rows(dlx__onnx_store *s, const dlx__tensor *t, dlx__onnx_form form)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].tensor == t && s->items[i].form == form)
            return s->items[i].place;
    const size_t n_bytes = dlx__mul(n_rows_of(t), dlx__onnx_form_bytes(form, n_cols_of(t)));
    return add(s, (dlx__onnx_item){.tensor = t, .form = form, .place = {.n_bytes = n_bytes}});
}

dlx__onnx_place dlx__onnx_store_bytes(dlx__onnx_store *s, const char *key, const void *bytes,
                                      size_t n_bytes)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].key && strcmp(s->items[i].key, key) == 0)
            return s->items[i].place;
    void *copy = dlx__arena_alloc(&s->arena, n_bytes, 1);
    const char *name = dlx__arena_strdup(&s->arena, key);
    if (!copy || !name) {
        if (s->failure.code == DLX_OK)
            dlx__fail_memory(&s->failure, "placing weights", n_bytes);
        return (dlx__onnx_place){0, 0};
    }
    memcpy(copy, bytes, n_bytes);
    return add(s, (dlx__onnx_item){.bytes = copy, .key = name, .place = {.n_bytes = n_bytes}});
}

/* ---- bytes --------------------------------------------------------------------------------- */

typedef struct output {
    dlx__onnx_store *store;
    dlx__writer *file;
    dlx__onnx_store_writing *w;
    dlx__sha256 sha;
} output;

static dlx_result put(output *o, const void *bytes, size_t n, dlx_error *err)
{
    DLX__TRY(dlx__writer_write(o->file, bytes, n, err));
    dlx__sha256_add(&o->sha, bytes, n);
    if (!o->w->on_progress ||
        o->w->on_progress(o->w->user, dlx__writer_tell(o->file), o->store->n_bytes))
        return DLX_OK;
    return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
}

static dlx_result pad_to(output *o, uint64_t offset, dlx_error *err)
{
    static const uint8_t zeros[PAGE];
    const uint64_t at = dlx__writer_tell(o->file);
    return offset > at ? put(o, zeros, (size_t)(offset - at), err) : DLX_OK;
}

static dlx_result put_rows(output *o, const dlx__onnx_item *item, const dlx__row_packer *packer,
                           uint8_t *piece, size_t most, dlx_error *err)
{
    const dlx__tensor *t = item->tensor;
    const size_t n_rows = n_rows_of(t), from_bytes = t->n_bytes / n_rows;
    const size_t row_bytes = dlx__onnx_form_bytes(item->form, n_cols_of(t));
    bool exact = true;
    for (size_t row = 0; row < n_rows;) {
        const size_t n = dlx__min(most, n_rows - row);
        DLX__TRY(dlx__onnx_form_put(item->form, packer, piece, n * row_bytes, row, n, &exact, err));
        DLX__TRY(put(o, piece, n * row_bytes, err));
        dlx__model_drop_pages(o->store->model, (const uint8_t *)t->data + row * from_bytes,
                              n * from_bytes);
        row += n;
    }
    o->store->n_again += !exact && !dlx__onnx_form_is_scales(item->form);
    return DLX_OK;
}

static dlx_result put_tensor(output *o, const dlx__onnx_item *item, dlx_error *err)
{
    const dlx__tensor *t = item->tensor;
    const dlx_allocator *mem = o->store->arena.mem;
    const size_t row_bytes = dlx__onnx_form_bytes(item->form, n_cols_of(t));
    const size_t from_bytes = t->n_bytes / n_rows_of(t);
    const size_t most = /* rows of a piece */
        dlx__max(1, dlx__min(PIECE_BYTES / row_bytes, SOURCE_BYTES / dlx__max(1, from_bytes)));
    dlx__row_packer packer;
    dlx_result r =
        dlx__row_packer_open(&packer, t, dlx__onnx_form_packing(item->form), o->w->pool, mem, err);
    uint8_t *piece = dlx__alloc(mem, dlx__mul(dlx__min(most, n_rows_of(t)), row_bytes));
    if (r == DLX_OK && !piece)
        r = dlx__fail_memory(err, "packing weights", most * row_bytes);
    if (r == DLX_OK)
        r = put_rows(o, item, &packer, piece, most, err);
    dlx__model_drop_pages(o->store->model, t->data, t->n_bytes);
    dlx__row_packer_close(&packer);
    dlx__free(mem, piece);
    return r;
}

static dlx_result put_items(output *o, dlx_error *err)
{
    for (size_t i = 0; i < o->store->n; i++) {
        const dlx__onnx_item *item = &o->store->items[i];
        DLX__TRY(pad_to(o, item->place.offset, err));
        if (item->tensor)
            DLX__TRY(put_tensor(o, item, err));
        else
            DLX__TRY(put(o, item->bytes, (size_t)item->place.n_bytes, err));
    }
    return DLX_OK;
}

dlx_result dlx__onnx_store_write(dlx__onnx_store *s, const char *path, dlx__onnx_store_writing *w,
                                 dlx_error *err)
{
    output o = {.store = s, .w = w};
    s->n_again = 0;
    dlx__sha256_init(&o.sha);
    DLX__TRY(dlx__writer_open(&o.file, path, s->arena.mem, err));
    const dlx_result r = put_items(&o, err);
    if (r != DLX_OK) {
        dlx__writer_abandon(o.file);
        return r;
    }
    dlx__sha256_hex(&o.sha, w->sha256);
    return dlx__writer_commit(o.file, err);
}
