/*
 * safetensors.c - one file: its JSON header against its bytes. Every number of the header is
 * hostile until it has been compared with the length of the file. Directories are
 * safetensors_dir.c.
 */
#include "format/safetensors.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/mem.h"
#include "format/json_file.h"
#include "format/safetensors_file.h"

#include <stdlib.h>
#include <string.h>

enum { PREFIX_BYTES = 8, MAX_HEADER_BYTES = 100000000 }; /* the limit of the format */

typedef struct reader {
    dlx__weights *w; /* whose arena takes the names */
    dlx__found_list *list;
    const char *path;
    const uint8_t *data; /* [n_data] behind the header */
    size_t n_data;
    dlx_error *err;
} reader;

static bool dtype_named(dlx__dtype *out, const char *name)
{
    static const struct {
        const char *name;
        dlx__dtype dtype;
    } known[] = {{"F32", DLX__F32}, {"F16", DLX__F16}, {"BF16", DLX__BF16}};
    for (size_t i = 0; i < DLX__LEN(known); i++) {
        if (strcmp(known[i].name, name) == 0) {
            *out = known[i].dtype;
            return true;
        }
    }
    return false;
}

static dlx_result fail_tensor(const reader *r, const char *name, const char *expected)
{
    return dlx__fail(r->err, DLX_E_FORMAT,
                     "%s: tensor %.200s: expected %s; the file is damaged, fetch it again", r->path,
                     name, expected);
}

/* A JSON list of whole numbers that are not negative; *n is how many there are. */
static bool read_sizes(const json_t *list, size_t *out, size_t room, size_t *n)
{
    *n = json_array_size(list);
    if (!json_is_array(list) || *n > room)
        return false;
    for (size_t i = 0; i < *n; i++) {
        const json_t *item = json_array_get(list, i);
        json_int_t value = json_integer_value(item); /* 0 for anything but an integer */
        if (!json_is_integer(item) || value < 0 || (uint64_t)value > SIZE_MAX)
            return false;
        out[i] = (size_t)value;
    }
    return true;
}

static dlx_result read_tensor(reader *r, const char *name, const json_t *entry)
{
    const json_t *dtype = json_object_get(entry, "dtype");
    if (!json_is_string(dtype))
        return fail_tensor(r, name, "a \"dtype\"");
    dlx__tensor t = {.name = NULL};
    if (!dtype_named(&t.dtype, json_string_value(dtype)))
        return dlx__fail(r->err, DLX_E_UNSUPPORTED,
                         "%s: tensor %.200s: expected type F32, F16 or BF16, found %.40s; convert "
                         "the checkpoint first",
                         r->path, name, json_string_value(dtype));
    size_t n_dims;
    if (!read_sizes(json_object_get(entry, "shape"), t.shape, DLX__MAX_DIMS, &n_dims))
        return fail_tensor(r, name, "a \"shape\" of at most 4 whole numbers");
    t.n_dims = (int)n_dims;
    size_t offsets[2], n_offsets;
    if (!read_sizes(json_object_get(entry, "data_offsets"), offsets, 2, &n_offsets) ||
        n_offsets != 2 || offsets[0] > offsets[1])
        return fail_tensor(r, name, "\"data_offsets\" of two ascending whole numbers");
    t.n_bytes = dlx__dtype_bytes(t.dtype, dlx__tensor_elems(&t));
    char shape[96];
    if (t.n_bytes == SIZE_MAX || offsets[1] - offsets[0] != t.n_bytes)
        return dlx__fail(r->err, DLX_E_FORMAT,
                         "%s: tensor %.200s: expected the bytes of %s %s, found %zu; the file is "
                         "damaged, fetch it again",
                         r->path, name, dlx__dtype_of(t.dtype)->name,
                         dlx__shape_text(shape, t.shape, t.n_dims), offsets[1] - offsets[0]);
    if (offsets[1] > r->n_data)
        return dlx__fail(r->err, DLX_E_FORMAT,
                         "%s: tensor %.200s: expected data up to byte %zu, found only %zu bytes; "
                         "the download may be incomplete, fetch the file again",
                         r->path, name, offsets[1], r->n_data);
    t.data = r->data + offsets[0];
    t.name = dlx__arena_strdup(&r->w->arena, name);
    dlx__found_tensor *added = t.name ? dlx__found_add(r->list) : NULL;
    if (!added)
        return dlx__fail_memory(r->err, "listing tensors", strlen(name));
    *added = (dlx__found_tensor){.tensor = t, .file = r->path};
    return DLX_OK;
}

