/*
 * ml_package.h - a model as a Core ML package (.mlpackage), an ML Program of several functions over
 * one file of weights:
 *
 *     denoise, prefill   families that decode in blocks or tokens
 *     denoise_N          families that see a whole canvas, for each length N
 *     denoise            the only one with states: rows of a block, or of one canvas
 *     logits             the head alone, for all logits of chosen rows
 *
 * The functions are those of ml_lower.h. Keys and vocabulary of the model are in the package as a
 * GGUF file without tensors, an item of the manifest; ids and defaults of decoding are strings in
 * the specification as well, for programs that read no GGUF. The package appears under its name
 * when it is complete. The same model and options give the same bytes, identifiers included.
 */
#ifndef DLX__ML_PACKAGE_H
#define DLX__ML_PACKAGE_H

#include "export/exporter.h"

#define DLX__ML_MANIFEST "Manifest.json"
#define DLX__ML_MODEL "com.apple.CoreML/model.mlmodel"
#define DLX__ML_WEIGHTS "com.apple.CoreML/weights"
#define DLX__ML_DESCRIPTION "dlx/model.gguf"

/* Fills o->written, but for what is not known of such a package. */
dlx_result dlx__ml_package_write(const dlx__model *m, const dlx__export_opts *o, dlx_error *err);

/* The functions that would be written, as lines. No weight is read. */
dlx_result dlx__ml_package_print(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                                 dlx_error *err);

#endif
