/* coreml_load.c - a session on a package. */
#include "backends/coreml/coreml.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "export/ml_lower.h"

#include <stdio.h>
#include <string.h>

dlx_result dlx__coreml_of(const dlx__backend *b, dlx_result r, dlx_error *err)
{
    if (r != DLX_OK)
        dlx__fail_prefix(err, b->opts.path);
    return r;
}

/* ---- functions ------------------------------------------------------------------------------- */

/* "model.mlpackage, denoise" */
static const char *where_of(char out[256], const dlx__backend *b, const char *name)
{
    snprintf(out, 256, "%.180s, %s", b->opts.path, name);
    return out;
}

static dlx_result check_ports(dlx__backend *b, dlx__coreml_function *f, const char *name,
                              const dlx__coreml_port *found, size_t n, dlx_error *err)
{
    char where[256];
    const dlx__export_cache cache = b->facts.cache;
    f->size = dlx__coreml_sizes_of(found, n);
    if (f->size.n_rows) {
        f->size.n_past = cache == DLX__EXPORT_NO_CACHE ? 0 : b->facts.n_ctx;
        f->size.states = cache == DLX__EXPORT_STATE;
    }
    where_of(where, b, name);
    if (f->size.n_rows == 0 && f->size.n_head_rows == 0)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected an input input_ids [1, T] or rows [1, R, %zu], found none; "
                         "export it again",
                         where, b->fixed.model->graph.n_embd);
    return dlx__coreml_ports_take(&f->ports, &b->fixed.model->graph, &f->size, found, n, where,
                                  b->opts.mem, err);
}

static dlx_result open_function(dlx__backend *b, dlx__coreml_function *f, const char *name,
                                dlx_error *err)
{
    DLX__TRY(
        dlx__coreml_of(b, b->runtime->load(&f->handle, b->package, name, b->facts.unit, err), err));
    const size_t n = b->runtime->ports(f->handle, NULL, 0);
    dlx__coreml_port *found = dlx__alloc_zero(b->opts.mem, n, sizeof *found);
    if (!found)
        return dlx__fail_memory(err, "opening a package", dlx__mul(n, sizeof *found));
    b->runtime->ports(f->handle, found, n);
    const dlx_result r = check_ports(b, f, name, found, n, err);
    dlx__free(b->opts.mem, found);
    return r;
}

/* Those of rows by their number, so that the first that has room is the smallest. */
static void insert(dlx__backend *b, const dlx__coreml_function *f)
{
    size_t i = b->n_functions++;
    for (; i > 0 && b->functions[i - 1].size.n_rows > f->size.n_rows; i--)
        b->functions[i] = b->functions[i - 1];
    b->functions[i] = *f;
}

/* The next name of a list, "denoise,logits"; moves behind it. "": there is none, or too long. */
static void take_name(char to[DLX__COREML_NAME], const char **list)
{
    const size_t n = strcspn(*list, ",");
    snprintf(to, DLX__COREML_NAME, "%.*s", n < DLX__COREML_NAME ? (int)n : 0, *list);
    *list += n + ((*list)[n] == ',');
}

static dlx_result open_functions(dlx__backend *b, dlx_error *err)
{
    char name[DLX__COREML_NAME];
    b->functions = dlx__alloc_zero(b->opts.mem, DLX__COREML_FUNCTIONS, sizeof *b->functions);
    if (!b->functions)
        return dlx__fail_memory(err, "opening a package",
                                DLX__COREML_FUNCTIONS * sizeof *b->functions);
    for (const char *list = b->facts.functions; *list;) {
        dlx__coreml_function f = {.handle = NULL};
        take_name(name, &list);
        if (name[0] == '\0' || b->n_functions == DLX__COREML_FUNCTIONS)
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected at most %d names as dlx.functions, found \"%.100s\"; "
                             "export it again",
                             b->opts.path, DLX__COREML_FUNCTIONS, b->facts.functions);
        const dlx_result r = open_function(b, &f, name, err);
        insert(b, &f);
        DLX__TRY(r);
    }
    return DLX_OK;
}

/* States belong to the one function that made them. */
static dlx_result check_functions(const dlx__backend *b, dlx_error *err)
{
    size_t n_of_rows = 0, n_of_logits = 0;
    for (size_t i = 0; i < b->n_functions; i++) {
        const dlx__coreml_function *f = &b->functions[i];
        n_of_rows += f->size.n_rows > 0;
        n_of_logits += f->size.n_rows == 0;
    }
    const bool states = b->facts.cache == DLX__EXPORT_STATE;
    if (n_of_logits == 1 && n_of_rows > 0 && (!states || n_of_rows == 1))
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected a function of logits and %s of rows, found %zu and %zu; export "
                     "it again",
                     b->opts.path, states ? "one" : "some", n_of_logits, n_of_rows);
}

