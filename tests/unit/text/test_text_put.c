// labels: quick
/*
 * test_text_put.c - a tokenizer written as GGUF keys is the same tokenizer: the one that ships, the
 * mini one in many variants, and the real vocabularies where they are (DLX_TEST_DATA).
 */
#include "failing_mem.h"
#include "mini_tokenizer.h"

#include "base/fail.h"
#include "text/chat.h"
#include "text/text_put.h"
#include "text/tokenizer_impl.h"

static const char gguf_name[] = DLX_TMP_DIR "/text-put.gguf";

/* Writes the text of a checkpoint alone. */
static dlx_result put(const dlx__checkpoint *c, const dlx__tokenizer *t,
                      const dlx__text_facts *facts, const dlx_allocator *mem, dlx_error *err)
{
    dlx__gguf_writer *w = NULL;
    DLX__TRY(dlx__gguf_writer_open(&w, gguf_name, mem, err));
    dlx_result r = DLX_OK;
    if (facts->bos_id >= 0)
        r = dlx__gguf_put_u32(w, "tokenizer.ggml.bos_token_id", (uint32_t)facts->bos_id);
    if (r == DLX_OK && facts->eos_id >= 0)
        r = dlx__gguf_put_u32(w, "tokenizer.ggml.eos_token_id", (uint32_t)facts->eos_id);
    r = r == DLX_OK ? dlx__text_put(w, c, t, facts, err) : dlx__fail_memory(err, "putting ids", 8);
    if (r == DLX_OK)
        r = dlx__gguf_begin_data(w, err);
    if (r == DLX_OK)
        return dlx__gguf_writer_commit(w, err);
    dlx__gguf_writer_abandon(w);
    return r;
}

static void open_gguf(dlx__checkpoint *c)
{
    CHECK(dlx__checkpoint_open(c, gguf_name, DLX__NEED_NOTHING, NULL, err));
}

static void same_tokens(const dlx__tokenizer *a, const dlx__tokenizer *b)
{
    assert_int_equal(dlx__tokenizer_n_ids(a), dlx__tokenizer_n_ids(b));
    for (dlx_token id = 0; id < (dlx_token)dlx__tokenizer_n_ids(a); id++) {
        dlx__token_span x = dlx__tokenizer_text(a, id), y = dlx__tokenizer_text(b, id);
        dlx__token_span v = dlx__tokenizer_bytes(a, id), w = dlx__tokenizer_bytes(b, id);
        assert_int_equal(x.data == NULL, y.data == NULL);
        assert_int_equal(x.len, y.len);
        assert_int_equal(v.len, w.len);
        if (!x.data)
            continue;
        assert_memory_equal(x.data, y.data, x.len);
        assert_memory_equal(v.data, w.data, v.len);
        assert_int_equal(dlx__tokenizer_is_special(a, id), dlx__tokenizer_is_special(b, id));
        assert_int_equal(dlx__tokenizer_find(a, x.data, x.len),
                         dlx__tokenizer_find(b, x.data, x.len));
    }
}

/* The same ids, or the same refusal, with and without special tokens. */
static void same_encoding(const dlx__tokenizer *a, const dlx__tokenizer *b, const char *text,
                          size_t n)
{
    for (unsigned flags = 0; flags < 2; flags++) {
        dlx__ids ids, other;
        dlx_error e1 = {0}, e2 = {0};
        dlx__ids_init(&ids, NULL);
        dlx__ids_init(&other, NULL);
        dlx_result r = dlx__tokenizer_encode(a, text, n, flags, &ids, &e1);
        assert_int_equal(dlx__tokenizer_encode(b, text, n, flags, &other, &e2), r);
        if (r == DLX_OK)
            assert_true(same_ids(b, text, n, flags, ids.data, ids.n));
        dlx__ids_release(&ids);
        dlx__ids_release(&other);
    }
}

static const char *const texts[] = {
    "",
    "ab abc <S> <T>  ab<S>\n\n\r\n 123 4567",
    "e\xCC\x81\xE2\x82\xAC \xC3\xA9 \xE4\xB8\xAD\xE6\x96\x87 don't we'LL",
    "<Other><New> x<S>x <P> <p>  tail  ",
    "{\"name\": \"Ana Lima\", \"total\": 42.50, \"date\": \"2024-03-05\"}",
    "[PAD261] [PAD5] a.b.c a1b22c333",
};

