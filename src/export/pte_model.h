/*
 * pte_model.h - a model as an ExecuTorch program with one XNNPACK delegate for each method, and one
 * more for a head on chosen rows:
 *
 *     forward(tokens i64 [1, T], start i64 [1], past ...) -> logits f32 [1, T, vocabulary], new ...
 *     forward_masked(tokens, start, mask f32 [T, P + T], past ...), where prompts need a mask
 *     denoise(tokens, start, rows i64 [R], past ...)
 *         -> best i64 [R], logit f32 [R], lse f32 [R], new ...
 *     denoise_masked(tokens, start, mask, rows, past ...), likewise
 *
 * Rows attend to the P positions before `start` and to all rows; the mask is added to the scores.
 * With DLX__EXPORT_STATE K and V are in the program: [kv, n_ctx, c] a layer, named "cache.3.k",
 * which a pass fills from `start` on: a pass that is not kept is written over by the next one. As
 * the stock text runner calls it. With DLX__EXPORT_IO they are inputs [kv, P, c] and outputs [kv,
 * T, c], K and V of each layer in turn. With DLX__EXPORT_NO_CACHE there is no start and no past.
 *
 * denoise tells of chosen rows what their logits choose: the best id, its logit, and the logarithm
 * of the sum of all exp(logit), so that exp(logit - lse) is its probability; all of it over the ids
 * that may be chosen.
 *
 * With DLX__EXPORT_COMPAT there is one method, the static one of the Python original, L layers, Q
 * rows, M positions:
 *
 *     forward(input_ids i64 [1, Q], positions i64 [1, Q], kv_cache f32 [L, 2, 1, kv, M, c],
 *             attention_mask f32 [L, 1, 1, Q, M + Q], insert_matrix f32 [L, 1, 1, M, Q],
 *             keep_mask f32 [L, 1, 1, M, 1])
 *         -> logits f32 [1, Q, vocabulary], updated_kv_cache as kv_cache
 */
#ifndef DLX__PTE_MODEL_H
#define DLX__PTE_MODEL_H

#include "export/lower.h"
#include "export/parts.h"
#include "export/pte_write.h"
#include "model/model.h"

/* Named data: the model's keys and vocabulary as a GGUF file without tensors. */
#define DLX__PTE_DESCRIPTION "dlx.model.gguf"

typedef struct dlx__pte_model_opts {
    dlx__export_forms forms;
    dlx__scheme scheme; /* of rows that products of integers read, but for the head of STATIC */
    dlx__export_cache cache;
    size_t n_ctx;            /* positions in all */
    size_t n_rows;           /* of a pass at most; COMPAT: of every pass */
    size_t n_ids;            /* 0: no denoise. Else ids below may be chosen, but for never_id */
    int64_t never_id;        /* -1: none */
    const void *description; /* [n_description] bytes of DLX__PTE_DESCRIPTION; NULL: none */
    size_t n_description;
    int n_threads; /* that pack weights; 0: the fast cores */
    dlx__pte_write_opts write;
} dlx__pte_model_opts;

/* What was written, beside the bytes of the files. */
typedef struct dlx__pte_model_facts {
    dlx__pte_written written;
    dlx__export_parts parts;
    uint64_t weight_bytes;  /* weight_bytes.h */
    bool has_denoise;       /* asked for, and there: COMPAT has one method */
    size_t n_fallbacks;     /* matrices that are INT8 for INT4 */
    size_t n_again;         /* ... of integers that their form cannot hold, rounded again */
    uint64_t state_bytes;   /* K and V in the program, of all methods together */
    uint64_t planned_bytes; /* other memory of all methods */
    uint64_t filter_bytes;  /* of products, which the delegate lays out anew */
    size_t n_methods;       /* that compute */
} dlx__pte_model_facts;

/* Rows that denoise takes at most: their logits and probabilities are in memory together. */
static inline size_t dlx__pte_denoise_rows(const dlx__pte_model_opts *o)
{
    enum { MOST = 128 };
    return dlx__min(o->n_rows, MOST);
}

dlx_result dlx__pte_model_write(const dlx__model *m, const char *path,
                                const dlx__pte_model_opts *opts, dlx__pte_model_facts *facts,
                                dlx_error *err);

/*
 * The methods that would be written, as lines: what each gets and gives, then its delegate node by
 * node (xnn_print.h). No weight is read.
 */
dlx_result dlx__pte_model_print(const dlx__model *m, const dlx__pte_model_opts *opts, dlx__buf *out,
                                dlx_error *err);

#endif
