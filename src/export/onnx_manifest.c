/* onnx_manifest.c - the text, field by field. */
#include "export/onnx_manifest.h"

#include "export/onnx_model.h"
#include "format/json_fields.h"

static bool put_tensor(dlx__buf *out, const dlx__onnx_tensor *t)
{
    bool ok =
        dlx__buf_text(out, "{\"name\": ") && dlx__json_put_text(out, t->name) &&
        dlx__buf_format(out, ", \"type\": \"%s\", \"shape\": [", dlx__onnx_type_name(t->type));
    for (int i = 0; i < t->n_dims && ok; i++)
        ok = dlx__buf_format(out, i ? ", %zu" : "%zu", t->dims[i]);
    ok = ok && dlx__buf_byte(out, ']');
    if (t->encoding.scale > 0)
        ok = ok && dlx__buf_format(out, ", \"scale\": %.9g, \"zero_point\": %d",
                                   (double)t->encoding.scale, (int)t->encoding.zero_point);
    return ok && dlx__buf_byte(out, '}');
}

/* Its inputs, or its outputs. */
static bool put_side(dlx__buf *out, const dlx__onnx_graph *g, bool outputs)
{
    bool ok = true, first = true;
    for (size_t i = 1; i < g->n_tensors && ok; i++) {
        const dlx__onnx_tensor *t = &g->tensors[i];
        if (outputs ? !t->is_output : t->kind != DLX__ONNX_INPUT)
            continue;
        ok = dlx__buf_text(out, first ? "\n        " : ",\n        ") && put_tensor(out, t);
        first = false;
    }
    return ok;
}

static bool put_contexts(dlx__buf *out, const dlx__onnx_function *f, const dlx__soc *soc)
{
    if (!*f->context)
        return dlx__buf_text(out, "[]");
    return dlx__buf_format(out, "[{\"soc\": \"%s\", \"file\": \"%s\"}]", soc->name, f->context);
}

static bool put_function(dlx__buf *out, const dlx__static_function *s, const dlx__onnx_function *f,
                         const dlx__soc *soc, bool last)
{
    return dlx__buf_format(out,
                           "    {\"name\": \"%s\", \"file\": \"%s.onnx\", \"rows\": %zu, "
                           "\"past\": %zu, \"head_rows\": %zu,\n      \"inputs\": [",
                           s->name, s->name, s->n_rows, s->n_past, s->n_head_rows) &&
           put_side(out, &f->graph, false) && dlx__buf_text(out, "],\n      \"outputs\": [") &&
           put_side(out, &f->graph, true) && dlx__buf_text(out, "],\n      \"contexts\": ") &&
           put_contexts(out, f, soc) && dlx__buf_text(out, last ? "}\n" : "},\n");
}

static bool put_soc(dlx__buf *out, const dlx__soc *soc)
{
    if (!soc)
        return dlx__buf_text(out, "  \"soc\": null,\n");
    return dlx__buf_format(out, "  \"soc\": {\"name\": \"%s\", \"id\": %d, \"arch\": \"%s\"},\n",
                           soc->name, soc->id, soc->arch);
}

static bool put_model(dlx__buf *out, const dlx__model *m, const dlx__export_opts *o)
{
    const int64_t block = m->hp.block_length.value;
    bool ok =
        dlx__buf_format(out, "{\n  \"format\": 1,\n  \"family\": \"%s\",\n", m->family->name) &&
        dlx__buf_format(out, "  \"profile\": \"%s\",\n", o->profile) && put_soc(out, o->soc) &&
        dlx__buf_format(out, "  \"n_ctx\": %zu,\n", o->n_ctx);
    ok = ok && (block > 0 ? dlx__buf_format(out, "  \"block_length\": %lld,\n", (long long)block)
                          : dlx__buf_text(out, "  \"block_length\": null,\n"));
    return ok && dlx__buf_format(out, "  \"cache\": \"%s\",\n", dlx__export_cache_name(o->cache)) &&
           dlx__buf_format(out, "  \"n_ids\": %zu,\n  \"never_id\": %lld,\n  \"unseen\": %g,\n",
                           o->n_ids, (long long)o->never_id, (double)DLX__ONNX_UNSEEN);
}

bool dlx__onnx_manifest_write(const dlx__model *m, const dlx__export_opts *o,
                              const dlx__onnx_functions *f, const char *sha256, dlx__buf *out)
{
    bool ok = put_model(out, m, o) && dlx__buf_text(out, "  \"functions\": [\n");
    for (size_t i = 0; i < f->list.n && ok; i++)
        ok = put_function(out, &f->list.items[i], &f->items[i], o->soc, i + 1 == f->list.n);
    return ok &&
           dlx__buf_format(out,
                           "  ],\n  \"weights\": {\"file\": \"%s\", \"bytes\": %llu, "
                           "\"sha256\": \"%s\"},\n  \"model\": \"%s\",\n",
                           DLX__ONNX_WEIGHTS, (unsigned long long)o->written->data_bytes, sha256,
                           DLX__ONNX_DESCRIPTION) &&
           dlx__buf_format(out,
                           "  \"errors\": {\"fallbacks\": %zu, \"rounded_again\": %zu},\n"
                           "  \"commands\": {\"compile\": \"dlx export MODEL DIR --backend qnn "
                           "--profile %s --soc %s --compile\"}\n}\n",
                           o->written->n_fallbacks, o->written->n_again, o->profile,
                           o->soc ? o->soc->name : "SM8650");
}
