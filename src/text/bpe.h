/*
 * bpe.h - byte-pair merging. A piece of text begins as one symbol a byte; the neighbours whose
 * merge has the lowest rank are joined (the leftmost of equals first) until none can be. A heap
 * of candidates keeps this at O(n log n) for a piece of n bytes.
 */
#ifndef DLX__BPE_H
#define DLX__BPE_H

#include "text/ids.h"
#include "text/vocab.h"

typedef struct dlx__bpe_merge {
    uint32_t left, right; /* ids of the neighbours */
    uint32_t rank;        /* position in the file; UINT32_MAX marks a free slot */
    uint32_t id;          /* what they become */
} dlx__bpe_merge;

typedef struct dlx__bpe {
    const dlx_allocator *mem;
    dlx__bpe_merge *slots; /* [n_slots] open addressing */
    size_t n_slots;        /* a power of two */
    size_t n_merges;
    uint64_t seed;
    dlx_token byte_ids[256]; /* the token of each single byte, -1 when the vocabulary lacks it */
    dlx_token unknown;       /* stands for bytes without a token; -1: such text is refused */
    bool fuse_unknown;       /* one for a whole run of them */
    bool whole_first;        /* a piece that is a token is not merged at all (ignore_merges) */
} dlx__bpe;

void dlx__bpe_init(dlx__bpe *b, const dlx_allocator *mem); /* allocates nothing */
void dlx__bpe_release(dlx__bpe *b);

/* Room for n merges, once, before the first is added. */
dlx_result dlx__bpe_reserve(dlx__bpe *b, size_t n, dlx_error *err);

/*
 * Adds the next merge in order of rank by the spellings of its halves; all three tokens must be in
 * the vocabulary. A pair that comes twice keeps its last rank.
 */
dlx_result dlx__bpe_add(dlx__bpe *b, const dlx__vocab *v, const char *left, size_t n_left,
                        const char *right, size_t n_right, dlx_error *err);

/* The same from one line "left right". */
dlx_result dlx__bpe_add_line(dlx__bpe *b, const dlx__vocab *v, const char *line, size_t n,
                             dlx_error *err);

/* Finds the tokens of the single bytes: once, when the vocabulary is complete. */
void dlx__bpe_find_bytes(dlx__bpe *b, const dlx__vocab *v);

/* Scratch memory, reused from piece to piece. */
typedef struct dlx__bpe_work {
    struct dlx__bpe_symbol *symbols;
    struct dlx__bpe_candidate *heap;
    size_t n_heap;
    size_t capacity; /* symbols; the heap has room for twice as many */
    dlx__buf spelling;
} dlx__bpe_work;

void dlx__bpe_work_init(dlx__bpe_work *w, const dlx_allocator *mem);
void dlx__bpe_work_release(dlx__bpe_work *w);

/* Appends the ids of one piece. n < 2^31. */
dlx_result dlx__bpe_encode(const dlx__bpe *b, const dlx__vocab *v, dlx__bpe_work *w,
                           const char *piece, size_t n, dlx__ids *ids, dlx_error *err);

#endif