static void same_texts(const dlx__tokenizer *a, const dlx__tokenizer *b)
{
    for (size_t i = 0; i < DLX__LEN(texts); i++)
        same_encoding(a, b, texts[i], strlen(texts[i]));
}

/* Through a GGUF of n_rows rows and back; the caller frees both. */
static void there_and_back(const char *dir, size_t n_rows, dlx__tokenizer **a, dlx__tokenizer **b)
{
    dlx__checkpoint c;
    CHECK(dlx__checkpoint_open(&c, dir, DLX__NEED_NOTHING, NULL, err));
    CHECK(dlx__tokenizer_open(a, &c, err));
    dlx__text_facts facts = {.n_rows = n_rows, .bos_id = -1, .eos_id = -1};
    CHECK(put(&c, *a, &facts, NULL, err));
    dlx__checkpoint_release(&c);
    *b = open_dir(gguf_name);
}

static bool has_key(const char *key)
{
    dlx__checkpoint c;
    open_gguf(&c);
    bool there = dlx__gguf_find(&c.gguf, key) != NULL;
    dlx__checkpoint_release(&c);
    return there;
}

static void expect_pre(const char *name)
{
    dlx__checkpoint c;
    dlx__gguf_string pre;
    open_gguf(&c);
    CHECK(dlx__gguf_text(&c.gguf, "tokenizer.ggml.pre", &pre, err));
    assert_int_equal(pre.len, strlen(name));
    assert_memory_equal(pre.data, name, pre.len);
    dlx__checkpoint_release(&c);
}

typedef struct variant {
    const char *patch; /* of mini_base */
    const char *config;
    const char *pre;
    bool patterns, added;
} variant;

#define SPLIT(regex, more)                                                                         \
    "{\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"  \
    "\"Split\",\"pattern\":" regex more "},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"    \
    "\"use_regex\":false}]}}"

static const variant variants[] = {
    {"{\"normalizer\":null}", NULL, "gpt-2", false, false},
    {NULL, NULL, "default", true, false}, /* gpt-2's pattern and NFC: no name for the two */
    {SPLIT("{\"Regex\":\"\\\\p{L}+|\\\\p{N}\"}", ",\"behavior\":\"Isolated\""), NULL, "default",
     true, false},
    {SPLIT("{\"String\":\".\"}", ",\"behavior\":\"Removed\""), NULL, "default", true, false},
    {SPLIT("{\"Regex\":\"[ab]+\"}", ",\"behavior\":\"Removed\",\"invert\":true"), NULL, "default",
     true, false},
    {SPLIT("{\"Regex\":\"[ab]+\"}", ",\"behavior\":\"Isolated\",\"invert\":true"), NULL, "default",
     true, false},
    {"{\"pre_tokenizer\":{\"use_regex\":false}}", NULL, "default", true, false}, /* no splitter */
    {"{\"normalizer\":null,\"model\":{\"ignore_merges\":true}}", NULL, "default", true, false},
    {"{\"model\":{\"unk_token\":\"<T>\",\"fuse_unk\":true,\"vocab\":{\"<T>\":260}}}", NULL,
     "default", true, false},
    {"{\"normalizer\":null,\"added_tokens\":[{\"id\":259,\"content\":\"<S>\",\"special\":true,"
     "\"lstrip\":true,\"rstrip\":true},{\"id\":300,\"content\":\"<p>\",\"special\":false,"
     "\"single_word\":true},{\"id\":301,\"content\":\"e\\u0301\",\"special\":false}]}",
     NULL, "gpt-2", false, true},
    {"{\"normalizer\":null}", /* a second spelling of 259, a gap before 300 */
     "{\"added_tokens_decoder\":{\"259\":{\"content\":\"<Other>\",\"special\":true},"
     "\"300\":{\"content\":\"<New>\",\"special\":true,\"normalized\":false}}}",
     "gpt-2", false, true},
    {"{\"normalizer\":null}",
     "{\"added_tokens_decoder\":{\"300\":{\"content\":\"<New>\",\"special\":true}}}", "gpt-2",
     false, false},
};

