/*
 * tokenizer.h - text to token ids and back: byte-level BPE as the families use it.
 *
 * A tokenizer is immutable once open and may be shared between threads; each call of encode takes
 * its scratch memory from the allocator of the checkpoint and gives it back.
 *
 * Text is handled in the order of the Hugging Face tokenizers library:
 *   1. added tokens that ask for raw text are found (leftmost, then longest) and taken out;
 *   2. what lies between them is normalised (NFC, where the file asks for it);
 *   3. added tokens that ask for normalised text are found and taken out;
 *   4. the rest is cut into pieces by the pre-tokenizer's patterns, and each piece becomes ids by
 *      merging neighbours in the order of the merges.
 * Post-processing is left out: no beginning-of-text token is ever added.
 */
#ifndef DLX__TOKENIZER_H
#define DLX__TOKENIZER_H

#include "base/buf.h"
#include "format/checkpoint.h"
#include "text/ids.h"

typedef struct dlx__tokenizer dlx__tokenizer;

/* Bytes that belong to the tokenizer; not terminated. */
typedef struct dlx__token_span {
    const char *data;
    size_t len;
} dlx__token_span;

/*
 * *missing: the checkpoint carries no tokenizer at all, as a directory without tokenizer.json and
 * without vocab.json, a GGUF without tokenizer.ggml.model or with "none" there. The engine then
 * works on ids only. Fails when there is no memory to look.
 */
dlx_result dlx__tokenizer_missing(bool *missing, const dlx__checkpoint *c, dlx_error *err);

/*
 * Reads tokenizer.json, else vocab.json with merges.txt, else the metadata of a GGUF. The
 * checkpoint may be released afterwards; its allocator must live as long as the tokenizer.
 * Fails with DLX_E_UNSUPPORTED where dlx__tokenizer_missing says so and for every construct that
 * is not implemented (its name is in the sentence), with DLX_E_FORMAT for damaged files.
 */
dlx_result dlx__tokenizer_open(dlx__tokenizer **out, const dlx__checkpoint *c, dlx_error *err);

/* The same from the text of a tokenizer.json; `name` is the file named in failures. */
dlx_result dlx__tokenizer_parse(dlx__tokenizer **out, const char *text, size_t n, const char *name,
                                const dlx_allocator *mem, dlx_error *err);

void dlx__tokenizer_free(dlx__tokenizer *t); /* t may be NULL */

enum {
    /* Tokens marked special (<|im_end|> ...) in the text become their id. Without the flag their
     * letters are ordinary text. Added tokens not marked special are found either way, as in the
     * reference libraries. */
    DLX__ENCODE_SPECIAL = 1
};

/*
 * Appends the ids of text[0, n). Ill-formed UTF-8 is refused with the offset of its first byte,
 * as is text longer than 1 GiB. On failure ids keeps what it held before the call.
 */
dlx_result dlx__tokenizer_encode(const dlx__tokenizer *t, const char *text, size_t n,
                                 unsigned flags, dlx__ids *ids, dlx_error *err);

enum {
    DLX__DECODE_SKIP_SPECIAL = 1 /* tokens marked special give nothing */
};

/*
 * Appends the bytes of the tokens, exactly as they are: a sequence cut inside a code point gives a
 * torn one (dlx__detok makes text of it). An id outside [0, n_ids) or a gap in the vocabulary is
 * refused; out then keeps what it held.
 */
dlx_result dlx__tokenizer_decode(const dlx__tokenizer *t, const dlx_token *ids, size_t n,
                                 unsigned flags, dlx__buf *out, dlx_error *err);

/* Largest id plus one. */
size_t dlx__tokenizer_n_ids(const dlx__tokenizer *t);

/* The token as its file spells it ("Ġthe"); {NULL, 0} for ids without a token. */
dlx__token_span dlx__tokenizer_text(const dlx__tokenizer *t, dlx_token id);

/* The bytes that it stands for (" the"); {NULL, 0} for ids without a token. */
dlx__token_span dlx__tokenizer_bytes(const dlx__tokenizer *t, dlx_token id);

/* The id of a token by its exact spelling in the file; -1 when there is none. */
dlx_token dlx__tokenizer_find(const dlx__tokenizer *t, const char *text, size_t n);

/* Marked special by the file; false for ids without a token. */
bool dlx__tokenizer_is_special(const dlx__tokenizer *t, dlx_token id);

#endif
