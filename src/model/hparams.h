/* hparams.h - what both kinds of configuration (config.json, GGUF keys) share: relations, ids. */
#ifndef DLX__HPARAMS_H
#define DLX__HPARAMS_H

#include "model/model.h"

void dlx__hparams_init(dlx__hparams *hp);

/*
 * The relations between the numbers: heads that divide, an even head width, a vocabulary that fits
 * its table. `file` is named in the sentence. A head_dim of 0 becomes n_embd / n_heads.
 */
dlx_result dlx__hparams_check(dlx__hparams *hp, const char *file, dlx_error *err);

/* Where stop ids can come from; the union of those that gave one is told by stop_from. */
enum { DLX__STOP_CONFIG = 1, DLX__STOP_GENERATION = 2, DLX__STOP_DEFAULT = 4 };
const char *dlx__stop_origin(unsigned origins);

/* Adds an id unless it is there; false: the list is full. */
bool dlx__hparams_add_stop(dlx__hparams *hp, int64_t id);

/*
 * Completes what the files left open from the family's own ids, as far as the vocabulary reaches:
 * the mask (an error when there is none and the family needs one), the end of turn, the stop ids.
 * `origins` says where the stop ids so far came from.
 */
dlx_result dlx__hparams_finish_ids(dlx__hparams *hp, const dlx__family *f, unsigned origins,
                                   const char *file, dlx_error *err);

/* A trained block of b tokens; b = 0 takes the family's default. */
void dlx__hparams_set_block(dlx__hparams *hp, size_t b, const char *from, size_t default_block);

#endif
