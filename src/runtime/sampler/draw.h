/*
 * draw.h - uniform draws named by their place instead of by their order, and the three ways in
 * which samplers use them. The same seed gives the same text for any backend, thread count or pass
 * order.
 *
 * The built-in generator is a counter-based hash: h = seed; for each of kind, pass, position, id
 * (as 64-bit words, id -1 as all ones) h = mix(h + 0x9E3779B97F4A7C15 + word), mix being the
 * finaliser of splitmix64; the draw is the top 53 bits of h over 2^53.
 */
#ifndef DLX__DRAW_H
#define DLX__DRAW_H

#include <dlx/dlx.h>

#include "base/base.h"

typedef struct dlx__draws {
    dlx_draw_fn fn; /* NULL: the built-in generator */
    void *user;
    uint64_t seed;
} dlx__draws;

/* The built-in generator, [0, 1). */
double dlx__draw_hash(uint64_t seed, dlx_draw_kind kind, size_t pass, size_t position,
                      dlx_token id);

/* One draw; what a caller's function returns is forced into [0, 1). */
double dlx__draw_uniform(const dlx__draws *d, dlx_draw_kind kind, size_t pass, size_t position,
                         dlx_token id);

/* -ln(-ln u): standard Gumbel noise. u = 0 gives -infinity. */
double dlx__draw_gumbel(double u);

/*
 * An id by inverse transform over the softmax of logits [n], ids ascending: the first whose
 * cumulated probability exceeds u. Ids at -infinity are never drawn.
 */
dlx_token dlx__draw_categorical(const float *logits, size_t n, double u);

/*
 * LLaDA (add_gumbel_noise of its generate.py): arg-max of exp(logit) / (-ln u)^temperature, in
 * float64 and in logarithms: logit - temperature ln(-ln u). One draw for each id that is not at
 * -infinity.
 */
dlx_token dlx__draw_gumbel_max(const float *logits, size_t n, double temperature,
                               const dlx__draws *d, size_t pass, size_t position);

#endif
