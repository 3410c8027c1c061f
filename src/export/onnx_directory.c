/* onnx_directory.c - a manifest, field by field. */
#include "export/onnx_directory.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "export/onnx_model.h"
#include "format/json_fields.h"
#include "format/json_list.h"

#include <string.h>

enum {
    FORMAT = 1,
    MOST_BYTES = 16 << 20,
    MOST_ENTRIES = 64,
    MOST_PORTS = 4096,
    MOST_CONTEXTS = 64,
    MOST_SIZE = 1 << 24, /* of rows, positions, ids */
};
static const char AGAIN[] = "write the folder again with dlx export";
static const size_t MOST_DIM = (size_t)1 << 31; /* of a shape */

typedef struct reader {
    dlx__onnx_directory *d;
    dlx__json_obj root;
    dlx_error *err;
} reader;

/* ---- names ----------------------------------------------------------------------------------- */

static dlx_result read_name(char to[DLX__ONNX_NAME], dlx__json_obj o, const char *key,
                            dlx_error *err)
{
    const char *text;
    DLX__TRY(dlx__json_text(o, key, &text, err));
    const size_t n = strlen(text);
    bool plain = n > 0 && n < DLX__ONNX_NAME;
    for (size_t i = 0; i < n && plain; i++)
        plain = text[i] > ' ' && text[i] < 0x7f;
    if (!plain)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected \"%s\" to be a name of 1 to %d plain characters, found "
                         "another text; export it again",
                         o.path, key, DLX__ONNX_NAME - 1);
    memcpy(to, text, n + 1);
    return DLX_OK;
}

/* A file of the directory itself. */
static dlx_result read_file(char to[DLX__ONNX_NAME], dlx__json_obj o, const char *key,
                            dlx_error *err)
{
    DLX__TRY(read_name(to, o, key, err));
    if (to[0] != '.' && !strpbrk(to, "/\\:"))
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected \"%s\" to be a file of the directory itself, found %s; export "
                     "it again",
                     o.path, key, to);
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    dlx__onnx_type type;
} types[] = {
#define TYPE_ROW(name, text, number, bits) {text, DLX__ONNX_##name},
    DLX__ONNX_TYPES(TYPE_ROW)
#undef TYPE_ROW
};

static dlx_result read_type(dlx__onnx_port *p, dlx__json_obj o, dlx_error *err)
{
    const char *text;
    DLX__TRY(dlx__json_text(o, "type", &text, err));
    for (size_t i = 0; i < DLX__LEN(types); i++)
        if (strcmp(text, types[i].name) == 0) {
            p->type = types[i].type;
            return DLX_OK;
        }
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected a type of numbers for \"%s\", found another word; export it "
                     "again",
                     o.path, p->name);
}

static dlx_result read_port(dlx__onnx_port *p, dlx__json_obj o, dlx_error *err)
{
    static const char *const fields[] = {"name", "type", "shape", NULL};
    dlx__json_list shape;
    DLX__TRY(dlx__json_need(o, fields, AGAIN, err));
    DLX__TRY(read_name(p->name, o, "name", err));
    DLX__TRY(read_type(p, o, err));
    DLX__TRY(dlx__json_list_get(&shape, o, "shape", err));
    if (shape.n == 0 || shape.n > DLX__ONNX_MAX_DIMS)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected \"%s\" to have 1 to %d axes, found %zu; export it again",
                         o.path, p->name, DLX__ONNX_MAX_DIMS, shape.n);
    size_t n = 1;
    for (size_t i = 0; i < shape.n; i++) {
        double dim;
        DLX__TRY(dlx__json_list_number(&dim, &shape, i, 1, (double)MOST_DIM, err));
        p->dims[i] = (size_t)dim;
        n = dlx__mul(n, p->dims[i]);
    }
    p->n_dims = (int)shape.n;
    if (n <= SIZE_MAX / 8)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected a shape that memory can hold for \"%s\", found a larger one; "
                     "export it again",
                     o.path, p->name);
}

/* A list of at most `most` objects. */
static dlx_result open_list(dlx__json_list *list, dlx__json_obj o, const char *key, size_t most,
                            dlx_error *err)
{
    DLX__TRY(dlx__json_list_get(list, o, key, err));
    if (list->n <= most)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected at most %zu entries of \"%s\", found %zu; export it again",
                     o.path, most, key, list->n);
}

static dlx_result read_ports(dlx__onnx_port **out, size_t *n, reader *r, dlx__json_obj o,
                             const char *key)
{
    dlx__json_list list;
    dlx__json_obj port;
    DLX__TRY(open_list(&list, o, key, MOST_PORTS, r->err));
    *n = list.n;
    *out = dlx__arena_alloc(&r->d->arena, list.n, sizeof **out);
    if (!*out)
        return dlx__fail_memory(r->err, "reading a manifest", list.n * sizeof **out);
    for (size_t i = 0; i < list.n; i++) {
        DLX__TRY(dlx__json_list_obj(&port, &list, i, r->err));
        DLX__TRY(read_port(&(*out)[i], port, r->err));
    }
    return DLX_OK;
}

