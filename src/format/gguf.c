/*
 * gguf.c - reads GGUF. One cursor walks the file; whatever it takes is compared with the bytes that
 * are left, before memory is asked for on the file's word. Values and arrays stay in the mapping.
 */
#include "format/gguf.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_ALIGNMENT = 32,
    MAX_NAME_BYTES = 65535, /* of a key, by the specification; for tensor names likewise */
    MIN_KV_BYTES = 13,      /* length of the key, type, one byte of value */
    MIN_TENSOR_BYTES = 24   /* length of the name, n_dims, type, offset */
};

/* Bytes of a scalar; 0: not of a fixed size. */
static const uint8_t sizes[] = {
    [DLX__GGUF_U8] = 1,  [DLX__GGUF_I8] = 1,     [DLX__GGUF_U16] = 2,   [DLX__GGUF_I16] = 2,
    [DLX__GGUF_U32] = 4, [DLX__GGUF_I32] = 4,    [DLX__GGUF_F32] = 4,   [DLX__GGUF_BOOL] = 1,
    [DLX__GGUF_U64] = 8, [DLX__GGUF_STRING] = 0, [DLX__GGUF_ARRAY] = 0, [DLX__GGUF_I64] = 8,
    [DLX__GGUF_F64] = 8,
};

typedef struct cursor {
    dlx__gguf *g;
    const uint8_t *bytes; /* [n] */
    size_t n;
    size_t at;
    dlx_error *err;
} cursor;

/* The next n bytes. */
static dlx_result take(cursor *c, uint64_t n, const uint8_t **out, const char *what)
{
    if (n > c->n - c->at)
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: expected %llu bytes (%s) at byte %zu, found the end of the file "
                         "after %zu; the download may be incomplete, fetch it again",
                         c->g->path, (unsigned long long)n, what, c->at, c->n - c->at);
    *out = c->bytes + c->at;
    c->at += (size_t)n;
    return DLX_OK;
}

static dlx_result take_u32(cursor *c, uint32_t *out, const char *what)
{
    const uint8_t *p = NULL;
    DLX__TRY(take(c, 4, &p, what));
    *out = dlx__le32(p);
    return DLX_OK;
}

static dlx_result take_u64(cursor *c, uint64_t *out, const char *what)
{
    const uint8_t *p = NULL;
    DLX__TRY(take(c, 8, &p, what));
    *out = dlx__le64(p);
    return DLX_OK;
}

static dlx_result take_string(cursor *c, dlx__gguf_string *out, const char *what)
{
    uint64_t len = 0;
    const uint8_t *p = NULL;
    DLX__TRY(take_u64(c, &len, what));
    DLX__TRY(take(c, len, &p, what));
    *out = (dlx__gguf_string){(const char *)p, (size_t)len};
    return DLX_OK;
}

/* A string that must serve as a C name: no zero byte, not empty, of a sane length. */
static dlx_result take_name(cursor *c, const char **out, const char *what)
{
    dlx__gguf_string s;
    size_t at = c->at;
    DLX__TRY(take_string(c, &s, what));
    if (s.len == 0 || s.len > MAX_NAME_BYTES || memchr(s.data, '\0', s.len))
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: expected %s of 1 to %d bytes without zeros at byte %zu, found one of "
                         "%zu; the file is damaged, fetch it again",
                         c->g->path, what, MAX_NAME_BYTES, at, s.len);
    *out = dlx__arena_strndup(&c->g->arena, s.data, s.len);
    return *out ? DLX_OK : dlx__fail_memory(c->err, "reading GGUF names", s.len);
}

/* A count from the file, each item of which needs at least `min_bytes` of what is left. */
static dlx_result take_count(cursor *c, size_t *out, size_t min_bytes, const char *what)
{
    uint64_t n = 0;
    DLX__TRY(take_u64(c, &n, what));
    if (n > (c->n - c->at) / min_bytes)
        return dlx__fail(
            c->err, DLX_E_FORMAT,
            "%s: expected at most %zu %s in the %zu bytes that are left, found a count "
            "of %llu; the file is damaged, fetch it again",
            c->g->path, (c->n - c->at) / min_bytes, what, c->n - c->at, (unsigned long long)n);
    *out = (size_t)n;
    return DLX_OK;
}

