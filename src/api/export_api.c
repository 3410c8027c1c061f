/* export_api.c - from names to an exporter's options. */
#include <dlx/export.h>

#include "api/export_json.h"
#include "api/gguf_keys.h"
#include "api/json_build.h"
#include "api/rounded_file.h"
#include "backends/backend.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "model/gguf_put.h"
#include "model/limits.h"

#include <stdio.h>

typedef struct job {
    const dlx_export_opts *o;
    dlx__export_settings settings;
    dlx_model model; /* as it is exported: a copy that owns nothing */
    const dlx__backend_class *backend;
    dlx__export_opts to;
    dlx__export_written written;
    dlx__buf description;
    double start;
} job;

/* "xnnpack, qnn": those that write programs. */
static void list_writers(char *out, size_t capacity)
{
    size_t at = 0;
    for (const dlx__backend_class *const *b = dlx__backend_list(); *b && at < capacity; b++)
        if ((*b)->exports)
            at += (size_t)snprintf(out + at, capacity - at, "%s%s", at ? ", " : "", (*b)->name);
}

static dlx_result read_names(job *j, dlx_error *err)
{
    dlx__export_settings *s = &j->settings;
    DLX__TRY(dlx__export_settings_read(s, j->o, &j->model.core, err));
    char writers[64];
    j->backend = dlx__backend_find(s->backend);
    list_writers(writers, sizeof writers);
    const char *file = j->o->config && !j->o->backend ? j->o->config : NULL; /* that says it */
    if (!j->backend || !j->backend->exports)
        return dlx__fail(err, DLX_E_ARG, "%s%sbackend: expected one of %s, found %s, %s",
                         file ? file : "", file ? ": " : "", writers, s->backend,
                         j->backend ? "which writes no programs" : "which is not built in");
    j->to.rules = j->backend->exports;
    DLX__TRY(dlx__export_settings_fit(s, j->to.rules, err));
    return dlx__export_resolve(&j->to, &s->ask, &j->model.core, err);
}

/* What a session leaves out where nobody says otherwise (runtime/run_open.c). */
static void choose_ids(job *j)
{
    const dlx__hparams *hp = &j->model.core.hp;
    const dlx__tokenizer *t = j->model.tokenizer;
    const size_t n_ids = t ? dlx__min(hp->n_vocab, dlx__tokenizer_n_ids(t)) : hp->n_vocab;
    j->to.n_ids = j->o->no_denoise ? 0 : n_ids;
    j->to.never_id = hp->mask_id.value;
}

static dlx_result describe(job *j, dlx_error *err)
{
    dlx__gguf_writer *w;
    DLX__TRY(dlx__gguf_writer_open_keys(&w, j->model.mem, err));
    dlx_result r = dlx__gguf_put_table(w, &j->model.core);
    if (r == DLX_OK)
        r = dlx__api_put_keys(w, &j->model, err);
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

/* A program tells the block that it is decoded in, and has room for one in a pass. */
static dlx_result set_block(dlx__hparams *hp, size_t block, const dlx__family *family,
                            dlx_error *err)
{
    const int64_t small = hp->small_block.value;
    if (block == 0)
        return DLX_OK;
    if (family->default_block == 0 || family->autoregressive)
        return dlx__fail(err, DLX_E_ARG, "block length: %s decodes without blocks: leave it out",
                         family->name);
    if (block > DLX__MAX_BLOCK || (small > 0 && block % (size_t)small != 0))
        return dlx__fail(err, DLX_E_ARG, "block length: expected at most %d%s, found %zu",
                         DLX__MAX_BLOCK, small > 0 ? ", and whole sub-blocks" : "", block);
    hp->block_length = (dlx__fact){(int64_t)block, "--block-length"};
    return DLX_OK;
}

/* Everything but the weights and the place. */
static dlx_result prepare(job *j, dlx_error *err)
{
    DLX__TRY(dlx__api_need_core(&j->model, "exporting", err));
    DLX__TRY(set_block(&j->model.core.hp, j->o->block_length, j->model.core.family, err));
    DLX__TRY(read_names(j, err));
    choose_ids(j);
    j->to.on_progress = on_progress;
    j->to.user = j;
    j->to.mem = j->model.mem;
    return DLX_OK;
}

static dlx_result prepare_weights(job *j, const char *path, dlx_error *err)
{
    const dlx__model *m = &j->model.core;
    DLX__TRY(prepare(j, err));
    if (!m->has_weights)
        return dlx__fail(err, DLX_E_ARG, "%s: exporting needs the weights, found %s",
                         m->checkpoint.path,
                         dlx__api_program_backend(&j->model)
                             ? "an exported program; name the model that it was made "
                               "from"
                             : "its shapes only");
    j->to.path = path;
    j->to.data_path = j->o->data_path;
    j->to.n_threads = j->o->n_threads;
    j->to.written = &j->written;
    j->to.runtimes = &j->model.runtimes;
    return DLX_OK;
}

static dlx_result run(job *j, const char *path, dlx_error *err)
{
    DLX__TRY(prepare_weights(j, path, err));
    DLX__TRY(describe(j, err));
    return j->backend->export_model(&j->model.core, &j->to, err);
}

/* What a file of weights has no use for. */
static dlx_result check_weights_alone(const dlx_export_opts *o, dlx_error *err)
{
    const char *name = o->cache          ? "cache"
                       : o->n_ctx        ? "context"
                       : o->n_rows       ? "rows"
                       : o->n_canvases   ? "canvas"
                       : o->block_length ? "block length"
                       : o->data_path    ? "data"
                       : o->no_denoise   ? "no denoise"
                       : o->soc          ? "soc"
                       : o->compile      ? "compile"
                       : o->target       ? "target"
                       : o->compute_unit ? "compute unit"
                                         : NULL;
    if (!name)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%s: only programs have it, and the weights alone are asked for: leave it out",
                     name);
}