/* ---- functions ------------------------------------------------------------------------------- */

static dlx_result read_contexts(dlx__onnx_entry *e, reader *r, dlx__json_obj o)
{
    dlx__json_list list;
    dlx__json_obj one;
    DLX__TRY(open_list(&list, o, "contexts", MOST_CONTEXTS, r->err));
    e->n_contexts = list.n;
    e->contexts = dlx__arena_alloc(&r->d->arena, list.n, sizeof *e->contexts);
    if (!e->contexts)
        return dlx__fail_memory(r->err, "reading a manifest", list.n * sizeof *e->contexts);
    for (size_t i = 0; i < list.n; i++) {
        DLX__TRY(dlx__json_list_obj(&one, &list, i, r->err));
        DLX__TRY(dlx__json_need(one, (const char *const[]){"soc", "file", NULL}, AGAIN, r->err));
        DLX__TRY(read_name(e->contexts[i].soc, one, "soc", r->err));
        DLX__TRY(read_file(e->contexts[i].file, one, "file", r->err));
    }
    return DLX_OK;
}

static dlx_result read_entry(dlx__onnx_entry *e, reader *r, dlx__json_obj o)
{
    static const char *const fields[] = {"name",   "file",    "rows",     "past", "head_rows",
                                         "inputs", "outputs", "contexts", NULL};
    const dlx__onnx_directory *d = r->d;
    DLX__TRY(dlx__json_need(o, fields, AGAIN, r->err));
    DLX__TRY(read_name(e->name, o, "name", r->err));
    for (const dlx__onnx_entry *other = d->entries; other < e; other++)
        if (strcmp(other->name, e->name) == 0)
            return dlx__fail(r->err, DLX_E_FORMAT,
                             "%s: expected functions of different names, found two called %s; "
                             "export it again",
                             o.path, e->name);
    DLX__TRY(read_file(e->file, o, "file", r->err));
    DLX__TRY(dlx__json_size(o, "rows", 0, MOST_SIZE, &e->n_rows, r->err));
    DLX__TRY(dlx__json_size(o, "past", 0, MOST_SIZE, &e->n_past, r->err));
    DLX__TRY(dlx__json_size(o, "head_rows", e->n_rows == 0, MOST_SIZE, &e->n_head_rows, r->err));
    if (e->n_past != (d->keeps && e->n_rows ? d->n_ctx : 0))
        return dlx__fail(r->err, DLX_E_FORMAT,
                         "%s: expected \"past\" of %s to be %s, found %zu; export it again", o.path,
                         e->name, d->keeps ? "the positions" : "0", e->n_past);
    DLX__TRY(read_ports(&e->inputs, &e->n_inputs, r, o, "inputs"));
    DLX__TRY(read_ports(&e->outputs, &e->n_outputs, r, o, "outputs"));
    return read_contexts(e, r, o);
}

