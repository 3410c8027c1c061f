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

#include "export/lower.h"
#include "export/ml_lower.h"
#include "export/ml_target.h"
#include "export/parts.h"

#define DLX__ML_MANIFEST "Manifest.json"
#define DLX__ML_MODEL "com.apple.CoreML/model.mlmodel"
#define DLX__ML_WEIGHTS "com.apple.CoreML/weights"
#define DLX__ML_DESCRIPTION "dlx/model.gguf"

typedef struct dlx__ml_package_opts {
    dlx__export_forms forms;
    const char *dtype;            /* its name */
    const dlx__ml_target *target; /* the oldest system */
    const char *unit;             /* where it is to compute, by our name */
    dlx__export_cache cache;      /* NO_CACHE, IO or STATE */
    size_t n_ctx;                 /* positions */
    size_t n_rows;                /* of prefill: whole blocks */
    const size_t *canvases;       /* [n_canvases], of families that see a whole canvas */
    size_t n_canvases;
    size_t n_ids;            /* those below may be chosen ... */
    int64_t never_id;        /* ... but for this one; -1: all of them */
    const void *description; /* [n_description] bytes of the GGUF file */
    size_t n_description;
    int n_threads; /* that pack weights; 0: the fast cores */
    bool (*on_progress)(void *user, uint64_t n_done, uint64_t n_total); /* false stops; or NULL */
    void *user;
    const dlx_allocator *mem;
} dlx__ml_package_opts;

/* What was written. */
typedef struct dlx__ml_package_facts {
    uint64_t model_bytes, weight_bytes; /* of the specification; of the file of weights */
    dlx__export_parts parts;
    size_t n_fallbacks, n_again; /* as in dlx__export_written */
    size_t n_functions;
    uint64_t state_bytes; /* K and V of all positions, inside or with the caller */
} dlx__ml_package_facts;

dlx_result dlx__ml_package_write(const dlx__model *m, const char *path,
                                 const dlx__ml_package_opts *opts, dlx__ml_package_facts *facts,
                                 dlx_error *err);

/* The functions that would be written, as lines. No weight is read. */
dlx_result dlx__ml_package_print(const dlx__model *m, const dlx__ml_package_opts *opts,
                                 dlx__buf *out, dlx_error *err);

#endif
