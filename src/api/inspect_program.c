/* inspect_program.c - an exported program told as JSON. */
#include <dlx/tools.h>

#include "api/api.h"
#include "api/inspect_folder.h"
#include "api/inspect_package.h"
#include "api/json_build.h"

#include "base/fail.h"
#include "export/mlpackage_read.h"
#include "export/pte_read.h"

#include <string.h>

static json_t *size_json(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* ---- values ---------------------------------------------------------------------------------- */

static json_t *shape_json(const dlx__pte_seen *v)
{
    json_t *shape = json_array();
    for (int i = 0; i < v->n_dims; i++)
        dlx__api_append(&shape, json_integer(v->dims[i]));
    return shape;
}

static json_t *value_json(const dlx__pte_seen *v)
{
    if (v->kind != DLX__PTE_KIND_TENSOR)
        return json_pack("{s:s}", "kind", dlx__pte_kind_name(v->kind));
    return json_pack("{s:s, s:s, s:o, s:b, s:o}", "kind", "tensor", "type",
                     dlx__pte_type_name(v->type), "shape", shape_json(v), "dynamic", v->dynamic,
                     "name", v->name ? dlx__api_shown(v->name) : json_null());
}

static json_t *values_json(const dlx__pte_seen_method *m, const int32_t *list, size_t n)
{
    json_t *values = json_array();
    for (size_t i = 0; i < n; i++)
        dlx__api_append(&values, value_json(&m->values[list[i]]));
    return values;
}

/* Tensors of an arena that the host can ask for by name. */
static json_t *state_json(const dlx__pte_seen_method *m)
{
    json_t *state = json_array();
    for (size_t i = 0; i < m->n_values; i++) {
        const dlx__pte_seen *v = &m->values[i];
        if (v->kind == DLX__PTE_KIND_TENSOR && v->planned && v->name)
            dlx__api_append(&state, value_json(v));
    }
    return state;
}

/* What a constant method returns: a number, a text, or a list of several. */
static json_t *constant_json(const dlx__pte_seen *v)
{
    switch (v->kind) {
    case DLX__PTE_KIND_INT:
        return json_integer((json_int_t)v->i);
    case DLX__PTE_KIND_BOOL:
        return json_boolean(v->i);
    case DLX__PTE_KIND_DOUBLE:
        return dlx__api_real(v->d);
    case DLX__PTE_KIND_STRING:
        return dlx__api_shown(v->text);
    default:
        return json_null();
    }
}

static bool is_constant(const dlx__pte_seen_method *m)
{
    bool plain = m->n_steps == 0 && m->n_inputs == 0 && m->n_outputs > 0;
    for (size_t i = 0; plain && i < m->n_outputs; i++)
        plain = m->values[m->outputs[i]].kind != DLX__PTE_KIND_TENSOR;
    return plain;
}

static json_t *metadata_json(const dlx__pte_file *f)
{
    json_t *metadata = json_object();
    bool ok = metadata != NULL;
    for (size_t i = 0; ok && i < f->n_methods; i++) {
        const dlx__pte_seen_method *m = &f->methods[i];
        if (!is_constant(m))
            continue;
        json_t *value = m->n_outputs > 1 ? json_array() : constant_json(&m->values[m->outputs[0]]);
        for (size_t k = 0; m->n_outputs > 1 && k < m->n_outputs; k++)
            dlx__api_append(&value, constant_json(&m->values[m->outputs[k]]));
        json_t *name = dlx__api_shown(m->name);
        if (name)
            ok = dlx__api_set(metadata, json_string_value(name), value);
        else
            json_decref(value);
        ok = ok && name;
        json_decref(name);
    }
    if (ok)
        return metadata;
    json_decref(metadata);
    return NULL;
}

/* ---- methods --------------------------------------------------------------------------------- */

static json_t *operators_json(const dlx__pte_seen_method *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_operators; i++) {
        const dlx__pte_seen_operator *op = &m->operators[i];
        json_t *name = dlx__api_shown(op->name), *overload = dlx__api_shown(op->overload);
        json_t *full = name && overload
                           ? json_sprintf("%s%s%s", json_string_value(name),
                                          *op->overload ? "." : "", json_string_value(overload))
                           : NULL;
        json_decref(name);
        json_decref(overload);
        dlx__api_append(&list,
                        json_pack("{s:o, s:o}", "name", full, "calls", size_json(op->n_calls)));
    }
    return list;
}

static json_t *nodes_json(const dlx__xnn_seen *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->n_kinds; i++)
        dlx__api_append(&list, json_pack("{s:s, s:s?, s:o}", "name", x->kinds[i].name, "weights",
                                         x->kinds[i].type, "n", size_json(x->kinds[i].n)));
    return list;
}

