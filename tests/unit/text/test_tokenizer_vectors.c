// labels: quick
/* Token ids that other implementations computed: llama.cpp, transformers, transformers.js and the
 * Rust tokenizers. Needs the real vocabularies (DLX_TEST_DATA). */
#include "text_support.h"

#include "text/detok.h"

/* Speed is promised for optimised builds on the machines that run them, not under a sanitizer. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(NDEBUG) && defined(__OPTIMIZE__) && defined(__x86_64__) && !defined(SANITIZED) &&      \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MEASURED
#endif

static dlx_token want[400000];
static dlx__tokenizer *sdar; /* opened by the first test that needs it */

static const dlx__tokenizer *qwen(void)
{
    if (!sdar)
        sdar = open_qwen("sdar");
    return sdar;
}

static int free_all(void **state)
{
    (void)state;
    dlx__tokenizer_free(sdar);
    return 0;
}

/* Cases of text separated by a marker line; line i of the other file has the ids of case i. */
static size_t run_llama_cpp(const dlx__tokenizer *t, const char *inp_name, const char *out_name)
{
    static const char marker[] = "\n__ggml_vocab_test__\n";
    char *inp = read_all(data_file(inp_name), NULL);
    char *out = read_all(data_file(out_name), NULL);
    size_t n = 0;
    char *ids = out;
    for (char *text = inp; *text; n++) {
        char *end = strstr(text, marker);
        size_t len = end ? (size_t)(end - text) : strlen(text);
        char *line = strchr(ids, '\n');
        assert_non_null(line);
        size_t n_want = read_numbers(ids, (size_t)(line - ids), want, DLX__LEN(want));
        assert_true(same_ids(t, text, len, 0, want, n_want));
        ids = line + 1;
        text = end ? end + strlen(marker) : text + len;
    }
    dlx__free(NULL, inp);
    dlx__free(NULL, out);
    return n;
}

static void llama_cpp_qwen2(void **state)
{
    (void)state;
    const dlx__tokenizer *t = qwen();
    size_t n =
        run_llama_cpp(t, "vectors/ggml-vocab-qwen2.gguf.inp", "vectors/ggml-vocab-qwen2.gguf.out");
    print_message("llama.cpp qwen2: %zu vectors equal\n", n);
    assert_int_equal(n, 46);
}

static void run_gguf(const char *name)
{
    char path[256], inp[300], out[300];
    snprintf(path, sizeof path, "tokenizers/gguf/ggml-vocab-%s.gguf", name);
    snprintf(inp, sizeof inp, "%s.inp", path);
    snprintf(out, sizeof out, "%s.out", path);
    dlx__tokenizer *t = open_dir(data_file(path));
    size_t n = run_llama_cpp(t, inp, out);
    print_message("llama.cpp %s: %zu vectors equal\n", name, n);
    assert_int_equal(n, 46);
    dlx__tokenizer_free(t);
}

static void llama_cpp_gpt2(void **state)
{
    (void)state;
    run_gguf("gpt-2");
}

static void llama_cpp_deepseek_coder(void **state)
{
    (void)state;
    run_gguf("deepseek-coder");
}

static void same_text(const dlx__tokenizer *t, const dlx_token *ids, size_t n, const char *text)
{
    dlx__buf out;
    dlx__buf_init(&out, NULL);
    CHECK(dlx__detok_all(t, ids, n, 0, &out, err));
    assert_string_equal(out.data ? out.data : "", text);
    dlx__buf_release(&out);
}

static void transformers_full(void **state)
{
    (void)state;
    json_t *root = load_json(data_file("vectors/transformers_qwen2.json"));
    const dlx__tokenizer *t = qwen();
    size_t i;
    json_t *item;
    json_t *list = json_object_get(root, "full_vocab");
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(json_object_get(item, "text"));
        size_t n = read_json_ids(json_object_get(item, "ids"), want, DLX__LEN(want));
        assert_true(same_ids(t, text, strlen(text), DLX__ENCODE_SPECIAL, want, n));
        same_text(t, want, n, text);
    }
    print_message("transformers: %zu vectors equal\n", json_array_size(list));
    assert_int_equal(json_array_size(list), 3);
    json_decref(root);
}