static uint64_t integer_at(dlx__gguf_type type, const uint8_t *p)
{
    switch (type) {
    case DLX__GGUF_U8:
        return *p;
    case DLX__GGUF_BOOL:
        return *p != 0;
    case DLX__GGUF_I8:
        return (uint64_t)(int64_t)(int8_t)*p;
    case DLX__GGUF_U16:
        return dlx__le16(p);
    case DLX__GGUF_I16:
        return (uint64_t)(int64_t)(int16_t)dlx__le16(p);
    case DLX__GGUF_U32:
        return dlx__le32(p);
    case DLX__GGUF_I32:
        return (uint64_t)(int64_t)(int32_t)dlx__le32(p);
    case DLX__GGUF_U64:
    case DLX__GGUF_I64:
        return dlx__le64(p);
    default:
        return 0;
    }
}

static double number_at(dlx__gguf_type type, const uint8_t *p)
{
    if (type == DLX__GGUF_F32)
        return dlx__le_f32(p);
    if (type == DLX__GGUF_F64)
        return dlx__le_f64(p);
    uint64_t u = integer_at(type, p);
    bool is_signed = type == DLX__GGUF_I8 || type == DLX__GGUF_I16 || type == DLX__GGUF_I32 ||
                     type == DLX__GGUF_I64;
    return is_signed ? (double)(int64_t)u : (double)u;
}

static dlx_result read_strings(cursor *c, dlx__gguf_kv *kv)
{
    dlx__gguf_string *strings = dlx__arena_alloc(&c->g->arena, kv->n, sizeof *strings);
    if (!strings)
        return dlx__fail_memory(c->err, "reading GGUF strings", dlx__mul(kv->n, sizeof *strings));
    for (size_t i = 0; i < kv->n; i++)
        DLX__TRY(take_string(c, &strings[i], kv->key));
    kv->strings = strings;
    return DLX_OK;
}

static dlx_result read_type(cursor *c, dlx__gguf_type *out, const char *key)
{
    uint32_t type = 0;
    DLX__TRY(take_u32(c, &type, key));
    if (type >= DLX__LEN(sizes))
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: key %.200s: expected a value type up to %zu, found %u; the file is "
                         "damaged or newer than this program",
                         c->g->path, key, DLX__LEN(sizes) - 1, type);
    *out = (dlx__gguf_type)type;
    return DLX_OK;
}

static dlx_result read_array(cursor *c, dlx__gguf_kv *kv)
{
    DLX__TRY(read_type(c, &kv->type, kv->key));
    if (kv->type == DLX__GGUF_ARRAY)
        return dlx__fail(c->err, DLX_E_UNSUPPORTED,
                         "%s: key %.200s: expected a list of plain values, found a list of lists, "
                         "which no known model needs; fetch the file again",
                         c->g->path, kv->key);
    kv->is_array = true;
    bool strings = kv->type == DLX__GGUF_STRING;
    DLX__TRY(take_count(c, &kv->n, strings ? 8 : sizes[kv->type], kv->key));
    if (strings)
        return read_strings(c, kv);
    return take(c, (uint64_t)kv->n * sizes[kv->type], &kv->elements, kv->key);
}

static dlx_result read_kv(cursor *c, dlx__gguf_kv *kv)
{
    DLX__TRY(take_name(c, &kv->key, "a key"));
    DLX__TRY(read_type(c, &kv->type, kv->key));
    if (kv->type == DLX__GGUF_ARRAY)
        return read_array(c, kv);
    kv->n = 1;
    if (kv->type == DLX__GGUF_STRING)
        return take_string(c, &kv->s, kv->key);
    const uint8_t *p = NULL;
    DLX__TRY(take(c, sizes[kv->type], &p, kv->key));
    kv->u = integer_at(kv->type, p);
    kv->f = number_at(kv->type, p);
    return DLX_OK;
}

