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

#include "export/lower.h"
#include "export/onnx_lower.h"
#include "export/parts.h"
#include "export/soc.h"

#define DLX__ONNX_MANIFEST "qnn_manifest.json"
#define DLX__ONNX_WEIGHTS "weights.bin"
#define DLX__ONNX_DESCRIPTION "model.gguf"

enum { DLX__ONNX_CONTEXT_NAME = 64 };

typedef struct dlx__onnx_model_opts {
    dlx__export_forms forms;
    const char *profile;     /* its name, for the manifest */
    const dlx__soc *soc;     /* NULL: none is named */
    dlx__export_cache cache; /* NO_CACHE or IO */
    size_t n_ctx;            /* positions */
    size_t n_rows;           /* of prefill: whole blocks */
    const size_t *canvases;  /* [n_canvases] lengths, of families that see a whole canvas */
    size_t n_canvases;
    size_t n_ids;            /* those below may be chosen ... */
    int64_t never_id;        /* ... but for this one; -1: all of them */
    const void *description; /* [n_description] bytes of the GGUF file */
    size_t n_description;
    int n_threads; /* that pack weights; 0: the fast cores */
    bool (*on_progress)(void *user, uint64_t n_done, uint64_t n_total); /* false stops; or NULL */
    void *user;
    /* Compiles a function of the folder for `soc`, when graphs and weights are there: the name of
     * what it made goes into `file`. NULL: nothing is compiled. */
    dlx_result (*compile)(void *compiler, const char *folder, const char *function,
                          char file[DLX__ONNX_CONTEXT_NAME], dlx_error *err);
    void *compiler;
    const dlx_allocator *mem;
} dlx__onnx_model_opts;

/* What was written. */
typedef struct dlx__onnx_model_facts {
    uint64_t graph_bytes, weight_bytes; /* of the .onnx files; of weights.bin */
    dlx__export_parts parts;
    size_t n_fallbacks, n_again; /* as in dlx__export_written */
    size_t n_functions;
    uint64_t state_bytes; /* K and V of all positions, with the caller */
} dlx__onnx_model_facts;

dlx_result dlx__onnx_model_write(const dlx__model *m, const char *path,
                                 const dlx__onnx_model_opts *opts, dlx__onnx_model_facts *facts,
                                 dlx_error *err);

/* The functions that would be written, as lines. No weight is read. */
dlx_result dlx__onnx_model_print(const dlx__model *m, const dlx__onnx_model_opts *opts,
                                 dlx__buf *out, dlx_error *err);

#endif