static dlx_result read_entries(reader *r)
{
    dlx__json_list list;
    dlx__json_obj one;
    DLX__TRY(open_list(&list, r->root, "functions", MOST_ENTRIES, r->err));
    if (list.n == 0)
        return dlx__fail(r->err, DLX_E_FORMAT,
                         "%s: expected functions, found an empty list; export it again",
                         r->root.path);
    r->d->entries = dlx__arena_alloc(&r->d->arena, list.n, sizeof *r->d->entries);
    if (!r->d->entries)
        return dlx__fail_memory(r->err, "reading a manifest", list.n * sizeof *r->d->entries);
    r->d->n_entries = list.n;
    for (size_t i = 0; i < list.n; i++) {
        DLX__TRY(dlx__json_list_obj(&one, &list, i, r->err));
        DLX__TRY(read_entry(&r->d->entries[i], r, one));
    }
    return DLX_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static dlx_result read_cache(reader *r)
{
    const char *cache;
    DLX__TRY(dlx__json_text(r->root, "cache", &cache, r->err));
    r->d->keeps = strcmp(cache, "io") == 0;
    if (r->d->keeps || strcmp(cache, "none") == 0)
        return DLX_OK;
    return dlx__fail(r->err, DLX_E_FORMAT,
                     "%s: expected \"cache\" to be io or none, found another word; export it again",
                     r->root.path);
}

static dlx_result read_sizes(reader *r)
{
    dlx__onnx_directory *d = r->d;
    double never_id, unseen;
    DLX__TRY(dlx__json_size(r->root, "n_ctx", 1, MOST_SIZE, &d->n_ctx, r->err));
    DLX__TRY(dlx__json_size(r->root, "n_ids", 1, MOST_SIZE, &d->n_ids, r->err));
    DLX__TRY(dlx__json_number(r->root, "never_id", -1, MOST_SIZE, &never_id, r->err));
    DLX__TRY(dlx__json_number(r->root, "unseen", -1e30, -1, &unseen, r->err));
    d->never_id = (int64_t)never_id;
    d->unseen = (float)unseen;
    return DLX_OK;
}

static dlx_result read_sha256(reader *r, dlx__json_obj weights)
{
    const char *text;
    DLX__TRY(dlx__json_text(weights, "sha256", &text, r->err));
    const size_t n = strspn(text, "0123456789abcdef");
    if (n != DLX__SHA256_HEX - 1 || text[n] != '\0')
        return dlx__fail(r->err, DLX_E_FORMAT,
                         "%s: expected \"sha256\" to be 64 hexadecimal digits in lower case, found "
                         "another text; export it again",
                         r->root.path);
    memcpy(r->d->sha256, text, n + 1);
    return DLX_OK;
}

static dlx_result read_weights(reader *r)
{
    static const char *const fields[] = {"file", "bytes", "sha256", NULL};
    dlx__json_obj weights;
    size_t n;
    DLX__TRY(dlx__json_object(&weights, r->root, "weights", r->err));
    DLX__TRY(dlx__json_need(weights, fields, AGAIN, r->err));
    DLX__TRY(read_file(r->d->weights, weights, "file", r->err));
    DLX__TRY(dlx__json_size(weights, "bytes", 0, SIZE_MAX / 2, &n, r->err));
    r->d->n_weight_bytes = n;
    return read_sha256(r, weights);
}

static dlx_result read_all(reader *r)
{
    static const char *const fields[] = {"format",    "family",  "profile",  "cache",
                                         "n_ctx",     "n_ids",   "never_id", "unseen",
                                         "functions", "weights", "model",    NULL};
    size_t format;
    dlx__json_obj soc;
    DLX__TRY(dlx__json_need(r->root, fields, AGAIN, r->err));
    DLX__TRY(dlx__json_size(r->root, "format", 1, MOST_SIZE, &format, r->err));
    if (format != FORMAT)
        return dlx__fail(r->err, DLX_E_UNSUPPORTED,
                         "%s: expected a manifest of format %d, found %zu: a newer dlx wrote it; "
                         "take that one, or export it again",
                         r->root.path, FORMAT, format);
    DLX__TRY(read_name(r->d->family, r->root, "family", r->err));
    DLX__TRY(read_name(r->d->profile, r->root, "profile", r->err));
    if (dlx__json_has(r->root, "soc")) {
        DLX__TRY(dlx__json_object(&soc, r->root, "soc", r->err));
        DLX__TRY(read_name(r->d->soc, soc, "name", r->err));
    }
    DLX__TRY(read_cache(r));
    DLX__TRY(read_sizes(r));
    DLX__TRY(read_entries(r));
    DLX__TRY(read_weights(r));
    return read_file(r->d->model, r->root, "model", r->err);
}

dlx_result dlx__onnx_directory_parse(dlx__onnx_directory *d, const char *text, size_t n,
                                     const char *path, const dlx_allocator *mem, dlx_error *err)
{
    json_t *json;
    reader r = {.d = d, .err = err};
    *d = (dlx__onnx_directory){.n_ctx = 0};
    dlx__arena_init(&d->arena, mem);
    DLX__TRY(dlx__json_parse_unique(&json, text, n, path, err));
    dlx_result result = dlx__json_root(&r.root, json, path, err);
    if (result == DLX_OK)
        result = read_all(&r);
    dlx__json_free(json);
    if (result != DLX_OK)
        dlx__onnx_directory_release(d);
    return result;
}

/* "<path>/qnn_manifest.json"; false: no memory. */
static bool manifest_path(dlx__buf *at, const char *path, const dlx_allocator *mem)
{
    dlx__buf_init(at, mem);
    return dlx__buf_format(at, "%s/%s", path, DLX__ONNX_MANIFEST);
}

dlx_result dlx__onnx_directory_looks_like(bool *is, const char *path, const dlx_allocator *mem,
                                          dlx_error *err)
{
    dlx__buf at;
    const bool ok = manifest_path(&at, path, mem);
    *is = ok && dlx__os_path_kind(at.data) == DLX__PATH_FILE;
    dlx__buf_release(&at);
    return ok ? DLX_OK : dlx__fail_memory(err, "looking at a directory", strlen(path));
}

dlx_result dlx__onnx_directory_open(dlx__onnx_directory *d, const char *path,
                                    const dlx_allocator *mem, dlx_error *err)
{
    dlx__buf at;
    char *text = NULL;
    size_t n = 0;
    *d = (dlx__onnx_directory){.n_ctx = 0};
    dlx_result r = manifest_path(&at, path, mem)
                       ? dlx__os_read_file(&text, &n, at.data, MOST_BYTES, mem, err)
                       : dlx__fail_memory(err, "opening a directory", strlen(path));
    if (r == DLX_OK)
        r = dlx__onnx_directory_parse(d, text, n, at.data, mem, err);
    dlx__free(mem, text);
    dlx__buf_release(&at);
    return r;
}

void dlx__onnx_directory_release(dlx__onnx_directory *d)
{
    dlx__arena_release(&d->arena);
    *d = (dlx__onnx_directory){.n_ctx = 0};
}

const dlx__onnx_entry *dlx__onnx_directory_find(const dlx__onnx_directory *d, const char *name)
{
    for (size_t i = 0; i < d->n_entries; i++)
        if (strcmp(d->entries[i].name, name) == 0)
            return &d->entries[i];
    return NULL;
}
