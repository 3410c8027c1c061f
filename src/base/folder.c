/* folder.c - a whole directory under its name, or nothing. */
#include "base/folder.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { ATTEMPTS = 8, SUFFIX = 16, MAX_DEPTH = 8 };

struct dlx__folder {
    const dlx_allocator *mem;
    char *path;      /* without separators at its end */
    char *temporary; /* [strlen(path) + SUFFIX] */
    dlx__buf at;     /* what dlx__folder_at gave */
};

static void folder_free(dlx__folder *f)
{
    const dlx_allocator *mem = f->mem;
    dlx__buf_release(&f->at);
    dlx__free(mem, f->temporary);
    dlx__free(mem, f->path);
    dlx__free(mem, f);
}

/* ---- removing ------------------------------------------------------------------------------ */

typedef struct removal {
    const char *path;
    const dlx_allocator *mem;
    int depth;
} removal;

static void remove_tree(const char *path, const dlx_allocator *mem, int depth);

static bool remove_entry(void *user, const char *name)
{
    const removal *r = user;
    dlx__buf at;
    dlx__buf_init(&at, r->mem);
    if (dlx__buf_format(&at, "%s/%s", r->path, name)) {
        dlx__os_remove(at.data); /* a link too, and not what it points to */
        if (dlx__os_path_kind(at.data) == DLX__PATH_DIR)
            remove_tree(at.data, r->mem, r->depth + 1);
    }
    dlx__buf_release(&at);
    return true;
}

/* As much of it as can be removed: what stays is seen by its odd name. */
static void remove_tree(const char *path, const dlx_allocator *mem, int depth)
{
    removal r = {path, mem, depth};
    if (depth < MAX_DEPTH)
        (void)dlx__os_list_dir(path, remove_entry, &r, mem, NULL);
    dlx__os_remove_dir(path);
}

/* ---- opening ------------------------------------------------------------------------------- */

static bool found_entry(void *user, const char *name)
{
    (void)name;
    *(bool *)user = true;
    return false;
}

static dlx_result check_place(const dlx__folder *f, const char *mark, const char *kind,
                              dlx_error *err)
{
    bool has_entries = false;
    dlx__buf at;
    const dlx__path_kind there = dlx__os_path_kind(f->path);
    if (there == DLX__PATH_ABSENT)
        return DLX_OK;
    if (there != DLX__PATH_DIR)
        return dlx__fail(err, DLX_E_IO,
                         "%s: expected a place for a directory, found a file: give another name",
                         f->path);
    DLX__TRY(dlx__os_list_dir(f->path, found_entry, &has_entries, f->mem, err));
    dlx__buf_init(&at, f->mem);
    const bool named = dlx__buf_format(&at, "%s/%s", f->path, mark);
    const bool ours = named && dlx__os_path_kind(at.data) == DLX__PATH_FILE;
    dlx__buf_release(&at);
    if (!named)
        return dlx__fail_memory(err, "naming a directory", strlen(f->path));
    if (!has_entries || ours)
        return DLX_OK;
    return dlx__fail(err, DLX_E_IO,
                     "%s: expected no directory, an empty one or %s, which has a file %s, found "
                     "another one: give another name",
                     f->path, kind, mark);
}

static dlx_result make_temporary(dlx__folder *f, dlx_error *err)
{
    dlx_result r = DLX_OK;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        snprintf(f->temporary, strlen(f->path) + SUFFIX, "%s.%08x.part", f->path,
                 (unsigned)dlx__os_random());
        r = dlx__os_make_dir(f->temporary, err);
        if (r == DLX_OK || dlx__os_path_kind(f->temporary) == DLX__PATH_ABSENT)
            break;
    }
    return r;
}

dlx_result dlx__folder_open(dlx__folder **out, const char *path, const char *mark, const char *kind,
                            const dlx_allocator *mem, dlx_error *err)
{
    size_t n = strlen(path);
    *out = NULL;
    while (n > 1 && (path[n - 1] == '/' || path[n - 1] == '\\'))
        n--;
    dlx__folder *f = dlx__alloc_zero(mem, 1, sizeof *f);
    if (!f)
        return dlx__fail_memory(err, "opening a directory for writing", sizeof *f);
    f->mem = mem;
    dlx__buf_init(&f->at, mem);
    f->path = dlx__strndup(mem, path, n);
    f->temporary = dlx__alloc(mem, dlx__add(n, SUFFIX));
    dlx_result r = f->path && f->temporary
                       ? check_place(f, mark, kind, err)
                       : dlx__fail_memory(err, "opening a directory for writing", n);
    if (r == DLX_OK)
        r = make_temporary(f, err);
    if (r != DLX_OK) {
        folder_free(f);
        return r;
    }
    *out = f;
    return DLX_OK;
}

/* ---- in between, and the end --------------------------------------------------------------- */

const char *dlx__folder_at(dlx__folder *f, const char *name)
{
    dlx__buf_reset(&f->at);
    return dlx__buf_format(&f->at, "%s/%s", f->temporary, name) ? f->at.data : NULL;
}

dlx_result dlx__folder_make(dlx__folder *f, const char *name, dlx_error *err)
{
    const char *path = dlx__folder_at(f, name);
    return path ? dlx__os_make_dir(path, err)
                : dlx__fail_memory(err, "naming a directory", strlen(name));
}

dlx_result dlx__folder_write(dlx__folder *f, const char *name, const void *bytes, size_t n,
                             dlx_error *err)
{
    dlx__writer *w;
    const char *path = dlx__folder_at(f, name);
    if (!path)
        return dlx__fail_memory(err, "naming a file", strlen(name));
    DLX__TRY(dlx__writer_open(&w, path, f->mem, err));
    const dlx_result r = dlx__writer_write(w, bytes, n, err);
    if (r == DLX_OK)
        return dlx__writer_commit(w, err);
    dlx__writer_abandon(w);
    return r;
}

/* What was there goes aside first, and comes back if the new one cannot take its place. */
static dlx_result replace(const dlx__folder *f, dlx_error *err)
{
    dlx__buf aside;
    dlx__buf_init(&aside, f->mem);
    dlx_result r = dlx__buf_format(&aside, "%s.old", f->temporary)
                       ? dlx__os_rename(f->path, aside.data, err)
                       : dlx__fail_memory(err, "naming a directory", strlen(f->path));
    if (r == DLX_OK) {
        r = dlx__os_rename(f->temporary, f->path, err);
        if (r == DLX_OK)
            remove_tree(aside.data, f->mem, 0);
        else
            (void)dlx__os_rename(aside.data, f->path, NULL);
    }
    dlx__buf_release(&aside);
    return r;
}

dlx_result dlx__folder_commit(dlx__folder *f, dlx_error *err)
{
    const dlx_result r = dlx__os_path_kind(f->path) == DLX__PATH_ABSENT
                             ? dlx__os_rename(f->temporary, f->path, err)
                             : replace(f, err);
    if (r != DLX_OK)
        remove_tree(f->temporary, f->mem, 0);
    folder_free(f);
    return r;
}

void dlx__folder_abandon(dlx__folder *f)
{
    if (!f)
        return;
    remove_tree(f->temporary, f->mem, 0);
    folder_free(f);
}
