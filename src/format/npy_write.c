/* npy_write.c - float32 arrays to NumPy files of version 1.0. */
#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/npy.h"

#include <string.h>

enum { ALIGNMENT = 64, BEFORE_LENGTH = 8 }; /* bytes: of the data; magic and version */

/* Magic, version 1.0, length, dictionary; spaces bring the data to a multiple of 64. */
static bool encode_header(dlx__buf *out, const size_t *shape, int n_dims)
{
    bool ok = dlx__buf_append(out, "\x93NUMPY\1\0\0\0", BEFORE_LENGTH + 2) &&
              dlx__buf_text(out, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; ok && i < n_dims; i++)
        ok = dlx__buf_format(out, i ? " %zu," : "%zu,", shape[i]);
    if (ok && n_dims > 1) { /* NumPy writes (3,) but (3, 4) */
        out->len--;
        out->data[out->len] = '\0';
    }
    ok = ok && dlx__buf_text(out, "), }");
    while (ok && (out->len + 1) % ALIGNMENT != 0)
        ok = dlx__buf_byte(out, ' ');
    if (!ok || !dlx__buf_byte(out, '\n'))
        return false;
    uint16_t len = (uint16_t)(out->len - BEFORE_LENGTH - 2);
    memcpy(out->data + BEFORE_LENGTH, &len, sizeof len);
    return true;
}

dlx_result dlx__npy_write_f32(const char *path, const float *data, const size_t *shape, int n_dims,
                              const dlx_allocator *mem, dlx_error *err)
{
    size_t n_bytes = sizeof *data;
    for (int i = 0; i < n_dims; i++)
        n_bytes = dlx__mul(n_bytes, shape[i]);
    dlx__buf header;
    dlx__buf_init(&header, mem);
    dlx__writer *w = NULL;
    dlx_result r;
    if (!encode_header(&header, shape, n_dims)) {
        r = dlx__fail_memory(err, "writing a NumPy header", header.len);
        goto done;
    }
    DLX__GO(dlx__writer_open(&w, path, mem, err));
    DLX__GO(dlx__writer_write(w, header.data, header.len, err));
    DLX__GO(dlx__writer_write(w, data, n_bytes, err));
    r = dlx__writer_commit(w, err);
    w = NULL;
done:
    dlx__writer_abandon(w);
    dlx__buf_release(&header);
    return r;
}