static dlx_result run_weights(job *j, const char *path, dlx_error *err)
{
    DLX__TRY(check_weights_alone(j->o, err));
    DLX__TRY(prepare_weights(j, path, err));
    return dlx__api_write_rounded(&j->model, &j->to, err);
}

/* For its report; j lives as long. */
static dlx__exported exported(job *j)
{
    return (dlx__exported){.model = &j->model.core,
                           .to = &j->to,
                           .written = &j->written,
                           .settings = &j->settings,
                           .backend = j->backend->name,
                           .seconds = dlx__os_seconds() - j->start};
}

/* Past "./" and "/" that change nothing, at the beginning of a part of a path. */
static const char *next_part(const char *path)
{
    while (path[0] == '/' || (path[0] == '.' && path[1] == '/'))
        path++;
    return path;
}

/* The same place, as far as names tell. */
static bool same_name(const char *a, const char *b)
{
    if ((*a == '/') != (*b == '/'))
        return false;
    for (a = next_part(a), b = next_part(b); *a && *a == *b;) {
        const bool part = *a == '/';
        a++;
        b++;
        if (part) {
            a = next_part(a);
            b = next_part(b);
        }
    }
    return *a == *b;
}

static dlx_result check_names(const dlx_model *model, const char *path, const dlx_export_opts *o,
                              dlx_error *err)
{
    if (!model)
        return dlx__fail(err, DLX_E_ARG, "no model was given: open one first");
    if (!path || !*path)
        return dlx__fail(err, DLX_E_ARG, "no path was named: say where to write");
    if (!o || !o->data_path)
        return DLX_OK;
    if (!*o->data_path)
        return dlx__fail(err, DLX_E_ARG, "data path: expected a file's name, found an empty one");
    return same_name(path, o->data_path)
               ? dlx__fail(err, DLX_E_ARG,
                           "%s: the program and its data are the same file: name another", path)
               : DLX_OK;
}

static void job_init(job *j, const dlx_model *model, const dlx_export_opts *opts)
{
    static const dlx_export_opts defaults = {.size = sizeof defaults};
    *j = (job){.o = opts ? opts : &defaults, .model = *model, .start = dlx__os_seconds()};
    dlx__buf_init(&j->description, model->mem);
    dlx__export_settings_init(&j->settings, model->mem);
}

static void job_release(job *j)
{
    dlx__export_settings_release(&j->settings);
    dlx__buf_release(&j->description);
}

dlx_result dlx_export(const dlx_model *model, const char *path, const dlx_export_opts *opts,
                      char **report, dlx_error *err)
{
    job j;
    if (report)
        *report = NULL;
    DLX__TRY(check_names(model, path, opts, err));
    job_init(&j, model, opts);
    dlx_result r = run(&j, path, err);
    if (r == DLX_OK && report) {
        const dlx__exported done = exported(&j);
        r = dlx__api_json_text(dlx__exported_json(&done), model->mem, report, err);
    }
    job_release(&j);
    return r;
}

dlx_result dlx_export_weights(const dlx_model *model, const char *path, const dlx_export_opts *opts,
                              char **report, dlx_error *err)
{
    job j;
    if (report)
        *report = NULL;
    DLX__TRY(check_names(model, path, opts, err));
    job_init(&j, model, opts);
    dlx_result r = run_weights(&j, path, err);
    if (r == DLX_OK && report) {
        const dlx__exported done = exported(&j);
        r = dlx__api_json_text(dlx__exported_weights_json(&done), model->mem, report, err);
    }
    job_release(&j);
    return r;
}

static dlx_result print_head(job *j, dlx__buf *out, dlx_error *err)
{
    const bool ok = dlx__buf_format(
        out, "%s for %s: weights %s, rows %s, cache %s, %zu positions, %zu rows a pass\n",
        j->model.core.family->name, j->backend->name, dlx__packing_name(j->to.packing),
        dlx__scheme_name(j->to.scheme), dlx__export_cache_name(j->to.cache), j->to.n_ctx,
        j->to.n_rows);
    return ok ? DLX_OK : dlx__fail_memory(err, "printing a program", out->len);
}

dlx_result dlx_export_graph(const dlx_model *model, const dlx_export_opts *opts, char **text,
                            dlx_error *err)
{
    job j;
    dlx__buf out;
    job_init(&j, model, opts);
    dlx__buf_init(&out, model->mem);
    *text = NULL;
    dlx_result r = prepare(&j, err);
    if (r == DLX_OK)
        r = print_head(&j, &out, err);
    if (r == DLX_OK)
        r = j.backend->export_graph(&j.model.core, &j.to, &out, err);
    if (r == DLX_OK)
        r = dlx__buf_byte(&out, '\0') ? DLX_OK
                                      : dlx__fail_memory(err, "printing a program", out.len);
    if (r == DLX_OK)
        *text = out.data;
    else
        dlx__buf_release(&out);
    job_release(&j);
    return r;
}
