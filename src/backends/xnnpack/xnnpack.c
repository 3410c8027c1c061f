/* xnnpack.c - programs for ExecuTorch's XNNPACK delegate: written here, run by its runtime. */
#include "backends/xnnpack/xnnpack.h"

#include "export/exporter.h"
#include "export/pte_model.h"

static dlx__pte_model_opts options(const dlx__export_opts *o)
{
    const dlx__packing table = dlx__packing_of_table(o->packing);
    return (dlx__pte_model_opts){.packing = o->packing,
                                 .head = dlx__packing_of_head(o->packing),
                                 .scheme = o->scheme,
                                 .half_embedding = table == DLX__PACK_FP16,
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
                                        .weight_bytes = facts.written.named_bytes +
                                                        facts.written.constant_bytes,
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
    .export_model = export_model,
    .export_graph = export_graph,
};
