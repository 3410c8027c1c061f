/* ptd_read.c - a .ptd file: header, segments, keys. */
#include "export/ptd_read.h"

#include "base/fail.h"
#include "base/little.h"
#include "export/pte_types.h"
#include "format/flat_view.h"

#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
    return strcmp(((const dlx__pte_item *)a)->key, ((const dlx__pte_item *)b)->key);
}

dlx_result dlx__pte_sort_items(dlx__pte_item *items, size_t n, const char *path, dlx_error *err)
{
    if (n > 1)
        qsort(items, n, sizeof *items, by_key);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(items[i - 1].key, items[i].key) == 0)
            return dlx__fail(err, DLX_E_FORMAT, "%s: named data %.100s is there twice", path,
                             items[i].key);
    }
    return DLX_OK;
}

const dlx__pte_item *dlx__pte_find_item(const dlx__pte_item *items, size_t n, const char *key)
{
    const dlx__pte_item wanted = {.key = key};
    return n ? bsearch(&wanted, items, n, sizeof *items, by_key) : NULL;
}

/* Where the flatbuffer ends and the segments lie. */
typedef struct head {
    size_t n_flat;
    uint64_t base, n_data;
} head;

static dlx_result read_head(head *h, const uint8_t *data, size_t n, const char *path,
                            dlx_error *err)
{
    if (n < DLX__PTE_MIN_BYTES || memcmp(data + 4, "FT01", 4) != 0 ||
        memcmp(data + 8, "FH01", 4) != 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a .ptd file, which begins with FT01 and FH01 at byte 4",
                         path);
    const uint64_t at = dlx__le64(data + 16), size = dlx__le64(data + 24);
    h->base = dlx__le64(data + 32);
    h->n_data = dlx__le64(data + 40);
    if (dlx__le32(data + 12) < DLX__PTD_HEADER_BYTES || at > n || size > n - at || h->base > n ||
        h->n_data > n - h->base || (h->base && h->base < at + size))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected flatbuffer and data inside the %zu bytes of the file; the "
                         "download may be incomplete",
                         path, n);
    h->n_flat = (size_t)(at + size);
    return DLX_OK;
}

/* The shape of a tensor, if the file tells it. */
static dlx_result read_layout(dlx__ptd_file *f, dlx__pte_item *item, const dlx__flat_table *entry,
                              dlx_error *err)
{
    item->type = -1;
    if (!dlx__flat_has(entry, 2))
        return DLX_OK;
    dlx__flat_table layout = dlx__flat_child(entry, 2);
    dlx__flat_vec sizes = dlx__flat_get_vector(&layout, 1, sizeof(int32_t));
    if (sizes.n > DLX__PTE_MAX_DIMS) {
        dlx__flat_fault(entry->view, "named data %.100s: expected at most %d axes, found %zu",
                        item->key, DLX__PTE_MAX_DIMS, sizes.n);
        return DLX_OK;
    }
    int32_t *dims = dlx__arena_alloc(&f->arena, sizes.n, sizeof *dims);
    if (!dims)
        return dlx__fail_memory(err, "reading a .ptd file", sizes.n);
    for (size_t i = 0; i < sizes.n; i++)
        dims[i] = dlx__flat_i32_at(&sizes, i);
    item->type = dlx__flat_u8(&layout, 0);
    item->n_dims = (int)sizes.n;
    item->dims = dims;
    return DLX_OK;
}

static dlx_result read_item(dlx__ptd_file *f, dlx__pte_item *item, const dlx__flat_table *entry,
                            const dlx__flat_vec *segments, const uint8_t *data, const head *h,
                            dlx_error *err)
{
    const uint32_t index = dlx__flat_u32(entry, 1);
    item->key = dlx__flat_get_text(entry, 0).data;
    if (!entry->view)
        return DLX_OK; /* the view has the fault */
    if (index >= segments->n) {
        dlx__flat_fault(entry->view, "named data %.100s: expected one of %zu segments, found %u",
                        item->key, segments->n, (unsigned)index);
        return DLX_OK;
    }
    dlx__flat_table segment = dlx__flat_table_at(segments, index);
    const uint64_t offset = dlx__flat_u64(&segment, 0), size = dlx__flat_u64(&segment, 1);
    if (offset > h->n_data || size > h->n_data - offset) {
        dlx__flat_fault(entry->view, "named data %.100s lies behind the end of the data",
                        item->key);
        return DLX_OK;
    }
    item->data = data + h->base + offset;
    item->n_bytes = size;
    return read_layout(f, item, entry, err);
}

static dlx_result read_items(dlx__ptd_file *f, dlx__flat_view *v, const uint8_t *data,
                             const head *h, dlx_error *err)
{
    dlx__flat_table root = dlx__flat_root(v, "FT01", NULL);
    dlx__flat_vec segments = dlx__flat_get_refs(&root, 1), named = dlx__flat_get_refs(&root, 2);
    f->items = dlx__arena_alloc(&f->arena, named.n, sizeof *f->items);
    if (!f->items)
        return dlx__fail_memory(err, "reading a .ptd file", dlx__mul(named.n, sizeof *f->items));
    f->n_items = named.n;
    for (size_t i = 0; i < named.n; i++) {
        dlx__flat_table entry = dlx__flat_table_at(&named, i);
        DLX__TRY(read_item(f, &f->items[i], &entry, &segments, data, h, err));
        DLX__TRY(dlx__flat_view_result(v, err));
    }
    return dlx__flat_view_result(v, err);
}

dlx_result dlx__ptd_parse(dlx__ptd_file *f, const uint8_t *data, size_t n, const char *path,
                          const dlx_allocator *mem, dlx_error *err)
{
    *f = (dlx__ptd_file){.n_items = 0};
    dlx__arena_init(&f->arena, mem);
    head h = {0};
    DLX__TRY(read_head(&h, data, n, path, err));
    dlx__flat_view v;
    dlx__flat_view_init(&v, data, h.n_flat, path);
    dlx_result r = read_items(f, &v, data, &h, err);
    if (r == DLX_OK)
        r = dlx__pte_sort_items(f->items, f->n_items, path, err);
    if (r != DLX_OK)
        dlx__ptd_close(f);
    return r;
}

dlx_result dlx__ptd_open(dlx__ptd_file *f, const char *path, const dlx_allocator *mem,
                         dlx_error *err)
{
    dlx__map map;
    *f = (dlx__ptd_file){.n_items = 0};
    DLX__TRY(dlx__os_map(&map, path, err));
    dlx_result r = dlx__ptd_parse(f, map.data, map.len, path, mem, err);
    if (r == DLX_OK)
        f->map = map;
    else
        dlx__os_unmap(&map);
    return r;
}

void dlx__ptd_close(dlx__ptd_file *f)
{
    if (f->map.data)
        dlx__os_unmap(&f->map);
    dlx__arena_release(&f->arena);
    *f = (dlx__ptd_file){.n_items = 0};
}
