/*
 * gguf_write.c - writes GGUF version 3. Keys and tensor descriptions gather in memory, because the
 * file begins with their counts; the data then goes straight to the file.
 */
#include "base/buf.h"
#include "base/fail.h"
#include "base/little.h"
#include "base/mem.h"
#include "base/names.h"
#include "format/gguf.h"

#include <string.h>

enum { ALIGNMENT = 32, VERSION = 3, HEAD_BYTES = 24 };

struct dlx__gguf_writer {
    const dlx_allocator *mem;
    dlx__writer *file;
    char *path;
    dlx__buf kv;           /* encoded */
    dlx__buf descriptions; /* encoded */
    dlx__buf sizes;        /* size_t [n_tensors], bytes of each tensor */
    dlx__names keys;
    dlx__names tensors;
    uint64_t data_end; /* offset behind the last described tensor, aligned */
    size_t n_done;     /* tensors whose bytes are written */
    size_t part;       /* bytes of the next one that are written */
    bool in_data;
};

/* file: false, keys alone, for dlx__gguf_writer_take. */
static dlx_result open_writer(dlx__gguf_writer **out, const char *path, bool file,
                              const dlx_allocator *mem, dlx_error *err)
{
    *out = NULL;
    dlx__gguf_writer *w = dlx__alloc_zero(mem, 1, sizeof *w);
    if (!w)
        return dlx__fail_memory(err, "opening a GGUF file for writing", sizeof *w);
    w->mem = mem;
    dlx__buf_init(&w->kv, mem);
    dlx__buf_init(&w->descriptions, mem);
    dlx__buf_init(&w->sizes, mem);
    dlx__names_init(&w->keys, mem);
    dlx__names_init(&w->tensors, mem);
    w->path = dlx__strdup(mem, path);
    dlx_result r = DLX_OK;
    if (!w->path)
        r = dlx__fail_memory(err, "opening a GGUF file for writing", strlen(path));
    else if (file)
        r = dlx__writer_open(&w->file, path, mem, err);
    if (r != DLX_OK) {
        dlx__gguf_writer_abandon(w);
        return r;
    }
    *out = w;
    return DLX_OK;
}

dlx_result dlx__gguf_writer_open(dlx__gguf_writer **out, const char *path, const dlx_allocator *mem,
                                 dlx_error *err)
{
    return open_writer(out, path, true, mem, err);
}

dlx_result dlx__gguf_writer_open_keys(dlx__gguf_writer **out, const dlx_allocator *mem,
                                      dlx_error *err)
{
    return open_writer(out, "GGUF keys", false, mem, err);
}

static dlx_result result_of(bool ok)
{
    return ok ? DLX_OK : DLX_E_NOMEM;
}

static bool put_bytes(dlx__buf *buf, const void *bytes, size_t n)
{
    return dlx__buf_append(buf, bytes, n);
}

static bool put_u32(dlx__buf *buf, uint32_t value)
{
    return put_bytes(buf, &value, sizeof value);
}

static bool put_u64(dlx__buf *buf, uint64_t value)
{
    return put_bytes(buf, &value, sizeof value);
}

static bool put_string(dlx__buf *buf, const char *text, size_t len)
{
    return put_u64(buf, len) && put_bytes(buf, text, len);
}

/* Key and type; the value follows. */
static bool begin_kv(dlx__gguf_writer *w, const char *key, dlx__gguf_type type)
{
    return dlx__names_add(&w->keys, key) && put_string(&w->kv, key, strlen(key)) &&
           put_u32(&w->kv, type);
}

static bool begin_array(dlx__gguf_writer *w, const char *key, dlx__gguf_type type, size_t n)
{
    return begin_kv(w, key, DLX__GGUF_ARRAY) && put_u32(&w->kv, type) && put_u64(&w->kv, n);
}

dlx_result dlx__gguf_put_u32(dlx__gguf_writer *w, const char *key, uint32_t value)
{
    return result_of(begin_kv(w, key, DLX__GGUF_U32) && put_u32(&w->kv, value));
}

dlx_result dlx__gguf_put_f32(dlx__gguf_writer *w, const char *key, float value)
{
    return result_of(begin_kv(w, key, DLX__GGUF_F32) && put_bytes(&w->kv, &value, sizeof value));
}

dlx_result dlx__gguf_put_bool(dlx__gguf_writer *w, const char *key, bool value)
{
    uint8_t byte = value;
    return result_of(begin_kv(w, key, DLX__GGUF_BOOL) && put_bytes(&w->kv, &byte, 1));
}

dlx_result dlx__gguf_put_text(dlx__gguf_writer *w, const char *key, const char *value)
{
    return result_of(begin_kv(w, key, DLX__GGUF_STRING) &&
                     put_string(&w->kv, value, strlen(value)));
}

dlx_result dlx__gguf_put_texts(dlx__gguf_writer *w, const char *key, const dlx__gguf_string *values,
                               size_t n)
{
    bool ok = begin_array(w, key, DLX__GGUF_STRING, n);
    for (size_t i = 0; ok && i < n; i++)
        ok = put_string(&w->kv, values[i].data, values[i].len);
    return result_of(ok);
}

