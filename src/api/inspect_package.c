/* inspect_package.c - a Core ML package told as JSON. */
#include "api/inspect_package.h"

#include "api/api.h"
#include "api/json_build.h"
#include "base/fail.h"
#include "export/mlpackage_check.h"

static json_t *size_json(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *value_json(const dlx__mil_value *v)
{
    const dlx__mil_type *t = &v->type;
    json_t *shape = json_array();
    bool dynamic = t->flexible;
    for (size_t i = 0; i < t->rank; i++) {
        dlx__api_append(&shape, json_integer(t->dims[i]));
        dynamic = dynamic || t->dims[i] < 0;
    }
    if (t->kind == DLX__MIL_TENSOR || t->kind == DLX__MIL_STATE)
        return json_pack("{s:s, s:s, s:o, s:b, s:o}", "kind", dlx__mil_kind_name(t->kind), "type",
                         dlx__mil_element_name(t->element), "shape", shape, "dynamic", dynamic,
                         "name", dlx__api_shown(v->name));
    json_decref(shape);
    return json_pack("{s:s, s:o}", "kind", dlx__mil_kind_name(t->kind), "name",
                     dlx__api_shown(v->name));
}

static json_t *values_json(const dlx__mil_values *values)
{
    json_t *list = json_array();
    for (size_t i = 0; i < values->n; i++)
        dlx__api_append(&list, value_json(&values->items[i]));
    return list;
}

static json_t *operators_json(const dlx__mil_counts *counts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < counts->n; i++)
        dlx__api_append(&list,
                        json_pack("{s:o, s:o}", "name", dlx__api_shown(counts->items[i].name),
                                  "calls", size_json(counts->items[i].n)));
    return list;
}

static json_t *functions_json(const dlx__mlpackage_file *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->n_functions; i++) {
        const dlx__mlpackage_function *fn = &f->functions[i];
        dlx__api_append(
            &list,
            json_pack("{s:o, s:s?, s:o, s:o, s:o, s:o, s:o}", "name", dlx__api_shown(fn->name),
                      "opset", fn->opset, "inputs", values_json(&fn->inputs), "outputs",
                      values_json(&fn->outputs), "state", values_json(&fn->states), "steps",
                      size_json(fn->n_operations), "operators", operators_json(&fn->operations)));
    }
    return list;
}

static json_t *weights_json(const dlx__mlpackage_file *f)
{
    json_t *types = json_array();
    for (size_t i = 0; i < f->weights.n; i++)
        dlx__api_append(&types, json_pack("{s:s, s:o, s:o}", "type", f->weights.items[i].name,
                                          "records", size_json(f->weights.items[i].n), "bytes",
                                          size_json(f->weights.items[i].n_bytes)));
    return json_pack("{s:o, s:o, s:o, s:o}", "records", size_json(f->n_records), "shared",
                     size_json(f->n_shared), "unused", size_json(f->n_unused), "types", types);
}

/* NULL: no memory. */
static json_t *metadata_json(const dlx__mlpackage_file *f)
{
    json_t *metadata = json_object();
    bool ok = metadata != NULL;
    for (size_t i = 0; ok && i < f->n_metadata; i++) {
        json_t *key = dlx__api_shown(f->metadata[i].key);
        ok = key &&
             dlx__api_set(metadata, json_string_value(key), dlx__api_shown(f->metadata[i].value));
        json_decref(key);
    }
    if (ok)
        return metadata;
    json_decref(metadata);
    return NULL;
}

static json_t *items_json(const dlx__mlpackage_file *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->n_items; i++)
        dlx__api_append(&list,
                        json_pack("{s:o, s:o, s:o, s:o}", "path", dlx__api_shown(f->items[i].path),
                                  "name", dlx__api_shown(f->items[i].name), "author",
                                  dlx__api_shown(f->items[i].author), "bytes",
                                  size_json(f->items[i].n_bytes)));
    return list;
}

static json_t *notes_json(const dlx__mlpackage_file *f)
{
    json_t *notes = json_array();
    if (f->is_ours)
        dlx__api_append(&notes,
                        json_string("written by dlx export: held to the model in it, and to "
                                    "the hashes of its files"));
    if (f->functions[0].opset == NULL)
        dlx__api_append(&notes, json_sprintf("the model is %s, not an ML Program: what it computes "
                                             "was not checked",
                                             f->kind));
    if (f->n_unused)
        dlx__api_append(&notes, json_sprintf("%zu records of weights, %llu bytes, are used by no "
                                             "function",
                                             f->n_unused, (unsigned long long)f->unused_bytes));
    return notes;
}

/* Files of the package; what lies in folders beside the weights is not counted. */
static json_t *sizes_json(const dlx__mlpackage_file *f, uint64_t *sum)
{
    uint64_t other = 0;
    for (size_t i = 0; i < f->n_items; i++)
        if (f->items[i].path != f->model_path)
            other += f->items[i].n_bytes;
    *sum = f->manifest_bytes + f->model_bytes + f->weights_bytes + other;
    return json_pack("{s:o, s:o, s:o, s:o}", "manifest", size_json(f->manifest_bytes),
                     "specification", size_json(f->model_bytes), "weights",
                     size_json(f->weights_bytes), "other", size_json(other));
}

/* A package of ours against the model in it, which is opened as a session would. */
static dlx_result check_ours(const dlx__mlpackage_file *f, const char *path, dlx_error *err)
{
    dlx_model *m;
    DLX__TRY(dlx_model_open(&m, path, NULL, err));
    dlx_result r = dlx__mlpackage_check_model(f, path, &m->core, dlx__api_n_ids(m), NULL, err);
    dlx_model_free(m);
    if (r == DLX_OK)
        r = dlx__mlpackage_check_parts(f, path, NULL, err);
    return r;
}

dlx_result dlx__api_inspect_package(const char *path, char **json, dlx_error *err)
{
    dlx__mlpackage_file f;
    uint64_t sum = 0;
    DLX__TRY(dlx__mlpackage_open(&f, path, NULL, err));
    const dlx_result r = f.is_ours ? check_ours(&f, path, err) : DLX_OK;
    if (r != DLX_OK) {
        dlx__mlpackage_close(&f);
        return r;
    }
    json_t *sizes = sizes_json(&f, &sum);
    json_t *report = json_pack(
        "{s:o, s:s, s:o, s:o, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "path", dlx__api_text(path),
        "format", "mlpackage", "file_bytes", size_json(sum), "sizes", sizes, "model", f.kind,
        "specification", f.specification, "default_function", dlx__api_shown(f.default_function),
        "methods", functions_json(&f), "weights", weights_json(&f), "metadata", metadata_json(&f),
        "items", items_json(&f), "notes", notes_json(&f));
    dlx__mlpackage_close(&f);
    return dlx__api_json_text(report, NULL, json, err);
}