static int by_key(const void *a, const void *b)
{
    const dlx__gguf_kv *const *left = a;
    const dlx__gguf_kv *const *right = b;
    return strcmp((*left)->key, (*right)->key);
}

static dlx_result read_kvs(cursor *c, size_t n)
{
    dlx__gguf *g = c->g;
    g->kv = dlx__arena_alloc(&g->arena, n, sizeof *g->kv);
    g->by_key = dlx__arena_alloc(&g->arena, n, sizeof *g->by_key);
    if (!g->kv || !g->by_key)
        return dlx__fail_memory(c->err, "reading GGUF keys",
                                dlx__mul(n, sizeof *g->kv + sizeof *g->by_key));
    for (size_t i = 0; i < n; i++) {
        DLX__TRY(read_kv(c, &g->kv[i]));
        g->by_key[i] = &g->kv[i];
    }
    if (n > 1)
        qsort(g->by_key, n, sizeof *g->by_key, by_key);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(g->by_key[i - 1]->key, g->by_key[i]->key) == 0)
            return dlx__fail(c->err, DLX_E_FORMAT,
                             "%s: key %.200s: expected it once, found it twice; the file is "
                             "damaged, fetch it again",
                             g->path, g->by_key[i]->key);
    }
    g->n_kv = n;
    return DLX_OK;
}

/* The element type of a GGUF number; DLX__N_DTYPES when it is none of ours. */
static dlx__dtype dtype_numbered(uint32_t number)
{
    int i = 0;
    while (i < DLX__N_DTYPES && (uint32_t)dlx__dtype_of((dlx__dtype)i)->gguf_type != number)
        i++;
    return (dlx__dtype)i;
}

/* What ggml calls the types that are not read here, for the sentence that refuses them. */
static const char *foreign_type(uint32_t number)
{
    static const char *const names[] = {
        [4] = "q4_2",    [5] = "q4_3",     [9] = "q8_1",    [10] = "q2_k",    [11] = "q3_k",
        [15] = "q8_k",   [16] = "iq2_xxs", [17] = "iq2_xs", [18] = "iq3_xxs", [19] = "iq1_s",
        [20] = "iq4_nl", [21] = "iq3_s",   [22] = "iq2_s",  [23] = "iq4_xs",  [24] = "i8",
        [25] = "i16",    [26] = "i32",     [27] = "i64",    [28] = "f64",     [29] = "iq1_m",
        [34] = "tq1_0",  [35] = "tq2_0",   [39] = "mxfp4",  [40] = "nvfp4",   [41] = "q1_0",
        [42] = "q2_0",
    };
    return number < DLX__LEN(names) && names[number] ? names[number] : "unknown to us";
}

static dlx_result read_dims(cursor *c, dlx__tensor *t)
{
    uint32_t n_dims = 0;
    DLX__TRY(take_u32(c, &n_dims, t->name));
    if (n_dims > DLX__MAX_DIMS)
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: tensor %.200s: expected at most %d dimensions, found %u; the file is "
                         "damaged, fetch it again",
                         c->g->path, t->name, DLX__MAX_DIMS, n_dims);
    t->n_dims = (int)n_dims;
    for (uint32_t i = 0; i < n_dims; i++) {
        uint64_t dim = 0;
        DLX__TRY(take_u64(c, &dim, t->name));
        t->shape[n_dims - 1 - i] = dim < SIZE_MAX ? (size_t)dim : SIZE_MAX;
    }
    return DLX_OK;
}