static void variants_come_back(void **state)
{
    (void)state;
    char dir[512];
    for (size_t i = 0; i < DLX__LEN(variants); i++) {
        const variant *v = &variants[i];
        dlx__tokenizer *a = NULL, *b = NULL;
        make_dir(dir, "text-put");
        char *json = mini_json(v->patch);
        write_text(dir, "tokenizer.json", json);
        free(json);
        if (v->config)
            write_text(dir, "tokenizer_config.json", v->config);
        there_and_back(dir, 320, &a, &b);
        print_message("variant %zu: %s%s%s\n", i, v->pre, v->patterns ? ", patterns" : "",
                      v->added ? ", added tokens" : "");
        expect_pre(v->pre);
        assert_int_equal(has_key("dlx.tokenizer.patterns"), v->patterns);
        assert_int_equal(has_key("dlx.tokenizer.added"), v->added);
        same_tokens(a, b);
        same_texts(a, b);
        assert_int_equal(a->nfc, b->nfc);
        assert_int_equal(a->bpe.unknown, b->bpe.unknown);
        assert_int_equal(a->bpe.fuse_unknown, b->bpe.fuse_unknown);
        assert_int_equal(a->bpe.whole_first, b->bpe.whole_first);
        dlx__tokenizer_free(a);
        dlx__tokenizer_free(b);
    }
}

/* The model that ships: text of its own kind, whole. */
static void records_come_back(void **state)
{
    (void)state;
    dlx__tokenizer *a = NULL, *b = NULL;
    there_and_back(DLX_SOURCE_DIR "/models/records", 0, &a, &b);
    same_tokens(a, b);
    same_texts(a, b);
    size_t n = 0;
    char *text = read_all(DLX_SOURCE_DIR "/models/records/heldout.jsonl", &n);
    same_encoding(a, b, text, n);
    print_message("records: %zu tokens, %zu bytes of text\n", dlx__tokenizer_n_ids(a), n);
    dlx__free(NULL, text);
    dlx__tokenizer_free(a);
    dlx__tokenizer_free(b);
}

static void refused(const char *patch, const char *part)
{
    char dir[512];
    make_dir(dir, "text-put");
    char *json = mini_json(patch);
    write_text(dir, "tokenizer.json", json);
    free(json);
    dlx__checkpoint c;
    dlx__tokenizer *t = NULL;
    dlx_error why = {0};
    CHECK(dlx__checkpoint_open(&c, dir, DLX__NEED_NOTHING, NULL, err));
    CHECK(dlx__tokenizer_open(&t, &c, err));
    dlx__text_facts facts = {.n_rows = 320, .bos_id = -1, .eos_id = -1};
    assert_int_equal(put(&c, t, &facts, NULL, &why), DLX_E_UNSUPPORTED);
    if (!strstr(why.text, part))
        fail_msg("expected \"%s\" in: %s", part, why.text);
    dlx__tokenizer_free(t);
    dlx__checkpoint_release(&c);
}

static void what_gguf_cannot_say_is_refused(void **state)
{
    (void)state;
    refused("{\"model\":{\"merges\":[[\"a \",\"b\"]],\"vocab\":{\"a \":261,\"a b\":262}}}",
            "parts the two by a space");
    refused(
        "{\"model\":{\"vocab\":{\"<T>\":262}},\"added_tokens\":[{\"id\":260,\"content\":\"<T>\","
        "\"special\":true}]}",
        "have one spelling");
}

/* Every row of the table gets a token; ids without one are named as llama.cpp's converter does. */
static void gaps_are_named_and_stay_gaps(void **state)
{
    (void)state;
    char dir[512];
    dlx__tokenizer *a = NULL, *b = NULL;
    make_dir(dir, "text-put");
    char *json = mini_json(NULL);
    write_text(dir, "tokenizer.json", json);
    free(json);
    there_and_back(dir, 270, &a, &b);
    dlx__checkpoint c;
    open_gguf(&c);
    const dlx__gguf_kv *tokens = dlx__gguf_find(&c.gguf, "tokenizer.ggml.tokens");
    const dlx__gguf_kv *types = dlx__gguf_find(&c.gguf, "tokenizer.ggml.token_type");
    assert_int_equal(tokens->n, 270);
    assert_memory_equal(tokens->strings[269].data, "[PAD269]", 8);
    assert_int_equal(dlx__gguf_array_int(types, 269), 5);
    assert_int_equal(dlx__gguf_array_int(types, 259), 3);
    assert_int_equal(dlx__gguf_array_int(types, 260), 4);
    assert_int_equal(dlx__tokenizer_n_ids(b), 261);
    dlx__checkpoint_release(&c);
    dlx__tokenizer_free(a);
    dlx__tokenizer_free(b);
}

