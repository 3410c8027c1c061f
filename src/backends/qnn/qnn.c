/* qnn.c - programs for Qualcomm's NPU: directories of static ONNX graphs. */
#include "backends/qnn/qnn_export.h"
#include "base/fail.h"

/* Directories can be written everywhere; running them is another question. */
static dlx_result probe(dlx_error *err)
{
    return dlx__fail(err, DLX_E_UNSUPPORTED, "writes directories for QNN, and runs none here");
}

const dlx__backend_class dlx__backend_qnn = {
    .name = "qnn",
    .about = "static ONNX graphs for Qualcomm's NPU, through ONNX Runtime",
    .programs = true,
    .plain = true,
    .probe = probe,
    .exports = &dlx__qnn_rules,
    .export_model = dlx__qnn_export,
    .export_graph = dlx__qnn_export_graph,
};
