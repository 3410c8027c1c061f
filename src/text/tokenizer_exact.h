/*
 * tokenizer_exact.h - what llama.cpp's keys cannot say of a tokenizer, in keys of ours beside them.
 * A writer puts a group only where llama.cpp's keys would read back as another tokenizer:
 *
 *     dlx.tokenizer.patterns       texts: the splitters in their order; .pattern_kinds i32s: bits
 *     dlx.tokenizer.nfc            bool: normalise first
 *     dlx.tokenizer.whole_first    bool: a piece that is a token is not merged
 *     dlx.tokenizer.added          texts: spellings; .added_ids i32s; .added_flags i32s: bits
 *     dlx.tokenizer.unknown_id     u32: stands for bytes without a token; .unknown_fused bool
 *
 * nfc and whole_first belong to the patterns: without them tokenizer.ggml.pre says both.
 */
#ifndef DLX__TOKENIZER_EXACT_H
#define DLX__TOKENIZER_EXACT_H

#include "text/tokenizer_impl.h"

#define DLX__EXACT_KEY(name) "dlx.tokenizer." name

/* Bits of pattern_kinds, and of added_flags. */
enum {
    DLX__EXACT_KIND_LITERAL = 1,
    DLX__EXACT_KIND_REMOVED = 2,
    DLX__EXACT_KIND_INVERT = 4,
    DLX__EXACT_ALL_KINDS = 7
};
enum {
    DLX__EXACT_FLAG_SPECIAL = 1,
    DLX__EXACT_FLAG_SINGLE_WORD = 2,
    DLX__EXACT_FLAG_LSTRIP = 4,
    DLX__EXACT_FLAG_RSTRIP = 8,
    DLX__EXACT_FLAG_NORMALIZED = 16,
    DLX__EXACT_ALL_FLAGS = 31
};

/* tokenizer.ggml.token_type */
enum {
    DLX__GGUF_TOKEN_NORMAL = 1,
    DLX__GGUF_TOKEN_UNKNOWN = 2,
    DLX__GGUF_TOKEN_CONTROL = 3,
    DLX__GGUF_TOKEN_USER = 4,
    DLX__GGUF_TOKEN_UNUSED = 5
};

/* The name of an id without a token, as llama.cpp's converter gives it: "[PAD7]". */
enum { DLX__GAP_ROOM = 32 };
void dlx__gap_name(char out[DLX__GAP_ROOM], size_t id);

/* Reading. Lists of unequal length, unknown bits and ids without a token are refused. */
bool dlx__exact_has_patterns(const dlx__gguf *g);
bool dlx__exact_has_added(const dlx__gguf *g);
dlx_result dlx__exact_read_patterns(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err);
dlx_result dlx__exact_read_added(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err);
dlx_result dlx__exact_read_unknown(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err);

/* Putting, each group if it is needed. Fail for lack of memory only. */
dlx_result dlx__exact_put_patterns(dlx__gguf_writer *w, const dlx__tokenizer *t);
dlx_result dlx__exact_put_added(dlx__gguf_writer *w, const dlx__tokenizer *t);
dlx_result dlx__exact_put_unknown(dlx__gguf_writer *w, const dlx__tokenizer *t);

#endif
