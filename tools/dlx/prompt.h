/* prompt.h - from what was typed to token ids: plain text, or a conversation through the template.
 */
#ifndef DLX_TOOL_PROMPT_H
#define DLX_TOOL_PROMPT_H

#include "number.h"

#include <dlx/dlx.h>
#include <jansson.h>

/* Functions that return int give an exit code; when it is not EXIT_OK a sentence was said. */

void id_list_add(id_list *ids, const dlx_token *more, size_t n);

/* Appends the ids of a text, special tokens parsed. */
int prompt_add_text(const dlx_model *model, const char *text, size_t n, id_list *ids);

/* Renders messages (an array of {"role", "content"}) and appends the ids. */
int prompt_add_messages(const dlx_model *model, const json_t *messages, id_list *ids);

/*
 * EXIT_OK if the template has a place for a system message; else says that `what` ("--system") has
 * no effect.
 */
int prompt_need_system(const dlx_model *model, const char *what, const char *system);

/* One message from the user, with a system message before it unless system is NULL. */
int prompt_add_message(const dlx_model *model, const char *system, const char *text, size_t n,
                       id_list *ids);

/* {"role": role, "content": text} */
json_t *prompt_message(const char *role, const char *text, size_t n);

#endif
