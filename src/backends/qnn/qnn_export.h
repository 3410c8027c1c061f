/* qnn_export.h - writing directories of static ONNX graphs for QNN. */
#ifndef DLX__QNN_EXPORT_H
#define DLX__QNN_EXPORT_H

#include "backends/backend.h"
#include "export/exporter.h"

extern const dlx__export_rules dlx__qnn_rules;

dlx_result dlx__qnn_export(const dlx__model *m, const dlx__export_opts *o, dlx_error *err);
dlx_result dlx__qnn_export_graph(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                                 dlx_error *err);

#endif
