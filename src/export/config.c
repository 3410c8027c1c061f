/* config.c - names to enums and back, and what of them can take effect. */
#include "export/config.h"

#include "base/fail.h"
#include "format/json_fields.h"
#include "format/json_list.h"

#include <string.h>

static const char *const target_names[] = {
#define NAME(name, text) text,
    DLX__EXPORT_TARGETS(NAME)
#undef NAME
        NULL};

static const char *const planning_names[] = {
#define NAME(name, text) text,
    DLX__MEMORY_PLANNINGS(NAME)
#undef NAME
        NULL};

static const char *const quantization_names[] = {
#define NAME(name, text, dtype, scheme) text,
    DLX__EXPORT_QUANTIZATIONS(NAME)
#undef NAME
        NULL};

static const struct {
    const char *dtype, *scheme;
} quantizations[DLX__N_EXPORT_QUANTIZATIONS] = {
#define OURS(name, text, dtype, scheme) {dtype, scheme},
    DLX__EXPORT_QUANTIZATIONS(OURS)
#undef OURS
};

const char *dlx__export_target_name(dlx__export_target target)
{
    return target_names[target];
}

const char *dlx__export_quantization_dtype(dlx__export_quantization q)
{
    return quantizations[q].dtype;
}

const char *dlx__export_quantization_scheme(dlx__export_quantization q)
{
    return quantizations[q].scheme;
}

void dlx__export_config_init(dlx__export_config *c)
{
    *c = (dlx__export_config){.use_kv_cache = true, .enable_delegate = true};
}

/* ---- reading ------------------------------------------------------------------------------- */

static const char *const keys[] = {
#define KEY(name, of_model) #name,
    "backend",
    "quantization",
    "memory_planning",
    "max_seq_len",
    DLX__EXPORT_SHAPES(KEY) "use_kv_cache",
    "enable_delegate",
    "dynamic_shapes",
    "output_path",
    "checkpoint_path",
    "calibration_data_path",
    "constant_methods",
    "compute_unit",
    "minimum_deployment_target",
#undef KEY
    NULL};

static dlx_result read_text(dlx__json_obj o, const char *key, const char **out, dlx__arena *arena,
                            dlx_error *err)
{
    const char *text;
    if (!dlx__json_has(o, key))
        return DLX_OK;
    DLX__TRY(dlx__json_text(o, key, &text, err));
    *out = dlx__arena_strdup(arena, text);
    return *out ? DLX_OK : dlx__fail_memory(err, "reading settings", strlen(text));
}

static dlx_result read_names(dlx__export_config *c, dlx__json_obj o, dlx_error *err)
{
    size_t target = c->backend, quantization = c->quantization, planning = c->memory_planning;
    DLX__TRY(dlx__json_choice_opt(o, "backend", target_names, &target, err));
    DLX__TRY(dlx__json_choice_opt(o, "quantization", quantization_names, &quantization, err));
    DLX__TRY(dlx__json_choice_opt(o, "memory_planning", planning_names, &planning, err));
    c->backend = (dlx__export_target)target;
    c->quantization = (dlx__export_quantization)quantization;
    c->memory_planning = (dlx__memory_planning)planning;
    c->says_backend = dlx__json_has(o, "backend");
    c->says_quantization = dlx__json_has(o, "quantization");
    c->says_cache = dlx__json_has(o, "use_kv_cache");
    return DLX_OK;
}

static dlx_result read_fields(dlx__export_config *c, dlx__json_obj o, dlx__arena *arena,
                              dlx_error *err)
{
    enum { MOST = 1 << 30 };
    DLX__TRY(read_names(c, o, err));
    if (!dlx__json_is_empty(o, "constant_methods"))
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: constant_methods: expected none beside those that runners ask for "
                         "(dlx inspect lists them), found others; leave the field out",
                         o.path);
    DLX__TRY(dlx__json_size_opt(o, "max_seq_len", 1, MOST, &c->max_seq_len, NULL, err));
#define READ(name, of_model) DLX__TRY(dlx__json_size_opt(o, #name, 1, MOST, &c->name, NULL, err));
    DLX__EXPORT_SHAPES(READ)
#undef READ
    DLX__TRY(dlx__json_bool_opt(o, "use_kv_cache", &c->use_kv_cache, NULL, err));
    DLX__TRY(dlx__json_bool_opt(o, "enable_delegate", &c->enable_delegate, NULL, err));
    DLX__TRY(dlx__json_bool_opt(o, "dynamic_shapes", &c->dynamic_shapes, NULL, err));
    DLX__TRY(read_text(o, "output_path", &c->output_path, arena, err));
    DLX__TRY(read_text(o, "checkpoint_path", &c->checkpoint_path, arena, err));
    DLX__TRY(read_text(o, "compute_unit", &c->compute_unit, arena, err));
    DLX__TRY(read_text(o, "minimum_deployment_target", &c->minimum_deployment_target, arena, err));
    return read_text(o, "calibration_data_path", &c->calibration_data_path, arena, err);
}

