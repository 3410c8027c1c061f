/*
 * mlpackage_read_manifest.c - Manifest.json: what is in a package, by paths below its folder Data.
 * A path that leads out of the folder is refused before anything is opened.
 */
#include "base/fail.h"
#include "export/mlpackage_reader.h"
#include "format/json_fields.h"

#include <string.h>

enum { MAX_ITEMS = 1000 };
static const char AGAIN[] = "write the package again, with dlx export or what else it is from";

/* "1.0.0" and below: three numbers. */
static bool good_version(const char *text)
{
    int n = 0;
    for (const char *p = text;; p++) {
        const size_t digits = strspn(p, "0123456789");
        if (digits == 0 || digits > 9)
            return false;
        const bool zero = strspn(p, "0") == digits, one = digits == 1 && *p == '1';
        if (!zero && !(one && n == 0))
            return false;
        p += digits;
        n++;
        if (*p != '.')
            return *p == '\0' && n == 3;
    }
}

/* Relative, with plain names between the slashes. */
static bool stays_inside(const char *path)
{
    if (strchr(path, '\\') || strchr(path, ':'))
        return false;
    for (const char *p = path;; p++) {
        const size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += n;
        if (*p == '\0')
            return true;
    }
}

static dlx_result read_item(dlx__mlpackage_file *f, const char *id, json_t *json, const char *path,
                            dlx_error *err)
{
    const dlx__json_obj o = {json, path};
    static const char *const fields[] = {"path", "name", "author", "description", NULL};
    const char *place, *name, *author, *about;
    if (!json_is_object(json))
        return dlx__fail(err, DLX_E_FORMAT, "%s: the item %.100s is no object", path, id);
    DLX__TRY(dlx__json_need(o, fields, AGAIN, err));
    DLX__TRY(dlx__json_text(o, "path", &place, err));
    DLX__TRY(dlx__json_text(o, "name", &name, err));
    DLX__TRY(dlx__json_text(o, "author", &author, err));
    DLX__TRY(dlx__json_text(o, "description", &about, err));
    if (!stays_inside(place))
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: the item %.100s: expected a path inside the package, found \"%.200s\"", path, id,
            place);
    dlx__mlpackage_item item = {.id = dlx__arena_strdup(&f->arena, id),
                                .path = dlx__arena_strdup(&f->arena, place),
                                .name = dlx__arena_strdup(&f->arena, name),
                                .author = dlx__arena_strdup(&f->arena, author)};
    if (!item.id || !item.path || !item.name || !item.author)
        return dlx__fail_memory(err, "reading a manifest", strlen(place));
    f->items[f->n_items++] = item;
    return DLX_OK;
}

static dlx_result read_items(dlx__mlpackage_file *f, json_t *items, const char *path,
                             dlx_error *err)
{
    const char *id;
    json_t *item;
    if (!json_is_object(items) || json_object_size(items) > MAX_ITEMS)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected itemInfoEntries, an object of at most %d items", path,
                         MAX_ITEMS);
    f->items = dlx__arena_alloc(&f->arena, json_object_size(items), sizeof *f->items);
    if (!f->items)
        return dlx__fail_memory(err, "reading a manifest", json_object_size(items));
    json_object_foreach(items, id, item) DLX__TRY(read_item(f, id, item, path, err));
    return DLX_OK;
}

static dlx_result read_manifest(dlx__mlpackage_file *f, json_t *json, const char *path,
                                dlx_error *err)
{
    const dlx__json_obj o = {json, path};
    static const char *const fields[] = {"fileFormatVersion", "rootModelIdentifier",
                                         "itemInfoEntries", NULL};
    const char *version, *root;
    if (!json_is_object(json))
        return dlx__fail(err, DLX_E_FORMAT, "%s: expected an object", path);
    DLX__TRY(dlx__json_need(o, fields, AGAIN, err));
    DLX__TRY(dlx__json_text(o, "fileFormatVersion", &version, err));
    if (!good_version(version))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected fileFormatVersion 1.0.0 or an earlier one, found \"%.60s\"",
                         path, version);
    DLX__TRY(dlx__json_text(o, "rootModelIdentifier", &root, err));
    DLX__TRY(read_items(f, json_object_get(json, "itemInfoEntries"), path, err));
    for (size_t i = 0; i < f->n_items; i++)
        if (strcmp(f->items[i].id, root) == 0)
            f->model_path = f->items[i].path;
    if (!f->model_path)
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected one of the %zu items as rootModelIdentifier, found \"%.100s\"", path,
            f->n_items, root);
    return DLX_OK;
}

dlx_result dlx__mlpackage_manifest(dlx__mlpackage_file *f, const char *text, size_t n,
                                   const char *path, dlx_error *err)
{
    json_t *json;
    DLX__TRY(dlx__json_parse_unique(&json, text, n, path, err));
    const dlx_result r = read_manifest(f, json, path, err);
    json_decref(json);
    return r;
}
