/*
 * program_calls.h - what backends that run exported programs have in common: programs take so many
 * rows at a time, choose ids themselves, and a pass waits until the head says of which rows.
 */
#ifndef DLX__PROGRAM_CALLS_H
#define DLX__PROGRAM_CALLS_H

#include "backends/backend.h"
#include "export/lower.h"

enum { DLX__PROGRAM_STREAMS = 2 };

/* Refuses models that were not exported, with what is to be done, and types of numbers that are the
 * own ones of a program for `backend`. */
dlx_result dlx__program_check_opts(const dlx__model *m, const dlx__backend_opts *o,
                                   const char *backend, const char *what_to_do, dlx_error *err);

/* Rows [at, at + n) of a pass, which see positions [0, at), themselves, and [at + n, end). */
typedef struct dlx__program_call {
    const dlx__step *step;
    size_t at, n, end;
    bool several; /* rows of several blocks, which do not all see each other */
} dlx__program_call;

/* The next call of a pass from position `at` on, where n_rows fit into one: cut where a block ends.
 * What cannot be cut has more rows. */
dlx__program_call dlx__program_next(const dlx__step *in, size_t n_rows, size_t at);

/* Refuses a call that needs keys and values which the program does not have: with no cache those
 * of earlier passes, with its own (STATE) those behind the rows, of which it writes n_written, the
 * ones that pad among them. */
dlx_result dlx__program_check_kept(const dlx__program_call *c, dlx__export_cache cache,
                                   size_t n_written, const char *path, dlx_error *err);

/* Rows of the head that are in the call. */
size_t dlx__program_head_rows(const dlx__program_call *c, const dlx__head *in);

/* Does the head leave out what a program leaves out that chooses among ids below n_ids, but for
 * never_id (-1: none)? */
bool dlx__program_same_ids(size_t n_vocab, size_t n_ids, int64_t never_id, const dlx__head *in);

/* What a program tells of a row. */
dlx__row_stat dlx__program_stat(int64_t best, float logit, float lse);

/* Logits [n] with guidance: u + (scale + 1)(c - u) */
void dlx__program_guide(float *out, const float *c, const float *u, float scale, size_t n);

/* ---- a pass ---------------------------------------------------------------------------------- */

/* The last pass of a stream. It may be run again: it reads what earlier passes left, and leaves the
 * same. */
typedef struct dlx__program_pass {
    dlx__step step; /* its ids: `ids` */
    dlx_token *ids; /* [n] */
    size_t id_capacity;
    bool waits; /* it was not run yet, and its K and V must be kept */
} dlx__program_pass;

/* Refuses steps that no program can run: of more than n_ctx positions, or looked into. */
dlx_result dlx__program_check_step(const dlx__step *in, size_t n_ctx, int n_streams,
                                   const char *path, dlx_error *err);

/* Copies the step, so that it can be run later. */
dlx_result dlx__program_note(dlx__program_pass *p, const dlx__step *in, const dlx_allocator *mem,
                             dlx_error *err);

/* Refuses rows that are none of the streams' last passes [n_streams]. */
dlx_result dlx__program_check_head(const dlx__head *in, const dlx__program_pass *const *passes,
                                   int n_streams, dlx_error *err);

#endif
