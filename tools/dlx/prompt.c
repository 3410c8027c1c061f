/* prompt.c - from what was typed to token ids. */
#include "prompt.h"

#include "input.h"
#include "out.h"

#include <stdlib.h>
#include <string.h>

void id_list_add(id_list *ids, const dlx_token *more, size_t n)
{
    ids->items = mem_resize(ids->items, ids->n + n, sizeof *ids->items);
    if (n)
        memcpy(ids->items + ids->n, more, n * sizeof *more);
    ids->n += n;
}

int prompt_add_text(const dlx_model *model, const char *text, size_t n, id_list *ids)
{
    dlx_token *more;
    size_t n_more;
    dlx_error err;
    if (dlx_tokenize(model, text, n, false, &more, &n_more, &err) != DLX_OK)
        return say_failed("%s", err.text);
    id_list_add(ids, more, n_more);
    dlx_free(model, more);
    return EXIT_OK;
}

json_t *prompt_message(const char *role, const char *text, size_t n)
{
    return json_pack("{s:s, s:o}", "role", role, "content", json_text(text, n));
}

int prompt_add_messages(const dlx_model *model, const json_t *messages, id_list *ids)
{
    char *rendered;
    dlx_error err;
    char *source = json_dumps(messages, JSON_COMPACT);
    if (!source)
        return say_failed("out of memory while writing the messages");
    dlx_result r = dlx_chat_render(model, source, NULL, true, &rendered, &err);
    free(source);
    if (r != DLX_OK)
        return say_failed("%s", err.text);
    int code = prompt_add_text(model, rendered, strlen(rendered), ids);
    dlx_free(model, rendered);
    return code;
}

/* A system message and one of the user through the template; NULL when it refuses them. */
static char *render_probe(const dlx_model *model, const char *system)
{
    char *rendered = NULL;
    json_t *messages = json_pack("[o, o]", prompt_message("system", system, strlen(system)),
                                 prompt_message("user", "x", 1));
    char *source = json_dumps(messages, JSON_COMPACT);
    if (source && dlx_chat_render(model, source, NULL, true, &rendered, NULL) != DLX_OK)
        rendered = NULL;
    free(source);
    json_decref(messages);
    return rendered;
}

int prompt_need_system(const dlx_model *model, const char *what, const char *system)
{
    dlx_model_info info;
    bytes other = {0};
    dlx_model_get_info(model, &info);
    if (!input_is_utf8(what, system, strlen(system)))
        return EXIT_FAILED;
    /* Another text, not none: the template may have this very one as its default. */
    bytes_printf(&other, "%s.", system);
    char *one = render_probe(model, system), *two = render_probe(model, other.data);
    /* A template that refuses system messages says why when the prompt itself is rendered. */
    bool ignored = *system && one && two && strcmp(one, two) == 0;
    dlx_free(model, one);
    dlx_free(model, two);
    bytes_release(&other);
    if (!ignored)
        return EXIT_OK;
    return say_failed("%s has no effect: the chat template of %s leaves system messages out; write "
                      "the text into the message instead",
                      what, info.path);
}

int prompt_add_message(const dlx_model *model, const char *system, const char *text, size_t n,
                       id_list *ids)
{
    dlx_model_info info;
    dlx_model_get_info(model, &info);
    if (!info.has_chat_template)
        return say_failed("%s holds no chat template: use --raw to give the text as it is",
                          info.path);
    if (system && prompt_need_system(model, "--system", system) != EXIT_OK)
        return EXIT_FAILED;
    json_t *messages = json_array();
    if (system)
        json_array_append_new(messages, prompt_message("system", system, strlen(system)));
    json_array_append_new(messages, prompt_message("user", text, n));
    int code = prompt_add_messages(model, messages, ids);
    json_decref(messages);
    return code;
}
