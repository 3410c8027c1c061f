/* prompt_ids.h - the ids of a prompt. */
#ifndef DLX__PROMPT_IDS_H
#define DLX__PROMPT_IDS_H

#include "api/api.h"

/* As it stands, or as a user's turn of the model's chat template, the answer's beginning included.
 * Free with dlx_free. */
dlx_result dlx__api_prompt_ids(const dlx_model *model, const char *prompt, bool raw,
                               dlx_token **ids, size_t *n, dlx_error *err);

#endif
