/* mini_tokenizer.h - a tokenizer.json of 261 tokens that tests change in one place each. */
#ifndef MINI_TOKENIZER_H
#define MINI_TOKENIZER_H

#include "text_support.h"

/* Bytes 0-255 in GPT-2's order ('a' is 64), then ab 256, abc 257, "Ġa" 258, <S> 259, <T> 260. */
static const char mini_base[] =
    "{\"model\":{\"type\":\"BPE\",\"byte_fallback\":false,\"dropout\":null,\"unk_token\":null,"
    "\"merges\":[\"a b\",[\"ab\",\"c\"],\"\\u0120 a\"]},"
    "\"normalizer\":{\"type\":\"NFC\"},"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
    "\"decoder\":{\"type\":\"ByteLevel\"},"
    "\"added_tokens\":[{\"id\":259,\"content\":\"<S>\",\"special\":true},"
    "{\"id\":260,\"content\":\"<T>\",\"special\":false,\"normalized\":false}]}";

/* The base with the fields of `patch` (JSON, may be NULL) put over it, as text to be freed. */
static inline char *mini_json(const char *patch)
{
    json_t *root = json_loads(mini_base, 0, NULL);
    json_t *vocab = byte_vocab();
    json_object_set_new(vocab, "ab", json_integer(256));
    json_object_set_new(vocab, "abc", json_integer(257));
    json_object_set_new(vocab,
                        "\xC4\xA0"
                        "a",
                        json_integer(258));
    json_object_set_new(json_object_get(root, "model"), "vocab", vocab);
    if (patch) {
        json_t *over = json_loads(patch, 0, NULL);
        assert_non_null(over);
        assert_int_equal(json_object_update_recursive(root, over), 0);
        json_decref(over);
    }
    char *text = json_dumps(root, 0);
    json_decref(root);
    return text;
}

static inline dlx_result mini_open(dlx__tokenizer **t, const char *patch, dlx_error *err)
{
    char *text = mini_json(patch);
    dlx_result r = dlx__tokenizer_parse(t, text, strlen(text), "mini.json", NULL, err);
    free(text);
    return r;
}

#endif
