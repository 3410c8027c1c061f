/* conversation.c - messages, context and answers of a chat. */
#include "conversation.h"

#include "input.h"
#include "interrupt.h"
#include "out.h"
#include "prompt.h"
#include "save.h"

#include <stdlib.h>
#include <string.h>

static const char *role_of(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    return role ? role : "";
}

static json_t *all_messages(const conversation *c)
{
    json_t *all = json_array();
    if (c->system.n)
        json_array_append_new(all, prompt_message("system", c->system.data, c->system.n));
    json_array_extend(all, c->messages);
    return all;
}

/* Forgets the oldest turn: everything up to the second message of the user. False: only one is
 * left. */
static bool forget_turn(conversation *c)
{
    size_t n = 1;
    while (n < json_array_size(c->messages) &&
           strcmp(role_of(json_array_get(c->messages, n)), "user") != 0)
        n++;
    if (n >= json_array_size(c->messages))
        return false;
    while (n--)
        json_array_remove(c->messages, 0);
    return true;
}

/* The ids of the conversation, cut at its beginning until the answer has room. */
static int fit(conversation *c, id_list *ids)
{
    size_t n_forgotten = 0;
    for (;;) {
        json_t *all = all_messages(c);
        ids->n = 0;
        int code = prompt_add_messages(c->model, all, ids);
        json_decref(all);
        if (code != EXIT_OK)
            return code;
        if (dlx_gen_positions(c->model, &c->plan.opts, ids->n) <= c->n_ctx)
            break;
        if (!forget_turn(c))
            return say_failed(
                "this message takes %zu positions and its answer up to %zu, but the context "
                "holds %zu: shorten it, lower /max, or start with --ctx",
                ids->n, c->plan.opts.max_tokens, c->n_ctx);
        n_forgotten++;
    }
    if (n_forgotten)
        say_note("(the context is full: %zu turn%s forgotten, oldest first)", n_forgotten,
                 n_forgotten == 1 ? " is" : "s are");
    return EXIT_OK;
}

static void begin_answer(conversation *c)
{
    answer_release(&c->last);
    c->last =
        (answer){.model = c->model, .stream = true, .watch = c->watch, .watch_from = SIZE_MAX};
    c->has_last = false;
}

int conversation_say(conversation *c, const char *text, size_t n)
{
    id_list ids = {0};
    json_array_append_new(c->messages, prompt_message("user", text, n));
    int code = fit(c, &ids);
    if (code == EXIT_OK) {
        begin_answer(c);
        code = answer_run(&c->last, c->session, ids.items, ids.n, &c->plan.opts);
        c->has_last = code == EXIT_OK;
    }
    free(ids.items);
    if (code == EXIT_OK) {
        const bytes *said = &c->last.text;
        if (!said->n || said->data[said->n - 1] != '\n')
            out_text("\n");
        out_flush();
        if (c->last.stopped && interrupted())
            say_note("(stopped)");
        else if (!c->quiet)
            answer_stats(&c->last);
    }
    if (code == EXIT_OK && (c->last.text.n || !c->last.stopped))
        json_array_append_new(
            c->messages, prompt_message("assistant", bytes_string(&c->last.text), c->last.text.n));
    else if (json_array_size(c->messages))
        json_array_remove(c->messages, json_array_size(c->messages) - 1);
    return code;
}

int conversation_again(conversation *c)
{
    size_t n = json_array_size(c->messages);
    while (n && strcmp(role_of(json_array_get(c->messages, n - 1)), "user") != 0)
        n--;
    if (!n) {
        say_note("there is no message to answer anew");
        return EXIT_OK;
    }
    json_t *text = json_incref(json_object_get(json_array_get(c->messages, n - 1), "content"));
    while (json_array_size(c->messages) >= n)
        json_array_remove(c->messages, json_array_size(c->messages) - 1);
    int code = conversation_say(c, json_string_value(text), json_string_length(text));
    json_decref(text);
    return code;
}

void conversation_clear(conversation *c)
{
    json_array_clear(c->messages);
}

int conversation_system(conversation *c, const char *what, const char *text)
{
    int code = prompt_need_system(c->model, what, text);
    if (code != EXIT_OK)
        return code;
    bytes_reset(&c->system);
    bytes_text(&c->system, text);
    return EXIT_OK;
}

bool conversation_save(const conversation *c, const char *path)
{
    save file = {0};
    if (!save_open(&file, path))
        return false;
    json_t *object = json_pack("{s:o}", "messages", all_messages(c));
    if (json_dumpf(object, file.file, JSON_INDENT(2)) == 0)
        fputc('\n', file.file);
    json_decref(object);
    if (!save_commit(&file))
        return false;
    size_t n = json_array_size(c->messages);
    say_note("saved %zu message%s to %s", n, plural(n, "s"), path);
    return true;
}

/* Whether every message is {"role": text, "content": text}. */
static bool are_messages(const json_t *messages)
{
    size_t i;
    json_t *message;
    json_array_foreach(
        messages, i,
        message) if (!json_is_string(json_object_get(message, "role")) ||
                     !json_is_string(json_object_get(message, "content"))) return false;
    return json_is_array(messages);
}

bool conversation_load(conversation *c, const char *path)
{
    bytes text = {0};
    json_error_t where;
    if (input_file(path, true, &text) != EXIT_OK) {
        bytes_release(&text);
        return false;
    }
    json_t *object = json_loadb(bytes_string(&text), text.n, 0, &where);
    bytes_release(&text);
    json_t *messages = json_is_array(object) ? object : json_object_get(object, "messages");
    if (!are_messages(messages)) {
        if (object)
            say("%s holds no conversation: expected messages of {\"role\", \"content\"}, as /save "
                "writes them",
                show_path(path).text);
        else
            say("%s is not JSON: line %d, %s; name a file that /save wrote", show_path(path).text,
                where.line, where.text);
        json_decref(object);
        return false;
    }
    json_array_clear(c->messages);
    json_array_extend(c->messages, messages);
    const json_t *first = json_array_get(c->messages, 0);
    if (strcmp(role_of(first), "system") == 0) {
        /* Said, but no reason to do without the rest. */
        (void)conversation_system(c, "the system message of the file",
                                  json_string_value(json_object_get(first, "content")));
        json_array_remove(c->messages, 0);
    }
    json_decref(object);
    size_t n = json_array_size(c->messages);
    say_note("loaded %zu message%s from %s", n, plural(n, "s"), path);
    return true;
}

void conversation_release(conversation *c)
{
    answer_release(&c->last);
    bytes_release(&c->system);
    json_decref(c->messages);
    gen_plan_release(&c->plan);
    dlx_session_free(c->session);
    *c = (conversation){0};
}
