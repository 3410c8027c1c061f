/* export_api.c - from names to an exporter's options. */
#include <dlx/export.h>

#include "api/export_settings.h"
#include "api/gguf_keys.h"
#include "api/json_build.h"
#include "backends/backend.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "export/exporter.h"
#include "model/gguf_put.h"

typedef struct job {
    const dlx_export_opts *o;
    dlx__export_settings settings;
    const dlx__backend_class *backend;
    dlx__export_opts to;
    dlx__export_written written;
    dlx__buf description;
    double start;
} job;

static dlx_result read_names(job *j, const dlx_model *model, dlx_error *err)
{
    dlx__export_settings *s = &j->settings;
    DLX__TRY(dlx__export_settings_read(s, j->o, &model->core, err));
    j->backend = dlx__backend_find(s->backend);
    if (!j->backend || !j->backend->export_model)
        return dlx__fail(err, DLX_E_ARG, "backend: expected xnnpack, found %s, %s", s->backend,
                         j->backend ? "which writes no programs" : "which is not built in");
    return dlx__export_resolve(&j->to, &s->ask, &model->core, err);
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

static json_t *report_of(job *j, const dlx_model *model)
{
    const dlx__export_written *w = &j->written;
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o}", "path",
                     dlx__api_text(j->to.path), "data_path",
                     j->to.data_path ? dlx__api_text(j->to.data_path) : json_null(), "backend",
                     j->backend->name, "dtype", dlx__packing_name(j->to.packing), "cache",
                     dlx__export_cache_name(j->to.cache), "n_ctx", (json_int_t)j->to.n_ctx,
                     "n_rows", (json_int_t)j->to.n_rows, "bytes", (json_int_t)w->program_bytes,
                     "data_bytes", (json_int_t)w->data_bytes, "weight_bytes",
                     (json_int_t)w->weight_bytes, "fallbacks", (json_int_t)w->n_fallbacks,
                     "seconds", dlx__os_seconds() - j->start, "config",
                     dlx__export_settings_json(&j->settings, &j->to, &model->core));
}

static dlx_result run(job *j, const dlx_model *model, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__api_need_core(model, "exporting", err));
    if (!model->core.has_weights)
        return dlx__fail(err, DLX_E_ARG, "%s: exporting needs the weights, found its shapes only",
                         model->core.checkpoint.path);
    DLX__TRY(read_names(j, model, err));
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
    dlx__export_settings_init(&j.settings, model->mem);
    if (report)
        *report = NULL;
    dlx_result r = run(&j, model, path, err);
    if (r == DLX_OK && report)
        r = dlx__api_json_text(report_of(&j, model), model->mem, report, err);
    dlx__export_settings_release(&j.settings);
    dlx__buf_release(&j.description);
    return r;
}
