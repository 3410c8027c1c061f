// labels: quick
/* The template language: what each construct gives, what is refused with which sentence, and that
 * hostile templates meet a limit instead of hanging. */
#include "text_support.h"

#include "text/chat.h"
#include "text/jinja.h"

static const char variables[] =
    "{\"s\": \"Hello W\xC3\xB6rld\", \"e\": \"\", \"n\": 5, \"z\": 0, \"neg\": -7, \"f\": 1.5,"
    " \"g\": 1e+16, \"h\": 1e-07, \"t\": true, \"no\": null, \"l\": [1, \"a\", null, 2.5, [1, 2]],"
    " \"d\": {\"a\": 1, \"b\": \"x'y\", \"c\": [true], \"items\": 3},"
    " \"m\": [{\"role\": \"user\", \"content\": \"  hi\\n\"},"
    " {\"role\": \"assistant\", \"content\": \"x</think>y\"}],"
    " \"q\": \"it's \\\"q\\\" \\\\ \\n\\t\xE2\x80\x8B\xC3\xA9\", \"sp\": \" "
    "\\t\xC2\xA0x\xE2\x80\x83 \\n\","
    " \"words\": \"a b  c\\td\", \"u\": \"\xF0\x9F\x98\x80"
    "ab\"}";

typedef struct template_case {
    const char *source, *output, *sentence;
} template_case;

#define GIVES(source, output) {source, output, NULL},
#define FAILS(source, sentence) {source, NULL, sentence},
static const template_case cases[] = {
#include "jinja_cases.inc"
};

static dlx_result run(const char *source, size_t n, json_t *vars, dlx__buf *out, dlx_error *err)
{
    dlx__jinja *t = NULL;
    dlx_result r = dlx__jinja_open(&t, source, n, NULL, err);
    if (r == DLX_OK)
        r = dlx__jinja_render(t, NULL, 0, vars, out, err);
    dlx__jinja_free(t);
    return r;
}

static void constructs(void **state)
{
    (void)state;
    json_t *vars = json_loads(variables, 0, NULL);
    assert_non_null(vars);
    size_t n_given = 0, n_failed = 0;
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx__buf out;
        dlx_error why = {0};
        dlx__buf_init(&out, NULL);
        dlx_result r = run(cases[i].source, strlen(cases[i].source), vars, &out, &why);
        const char *text = r == DLX_OK ? (out.data ? out.data : "") : why.text;
        const char *want = cases[i].output ? cases[i].output : cases[i].sentence;
        if ((r == DLX_OK) != (cases[i].output != NULL) || strcmp(text, want) != 0)
            fail_msg("%s\n  gives '%s'\n  want '%s'", cases[i].source, text, want);
        n_given += r == DLX_OK;
        n_failed += r != DLX_OK;
        dlx__buf_release(&out);
    }
    print_message("%zu templates as Jinja2 renders them, %zu refused\n", n_given, n_failed);
    assert_true(n_given > 350 && n_failed > 80);
    json_decref(vars);
}

