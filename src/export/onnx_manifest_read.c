/* onnx_manifest_read.c - field by field; a number that does not fit its neighbours is refused. */
#include "export/onnx_manifest_read.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "export/onnx_model.h"
#include "format/json_file.h"
#include "model/limits.h"

#include <stdio.h>
#include <string.h>

enum { MAX_BYTES = 16 << 20, MOST = 1 << 24 }; /* of the file; positions and rows */

char *dlx__onnx_path(const char *folder, const char *name, const dlx_allocator *mem)
{
    const size_t n = dlx__add(dlx__add(strlen(folder), strlen(name)), 2);
    char *path = dlx__alloc(mem, n);
    if (path)
        snprintf(path, n, "%s/%s", folder, name);
    return path;
}

bool dlx__onnx_looks_like(const char *folder)
{
    if (dlx__os_path_kind(folder) != DLX__PATH_DIR)
        return false;
    char *path = dlx__onnx_path(folder, DLX__ONNX_MANIFEST, NULL);
    const bool is = path && dlx__os_path_kind(path) == DLX__PATH_FILE;
    dlx__free(NULL, path);
    return is;
}

/* A name, not a way out of the folder. */
static dlx_result read_name(char out[DLX__ONNX_MAX_NAME], dlx__json_obj o, const char *key,
                            dlx_error *err)
{
    const char *text;
    DLX__TRY(dlx__json_text(o, key, &text, err));
    const size_t n = strlen(text);
    if (n == 0 || n >= DLX__ONNX_MAX_NAME || text[0] == '.' || strpbrk(text, "/\\:"))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: %s: expected the name of something in the folder, found %.100s",
                         o.path, key, text);
    memcpy(out, text, n + 1);
    return DLX_OK;
}

static dlx_result read_function(dlx__onnx_seen_function *f, dlx__json_obj o, size_t n_ctx,
                                dlx_error *err)
{
    DLX__TRY(read_name(f->name, o, "name", err));
    DLX__TRY(read_name(f->file, o, "file", err));
    DLX__TRY(dlx__json_size(o, "rows", 0, n_ctx, &f->n_rows, err));
    DLX__TRY(dlx__json_size(o, "past", 0, n_ctx, &f->n_past, err));
    DLX__TRY(dlx__json_size(o, "head_rows", 0, n_ctx, &f->n_head_rows, err));
    if (f->n_rows ? f->n_head_rows <= f->n_rows : f->n_head_rows > 0 && f->n_past == 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: function %s: expected a head of no more rows than the pass, found %zu "
                     "of %zu",
                     o.path, f->name, f->n_head_rows, f->n_rows);
}

static dlx_result read_functions(dlx__onnx_seen *out, dlx__json_obj o, dlx_error *err)
{
    const json_t *list = json_object_get(o.json, "functions");
    const size_t n = json_array_size(list);
    if (n == 0 || n > DLX__ONNX_MAX_FUNCTIONS)
        return dlx__fail(err, DLX_E_FORMAT, "%s: functions: expected 1 to %d of them, found %zu",
                         o.path, DLX__ONNX_MAX_FUNCTIONS, n);
    out->logits = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        const dlx__json_obj item = {json_array_get(list, i), o.path};
        DLX__TRY(read_function(&out->functions[i], item, out->n_ctx, err));
        if (out->functions[i].n_rows == 0)
            out->logits = i;
        const size_t past = out->has_past ? out->n_ctx : 0;
        if (out->functions[i].n_rows && out->functions[i].n_past != past)
            return dlx__fail(err, DLX_E_FORMAT,
                             "%s: function %s: expected %zu kept positions, found %zu", o.path,
                             out->functions[i].name, past, out->functions[i].n_past);
    }
    out->n = n;
    return out->logits != SIZE_MAX && n > 1
               ? DLX_OK
               : dlx__fail(err, DLX_E_FORMAT,
                           "%s: functions: expected passes and one of the head alone, found not "
                           "both",
                           o.path);
}

static dlx_result read_ids(dlx__onnx_seen *out, dlx__json_obj o, dlx_error *err)
{
    double never;
    DLX__TRY(dlx__json_size(o, "n_ids", 1, DLX__MAX_VOCAB, &out->n_ids, err));
    DLX__TRY(dlx__json_number(o, "never_id", -1, (double)DLX__MAX_VOCAB, &never, err));
    out->never_id = (int64_t)never;
    return DLX_OK;
}

static dlx_result read_all(dlx__onnx_seen *out, dlx__json_obj o, dlx_error *err)
{
    const char *profile, *cache;
    size_t format;
    DLX__TRY(dlx__json_size(o, "format", 1, 1, &format, err));
    DLX__TRY(dlx__json_text(o, "profile", &profile, err));
    DLX__TRY(dlx__json_text(o, "cache", &cache, err));
    DLX__TRY(dlx__json_size(o, "n_ctx", 1, MOST, &out->n_ctx, err));
    DLX__TRY(read_ids(out, o, err));
    snprintf(out->profile, sizeof out->profile, "%s", profile);
    out->has_past = strcmp(cache, "io") == 0;
    if (!out->has_past && strcmp(cache, "none") != 0)
        return dlx__fail(err, DLX_E_FORMAT, "%s: cache: expected none or io, found %.40s", o.path,
                         cache);
    return read_functions(out, o, err);
}

dlx_result dlx__onnx_manifest_parse(dlx__onnx_seen *out, const char *text, size_t n,
                                    const char *name, dlx_error *err)
{
    json_t *json = NULL;
    *out = (dlx__onnx_seen){.n = 0};
    DLX__TRY(dlx__json_parse_unique(&json, text, n, name, err));
    const dlx_result r = read_all(out, (dlx__json_obj){json, name}, err);
    json_decref(json);
    return r;
}

dlx_result dlx__onnx_manifest_read(dlx__onnx_seen *out, const char *folder,
                                   const dlx_allocator *mem, dlx_error *err)
{
    char *path = dlx__onnx_path(folder, DLX__ONNX_MANIFEST, mem), *text = NULL;
    size_t n;
    *out = (dlx__onnx_seen){.n = 0};
    if (!path)
        return dlx__fail_memory(err, "opening a program", strlen(folder));
    dlx_result r = dlx__os_read_file(&text, &n, path, MAX_BYTES, mem, err);
    if (r == DLX_OK)
        r = dlx__onnx_manifest_parse(out, text, n, path, err);
    dlx__free(mem, text);
    dlx__free(mem, path);
    return r;
}