static const char template[] =
    "{{ bos_token if bos_token is defined and bos_token is not none else 'nothing' }}|"
    "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}";

static void render(const dlx__chat *chat, char out[200])
{
    json_t *messages = json_loads("[{\"role\":\"user\",\"content\":\"hi\"}]", 0, NULL);
    dlx__chat_input in = {.messages = messages};
    dlx__buf text;
    dlx__buf_init(&text, NULL);
    CHECK(dlx__chat_render(chat, &in, &text, err));
    snprintf(out, 200, "%s", text.data);
    dlx__buf_release(&text);
    json_decref(messages);
}

/* The ids of the model and the tokens of the template may differ: the chat stays what it was. */
static void chats_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        int64_t bos, eos;
        bool own_bos, own_eos;
    } cases[] = {
        {"{\"bos_token\":\"<S>\",\"eos_token\":{\"content\":\"<T>\"}}", 259, 260, false, false},
        {"{\"bos_token\":\"<S>\",\"eos_token\":\"<T>\"}", -1, 259, true, true},
        {"{\"bos_token\":null,\"eos_token\":\"<T>\"}", 259, 260, true, false},
        {"{\"bos_token\":null,\"eos_token\":\"\"}", -1, 260, false, true},
        {"{\"bos_token\":\"<no token>\",\"eos_token\":\"<T>\",\"pad_token\":\"<T>\"}", 265, 5000,
         true, true},
    };
    for (size_t i = 0; i < 2 * DLX__LEN(cases); i++) {
        char dir[512], want[200], have[200];
        const bool with_tokenizer = i % 2 == 0;
        make_dir(dir, "text-put");
        char *json = mini_json(NULL);
        write_text(dir, "tokenizer.json", json);
        free(json);
        write_text(dir, "chat_template.jinja", template);
        write_text(dir, "tokenizer_config.json", cases[i / 2].config);
        dlx__checkpoint c;
        dlx__tokenizer *t = NULL;
        dlx__chat *chat = NULL;
        CHECK(dlx__checkpoint_open(&c, dir, DLX__NEED_NOTHING, NULL, err));
        CHECK(dlx__tokenizer_open(&t, &c, err));
        CHECK(dlx__chat_open(&chat, &c, err));
        render(chat, want);
        dlx__chat_free(chat);
        dlx__text_facts facts = {320, cases[i / 2].bos, cases[i / 2].eos};
        CHECK(put(&c, with_tokenizer ? t : NULL, &facts, NULL, err));
        dlx__tokenizer_free(t);
        dlx__checkpoint_release(&c);
        open_gguf(&c);
        if (with_tokenizer) {
            assert_int_equal(!!dlx__gguf_find(&c.gguf, "dlx.chat.bos_token"), cases[i / 2].own_bos);
            assert_int_equal(!!dlx__gguf_find(&c.gguf, "dlx.chat.eos_token"), cases[i / 2].own_eos);
        }
        CHECK(dlx__chat_open(&chat, &c, err));
        render(chat, have);
        assert_string_equal(have, want);
        dlx__chat_free(chat);
        dlx__checkpoint_release(&c);
    }
}

/* llama.cpp's word for no vocabulary is ours for no tokenizer. */
static void none_is_none(void **state)
{
    (void)state;
    char dir[512];
    make_dir(dir, "text-put");
    write_text(dir, "config.json", "{}");
    /* from the directory: "none"; from that file: its key is left to be carried; from a file
     * without the key: "none" again */
    static const bool put_there[] = {true, false, true};
    for (size_t i = 0; i < DLX__LEN(put_there); i++) {
        dlx__checkpoint c;
        bool missing = false;
        dlx_error why = {0};
        dlx__tokenizer *t = NULL;
        dlx__text_facts facts = {320, -1, -1};
        CHECK(dlx__checkpoint_open(&c, i ? gguf_name : dir, DLX__NEED_NOTHING, NULL, err));
        CHECK(put(&c, NULL, &facts, NULL, err));
        dlx__checkpoint_release(&c);
        open_gguf(&c);
        assert_int_equal(dlx__gguf_find(&c.gguf, "tokenizer.ggml.model") != NULL, put_there[i]);
        CHECK(dlx__tokenizer_missing(&missing, &c, err));
        assert_true(missing);
        assert_int_equal(dlx__tokenizer_open(&t, &c, &why), DLX_E_UNSUPPORTED);
        assert_non_null(strstr(why.text, "has no tokenizer"));
        dlx__checkpoint_release(&c);
    }
}

