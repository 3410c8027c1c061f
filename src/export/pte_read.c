/*
 * pte_read.c - a .pte file: its header, its segments, its named data. The methods are
 * pte_read_methods.c.
 */
#include "export/pte_read.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/mem.h"
#include "export/pte_reader.h"

#include <string.h>

enum { OLD_HEADER_BYTES = 24 };

void *dlx__pte_reader_alloc(dlx__pte_reader *r, size_t n, size_t size)
{
    void *p = dlx__arena_alloc(&r->file->arena, n, size);
    if (!p)
        dlx__fail_memory(r->err, "reading a .pte file", dlx__mul(n, size));
    return p;
}

/* Where the segments lie in the file. */
typedef struct head {
    size_t n_program;
    uint64_t base, n_data;
} head;

static dlx_result read_head(head *h, const uint8_t *data, size_t n, const char *path,
                            dlx_error *err)
{
    if (n < DLX__PTE_MIN_BYTES || memcmp(data + 4, "ET12", 4) != 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a .pte file, which has at least 64 bytes and ET12 at byte 4",
                         path);
    *h = (head){.n_program = n};
    if (memcmp(data + 8, "eh00", 4) != 0)
        return DLX_OK; /* no segments: the whole file is the flatbuffer */
    const size_t n_head = dlx__le32(data + 12);
    const uint64_t n_program = dlx__le64(data + 16);
    h->base = dlx__le64(data + 24);
    h->n_data = h->base && h->base <= n ? n - h->base : 0;
    if (n_head >= DLX__PTE_HEADER_BYTES)
        h->n_data = dlx__le64(data + 32);
    if (n_head < OLD_HEADER_BYTES || n_program > n || h->base > n || h->n_data > n - h->base ||
        (h->base && h->base < n_program) || (!h->base && h->n_data))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected program and data inside the %zu bytes of the file; the "
                         "download may be incomplete",
                         path, n);
    h->n_program = (size_t)n_program;
    return DLX_OK;
}

static dlx_result read_segments(dlx__pte_reader *r, const head *h)
{
    dlx__flat_vec list = dlx__flat_get_refs(&r->root, DLX__PROGRAM_SEGMENTS);
    r->segments = dlx__pte_reader_alloc(r, list.n, sizeof *r->segments);
    r->counted = dlx__pte_reader_alloc(r, list.n, sizeof *r->counted);
    if (!r->segments || !r->counted)
        return DLX_E_NOMEM;
    r->file->n_segments = list.n;
    for (size_t i = 0; i < list.n; i++) {
        dlx__flat_table t = dlx__flat_table_at(&list, i);
        const uint64_t offset = dlx__flat_u64(&t, 0), n_bytes = dlx__flat_u64(&t, 1);
        const uint64_t at = h->base + offset;
        if (offset > h->n_data || n_bytes > h->n_data - offset)
            dlx__flat_fault(&r->view,
                            "segment %zu: expected a part of the %llu bytes of data, found %llu "
                            "bytes at %llu",
                            i, (unsigned long long)h->n_data, (unsigned long long)n_bytes,
                            (unsigned long long)offset);
        else if (n_bytes && at % DLX__PTE_DATA_ALIGN != 0)
            dlx__flat_fault(&r->view, "segment %zu: expected a multiple of 16, found byte %llu", i,
                            (unsigned long long)at);
        r->segments[i] = (dlx__pte_span){at, n_bytes};
    }
    return DLX_OK;
}

uint64_t dlx__pte_count_segment(dlx__pte_reader *r, size_t segment)
{
    const uint64_t n_bytes = r->counted[segment] ? 0 : r->segments[segment].n_bytes;
    r->counted[segment] = true;
    return n_bytes;
}