/* ---- a session ------------------------------------------------------------------------------- */

static dlx_result open_states(dlx__backend *b, dlx_error *err)
{
    const dlx__coreml_function *f = &b->functions[b->n_functions - 1];
    for (int s = 0; s < b->opts.n_streams && f->size.states; s++) {
        b->states[s] = b->runtime->new_state(f->handle);
        if (!b->states[s])
            return dlx__fail_memory(err, "keeping K and V", f->size.n_past);
    }
    return DLX_OK;
}

/* Memory that functions share, and their arrays over it. */
static dlx_result open_memory(dlx__backend *b, dlx_error *err)
{
    const dlx__coreml_facts *facts = &b->facts;
    dlx__fixed *f = &b->fixed;
    b->shapes = dlx__alloc_zero(b->opts.mem, b->n_functions, sizeof *b->shapes);
    if (!b->shapes)
        return dlx__fail_memory(err, "opening a package", b->n_functions * sizeof *b->shapes);
    for (size_t i = 0; i < b->n_functions; i++) {
        const dlx__coreml_sizes *s = &b->functions[i].size;
        b->shapes[i] = (dlx__static_shape){"", s->n_rows, s->n_past, s->n_head_rows};
    }
    f->type = DLX__FIXED_HALF;
    f->cache = facts->cache;
    f->n_ctx = facts->n_ctx;
    f->n_ids = facts->n_ids;
    f->never_id = facts->never_id;
    f->unseen = DLX__ML_UNSEEN;
    f->functions = b->shapes;
    f->n_functions = b->n_functions;
    f->run = dlx__coreml_run;
    f->user = b;
    DLX__TRY(dlx__fixed_open(f, err));
    for (size_t i = 0; i < b->n_functions; i++)
        DLX__TRY(dlx__coreml_arrays_open(b, i, err));
    return DLX_OK;
}

/* Core ML names files by text. */
static dlx_result check_path(const char *path, dlx_error *err)
{
    const size_t n = strlen(path), valid = dlx__utf8_valid_prefix(path, n);
    if (valid == n)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%.*s...: expected a path in UTF-8, which is what Core ML can open, found "
                     "another byte behind this; rename it",
                     (int)valid, path);
}

static dlx_result open_all(dlx__backend *b, dlx_error *err)
{
    DLX__TRY(check_path(b->opts.path, err));
    DLX__TRY(dlx__coreml_of(b, b->runtime->open(&b->package, b->opts.path, err), err));
    DLX__TRY(dlx__coreml_facts_read(b, err));
    DLX__TRY(open_functions(b, err));
    DLX__TRY(check_functions(b, err));
    DLX__TRY(open_states(b, err));
    return open_memory(b, err);
}

dlx_result dlx__coreml_load_by(dlx__backend **out, const dlx__coreml_runtime *runtime,
                               const dlx__model *m, const dlx__backend_opts *o, dlx_error *err)
{
    *out = NULL;
    DLX__TRY(dlx__program_check_opts(m, o, "coreml",
                                     "the backend coreml runs packages: write one with dlx export "
                                     "--backend coreml, and name it",
                                     err));
    dlx__backend *b = dlx__alloc_zero(o->mem, 1, sizeof *b);
    if (!b)
        return dlx__fail_memory(err, "opening a package", sizeof *b);
    b->opts = *o;
    b->fixed =
        (dlx__fixed){.model = m, .path = b->opts.path, .mem = o->mem, .n_streams = o->n_streams};
    b->runtime = runtime;
    const dlx_result r = open_all(b, err);
    if (r == DLX_OK)
        *out = b;
    else
        dlx__coreml_close(b);
    return r;
}

dlx_result dlx__coreml_probe(dlx_error *err)
{
    const dlx__coreml_runtime *runtime;
    return dlx__coreml_runtime_find(&runtime, err);
}

dlx_result dlx__coreml_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                            dlx_error *err)
{
    const dlx__coreml_runtime *runtime;
    *out = NULL;
    DLX__TRY(dlx__coreml_runtime_find(&runtime, err));
    return dlx__coreml_load_by(out, runtime, m, o, err);
}

void dlx__coreml_close(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    for (int s = 0; s < DLX__PROGRAM_STREAMS; s++)
        if (b->states[s])
            b->runtime->drop_state(b->states[s]);
    for (size_t i = 0; i < b->n_functions; i++) {
        dlx__coreml_arrays_close(b, i);
        if (b->functions[i].handle)
            b->runtime->unload(b->functions[i].handle);
        dlx__free(mem, b->functions[i].ports.items);
    }
    dlx__free(mem, b->functions);
    dlx__free(mem, b->shapes);
    dlx__fixed_close(&b->fixed);
    if (b->package)
        b->runtime->close(b->package);
    dlx__free(mem, b);
}
