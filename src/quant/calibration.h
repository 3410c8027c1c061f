/*
 * calibration.h - the passes that calibration runs: a denoiser meets clean and masked positions, so
 * the texts are shown both ways, at several masking ratios.
 *
 * Block-causal families: a text once as it is, which leaves its keys and values; then each of its
 * blocks, partly masked, behind the clean blocks before it, as decoding meets it. Bidirectional
 * ones: the whole text, partly masked. Families without a mask: the text as it is.
 */
#ifndef DLX__CALIBRATION_H
#define DLX__CALIBRATION_H

#include "backends/backend.h"
#include "base/rng.h"

/* One pass; its rows are the rows [first_row, first_row + n) of the calibration. */
typedef struct dlx__calibration_pass {
    size_t first_row, n;
    size_t start; /* position of the first; keys and values before it are kept */
    bool keep;    /* its own keys and values */
} dlx__calibration_pass;

typedef struct dlx__calibration {
    const dlx_allocator *mem;
    dlx__visibility visibility;
    size_t block;   /* of block-causal families */
    dlx_token mask; /* -1: none */
    dlx_token *ids; /* [n_rows] */
    size_t n_rows;
    dlx__calibration_pass *passes; /* [n_passes], the positions of a text one after the other */
    size_t n_passes;
    size_t n_ctx;     /* the furthest position of any pass, and one */
    size_t most_rows; /* of a pass */
    dlx__rng rng;
    size_t n_texts;
    size_t ids_room, passes_room;
} dlx__calibration;

/* The same passes for the same model, texts and seed. */
void dlx__calibration_init(dlx__calibration *c, const dlx__model *m, uint64_t seed,
                           const dlx_allocator *mem);
void dlx__calibration_release(dlx__calibration *c);

/*
 * Adds a text, of which the first n_prompt ids are never masked. What is left behind the last whole
 * block is not used. Ids that the model does not have are refused.
 */
dlx_result dlx__calibration_add(dlx__calibration *c, const dlx__model *m, const dlx_token *ids,
                                size_t n, size_t n_prompt, dlx_error *err);

#endif
