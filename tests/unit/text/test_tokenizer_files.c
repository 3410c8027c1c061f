// labels: quick
/* Where a tokenizer can lie: vocab.json with merges.txt, tokenizer.json with tokenizer_config.json,
 * GGUF metadata; and what is said when it does not. Needs no data. */
#include "mini_tokenizer.h"

static dlx_result open_at(dlx__tokenizer **t, const char *path, dlx_error *err)
{
    dlx__checkpoint c;
    DLX__TRY(dlx__checkpoint_open(&c, path, DLX__NEED_NOTHING, NULL, err));
    dlx_result r = dlx__tokenizer_open(t, &c, err);
    bool missing;
    assert_int_equal(dlx__tokenizer_missing(&missing, &c, NULL), DLX_OK);
    assert_int_equal(missing, r == DLX_E_UNSUPPORTED && strstr(err->text, "no tokenizer") != NULL);
    dlx__checkpoint_release(&c);
    return r;
}

static void expect(const dlx__tokenizer *t, const char *text, unsigned flags, const char *ids)
{
    dlx_token want[64];
    size_t n = read_numbers(ids, strlen(ids), want, 64);
    assert_true(same_ids(t, text, strlen(text), flags, want, n));
}

static void refused(const char *path, dlx_result want, const char *part)
{
    dlx__tokenizer *t = NULL;
    dlx_error why = {0};
    dlx_result r = open_at(&t, path, &why);
    if (r != want || !strstr(why.text, part))
        fail_msg("%d '%s', want %d '%s'", (int)r, why.text, (int)want, part);
}

static const char qwen_config[] = "{\"tokenizer_class\":\"Qwen2Tokenizer\",\"eos_token\":\"<E>\","
                                  "\"mask_token\":{\"content\":\"<M>\"},"
                                  "\"additional_special_tokens\":[\"<X>\"]}";

static void older_layout(void **state)
{
    (void)state;
    char dir[512];
    dlx__tokenizer *t = NULL;
    make_dir(dir, "older");
    write_text(dir, "config.json", "{}");
    refused(dir, DLX_E_UNSUPPORTED, "no tokenizer");
    json_t *vocab = byte_vocab();
    json_object_set_new(vocab, "ab", json_integer(256));
    char *text = json_dumps(vocab, 0);
    write_text(dir, "vocab.json", text);
    free(text);
    json_decref(vocab);
    refused(dir, DLX_E_UNSUPPORTED, "tokenizer_class");
    write_text(dir, "tokenizer_config.json", "{\"tokenizer_class\":\"BertTokenizer\"}");
    refused(dir, DLX_E_UNSUPPORTED, "found 'BertTokenizer'");
    write_text(dir, "tokenizer_config.json", qwen_config);
    refused(dir, DLX_E_IO, "merges.txt");
    write_text(dir, "merges.txt", "#version: 0.2\r\na b\r\n\r\n");
    CHECK(open_at(&t, dir, err));
    expect(t, "ab12", 0, "256 16 17");
    dlx__tokenizer_free(t);
    write_text(dir, "added_tokens.json", "{\"<E>\":257,\"<M>\":258,\"<X>\":259,\"<think>\":260}");
    CHECK(open_at(&t, dir, err));
    expect(t, "<E><think>", 1, "257 260");
    for (dlx_token id = 257; id < 261; id++)
        assert_int_equal(dlx__tokenizer_is_special(t, id), id < 260);
    dlx__tokenizer_free(t);
    write_text(dir, "added_tokens.json", "{\"<E>\":\"257\"}");
    refused(dir, DLX_E_FORMAT, "'<E>' has no id");
    write_text(
        dir, "tokenizer_config.json",
        "{\"tokenizer_class\":\"GPT2Tokenizer\",\"added_tokens_decoder\":{\"257\":{\"content\":"
        "\"<A>\",\"special\":true}}}");
    CHECK(open_at(&t, dir, err)); /* added_tokens.json is not looked at any more */
    expect(t, "<A>", 1, "257");
    dlx__tokenizer_free(t);
    write_text(dir, "tokenizer_config.json",
               "{\"tokenizer_class\":\"GPT2Tokenizer\",\"added_tokens_decoder\":{\"x\":{"
               "\"content\":\"\"}}}");
    refused(dir, DLX_E_FORMAT, "added_tokens_decoder has the key 'x'");
    write_text(dir, "merges.txt", "a\n");
    refused(dir, DLX_E_FORMAT, "merges.txt: merge 0 is 'a'");
    write_text(dir, "vocab.json", "[]");
    refused(dir, DLX_E_FORMAT, "vocab.json: the vocabulary is missing or empty");
}

/* One id with two spellings: both are found, the first is shown. */
static void two_spellings(void **state)
{
    (void)state;
    char dir[512];
    dlx__tokenizer *t = NULL;
    make_dir(dir, "aliases");
    char *text = mini_json(NULL);
    write_text(dir, "tokenizer.json", text);
    free(text);
    write_text(dir, "tokenizer_config.json",
               "{\"added_tokens_decoder\":{\"259\":{\"content\":\"<Other>\",\"special\":true},"
               "\"300\":{\"content\":\"<New>\",\"special\":true}}}");
    CHECK(open_at(&t, dir, err));
    expect(t, "<S><Other><New>", 1, "259 259 300");
    assert_int_equal(dlx__tokenizer_find(t, "<Other>", 7), 259);
    assert_int_equal(dlx__tokenizer_text(t, 259).len, 3);
    assert_null(dlx__tokenizer_text(t, 280).data);
    assert_int_equal(dlx__tokenizer_n_ids(t), 301);
    dlx__tokenizer_free(t);
    write_text(dir, "tokenizer_config.json", "{\"added_tokens_decoder\":{\"259\":{}}}");
    refused(dir, DLX_E_FORMAT, "tokenizer.json: the added token 259 has no content");
    write_text(dir, "tokenizer.json", "{}");
    refused(dir, DLX_E_UNSUPPORTED, "tokenizer.json: model");
}

