/* xnnpack.c - programs for ExecuTorch's XNNPACK delegate: written here, run by its runtime. */
#include "backends/xnnpack/xnnpack.h"

#include "export/exporter.h"
#include "export/pte_model.h"

static dlx_result export_model(const dlx__model *m, const dlx__export_opts *o, dlx_error *err)
{
    const bool four_bits = o->packing == DLX__PACK_INT4;
    size_t n_fallbacks = 0;
    const dlx__pte_model_opts opts = {.n_fallbacks = &n_fallbacks,
                                      .packing = o->packing,
                                      .head = four_bits ? DLX__PACK_INT8 : o->packing,
                                      .half_embedding = o->packing != DLX__PACK_FP32,
                                      .cache = o->cache,
                                      .n_ctx = o->n_ctx,
                                      .n_rows = o->n_rows,
                                      .description = o->description,
                                      .n_description = o->n_description,
                                      .write = {.data_path = o->data_path,
                                                .on_progress = o->on_progress,
                                                .user = o->user,
                                                .mem = o->mem}};
    dlx__pte_written written;
    DLX__TRY(dlx__pte_model_write(m, o->path, &opts, &written, err));
    *o->written =
        (dlx__export_written){.program_bytes = written.pte_bytes,
                              .data_bytes = written.ptd_bytes,
                              .weight_bytes = written.named_bytes + written.constant_bytes,
                              .n_fallbacks = n_fallbacks};
    return DLX_OK;
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
};
