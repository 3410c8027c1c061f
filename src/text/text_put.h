/*
 * text_put.h - a checkpoint's tokenizer and chat template as GGUF keys, so that the file that is
 * written gives the same ids for the same text and renders the same chats. llama.cpp's keys first;
 * ours where those cannot say it (tokenizer_exact.h, chat_source.h).
 */
#ifndef DLX__TEXT_PUT_H
#define DLX__TEXT_PUT_H

#include "text/tokenizer.h"

/* What the model knows and the tokenizer does not. */
typedef struct dlx__text_facts {
    size_t n_rows;          /* of the embedding table: llama.cpp wants as many tokens */
    int64_t bos_id, eos_id; /* as the file names them; -1: not at all */
} dlx__text_facts;

/*
 * `t` is the tokenizer of `c`, or NULL: then the file says "none", as llama.cpp accepts it. A
 * source that is a GGUF has its keys already: they are carried over as they are (gguf_put.h), and
 * nothing is put but what it lacks. Refuses merges with spaces in them and spellings of two ids
 * in the wrong order, which the format cannot hold.
 */
dlx_result dlx__text_put(dlx__gguf_writer *w, const dlx__checkpoint *c, const dlx__tokenizer *t,
                         const dlx__text_facts *facts, dlx_error *err);

#endif
