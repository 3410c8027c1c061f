/* qnn.c - programs for Qualcomm's NPU: directories of static ONNX graphs. They can be written
 * everywhere; nothing here runs them. */
#include "backends/qnn/qnn_export.h"
#include "base/fail.h"

static dlx_result refuse(dlx_error *err)
{
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "qnn: directories for it are written here and run by ONNX Runtime: take cpu");
}

static dlx_result load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                       dlx_error *err)
{
    (void)m;
    (void)o;
    *out = NULL;
    return refuse(err);
}

static dlx_result step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    (void)b;
    (void)in;
    return refuse(err);
}

static dlx_result head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    (void)b;
    (void)in;
    return refuse(err);
}

static void close(dlx__backend *b)
{
    (void)b; /* none is ever open */
}

const dlx__backend_class dlx__backend_qnn = {
    .name = "qnn",
    .about = "static ONNX graphs for Qualcomm's NPU, through ONNX Runtime",
    .programs = true,
    .plain = true,
    .probe = refuse,
    .load = load,
    .step = step,
    .head = head,
    .close = close,
    .exports = &dlx__qnn_rules,
    .export_model = dlx__qnn_export,
    .export_graph = dlx__qnn_export_graph,
};
