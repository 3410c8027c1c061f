/* folder.c - a whole directory under its name, or nothing. */
#include "base/folder.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { ATTEMPTS = 8, SUFFIX = 16, MAX_DEPTH = 8, MAX_MARK = 16 << 20 };

struct dlx__folder {
    const dlx_allocator *mem;
    const dlx__folder_kind *kind;
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

/* ---- what is in a directory ---------------------------------------------------------------- */

typedef struct walk {
    const dlx_allocator *mem;
    const dlx__folder_kind *kind; /* NULL: everything is known */
    dlx__buf at;                  /* the path of what is looked at */
    size_t root;                  /* length of the directory's own path */
    int depth;
    bool removes; /* what is known */
    bool has_entries;
    dlx__buf stranger; /* the first that is not known, "" if all are */
    dlx_error failure; /* the first one */
} walk;

static bool is_known(const walk *w, const char *name)
{
    const char *last = strrchr(name, '/');
    return !w->kind || w->kind->knows(name) || strcmp(last ? last + 1 : name, ".DS_Store") == 0;
}

static bool visit_entry(void *user, const char *name);

static void visit_dir(walk *w)
{
    dlx_error err;
    if (w->depth++ < MAX_DEPTH &&
        dlx__os_list_dir(w->at.data, visit_entry, w, w->mem, &err) != DLX_OK &&
        w->failure.code == DLX_OK)
        w->failure = err;
    w->depth--;
    if (w->removes)
        dlx__os_remove_dir(w->at.data);
}

/* w->at is that of an entry. */
static void visit(walk *w)
{
    const char *name = w->at.data + w->root + 1;
    const bool is_link = dlx__os_is_link(w->at.data);
    const bool is_dir = !is_link && dlx__os_path_kind(w->at.data) == DLX__PATH_DIR;
    w->has_entries = true;
    if (!is_known(w, name) || (w->kind && is_link)) {
        if (w->stranger.len == 0 && !dlx__buf_text(&w->stranger, name))
            dlx__fail_memory(&w->failure, "naming a file", strlen(name));
        return;
    }
    if (is_dir)
        visit_dir(w);
    else if (w->removes)
        dlx__os_remove(w->at.data); /* a link, and not what it points to */
}

static bool visit_entry(void *user, const char *name)
{
    walk *w = user;
    const size_t n = w->at.len;
    if (dlx__buf_format(&w->at, "/%s", name))
        visit(w);
    else
        dlx__fail_memory(&w->failure, "naming a file", n);
    w->at.data[w->at.len = n] = '\0';
    return true;
}

static void walk_release(walk *w)
{
    dlx__buf_release(&w->at);
    dlx__buf_release(&w->stranger);
}

static dlx_result walk_dir(walk *w, const char *path, dlx_error *err)
{
    dlx__buf_init(&w->at, w->mem);
    dlx__buf_init(&w->stranger, w->mem);
    if (!dlx__buf_text(&w->at, path))
        return dlx__fail_memory(err, "naming a directory", strlen(path));
    w->root = w->at.len;
    visit_dir(w);
    return w->failure.code == DLX_OK ? DLX_OK
                                     : dlx__fail(err, w->failure.code, "%s", w->failure.text);
}

/* As much of what is known as can be removed: what stays is seen by its odd name. */
static void remove_tree(const char *path, const dlx__folder_kind *kind, const dlx_allocator *mem)
{
    walk w = {.mem = mem, .kind = kind, .removes = true};
    (void)walk_dir(&w, path, NULL);
    walk_release(&w);
}

/* ---- opening ------------------------------------------------------------------------------- */

/* Is the word in the file that marks the directory? */
static dlx_result find_mark(const dlx__folder *f, bool *found, dlx_error *err)
{
    dlx__buf at;
    char *text = NULL;
    size_t n = 0;
    dlx_error why;
    *found = false;
    dlx__buf_init(&at, f->mem);
    dlx_result r = dlx__buf_format(&at, "%s/%s", f->path, f->kind->mark)
                       ? DLX_OK
                       : dlx__fail_memory(err, "naming a file", strlen(f->path));
    if (r == DLX_OK && dlx__os_path_kind(at.data) == DLX__PATH_FILE) {
        r = dlx__os_read_file(&text, &n, at.data, MAX_MARK, f->mem, &why);
        *found = r == DLX_OK && text && strstr(text, f->kind->word) != NULL;
        r = r == DLX_E_NOMEM ? dlx__fail(err, r, "%s", why.text) : DLX_OK;
        dlx__free(f->mem, text);
    }
    dlx__buf_release(&at);
    return r;
}

static dlx_result check_entries(const dlx__folder *f, const walk *w, dlx_error *err)
{
    bool is_marked;
    DLX__TRY(find_mark(f, &is_marked, err));
    if (w->has_entries && !is_marked)
        return dlx__fail(err, DLX_E_IO,
                         "%s: expected no directory, an empty one or %s, found another one: give "
                         "another name",
                         f->path, f->kind->about);
    if (w->stranger.len > 0)
        return dlx__fail(err, DLX_E_IO,
                         "%s: expected %s with nothing else in it, found %s, which would be lost: "
                         "move it away, or give another name",
                         f->path, f->kind->about, w->stranger.data);
    return DLX_OK;
}

static dlx_result check_dir(const dlx__folder *f, dlx_error *err)
{
    walk w = {.mem = f->mem, .kind = f->kind};
    dlx_result r = walk_dir(&w, f->path, err);
    if (r == DLX_OK)
        r = check_entries(f, &w, err);
    walk_release(&w);
    return r;
}

/* "." and "..", which cannot be renamed. */
static bool is_dots(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static dlx_result check_place(const dlx__folder *f, dlx_error *err)
{
    const dlx__path_kind there = dlx__os_path_kind(f->path);
    if (is_dots(f->path))
        return dlx__fail(err, DLX_E_IO,
                         "%s: expected a name for a directory, found where one is: call it by its "
                         "name",
                         f->path);
    if (dlx__os_is_link(f->path))
        return dlx__fail(err, DLX_E_IO,
                         "%s: expected a place for a directory, found a link: name what it points "
                         "to, or give another name",
                         f->path);
    if (there == DLX__PATH_ABSENT)
        return DLX_OK;
    if (there != DLX__PATH_DIR)
        return dlx__fail(err, DLX_E_IO,
                         "%s: expected a place for a directory, found a file: give another name",
                         f->path);
    return check_dir(f, err);
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

static dlx_result begin(dlx__folder *f, size_t n, dlx_error *err)
{
    if (!f->path || !f->temporary)
        return dlx__fail_memory(err, "opening a directory for writing", n);
    DLX__TRY(check_place(f, err));
    return make_temporary(f, err);
}

dlx_result dlx__folder_open(dlx__folder **out, const char *path, const dlx__folder_kind *kind,
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
    f->kind = kind;
    dlx__buf_init(&f->at, mem);
    f->path = dlx__strndup(mem, path, n);
    f->temporary = dlx__alloc(mem, dlx__add(n, SUFFIX));
    const dlx_result r = begin(f, n, err);
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
            remove_tree(aside.data, f->kind, f->mem);
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
        remove_tree(f->temporary, NULL, f->mem);
    folder_free(f);
    return r;
}

void dlx__folder_abandon(dlx__folder *f)
{
    if (!f)
        return;
    remove_tree(f->temporary, NULL, f->mem);
    folder_free(f);
}
