/* text_api.c - the public face of tokenizer and chat template. */
#include "api/api.h"

#include "base/fail.h"
#include "base/mem.h"
#include "format/json_file.h"
#include "text/detok.h"

#include <string.h>

void dlx_free(const dlx_model *model, void *p)
{
    dlx__free(model ? model->mem : NULL, p);
}

static dlx_result need_tokenizer(const dlx_model *model, dlx_error *err)
{
    if (model->tokenizer)
        return DLX_OK;
    return dlx__fail(
        err, DLX_E_UNSUPPORTED,
        "%s: there is no tokenizer (tokenizer.json, or vocab.json with merges.txt); work "
        "with token ids, or %s",
        dlx__api_checkpoint(model)->path,
        dlx__api_program_backend(model) ? "export a model that has one"
                                        : "put the model's tokenizer files there");
}

dlx_result dlx_tokenize(const dlx_model *model, const char *text, size_t n_bytes, bool no_specials,
                        dlx_token **ids, size_t *n, dlx_error *err)
{
    *ids = NULL;
    *n = 0;
    DLX__TRY(need_tokenizer(model, err));
    dlx__ids list;
    dlx__ids_init(&list, model->mem);
    dlx_result r = dlx__tokenizer_encode(model->tokenizer, text, n_bytes,
                                         no_specials ? 0u : DLX__ENCODE_SPECIAL, &list, err);
    if (r == DLX_OK && !list.data) {
        list.data = dlx__alloc(model->mem, sizeof *list.data);
        if (!list.data)
            r = dlx__fail_memory(err, "tokenizing", sizeof *list.data);
    }
    if (r != DLX_OK) {
        dlx__ids_release(&list);
        return r;
    }
    *ids = list.data;
    *n = list.n;
    return DLX_OK;
}

/* Hands the bytes of a buffer over as the caller's text. */
static dlx_result give_text(dlx__buf *buf, char **text, size_t *n_bytes, dlx_error *err)
{
    if (!dlx__buf_reserve(buf, 0)) {
        dlx__buf_release(buf);
        return dlx__fail_memory(err, "making text", 1);
    }
    *text = buf->data;
    if (n_bytes)
        *n_bytes = buf->len;
    return DLX_OK;
}

dlx_result dlx_detokenize(const dlx_model *model, const dlx_token *ids, size_t n,
                          bool skip_specials, char **text, size_t *n_bytes, dlx_error *err)
{
    *text = NULL;
    DLX__TRY(need_tokenizer(model, err));
    dlx__buf buf;
    dlx__buf_init(&buf, model->mem);
    dlx_result r = dlx__detok_all(model->tokenizer, ids, n,
                                  skip_specials ? DLX__DECODE_SKIP_SPECIAL : 0u, &buf, err);
    if (r != DLX_OK) {
        dlx__buf_release(&buf);
        return r;
    }
    return give_text(&buf, text, n_bytes, err);
}

/* The extras without "tools", which the template's caller passes apart. */
static dlx_result parse_extras(const char *extras_json, json_t **extras, dlx_error *err)
{
    *extras = NULL;
    if (!extras_json)
        return DLX_OK;
    DLX__TRY(dlx__json_parse(extras, extras_json, strlen(extras_json), "template variables", err));
    if (json_is_object(*extras))
        return DLX_OK;
    json_decref(*extras);
    *extras = NULL;
    return dlx__fail(err, DLX_E_ARG,
                     "template variables must be a JSON object, as "
                     "{\"enable_thinking\": false}");
}

dlx_result dlx_chat_render(const dlx_model *model, const char *messages_json,
                           const char *extras_json, bool add_generation_prompt, char **text,
                           dlx_error *err)
{
    *text = NULL;
    if (!model->chat) {
        if (err)
            *err = model->chat_failure;
        return model->chat_failure.code;
    }
    json_t *messages = NULL, *extras = NULL;
    dlx__buf buf;
    dlx__buf_init(&buf, model->mem);
    dlx_result r =
        dlx__json_parse(&messages, messages_json, strlen(messages_json), "messages", err);
    if (r == DLX_OK)
        r = parse_extras(extras_json, &extras, err);
    if (r == DLX_OK) {
        dlx__chat_input in = {.messages = messages,
                              .tools = json_object_get(extras, "tools"),
                              .kwargs = extras,
                              .add_generation_prompt = add_generation_prompt};
        r = dlx__chat_render(model->chat, &in, &buf, err);
    }
    json_decref(messages);
    json_decref(extras);
    if (r != DLX_OK) {
        dlx__buf_release(&buf);
        return r;
    }
    return give_text(&buf, text, NULL, err);
}
