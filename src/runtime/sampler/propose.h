/*
 * propose.h - turns rows of the last forward into candidates: what each masked position would
 * become, and how sure that is. Runs the head on those rows only. Rows of logits are asked for when
 * noise or a filter needs them; else the head's own statistics do.
 */
#ifndef DLX__PROPOSE_H
#define DLX__PROPOSE_H

#include "backends/backend.h"
#include "runtime/sampler/filter.h"
#include "runtime/sampler/sampler.h"

enum { DLX__PROPOSE_ROWS = 8 }; /* rows of logits kept at a time */

typedef struct dlx__id_list {
    const dlx_token *ids; /* [n], ascending, no repeats */
    size_t n;
} dlx__id_list;

typedef struct dlx__proposer {
    const dlx__backend_class *class;
    dlx__backend *backend;
    size_t n_rows_vocab; /* columns of the logits */
    size_t n_ids;        /* those that may be chosen */
    float cfg_scale;
    dlx__id_list suppress; /* never proposed */
    dlx__id_list
        suppress_and_mask; /* the same and the mask id: when proposing the mask got nowhere */
    /* LLaDA's confidence_eos_eot_inf: `suppress` and the ids whose confidence counts as 0, while
     * all others are renormalised without them; empty: off. */
    dlx__id_list unsure;
    bool gumbel_max; /* LLaDA: Gumbel noise on the logits, confidence from the plain softmax */
    bool filters_greedily; /* Dream: top-k and top-p count at temperature 0 too */
    dlx__filter filter;
    double alg_temp; /* 0: ranks are confidences */
    dlx__draws draws;
    /* scratch */
    dlx__row_stat *stats; /* [the most rows of one call] */
    float *logits;        /* [DLX__PROPOSE_ROWS, n_rows_vocab]; NULL: not needed */
    float *filtered;      /* [n_rows_vocab], likewise */
    uint32_t *heap;       /* [n_rows_vocab], likewise */
} dlx__proposer;

/* Whether logits, filtered and heap must be there. */
bool dlx__proposer_needs_logits(const dlx__proposer *p);

typedef struct dlx__proposal {
    const size_t *rows;      /* [n + n_greedy] of the last forward: whose logits speak */
    const size_t *positions; /* [n + n_greedy] for which they speak, absolute */
    size_t n;
    /* Rows behind the n of which the arg-max alone is wanted, whatever the temperature and never
     * the mask id: they share the others' call of the head. */
    size_t n_greedy;
    dlx__measure measure;
    bool best_only;    /* nobody asks for margins and entropies */
    bool no_mask;      /* the mask id may not be proposed even where it is allowed */
    size_t pass;       /* for the draws */
    bool ranks_freely; /* alg_temp applies */
} dlx__proposal;

/* Fails with DLX_E_BACKEND when a row is not finite. out [n + n_greedy]. */
dlx_result dlx__propose(dlx__proposer *p, const dlx__proposal *in, dlx__candidate *out,
                        dlx_error *err);

/* One greedy row alone. */
dlx_result dlx__propose_greedy(dlx__proposer *p, size_t row, size_t position, dlx__candidate *out,
                               dlx_error *err);

#endif
