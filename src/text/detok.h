/*
 * detok.h - token ids to text as they arrive. Never shows half a code point: an incomplete one
 * waits for the tokens that complete it. Bytes that are not UTF-8 come out as U+FFFD, one for each
 * maximal ill-formed part (as Python's errors="replace" does).
 */
#ifndef DLX__DETOK_H
#define DLX__DETOK_H

#include "text/tokenizer.h"

typedef struct dlx__detok {
    const dlx__tokenizer *tokenizer; /* borrowed */
    unsigned flags;                  /* DLX__DECODE_* */
    char held[4];                    /* the code point that is still incomplete */
    size_t n_held;
} dlx__detok;

void dlx__detok_init(dlx__detok *d, const dlx__tokenizer *t,
                     unsigned flags); /* allocates nothing */

/* Appends to out the text that this token makes certain. On failure nothing has changed. Takes no
 * memory where out has room for three bytes a byte of the token and of what is held (under four).
 */
dlx_result dlx__detok_push(dlx__detok *d, dlx_token id, dlx__buf *out, dlx_error *err);

/* Appends U+FFFD for what is still held. The object may then be used again. */
dlx_result dlx__detok_finish(dlx__detok *d, dlx__buf *out, dlx_error *err);

/* All at once: the text of ids[0, n), appended to out. On failure out keeps what it held. */
dlx_result dlx__detok_all(const dlx__tokenizer *t, const dlx_token *ids, size_t n, unsigned flags,
                          dlx__buf *out, dlx_error *err);

#endif
