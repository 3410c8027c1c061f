/*
 * mlpackage_read.c - a package: its manifest and the files that it names, the specification's
 * outermost fields. The parts are read by the other mlpackage_read_ files.
 */
#include "export/mlpackage_read.h"

#include "base/buf.h"
#include "base/contained.h"
#include "base/fail.h"
#include "base/mem.h"
#include "export/mlpackage_reader.h"

#include <stdio.h>
#include <string.h>

enum { MAX_MANIFEST_BYTES = 16 << 20, MAX_NAMES = 1000 };

void *dlx__mlpackage_alloc(dlx__mlpackage_reader *r, size_t n, size_t size)
{
    void *p = dlx__arena_alloc(&r->file->arena, n, size);
    if (!p && r->view.failure.code == DLX_OK)
        dlx__fail_memory(&r->view.failure, "reading a Core ML package", dlx__mul(n, size));
    return p;
}

dlx__mil_value *dlx__mil_values_add(dlx__mlpackage_reader *r, dlx__mil_values *values)
{
    dlx__mil_value *items = dlx__arena_grow(&r->file->arena, values->items, values->n,
                                            &values->capacity, sizeof *items);
    if (!items) {
        (void)dlx__mlpackage_alloc(r, SIZE_MAX, 1); /* the fault */
        return NULL;
    }
    values->items = items;
    items[values->n] = (dlx__mil_value){.name = ""};
    return &items[values->n++];
}

const dlx__mil_value *dlx__mil_values_find(const dlx__mil_values *values, const char *name)
{
    for (size_t i = 0; i < values->n; i++)
        if (strcmp(values->items[i].name, name) == 0)
            return &values->items[i];
    return NULL;
}

bool dlx__mil_counts_add(dlx__mlpackage_reader *r, dlx__mil_counts *counts, const char *name,
                         uint64_t n_bytes)
{
    size_t i = 0;
    while (i < counts->n && strcmp(counts->items[i].name, name) != 0)
        i++;
    if (i == MAX_NAMES)
        dlx__proto_fault(&r->view, "expected at most %d kinds of operations, found more",
                         MAX_NAMES);
    if (r->view.failure.code != DLX_OK)
        return false;
    dlx__mil_count *items = dlx__arena_grow(&r->file->arena, counts->items, counts->n,
                                            &counts->capacity, sizeof *items);
    if (!items) {
        (void)dlx__mlpackage_alloc(r, SIZE_MAX, 1);
        return false;
    }
    counts->items = items;
    if (i == counts->n)
        items[counts->n++] = (dlx__mil_count){.name = name};
    items[i].n++;
    items[i].n_bytes += n_bytes;
    return true;
}

/* ---- the specification ----------------------------------------------------------------------- */

/* Model.proto: the kinds of models, one of which is there. */
static const char *model_kind(uint32_t field)
{
    static const struct {
        uint32_t field;
        const char *name;
    } kinds[] = {
        {200, "pipelineClassifier"},
        {201, "pipelineRegressor"},
        {202, "pipeline"},
        {300, "glmRegressor"},
        {301, "supportVectorRegressor"},
        {302, "treeEnsembleRegressor"},
        {303, "neuralNetworkRegressor"},
        {400, "glmClassifier"},
        {401, "supportVectorClassifier"},
        {402, "treeEnsembleClassifier"},
        {403, "neuralNetworkClassifier"},
        {500, "neuralNetwork"},
        {502, "mlProgram"},
        {555, "customModel"},
    };
    for (size_t i = 0; i < DLX__LEN(kinds); i++)
        if (kinds[i].field == field)
            return kinds[i].name;
    return "another kind";
}

static void read_model(dlx__mlpackage_reader *r)
{
    dlx__proto_message root = dlx__proto_root(&r->view);
    int64_t version = 0;
    for (dlx__proto_field f = dlx__proto_fields(&root); dlx__proto_next(&f);) {
        if (f.number == 1)
            version = dlx__proto_get_int(&f);
        else if (f.number == 2)
            dlx__proto_only_child(&f, &r->description);
        else if (f.number == 502)
            dlx__proto_only_child(&f, &r->program);
        if (f.number < 200)
            continue;
        if (r->file->kind)
            dlx__proto_fault(&r->view, "expected one model, found a second one");
        r->file->kind = model_kind(f.number);
    }
    if (version < 1 || version > INT16_MAX || !r->description.view || !r->file->kind)
        dlx__proto_fault(&r->view,
                         "expected a Core ML model with its version, description and kind, "
                         "found something else");
    r->file->specification = (int)version;
}

/* `path` names the specification in the sentences. */
static dlx_result parse(dlx__mlpackage_file *f, const dlx__mlpackage_parts *parts, const char *path,
                        dlx_error *err)
{
    dlx__mlpackage_reader r = {.file = f, .parts = *parts};
    dlx__proto_view_init(&r.view, parts->model, parts->n_model, path);
    f->model_bytes = parts->n_model;
    f->weights_bytes = parts->n_weights;
    read_model(&r);
    if (r.view.failure.code == DLX_OK)
        dlx__mlpackage_read_description(&r);
    if (r.view.failure.code == DLX_OK && r.program.view)
        dlx__mlpackage_read_program(&r);
    return dlx__proto_view_result(&r.view, err);
}