typedef struct bad_keys {
    const char *patterns; /* NULL: no such key */
    int32_t kind;
    size_t n_kinds;
    const char *added;
    int32_t id, flags;
    size_t n_ids;
    const char *part;
} bad_keys;

static void write_bad(const bad_keys *b)
{
    dlx__gguf_writer *w = NULL;
    const dlx__gguf_string tokens[] = {{"a", 1}, {"b", 1}};
    const int32_t kinds[] = {b->kind, 0}, ids[] = {b->id, 0}, flags[] = {b->flags, 0};
    CHECK(dlx__gguf_writer_open(&w, gguf_name, NULL, err));
    CHECK(dlx__gguf_put_text(w, "tokenizer.ggml.model", "gpt2"));
    CHECK(dlx__gguf_put_text(w, "tokenizer.ggml.pre", "gpt-2"));
    CHECK(dlx__gguf_put_texts(w, "tokenizer.ggml.tokens", tokens, 2));
    CHECK(dlx__gguf_put_texts(w, "tokenizer.ggml.merges", NULL, 0));
    if (b->patterns) {
        const dlx__gguf_string s = {b->patterns, strlen(b->patterns)};
        CHECK(dlx__gguf_put_texts(w, "dlx.tokenizer.patterns", &s, 1));
        CHECK(dlx__gguf_put_i32s(w, "dlx.tokenizer.pattern_kinds", kinds, b->n_kinds));
    }
    if (b->added) {
        const dlx__gguf_string s = {b->added, strlen(b->added)};
        CHECK(dlx__gguf_put_texts(w, "dlx.tokenizer.added", &s, 1));
        CHECK(dlx__gguf_put_i32s(w, "dlx.tokenizer.added_ids", ids, b->n_ids));
        CHECK(dlx__gguf_put_i32s(w, "dlx.tokenizer.added_flags", flags, 1));
    } else if (!b->patterns) {
        CHECK(dlx__gguf_put_u32(w, "dlx.tokenizer.unknown_id", (uint32_t)b->id));
    }
    CHECK(dlx__gguf_begin_data(w, err));
    CHECK(dlx__gguf_writer_commit(w, err));
}

static void hostile_keys_are_refused(void **state)
{
    (void)state;
    static const bad_keys bad[] = {
        {.patterns = "(", .n_kinds = 1, .part = "does not compile"},
        {.patterns = "a", .n_kinds = 2, .part = "pattern_kinds"},
        {.patterns = "a", .n_kinds = 0, .part = "pattern_kinds"},
        {.patterns = "a", .kind = 8, .n_kinds = 1, .part = "found 8"},
        {.patterns = "a", .kind = -1, .n_kinds = 1, .part = "found -1"},
        {.added = "a", .id = 2, .n_ids = 1, .part = "added_ids, found 2"},
        {.added = "a", .id = -1, .n_ids = 1, .part = "found -1"},
        {.added = "a", .n_ids = 2, .part = "added_ids"},
        {.added = "a", .flags = 32, .n_ids = 1, .part = "found 32"},
        {.added = "", .n_ids = 1, .part = "empty spelling"},
        {.id = 2, .part = "unknown_id"},
    };
    for (size_t i = 0; i < DLX__LEN(bad); i++) {
        write_bad(&bad[i]);
        dlx__checkpoint c;
        dlx__tokenizer *t = NULL;
        dlx_error why = {0};
        open_gguf(&c);
        assert_int_equal(dlx__tokenizer_open(&t, &c, &why), DLX_E_FORMAT);
        if (!strstr(why.text, bad[i].part))
            fail_msg("expected \"%s\" in: %s", bad[i].part, why.text);
        dlx__checkpoint_release(&c);
    }
}

