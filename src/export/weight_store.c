/* weight_store.c - places first, bytes later. */
#include "export/weight_store.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/turned_rows.h"

#include <string.h>

void dlx__weight_store_init(dlx__weight_store *s, const dlx__weight_layout *layout,
                            const dlx__model *model, const dlx_allocator *mem)
{
    *s = (dlx__weight_store){.layout = layout, .model = model, .n_bytes = layout->head_bytes};
    dlx__arena_init(&s->arena, mem);
}

void dlx__weight_store_release(dlx__weight_store *s)
{
    dlx__arena_release(&s->arena);
    *s = (dlx__weight_store){.n = 0};
}

/* ---- places -------------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t n, uint64_t step)
{
    return (n + step - 1) / step * step;
}

static dlx__weight_place no_place(dlx__weight_store *s, size_t n_bytes)
{
    if (s->failure.code == DLX_OK)
        dlx__fail_memory(&s->failure, "placing weights", n_bytes);
    return (dlx__weight_place){0, 0};
}

static dlx__weight_place add(dlx__weight_store *s, dlx__weight_item item)
{
    const dlx__weight_layout *l = s->layout;
    dlx__weight_place *at = &item.place;
    dlx__weight_item *items =
        dlx__arena_grow(&s->arena, s->items, s->n, &s->capacity, sizeof *items);
    if (!items || s->failure.code != DLX_OK)
        return no_place(s, sizeof *items);
    s->items = items;
    at->offset = aligned(s->n_bytes, at->n_bytes >= l->large_step ? l->large_step : l->step);
    s->n_bytes = at->offset + l->record_bytes + at->n_bytes;
    if (l->ends_on_step)
        s->n_bytes = aligned(s->n_bytes, l->step);
    items[s->n++] = item;
    return *at;
}

dlx__weight_place dlx__weight_store_rows(dlx__weight_store *s, const dlx__tensor *t,
                                         dlx__packing packing, dlx__row_part part)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].tensor == t && s->items[i].packing == packing &&
            s->items[i].row_part == part)
            return s->items[i].place;
    const uint64_t n_bytes = dlx__tensor_rows_bytes(t, packing, part);
    return add(
        s, (dlx__weight_item){
               .tensor = t, .packing = packing, .row_part = part, .place = {.n_bytes = n_bytes}});
}

dlx__weight_place dlx__weight_store_bytes(dlx__weight_store *s, const char *key,
                                          dlx__export_part part, const void *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].key && strcmp(s->items[i].key, key) == 0)
            return s->items[i].place;
    void *copy = dlx__arena_alloc(&s->arena, n_bytes, 1);
    const char *name = dlx__arena_strdup(&s->arena, key);
    if (!copy || !name)
        return no_place(s, n_bytes);
    memcpy(copy, bytes, n_bytes);
    return add(s, (dlx__weight_item){
                      .bytes = copy, .key = name, .part = part, .place = {.n_bytes = n_bytes}});
}

void dlx__weight_store_weigh(const dlx__weight_store *s, dlx__packing table,
                             dlx__export_parts *parts)
{
    const dlx__graph *g = &s->model->graph;
    uint64_t known = 0;
    for (size_t i = 0; i < s->n; i++) {
        const dlx__weight_item *item = &s->items[i];
        const bool is_table =
            item->tensor == g->nodes[g->embedded].weight && item->packing == table;
        const dlx__export_part part =
            item->tensor ? dlx__export_part_of(s->model, item->tensor, is_table) : item->part;
        parts->bytes[part] += item->place.n_bytes;
        known += item->place.n_bytes;
    }
    parts->bytes[DLX__PART_PROGRAM] += s->n_bytes - known;
}

/* ---- bytes --------------------------------------------------------------------------------- */

typedef struct output {
    dlx__weight_store *store;
    dlx__writer *file;
    dlx__pool *pool;
    dlx__weight_writing *w;
    dlx__sha256 sha;
} output;

static dlx_result put(void *user, const void *bytes, size_t n, dlx_error *err)
{
    output *o = user;
    DLX__TRY(dlx__writer_write(o->file, bytes, n, err));
    dlx__sha256_add(&o->sha, bytes, n);
    if (!o->w->on_progress ||
        o->w->on_progress(o->w->user, dlx__writer_tell(o->file), o->store->n_bytes))
        return DLX_OK;
    return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
}

static dlx_result pad_to(output *o, uint64_t offset, dlx_error *err)
{
    static const uint8_t zeros[4096];
    for (uint64_t at; (at = dlx__writer_tell(o->file)) < offset;)
        DLX__TRY(put(o, zeros, (size_t)dlx__min(sizeof zeros, offset - at), err));
    return DLX_OK;
}

static dlx_result put_head(output *o, dlx_error *err)
{
    const dlx__weight_layout *l = o->store->layout;
    uint8_t bytes[DLX__WEIGHT_RECORD] = {0};
    if (l->head)
        l->head(bytes, o->store->n);
    return put(o, bytes, l->head_bytes, err);
}

static dlx_result put_record(output *o, const dlx__weight_item *item, dlx_error *err)
{
    const dlx__weight_layout *l = o->store->layout;
    uint8_t bytes[DLX__WEIGHT_RECORD] = {0};
    if (l->record)
        l->record(bytes, item);
    return put(o, bytes, l->record_bytes, err);
}

static dlx_result put_tensor(output *o, const dlx__weight_item *item, dlx_error *err)
{
    const dlx__tensor_rows rows = {.model = o->store->model,
                                   .pool = o->pool,
                                   .mem = o->store->arena.mem,
                                   .tensor = item->tensor,
                                   .packing = item->packing,
                                   .part = item->row_part};
    bool exact = true;
    DLX__TRY(dlx__packing_is_turned(item->packing, item->row_part)
                 ? dlx__turned_rows_make(&rows, put, o, &exact, err)
                 : dlx__tensor_rows_make(&rows, put, o, &exact, err));
    o->store->n_again += !exact && item->row_part == DLX__ROW_NUMBERS;
    return DLX_OK;
}

static dlx_result put_items(output *o, dlx_error *err)
{
    DLX__TRY(put_head(o, err));
    for (size_t i = 0; i < o->store->n; i++) {
        const dlx__weight_item *item = &o->store->items[i];
        DLX__TRY(pad_to(o, item->place.offset, err));
        DLX__TRY(put_record(o, item, err));
        if (item->tensor)
            DLX__TRY(put_tensor(o, item, err));
        else
            DLX__TRY(put(o, item->bytes, (size_t)item->place.n_bytes, err));
    }
    return pad_to(o, o->store->n_bytes, err);
}

static dlx_result write_file(output *o, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__writer_open(&o->file, path, o->store->arena.mem, err));
    const dlx_result r = put_items(o, err);
    if (r != DLX_OK) {
        dlx__writer_abandon(o->file);
        return r;
    }
    dlx__sha256_hex(&o->sha, o->w->sha256);
    return dlx__writer_commit(o->file, err);
}

dlx_result dlx__weight_store_write(dlx__weight_store *s, const char *path, dlx__weight_writing *w,
                                   dlx_error *err)
{
    output o = {.store = s, .w = w};
    s->n_again = 0;
    dlx__sha256_init(&o.sha);
    DLX__TRY(dlx__pool_open(&o.pool, w->n_threads, s->arena.mem, err));
    const dlx_result r = write_file(&o, path, err);
    dlx__pool_free(o.pool);
    return r;
}