typedef struct gguf_parts {
    const char *model, *pre, *merge;
    bool tokens;
    size_t n_types;
} gguf_parts;

static void write_gguf(const char *path, const gguf_parts *parts)
{
    dlx__gguf_writer *w = NULL;
    dlx__gguf_string tokens[260];
    int32_t types[260];
    json_t *vocab = byte_vocab();
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(vocab, key, value)
    {
        tokens[json_integer_value(value)] = (dlx__gguf_string){key, strlen(key)};
    }
    tokens[256] = (dlx__gguf_string){"ab", 2};
    tokens[257] = (dlx__gguf_string){"<E>", 3};
    tokens[258] = (dlx__gguf_string){"<U>", 3};
    tokens[259] = (dlx__gguf_string){"[PAD]", 5};
    for (int i = 0; i < 260; i++)
        types[i] = i == 257 ? 3 : i == 258 ? 4 : i == 259 ? 5 : 1;
    CHECK(dlx__gguf_writer_open(&w, path, NULL, err));
    if (parts->model)
        assert_int_equal(dlx__gguf_put_text(w, "tokenizer.ggml.model", parts->model), DLX_OK);
    if (parts->pre)
        assert_int_equal(dlx__gguf_put_text(w, "tokenizer.ggml.pre", parts->pre), DLX_OK);
    if (parts->tokens)
        assert_int_equal(dlx__gguf_put_texts(w, "tokenizer.ggml.tokens", tokens, 260), DLX_OK);
    if (parts->n_types)
        assert_int_equal(dlx__gguf_put_i32s(w, "tokenizer.ggml.token_type", types, parts->n_types),
                         DLX_OK);
    if (parts->merge) {
        dlx__gguf_string merge = {parts->merge, strlen(parts->merge)};
        assert_int_equal(dlx__gguf_put_texts(w, "tokenizer.ggml.merges", &merge, 1), DLX_OK);
    }
    CHECK(dlx__gguf_begin_data(w, err));
    CHECK(dlx__gguf_writer_commit(w, err));
    json_decref(vocab);
}

static void in_gguf(void **state)
{
    (void)state;
    char dir[512], path[600];
    make_dir(dir, "gguf-tokenizer");
    snprintf(path, sizeof path, "%s/a.gguf", dir);
    static const struct {
        gguf_parts parts;
        dlx_result want;
        const char *part;
    } bad[] = {
        {{NULL, "qwen2", "a b", true, 260}, DLX_E_UNSUPPORTED, "no tokenizer"},
        {{"llama", "qwen2", "a b", true, 260},
         DLX_E_UNSUPPORTED,
         "tokenizer.ggml.model is 'llama'"},
        {{"gpt2", NULL, "a b", true, 260}, DLX_E_FORMAT, "tokenizer.ggml.pre"},
        {{"gpt2", "other", "a b", true, 260}, DLX_E_UNSUPPORTED, "pre-tokenizer 'other'"},
        {{"gpt2", "gpt", "a b", true, 260}, DLX_E_UNSUPPORTED, "pre-tokenizer 'gpt'"},
        {{"gpt2", "", "a b", true, 260}, DLX_E_UNSUPPORTED, "pre-tokenizer ''"},
        {{"gpt2", "qwen2", "a b", false, 0}, DLX_E_FORMAT, "tokenizer.ggml.tokens is missing"},
        {{"gpt2", "qwen2", NULL, true, 260}, DLX_E_FORMAT, "tokenizer.ggml.merges is missing"},
        {{"gpt2", "qwen2", "a b", true, 10}, DLX_E_FORMAT, "not a list of 260 numbers"},
        {{"gpt2", "qwen2", "ab", true, 260}, DLX_E_FORMAT, "merge 0 is 'ab'"},
    };
    for (size_t i = 0; i < DLX__LEN(bad); i++) {
        write_gguf(path, &bad[i].parts);
        refused(path, bad[i].want, bad[i].part);
    }
    static const char *const names[] = {"qwen2",          "gpt-2",        "smollm",
                                        "llama-bpe",      "llada-moe",    "bailingmoe2",
                                        "deepseek-coder", "deepseek-llm", "olmo"};
    for (size_t i = 0; i < DLX__LEN(names); i++) {
        dlx__tokenizer *t = NULL;
        write_gguf(path, &(gguf_parts){"gpt2", names[i], "a b", true, 260});
        CHECK(open_at(&t, path, err));
        expect(t, "ab<E><U>[", 1, "256 257 258 58");
        expect(t, "ab\n<E>", 0, "256 198 27 36 29");
        assert_true(dlx__tokenizer_is_special(t, 257));
        assert_false(dlx__tokenizer_is_special(t, 258));
        dlx__tokenizer_free(t);
    }
    dlx__tokenizer *t = NULL;
    write_gguf(path, &(gguf_parts){"gpt2", "qwen2", "a b", true, 0}); /* no types: all normal */
    CHECK(open_at(&t, path, err));
    expect(t, "ab<E>", 1, "256 27 36 29");
    dlx__tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_layout),
        cmocka_unit_test(two_spellings),
        cmocka_unit_test(in_gguf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
