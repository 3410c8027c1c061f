/*
 * file.c - whole files in, whole files out, the same on every system. Written bytes are gathered
 * and go to a temporary name beside the target, which is renamed when all of them are on the disk.
 */
#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>

enum { GATHER_BYTES = 1 << 16, READ_BYTES = 1 << 16, ATTEMPTS = 8 };

struct dlx__writer {
    const dlx_allocator *mem;
    dlx__os_file file;
    char *path;
    char *temporary; /* NULL: a device or pipe, written in place */
    uint64_t n_written;
    size_t n_gathered;
    unsigned char gathered[GATHER_BYTES];
};

static dlx_result read_all(dlx__buf *buf, dlx__os_file f, const char *path, size_t max_bytes,
                           dlx_error *err)
{
    for (;;) {
        if (!dlx__buf_reserve(buf, READ_BYTES))
            return dlx__fail_memory(err, "reading a file", dlx__add(buf->len, READ_BYTES));
        size_t got = 0;
        DLX__TRY(dlx__os_file_read(f, buf->data + buf->len, READ_BYTES, &got, path, err));
        buf->len += got;
        buf->data[buf->len] = '\0';
        if (buf->len > max_bytes)
            return dlx__fail(err, DLX_E_UNSUPPORTED,
                             "%s: larger than the %zu bytes that such a file may have; is it the "
                             "right file?",
                             path, max_bytes);
        if (got == 0)
            return DLX_OK;
    }
}

dlx_result dlx__os_read_file(char **out, size_t *len, const char *path, size_t max_bytes,
                             const dlx_allocator *mem, dlx_error *err)
{
    *out = NULL;
    *len = 0;
    if (dlx__os_path_kind(path) == DLX__PATH_DIR)
        return dlx__fail(err, DLX_E_IO, "%s: expected a file, found a directory", path);
    dlx__os_file f = {0};
    DLX__TRY(dlx__os_file_open(&f, path, DLX__OPEN_READ, path, err));
    dlx__buf buf;
    dlx__buf_init(&buf, mem);
    dlx_result r = read_all(&buf, f, path, max_bytes, err);
    (void)dlx__os_file_close(f, false, path, NULL); /* nothing was written: closing loses nothing */
    if (r != DLX_OK) {
        dlx__buf_release(&buf);
        return r;
    }
    *out = buf.data;
    *len = buf.len;
    return DLX_OK;
}

static void writer_free(dlx__writer *w)
{
    const dlx_allocator *mem = w->mem;
    dlx__free(mem, w->temporary);
    dlx__free(mem, w->path);
    dlx__free(mem, w);
}

/* Random names until one is new; after a few, whatever stands in the way is the failure. */
static dlx_result open_temporary(dlx__writer *w, dlx_error *err)
{
    size_t room = dlx__add(strlen(w->path), 32);
    w->temporary = dlx__alloc(w->mem, room);
    if (!w->temporary)
        return dlx__fail_memory(err, "naming a temporary file", room);
    dlx_result r = DLX_OK;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        snprintf(w->temporary, room, "%s.%08x.part", w->path, (unsigned)dlx__os_random());
        r = dlx__os_file_open(&w->file, w->temporary, DLX__OPEN_CREATE, w->path, err);
        if (r == DLX_OK || dlx__os_path_kind(w->temporary) == DLX__PATH_ABSENT)
            break;
    }
    return r;
}

dlx_result dlx__writer_open(dlx__writer **out, const char *path, const dlx_allocator *mem,
                            dlx_error *err)
{
    *out = NULL;
    dlx__path_kind kind = dlx__os_path_kind(path);
    if (kind == DLX__PATH_DIR)
        return dlx__fail(err, DLX_E_IO, "%s: cannot write a file there, it is a directory", path);
    dlx__writer *w = dlx__alloc(mem, sizeof *w);
    if (!w)
        return dlx__fail_memory(err, "opening a file for writing", sizeof *w);
    w->mem = mem;
    w->temporary = NULL;
    w->n_written = 0;
    w->n_gathered = 0;
    w->path = dlx__strdup(mem, path);
    dlx_result r;
    if (!w->path)
        r = dlx__fail_memory(err, "opening a file for writing", strlen(path));
    else if (kind == DLX__PATH_OTHER)
        r = dlx__os_file_open(&w->file, path, DLX__OPEN_WRITE, path, err);
    else
        r = open_temporary(w, err);
    if (r != DLX_OK) {
        writer_free(w);
        return r;
    }
    *out = w;
    return DLX_OK;
}

static dlx_result write_gathered(dlx__writer *w, dlx_error *err)
{
    size_t n = w->n_gathered;
    w->n_gathered = 0;
    return n ? dlx__os_file_write(w->file, w->gathered, n, w->path, err) : DLX_OK;
}

dlx_result dlx__writer_write(dlx__writer *w, const void *bytes, size_t n, dlx_error *err)
{
    if (n > GATHER_BYTES - w->n_gathered)
        DLX__TRY(write_gathered(w, err));
    if (n > GATHER_BYTES) {
        DLX__TRY(dlx__os_file_write(w->file, bytes, n, w->path, err));
    } else if (n) {
        memcpy(w->gathered + w->n_gathered, bytes, n);
        w->n_gathered += n;
    }
    w->n_written += n;
    return DLX_OK;
}

uint64_t dlx__writer_tell(const dlx__writer *w)
{
    return w->n_written;
}

bool dlx__writer_can_patch(const dlx__writer *w)
{
    return w->temporary != NULL;
}

dlx_result dlx__writer_patch(dlx__writer *w, uint64_t offset, const void *bytes, size_t n,
                             dlx_error *err)
{
    DLX__TRY(write_gathered(w, err));
    DLX__TRY(dlx__os_file_seek(w->file, offset, w->path, err));
    DLX__TRY(dlx__os_file_write(w->file, bytes, n, w->path, err));
    return dlx__os_file_seek(w->file, w->n_written, w->path, err);
}

dlx_result dlx__writer_commit(dlx__writer *w, dlx_error *err)
{
    dlx_result r = write_gathered(w, err);
    bool flush = r == DLX_OK && w->temporary;
    dlx_result closed = dlx__os_file_close(w->file, flush, w->path, r == DLX_OK ? err : NULL);
    if (r == DLX_OK)
        r = closed;
    if (r == DLX_OK && w->temporary)
        r = dlx__os_rename(w->temporary, w->path, err);
    if (r != DLX_OK && w->temporary)
        dlx__os_remove(w->temporary);
    writer_free(w);
    return r;
}

void dlx__writer_abandon(dlx__writer *w)
{
    if (!w)
        return;
    (void)dlx__os_file_close(w->file, false, w->path, NULL);
    if (w->temporary)
        dlx__os_remove(w->temporary);
    writer_free(w);
}