/* The bytes that tensors begin with: every offset must lie in the segment. */
static dlx__pte_pool read_pool(dlx__pte_reader *r, const dlx__flat_table *t, const char *what)
{
    const uint32_t segment = dlx__flat_u32(t, 0);
    dlx__pte_pool pool = {.offsets = dlx__flat_get_vector(t, 1, sizeof(uint64_t))};
    if (pool.offsets.n == 0)
        return pool;
    if (segment >= r->file->n_segments) {
        if (pool.offsets.n > 1)
            dlx__flat_fault(&r->view, "%s: expected one of %zu segments, found number %u", what,
                            r->file->n_segments, (unsigned)segment);
        return pool;
    }
    pool.n_bytes = r->segments[segment].n_bytes;
    for (size_t i = 1; i < pool.offsets.n; i++) {
        if (dlx__flat_u64_at(&pool.offsets, i) > pool.n_bytes)
            dlx__flat_fault(&r->view, "%s: number %zu lies behind the %llu bytes of its segment",
                            what, i, (unsigned long long)pool.n_bytes);
    }
    r->file->constant_bytes += dlx__pte_count_segment(r, segment);
    return pool;
}

static dlx_result read_pools(dlx__pte_reader *r)
{
    dlx__flat_table constants = dlx__flat_child(&r->root, DLX__PROGRAM_CONSTANTS);
    dlx__flat_vec initials = dlx__flat_get_refs(&r->root, DLX__PROGRAM_MUTABLE);
    r->old_buffers = dlx__flat_get_refs(&r->root, DLX__PROGRAM_BUFFERS);
    r->inline_data = dlx__flat_get_refs(&r->root, DLX__PROGRAM_INLINE);
    r->constants = read_pool(r, &constants, "constants");
    r->initials = dlx__pte_reader_alloc(r, initials.n, sizeof *r->initials);
    if (!r->initials)
        return DLX_E_NOMEM;
    r->n_initials = initials.n;
    for (size_t i = 0; i < initials.n; i++) {
        dlx__flat_table t = dlx__flat_table_at(&initials, i);
        r->initials[i] = read_pool(r, &t, "initial values");
    }
    const size_t n = dlx__max(r->constants.offsets.n, r->old_buffers.n);
    r->file->n_constants = n ? n - 1 : 0; /* the first is a placeholder */
    return DLX_OK;
}

static dlx_result read_named(dlx__pte_reader *r)
{
    dlx__pte_file *f = r->file;
    dlx__flat_vec list = dlx__flat_get_refs(&r->root, DLX__PROGRAM_NAMED);
    f->named = dlx__pte_reader_alloc(r, list.n, sizeof *f->named);
    if (!f->named)
        return DLX_E_NOMEM;
    for (size_t i = 0; i < list.n; i++) {
        dlx__flat_table t = dlx__flat_table_at(&list, i);
        dlx__flat_str key = dlx__flat_get_text(&t, 0);
        const uint32_t segment = dlx__flat_u32(&t, 1);
        f->named[i] = (dlx__pte_item){.key = key.data, .type = -1};
        if (segment >= f->n_segments) {
            dlx__flat_fault(&r->view, "named data %.100s: expected one of %zu segments, found %u",
                            key.data, f->n_segments, (unsigned)segment);
            break;
        }
        f->named[i].data = r->data + r->segments[segment].offset;
        f->named[i].n_bytes = r->segments[segment].n_bytes;
        f->named_bytes += dlx__pte_count_segment(r, segment);
    }
    DLX__TRY(dlx__flat_view_result(&r->view, r->err));
    f->n_named = list.n;
    return dlx__pte_sort_items(f->named, f->n_named, r->path, r->err);
}

/* The runtime refuses a key that both files hold. */
static dlx_result check_outside(const dlx__pte_reader *r)
{
    for (size_t i = 0; r->outside && i < r->file->n_named; i++) {
        const char *key = r->file->named[i].key;
        if (dlx__pte_find_item(r->outside->items, r->outside->n_items, key))
            return dlx__fail(r->err, DLX_E_MISMATCH,
                             "%s: named data %.100s is in the program and in the .ptd file; only "
                             "one of them may hold it",
                             r->path, key);
    }
    return DLX_OK;
}

static dlx_result read_all(dlx__pte_reader *r, const head *h)
{
    r->root = dlx__flat_root(&r->view, "ET12", NULL);
    DLX__TRY(dlx__flat_view_result(&r->view, r->err));
    DLX__TRY(read_segments(r, h));
    DLX__TRY(dlx__flat_view_result(&r->view, r->err));
    DLX__TRY(read_pools(r));
    DLX__TRY(dlx__flat_view_result(&r->view, r->err));
    DLX__TRY(read_named(r));
    DLX__TRY(check_outside(r));
    DLX__TRY(dlx__pte_read_methods(r));
    return dlx__flat_view_result(&r->view, r->err);
}