dlx_result dlx__mlpackage_parse(dlx__mlpackage_file *f, const dlx__mlpackage_parts *parts,
                                const char *path, const dlx_allocator *mem, dlx_error *err)
{
    *f = (dlx__mlpackage_file){.n_items = 0};
    dlx__arena_init(&f->arena, mem);
    const dlx_result r = parse(f, parts, path, err);
    if (r != DLX_OK)
        dlx__mlpackage_close(f);
    return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* PATH/a/b in the arena; NULL: no memory. */
static char *join(dlx__mlpackage_file *f, const char *path, const char *a, const char *b)
{
    dlx__buf buf;
    dlx__buf_init(&buf, f->arena.mem);
    char *joined = NULL;
    if (dlx__buf_format(&buf, "%s/%s%s", path, a, b))
        joined = dlx__arena_strdup(&f->arena, buf.data);
    dlx__buf_release(&buf);
    return joined;
}

/* The path may be NULL: there was no memory for it. */
static dlx_result map_file(dlx__map *map, const char *path, dlx_error *err)
{
    if (!path)
        return dlx__fail_memory(err, "reading a Core ML package", 1);
    return dlx__os_map(map, path, err);
}

/* What is a link or a pipe is refused before it is opened. */
static dlx_result contained(dlx__mlpackage_file *f, const char *path, const char *a, const char *b,
                            dlx_error *err)
{
    const char *place = join(f, a, b, "");
    if (!place)
        return dlx__fail_memory(err, "reading a Core ML package", 1);
    return dlx__contained_path(path, place, f->arena.mem, err);
}

static dlx_result check_items(dlx__mlpackage_file *f, const char *path, dlx_error *err)
{
    for (size_t i = 0; i < f->n_items; i++) {
        dlx__mlpackage_item *item = &f->items[i];
        const char *full = join(f, path, "Data/", item->path);
        dlx__map map;
        if (!full)
            return dlx__fail_memory(err, "reading a Core ML package", 1);
        const dlx__path_kind kind = dlx__os_path_kind(full);
        if (kind == DLX__PATH_ABSENT || (kind != DLX__PATH_FILE && item->path == f->model_path))
            return dlx__fail(err, DLX_E_FORMAT,
                             "%s: the manifest names %s, which is %s; the package is not complete",
                             path, item->path, kind == DLX__PATH_ABSENT ? "not there" : "no file");
        DLX__TRY(contained(f, path, "Data", item->path, err));
        if (kind != DLX__PATH_FILE)
            continue;
        DLX__TRY(dlx__os_map(&map, full, err));
        item->n_bytes = map.len;
        dlx__os_unmap(&map);
    }
    return DLX_OK;
}

static dlx_result open_manifest(dlx__mlpackage_file *f, const char *path, dlx_error *err)
{
    const char *manifest = join(f, path, "Manifest.json", "");
    char *text;
    size_t n;
    if (!manifest)
        return dlx__fail_memory(err, "reading a Core ML package", strlen(path));
    if (dlx__os_path_kind(path) != DLX__PATH_DIR || dlx__os_path_kind(manifest) != DLX__PATH_FILE)
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected a Core ML package, which is a folder with Manifest.json in it", path);
    DLX__TRY(dlx__contained_file(path, "Manifest.json", f->arena.mem, err));
    DLX__TRY(dlx__os_read_file(&text, &n, manifest, MAX_MANIFEST_BYTES, f->arena.mem, err));
    f->manifest_bytes = n;
    const dlx_result r = dlx__mlpackage_manifest(f, text, n, manifest, err);
    dlx__free(f->arena.mem, text);
    return r;
}

static dlx_result open_all(dlx__mlpackage_file *f, const char *path, dlx_error *err)
{
    DLX__TRY(open_manifest(f, path, err));
    DLX__TRY(check_items(f, path, err));
    const char *slash = strrchr(f->model_path, '/');
    char *model = join(f, path, "Data/", f->model_path);
    char *folder = dlx__arena_strndup(&f->arena, f->model_path,
                                      slash ? (size_t)(slash + 1 - f->model_path) : 0);
    char *data = folder ? join(f, path, "Data/", folder) : NULL;
    char *weights = data ? join(f, data, "weights/weight.bin", "") : NULL;
    DLX__TRY(map_file(&f->model_map, model, err));
    if (!weights)
        return dlx__fail_memory(err, "reading a Core ML package", strlen(path));
    if (dlx__os_path_kind(weights) != DLX__PATH_ABSENT) {
        DLX__TRY(contained(f, data, "weights", "weight.bin", err));
        DLX__TRY(map_file(&f->weights_map, weights, err));
    }
    const dlx__mlpackage_parts parts = {f->model_map.data, f->weights_map.data, f->model_map.len,
                                        f->weights_map.len};
    return parse(f, &parts, model, err);
}

dlx_result dlx__mlpackage_open(dlx__mlpackage_file *f, const char *path, const dlx_allocator *mem,
                               dlx_error *err)
{
    *f = (dlx__mlpackage_file){.n_items = 0};
    dlx__arena_init(&f->arena, mem);
    const dlx_result r = open_all(f, path, err);
    if (r != DLX_OK)
        dlx__mlpackage_close(f);
    return r;
}

void dlx__mlpackage_close(dlx__mlpackage_file *f)
{
    if (f->model_map.data)
        dlx__os_unmap(&f->model_map);
    if (f->weights_map.data)
        dlx__os_unmap(&f->weights_map);
    dlx__arena_release(&f->arena);
    *f = (dlx__mlpackage_file){.n_items = 0};
}

static dlx__path_kind kind_in(const char *folder, const char *name)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path ? dlx__os_path_kind(path) : DLX__PATH_ABSENT;
}

/* Where names are the same in upper and lower case, a directory of Hugging Face may have a manifest
 * of something else. */
bool dlx__mlpackage_looks_like(const char *path)
{
    return dlx__os_path_kind(path) == DLX__PATH_DIR &&
           kind_in(path, "Manifest.json") == DLX__PATH_FILE &&
           kind_in(path, "config.json") == DLX__PATH_ABSENT;
}
