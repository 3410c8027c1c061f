/* export_json.c - what was asked for and what came of it. */
#include "api/export_json.h"

#include "api/json_build.h"
#include "base/mem.h"
#include "export/compat_sizes.h"

static json_t *size_json(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *parts_json(const dlx__export_parts *parts)
{
    json_t *json = json_object();
    for (int i = 0; i < DLX__N_EXPORT_PARTS && json; i++)
        if (!dlx__api_set(json, dlx__export_part_name((dlx__export_part)i),
                          size_json(parts->bytes[i]))) {
            json_decref(json);
            json = NULL;
        }
    return json;
}

static json_t *memory_json(const dlx__export_written *w)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "state", size_json(w->state_bytes), "planned",
                     size_json(w->planned_bytes), "filters", size_json(w->filter_bytes), "methods",
                     size_json(w->n_methods));
}

/* With COMPAT what a call costs; otherwise it costs what is in use. */
static json_t *call_json(const dlx__exported *e)
{
    if (e->to->cache != DLX__EXPORT_COMPAT)
        return json_null();
    const dlx__compat_sizes s = dlx__compat_sizes_of(&e->model->hp, e->to->n_rows, e->to->n_ctx);
    const size_t masks = dlx__add(s.mask, dlx__add(s.insert, s.keep));
    return json_pack("{s:o, s:o}", "cache", size_json(s.cache), "masks", size_json(masks));
}

static json_t *asked_json(const dlx__exported *e)
{
    const dlx__export_opts *to = e->to;
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:o, s:o}", "path",
                     dlx__api_text(to->path), "data_path",
                     to->data_path ? dlx__api_text(to->data_path) : json_null(), "backend",
                     e->backend, "dtype", dlx__packing_name(to->packing), "scheme",
                     dlx__scheme_name(to->scheme), "cache", dlx__export_cache_name(to->cache),
                     "profile", to->profile, "soc", to->soc ? to->soc->name : NULL, "target",
                     to->target ? to->target->name : NULL, "compute_unit", to->unit, "n_ctx",
                     size_json(to->n_ctx), "n_rows", size_json(to->n_rows));
}

json_t *dlx__exported_json(const dlx__exported *e)
{
    const dlx__export_written *w = e->written;
    json_t *report = asked_json(e);
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:o, s:s?, s:o, s:s, s:o, s:b, s:o, s:f, s:o, s:o, s:o}",
                  "bytes", size_json(w->program_bytes), "data_bytes", size_json(w->data_bytes),
                  "weight_bytes", size_json(w->weight_bytes), "compiled", size_json(w->n_compiled),
                  "not_compiled", w->not_compiled.code == DLX_OK ? NULL : w->not_compiled.text,
                  "fallbacks", size_json(w->n_fallbacks), "fallback_dtype",
                  dlx__packing_name(e->to->forms.torn), "rounded_again", size_json(w->n_again),
                  "denoise", w->has_denoise, "call_bytes", call_json(e), "seconds", e->seconds,
                  "parts", parts_json(&w->parts), "memory", memory_json(w), "config",
                  dlx__export_settings_json(e->settings, e->backend, e->to, e->model));
    if (dlx__api_merge(report, more))
        return report;
    json_decref(report);
    return NULL;
}

json_t *dlx__exported_weights_json(const dlx__exported *e)
{
    const dlx__export_written *w = e->written;
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:f}", "path",
                     dlx__api_text(e->to->path), "backend", e->backend, "dtype",
                     dlx__packing_name(e->to->packing), "scheme", dlx__scheme_name(e->to->scheme),
                     "bytes", size_json(w->program_bytes), "weight_bytes",
                     size_json(w->weight_bytes), "fallbacks", size_json(w->n_fallbacks),
                     "fallback_dtype", dlx__packing_name(e->to->forms.torn), "rounded_again",
                     size_json(w->n_again), "seconds", e->seconds);
}
