/*
 * answer.h - one generation with everything that watches it: the text that streams out, the painted
 * canvas, the trace, Ctrl-C. Shared by run, chat and infill.
 */
#ifndef DLX_TOOL_ANSWER_H
#define DLX_TOOL_ANSWER_H

#include "bytes.h"
#include "paint.h"
#include "save.h"

#include <jansson.h>

typedef struct answer {
    const dlx_model *model;
    bool stream;       /* print text as it becomes final */
    bool watch;        /* paint, if stdout is a terminal */
    size_t watch_from; /* first position to paint; SIZE_MAX: the end of the prompt */
    FILE *trace;       /* or NULL */
    /* afterwards */
    bytes text; /* all that became final */
    dlx_gen_result result;
    bool stopped; /* by Ctrl-C, or because nobody can take the result any more */
    paint *painter;
} answer;

/*
 * Runs. EXIT_OK also when stopped: then `stopped` is set and result holds what there is. Otherwise
 * an exit code, and the sentence was said. session's Ctrl-C is watched meanwhile.
 */
int answer_run(answer *a, dlx_session *session, const dlx_token *prompt, size_t n_prompt,
               const dlx_gen_opts *gen);
void answer_release(answer *a);

/* Puts the trace into its place if the run is whole. The exit code that `code` becomes. */
int answer_close(const answer *a, int code, save *trace);

const char *answer_finish(const answer *a); /* "stop", "length" or "cancelled" */

/* The members that every --json of a generation ends with; `object` is given back. */
json_t *answer_figures(const answer *a, json_t *object);

/* "34 tokens in 12 passes (2.83 a pass), 41.0 tokens/s, first text after 0.21 s" on stderr. */
void answer_stats(const answer *a);

/* Ids as JSON, and as text: "1,2,3". */
json_t *ids_json(const dlx_token *ids, size_t n);
void ids_text(const dlx_token *ids, size_t n, bytes *out);

#endif
