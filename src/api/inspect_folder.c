/* inspect_folder.c - a folder of qnn told as JSON, by its manifest, after all of it was checked. */
#include "api/inspect_folder.h"

#include "api/api.h"
#include "api/json_build.h"
#include "base/fail.h"
#include "export/onnx_check.h"

static json_t *size_json(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* Values in the words of inspect_program.c. */
static json_t *ports_json(const dlx__onnx_port *ports, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *shape = json_array();
        for (int k = 0; k < ports[i].n_dims; k++)
            dlx__api_append(&shape, size_json(ports[i].dims[k]));
        dlx__api_append(&list, json_pack("{s:s, s:s, s:o, s:b, s:s}", "kind", "tensor", "type",
                                         dlx__onnx_type_name(ports[i].type), "shape", shape,
                                         "dynamic", 0, "name", ports[i].name));
    }
    return list;
}

static json_t *function_json(const dlx__onnx_entry *e)
{
    json_t *contexts = json_array();
    for (size_t i = 0; i < e->n_contexts; i++)
        dlx__api_append(&contexts, json_pack("{s:s, s:s}", "soc", e->contexts[i].soc, "file",
                                             e->contexts[i].file));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", e->name, "file", e->file,
                     "rows", size_json(e->n_rows), "past", size_json(e->n_past), "head_rows",
                     size_json(e->n_head_rows), "inputs", ports_json(e->inputs, e->n_inputs),
                     "outputs", ports_json(e->outputs, e->n_outputs), "contexts", contexts);
}

static json_t *folder_json(const dlx__onnx_directory *d, const char *path)
{
    json_t *functions = json_array();
    for (size_t i = 0; i < d->n_entries; i++)
        dlx__api_append(&functions, function_json(&d->entries[i]));
    return json_pack("{s:o, s:s, s:s, s:s, s:s?, s:o, s:s, s:o, s:o, s:{s:s, s:o, s:s}, s:s}",
                     "path", dlx__api_text(path), "format", "qnn", "family", d->family, "profile",
                     d->profile, "soc", *d->soc ? d->soc : NULL, "n_ctx", size_json(d->n_ctx),
                     "cache", d->keeps ? "io" : "none", "n_ids", size_json(d->n_ids), "functions",
                     functions, "weights", "file", d->weights, "bytes",
                     size_json(d->n_weight_bytes), "sha256", d->sha256, "model", d->model);
}

static dlx_result check_ids(const dlx_model *m, const char *path, dlx_error *err)
{
    const size_t found = m->graphs->n_ids, n_ids = dlx__api_n_ids(m);
    if (found == n_ids)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected %zu ids, as its model and vocabulary have, found %zu; export it "
                     "again",
                     path, n_ids, found);
}

/* What a session would refuse, and more: the hash of the weights. */
dlx_result dlx__api_inspect_folder(const char *path, char **json, dlx_error *err)
{
    dlx_model *m;
    json_t *report = NULL;
    DLX__TRY(dlx_model_open(&m, path, NULL, err));
    dlx_result r = dlx__onnx_check_files(m->graphs, path, NULL, err);
    if (r == DLX_OK)
        r = dlx__onnx_check_model(m->graphs, path, &m->core, NULL, err);
    if (r == DLX_OK)
        r = check_ids(m, path, err);
    if (r == DLX_OK)
        r = dlx__onnx_check_weights(m->graphs, path, NULL, err);
    if (r == DLX_OK)
        report = folder_json(m->graphs, path);
    dlx_model_free(m);
    return r == DLX_OK ? dlx__api_json_text(report, NULL, json, err) : r;
}
