// labels: quick
/* Every allocation may fail: the whole way from files to ids and rendered text, with the N-th
 * allocation failing for N = 1, 2, 3 ... until none does. Nothing may crash, nothing may leak. */
#include "mini_tokenizer.h"

#include "text/chat.h"
#include "text/detok.h"

static size_t n_live, n_taken, fail_at;

/* Counts, and fails from the fail_at-th allocation on (0: never). */
static void *resize(void *user, void *p, size_t n_bytes)
{
    (void)user;
    if (n_bytes == 0) {
        n_live -= p != NULL;
        free(p);
        return NULL;
    }
    if (++n_taken == fail_at)
        return NULL;
    void *grown = realloc(p, n_bytes);
    n_live += grown && !p;
    return grown;
}

static void *json_take(size_t n_bytes)
{
    return resize(NULL, NULL, n_bytes ? n_bytes : 1);
}

static void json_give(void *p)
{
    resize(NULL, p, 0);
}

static const dlx_allocator counting = {resize, NULL};

static const char template[] =
    "{% macro f(x) %}{{ x | upper }}{% endmacro %}{% set ns = namespace(a=[1, 'b']) %}"
    "{% for m in messages[::-1] if m.role %}{{ f(m.role) ~ loop.index }}{{ m | tojson(indent=1) }}"
    "{% set ns.a = ns.a + [m.content.strip('x').split('b') | join('-')] %}{% endfor %}"
    "{% set b %}{{ {'k': ns.a, 'l': (1, 2)} }}{% endset %}{{ b | replace('b', 'cc') | trim }}"
    "{{ 'abc'[::-1] }}{{ 1.5 | string }}{{ d.items() | list }}{{ bos_token }}";

static dlx_result use_tokenizer(const dlx__tokenizer *t, dlx_error *err)
{
    static const char text[] = "ab <S>e\xCC\x81\xE2\x82\xAC 12\n<T> abc";
    dlx__ids ids;
    dlx__buf out;
    dlx__detok d;
    dlx_result r = DLX_OK;
    dlx__ids_init(&ids, &counting);
    dlx__buf_init(&out, &counting);
    dlx__detok_init(&d, t, 0);
    DLX__GO(dlx__tokenizer_encode(t, text, strlen(text), DLX__ENCODE_SPECIAL, &ids, err));
    DLX__GO(dlx__tokenizer_decode(t, ids.data, ids.n, 0, &out, err));
    for (size_t i = 0; i < ids.n; i++)
        DLX__GO(dlx__detok_push(&d, ids.data[i], &out, err));
    DLX__GO(dlx__detok_finish(&d, &out, err));
    DLX__GO(dlx__detok_all(t, ids.data, ids.n, 0, &out, err));
done:
    dlx__ids_release(&ids);
    dlx__buf_release(&out);
    return r;
}

static dlx_result use_chat(const dlx__chat *chat, json_t *messages, json_t *kwargs, dlx_error *err)
{
    dlx__buf out;
    dlx__buf_init(&out, &counting);
    dlx__chat_input in = {.messages = messages, .kwargs = kwargs};
    dlx_result r = dlx__chat_render(chat, &in, &out, err);
    if (r != DLX_OK)
        assert_int_equal(out.len, 0);
    dlx__buf_release(&out);
    return r;
}

/* The whole way once. */
static dlx_result once(const char *dir, json_t *messages, json_t *kwargs, dlx_error *err)
{
    dlx__checkpoint c;
    dlx__tokenizer *t = NULL;
    dlx__chat *chat = NULL;
    DLX__TRY(dlx__checkpoint_open(&c, dir, DLX__NEED_NOTHING, &counting, err));
    dlx_result r = dlx__tokenizer_open(&t, &c, err);
    if (r == DLX_OK)
        r = dlx__chat_open(&chat, &c, err);
    dlx__checkpoint_release(&c);
    if (r == DLX_OK)
        r = use_tokenizer(t, err);
    if (r == DLX_OK)
        r = use_chat(chat, messages, kwargs, err);
    dlx__tokenizer_free(t);
    dlx__chat_free(chat);
    return r;
}

static void walk(const char *dir)
{
    json_t *messages = json_loads("[{\"role\":\"user\",\"content\":\"xabc\"},{\"role\":\"a\","
                                  "\"content\":\"\\u00e9\"}]",
                                  0, NULL);
    json_t *kwargs = json_loads("{\"d\":{\"a\":1.25,\"b\":[true,null]}}", 0, NULL);
    size_t n_before = n_live, n_failed = 0;
    for (size_t n = 1;; n++) {
        dlx_error why = {0};
        fail_at = n;
        n_taken = 0;
        dlx_result r = once(dir, messages, kwargs, &why);
        bool reached = n_taken >= n;
        fail_at = 0;
        assert_int_equal(n_live, n_before);
        if (r != DLX_OK)
            assert_true(why.text[0] != '\0');
        n_failed += r != DLX_OK;
        if (!reached) {
            assert_int_equal(r, DLX_OK);
            print_message("%zu allocations, %zu of them failing ended the call\n", n - 1, n_failed);
            break;
        }
    }
    json_decref(messages);
    json_decref(kwargs);
}

static void one_file(void **state)
{
    (void)state;
    char dir[512];
    make_dir(dir, "memory-json");
    char *text = mini_json("{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"
                           "\"Split\",\"pattern\":{\"String\":\"b\"},\"behavior\":\"Isolated\"},"
                           "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}]},\"model\":"
                           "{\"ignore_merges\":true},\"added_tokens\":[{\"id\":259,\"content\":"
                           "\"<S>\",\"special\":true},{\"id\":260,\"content\":\"<T>\","
                           "\"normalized\":true}]}");
    write_text(dir, "tokenizer.json", text);
    json_give(text);
    write_text(dir, "tokenizer_config.json",
               "{\"bos_token\":\"<S>\",\"added_tokens_decoder\":{\"261\":{\"content\":\"<V>\"}}}");
    write_text(dir, "chat_template.jinja", template);
    walk(dir);
}

static void older_layout(void **state)
{
    (void)state;
    char dir[512];
    make_dir(dir, "memory-older");
    json_t *vocab = byte_vocab();
    json_object_set_new(vocab, "ab", json_integer(256));
    char *text = json_dumps(vocab, 0);
    write_text(dir, "vocab.json", text);
    json_give(text);
    json_decref(vocab);
    write_text(dir, "merges.txt", "a b\n");
    write_text(dir, "added_tokens.json", "{\"<S>\":257,\"<T>\":258}");
    json_t *config = json_pack("{s:s,s:s,s:s}", "tokenizer_class", "Qwen2Tokenizer", "eos_token",
                               "<S>", "chat_template", template);
    text = json_dumps(config, 0);
    write_text(dir, "tokenizer_config.json", text);
    json_give(text);
    json_decref(config);
    walk(dir);
}

int main(void)
{
    json_set_alloc_funcs(json_take, json_give);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file),
        cmocka_unit_test(older_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
