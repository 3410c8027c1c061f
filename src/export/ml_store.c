/* ml_store.c - records first, bytes later. */
#include "export/ml_store.h"

#include "base/fail.h"
#include "base/little.h" /* records go out as they are */
#include "base/mem.h"
#include "export/row_packer.h"

#include <string.h>

/* Of what is made and of what it is made of, at a time. */
enum { PIECE_BYTES = 1 << 20, SOURCE_BYTES = 16 << 20, STEP = 64 };

void dlx__ml_store_init(dlx__ml_store *s, const dlx__model *model, const dlx_allocator *mem)
{
    *s = (dlx__ml_store){.model = model, .n_bytes = STEP};
    dlx__arena_init(&s->arena, mem);
}

void dlx__ml_store_release(dlx__ml_store *s)
{
    dlx__arena_release(&s->arena);
    *s = (dlx__ml_store){.n = 0};
}

/* ---- records ------------------------------------------------------------------------------- */

static size_t n_rows_of(const dlx__tensor *t)
{
    return t->n_dims > 1 ? t->shape[0] : 1;
}

static size_t n_cols_of(const dlx__tensor *t)
{
    return t->shape[t->n_dims - 1];
}

static uint64_t aligned(uint64_t n)
{
    return (n + STEP - 1) / STEP * STEP;
}

static dlx__ml_blob add(dlx__ml_store *s, dlx__ml_item item)
{
    dlx__ml_item *items = dlx__arena_grow(&s->arena, s->items, s->n, &s->capacity, sizeof *items);
    if (!items || s->failure.code != DLX_OK) {
        if (s->failure.code == DLX_OK)
            dlx__fail_memory(&s->failure, "placing weights", sizeof *items);
        return item.blob;
    }
    s->items = items;
    item.blob.offset = s->n_bytes;
    s->n_bytes = aligned(item.blob.offset + STEP + item.n_bytes);
    items[s->n++] = item;
    return item.blob;
}

static dlx__ml_blob blob_of(const dlx__tensor *t, dlx__packing packing, bool scales)
{
    dlx__ml_blob b = {.type = DLX__ML_HALF, .shape = {.n_dims = t->n_dims}};
    for (int i = 0; i < t->n_dims; i++)
        b.shape.dims[i] = t->shape[i];
    if (scales)
        b.shape.dims[1] = packing == DLX__PACK_INT4_HALF ? t->shape[1] / DLX__PACK_GROUP : 1;
    else if (packing == DLX__PACK_INT4_HALF)
        b.type = DLX__ML_INT4;
    else if (packing == DLX__PACK_INT8_HALF)
        b.type = DLX__ML_INT8;
    return b;
}

dlx__ml_blob dlx__ml_store_rows(dlx__ml_store *s, const dlx__tensor *t, dlx__packing packing,
                                bool scales)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].tensor == t && s->items[i].packing == packing &&
            s->items[i].scales == scales)
            return s->items[i].blob;
    const size_t n_bytes =
        dlx__mul(n_rows_of(t), dlx__pack_row_bytes(packing, scales, n_cols_of(t)));
    return add(s, (dlx__ml_item){.tensor = t,
                                 .packing = packing,
                                 .scales = scales,
                                 .n_bytes = n_bytes,
                                 .blob = blob_of(t, packing, scales)});
}

dlx__ml_blob dlx__ml_store_halves(dlx__ml_store *s, const char *key, const uint16_t *halves,
                                  size_t n)
{
    const size_t n_bytes = dlx__mul(n, sizeof *halves);
    const dlx__ml_blob blob = {.type = DLX__ML_HALF, .shape = {1, {n}}};
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].key && strcmp(s->items[i].key, key) == 0)
            return s->items[i].blob;
    void *copy = dlx__arena_alloc(&s->arena, n_bytes, 1);
    const char *name = dlx__arena_strdup(&s->arena, key);
    if (!copy || !name) {
        if (s->failure.code == DLX_OK)
            dlx__fail_memory(&s->failure, "placing weights", n_bytes);
        return blob;
    }
    memcpy(copy, halves, n_bytes);
    return add(s, (dlx__ml_item){.bytes = copy, .key = name, .n_bytes = n_bytes, .blob = blob});
}