static int by_place(const void *a, const void *b)
{
    const dlx__tensor *left = &((const dlx__found_tensor *)a)->tensor;
    const dlx__tensor *right = &((const dlx__found_tensor *)b)->tensor;
    const uint8_t *l = left->data, *r = right->data;
    if (l != r)
        return l < r ? -1 : 1;
    return (left->n_bytes > right->n_bytes) - (left->n_bytes < right->n_bytes);
}

/* The tensors [first, n) of the list must tile the data exactly, as the format demands. */
static dlx_result check_tiling(const reader *r, size_t first)
{
    dlx__found_tensor *items = r->list->items;
    size_t n = r->list->n;
    if (n - first > 1)
        qsort(items + first, n - first, sizeof *items, by_place);
    size_t end = 0;
    for (size_t i = first; i < n; i++) {
        const dlx__tensor *t = &items[i].tensor;
        size_t begin = (size_t)((const uint8_t *)t->data - r->data);
        if (begin != end)
            return dlx__fail(r->err, DLX_E_FORMAT,
                             "%s: tensor %.200s: expected it to begin at byte %zu, found %zu (%s); "
                             "the file is damaged, fetch it again",
                             r->path, t->name, end, begin, begin < end ? "an overlap" : "a hole");
        end = begin + t->n_bytes;
    }
    if (end != r->n_data)
        return dlx__fail(r->err, DLX_E_FORMAT,
                         "%s: expected %zu bytes of data, found %zu; the file is damaged, fetch it "
                         "again",
                         r->path, end, r->n_data);
    return DLX_OK;
}

static dlx_result read_header(reader *r, const json_t *header)
{
    if (!json_is_object(header))
        return dlx__fail(r->err, DLX_E_FORMAT,
                         "%s: expected a JSON object as header, found something else; is it a "
                         "safetensors file?",
                         r->path);
    size_t first = r->list->n;
    const char *name;
    json_t *entry;
    /* The cast is jansson's: its iterators take no const object, but do not change it. */
    json_object_foreach((json_t *)(uintptr_t)header, name, entry)
    {
        if (strcmp(name, "__metadata__") != 0)
            DLX__TRY(read_tensor(r, name, entry));
    }
    return check_tiling(r, first);
}

dlx_result dlx__safetensors_read(dlx__weights *w, dlx__found_list *list, const uint8_t *bytes,
                                 size_t n, const char *path, dlx_error *err)
{
    if (n < PREFIX_BYTES)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a safetensors file, found %zu bytes; the download may be "
                         "incomplete, fetch it again",
                         path, n);
    uint64_t n_header = dlx__le64(bytes);
    size_t n_behind = n - PREFIX_BYTES;
    if (n_header > n_behind || n_header > MAX_HEADER_BYTES || n_header < 2 ||
        bytes[PREFIX_BYTES] != '{')
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a safetensors header of up to %zu bytes, found one of %llu; "
                         "is it a complete safetensors file?",
                         path, dlx__min(n_behind, MAX_HEADER_BYTES), (unsigned long long)n_header);
    size_t len = (size_t)n_header;
    reader r = {.w = w,
                .list = list,
                .path = path,
                .data = bytes + PREFIX_BYTES + len,
                .n_data = n_behind - len,
                .err = err};
    json_t *header;
    DLX__TRY(dlx__json_parse_unique(&header, (const char *)bytes + PREFIX_BYTES, len, path, err));
    dlx_result result = read_header(&r, header);
    json_decref(header);
    return result;
}

dlx_result dlx__safetensors_parse(dlx__weights *w, const uint8_t *bytes, size_t n, const char *path,
                                  const dlx_allocator *mem, dlx_error *err)
{
    *w = (dlx__weights){.shapes_known = true};
    dlx__arena_init(&w->arena, mem);
    dlx__found_list list = {.mem = mem};
    const char *file = dlx__arena_strdup(&w->arena, path);
    dlx_result r = file ? dlx__safetensors_read(w, &list, bytes, n, file, err)
                        : dlx__fail_memory(err, "opening a safetensors file", strlen(path));
    if (r == DLX_OK)
        r = dlx__weights_fill(w, &list, err);
    dlx__found_release(&list);
    if (r != DLX_OK)
        dlx__weights_release(w);
    return r;
}
