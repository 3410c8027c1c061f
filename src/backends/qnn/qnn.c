/*
 * qnn.c - programs for Qualcomm's NPU: directories of static ONNX graphs, written everywhere, run
 * by ONNX Runtime.
 */
#include "backends/qnn/qnn.h"

#include "backends/qnn/qnn_export.h"

static dlx_result probe(dlx_error *err)
{
    dlx__ort runtime;
    DLX__TRY(dlx__ort_open(&runtime, err));
    dlx__ort_close(&runtime);
    return DLX_OK;
}

const dlx__backend_class dlx__backend_qnn = {
    .name = "qnn",
    .about = "static ONNX graphs for Qualcomm's NPU, through ONNX Runtime",
    .programs = true,
    .plain = true,
    .probe = probe,
    .load = dlx__qnn_load,
    .step = dlx__qnn_step,
    .head = dlx__qnn_head,
    .close = dlx__qnn_close,
    .exports = &dlx__qnn_rules,
    .export_model = dlx__qnn_export,
    .export_graph = dlx__qnn_export_graph,
};
