/* tokenizer_impl.h - what is inside a tokenizer: for the files that fill it and those that use it.
 */
#ifndef DLX__TOKENIZER_IMPL_H
#define DLX__TOKENIZER_IMPL_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/pretok.h"
#include "text/tokenizer.h"
#include "text/vocab.h"

struct dlx__tokenizer {
    const dlx_allocator *mem;
    dlx__vocab vocab;
    dlx__bpe bpe;
    dlx__added added;
    dlx__pretok pretok;
    bool nfc; /* normalise before cutting into pieces */
};

/* An empty one; NULL when there is no memory. */
dlx__tokenizer *dlx__tokenizer_new(const dlx_allocator *mem);

/*
 * Adds a token that is found by its spelling: to the vocabulary and to the tries. When the id has
 * another spelling already (files of one model may disagree: the id is what counts), the new one
 * becomes a second spelling of it if `alias` allows it and is refused otherwise.
 */
dlx_result dlx__tokenizer_add(dlx__tokenizer *t, const char *text, size_t n, dlx__added_token token,
                              bool alias, dlx_error *err);

/* Fill an empty tokenizer from the three kinds of files. */
dlx_result dlx__tokenizer_from_json(dlx__tokenizer *t, const json_t *root, dlx_error *err);
dlx_result dlx__tokenizer_from_files(dlx__tokenizer *t, const dlx__checkpoint *c, dlx_error *err);
dlx_result dlx__tokenizer_from_gguf(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err);

/* The added tokens of tokenizer_config.json (added_tokens_decoder); NULL json adds nothing. */
dlx_result dlx__tokenizer_add_decoder(dlx__tokenizer *t, json_t *decoder, dlx_error *err);

/* One object of an added-token list: content and flags. */
dlx_result dlx__tokenizer_read_added(dlx__tokenizer *t, const json_t *object, dlx_token id,
                                     bool alias, dlx_error *err);

/* The vocabulary {"spelling": id, ...} of vocab.json and of tokenizer.json. */
dlx_result dlx__tokenizer_read_vocab(dlx__tokenizer *t, json_t *object, dlx_error *err);

#endif
