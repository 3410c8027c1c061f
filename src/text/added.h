/*
 * added.h - added tokens (<|im_end|> and the like): found in text by their spelling before BPE
 * sees it. The leftmost match wins, of several at one place the longest.
 */
#ifndef DLX__ADDED_H
#define DLX__ADDED_H

#include "base/arena.h"

typedef struct dlx__added_token {
    dlx_token id;
    bool special;     /* marked so by the file: skipped when special tokens are not parsed */
    bool single_word; /* only where no character of a word touches it */
    bool lstrip;      /* takes the white space to its left along */
    bool rstrip;
    bool normalized;  /* looked for in the normalised text instead of the raw one */
    const char *text; /* [n_text] the spelling, set by put */
    size_t n_text;
} dlx__added_token;

typedef struct dlx__added {
    const dlx_allocator *mem;
    dlx__arena arena;         /* spellings */
    dlx__added_token *tokens; /* [n_tokens] */
    size_t n_tokens, tokens_capacity;
    struct dlx__added_node *nodes; /* [n_nodes] of two tries, 0 is no node */
    size_t n_nodes, nodes_capacity;
    uint32_t roots[2][256]; /* by normalized, by first byte */
} dlx__added;

void dlx__added_init(dlx__added *a, const dlx_allocator *mem); /* allocates nothing */
void dlx__added_release(dlx__added *a);

/* Adds a token; a spelling that is there already keeps its first token. Empty text is refused. */
dlx_result dlx__added_put(dlx__added *a, const char *text, size_t n, dlx__added_token token,
                          dlx_error *err);

/* The id of an added token by its exact spelling, -1 when there is none. */
dlx_token dlx__added_find(const dlx__added *a, const char *text, size_t n);

typedef struct dlx__added_match {
    size_t start, end; /* white space taken along is inside */
    dlx_token id;      /* -1: nothing more, start = end = n */
} dlx__added_match;

/* The next added token of text[0, n) from `from` on. */
dlx__added_match dlx__added_next(const dlx__added *a, bool normalized, bool special,
                                 const char *text, size_t n, size_t from);

#endif