/* Texts of others through a real vocabulary. */
static void real_texts(const dlx__tokenizer *a, const dlx__tokenizer *b)
{
    json_t *root = load_json(data_file("text/blns.json"));
    size_t i, n = 0;
    json_t *item;
    json_array_foreach(root, i, item)
        same_encoding(a, b, json_string_value(item), json_string_length(item));
    json_decref(root);
    char *text = read_all(data_file("text/wikitext2_valid.txt"), &n);
    same_encoding(a, b, text, n < 200000 ? n : 200000);
    dlx__free(NULL, text);
    print_message("%zu naughty strings and %d bytes equal\n", i, 200000);
}

static void real_vocabularies_come_back(void **state)
{
    (void)state;
    static const char *const families[] = {"sdar", "fast_dllm_v2"};
    for (size_t i = 0; i < DLX__LEN(families); i++) {
        char dir[512], name[64];
        dlx__tokenizer *a = open_qwen(families[i]); /* makes the directory */
        dlx__tokenizer *b = NULL;
        dlx__tokenizer_free(a);
        snprintf(name, sizeof name, "qwen-%s", families[i]);
        name_dir(dir, name);
        there_and_back(dir, 151936, &a, &b);
        expect_pre("qwen2");
        assert_false(has_key("dlx.tokenizer.added"));
        assert_false(has_key("dlx.tokenizer.patterns"));
        same_tokens(a, b);
        real_texts(a, b);
        dlx__tokenizer_free(a);
        dlx__tokenizer_free(b);
    }
}

/* A tokenizer that needs every key of ours: open, write, open again. */
static dlx_result all_of_it(const char *dir, const dlx_allocator *mem, dlx_error *err)
{
    dlx__checkpoint c;
    dlx__tokenizer *t = NULL;
    const dlx__text_facts facts = {320, 259, 259};
    DLX__TRY(dlx__checkpoint_open(&c, dir, DLX__NEED_NOTHING, mem, err));
    dlx_result r = dlx__tokenizer_open(&t, &c, err);
    if (r == DLX_OK)
        r = put(&c, t, &facts, mem, err);
    dlx__tokenizer_free(t);
    dlx__checkpoint_release(&c);
    DLX__TRY(r);
    dlx__chat *chat = NULL;
    DLX__TRY(dlx__checkpoint_open(&c, gguf_name, DLX__NEED_NOTHING, mem, err));
    t = NULL;
    r = dlx__tokenizer_open(&t, &c, err);
    if (r == DLX_OK)
        r = dlx__chat_open(&chat, &c, err);
    dlx__chat_free(chat);
    dlx__tokenizer_free(t);
    dlx__checkpoint_release(&c);
    return r;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    char dir[512];
    make_dir(dir, "text-put");
    char *json = mini_json("{\"model\":{\"unk_token\":\"ab\"}}");
    write_text(dir, "tokenizer.json", json);
    free(json);
    write_text(dir, "chat_template.jinja", template);
    write_text(
        dir, "tokenizer_config.json",
        "{\"bos_token\":\"<x>\",\"added_tokens_decoder\":{\"259\":{\"content\":\"<Other>\"}}}");
    for (size_t n = 1;; n++) {
        failing_mem mem;
        dlx_error why = {0};
        failing_mem_init(&mem, n);
        mem.once = true; /* some allocations are spared by what failed before them */
        dlx_result r = all_of_it(dir, &mem.mem, &why);
        assert_int_equal(mem.n_alive, 0);
        if (r != DLX_OK)
            assert_true(why.text[0] != '\0');
        if (mem.n_calls < n) {
            assert_int_equal(r, DLX_OK);
            print_message("%zu allocations\n", n - 1);
            break;
        }
    }
    assert_true(has_key("dlx.tokenizer.added") && has_key("dlx.tokenizer.patterns"));
    assert_true(has_key("dlx.tokenizer.unknown_id") && has_key("dlx.chat.bos_token"));
}

int main(void)
{
    make_one_dir(DLX_TMP_DIR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_come_back),
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(what_gguf_cannot_say_is_refused),
        cmocka_unit_test(gaps_are_named_and_stay_gaps),
        cmocka_unit_test(chats_come_back),
        cmocka_unit_test(none_is_none),
        cmocka_unit_test(hostile_keys_are_refused),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(real_vocabularies_come_back),
    };
    return data_status(cmocka_run_group_tests(tests, NULL, NULL));
}