/* Each would hang, overflow the stack or eat the memory without a limit. */
static void hostile(void **state)
{
    (void)state;
    static const struct {
        const char *source, *part;
    } attacks[] = {
        {"{% for a in range(1000000000) %}x{% endfor %}", "it may be hostile"},
        {"{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}", "hostile"},
        {"{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(64) %}"
         "{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
         "hostile"},
        {"{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}"
         "{% endfor %}{{ ns.l }}",
         "hostile"},
        {"{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}"
         "{% endfor %}{{ ns.l == ns.l + [] }}{{ ns.l | tojson }}",
         "hostile"},
        {"{% set ns = namespace(l=[1]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}"
         "{% endfor %}{{ ns.l }}",
         "nesting"},
        {"{% set ns = namespace(l=[1]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}"
         "{% endfor %}{{ ns.l | tojson }}",
         "nesting"},
        {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nesting"},
        {"{{ 'a' * 1000000000 }}", "too long"},
        {"{{ [1] * 1000000000 }}", "hostile"},
        {"{% set a = 'a' * 9000000 %}{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}",
         "MiB of text"},
        {"{% for i in range(99) %}{{ (('ab' * 400000) + 'c') in 'ab' * 4000000 }}{% endfor %}",
         "hostile"},
        {"{{ ('a' * 9000000) | replace('a', 'bbbbbbbbbbbbbbbb') }}", "hostile"},
        {"{{ 9223372036854775807 }}", "too many digits"},
        {"{{ 999999999999999999 * 999999999999999999 }}", "64 bits"},
        {"{{ 999999999999999999 * 9 + 999999999999999999 * 9 }}", "64 bits"},
        {"{{ -999999999999999999 * 9 - 999999999999999999 * 9 }}", "64 bits"},
    };
    for (size_t i = 0; i < DLX__LEN(attacks); i++) {
        dlx__buf out;
        dlx_error why = {0};
        dlx__buf_init(&out, NULL);
        assert_true(dlx__buf_text(&out, "kept"));
        double start = dlx__os_seconds();
        dlx_result r = run(attacks[i].source, strlen(attacks[i].source), NULL, &out, &why);
        if (r == DLX_OK || !strstr(why.text, attacks[i].part))
            fail_msg("%s\n  gives %d '%s', want '%s'", attacks[i].source, (int)r, why.text,
                     attacks[i].part);
        if (dlx__os_seconds() - start > 1.0)
            print_message("%.1f s for %s\n", dlx__os_seconds() - start, attacks[i].source);
        assert_string_equal(out.data, "kept");
        dlx__buf_release(&out);
    }
}

/* The same thing n times, with something around it. */
static dlx_result repeated(const char *before, const char *part, size_t n, const char *after,
                           dlx_error *err)
{
    dlx__buf source, out;
    dlx__buf_init(&source, NULL);
    dlx__buf_init(&out, NULL);
    dlx__buf_text(&source, before);
    for (size_t i = 0; i < n; i++)
        dlx__buf_text(&source, part);
    dlx__buf_text(&source, after);
    dlx_result r = run(source.data, source.len, NULL, &out, err);
    dlx__buf_release(&source);
    dlx__buf_release(&out);
    return r;
}

static void deep_and_long(void **state)
{
    (void)state;
    static const struct {
        const char *before, *part, *after;
    } deep[] = {
        {"{{ ", "(", ")}}"},      {"{{ ", "[", "]}}"},
        {"{{ ", "{1:", "}}}"},    {"{{ ", "-", "1 }}"},
        {"{{ 1", "+1", " }}"},    {"{{ 1", " and 1", " }}"},
        {"{{ 1", " or 1", " }}"}, {"{{ a", ".a", " }}"},
        {"{{ a", "[0]", " }}"},   {"{{ 1", "|list", " }}"},
        {"", "{% if 1 %}", ""},   {"", "{% for a in [1] %}", ""},
        {"{{ 1", " if 1", " }}"}, {"{{ 1", " if 0 else 1", " }}"},
        {"{{ 1", "*1", " }}"},    {"{{ 1", " is true", " }}"},
        {"{{ f", "()", " }}"},
    };
    for (size_t i = 0; i < DLX__LEN(deep); i++) {
        dlx_error why = {0};
        dlx_result r = repeated(deep[i].before, deep[i].part, 20000, deep[i].after, &why);
        if (r == DLX_OK || !(strstr(why.text, "more than") || strstr(why.text, "has no end")))
            fail_msg("20000 times '%s' gives %d '%s'", deep[i].part, (int)r, why.text);
    }
    dlx_error why = {0};
    assert_int_equal(repeated("", "{{ 1 }}{# c #}{% if 1 %}a{% endif %}\n", 20000, "", &why),
                     DLX_OK);
    assert_int_equal(repeated("{{ 1", " < 2", 2, " }}", &why), DLX_OK);
    assert_int_equal(repeated("{{ ", "not ", 20000, "1 }}", &why), DLX_OK);
    assert_int_equal(repeated("", "0123456789abcdef", 65537, "", &why), DLX_E_UNSUPPORTED);
    assert_non_null(strstr(why.text, "at most"));
    assert_int_equal(run("a\xFF", 2, NULL, NULL, &why), DLX_E_FORMAT);
    assert_string_equal(why.text, "the template is not UTF-8 at byte 1");
}

static void expect_chat(const char *text, const char *messages, const char *kwargs, dlx_result want,
                        const char *part)
{
    dlx__chat *chat = NULL;
    dlx_error why = {0};
    dlx__buf out;
    dlx__buf_init(&out, NULL);
    dlx__chat_input in = {.messages = json_loads(messages, JSON_DECODE_ANY, NULL),
                          .kwargs = kwargs ? json_loads(kwargs, 0, NULL) : NULL};
    dlx_result r = dlx__chat_parse(&chat, text, strlen(text), "t.jinja", "<B>", NULL, NULL, &why);
    if (r == DLX_OK)
        r = dlx__chat_render(chat, &in, &out, &why);
    const char *got = r == DLX_OK ? out.data : why.text;
    if (r != want || !strstr(got, part))
        fail_msg("%s gives %d '%s', want '%s'", text, (int)r, got, part);
    json_decref(in.messages);
    json_decref(in.kwargs);
    dlx__buf_release(&out);
    dlx__chat_free(chat);
}

static void chat_inputs(void **state)
{
    (void)state;
    static const char one[] = "[{\"role\":\"user\",\"content\":\"c\"}]";
    static const char template[] = "{{ bos_token }}|{{ eos_token }}|{{ tools }}|{{ x }}|"
                                   "{{ messages[0].content }}|{{ add_generation_prompt }}";
    expect_chat(template, one, NULL, DLX_OK, "<B>||None||c|False");
    expect_chat(template, one, "{\"x\":1,\"bos_token\":\"y\",\"eos_token\":\"E\",\"tools\":2}",
                DLX_OK, "y|E|None|1|c|False");
    expect_chat("x", "{}", NULL, DLX_E_ARG, "the messages are no list");
    expect_chat("x", "[1]", NULL, DLX_E_ARG, "message 0 has no role");
    expect_chat("x", "[{\"role\":1}]", NULL, DLX_E_ARG, "message 0 has no role");
    expect_chat("\n{{ messages[0].foo.bar }}", one, NULL, DLX_E_ARG,
                "t.jinja: line 2: 'foo' is undefined");
    expect_chat("\n\n{% nope %}", one, NULL, DLX_E_UNSUPPORTED,
                "t.jinja: line 3: the tag {% nope %}");
    expect_chat("{{ raise_exception('no system here') }}", one, NULL, DLX_E_ARG,
                "refuses these messages: no system here");
}

static dlx_result open_chat(dlx__chat **chat, const char *dir, dlx_error *err)
{
    dlx__checkpoint c;
    DLX__TRY(dlx__checkpoint_open(&c, dir, DLX__NEED_NOTHING, NULL, err));
    dlx_result r = dlx__chat_open(chat, &c, err);
    dlx__checkpoint_release(&c);
    return r;
}

static void where_templates_lie(void **state)
{
    (void)state;
    char dir[512];
    dlx_error why = {0};
    dlx__chat *chat = NULL;
    make_dir(dir, "chat-places");
    write_text(dir, "config.json", "{}");
    assert_int_equal(open_chat(&chat, dir, &why), DLX_E_UNSUPPORTED);
    assert_non_null(strstr(why.text, "--raw"));
    write_text(
        dir, "tokenizer_config.json",
        "{\"bos_token\":{\"content\":\"<B>\"},\"eos_token\":\"<E>\",\"chat_template\":"
        "[{\"name\":\"tool_use\",\"template\":\"t\"},{\"name\":\"default\",\"template\":\"{{\"}]}");
    assert_int_equal(open_chat(&chat, dir, &why), DLX_E_FORMAT);
    assert_non_null(strstr(why.text, "tokenizer_config.json: line 1: a tag has no end"));
    write_text(dir, "chat_template.jinja", "hello");
    CHECK(open_chat(&chat, dir, err));
    assert_string_equal(dlx__chat_bos_token(chat), "<B>");
    assert_string_equal(dlx__chat_eos_token(chat), "<E>");
    dlx__chat_free(chat);
    write_text(dir, "chat_template.jinja", "{% if %}");
    assert_int_equal(open_chat(&chat, dir, &why), DLX_E_FORMAT);
    assert_non_null(strstr(why.text, "chat_template.jinja: line 1: expected a value, found %}"));
}

static void template_in_gguf(void **state)
{
    (void)state;
    char dir[512], path[600];
    make_dir(dir, "chat-gguf");
    snprintf(path, sizeof path, "%s/a.gguf", dir);
    for (int with = 0; with < 2; with++) {
        dlx__gguf_writer *w = NULL;
        dlx_error why = {0};
        const dlx__gguf_string tokens[] = {{"<B>", 3}, {"<E>", 3}};
        CHECK(dlx__gguf_writer_open(&w, path, NULL, err));
        if (with)
            assert_int_equal(dlx__gguf_put_text(w, "tokenizer.chat_template",
                                                "{{ bos_token }}hi{{ eos_token }}"),
                             DLX_OK);
        assert_int_equal(dlx__gguf_put_texts(w, "tokenizer.ggml.tokens", tokens, 2), DLX_OK);
        assert_int_equal(dlx__gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 0), DLX_OK);
        assert_int_equal(dlx__gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 7), DLX_OK);
        CHECK(dlx__gguf_begin_data(w, err));
        CHECK(dlx__gguf_writer_commit(w, err));
        dlx__chat *chat = NULL;
        dlx_result r = open_chat(&chat, path, &why);
        assert_int_equal(r, with ? DLX_OK : DLX_E_UNSUPPORTED);
        if (!with)
            continue;
        dlx__buf out;
        dlx__buf_init(&out, NULL);
        dlx__chat_input in = {.messages = json_array()};
        CHECK(dlx__chat_render(chat, &in, &out, err));
        assert_string_equal(out.data, "<B>hi");
        json_decref(in.messages);
        dlx__buf_release(&out);
        dlx__chat_free(chat);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructs),          cmocka_unit_test(hostile),
        cmocka_unit_test(deep_and_long),       cmocka_unit_test(chat_inputs),
        cmocka_unit_test(where_templates_lie), cmocka_unit_test(template_in_gguf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
