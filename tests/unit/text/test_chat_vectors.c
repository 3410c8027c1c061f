// labels: quick
/* Conversations rendered by two Jinja implementations with the families' own templates, and the ids
 * of the result. Needs the real data (DLX_TEST_DATA). */
#include "text_support.h"

#include "text/chat.h"

static dlx_token want[100000];

/* A directory with one family's small files. */
static dlx__chat *open_family(const char *family)
{
    char dir[512], from[256], name[64];
    snprintf(name, sizeof name, "chat-%s", family);
    snprintf(from, sizeof from, "tokenizers/%s/tokenizer_config.json", family);
    data_file(from);
    make_dir(dir, name);
    copy_data(from, dir, "tokenizer_config.json");
    write_text(dir, "config.json", "{}");
    if (strcmp(family, "llada") != 0) {
        snprintf(from, sizeof from, "tokenizers/%s/chat_template.jinja", family);
        copy_data(from, dir, "chat_template.jinja");
    }
    dlx__checkpoint c;
    CHECK(dlx__checkpoint_open(&c, dir, DLX__NEED_NOTHING, NULL, err));
    dlx__chat *chat = NULL;
    CHECK(dlx__chat_open(&chat, &c, err));
    dlx__checkpoint_release(&c);
    return chat;
}

typedef struct family {
    const char *name;
    dlx__chat *chat;
    dlx__tokenizer *tokenizer;
    size_t n_texts, n_ids;
} family;

static void compare(family *f, json_t *test)
{
    dlx__buf out;
    dlx__buf_init(&out, NULL);
    dlx__chat_input in = {.messages = json_object_get(test, "messages"),
                          .tools = json_object_get(test, "tools"),
                          .kwargs = json_object_get(test, "kwargs"),
                          .add_generation_prompt =
                              json_is_true(json_object_get(test, "add_generation_prompt"))};
    CHECK(dlx__chat_render(f->chat, &in, &out, err));
    const json_t *rendered = json_object_get(test, "rendered");
    assert_string_equal(out.data, json_string_value(rendered));
    assert_int_equal(out.len, json_string_length(rendered));
    f->n_texts++;
    const json_t *ids = json_object_get(test, "ids");
    if (ids) {
        size_t n = read_json_ids(ids, want, DLX__LEN(want));
        assert_true(same_ids(f->tokenizer, out.data, out.len, DLX__ENCODE_SPECIAL, want, n));
        f->n_ids++;
    }
    dlx__buf_release(&out);
}

static void chat_templates(void **state)
{
    (void)state;
    char *file = read_all(data_file("vectors/chat_templates.jsonl"), NULL);
    family families[] = {{.name = "sdar"}, {.name = "fast_dllm_v2"}, {.name = "llada"}};
    for (size_t i = 0; i < 3; i++) {
        families[i].chat = open_family(families[i].name);
        if (i < 2)
            families[i].tokenizer = open_qwen(families[i].name);
    }
    for (char *line = file; *line;) {
        char *end = strchr(line, '\n');
        size_t len = end ? (size_t)(end - line) : strlen(line);
        json_t *test = NULL;
        CHECK(dlx__json_parse(&test, line, len, "chat_templates.jsonl", err));
        const char *name = json_string_value(json_object_get(test, "template"));
        size_t i = 0;
        while (i < 3 && strcmp(families[i].name, name) != 0)
            i++;
        assert_true(i < 3);
        compare(&families[i], test);
        json_decref(test);
        line += len + (end != NULL);
    }
    size_t n_texts = 0;
    for (size_t i = 0; i < 3; i++) {
        print_message("%s: %zu texts and %zu id lists equal\n", families[i].name,
                      families[i].n_texts, families[i].n_ids);
        n_texts += families[i].n_texts;
        dlx__chat_free(families[i].chat);
        dlx__tokenizer_free(families[i].tokenizer);
    }
    assert_int_equal(n_texts, 415);
    assert_int_equal(families[0].n_ids + families[1].n_ids, 285);
    dlx__free(NULL, file);
}

static void render_equal(const char *file, const char *messages, const char *tools,
                         const char *expected)
{
    size_t n = 0;
    char *text = read_all(data_file(file), &n);
    dlx__chat *chat = NULL;
    CHECK(dlx__chat_parse(&chat, text, n, file, NULL, "<|im_end|>", NULL, err));
    dlx__free(NULL, text);
    dlx__chat_input in = {.messages = json_loads(messages, 0, NULL),
                          .tools = tools ? json_loads(tools, 0, NULL) : NULL,
                          .add_generation_prompt = true};
    assert_non_null(in.messages);
    dlx__buf out;
    dlx__buf_init(&out, NULL);
    CHECK(dlx__chat_render(chat, &in, &out, err));
    assert_string_equal(out.data, expected);
    dlx__buf_release(&out);
    dlx__chat_free(chat);
    json_decref(in.messages);
    json_decref(in.tools);
}

/* Tools, tool calls and answers: written out by hand from the template (Qwen3 and Qwen2.5). */
static void tool_calls(void **state)
{
    (void)state;
    static const char messages[] =
        "[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"hi\"},"
        "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
        "\"arguments\":{\"b\":1,\"a\":[true,null,0.5]}}},{\"name\":\"g\",\"arguments\":\"{}\"}]},"
        "{\"role\":\"tool\",\"content\":\"42\"},{\"role\":\"tool\",\"content\":\"\\u00e9\"}]";
    static const char tools[] =
        "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"z\":\"\\u00e9\\n\"}}]";
    static const char about[] =
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are "
        "provided with function signatures within <tools></tools> XML tags:\n<tools>\n{\"type\": "
        "\"function\", \"function\": {\"name\": \"f\", \"z\": \"\xC3\xA9\\n\"}}\n</tools>\n\nFor "
        "each "
        "function call, return a json object with function name and arguments within "
        "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, "
        "\"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n";
    char expected[4096];
    snprintf(
        expected, sizeof expected,
        "<|im_start|>system\nS\n\n%s<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
        "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"b\": 1, \"a\": "
        "[true, null, 0.5]}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n"
        "</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n42\n</tool_response>\n"
        "<tool_response>\n\xC3\xA9\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
        about);
    render_equal("tokenizers/qwen/Qwen-Qwen3-0.6B.jinja", messages, tools, expected);
    snprintf(
        expected, sizeof expected,
        "<|im_start|>system\nS\n\n%s<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant"
        "\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"b\": 1, \"a\": "
        "[true, null, 0.5]}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": \"{}\"}\n"
        "</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n42\n</tool_response>\n"
        "<tool_response>\n\xC3\xA9\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
        about);
    render_equal("tokenizers/qwen/Qwen-Qwen2.5-7B-Instruct.jinja", messages, tools, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat_templates),
        cmocka_unit_test(tool_calls),
    };
    return data_status(cmocka_run_group_tests(tests, NULL, NULL));
}
