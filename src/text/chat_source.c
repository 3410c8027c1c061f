/* chat_source.c - finding the chat template of a checkpoint. */
#include "text/chat_source.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <string.h>

enum { LONGEST_TEMPLATE = 1 << 20 }; /* bytes */

void dlx__chat_source_release(dlx__chat_source *s)
{
    dlx__free(s->mem, s->path);
    dlx__free(s->mem, s->file_text);
    *s = (dlx__chat_source){.mem = s->mem};
}

/* "eos_token": text or {"content": text, ...}. */
static dlx__gguf_string special_of(json_t *config, const char *key)
{
    const json_t *value = json_object_get(config, key);
    if (json_is_object(value))
        value = json_object_get(value, "content");
    const char *text = json_string_value(value);
    return (dlx__gguf_string){text, text ? strlen(text) : 0};
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

static dlx_result find_hf(dlx__chat_source *s, const dlx__checkpoint *c, dlx_error *err)
{
    s->bos = special_of(c->tokenizer_config, "bos_token");
    s->eos = special_of(c->tokenizer_config, "eos_token");
    s->path = dlx__checkpoint_file(c, "chat_template.jinja");
    if (!s->path)
        return dlx__fail_memory(err, "looking for the chat template", strlen(c->path));
    if (dlx__os_path_kind(s->path) == DLX__PATH_FILE) {
        DLX__TRY(dlx__os_read_file(&s->file_text, &s->n, s->path, LONGEST_TEMPLATE, s->mem, err));
        s->text = s->file_text;
        s->name = s->path;
        return DLX_OK;
    }
    const json_t *text = template_in(c->tokenizer_config);
    if (!json_is_string(text))
        return DLX_OK;
    s->text = json_string_value(text);
    s->n = json_string_length(text);
    s->name = "chat_template in tokenizer_config.json";
    return DLX_OK;
}

/* What our key says, else the spelling of the token whose id stands under llama.cpp's. */
static dlx__gguf_string special_in(const dlx__gguf *g, const char *own_key, const char *key)
{
    const dlx__gguf_kv *own = dlx__gguf_find(g, own_key);
    if (own && !own->is_array)
        return own->type == DLX__GGUF_STRING ? own->s : (dlx__gguf_string){NULL, 0};
    const dlx__gguf_kv *tokens = dlx__gguf_find(g, "tokenizer.ggml.tokens");
    size_t id = 0;
    bool list = tokens && tokens->is_array && tokens->type == DLX__GGUF_STRING;
    if (!list || dlx__gguf_size(g, key, 0, SIZE_MAX, &id, NULL) != DLX_OK || id >= tokens->n)
        return (dlx__gguf_string){NULL, 0};
    return tokens->strings[id];
}

static dlx_result find_gguf(dlx__chat_source *s, const dlx__checkpoint *c, dlx_error *err)
{
    dlx__gguf_string text;
    s->bos = special_in(&c->gguf, DLX__CHAT_BOS_KEY, "tokenizer.ggml.bos_token_id");
    s->eos = special_in(&c->gguf, DLX__CHAT_EOS_KEY, "tokenizer.ggml.eos_token_id");
    if (!dlx__gguf_find(&c->gguf, "tokenizer.chat_template"))
        return DLX_OK;
    DLX__TRY(dlx__gguf_text(&c->gguf, "tokenizer.chat_template", &text, err));
    s->text = text.data;
    s->n = text.len;
    s->name = "tokenizer.chat_template";
    return DLX_OK;
}

dlx_result dlx__chat_source_find(dlx__chat_source *s, const dlx__checkpoint *c, dlx_error *err)
{
    *s = (dlx__chat_source){.mem = c->mem};
    return c->kind == DLX__CHECKPOINT_GGUF ? find_gguf(s, c, err) : find_hf(s, c, err);
}
