/*
 * tokenizer_gguf_put.h - a tokenizer as GGUF keys: those of llama.cpp, and beside them ours, which
 * hold what these cannot, so that the file opens as the very same tokenizer:
 *
 *   dlx.tokenizer.steps        texts: of each splitter r or l (a regular expression or literal), x
 * or - (removed or not), i or - (inverted or not), then its source dlx.tokenizer.nfc          bool
 *   dlx.tokenizer.whole_first  bool: a piece that is a token is not merged
 *   dlx.tokenizer.added        i32: an id and its flags (tokenizer_gguf.c) for each added token
 *   dlx.tokenizer.unknown      i32: the id of unknown bytes or -1; 1: one for a run of them
 */
#ifndef DLX__TOKENIZER_GGUF_PUT_H
#define DLX__TOKENIZER_GGUF_PUT_H

#include "format/gguf.h"
#include "text/tokenizer.h"

/* What a tokenizer does not know of itself; ids: -1 for none. */
typedef struct dlx__tokenizer_put {
    size_t n_rows; /* of the embedding: ids beyond the tokenizer's are padding */
    int64_t bos, eos, pad, mask;
    const char *chat_template; /* or NULL */
} dlx__tokenizer_put;

/* t NULL: a model without a tokenizer. */
dlx_result dlx__tokenizer_put_gguf(dlx__gguf_writer *w, const dlx__tokenizer *t,
                                   const dlx__tokenizer_put *extra, dlx_error *err);

#endif