static json_t *delegate_json(const dlx__pte_seen_delegate *d)
{
    json_t *json = json_pack("{s:o, s:o, s:o}", "backend", dlx__api_shown(d->id), "bytes",
                             size_json(d->n_bytes), "calls", size_json(d->n_calls));
    if (json && d->is_xnn &&
        !dlx__api_merge(json,
                        json_pack("{s:o, s:o, s:o, s:o, s:o}", "inputs", size_json(d->xnn.n_inputs),
                                  "outputs", size_json(d->xnn.n_outputs), "constants",
                                  size_json(d->xnn.n_constants), "constant_bytes",
                                  size_json(d->xnn.inline_bytes + d->xnn.named_bytes), "nodes",
                                  nodes_json(&d->xnn)))) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

static json_t *method_json(const dlx__pte_seen_method *m)
{
    json_t *delegates = json_array(), *arenas = json_array();
    for (size_t i = 0; i < m->n_delegates; i++)
        dlx__api_append(&delegates, delegate_json(&m->delegates[i]));
    for (size_t i = 1; i < m->n_arenas; i++) /* the first is reserved */
        dlx__api_append(&arenas, size_json((uint64_t)m->arenas[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                     dlx__api_shown(m->name), "inputs", values_json(m, m->inputs, m->n_inputs),
                     "outputs", values_json(m, m->outputs, m->n_outputs), "state", state_json(m),
                     "values", size_json(m->n_values), "steps", size_json(m->n_steps), "operators",
                     operators_json(m), "delegates", delegates, "arenas", arenas);
}

static json_t *methods_json(const dlx__pte_file *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->n_methods; i++)
        if (!is_constant(&f->methods[i]))
            dlx__api_append(&list, method_json(&f->methods[i]));
    return list;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static json_t *sizes_json(const dlx__pte_file *f)
{
    const uint64_t known = f->program_bytes + f->payload_bytes + f->constant_bytes + f->named_bytes;
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "program", size_json(f->program_bytes),
                     "payloads", size_json(f->payload_bytes), "constants",
                     size_json(f->constant_bytes), "named_data", size_json(f->named_bytes),
                     "padding", size_json(known < f->n_bytes ? f->n_bytes - known : 0));
}

static json_t *data_json(const dlx__pte_file *f, const char *path)
{
    if (!path)
        return json_null();
    uint64_t sum = 0;
    for (size_t i = 0; i < f->outside.n_items; i++)
        sum += f->outside.items[i].n_bytes;
    return json_pack("{s:o, s:o, s:o}", "path", dlx__api_text(path), "keys",
                     size_json(f->outside.n_items), "bytes", size_json(sum));
}

static json_t *notes_json(const dlx__pte_file *f)
{
    json_t *notes = json_array();
    for (size_t i = 0; i < f->n_methods; i++) {
        const dlx__pte_seen_method *m = &f->methods[i];
        for (size_t k = 0; k < m->n_delegates; k++) {
            if (!m->delegates[k].is_xnn || m->delegates[k].xnn.n_unsafe == 0)
                continue;
            json_t *name = dlx__api_shown(m->name);
            dlx__api_append(
                &notes,
                name ? json_sprintf("%s: %zu constants of an XNNPACK graph feed nodes that read "
                                    "them at run time; some versions of the runtime have freed "
                                    "them by then",
                                    json_string_value(name), m->delegates[k].xnn.n_unsafe)
                     : NULL);
            json_decref(name);
        }
    }
    return notes;
}

static json_t *named_json(const dlx__pte_file *f)
{
    json_t *list = json_array();
    const struct {
        const dlx__pte_item *items;
        size_t n;
    } both[] = {{f->named, f->n_named}, {f->outside.items, f->outside.n_items}};
    for (size_t k = 0; k < DLX__LEN(both); k++)
        for (size_t i = 0; i < both[k].n; i++)
            dlx__api_append(&list,
                            json_pack("{s:o, s:o}", "key", dlx__api_shown(both[k].items[i].key),
                                      "bytes", size_json(both[k].items[i].n_bytes)));
    return list;
}

bool dlx_is_program(const char *path)
{
    bool is_graphs;
    if (dlx__onnx_directory_looks_like(&is_graphs, path, NULL, NULL) != DLX_OK)
        return false; /* whoever opens it then hears that there is no memory */
    return is_graphs || dlx__pte_looks_like(path) || dlx__mlpackage_looks_like(path);
}

dlx_result dlx_inspect_program(const char *path, const dlx_program_opts *opts, char **json,
                               dlx_error *err)
{
    static const dlx_program_opts none = {.size = sizeof none};
    const dlx_program_opts *o = opts ? opts : &none;
    dlx__pte_file f;
    *json = NULL;
    if (dlx__os_path_kind(path) == DLX__PATH_DIR) {
        bool graphs;
        DLX__TRY(dlx__onnx_directory_looks_like(&graphs, path, NULL, err));
        if (o->data_path || o->tensors)
            return dlx__fail(err, DLX_E_ARG, "%s: a %s has neither named data nor a .ptd file",
                             path, graphs ? "folder of qnn" : "Core ML package");
        if (graphs)
            return dlx__api_inspect_folder(path, json, err);
        return dlx__api_inspect_package(path, json, err);
    }
    DLX__TRY(dlx__pte_open(&f, path, o->data_path, NULL, err));
    json_t *report =
        json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "path", dlx__api_text(path), "format",
                  "pte", "file_bytes", size_json(f.n_bytes), "sizes", sizes_json(&f), "data",
                  data_json(&f, o->data_path), "methods", methods_json(&f), "metadata",
                  metadata_json(&f), "notes", notes_json(&f));
    if (report && o->tensors && !dlx__api_set(report, "named_data", named_json(&f))) {
        json_decref(report);
        report = NULL;
    }
    dlx__pte_close(&f);
    return dlx__api_json_text(report, NULL, json, err);
}
