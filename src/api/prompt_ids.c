/* prompt_ids.c - from a prompt to ids. */
#include "api/prompt_ids.h"

#include "api/json_build.h"
#include "base/mem.h"

#include <string.h>

dlx_result dlx__api_prompt_ids(const dlx_model *model, const char *prompt, bool raw,
                               dlx_token **ids, size_t *n, dlx_error *err)
{
    if (raw)
        return dlx_tokenize(model, prompt, strlen(prompt), false, ids, n, err);
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", prompt);
    char *dumped, *rendered;
    DLX__TRY(dlx__api_json_text(messages, NULL, &dumped, err));
    dlx_result r = dlx_chat_render(model, dumped, NULL, true, &rendered, err);
    dlx__free(NULL, dumped);
    DLX__TRY(r);
    r = dlx_tokenize(model, rendered, strlen(rendered), false, ids, n, err);
    dlx_free(model, rendered);
    return r;
}
