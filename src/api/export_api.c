/* export_api.c - from names to an exporter's options. */
#include <dlx/export.h>

#include "api/gguf_keys.h"
#include "api/json_build.h"
#include "backends/backend.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "export/exporter.h"
#include "model/gguf_put.h"

#include <string.h>

enum { DEFAULT_CTX = 2048, DEFAULT_ROWS = 32 };

typedef struct job {
    const dlx_export_opts *o;
    const dlx__backend_class *backend;
    dlx__export_opts to;
    dlx__export_written written;
    dlx__buf description;
    double start;
} job;

static const char *const dtypes[DLX__N_PACKINGS] = {
#define DTYPE_NAME(name, text) text,
    DLX__PACKINGS(DTYPE_NAME)
#undef DTYPE_NAME
};

static bool find_dtype(dlx__packing *out, const char *name)
{
    for (int i = 0; i < DLX__N_PACKINGS; i++)
        if (strcmp(dtypes[i], name) == 0) {
            *out = (dlx__packing)i;
            return true;
        }
    return false;
}

static dlx_result read_names(job *j, const dlx_model *model, dlx_error *err)
{
    const bool full = model->core.family->visibility == DLX__VISIBLE_FULL;
    const char *backend = j->o->backend ? j->o->backend : "xnnpack";
    const char *dtype = j->o->dtype ? j->o->dtype : "fp32";
    const char *cache = j->o->cache ? j->o->cache : full ? "none" : "state";
    j->backend = dlx__backend_find(backend);
    if (!j->backend || !j->backend->export_model)
        return dlx__fail(err, DLX_E_ARG, "backend: expected xnnpack, found %s%s", backend,
                         j->backend ? ", which writes no programs" : "");
    if (!find_dtype(&j->to.packing, dtype))
        return dlx__fail(err, DLX_E_ARG, "dtype: expected fp32, fp16, int8 or int4, found %s",
                         dtype);
    if (!dlx__export_cache_find(&j->to.cache, cache))
        return dlx__fail(err, DLX_E_ARG, "cache: expected state, io or none, found %s", cache);
    if (j->to.cache == DLX__EXPORT_NO_CACHE && !full)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "cache: %s decodes block by block behind what was kept: take state or io",
                         model->core.family->name);
    return DLX_OK;
}

static dlx_result read_sizes(job *j, const dlx_model *model, dlx_error *err)
{
    const dlx__hparams *hp = &model->core.hp;
    const size_t block = hp->block_length.value > 0 ? (size_t)hp->block_length.value : 1;
    const size_t n_ctx = j->o->n_ctx ? j->o->n_ctx : dlx__min(DEFAULT_CTX, hp->n_ctx_train);
    const bool canvas = model->core.family->visibility == DLX__VISIBLE_FULL;
    const size_t usual = canvas ? n_ctx : dlx__min(n_ctx, dlx__max(DEFAULT_ROWS, block));
    const size_t n_rows = j->o->n_rows ? j->o->n_rows : usual;
    if (n_ctx > hp->n_ctx_train)
        return dlx__fail(err, DLX_E_ARG,
                         "context: expected at most %zu positions, which %s knows, "
                         "found %zu",
                         hp->n_ctx_train, model->core.checkpoint.path, n_ctx);
    if (n_ctx < block || n_rows < block || n_rows > n_ctx)
        return dlx__fail(err, DLX_E_ARG,
                         "context %zu and rows %zu: expected a block of %zu or more in a pass, and "
                         "no more than the context",
                         n_ctx, n_rows, block);
    j->to.n_ctx = n_ctx;
    j->to.n_rows = n_rows;
    return DLX_OK;
}

static dlx_result describe(job *j, const dlx_model *model, dlx_error *err)
{
    dlx__gguf_writer *w;
    DLX__TRY(dlx__gguf_writer_open_keys(&w, model->mem, err));
    dlx_result r = dlx__gguf_put_table(w, &model->core);
    if (r == DLX_OK)
        r = dlx__api_put_keys(w, model, err);
    if (r != DLX_OK) {
        dlx__gguf_writer_abandon(w);
        return r;
    }
    DLX__TRY(dlx__gguf_writer_take(w, &j->description, err));
    j->to.description = j->description.data;
    j->to.n_description = j->description.len;
    return DLX_OK;
}

static bool on_progress(void *user, uint64_t n_done, uint64_t n_total)
{
    const job *j = user;
    const double part = n_total ? (double)n_done / (double)n_total : 1;
    const double passed = dlx__os_seconds() - j->start;
    return !j->o->on_progress ||
           j->o->on_progress(j->o->user, part, part > 0 ? passed * (1 - part) / part : 0);
}

static json_t *report_of(const job *j)
{
    const dlx__export_written *w = &j->written;
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "path",
                     dlx__api_text(j->to.path), "data_path",
                     j->to.data_path ? dlx__api_text(j->to.data_path) : json_null(), "backend",
                     j->backend->name, "dtype", dtypes[j->to.packing], "cache",
                     dlx__export_cache_name(j->to.cache), "n_ctx", (json_int_t)j->to.n_ctx,
                     "n_rows", (json_int_t)j->to.n_rows, "bytes", (json_int_t)w->program_bytes,
                     "data_bytes", (json_int_t)w->data_bytes, "weight_bytes",
                     (json_int_t)w->weight_bytes, "fallbacks", (json_int_t)w->n_fallbacks,
                     "seconds", dlx__os_seconds() - j->start);
}

static dlx_result run(job *j, const dlx_model *model, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__api_need_core(model, "exporting", err));
    if (!model->core.has_weights)
        return dlx__fail(err, DLX_E_ARG, "%s: exporting needs the weights, found its shapes only",
                         model->core.checkpoint.path);
    DLX__TRY(read_names(j, model, err));
    DLX__TRY(read_sizes(j, model, err));
    DLX__TRY(describe(j, model, err));
    j->to.path = path;
    j->to.data_path = j->o->data_path;
    j->to.on_progress = on_progress;
    j->to.user = j;
    j->to.mem = model->mem;
    j->to.written = &j->written;
    return j->backend->export_model(&model->core, &j->to, err);
}

dlx_result dlx_export(const dlx_model *model, const char *path, const dlx_export_opts *opts,
                      char **report, dlx_error *err)
{
    static const dlx_export_opts defaults = {.size = sizeof defaults};
    job j = {.o = opts ? opts : &defaults, .start = dlx__os_seconds()};
    dlx__buf_init(&j.description, model->mem);
    if (report)
        *report = NULL;
    dlx_result r = run(&j, model, path, err);
    if (r == DLX_OK && report)
        r = dlx__api_json_text(report_of(&j), model->mem, report, err);
    dlx__buf_release(&j.description);
    return r;
}
