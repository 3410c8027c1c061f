/* chat.c - the chat template of a checkpoint: where it is found, and what it is given. */
#include "text/chat.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "text/jinja.h"

#include <string.h>

enum { LONGEST_TEMPLATE = 1 << 20 }; /* bytes */

struct dlx__chat {
    const dlx_allocator *mem;
    char *name; /* for failures */
    char *source;
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
    dlx__free(chat->mem, chat->source);
    dlx__free(chat->mem, chat);
}

const char *dlx__chat_source(const dlx__chat *chat)
{
    return chat->source;
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

/* A JSON string of a special token; NULL text gives NULL. */
static dlx_result keep_special(json_t **out, const char *text, size_t n, dlx_error *err)
{
    if (!text)
        return DLX_OK;
    *out = json_stringn(text, n);
    return *out
               ? DLX_OK
               : dlx__fail(err, DLX_E_NOMEM,
                           "out of memory, or a special token that is not UTF-8, while opening the "
                           "chat template");
}

static dlx_result fill(dlx__chat *chat, const char *text, size_t n, const char *name,
                       const char *bos, const char *eos, dlx_error *err)
{
    chat->name = dlx__strdup(chat->mem, name);
    chat->source = dlx__strndup(chat->mem, text, n);
    if (!chat->name || !chat->source)
        return no_memory(err);
    DLX__TRY(keep_special(&chat->bos, bos, bos ? strlen(bos) : 0, err));
    DLX__TRY(keep_special(&chat->eos, eos, eos ? strlen(eos) : 0, err));
    dlx_result r = dlx__jinja_open(&chat->template, text, n, chat->mem, err);
    if (r != DLX_OK)
        dlx__fail_prefix(err, name);
    return r;
}

dlx_result dlx__chat_parse(dlx__chat **out, const char *text, size_t n, const char *name,
                           const char *bos_token, const char *eos_token, const dlx_allocator *mem,
                           dlx_error *err)
{
    dlx__chat *chat = dlx__alloc_zero(mem, 1, sizeof *chat);
    if (!chat)
        return no_memory(err);
    chat->mem = mem;
    dlx_result r = fill(chat, text, n, name, bos_token, eos_token, err);
    if (r != DLX_OK) {
        dlx__chat_free(chat);
        return r;
    }
    *out = chat;
    return DLX_OK;
}

static dlx_result no_template(const dlx__checkpoint *c, dlx_error *err)
{
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s has no chat template (expected chat_template.jinja, chat_template in "
                     "tokenizer_config.json or tokenizer.chat_template); use --raw for plain text",
                     c->path);
}

/* "eos_token": text or {"content": text, ...}. */
static const char *special_of(json_t *config, const char *key)
{
    const json_t *value = json_object_get(config, key);
    if (json_is_object(value))
        value = json_object_get(value, "content");
    return json_string_value(value);
}

/* The template in tokenizer_config.json: a text, or "default" of a list of named ones. */
static const json_t *template_in(json_t *config)
{
    const json_t *value = json_object_get(config, "chat_template");
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(value, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && strcmp(name, "default") == 0)
            return json_object_get(item, "template");
    }
    return value;
}

static dlx_result open_file(dlx__chat **out, const dlx__checkpoint *c, const char *path,
                            dlx_error *err)
{
    char *text = NULL;
    size_t n = 0;
    DLX__TRY(dlx__os_read_file(&text, &n, path, LONGEST_TEMPLATE, c->mem, err));
    dlx_result r = dlx__chat_parse(out, text, n, path, special_of(c->tokenizer_config, "bos_token"),
                                   special_of(c->tokenizer_config, "eos_token"), c->mem, err);
    dlx__free(c->mem, text);
    return r;
}

static dlx_result open_hf(dlx__chat **out, const dlx__checkpoint *c, dlx_error *err)
{
    char *path = dlx__checkpoint_file(c, "chat_template.jinja");
    if (!path)
        return no_memory(err);
    dlx_result r = DLX_OK;
    bool file = dlx__os_path_kind(path) == DLX__PATH_FILE;
    if (file)
        r = open_file(out, c, path, err);
    dlx__free(c->mem, path);
    if (file)
        return r;
    const json_t *text = template_in(c->tokenizer_config);
    if (!json_is_string(text))
        return no_template(c, err);
    return dlx__chat_parse(out, json_string_value(text), json_string_length(text),
                           "chat_template in tokenizer_config.json",
                           special_of(c->tokenizer_config, "bos_token"),
                           special_of(c->tokenizer_config, "eos_token"), c->mem, err);
}

/* The spelling of the token whose id stands under this key; {NULL, 0} when the file names none. */

static dlx__gguf_string special_in(const dlx__gguf *g, const char *key)
{
    const dlx__gguf_kv *tokens = dlx__gguf_find(g, "tokenizer.ggml.tokens");
    size_t id = 0;
    bool list = tokens && tokens->is_array && tokens->type == DLX__GGUF_STRING;
    if (!list || dlx__gguf_size(g, key, 0, SIZE_MAX, &id, NULL) != DLX_OK || id >= tokens->n)
        return (dlx__gguf_string){NULL, 0};
    return tokens->strings[id];
}

static dlx_result open_gguf(dlx__chat **out, const dlx__checkpoint *c, dlx_error *err)
{
    dlx__gguf_string text = {NULL, 0};
    if (!dlx__gguf_find(&c->gguf, "tokenizer.chat_template"))
        return no_template(c, err);
    DLX__TRY(dlx__gguf_text(&c->gguf, "tokenizer.chat_template", &text, err));
    dlx__chat *chat = NULL;
    DLX__TRY(dlx__chat_parse(&chat, text.data, text.len, "tokenizer.chat_template", NULL, NULL,
                             c->mem, err));
    dlx__gguf_string bos = special_in(&c->gguf, "tokenizer.ggml.bos_token_id");
    dlx__gguf_string eos = special_in(&c->gguf, "tokenizer.ggml.eos_token_id");
    dlx_result r = keep_special(&chat->bos, bos.data, bos.len, err);
    if (r == DLX_OK)
        r = keep_special(&chat->eos, eos.data, eos.len, err);
    if (r != DLX_OK) {
        dlx__chat_free(chat);
        return r;
    }
    *out = chat;
    return DLX_OK;
}

dlx_result dlx__chat_open(dlx__chat **out, const dlx__checkpoint *c, dlx_error *err)
{
    return c->kind == DLX__CHECKPOINT_GGUF ? open_gguf(out, c, err) : open_hf(out, c, err);
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
