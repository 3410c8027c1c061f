/* qnn.c - programs for Qualcomm's NPU: directories of static ONNX graphs, written here, run by ONNX
 * Runtime. */
#include "backends/qnn/qnn.h"

#include "backends/qnn/qnn_export.h"
#include "base/fail.h"

static dlx_result probe_runtime(const dlx__runtime_paths *paths, dlx__buf *found, dlx_error *err)
{
    dlx__ort ort;
    DLX__TRY(dlx__ort_open(&ort, paths, found->mem, err));
    const bool ok = dlx__ort_describe(&ort, found);
    dlx__ort_close(&ort);
    return ok ? DLX_OK : dlx__fail_memory(err, "looking for ONNX Runtime", found->len);
}

static dlx_result step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    return dlx__fixed_step(&b->fixed, in, err);
}

static dlx_result head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    return dlx__fixed_head(&b->fixed, in, err);
}

const dlx__backend_class dlx__backend_qnn = {
    .name = "qnn",
    .about = "static ONNX graphs for Qualcomm's NPU, through ONNX Runtime",
    .programs = true,
    .plain = true,
    .probe_runtime = probe_runtime,
    .load = dlx__qnn_load,
    .step = step,
    .head = head,
    .close = dlx__qnn_close,
    .runtime = dlx__qnn_runtime,
    .exports = &dlx__qnn_rules,
    .export_model = dlx__qnn_export,
    .export_graph = dlx__qnn_export_graph,
};
