/* safetensors_write.c - tensors to one file, in the order given. */
#include "base/buf.h"
#include "base/fail.h"
#include "base/os.h"
#include "format/json_file.h"
#include "format/safetensors.h"

#include <string.h>

static const char *name_of(dlx__dtype dtype)
{
    switch (dtype) {
    case DLX__F32:
        return "F32";
    case DLX__F16:
        return "F16";
    case DLX__BF16:
        return "BF16";
    default:
        return NULL;
    }
}

/* The entry of one tensor that begins at `offset`; NULL when there is no memory. */
static json_t *entry_of(const dlx__tensor *t, size_t offset)
{
    json_t *shape = json_array();
    for (int i = 0; shape && i < t->n_dims; i++) {
        if (json_array_append_new(shape, json_integer((json_int_t)t->shape[i])) != 0) {
            json_decref(shape);
            shape = NULL;
        }
    }
    if (!shape)
        return NULL;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", name_of(t->dtype), "shape", shape,
                     "data_offsets", (json_int_t)offset, (json_int_t)(offset + t->n_bytes));
}

static int into_buf(const char *text, size_t n, void *buf)
{
    return dlx__buf_append(buf, text, n) ? 0 : -1;
}

/* The JSON header, padded with spaces to a multiple of 8 so that the data begins aligned. */
static dlx_result write_header(dlx__buf *out, const dlx__tensor *tensors, size_t n, dlx_error *err)
{
    json_t *header = json_object();
    bool ok = header != NULL;
    size_t offset = 0;
    for (size_t i = 0; ok && i < n; i++) {
        ok = json_object_set_new(header, tensors[i].name, entry_of(&tensors[i], offset)) == 0;
        offset = dlx__add(offset, tensors[i].n_bytes);
    }
    ok = ok && json_dump_callback(header, into_buf, out, JSON_COMPACT) == 0;
    bool twice = ok && json_object_size(header) != n;
    json_decref(header);
    while (ok && out->len % 8 != 0)
        ok = dlx__buf_byte(out, ' ');
    if (!ok)
        return dlx__fail_memory(err, "writing a safetensors header", out->len);
    if (twice)
        return dlx__fail(err, DLX_E_ARG,
                         "safetensors: expected each tensor name once, found one twice");
    return DLX_OK;
}

static dlx_result write_all(dlx__writer *w, const dlx__buf *header, const dlx__tensor *tensors,
                            size_t n, dlx_error *err)
{
    uint64_t n_header = header->len;
    DLX__TRY(dlx__writer_write(w, &n_header, sizeof n_header, err));
    DLX__TRY(dlx__writer_write(w, header->data, header->len, err));
    for (size_t i = 0; i < n; i++)
        DLX__TRY(dlx__writer_write(w, tensors[i].data, tensors[i].n_bytes, err));
    return DLX_OK;
}

dlx_result dlx__safetensors_write(const char *path, const dlx__tensor *tensors, size_t n,
                                  const dlx_allocator *mem, dlx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!name_of(tensors[i].dtype))
            return dlx__fail(
                err, DLX_E_UNSUPPORTED,
                "%s: tensor %s: expected f32, f16 or bf16, found %s, which safetensors "
                "has no name for; write GGUF instead",
                path, tensors[i].name, dlx__dtype_of(tensors[i].dtype)->name);
    }
    dlx__buf header;
    dlx__buf_init(&header, mem);
    dlx__writer *w = NULL;
    dlx_result r;
    DLX__GO(write_header(&header, tensors, n, err));
    DLX__GO(dlx__writer_open(&w, path, mem, err));
    DLX__GO(write_all(w, &header, tensors, n, err));
    r = dlx__writer_commit(w, err);
    w = NULL;
done:
    dlx__writer_abandon(w);
    dlx__buf_release(&header);
    return r;
}
