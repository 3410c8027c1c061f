/*
 * tokenizer_files.c - the older layout of a checkpoint: vocab.json and merges.txt, added tokens in
 * tokenizer_config.json (added_tokens_decoder) or added_tokens.json. The pattern stands in none of
 * these files: the tokenizer's class implies it.
 */
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "text/tokenizer_impl.h"

#include <stdlib.h>
#include <string.h>

typedef struct known_class {
    const char *name;
    bool nfc;
    const char *regex;
} known_class;

static const known_class known_classes[] = {
    {"Qwen2Tokenizer", true, dlx__pretok_qwen_regex},
    {"Qwen2TokenizerFast", true, dlx__pretok_qwen_regex},
    {"DreamTokenizer", true, dlx__pretok_qwen_regex},
    {"GPT2Tokenizer", false, dlx__pretok_gpt2_regex},
    {"GPT2TokenizerFast", false, dlx__pretok_gpt2_regex},
};

static dlx_result read_class(dlx__tokenizer *t, const dlx__checkpoint *c, dlx_error *err)
{
    const char *name = json_string_value(json_object_get(c->tokenizer_config, "tokenizer_class"));
    for (size_t i = 0; name && i < DLX__LEN(known_classes); i++) {
        if (strcmp(name, known_classes[i].name) != 0)
            continue;
        t->nfc = known_classes[i].nfc;
        return dlx__pretok_add_regex(&t->pretok, known_classes[i].regex, err);
    }
    return dlx__fail(
        err, DLX_E_UNSUPPORTED,
        "%s: vocab.json and merges.txt need a tokenizer_class in tokenizer_config.json "
        "that says how text is cut (Qwen2Tokenizer, DreamTokenizer, GPT2Tokenizer), "
        "found '%.60s'; add the model's tokenizer.json",
        c->path, name ? name : "none");
}

/* Lines of two tokens; a first line that begins with #version is a comment. */
static dlx_result read_merges(dlx__tokenizer *t, const char *text, size_t n, dlx_error *err)
{
    size_t n_lines = 1;
    for (size_t i = 0; i < n; i++)
        n_lines += text[i] == '\n';
    DLX__TRY(dlx__bpe_reserve(&t->bpe, n_lines, err));
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t len = end ? (size_t)(end - (text + at)) : n - at;
        size_t next = at + len + 1;
        if (len > 0 && text[at + len - 1] == '\r')
            len--;
        bool comment = at == 0 && len >= 8 && memcmp(text, "#version", 8) == 0;
        if (len > 0 && !comment)
            DLX__TRY(dlx__bpe_add_line(&t->bpe, &t->vocab, text + at, len, err));
        at = next;
    }
    return DLX_OK;
}

static dlx_result read_merges_file(dlx__tokenizer *t, const char *path, dlx_error *err)
{
    char *text = NULL;
    size_t n = 0;
    DLX__TRY(dlx__os_read_file(&text, &n, path, DLX__JSON_MAX_BYTES, t->mem, err));
    dlx_result r = read_merges(t, text, n, err);
    dlx__free(t->mem, text);
    if (r != DLX_OK)
        dlx__fail_prefix(err, path);
    return r;
}

static dlx_result read_vocab_file(dlx__tokenizer *t, const char *path, dlx_error *err)
{
    json_t *json = NULL;
    DLX__TRY(dlx__json_load(&json, path, t->mem, err));
    dlx_result r = dlx__tokenizer_read_vocab(t, json, err);
    json_decref(json);
    if (r != DLX_OK)
        dlx__fail_prefix(err, path);
    return r;
}

dlx_result dlx__tokenizer_add_decoder(dlx__tokenizer *t, json_t *decoder, dlx_error *err)
{
    dlx__vocab_expect(&t->vocab, json_object_size(decoder));
    for (void *i = json_object_iter(decoder); i; i = json_object_iter_next(decoder, i)) {
        const char *key = json_object_iter_key(i);
        char *end = NULL;
        long id = strtol(key, &end, 10);
        if (!*key || *end || id < 0 || id > INT32_MAX)
            return dlx__fail(
                err, DLX_E_FORMAT,
                "tokenizer_config.json: added_tokens_decoder has the key '%.40s' where "
                "a token id is expected",
                key);
        DLX__TRY(dlx__tokenizer_read_added(t, json_object_iter_value(i), (dlx_token)id, true, err));
    }
    return DLX_OK;
}

/* Does a value of tokenizer_config.json name this token: as text, {"content": text} or in a list?
 */
static bool names_token(const json_t *value, const char *text, int depth)
{
    if (json_is_object(value))
        value = json_object_get(value, "content");
    if (json_is_string(value))
        return strcmp(json_string_value(value), text) == 0;
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(value, i,
                       item) if (depth < 1 && names_token(item, text, depth + 1)) return true;
    return false;
}

/* added_tokens.json has no flags; a token that the configuration uses for a purpose is special. */
static bool is_special_by_config(json_t *config, const char *text)
{
    static const char *const keys[] = {
        "bos_token", "eos_token",  "pad_token", "unk_token",
        "sep_token", "mask_token", "cls_token", "additional_special_tokens"};
    for (size_t i = 0; i < DLX__LEN(keys); i++)
        if (names_token(json_object_get(config, keys[i]), text, 0))
            return true;
    return false;
}

static dlx_result add_plain_list(dlx__tokenizer *t, json_t *list, json_t *config, dlx_error *err)
{
    dlx__vocab_expect(&t->vocab, json_object_size(list));
    for (void *i = json_object_iter(list); i; i = json_object_iter_next(list, i)) {
        const char *text = json_object_iter_key(i);
        const json_t *id = json_object_iter_value(i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) > INT32_MAX)
            return dlx__fail(err, DLX_E_FORMAT,
                             "added_tokens.json: '%.60s' has no id (a whole number is expected)",
                             text);
        dlx__added_token token = {.id = (dlx_token)json_integer_value(id),
                                  .special = is_special_by_config(config, text)};
        DLX__TRY(dlx__tokenizer_add(t, text, json_object_iter_key_len(i), token, false, err));
    }
    return DLX_OK;
}

dlx_result dlx__tokenizer_from_files(dlx__tokenizer *t, const dlx__checkpoint *c, dlx_error *err)
{
    char *vocab = dlx__checkpoint_file(c, "vocab.json");
    char *merges = dlx__checkpoint_file(c, "merges.txt");
    dlx_result r = DLX_OK;
    if (!vocab || !merges)
        DLX__GO(dlx__fail_memory(err, "opening the tokenizer", strlen(c->path)));
    DLX__GO(read_class(t, c, err));
    DLX__GO(read_vocab_file(t, vocab, err));
    DLX__GO(read_merges_file(t, merges, err));
    json_t *decoder = json_object_get(c->tokenizer_config, "added_tokens_decoder");
    if (json_is_object(
            decoder)) /* it has the flags; the reference then ignores added_tokens.json */
        DLX__GO(dlx__tokenizer_add_decoder(t, decoder, err));
    else
        DLX__GO(add_plain_list(t, c->added_tokens, c->tokenizer_config, err));
done:
    dlx__free(c->mem, vocab);
    dlx__free(c->mem, merges);
    return r;
}
