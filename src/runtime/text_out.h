/*
 * text_out.h - text as it becomes final: ids in, whole code points out, held back while they may be
 * the beginning of a stop text.
 */
#ifndef DLX__TEXT_OUT_H
#define DLX__TEXT_OUT_H

#include "base/arena.h"
#include "text/detok.h"

typedef struct dlx__text_out {
    const dlx__tokenizer *tokenizer; /* NULL: off */
    dlx__detok detok;
    const char *const *stops; /* [n_stops] */
    size_t n_stops;
    dlx__buf held; /* text that is not released yet */
    size_t limit;  /* release when this much is held */
    size_t n_text; /* bytes made so far, released or held */
    size_t *ends;  /* [capacity]: n_text after each id */
    size_t n_ids;
    bool stopped; /* a stop text was met: what is held ends before it */
    size_t n_ids_before_stop;
    /* Takes text that is final; false stops generation. */
    bool (*release)(void *user, const char *text, size_t n);
    void *user;
} dlx__text_out;

/* Reserves memory for n_ids ids of at most longest_token bytes each. */
dlx_result dlx__text_out_open(dlx__text_out *t, size_t n_ids, size_t longest_token,
                              dlx__arena *arena, dlx_error *err);
void dlx__text_out_release_memory(dlx__text_out *t);

/* Adds one id; releases nothing yet, but looks for stop texts. Ids without text add none. */
dlx_result dlx__text_out_push(dlx__text_out *t, dlx_token id, dlx_error *err);

/* Releases what can no longer belong to a stop text; with `last`, everything. */
dlx_result dlx__text_out_flush(dlx__text_out *t, bool last, dlx_error *err);

#endif
