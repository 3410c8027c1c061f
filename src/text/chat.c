/* chat.c - the chat template of a checkpoint, parsed, and what it is given. */
#include "text/chat.h"

#include "base/fail.h"
#include "base/mem.h"
#include "text/chat_source.h"
#include "text/jinja.h"

#include <string.h>

struct dlx__chat {
    const dlx_allocator *mem;
    char *name; /* for failures */
    dlx__jinja *template;
    json_t *bos; /* strings, or NULL */
    json_t *eos;
};

void dlx__chat_free(dlx__chat *chat)
{
    if (!chat)
        return;
    dlx__jinja_free(chat->template);
    json_decref(chat->bos);
    json_decref(chat->eos);
    dlx__free(chat->mem, chat->name);
    dlx__free(chat->mem, chat);
}

const char *dlx__chat_bos_token(const dlx__chat *chat)
{
    return json_string_value(chat->bos);
}

const char *dlx__chat_eos_token(const dlx__chat *chat)
{
    return json_string_value(chat->eos);
}

static dlx_result no_memory(dlx_error *err)
{
    return dlx__fail_memory(err, "opening the chat template", sizeof(dlx__chat));
}

/* A JSON string of a special token; none gives NULL. */
static dlx_result keep_special(json_t **out, dlx__gguf_string text, dlx_error *err)
{
    if (!text.data)
        return DLX_OK;
    *out = json_stringn(text.data, text.len);
    return *out
               ? DLX_OK
               : dlx__fail(err, DLX_E_NOMEM,
                           "out of memory, or a special token that is not UTF-8, while opening the "
                           "chat template");
}

static dlx_result fill(dlx__chat *chat, const dlx__chat_source *from, dlx_error *err)
{
    chat->name = dlx__strdup(chat->mem, from->name);
    if (!chat->name)
        return no_memory(err);
    dlx_result r = dlx__jinja_open(&chat->template, from->text, from->n, chat->mem, err);
    if (r != DLX_OK) {
        dlx__fail_prefix(err, from->name);
        return r;
    }
    DLX__TRY(keep_special(&chat->bos, from->bos, err));
    return keep_special(&chat->eos, from->eos, err);
}

static dlx_result open_source(dlx__chat **out, const dlx__chat_source *from, dlx_error *err)
{
    dlx__chat *chat = dlx__alloc_zero(from->mem, 1, sizeof *chat);
    if (!chat)
        return no_memory(err);
    chat->mem = from->mem;
    dlx_result r = fill(chat, from, err);
    if (r != DLX_OK) {
        dlx__chat_free(chat);
        return r;
    }
    *out = chat;
    return DLX_OK;
}

static dlx__gguf_string span_of(const char *text)
{
    return (dlx__gguf_string){text, text ? strlen(text) : 0};
}

dlx_result dlx__chat_parse(dlx__chat **out, const char *text, size_t n, const char *name,
                           const char *bos_token, const char *eos_token, const dlx_allocator *mem,
                           dlx_error *err)
{
    const dlx__chat_source source = {.mem = mem,
                                     .name = name,
                                     .text = text,
                                     .n = n,
                                     .bos = span_of(bos_token),
                                     .eos = span_of(eos_token)};
    return open_source(out, &source, err);
}

static dlx_result no_template(const dlx__checkpoint *c, dlx_error *err)
{
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s has no chat template (expected chat_template.jinja, chat_template in "
                     "tokenizer_config.json or tokenizer.chat_template); use --raw for plain text",
                     c->path);
}

dlx_result dlx__chat_open(dlx__chat **out, const dlx__checkpoint *c, dlx_error *err)
{
    dlx__chat_source source;
    dlx_result r = dlx__chat_source_find(&source, c, err);
    if (r == DLX_OK)
        r = source.name ? open_source(out, &source, err) : no_template(c, err);
    dlx__chat_source_release(&source);
    return r;
}

/* Each message an object with a role that is text; what else it needs is the template's business.
 */
static dlx_result check_messages(json_t *messages, dlx_error *err)
{
    if (!json_is_array(messages))
        return dlx__fail(err, DLX_E_ARG,
                         "the messages are no list; expected [{\"role\": \"user\", "
                         "\"content\": \"...\"}, ...]");
    size_t i = 0;
    const json_t *m = NULL;
    json_array_foreach(messages, i, m) if (
        !json_is_string(
            json_object_get(m, "role"))) return dlx__fail(err, DLX_E_ARG,
                                                          "message %zu has no role; expected an "
                                                          "object like {\"role\": \"user\", "
                                                          "\"content\": \"...\"}",
                                                          i);
    return DLX_OK;
}

dlx_result dlx__chat_render(const dlx__chat *chat, const dlx__chat_input *in, dlx__buf *out,
                            dlx_error *err)
{
    DLX__TRY(check_messages(in->messages, err));
    const dlx__jinja_var vars[] = {
        {"messages", in->messages},
        {"tools", in->tools ? in->tools : json_null()},
        {"documents", json_null()},
        {"add_generation_prompt", in->add_generation_prompt ? json_true() : json_false()},
        {"bos_token", json_object_get(in->kwargs, "bos_token") ? NULL : chat->bos},
        {"eos_token", json_object_get(in->kwargs, "eos_token") ? NULL : chat->eos},
    };
    dlx_result r = dlx__jinja_render(chat->template, vars, DLX__LEN(vars), in->kwargs, out, err);
    if (r != DLX_OK)
        dlx__fail_prefix(err, chat->name);
    return r;
}