dlx_result dlx__gguf_put_i32s(dlx__gguf_writer *w, const char *key, const int32_t *values, size_t n)
{
    return result_of(begin_array(w, key, DLX__GGUF_I32, n) &&
                     put_bytes(&w->kv, values, n * sizeof *values));
}

dlx_result dlx__gguf_put_f32s(dlx__gguf_writer *w, const char *key, const float *values, size_t n)
{
    return result_of(begin_array(w, key, DLX__GGUF_F32, n) &&
                     put_bytes(&w->kv, values, n * sizeof *values));
}

bool dlx__gguf_has_put(const dlx__gguf_writer *w, const char *key)
{
    for (size_t i = 0; i < w->keys.n; i++)
        if (strcmp(w->keys.items[i], key) == 0)
            return true;
    return false;
}

/* Bytes of an element in the file; 0 for strings. */
static size_t element_bytes(dlx__gguf_type type)
{
    switch (type) {
    case DLX__GGUF_U8:
    case DLX__GGUF_I8:
    case DLX__GGUF_BOOL:
        return 1;
    case DLX__GGUF_U16:
    case DLX__GGUF_I16:
        return 2;
    case DLX__GGUF_U32:
    case DLX__GGUF_I32:
    case DLX__GGUF_F32:
        return 4;
    case DLX__GGUF_U64:
    case DLX__GGUF_I64:
    case DLX__GGUF_F64:
        return 8;
    default:
        return 0;
    }
}

dlx_result dlx__gguf_put_kv(dlx__gguf_writer *w, const dlx__gguf_kv *kv)
{
    if (kv->is_array && kv->type == DLX__GGUF_STRING)
        return dlx__gguf_put_texts(w, kv->key, kv->strings, kv->n);
    size_t size = element_bytes(kv->type);
    if (kv->is_array)
        return result_of(begin_array(w, kv->key, kv->type, kv->n) &&
                         put_bytes(&w->kv, kv->elements, kv->n * size));
    if (!begin_kv(w, kv->key, kv->type))
        return DLX_E_NOMEM;
    if (kv->type == DLX__GGUF_STRING)
        return result_of(put_string(&w->kv, kv->s.data, kv->s.len));
    float f = (float)kv->f;
    if (kv->type == DLX__GGUF_F32)
        return result_of(put_bytes(&w->kv, &f, sizeof f));
    if (kv->type == DLX__GGUF_F64)
        return result_of(put_bytes(&w->kv, &kv->f, sizeof kv->f));
    return result_of(put_bytes(&w->kv, &kv->u, size)); /* the lower bytes of the widened integer */
}

dlx_result dlx__gguf_add_tensor(dlx__gguf_writer *w, const dlx__tensor *t)
{
    size_t n_bytes = dlx__dtype_bytes(t->dtype, dlx__tensor_elems(t));
    dlx__buf *buf = &w->descriptions;
    bool ok = n_bytes != SIZE_MAX && dlx__names_add(&w->tensors, t->name) &&
              put_bytes(&w->sizes, &n_bytes, sizeof n_bytes) &&
              put_string(buf, t->name, strlen(t->name)) && put_u32(buf, (uint32_t)t->n_dims);
    for (int i = t->n_dims - 1; ok && i >= 0; i--) /* innermost first */
        ok = put_u64(buf, t->shape[i]);
    ok = ok && put_u32(buf, (uint32_t)dlx__dtype_of(t->dtype)->gguf_type) &&
         put_u64(buf, w->data_end);
    if (ok)
        w->data_end = dlx__align((size_t)w->data_end + n_bytes, ALIGNMENT);
    return result_of(ok);
}

static dlx_result pad(dlx__gguf_writer *w, dlx_error *err)
{
    static const uint8_t zeros[ALIGNMENT];
    size_t torn = (size_t)(dlx__writer_tell(w->file) % ALIGNMENT);
    return torn ? dlx__writer_write(w->file, zeros, ALIGNMENT - torn, err) : DLX_OK;
}

typedef struct twice {
    const char *last;
    bool found;
} twice;

static bool differs_from_last(void *user, const char *name)
{
    twice *t = user;
    t->found = t->last && strcmp(t->last, name) == 0;
    t->last = name;
    return !t->found;
}

static dlx_result check_once(const dlx__gguf_writer *w, dlx__names *names, const char *what,
                             dlx_error *err)
{
    twice t = {NULL, false};
    dlx__names_visit(names, differs_from_last, &t);
    if (!t.found)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG, "%s: expected each %s once, found %.200s twice", w->path, what,
                     t.last);
}

typedef struct gguf_head {
    char magic[4];
    uint32_t version;
    uint64_t n_tensors;
    uint64_t n_kv;
} gguf_head;

static gguf_head head_of(const dlx__gguf_writer *w)
{
    return (gguf_head){{'G', 'G', 'U', 'F'}, VERSION, w->tensors.n, w->keys.n};
}

