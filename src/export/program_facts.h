/* program_facts.h - what a program that dlx export wrote says of itself, by its constant methods.
 */
#ifndef DLX__PROGRAM_FACTS_H
#define DLX__PROGRAM_FACTS_H

#include "export/lower.h"
#include "export/pte_read.h"

typedef struct dlx__program_facts {
    dlx__export_cache cache;
    size_t n_ctx, n_rows, n_vocab; /* positions, rows of a pass at most; columns of the logits */
    bool masked;                   /* it has forward_masked */
    size_t n_denoise_rows;         /* rows that denoise takes at most; 0: there is none */
    size_t n_ids;                  /* denoise chooses ids below, but for never_id */
    int64_t never_id;              /* -1: none */
} dlx__program_facts;

/* Refuses programs of other exporters; `path` is for the sentence. */
dlx_result dlx__program_facts_read(dlx__program_facts *facts, const dlx__pte_file *f,
                                   const char *path, dlx_error *err);

/* Positions alone; 0: it does not say. */
size_t dlx__program_n_ctx(const dlx__pte_file *f);

#endif