/* ---- bytes --------------------------------------------------------------------------------- */

typedef struct output {
    dlx__ml_store *store;
    dlx__writer *file;
    dlx__ml_store_writing *w;
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
    static const uint8_t zeros[STEP];
    const uint64_t at = dlx__writer_tell(o->file);
    return offset > at ? put(o, zeros, (size_t)(offset - at), err) : DLX_OK;
}

/* Two nibbles a byte: ours count from -8, the file's are two's complement. */
static void turn_nibbles(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] ^= 0x88;
}

static dlx_result put_rows(output *o, const dlx__ml_item *item, const dlx__row_packer *packer,
                           uint8_t *piece, size_t most, dlx_error *err)
{
    const dlx__tensor *t = item->tensor;
    const size_t n_rows = n_rows_of(t), from_bytes = t->n_bytes / n_rows;
    const size_t row_bytes = (size_t)(item->n_bytes / n_rows);
    bool exact = true;
    for (size_t row = 0; row < n_rows;) {
        const size_t n = dlx__min(most, n_rows - row);
        DLX__TRY(dlx__row_packer_put(packer, piece, item->scales, row, n, &exact, err));
        if (item->blob.type == DLX__ML_INT4)
            turn_nibbles(piece, n * row_bytes);
        DLX__TRY(put(o, piece, n * row_bytes, err));
        dlx__model_drop_pages(o->store->model, (const uint8_t *)t->data + row * from_bytes,
                              n * from_bytes);
        row += n;
    }
    o->store->n_again += !exact && !item->scales;
    return DLX_OK;
}

static dlx_result put_tensor(output *o, const dlx__ml_item *item, dlx_error *err)
{
    const dlx__tensor *t = item->tensor;
    const dlx_allocator *mem = o->store->arena.mem;
    const size_t row_bytes = (size_t)(item->n_bytes / n_rows_of(t));
    const size_t from_bytes = t->n_bytes / n_rows_of(t);
    const size_t most = /* rows of a piece */
        dlx__max(1, dlx__min(PIECE_BYTES / row_bytes, SOURCE_BYTES / dlx__max(1, from_bytes)));
    dlx__row_packer packer;
    dlx_result r = dlx__row_packer_open(&packer, t, item->packing, o->w->pool, mem, err);
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

static dlx_result put_header(output *o, dlx_error *err)
{
    const uint32_t header[STEP / sizeof(uint32_t)] = {(uint32_t)o->store->n, 2};
    return put(o, header, sizeof header, err);
}

static dlx_result put_record(output *o, const dlx__ml_item *item, dlx_error *err)
{
    enum { HALF = 1, INT8 = 4, INT4 = 8 }; /* types of this file */
    const uint32_t type = item->blob.type == DLX__ML_INT4   ? INT4
                          : item->blob.type == DLX__ML_INT8 ? INT8
                                                            : HALF;
    const uint32_t head[] = {0xDEADBEEF, type};
    const uint64_t numbers[(STEP - sizeof head) / sizeof(uint64_t)] = {item->n_bytes,
                                                                       item->blob.offset + STEP};
    DLX__TRY(pad_to(o, item->blob.offset, err));
    DLX__TRY(put(o, head, sizeof head, err));
    return put(o, numbers, sizeof numbers, err);
}

static dlx_result put_items(output *o, dlx_error *err)
{
    DLX__TRY(put_header(o, err));
    for (size_t i = 0; i < o->store->n; i++) {
        const dlx__ml_item *item = &o->store->items[i];
        DLX__TRY(put_record(o, item, err));
        if (item->tensor)
            DLX__TRY(put_tensor(o, item, err));
        else
            DLX__TRY(put(o, item->bytes, (size_t)item->n_bytes, err));
    }
    return pad_to(o, o->store->n_bytes, err);
}

dlx_result dlx__ml_store_write(dlx__ml_store *s, const char *path, dlx__ml_store_writing *w,
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
