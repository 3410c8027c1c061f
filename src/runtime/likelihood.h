/*
 * likelihood.h - how likely a model finds given tokens: the masked likelihood of diffusion models,
 * the plain one of autoregressive models.
 */
#ifndef DLX__LIKELIHOOD_H
#define DLX__LIKELIHOOD_H

#include "runtime/engine.h"

typedef struct dlx__likelihood_opts {
    size_t n_samples; /* maskings; at least 1 */
    uint64_t seed;
} dlx__likelihood_opts;

/*
 * Monte Carlo bound on -ln p(ids[first, n) | ids[0, first)) in nats (Nie et al. 2025, "Large
 * Language Diffusion Models", eq. 6): l of the L = n - first tokens are masked, l uniform in 1..L,
 * and the sum of their -ln p is weighted by L / l. Bidirectional families mask the whole answer at
 * once. Block-causal families mask one block at a time behind clean earlier blocks, as decoding
 * meets it; the blocks' bounds add up. Autoregressive families need no maskings: the sum is exact,
 * and a position 0 that is to be judged counts as given. Forgets what the engine held.
 */
dlx_result dlx__engine_likelihood(dlx__engine *engine, const dlx_token *ids, size_t n, size_t first,
                                  const dlx__likelihood_opts *opts, double *nats, dlx_error *err);

#endif
