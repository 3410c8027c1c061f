/* qnn_load.c - a session on a directory. */
#include "backends/qnn/qnn.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "export/onnx_check.h"

#include <stdio.h>
#include <string.h>

/* ---- the directory --------------------------------------------------------------------------- */

static dlx_result path_of(char **out, const dlx__backend *b, const char *file, dlx_error *err)
{
    dlx__buf at;
    dlx__buf_init(&at, b->opts.mem);
    *out = dlx__buf_format(&at, "%s/%s", b->opts.path, file) ? dlx__strdup(b->opts.mem, at.data)
                                                             : NULL;
    dlx__buf_release(&at);
    return *out ? DLX_OK : dlx__fail_memory(err, "naming a file", strlen(file));
}

static dlx_result check_directory(const dlx__backend *b, dlx_error *err)
{
    const dlx__onnx_directory *d = &b->directory;
    const char *path = b->opts.path;
    DLX__TRY(dlx__onnx_check_files(d, path, b->opts.mem, err));
    DLX__TRY(dlx__onnx_check_model(d, path, b->fixed.model, b->opts.mem, err));
    if (b->opts.n_ctx <= d->n_ctx)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%s: expected a context of at most %zu positions, for which the program "
                     "was exported, found %zu: give a smaller one, or export it again",
                     path, d->n_ctx, b->opts.n_ctx);
}

/* ---- functions ------------------------------------------------------------------------------- */

/* Elsewhere than on ARM the NPU is emulated: slowly, and as a chip without floats where none is
 * named. Then the CPU computes. */
static bool is_by_npu(const dlx__backend *b)
{
#if defined(__aarch64__) || defined(_M_ARM64)
    return b->ort.n_devices > 0;
#else
    return b->ort.n_devices > 0 && b->directory.soc[0] != '\0';
#endif
}

/* What was compiled for the chip of the directory, where the NPU computes. */
static const char *context_of(const dlx__backend *b, const dlx__onnx_entry *e)
{
    for (size_t i = 0; i < e->n_contexts && is_by_npu(b); i++)
        if (strcmp(e->contexts[i].soc, b->directory.soc) == 0)
            return e->contexts[i].file;
    return NULL;
}

static dlx_result open_function(dlx__backend *b, dlx__qnn_function *f, const dlx__onnx_entry *e,
                                dlx_error *err)
{
    const char *context = context_of(b, e);
    const dlx__ort_session_opts opts = {
        .npu = is_by_npu(b), .soc = b->directory.soc, .n_threads = b->opts.n_threads};
    f->entry = e;
    f->compiled = context != NULL;
    DLX__TRY(path_of(&f->path, b, context ? context : e->file, err));
    DLX__TRY(dlx__ort_session_open(&f->session, &b->ort, f->path, &opts, err));
    return dlx__ort_session_expect(&f->session, e, err);
}

/* Those of rows by their number, so that the first that has room is the smallest. */
static void insert(dlx__backend *b, const dlx__qnn_function *f)
{
    size_t i = b->n_functions++;
    for (; i > 0 && b->functions[i - 1].entry->n_rows > f->entry->n_rows; i--)
        b->functions[i] = b->functions[i - 1];
    b->functions[i] = *f;
}

static dlx_result open_functions(dlx__backend *b, dlx_error *err)
{
    const dlx__onnx_directory *d = &b->directory;
    b->functions = dlx__alloc_zero(b->opts.mem, d->n_entries, sizeof *b->functions);
    if (!b->functions)
        return dlx__fail_memory(err, "opening a program", d->n_entries * sizeof *b->functions);
    for (size_t i = 0; i < d->n_entries; i++) {
        dlx__qnn_function f = {.n_in = 0};
        const dlx_result r = open_function(b, &f, &d->entries[i], err);
        insert(b, &f);
        DLX__TRY(r);
    }
    return DLX_OK;
}

/* Memory that they share, and their tensors over it. */
static dlx_result open_memory(dlx__backend *b, dlx_error *err)
{
    const dlx__onnx_directory *d = &b->directory;
    dlx__fixed *f = &b->fixed;
    b->shapes = dlx__alloc_zero(b->opts.mem, b->n_functions, sizeof *b->shapes);
    if (!b->shapes)
        return dlx__fail_memory(err, "opening a program", b->n_functions * sizeof *b->shapes);
    for (size_t i = 0; i < b->n_functions; i++) {
        const dlx__onnx_entry *e = b->functions[i].entry;
        b->shapes[i] = (dlx__static_shape){e->name, e->n_rows, e->n_past, e->n_head_rows};
    }
    f->type = DLX__FIXED_FLOAT;
    f->cache = d->keeps ? DLX__EXPORT_IO : DLX__EXPORT_NO_CACHE;
    f->n_ctx = d->n_ctx;
    f->n_ids = d->n_ids;
    f->never_id = d->never_id;
    f->unseen = d->unseen;
    f->functions = b->shapes;
    f->n_functions = b->n_functions;
    f->run = dlx__qnn_run;
    f->user = b;
    DLX__TRY(dlx__fixed_open(f, err));
    for (size_t i = 0; i < b->n_functions; i++)
        DLX__TRY(dlx__qnn_tensors_open(b, i, err));
    return DLX_OK;
}

/* ---- a session ------------------------------------------------------------------------------- */

static dlx_result open_all(dlx__backend *b, dlx_error *err)
{
    DLX__TRY(dlx__onnx_directory_open(&b->directory, b->opts.path, b->opts.mem, err));
    DLX__TRY(check_directory(b, err));
    DLX__TRY(dlx__ort_open(&b->ort, b->opts.runtimes, b->opts.mem, err));
    snprintf(b->runtime, sizeof b->runtime, "ONNX Runtime %.16s, %s provider", b->ort.version,
             is_by_npu(b) ? "QNN" : "CPU");
    DLX__TRY(open_functions(b, err));
    return open_memory(b, err);
}

dlx_result dlx__qnn_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         dlx_error *err)
{
    *out = NULL;
    DLX__TRY(dlx__program_check_opts(
        m, o, "qnn",
        "the backend qnn runs directories: write one with dlx export --backend qnn, and name it",
        err));
    dlx__backend *b = dlx__alloc_zero(o->mem, 1, sizeof *b);
    if (!b)
        return dlx__fail_memory(err, "opening a program", sizeof *b);
    b->opts = *o;
    b->fixed =
        (dlx__fixed){.model = m, .path = b->opts.path, .mem = o->mem, .n_streams = o->n_streams};
    const dlx_result r = open_all(b, err);
    b->opts.runtimes = NULL;
    if (r == DLX_OK)
        *out = b;
    else
        dlx__qnn_close(b);
    return r;
}

const char *dlx__qnn_runtime(const dlx__backend *b)
{
    return b->runtime;
}

void dlx__qnn_close(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    for (size_t i = 0; i < b->n_functions; i++) {
        dlx__qnn_tensors_close(b, i);
        dlx__ort_session_close(&b->functions[i].session);
        dlx__free(mem, b->functions[i].path);
    }
    dlx__free(mem, b->functions);
    dlx__free(mem, b->shapes);
    dlx__fixed_close(&b->fixed);
    dlx__ort_close(&b->ort);
    dlx__onnx_directory_release(&b->directory);
    dlx__free(mem, b);
}
