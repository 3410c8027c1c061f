// labels: quick
/* A conversation through the public interface, as `dlx chat` holds one: each turn renders all
 * messages anew, and what was computed for the earlier ones is used again, to the same answer. */
#include "support.h"

enum { N_TURNS = 4, ROOM = 1 << 14 };

static dlx_model *model;
static char messages[ROOM];

static void add_message(const char *role, const char *text)
{
    size_t n = strlen(messages);
    n -= n > 0; /* the closing bracket */
    n += (size_t)snprintf(messages + n, sizeof messages - n, "%s{\"role\":\"%s\",\"content\":\"",
                          n ? "," : "[", role);
    for (; *text && n < sizeof messages - 16; text++) {
        if (*text == '"' || *text == '\\')
            messages[n++] = '\\';
        messages[n++] = *text == '\n' ? ' ' : *text;
    }
    snprintf(messages + n, sizeof messages - n, "\"}]");
}

static size_t render(dlx_token **ids)
{
    dlx_error err = {.code = DLX_OK};
    char *text = NULL;
    size_t n = 0;
    assert_ok(dlx_chat_render(model, messages, NULL, true, &text, &err), &err);
    assert_ok(dlx_tokenize(model, text, strlen(text), false, ids, &n, &err), &err);
    dlx_free(model, text);
    return n;
}

static bool add_text(void *user, const dlx_event *e)
{
    char *said = user;
    size_t n = strlen(said);
    if (e->kind == DLX_EV_TEXT && n + e->n_text < ROOM)
        memcpy(said + n, e->text, e->n_text + 1);
    return true;
}

static dlx_session *open_session(const char *kv_type)
{
    dlx_session_opts o = {.size = sizeof o, .n_ctx = 1024, .kv_type = kv_type};
    dlx_session *session;
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx_session_open(&session, model, &o, &err), &err);
    return session;
}

static void hold_conversation(const char *kv_type)
{
    static const char *const said[N_TURNS] = {
        "Invoice for Ana Lima, 3 lamps, total 42.50 on 2024-03-05 in Lisbon.",
        "Then one for Bo Chen: 2 chairs, 80.00, 2024-04-01, Oslo.", "And a third: 7 pens, 9.10.",
        "Thanks."};
    dlx_error err = {.code = DLX_OK};
    dlx_session *session = open_session(kv_type);
    dlx_gen_opts opts;
    dlx_gen_init(model, &opts);
    opts.max_tokens = 64;
    messages[0] = '\0';
    for (size_t turn = 0; turn < N_TURNS; turn++) {
        char answer[ROOM] = "", again[ROOM] = "";
        dlx_gen_result kept, anew;
        dlx_token *ids;
        add_message("user", said[turn]);
        size_t n = render(&ids);
        dlx_session *fresh = open_session(kv_type);
        opts.on_event = add_text;
        opts.event_user = answer;
        assert_ok(dlx_generate(session, ids, n, &opts, &kept, &err), &err);
        opts.event_user = again;
        assert_ok(dlx_generate(fresh, ids, n, &opts, &anew, &err), &err);
        printf("  %s, turn %zu: prompt of %zu, %zu reused, %zu rows instead of %zu\n", kv_type,
               turn + 1, n, kept.n_reused, kept.rows, anew.rows);
        assert_string_equal(answer, again);
        assert_int_equal(kept.n_reused % opts.block_length, 0);
        assert_int_equal(kept.rows + kept.n_reused, anew.rows);
        assert_true(turn == 0 ? kept.n_reused == 0 : kept.n_reused > 0);
        add_message("assistant", answer);
        dlx_free(model, ids);
        dlx_session_free(fresh);
    }
    dlx_session_free(session);
}

static void turns_reuse_what_was_computed(void **state)
{
    (void)state;
    static const char *const kv_types[] = {"float32", "bf16", "f16", "int8"};
    dlx_error err = {.code = DLX_OK};
    char path[4096];
    snprintf(path, sizeof path, "%s/models/records", DLX_SOURCE_DIR);
    assert_ok(dlx_model_open(&model, path, NULL, &err), &err);
    for (size_t i = 0; i < sizeof kv_types / sizeof *kv_types; i++)
        hold_conversation(kv_types[i]);
    dlx_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(turns_reuse_what_was_computed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
