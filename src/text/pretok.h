/*
 * pretok.h - cutting text into the pieces that BPE works on: a chain of splitters, each applied to
 * the pieces of the one before. No piece ever crosses a cut.
 */
#ifndef DLX__PRETOK_H
#define DLX__PRETOK_H

#include "text/pattern.h"

enum { DLX__PRETOK_MAX_STEPS = 16 };

typedef struct dlx__pretok_step {
    dlx__pattern *pattern; /* owned */
    bool removed;          /* matches vanish; otherwise they become pieces of their own */
    bool invert;           /* matches and what lies between them change roles */
} dlx__pretok_step;

typedef struct dlx__pretok {
    const dlx_allocator *mem;
    dlx__pretok_step steps[DLX__PRETOK_MAX_STEPS];
    size_t n_steps;
} dlx__pretok;

void dlx__pretok_init(dlx__pretok *p, const dlx_allocator *mem); /* allocates nothing */
void dlx__pretok_release(dlx__pretok *p);

/* Appends a splitter; takes the pattern over even when it fails. */
dlx_result dlx__pretok_add(dlx__pretok *p, dlx__pretok_step step, dlx_error *err);

/* Appends one that isolates the matches of a regular expression. */
dlx_result dlx__pretok_add_regex(dlx__pretok *p, const char *regex, dlx_error *err);

/*
 * Appends the splitters of a pre-tokenizer that GGUF files name (tokenizer.ggml.pre), and says
 * whether the tokenizer it stands for normalises to NFC. An unknown name is refused.
 */
dlx_result dlx__pretok_add_named(dlx__pretok *p, const char *name, size_t n, bool *nfc,
                                 dlx_error *err);

/*
 * The reverse: the first name that stands for these very patterns and this normalisation; NULL when
 * none does. Takes the names of Llama's kind for tokenizers that look a whole piece up first, as
 * those do.
 */
const char *dlx__pretok_name(char out[32], const dlx__pretok *p, bool nfc, bool whole_first);

/* Do files that use this name look a whole piece up before merging? */
bool dlx__pretok_name_is_whole_first(const char *name, size_t n);

extern const char dlx__pretok_gpt2_regex[]; /* what ByteLevel with use_regex stands for */
extern const char dlx__pretok_qwen_regex[];

typedef dlx_result (*dlx__piece_fn)(void *user, const char *piece, size_t n, dlx_error *err);

/* Calls `piece` for each non-empty piece of the well-formed text[0, n), in order. */
dlx_result dlx__pretok_run(const dlx__pretok *p, dlx__matcher *m, const char *text, size_t n,
                           dlx__piece_fn piece, void *user, dlx_error *err);

#endif
