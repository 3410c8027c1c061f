/* vocab.h - the tokens of a tokenizer: id to spelling and bytes, spelling to id. */
#ifndef DLX__VOCAB_H
#define DLX__VOCAB_H

#include "base/arena.h"
#include "text/tokenizer.h"

enum {
    DLX__TOKEN_PRESENT = 1, /* unset for a gap between ids */
    DLX__TOKEN_ADDED =
        2, /* found in text by its spelling, outside BPE; its bytes are its spelling */
    DLX__TOKEN_SPECIAL = 4
};

typedef struct dlx__vocab_entry {
    const char *text;  /* spelling in the file */
    const char *bytes; /* what it stands for */
    uint32_t text_len;
    uint32_t bytes_len;
    unsigned flags; /* DLX__TOKEN_* */
} dlx__vocab_entry;

typedef struct dlx__vocab {
    dlx__arena arena;          /* spellings and bytes */
    dlx__vocab_entry *entries; /* [n_ids], room for capacity */
    size_t n_ids;
    size_t capacity;
    size_t n_tokens; /* without gaps */
    size_t n_expected;
    int32_t *slots; /* [n_slots] open addressing: an id or -1 */
    size_t n_slots; /* a power of two */
    uint64_t seed;  /* so that a file cannot choose its collisions */
} dlx__vocab;

void dlx__vocab_init(dlx__vocab *v, const dlx_allocator *mem); /* allocates nothing */
void dlx__vocab_release(dlx__vocab *v);

/* Announces how many tokens are about to be put: ids far beyond all that were announced are
 * refused. */
void dlx__vocab_expect(dlx__vocab *v, size_t n_tokens);

/*
 * Gives an id its token. An id far beyond the number of tokens, an id that already has another
 * spelling and text that is too long are refused. Putting the same spelling under the same id
 * again only adds flags. A spelling that two ids share is found under the id that came first.
 */
dlx_result dlx__vocab_put(dlx__vocab *v, uint64_t id, const char *text, size_t n, unsigned flags,
                          dlx_error *err);

/* -1 when no token is spelt so. */
dlx_token dlx__vocab_find(const dlx__vocab *v, const char *text, size_t n);

/* NULL for ids without a token. */
const dlx__vocab_entry *dlx__vocab_entry_of(const dlx__vocab *v, dlx_token id);

/* A mixing hash of bytes, for tables of this room. */
uint64_t dlx__hash_bytes(uint64_t seed, const char *bytes, size_t n);

#endif