static bool is_blank(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && strchr(" \t\r\n", text[i]) && text[i])
        i++;
    return i == n;
}

dlx_result dlx__export_config_read(dlx__export_config *c, const char *json, size_t n,
                                   const char *name, dlx__arena *arena, dlx_error *err)
{
    json_t *root;
    dlx__json_obj o;
    dlx__export_config_init(c);
    if (is_blank(json, n))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected settings as a JSON object in braces, found nothing; write "
                         "{} where there is nothing to set",
                         name);
    DLX__TRY(dlx__json_parse_settings(&root, json, n, name, err));
    dlx_result r = dlx__json_root(&o, root, name, err);
    if (r == DLX_OK)
        r = dlx__json_only(root, name, keys, err);
    if (r == DLX_OK)
        r = read_fields(c, o, arena, err);
    dlx__json_free(root);
    return r;
}

/* ---- against the model --------------------------------------------------------------------- */

static dlx_result check_shape(size_t said, size_t is, const char *key, const char *name,
                              dlx_error *err)
{
    if (said == 0 || said == is)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%s: %s: expected %zu, which is the model's, found %zu; leave it out, or take "
                     "the model that it is about",
                     name, key, is, said);
}

dlx_result dlx__export_config_check(const dlx__export_config *c, const dlx__model *m,
                                    const char *name, dlx_error *err)
{
#define CHECK(key, of_model) DLX__TRY(check_shape(c->key, m->hp.of_model, #key, name, err));
    DLX__EXPORT_SHAPES(CHECK)
#undef CHECK
    if (!c->enable_delegate)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: enable_delegate: expected true: no program is written without its "
                         "delegate",
                         name);
    if (c->calibration_data_path && c->quantization != DLX__QUANTIZATION_STATIC_INT8)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: calibration_data_path takes effect with static_int8 only, found %s; "
                         "to calibrate weights run dlx quantize --calibrate first",
                         name, quantization_names[c->quantization]);
    return DLX_OK;
}

dlx_result dlx__export_config_fits(const dlx__export_config *c, const char *backend, bool is_static,
                                   const char *name, dlx_error *err)
{
    if (is_static && c->dynamic_shapes)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: dynamic_shapes: expected false of %s, whose graphs have fixed "
                         "shapes, found true; leave it out, or take the backend xnnpack",
                         name, backend);
    if (is_static && c->memory_planning != DLX__PLANNING_GREEDY)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: memory_planning: expected none of %s, whose runtime plans by "
                         "itself, found %s; leave it out",
                         name, backend, planning_names[c->memory_planning]);
    return DLX_OK;
}

void dlx__export_config_complete(dlx__export_config *c, const dlx__model *m)
{
#define COMPLETE(key, of_model) c->key = m->hp.of_model;
    DLX__EXPORT_SHAPES(COMPLETE)
#undef COMPLETE
    c->checkpoint_path = m->checkpoint.path;
}

/* ---- writing ------------------------------------------------------------------------------- */

static bool put_text(dlx__buf *out, const char *key, const char *text)
{
    if (!text)
        return true;
    return dlx__buf_format(out, "  \"%s\": ", key) && dlx__json_put_text(out, text) &&
           dlx__buf_text(out, ",\n");
}

static bool put_size(dlx__buf *out, const char *key, size_t n)
{
    return n == 0 || dlx__buf_format(out, "  \"%s\": %zu,\n", key, n);
}

static bool put_bool(dlx__buf *out, const char *key, bool yes, const char *end)
{
    return dlx__buf_format(out, "  \"%s\": %s%s\n", key, yes ? "true" : "false", end);
}

bool dlx__export_config_write(const dlx__export_config *c, dlx__buf *out)
{
    const char *quantization = c->says_quantization ? quantization_names[c->quantization] : NULL;
    const char *backend = c->says_backend ? target_names[c->backend] : NULL;
    bool ok = dlx__buf_text(out, "{\n") && put_text(out, "backend", backend) &&
              put_text(out, "quantization", quantization) &&
              put_text(out, "memory_planning", planning_names[c->memory_planning]) &&
              put_size(out, "max_seq_len", c->max_seq_len);
#define PUT(key, of_model) ok = ok && put_size(out, #key, c->key);
    DLX__EXPORT_SHAPES(PUT)
#undef PUT
    return ok && put_text(out, "output_path", c->output_path) &&
           put_text(out, "checkpoint_path", c->checkpoint_path) &&
           put_text(out, "calibration_data_path", c->calibration_data_path) &&
           put_text(out, "compute_unit", c->compute_unit) &&
           put_text(out, "minimum_deployment_target", c->minimum_deployment_target) &&
           (!c->says_cache || put_bool(out, "use_kv_cache", c->use_kv_cache, ",")) &&
           put_bool(out, "enable_delegate", c->enable_delegate, ",") &&
           put_bool(out, "dynamic_shapes", c->dynamic_shapes, "") && dlx__buf_text(out, "}\n");
}