dlx_result dlx__pte_parse(dlx__pte_file *f, const uint8_t *bytes, size_t n, const char *path,
                          const dlx__ptd_file *data, const dlx_allocator *mem, dlx_error *err)
{
    *f = (dlx__pte_file){.n_bytes = n};
    dlx__arena_init(&f->arena, mem);
    head h = {0};
    DLX__TRY(read_head(&h, bytes, n, path, err));
    f->program_bytes = h.n_program;
    dlx__pte_reader r = {.file = f, .data = bytes, .path = path, .outside = data, .err = err};
    dlx__flat_view_init(&r.view, bytes, h.n_program, path);
    dlx_result result = read_all(&r, &h);
    if (result != DLX_OK)
        dlx__pte_close(f);
    return result;
}

/* Whatever it is that one of them lacks, or both have. */
static dlx_result fail_foreign(const char *path, const char *data_path, dlx_error *err)
{
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected the data file that was exported with it (none where its data is "
                     "inside), found %s: name the right one, or export the program again",
                     path, data_path);
}

dlx_result dlx__pte_open(dlx__pte_file *f, const char *path, const char *data_path,
                         const dlx_allocator *mem, dlx_error *err)
{
    dlx__map map;
    dlx__ptd_file outside = {.n_items = 0};
    *f = (dlx__pte_file){.n_bytes = 0};
    if (data_path)
        DLX__TRY(dlx__ptd_open(&outside, data_path, mem, err));
    dlx_result r = dlx__os_map(&map, path, err);
    if (r == DLX_OK) {
        r = dlx__pte_parse(f, map.data, map.len, path, data_path ? &outside : NULL, mem, err);
        if (r != DLX_OK)
            dlx__os_unmap(&map);
    }
    if (r != DLX_OK) {
        dlx__ptd_close(&outside);
        return r == DLX_E_MISMATCH && data_path ? fail_foreign(path, data_path, err) : r;
    }
    f->map = map;
    f->outside = outside;
    return DLX_OK;
}

void dlx__pte_close(dlx__pte_file *f)
{
    dlx__ptd_close(&f->outside);
    if (f->map.data)
        dlx__os_unmap(&f->map);
    dlx__arena_release(&f->arena);
    *f = (dlx__pte_file){.n_bytes = 0};
}

/* The name of the .ptd file; NULL: there is none, or no memory. */
static char *data_beside(const char *path, const dlx_allocator *mem)
{
    const size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, ".pte") != 0)
        return NULL;
    char *beside = dlx__strdup(mem, path);
    if (beside)
        beside[n - 1] = 'd';
    if (beside && dlx__os_path_kind(beside) == DLX__PATH_FILE)
        return beside;
    dlx__free(mem, beside);
    return NULL;
}

dlx_result dlx__pte_open_found(dlx__pte_file *f, char **data_path, const char *path,
                               const dlx_allocator *mem, dlx_error *err)
{
    *data_path = NULL;
    const dlx_result alone = dlx__pte_open(f, path, NULL, mem, err);
    if (alone == DLX_OK || alone == DLX_E_NOMEM)
        return alone;
    char *beside = data_beside(path, mem);
    if (!beside)
        return alone;
    const dlx_result r = dlx__pte_open(f, path, beside, mem, err);
    if (r == DLX_OK)
        *data_path = beside;
    else
        dlx__free(mem, beside);
    return r;
}

bool dlx__pte_looks_like(const char *path)
{
    uint8_t first[8];
    size_t n = 0;
    dlx__os_file file;
    if (dlx__os_path_kind(path) != DLX__PATH_FILE ||
        dlx__os_file_open(&file, path, DLX__OPEN_READ, path, NULL) != DLX_OK)
        return false;
    const bool read = dlx__os_file_read(file, first, sizeof first, &n, path, NULL) == DLX_OK;
    (void)dlx__os_file_close(file, false, path, NULL);
    return read && n == sizeof first && memcmp(first + 4, "ET12", 4) == 0;
}