static dlx_result read_dtype(cursor *c, dlx__tensor *t)
{
    uint32_t number = 0;
    DLX__TRY(take_u32(c, &number, t->name));
    t->dtype = dtype_numbered(number);
    if (t->dtype == DLX__N_DTYPES)
        return dlx__fail(
            c->err, DLX_E_UNSUPPORTED,
            "%s: tensor %.200s: expected f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, "
            "q4_k, q5_k or q6_k, found type %u (%s); use a file of one of those",
            c->g->path, t->name, number, foreign_type(number));
    size_t row = t->n_dims ? t->shape[t->n_dims - 1] : 1;
    size_t block = dlx__dtype_of(t->dtype)->block_elems;
    t->n_bytes = row % block ? SIZE_MAX : dlx__dtype_bytes(t->dtype, dlx__tensor_elems(t));
    char shape[96];
    if (t->n_bytes == SIZE_MAX)
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: tensor %.200s: expected rows of whole blocks of %zu and a size that "
                         "fits this machine, found %s of %s; the file is damaged, fetch it again",
                         c->g->path, t->name, block, dlx__shape_text(shape, t->shape, t->n_dims),
                         dlx__dtype_of(t->dtype)->name);
    return DLX_OK;
}

/*
 * One description. ggml demands that the data lie in the order of the descriptions, each aligned
 * and without holes: then `*end` alone decides where a tensor must be, and nothing can overlap.
 */
static dlx_result read_tensor(cursor *c, dlx__tensor *t, size_t alignment, size_t *offset,
                              size_t *end)
{
    DLX__TRY(take_name(c, &t->name, "a tensor name"));
    DLX__TRY(read_dims(c, t));
    DLX__TRY(read_dtype(c, t));
    uint64_t found = 0;
    DLX__TRY(take_u64(c, &found, t->name));
    if (found != *end)
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: tensor %.200s: expected its data at offset %zu, found %llu; the file "
                         "is damaged, fetch it again",
                         c->g->path, t->name, *end, (unsigned long long)found);
    *offset = *end;
    *end = dlx__align(dlx__add(*end, t->n_bytes), alignment);
    return DLX_OK;
}

static dlx_result read_alignment(cursor *c, size_t *out)
{
    *out = DEFAULT_ALIGNMENT;
    const char *key = "general.alignment";
    if (!dlx__gguf_find(c->g, key))
        return DLX_OK;
    DLX__TRY(dlx__gguf_size(c->g, key, 1, 1u << 30, out, c->err));
    if ((*out & (*out - 1)) != 0)
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: key %s: expected a power of two, found %zu; the file is damaged, "
                         "fetch it again",
                         c->g->path, key, *out);
    return DLX_OK;
}

/* Gives each tensor its bytes; until here `data` was only an offset in `offsets`. */
static dlx_result place_tensors(cursor *c, dlx__found_list *list, const size_t *offsets,
                                size_t alignment)
{
    size_t start = dlx__align(c->at, alignment);
    for (size_t i = 0; i < list->n; i++) {
        dlx__tensor *t = &list->items[i].tensor;
        size_t begin = dlx__add(start, offsets[i]);
        size_t end = dlx__add(begin, t->n_bytes);
        if (end > c->n)
            return dlx__fail(
                c->err, DLX_E_FORMAT,
                "%s: tensor %.200s: expected its data up to byte %zu, found the end of "
                "the file at %zu; the download may be incomplete, fetch it again",
                c->g->path, t->name, end, c->n);
        t->data = c->bytes + begin;
    }
    return dlx__weights_fill(&c->g->weights, list, c->err);
}

static dlx_result read_tensors(cursor *c, size_t n, dlx__found_list *list)
{
    size_t alignment = 0, end = 0;
    DLX__TRY(read_alignment(c, &alignment));
    size_t *offsets = dlx__alloc(list->mem, dlx__mul(n, sizeof *offsets));
    if (!offsets)
        return dlx__fail_memory(c->err, "listing tensors", dlx__mul(n, sizeof *offsets));
    dlx_result r = DLX_OK;
    for (size_t i = 0; i < n && r == DLX_OK; i++) {
        dlx__found_tensor *added = dlx__found_add(list);
        if (!added) {
            r = dlx__fail_memory(c->err, "listing tensors", dlx__mul(n, sizeof *added));
            break;
        }
        added->file = c->g->path;
        r = read_tensor(c, &added->tensor, alignment, &offsets[i], &end);
    }
    if (r == DLX_OK)
        r = place_tensors(c, list, offsets, alignment);
    dlx__free(list->mem, offsets);
    return r;
}

