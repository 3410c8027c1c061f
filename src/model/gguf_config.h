/*
 * gguf_config.h - reading GGUF metadata: the keys of llama.cpp under the file's architecture,
 * and ours beside them: <arch>.diffusion.block_length, .small_block_length; .stop_ids, which where
 * it is there is the whole list; .vocab_size, the ids that exist where the table has more rows.
 */
#ifndef DLX__GGUF_CONFIG_H
#define DLX__GGUF_CONFIG_H

#include "model/hparams.h"

/* Keys of ours in files without tensors: rows of the embedding (u32), and whether it is the head.
 */
#define DLX__GGUF_N_ROWS "dlx.vocabulary_rows"
#define DLX__GGUF_TIED "dlx.tied_head"

struct dlx__gguf_source {
    const dlx__gguf *file;
    const char *arch; /* general.architecture */
};

/* Sizes, RoPE (its base may be absent where hp has one), eps, tied; refuses partial or scaled RoPE,
 * experts and windows. */
dlx_result dlx__gguf_read_decoder(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err);

/* The trained block, else the default. */
dlx_result dlx__gguf_read_block(dlx__hparams *hp, const dlx__gguf_source *src, size_t default_block,
                                dlx_error *err);

/* "<arch>.<name>" when it is there, within [min, max]; else *out is left alone. */
dlx_result dlx__gguf_size_opt(const dlx__gguf_source *src, const char *name, size_t min, size_t max,
                              size_t *out, dlx_error *err);

/* diffusion.shift_logits, where there, must be what the family does. */
dlx_result dlx__gguf_check_shift(const dlx__gguf_source *src, const dlx__family *f, dlx_error *err);

/* Mask, begin, end of turn and stop ids, then the family's own. */
dlx_result dlx__gguf_read_ids(dlx__hparams *hp, const dlx__gguf_source *src, const dlx__family *f,
                              dlx_error *err);

#endif
