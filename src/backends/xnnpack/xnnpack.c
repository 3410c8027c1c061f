/* xnnpack.c - programs for ExecuTorch's XNNPACK delegate: written here, run by its runtime. */
#include "backends/xnnpack/xnnpack.h"

#include "export/exporter.h"
#include "export/pte_model.h"

/* ---- what it can hold ---------------------------------------------------------------------- */

static dlx__scheme usual_scheme(dlx__packing packing)
{
    return dlx__packing_rounds_rows(packing) ? DLX__SCHEME_DYNAMIC : DLX__SCHEME_WEIGHT_ONLY;
}

static const char *refusal(dlx__packing packing, dlx__scheme scheme)
{
    if (!dlx__packing_rounds_rows(packing) && scheme != DLX__SCHEME_WEIGHT_ONLY)
        return "float weights are multiplied by rows as they are: take int8, or weight-only";
    if (packing == DLX__PACK_INT4 && scheme == DLX__SCHEME_STATIC)
        return "four-bit weights are multiplied by rows that are rounded as they come: take int8, "
               "or dynamic";
    if (packing == DLX__PACK_INT4 && scheme == DLX__SCHEME_WEIGHT_ONLY)
        return "four-bit weights are multiplied by int8 rows alone: take int8, or dynamic";
    return NULL;
}

/* Four bits are too few for the head. The table is fp16 beside all but fp32. */
static dlx__export_forms forms(dlx__packing packing, dlx__scheme scheme)
{
    (void)scheme;
    return (dlx__export_forms){.matrix = packing,
                               .torn = DLX__PACK_INT8,
                               .head = packing == DLX__PACK_INT4 ? DLX__PACK_INT8 : packing,
                               .table = packing == DLX__PACK_FP32 ? DLX__PACK_FP32 : DLX__PACK_FP16,
                               .vector = DLX__PACK_FP32};
}

static dlx__scheme same_scheme(dlx__packing packing, dlx__scheme scheme)
{
    if (!dlx__packing_rounds_rows(packing))
        return DLX__SCHEME_NONE;
    if (scheme == DLX__SCHEME_STATIC)
        return DLX__SCHEME_STATIC_AFFINE;
    return scheme == DLX__SCHEME_DYNAMIC ? DLX__SCHEME_DYNAMIC_AFFINE : DLX__SCHEME_WEIGHT_ONLY;
}

static const dlx__export_rules rules = {
    .caches = 1u << DLX__EXPORT_NO_CACHE | 1u << DLX__EXPORT_STATE | 1u << DLX__EXPORT_IO |
              1u << DLX__EXPORT_COMPAT,
    .usual_scheme = usual_scheme,
    .refusal = refusal,
    .forms = forms,
    .same_scheme = same_scheme,
};

/* ---- what it writes ------------------------------------------------------------------------ */

static dlx__pte_model_opts options(const dlx__export_opts *o)
{
    return (dlx__pte_model_opts){.forms = o->forms,
                                 .scheme = o->scheme,
                                 .cache = o->cache,
                                 .n_ctx = o->n_ctx,
                                 .n_rows = o->n_rows,
                                 .n_ids = o->n_ids,
                                 .never_id = o->never_id,
                                 .description = o->description,
                                 .n_description = o->n_description,
                                 .n_threads = o->n_threads,
                                 .write = {.data_path = o->data_path,
                                           .on_progress = o->on_progress,
                                           .user = o->user,
                                           .mem = o->mem}};
}

static dlx_result export_model(const dlx__model *m, const dlx__export_opts *o, dlx_error *err)
{
    const dlx__pte_model_opts opts = options(o);
    dlx__pte_model_facts facts;
    DLX__TRY(dlx__pte_model_write(m, o->path, &opts, &facts, err));
    *o->written = (dlx__export_written){.program_bytes = facts.written.pte_bytes,
                                        .data_bytes = facts.written.ptd_bytes,
                                        .weight_bytes = facts.weight_bytes,
                                        .has_denoise = facts.has_denoise,
                                        .n_fallbacks = facts.n_fallbacks,
                                        .n_again = facts.n_again,
                                        .parts = facts.parts,
                                        .state_bytes = facts.state_bytes,
                                        .planned_bytes = facts.planned_bytes,
                                        .filter_bytes = facts.filter_bytes,
                                        .n_methods = facts.n_methods};
    return DLX_OK;
}

static dlx_result export_graph(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                               dlx_error *err)
{
    const dlx__pte_model_opts opts = options(o);
    return dlx__pte_model_print(m, &opts, out, err);
}

/* Programs can be written everywhere; whether they run is another question. */
static dlx_result probe(dlx_error *err)
{
    dlx__et_runtime runtime;
    DLX__TRY(dlx__et_runtime_open(&runtime, err));
    dlx__et_runtime_close(&runtime);
    return DLX_OK;
}

const dlx__backend_class dlx__backend_xnnpack = {
    .name = "xnnpack",
    .about = "ExecuTorch programs with an XNNPACK delegate, for phones",
    .programs = true,
    .plain = true,
    .probe = probe,
    .load = dlx__xnnpack_load,
    .step = dlx__xnnpack_step,
    .head = dlx__xnnpack_head,
    .close = dlx__xnnpack_close,
    .exports = &rules,
    .export_model = export_model,
    .export_graph = export_graph,
};