static void transformers_mini(void **state)
{
    (void)state;
    json_t *root = load_json(data_file("vectors/transformers_qwen2.json"));
    json_t *mini = json_object_get(root, "mini_vocab");
    json_t *vocab = byte_vocab();
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(mini, "vocab_extra"), i, item)
        json_object_set_new(vocab, json_string_value(item), json_integer(256 + (json_int_t)i));
    char dir[512];
    make_dir(dir, "qwen-mini");
    char *text = json_dumps(vocab, 0);
    write_text(dir, "vocab.json", text);
    free(text);
    dlx__buf merges;
    dlx__buf_init(&merges, NULL);
    dlx__buf_text(&merges, "#version: 0.2\n");
    json_array_foreach(json_object_get(mini, "merges"), i, item)
        dlx__buf_format(&merges, "%s\n", json_string_value(item));
    write_text(dir, "merges.txt", merges.data);
    write_text(dir, "tokenizer_config.json",
               "{\"tokenizer_class\":\"Qwen2Tokenizer\",\"added_tokens_decoder\":{"
               "\"270\":{\"content\":\"<|endoftext|>\",\"special\":true},"
               "\"271\":{\"content\":\"<|im_start|>\",\"special\":true}}}");
    dlx__tokenizer *t = open_dir(dir);
    size_t n_cases = 0;
    json_array_foreach(json_object_get(mini, "cases"), i, item)
    {
        size_t n = read_json_ids(json_object_get(item, "ids"), want, DLX__LEN(want));
        const char *given = json_string_value(json_object_get(item, "text"));
        const char *decoded = json_string_value(json_object_get(item, "decoded"));
        if (given)
            assert_true(same_ids(t, given, strlen(given), DLX__ENCODE_SPECIAL, want, n));
        if (decoded)
            same_text(t, want, n, decoded);
        n_cases++;
    }
    json_t *nfc = json_object_get(mini, "nfc");
    const char *input = json_string_value(json_object_get(nfc, "input"));
    dlx__ids ids;
    dlx__ids_init(&ids, NULL);
    CHECK(dlx__tokenizer_encode(t, input, strlen(input), 0, &ids, err));
    same_text(t, ids.data, ids.n, json_string_value(json_object_get(nfc, "output")));
    print_message("transformers mini vocabulary: %zu cases and NFC equal\n", n_cases);
    assert_int_equal(n_cases, 3);
    dlx__ids_release(&ids);
    dlx__buf_release(&merges);
    dlx__tokenizer_free(t);
    json_decref(vocab);
    json_decref(root);
}

static void transformers_js(void **state)
{
    (void)state;
    json_t *root = load_json(data_file("vectors/transformers_js_qwen.json"));
    const dlx__tokenizer *t = qwen();
    size_t i;
    json_t *item;
    json_array_foreach(root, i, item)
    {
        const char *text = json_string_value(json_object_get(item, "text"));
        size_t n = read_json_ids(json_object_get(item, "ids"), want, DLX__LEN(want));
        assert_true(same_ids(t, text, json_string_length(json_object_get(item, "text")),
                             DLX__ENCODE_SPECIAL, want, n));
        json_t *tokens = json_object_get(item, "tokens");
        for (size_t j = 0; j < json_array_size(tokens); j++) {
            dlx__token_span span = dlx__tokenizer_text(t, want[j]);
            const char *spelling = json_string_value(json_array_get(tokens, j));
            assert_int_equal(span.len, strlen(spelling));
            assert_memory_equal(span.data, spelling, span.len);
            assert_int_equal(dlx__tokenizer_find(t, spelling, span.len), want[j]);
        }
    }
    print_message("transformers.js: %zu vectors equal\n", json_array_size(root));
    assert_int_equal(json_array_size(root), 17);
    json_decref(root);
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static size_t unhex(const char *hex, size_t n, char *out)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        out[i / 2] = (char)(digit(hex[i]) << 4 | digit(hex[i + 1]));
    return n / 2;
}

static void bulk(void **state)
{
    (void)state;
    size_t n_file = 0;
    char *file = read_all(data_file("vectors/qwen_bulk.hexids.tsv"), &n_file);
    const dlx__tokenizer *t = qwen();
    char *text = malloc(n_file);
    size_t n_cases = 0, n_wrong = 0;
    for (char *line = file; *line; n_cases++) {
        char *end = strchr(line, '\n');
        end = end ? end : line + strlen(line);
        char *hex = memchr(line, '\t', (size_t)(end - line));
        char *ids = hex ? memchr(hex + 1, '\t', (size_t)(end - hex - 1)) : NULL;
        assert_non_null(ids);
        size_t n = unhex(hex + 1, (size_t)(ids - hex - 1), text);
        size_t n_want = read_numbers(ids, (size_t)(end - ids), want, DLX__LEN(want));
        if (!same_ids(t, text, n, DLX__ENCODE_SPECIAL, want, n_want))
            n_wrong++;
        line = *end ? end + 1 : end;
    }
    print_message("bulk: %zu of %zu vectors equal\n", n_cases - n_wrong, n_cases);
    assert_int_equal(n_wrong, 0);
    assert_int_equal(n_cases, 2811);
    free(text);
    dlx__free(NULL, file);
}

