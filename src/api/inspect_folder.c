/* inspect_folder.c - a folder of qnn told as JSON, by its manifest. */
#include "api/inspect_folder.h"

#include "api/json_build.h"

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

json_t *dlx__folder_json(const dlx__onnx_directory *d, const char *path)
{
    json_t *functions = json_array();
    for (size_t i = 0; i < d->n_entries; i++)
        dlx__api_append(&functions, function_json(&d->entries[i]));
    return json_pack("{s:o, s:s, s:s, s:s, s:s?, s:o, s:s, s:o, s:o, s:{s:s, s:o}, s:s}", "path",
                     dlx__api_text(path), "format", "qnn", "family", d->family, "profile",
                     d->profile, "soc", *d->soc ? d->soc : NULL, "n_ctx", size_json(d->n_ctx),
                     "cache", d->keeps ? "io" : "none", "n_ids", size_json(d->n_ids), "functions",
                     functions, "weights", "file", d->weights, "bytes",
                     size_json(d->n_weight_bytes), "model", d->model);
}