static dlx_result read_file(cursor *c, dlx__found_list *list)
{
    const uint8_t *magic = NULL;
    DLX__TRY(take(c, 4, &magic, "the word GGUF"));
    if (memcmp(magic, "GGUF", 4) != 0)
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: expected the word GGUF at its beginning, found something else; is it "
                         "a GGUF file?",
                         c->g->path);
    uint32_t version = 0;
    DLX__TRY(take_u32(c, &version, "the version"));
    if (version != 2 && version != 3)
        return dlx__fail(c->err, DLX_E_UNSUPPORTED,
                         "%s: expected GGUF version 2 or 3, found %u%s; convert the model again",
                         c->g->path, version,
                         version == 0x02000000u || version == 0x03000000u ? " (a big-endian file)"
                                                                          : "");
    uint64_t n_tensors = 0;
    size_t n_kv = 0;
    DLX__TRY(take_u64(c, &n_tensors, "the number of tensors"));
    DLX__TRY(take_count(c, &n_kv, MIN_KV_BYTES, "keys"));
    DLX__TRY(read_kvs(c, n_kv));
    if (n_tensors > (c->n - c->at) / MIN_TENSOR_BYTES)
        return dlx__fail(c->err, DLX_E_FORMAT,
                         "%s: expected at most %zu tensors in the %zu bytes that are left, found a "
                         "count of %llu; the file is damaged, fetch it again",
                         c->g->path, (c->n - c->at) / MIN_TENSOR_BYTES, c->n - c->at,
                         (unsigned long long)n_tensors);
    return read_tensors(c, (size_t)n_tensors, list);
}

dlx_result dlx__gguf_parse(dlx__gguf *g, const uint8_t *bytes, size_t n, const char *path,
                           const dlx_allocator *mem, dlx_error *err)
{
    *g = (dlx__gguf){.weights = {.shapes_known = true}};
    dlx__arena_init(&g->arena, mem);
    dlx__arena_init(&g->weights.arena, mem);
    g->path = dlx__arena_strdup(&g->arena, path);
    if (!g->path)
        return dlx__fail_memory(err, "opening a GGUF file", strlen(path));
    cursor c = {.g = g, .bytes = bytes, .n = n, .err = err};
    dlx__found_list list = {.mem = mem};
    dlx_result r = read_file(&c, &list);
    dlx__found_release(&list);
    if (r != DLX_OK)
        dlx__gguf_release(g);
    return r;
}

dlx_result dlx__gguf_open(dlx__gguf *g, const char *path, const dlx_allocator *mem, dlx_error *err)
{
    *g = (dlx__gguf){.n_kv = 0};
    dlx__map map;
    DLX__TRY(dlx__os_map(&map, path, err));
    dlx_result r = dlx__gguf_parse(g, map.data, map.len, path, mem, err);
    if (r != DLX_OK) {
        dlx__os_unmap(&map);
        return r;
    }
    g->map = map;
    return DLX_OK;
}

void dlx__gguf_release(dlx__gguf *g)
{
    dlx__weights_release(&g->weights);
    dlx__arena_release(&g->arena);
    dlx__os_unmap(&g->map);
    *g = (dlx__gguf){.n_kv = 0};
}

const dlx__gguf_kv *dlx__gguf_find(const dlx__gguf *g, const char *key)
{
    size_t low = 0, high = g->n_kv;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(g->by_key[middle]->key, key);
        if (order == 0)
            return g->by_key[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int64_t dlx__gguf_array_int(const dlx__gguf_kv *kv, size_t i)
{
    return (int64_t)integer_at(kv->type, kv->elements + i * sizes[kv->type]);
}

double dlx__gguf_array_number(const dlx__gguf_kv *kv, size_t i)
{
    return number_at(kv->type, kv->elements + i * sizes[kv->type]);
}