static void shakespeare(void **state)
{
    (void)state;
    size_t n = 0, n_bytes = 0;
    char *text = read_all(data_file("text/tinyshakespeare.txt"), &n);
    char *bin = read_all(data_file("vectors/qwen_tinyshakespeare.u32le.bin"), &n_bytes);
    const dlx__tokenizer *t = qwen();
    dlx__ids ids;
    dlx__ids_init(&ids, NULL);
    double best = 1e9;
    for (int i = 0; i < 3; i++) {
        dlx__ids_reset(&ids);
        double start = dlx__os_seconds();
        CHECK(dlx__tokenizer_encode(t, text, n, DLX__ENCODE_SPECIAL, &ids, err));
        double seconds = dlx__os_seconds() - start;
        best = seconds < best ? seconds : best;
    }
    print_message("tinyshakespeare: %zu ids, %.3f s\n", ids.n, best);
    assert_int_equal(ids.n, n_bytes / 4);
    assert_int_equal(ids.n, 301829);
    for (size_t i = 0; i < ids.n; i++) {
        const unsigned char *b = (const unsigned char *)bin + 4 * i;
        uint32_t id = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        assert_int_equal(ids.data[i], id);
    }
    dlx__buf out;
    dlx__buf_init(&out, NULL);
    CHECK(dlx__tokenizer_decode(t, ids.data, ids.n, 0, &out, err));
    assert_int_equal(out.len, n);
    assert_memory_equal(out.data, text, n);
#ifdef MEASURED
    assert_true(best < 0.5);
#endif
    dlx__buf_release(&out);
    dlx__ids_release(&ids);
    dlx__free(NULL, text);
    dlx__free(NULL, bin);
}

/* The one-file layout gives the same tokens as the older one. */
static void both_layouts(void **state)
{
    (void)state;
    size_t n = 0;
    char *text = read_all(data_file("tokenizers/qwen/assembled_sdar.tokenizer.json"), &n);
    dlx__tokenizer *a = NULL;
    CHECK(dlx__tokenizer_parse(&a, text, n, "tokenizer.json", NULL, err));
    dlx__free(NULL, text);
    const dlx__tokenizer *b = qwen();
    assert_int_equal(dlx__tokenizer_n_ids(a), 151670);
    assert_int_equal(dlx__tokenizer_n_ids(a), dlx__tokenizer_n_ids(b));
    for (dlx_token id = 0; id < (dlx_token)dlx__tokenizer_n_ids(a); id++) {
        dlx__token_span x = dlx__tokenizer_text(a, id), y = dlx__tokenizer_text(b, id);
        assert_int_equal(x.len, y.len);
        assert_memory_equal(x.data, y.data, x.len);
        assert_int_equal(dlx__tokenizer_is_special(a, id), dlx__tokenizer_is_special(b, id));
    }
    text = read_all(data_file("text/wikitext2_valid.txt"), &n);
    dlx__ids ids;
    dlx__ids_init(&ids, NULL);
    CHECK(dlx__tokenizer_encode(a, text, n, DLX__ENCODE_SPECIAL, &ids, err));
    assert_true(same_ids(b, text, n, DLX__ENCODE_SPECIAL, ids.data, ids.n));
    print_message("both layouts: %zu tokens and %zu ids equal\n", dlx__tokenizer_n_ids(a), ids.n);
    dlx__ids_release(&ids);
    dlx__free(NULL, text);
    dlx__tokenizer_free(a);
}

/* Every string comes back from its ids, normalised. */
static void naughty_strings(void **state)
{
    (void)state;
    json_t *root = load_json(data_file("text/blns.json"));
    dlx__tokenizer *t = open_qwen("fast_dllm_v2");
    size_t i, n_same = 0;
    json_t *item;
    dlx__ids ids;
    dlx__buf out;
    dlx__ids_init(&ids, NULL);
    dlx__buf_init(&out, NULL);
    json_array_foreach(root, i, item)
    {
        dlx__ids_reset(&ids);
        dlx__buf_reset(&out);
        CHECK(dlx__tokenizer_encode(t, json_string_value(item), json_string_length(item),
                                    DLX__ENCODE_SPECIAL, &ids, err));
        CHECK(dlx__detok_all(t, ids.data, ids.n, 0, &out, err));
        n_same += out.len == json_string_length(item) &&
                  (out.len == 0 || !memcmp(out.data, json_string_value(item), out.len));
        size_t n = ids.n; /* what came back is normalised: it must give the same ids again */
        dlx__ids again;
        dlx__ids_init(&again, NULL);
        CHECK(dlx__tokenizer_encode(t, out.data ? out.data : "", out.len, DLX__ENCODE_SPECIAL,
                                    &again, err));
        assert_int_equal(again.n, n);
        if (n)
            assert_memory_equal(again.data, ids.data, n * sizeof *ids.data);
        dlx__ids_release(&again);
    }
    print_message("naughty strings: %zu stable, %zu of them byte for byte\n", i, n_same);
    assert_int_equal(i, 515);
    assert_true(n_same >= 510);
    dlx__ids_release(&ids);
    dlx__buf_release(&out);
    json_decref(root);
    dlx__tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_cpp_qwen2),
        cmocka_unit_test(llama_cpp_gpt2),
        cmocka_unit_test(llama_cpp_deepseek_coder),
        cmocka_unit_test(transformers_full),
        cmocka_unit_test(transformers_mini),
        cmocka_unit_test(transformers_js),
        cmocka_unit_test(bulk),
        cmocka_unit_test(shakespeare),
        cmocka_unit_test(both_layouts),
        cmocka_unit_test(naughty_strings),
    };
    return data_status(cmocka_run_group_tests(tests, NULL, free_all));
}
