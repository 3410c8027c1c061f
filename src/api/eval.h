/* eval.h - one line of an evaluation file. */
#ifndef DLX__EVAL_H
#define DLX__EVAL_H

#include <dlx/tools.h>

#include "api/api.h"

/*
 * Judges one task and fills `result` with
 *   {"exact", "tokens", "passes", "rows", "seconds", "text", "finish", "fields"}  for an answer,
 *   {"right", "chosen", "nats": per choice, "tokens"}                             for choices,
 *   {"nats", "tokens", "bytes"}                                                   for a text.
 * `name` says where the task stands, for sentences.
 */
dlx_result dlx__eval_line(dlx_session *session, const json_t *task, const char *name,
                          const dlx_eval_opts *o, json_t *result, dlx_error *err);

#endif
