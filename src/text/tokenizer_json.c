/*
 * tokenizer_json.c - the tokenizer.json of the Hugging Face tokenizers library. Whatever changes
 * ids and is not implemented is refused by its name; what only concerns training, offsets or
 * templates of pairs (post_processor, truncation, padding) is left alone.
 */
#include "base/fail.h"
#include "text/tokenizer_impl.h"

#include <string.h>

/* The text of a field, "" when it is missing or no text. */
static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool flag_of(const json_t *object, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

static dlx_result refuse(dlx_error *err, const char *part, const char *what)
{
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s '%.60s' is not supported (byte-level BPE as in the Qwen, LLaDA and GPT-2 "
                     "families is); use a checkpoint with such a tokenizer, or pass --ids",
                     part, what);
}

static dlx_result read_normalizer(dlx__tokenizer *t, const json_t *n, int depth, dlx_error *err)
{
    if (!n || json_is_null(n))
        return DLX_OK;
    const char *type = text_of(n, "type");
    if (strcmp(type, "NFC") == 0) {
        t->nfc = true;
        return DLX_OK;
    }
    const json_t *list = json_object_get(n, "normalizers");
    if (strcmp(type, "Sequence") != 0 || !json_is_array(list) || depth > 4)
        return refuse(err, "normalizer", type);
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(list, i, item) DLX__TRY(read_normalizer(t, item, depth + 1, err));
    return DLX_OK;
}

static dlx_result read_split(dlx__tokenizer *t, const json_t *p, dlx_error *err)
{
    const json_t *pattern = json_object_get(p, "pattern");
    const json_t *regex = json_object_get(pattern, "Regex");
    const json_t *literal = json_object_get(pattern, "String");
    const json_t *chosen = json_is_string(regex) ? regex : literal;
    if (!json_is_string(chosen))
        return dlx__fail(err, DLX_E_FORMAT,
                         "pre_tokenizer 'Split' has no pattern (expected {\"Regex\": text} or "
                         "{\"String\": text})");
    const char *behavior = text_of(p, "behavior");
    dlx__pretok_step step = {.removed = strcmp(behavior, "Removed") == 0,
                             .invert = flag_of(p, "invert", false)};
    if (!step.removed && strcmp(behavior, "Isolated") != 0)
        return refuse(err, "pre_tokenizer 'Split' with the behavior", behavior);
    const char *text = json_string_value(chosen);
    size_t n = json_string_length(chosen);
    if (chosen == regex)
        DLX__TRY(dlx__pattern_open(&step.pattern, text, n, t->mem, err));
    else
        DLX__TRY(dlx__pattern_open_literal(&step.pattern, text, n, t->mem, err));
    return dlx__pretok_add(&t->pretok, step, err);
}

static dlx_result read_byte_level(dlx__tokenizer *t, const json_t *p, dlx_error *err)
{
    if (flag_of(p, "add_prefix_space", true))
        return refuse(err, "pre_tokenizer 'ByteLevel' with", "add_prefix_space: true");
    return flag_of(p, "use_regex", true)
               ? dlx__pretok_add_regex(&t->pretok, dlx__pretok_gpt2_regex, err)
               : DLX_OK;
}

/* `level` becomes true at ByteLevel, which must come, and come last. */
static dlx_result read_pretok(dlx__tokenizer *t, const json_t *p, bool *level, int depth,
                              dlx_error *err)
{
    const char *type = text_of(p, "type");
    const json_t *list = json_object_get(p, "pretokenizers");
    if (strcmp(type, "Sequence") == 0 && json_is_array(list) && depth < 4) {
        size_t i = 0;
        const json_t *item = NULL;
        json_array_foreach(list, i, item) DLX__TRY(read_pretok(t, item, level, depth + 1, err));
        return DLX_OK;
    }
    if (*level)
        return refuse(err, "a pre_tokenizer after ByteLevel,", type);
    if (strcmp(type, "Split") == 0)
        return read_split(t, p, err);
    if (strcmp(type, "Digits") == 0)
        return dlx__pretok_add_regex(
            &t->pretok, flag_of(p, "individual_digits", false) ? "\\p{N}" : "\\p{N}+", err);
    if (strcmp(type, "ByteLevel") != 0)
        return refuse(err, "pre_tokenizer", type);
    *level = true;
    return read_byte_level(t, p, err);
}

/* ByteLevel, or a Sequence of nothing else. */
static bool decodes_bytes(const json_t *decoder)
{
    const char *type = text_of(decoder, "type");
    const json_t *list = json_object_get(decoder, "decoders");
    if (strcmp(type, "Sequence") != 0)
        return strcmp(type, "ByteLevel") == 0;
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(list, i,
                       item) if (strcmp(text_of(item, "type"), "ByteLevel") != 0) return false;
    return json_array_size(list) > 0;
}

dlx_result dlx__tokenizer_read_vocab(dlx__tokenizer *t, json_t *object, dlx_error *err)
{
    if (!json_is_object(object) || json_object_size(object) == 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "the vocabulary is missing or empty; expected {\"token\": id, ...}");
    dlx__vocab_expect(&t->vocab, json_object_size(object));
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const json_t *id = json_object_iter_value(i);
        const char *text = json_object_iter_key(i);
        if (!json_is_integer(id) || json_integer_value(id) < 0)
            return dlx__fail(err, DLX_E_FORMAT,
                             "the token '%.60s' has no id (a whole number from 0 up is expected)",
                             text);
        DLX__TRY(dlx__vocab_put(&t->vocab, (uint64_t)json_integer_value(id), text,
                                json_object_iter_key_len(i), 0, err));
    }
    return DLX_OK;
}

