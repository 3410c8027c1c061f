/* export_settings.c - names of the original's settings file to ours and back. */
#include "api/export_settings.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <string.h>

enum { MAX_SETTINGS_BYTES = 1 << 20 };

void dlx__export_settings_init(dlx__export_settings *s, const dlx_allocator *mem)
{
    *s = (dlx__export_settings){.backend = "xnnpack"};
    dlx__arena_init(&s->arena, mem);
    dlx__export_config_init(&s->config);
}

void dlx__export_settings_release(dlx__export_settings *s)
{
    dlx__arena_release(&s->arena);
}

static dlx_result read_file(dlx__export_settings *s, const char *path, dlx_error *err)
{
    char *text;
    size_t n;
    const dlx_allocator *mem = s->arena.mem;
    if (!*path)
        return dlx__fail(err, DLX_E_ARG,
                         "config: expected the name of a JSON file of settings, found an empty "
                         "name");
    DLX__TRY(dlx__os_read_file(&text, &n, path, MAX_SETTINGS_BYTES, mem, err));
    const dlx_result r = dlx__export_config_read(&s->config, text, n, path, &s->arena, err);
    dlx__free(mem, text);
    return r;
}

dlx_result dlx_export_path(const char *config, char **path, dlx_error *err)
{
    dlx__export_settings s;
    *path = NULL;
    if (!config)
        return dlx__fail(err, DLX_E_ARG, "no file of settings was named");
    dlx__export_settings_init(&s, NULL);
    dlx_result r = read_file(&s, config, err);
    const char *said = s.config.output_path;
    if (r == DLX_OK && said) {
        *path = dlx__strdup(NULL, said);
        r = *path ? DLX_OK : dlx__fail_memory(err, "reading settings", strlen(said));
    }
    dlx__export_settings_release(&s);
    return r;
}

static void take_file(dlx__export_settings *s, const char *file)
{
    const dlx__export_config *c = &s->config;
    s->backend = dlx__export_target_name(c->backend);
    if (c->says_quantization) {
        s->ask.dtype = dlx__export_quantization_dtype(c->quantization);
        s->ask.scheme = dlx__export_quantization_scheme(c->quantization);
        s->plain = c->quantization == DLX__QUANTIZATION_NONE;
    }
    s->ask.cache = c->use_kv_cache ? NULL : dlx__export_cache_name(DLX__EXPORT_NO_CACHE);
    s->ask.keeps = c->says_cache && c->use_kv_cache;
    s->ask.n_ctx = c->max_seq_len;
    s->ask.target = c->minimum_deployment_target;
    s->ask.unit = c->compute_unit;
    s->ask.keys = (dlx__export_keys){
        .file = file,
        .type = c->says_quantization ? "quantization" : NULL,
        .cache = c->says_cache ? "use_kv_cache" : NULL,
        .n_ctx = c->max_seq_len ? "max_seq_len" : NULL,
        .target = c->minimum_deployment_target ? "minimum_deployment_target" : NULL,
        .unit = c->compute_unit ? "compute_unit" : NULL};
}

/* What the caller says in place of the file. */
static void take_type(dlx__export_settings *s, const dlx_export_opts *o)
{
    if (o->dtype || o->profile) { /* another type has its own usual scheme */
        s->ask.dtype = o->dtype;
        s->ask.scheme = NULL;
        s->ask.keys.type = NULL;
        s->plain = false;
    }
    if (o->scheme)
        s->ask.scheme = o->scheme;
    s->ask.profile = o->profile;
}

static void take_apple(dlx__export_settings *s, const dlx_export_opts *o)
{
    if (o->target) {
        s->ask.target = o->target;
        s->ask.keys.target = NULL;
    }
    if (o->compute_unit) {
        s->ask.unit = o->compute_unit;
        s->ask.keys.unit = NULL;
    }
}

dlx_result dlx__export_settings_read(dlx__export_settings *s, const dlx_export_opts *o,
                                     const dlx__model *m, dlx_error *err)
{
    if (o->config) {
        DLX__TRY(read_file(s, o->config, err));
        DLX__TRY(dlx__export_config_check(&s->config, m, o->config, err));
        take_file(s, o->config);
    }
    if (o->backend)
        s->backend = o->backend;
    take_type(s, o);
    take_apple(s, o);
    if (o->cache) {
        s->ask.cache = o->cache;
        s->ask.keys.cache = NULL;
    }
    if (o->n_ctx) {
        s->ask.n_ctx = o->n_ctx;
        s->ask.keys.n_ctx = NULL;
    }
    s->ask.soc = o->soc;
    s->ask.compile = o->compile;
    s->ask.canvases = o->canvases;
    s->ask.n_canvases = o->n_canvases;
    s->ask.n_rows = o->n_rows;
    return DLX_OK;
}

dlx_result dlx__export_settings_fit(dlx__export_settings *s, const dlx__export_rules *rules,
                                    dlx_error *err)
{
    const char *file = s->ask.keys.file;
    if (s->plain && rules->plain_dtype)
        s->ask.dtype = rules->plain_dtype;
    return file ? dlx__export_config_fits(&s->config, s->backend, rules->has_canvases, file, err)
                : DLX_OK;
}

/* The one that gives these weights and rows. */
static dlx__export_quantization quantization_of(dlx__packing packing, dlx__scheme scheme)
{
    for (int i = 0; i < DLX__N_EXPORT_QUANTIZATIONS; i++) {
        const dlx__export_quantization q = (dlx__export_quantization)i;
        const char *of_rows = dlx__export_quantization_scheme(q);
        if (strcmp(dlx__export_quantization_dtype(q), dlx__packing_name(packing)) == 0 &&
            (!of_rows || strcmp(of_rows, dlx__scheme_name(scheme)) == 0))
            return q;
    }
    return DLX__QUANTIZATION_NONE;
}

static dlx__export_target target_of(const char *backend)
{
    int i = 0;
    while (i + 1 < DLX__N_EXPORT_TARGETS &&
           strcmp(dlx__export_target_name((dlx__export_target)i), backend) != 0)
        i++;
    return (dlx__export_target)i;
}

json_t *dlx__export_settings_json(dlx__export_settings *s, const char *backend,
                                  const dlx__export_opts *done, const dlx__model *m)
{
    dlx__export_config *c = &s->config;
    dlx__buf text;
    dlx__export_config_complete(c, m);
    c->backend = target_of(backend);
    c->quantization = quantization_of(done->packing, done->scheme);
    c->max_seq_len = done->n_ctx;
    c->use_kv_cache = done->cache != DLX__EXPORT_NO_CACHE;
    c->says_backend = c->says_quantization = c->says_cache = true;
    c->output_path = done->path;
    c->minimum_deployment_target = done->target ? done->target->name : NULL;
    c->compute_unit = done->unit;
    dlx__buf_init(&text, s->arena.mem);
    json_t *json =
        dlx__export_config_write(c, &text) ? json_loadb(text.data, text.len, 0, NULL) : NULL;
    dlx__buf_release(&text);
    return json;
}
