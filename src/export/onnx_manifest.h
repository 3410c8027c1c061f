/*
 * onnx_manifest.h - qnn_manifest.json, which tells a loader what the files of a directory are:
 *
 *   {"format": 1, "family", "profile", "soc": {"name", "id", "arch"} or null, "n_ctx",
 *    "block_length", "cache": "io" or "none", "n_ids", "never_id", "unseen",
 *    "functions": [{"name", "file", "rows", "past", "head_rows",
 *                   "inputs": [{"name", "type", "shape", "scale", "zero_point"}], "outputs": [...],
 *                   "contexts": [{"soc", "file"}]}],
 *    "weights": {"file", "bytes", "sha256"}, "model", "errors": {...}, "commands": {"compile"}}
 *
 * contexts are graphs that were compiled for a chip. block_length is null for families without;
 * scale and zero_point are there where the numbers are whole ones; unseen is what the mask adds to
 * the scores of what is not seen.
 */
#ifndef DLX__ONNX_MANIFEST_H
#define DLX__ONNX_MANIFEST_H

#include "export/onnx_functions.h"

/* Appends the text for what was written, `sha256` that of its weights; false: no memory. */
bool dlx__onnx_manifest_write(const dlx__model *m, const dlx__export_opts *o,
                              const dlx__onnx_functions *f, const char *sha256, dlx__buf *out);

#endif