static dlx_result read_merge(dlx__tokenizer *t, const json_t *merge, dlx_error *err)
{
    if (json_is_string(merge))
        return dlx__bpe_add_line(&t->bpe, &t->vocab, json_string_value(merge),
                                 json_string_length(merge), err);
    const json_t *left = json_array_get(merge, 0);
    const json_t *right = json_array_get(merge, 1);
    if (json_array_size(merge) != 2 || !json_is_string(left) || !json_is_string(right))
        return dlx__fail(err, DLX_E_FORMAT,
                         "merge %zu is neither \"left right\" nor [\"left\", \"right\"]",
                         t->bpe.n_merges);
    return dlx__bpe_add(&t->bpe, &t->vocab, json_string_value(left), json_string_length(left),
                        json_string_value(right), json_string_length(right), err);
}

static dlx_result read_unknown(dlx__tokenizer *t, const json_t *model, dlx_error *err)
{
    const json_t *unknown = json_object_get(model, "unk_token");
    if (!json_is_string(unknown))
        return DLX_OK;
    t->bpe.unknown =
        dlx__vocab_find(&t->vocab, json_string_value(unknown), json_string_length(unknown));
    if (t->bpe.unknown < 0)
        return dlx__fail(err, DLX_E_FORMAT, "the unk_token '%.60s' is not in the vocabulary",
                         json_string_value(unknown));
    t->bpe.fuse_unknown = flag_of(model, "fuse_unk", false);
    return DLX_OK;
}

static dlx_result read_model(dlx__tokenizer *t, const json_t *model, dlx_error *err)
{
    const char *type = text_of(model, "type");
    const json_t *merges = json_object_get(model, "merges");
    bool bpe = strcmp(type, "BPE") == 0 || (!*type && json_is_array(merges));
    if (!bpe)
        return refuse(err, "model", *type ? type : "without a type");
    if (!json_is_array(merges))
        return dlx__fail(err, DLX_E_FORMAT, "model.merges is missing; a list of pairs is expected");
    if (flag_of(model, "byte_fallback", false))
        return refuse(err, "model 'BPE' with", "byte_fallback: true");
    if (json_number_value(json_object_get(model, "dropout")) != 0.0)
        return refuse(err, "model 'BPE' with", "dropout");
    if (*text_of(model, "continuing_subword_prefix") || *text_of(model, "end_of_word_suffix"))
        return refuse(err, "model 'BPE' with", "continuing_subword_prefix or end_of_word_suffix");
    t->bpe.whole_first = flag_of(model, "ignore_merges", false);
    DLX__TRY(dlx__tokenizer_read_vocab(t, json_object_get(model, "vocab"), err));
    DLX__TRY(read_unknown(t, model, err));
    DLX__TRY(dlx__bpe_reserve(&t->bpe, json_array_size(merges), err));
    size_t i = 0;
    const json_t *merge = NULL;
    json_array_foreach(merges, i, merge) DLX__TRY(read_merge(t, merge, err));
    return DLX_OK;
}

static dlx_result read_added_list(dlx__tokenizer *t, const json_t *list, dlx_error *err)
{
    if (list && !json_is_null(list) && !json_is_array(list))
        return dlx__fail(err, DLX_E_FORMAT, "added_tokens is not a list");
    dlx__vocab_expect(&t->vocab, json_array_size(list));
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        const json_t *id = json_object_get(item, "id");
        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) > INT32_MAX)
            return dlx__fail(err, DLX_E_FORMAT,
                             "added token %zu has no id (a whole number from 0 up is expected)", i);
        DLX__TRY(dlx__tokenizer_read_added(t, item, (dlx_token)json_integer_value(id), false, err));
    }
    return DLX_OK;
}

dlx_result dlx__tokenizer_read_added(dlx__tokenizer *t, const json_t *object, dlx_token id,
                                     bool alias, dlx_error *err)
{
    const json_t *content = json_object_get(object, "content");
    if (!json_is_string(content))
        return dlx__fail(err, DLX_E_FORMAT, "the added token %d has no content", (int)id);
    dlx__added_token token = {.id = id,
                              .special = flag_of(object, "special", false),
                              .single_word = flag_of(object, "single_word", false),
                              .lstrip = flag_of(object, "lstrip", false),
                              .rstrip = flag_of(object, "rstrip", false)};
    token.normalized = flag_of(object, "normalized", !token.special);
    return dlx__tokenizer_add(t, json_string_value(content), json_string_length(content), token,
                              alias, err);
}

dlx_result dlx__tokenizer_from_json(dlx__tokenizer *t, const json_t *root, dlx_error *err)
{
    if (!json_is_object(root))
        return dlx__fail(err, DLX_E_FORMAT, "expected an object at the top");
    bool level = false;
    DLX__TRY(read_model(t, json_object_get(root, "model"), err));
    DLX__TRY(read_normalizer(t, json_object_get(root, "normalizer"), 0, err));
    DLX__TRY(read_pretok(t, json_object_get(root, "pre_tokenizer"), &level, 0, err));
    if (!level)
        return refuse(err, "pre_tokenizer without", "ByteLevel");
    const json_t *decoder = json_object_get(root, "decoder");
    if (!decodes_bytes(decoder))
        return refuse(err, "decoder", text_of(decoder, "type"));
    return read_added_list(t, json_object_get(root, "added_tokens"), err);
}
