/*
 * decode.h - what the files of the decoder share: the engine's state between calls, the state of
 * one call (a run), and the steps a decode loop is made of.
 */
#ifndef DLX__DECODE_H
#define DLX__DECODE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "runtime/diffusion.h"
#include "runtime/engine.h"
#include "runtime/gen_options.h"
#include "runtime/sampler/propose.h"
#include "runtime/text_out.h"

struct dlx__engine {
    const dlx_allocator *mem;
    const dlx__model *model;
    dlx__engine_opts opts;
    dlx__rules rules;
    dlx__backend *backend;
    size_t n_rows; /* the most rows of one step */
    int n_streams;
    size_t longest_token; /* bytes of text that one id can give */
    atomic_bool cancelled;
    dlx__arena arena; /* of the last run: results are lent until the next */
    /* Positions whose K/V are final, for reuse by the next call (block-causal families, and
     * autoregressive ones with blocks of 1). */
    dlx_token *kept; /* [n_ctx] */
    size_t n_kept;
    size_t kept_block; /* the block length they were computed with */
};

/* Makes sure that the backend takes steps of n_rows rows in n_streams streams. Reloading forgets
 * K/V. */
dlx_result dlx__engine_reserve(dlx__engine *engine, size_t n_rows, int n_streams, dlx_error *err);

/* A step's `stop`: has the caller cancelled? `user` is the engine. */
bool dlx__engine_stopped(void *user);

/* Rows of a prefill step: whole blocks, as many as fit a comfortable tile. */
size_t dlx__engine_tile(size_t block);

typedef struct dlx__run {
    dlx__engine *engine;
    const dlx_gen_opts *opts;
    const dlx__rules *rules;
    const dlx__sampler *sampler;
    dlx__cache_mode cache;

    dlx_token *canvas; /* [n_total]; prompt, then what is decided, masks elsewhere */
    dlx_token *uncond; /* the same with the given positions masked (guidance), or NULL */
    bool *given;       /* [n_total]: not a mask when the run began */
    size_t n_prompt;
    size_t n_total;
    size_t n_answer_end; /* n_prompt + max_tokens */
    size_t block;        /* block length; 0: none */
    dlx_token mask_id;   /* autoregressive families: -1, which marks what is not written yet */
    size_t n_shown;      /* positions of the canvas that events show */

    dlx__block_manager blocks;
    dlx__proposer proposer;
    size_t *positions;          /* [most masked rows of a pass, and the greedy rows of a plan] */
    size_t *rows;               /* likewise */
    dlx__candidate *candidates; /* [likewise, and the greedy rows of a plan] */
    size_t n_candidates;        /* of the last proposal, greedy rows not counted */
    size_t *order;
    bool *take;
    dlx_written *written;
    size_t n_written;
    dlx_token *answer; /* [n_total] */

    size_t n_passes;  /* forward calls */
    size_t n_rows;    /* sum over them */
    size_t n_denoise; /* passes of the denoiser: names the draws */
    size_t n_reused;
    bool stuck; /* the last pass proposed the mask id and revealed nothing */
    double started, first_token;

    dlx__text_out text;
    size_t
        n_decided;  /* canvas [0, n_decided) of the answer holds no masks: the contiguous prefix */
    size_t stop_at; /* position of the first stop id in it; SIZE_MAX: none */
    bool finished;  /* nothing more needs to be decoded */
    dlx_error *err;
} dlx__run;

/* A forward over the canvas: rows start .. start + n - 1; the rest as in dlx__step. */
typedef struct dlx__window {
    size_t start, n, n_kv, n_keep;
    size_t n_unread, n_unread_end;
} dlx__window;

/* All memory of a run, so that none is needed once the first pass begins. */
dlx_result dlx__run_open(dlx__run *run, dlx__engine *engine, const dlx_token *prompt,
                         size_t n_prompt, const dlx_gen_opts *opts, dlx_error *err);

/* Runs one forward (two streams with guidance). DLX_CANCELLED when the caller asked for it. */
dlx_result dlx__run_forward(dlx__run *run, dlx__window w);

/* A row of the last forward whose arg-max is wanted, for a position outside the block in work. */
typedef struct dlx__greedy_row {
    size_t row, position;
} dlx__greedy_row;

enum { DLX__GREEDY_ROWS = 2 }; /* the most of one pass */

/* What a pass of the denoiser may reveal. */
typedef struct dlx__pass_plan {
    const dlx__block *block;
    size_t from, to; /* local part of the block in scope */
    size_t quota;
    float share;
    dlx__measure measure;
    bool only_first; /* the first masked position alone, whatever its confidence */
    dlx__greedy_row greedy[DLX__GREEDY_ROWS];
    size_t n_greedy;
} dlx__pass_plan;

/*
 * Candidates for the masks in scope, after a forward that began at `start`; behind them in
 * run->candidates one for each greedy row. One call of the head, on rows that are looked at.
 */
dlx_result dlx__run_propose(dlx__run *run, const dlx__pass_plan *plan, size_t start);

/* Reveals what the sampler selects among the candidates. */
dlx_result dlx__run_select(dlx__run *run, const dlx__pass_plan *plan);

/* One greedy row by a call of the head of its own. */
dlx_result dlx__run_argmax(dlx__run *run, dlx__greedy_row row, dlx_token *id, float *prob);

/* Notes that a position was written in this pass. */
void dlx__run_note(dlx__run *run, size_t position, dlx_token id, float conf);

/*
 * Ends one role of the last forward: tells the caller what was written, releases text that became
 * final, looks for stops in the contiguous prefix.
 */
dlx_result dlx__run_emit(dlx__run *run, dlx_pass_kind kind, size_t block, size_t n_rows);

/* The text output's way to the caller; user is the run. */
bool dlx__run_release_text(void *user, const char *text, size_t n);

/* Releases the last text and fills in the result; r is how decoding ended. */
dlx_result dlx__run_close(dlx__run *run, dlx_result r, dlx_gen_result *result);

/* The three decode loops. */
dlx_result dlx__decode_blocks(dlx__run *run);
dlx_result dlx__decode_canvas(dlx__run *run);
dlx_result dlx__decode_next(dlx__run *run);

#endif