dlx_result dlx__gguf_writer_take(dlx__gguf_writer *w, dlx__buf *out, dlx_error *err)
{
    const gguf_head head = head_of(w);
    dlx_result r = check_once(w, &w->keys, "key", err);
    if (r == DLX_OK &&
        !(put_bytes(out, &head, sizeof head) && put_bytes(out, w->kv.data, w->kv.len)))
        r = dlx__fail_memory(err, "writing GGUF keys", w->kv.len);
    dlx__gguf_writer_abandon(w);
    return r;
}

dlx_result dlx__gguf_begin_data(dlx__gguf_writer *w, dlx_error *err)
{
    DLX__TRY(check_once(w, &w->keys, "key", err));
    DLX__TRY(check_once(w, &w->tensors, "tensor", err));
    const gguf_head head = head_of(w);
    DLX__TRY(dlx__writer_write(w->file, &head, sizeof head, err));
    DLX__TRY(dlx__writer_write(w->file, w->kv.data, w->kv.len, err));
    DLX__TRY(dlx__writer_write(w->file, w->descriptions.data, w->descriptions.len, err));
    w->in_data = true;
    return pad(w, err);
}

/* Bytes of the tensor whose turn it is; SIZE_MAX when there is none. */
static size_t size_now(const dlx__gguf_writer *w)
{
    size_t size = SIZE_MAX;
    if (w->in_data && w->n_done < w->tensors.n)
        memcpy(&size, w->sizes.data + w->n_done * sizeof size, sizeof size);
    return size;
}

static dlx_result fail_size(const dlx__gguf_writer *w, size_t n_bytes, dlx_error *err)
{
    return dlx__fail(err, DLX_E_ARG,
                     "%s: tensor number %zu of %zu: expected %zu bytes, was given %zu", w->path,
                     w->n_done + 1, w->tensors.n, size_now(w) - w->part, n_bytes);
}

dlx_result dlx__gguf_write_part(dlx__gguf_writer *w, const void *bytes, size_t n_bytes,
                                dlx_error *err)
{
    size_t size = size_now(w);
    if (size == SIZE_MAX || n_bytes > size - w->part)
        return fail_size(w, n_bytes, err);
    DLX__TRY(dlx__writer_write(w->file, bytes, n_bytes, err));
    w->part += n_bytes;
    if (w->part < size)
        return DLX_OK;
    w->part = 0;
    w->n_done++;
    return pad(w, err);
}

dlx_result dlx__gguf_write_tensor(dlx__gguf_writer *w, const void *bytes, size_t n_bytes,
                                  dlx_error *err)
{
    if (w->part != 0 || n_bytes != size_now(w))
        return fail_size(w, n_bytes, err);
    return dlx__gguf_write_part(w, bytes, n_bytes, err);
}

/* Where the elements of an array lie among the encoded keys; SIZE_MAX: no such array. */
static size_t find_f32s(const dlx__gguf_writer *w, const char *key, size_t n)
{
    const struct {
        uint32_t array, element;
    } types = {DLX__GGUF_ARRAY, DLX__GGUF_F32};
    const uint64_t count = n;
    const size_t n_key = strlen(key), n_head = n_key + sizeof types + sizeof count;
    for (size_t at = 0; at + n_head + n * sizeof(float) <= w->kv.len; at++) {
        const char *p = w->kv.data + at;
        if (memcmp(p, key, n_key) == 0 && memcmp(p + n_key, &types, sizeof types) == 0 &&
            memcmp(p + n_key + sizeof types, &count, sizeof count) == 0)
            return at + n_head;
    }
    return SIZE_MAX;
}

bool dlx__gguf_can_change(const dlx__gguf_writer *w)
{
    return dlx__writer_can_patch(w->file);
}

dlx_result dlx__gguf_change_f32s(dlx__gguf_writer *w, const char *key, const float *values,
                                 size_t n, dlx_error *err)
{
    const size_t at = find_f32s(w, key, n);
    if (!w->in_data || at == SIZE_MAX)
        return dlx__fail(err, DLX_E_ARG, "%s: expected an array of %zu numbers in the file, %s",
                         w->path, n, key);
    return dlx__writer_patch(w->file, HEAD_BYTES + at, values, n * sizeof *values, err);
}

dlx_result dlx__gguf_writer_commit(dlx__gguf_writer *w, dlx_error *err)
{
    dlx_result r = DLX_OK;
    if (!w->in_data || w->n_done != w->tensors.n)
        r = dlx__fail(err, DLX_E_ARG, "%s: expected the bytes of %zu tensors, was given %zu",
                      w->path, w->tensors.n, w->n_done);
    if (r == DLX_OK) {
        r = dlx__writer_commit(w->file, err);
        w->file = NULL;
    }
    dlx__gguf_writer_abandon(w);
    return r;
}

void dlx__gguf_writer_abandon(dlx__gguf_writer *w)
{
    if (!w)
        return;
    dlx__writer_abandon(w->file);
    dlx__names_release(&w->tensors);
    dlx__names_release(&w->keys);
    dlx__buf_release(&w->sizes);
    dlx__buf_release(&w->descriptions);
    dlx__buf_release(&w->kv);
    const dlx_allocator *mem = w->mem;
    dlx__free(mem, w->path);
    dlx__free(mem, w);
}
