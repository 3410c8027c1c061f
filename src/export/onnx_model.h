/*
 * onnx_model.h - a model as a directory of static ONNX graphs over one file of weights:
 *
 *     denoise.onnx, prefill.onnx   families that decode in blocks or tokens
 *     denoise_N.onnx               families that see a whole canvas, for each length N
 *     logits.onnx                  the head alone, for all logits of chosen rows
 *     weights.bin                  what the graphs refer to, each weight once
 *     model.gguf                   the model's keys and vocabulary, without tensors
 *     qnn_manifest.json            what all of it is (onnx_manifest.h)
 *
 * The graphs are those of onnx_lower.h. The directory appears under its name when it is complete.
 */
#ifndef DLX__ONNX_MODEL_H
#define DLX__ONNX_MODEL_H

#include "export/onnx_functions.h"

#define DLX__ONNX_MANIFEST "qnn_manifest.json"
#define DLX__ONNX_WEIGHTS "weights.bin"
#define DLX__ONNX_DESCRIPTION "model.gguf"

extern const dlx__weight_layout dlx__onnx_layout;

/* Makes a function of `folder` ready for a chip, when graphs and weights are there: the name of
 * what it made goes into `file`. */
typedef struct dlx__onnx_compiler {
    dlx_result (*compile)(void *user, const char *folder, const char *function,
                          char file[DLX__ONNX_CONTEXT_NAME], dlx_error *err);
    void *user;
} dlx__onnx_compiler;

/* Fills o->written, but for what is not known of such a directory. `c`: NULL: nothing is
 * compiled. */
dlx_result dlx__onnx_model_write(const dlx__model *m, const dlx__export_opts *o,
                                 const dlx__onnx_compiler *c, dlx_error *err);

/* The functions that would be written, as lines. No weight is read. */
dlx_result dlx__onnx_model_print(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                                 dlx_error *err);

#endif
