/* answer.c - one generation and everything that watches it. */
#include "answer.h"

#include "interrupt.h"
#include "out.h"
#include "trace.h"

static void on_text(answer *a, const dlx_event *event)
{
    bytes_add(&a->text, event->text, event->n_text);
    if (!a->stream)
        return;
    if (a->painter) {
        paint_text(a->painter, event->text, event->n_text);
        return;
    }
    out_bytes(event->text, event->n_text);
    out_flush();
}

static bool on_event(void *user, const dlx_event *event)
{
    answer *a = user;
    if (event->kind == DLX_EV_PASS && a->trace)
        trace_event(a->trace, event);
    if (event->kind == DLX_EV_PASS && a->painter)
        paint_pass(a->painter, event);
    if (event->kind == DLX_EV_TEXT)
        on_text(a, event);
    return !interrupted() && !out_failed() && !(a->trace && ferror(a->trace));
}

int answer_close(const answer *a, int code, save *trace)
{
    if (code != EXIT_OK)
        return code;
    if (a->stopped && interrupted())
        return interrupt_exit_code();
    /* A trace that stopped the run could not be written: save_commit says why. main says so of
     * stdout. */
    if (trace->file && !out_failed() && !save_commit(trace))
        return EXIT_FAILED;
    return a->stopped ? EXIT_FAILED : EXIT_OK;
}

int answer_run(answer *a, dlx_session *session, const dlx_token *prompt, size_t n_prompt,
               const dlx_gen_opts *gen)
{
    dlx_gen_opts opts = *gen;
    dlx_error err;
    term t = term_of(stdout);
    opts.on_event = on_event;
    opts.event_user = a;
    if (a->watch && t.moves)
        a->painter = paint_open(a->model, &t, a->watch_from == SIZE_MAX ? n_prompt : a->watch_from);
    interrupt_watch(session);
    dlx_result r = dlx_generate(session, prompt, n_prompt, &opts, &a->result, &err);
    interrupt_watch(NULL);
    paint_close(a->painter);
    a->painter = NULL;
    a->stopped = r == DLX_CANCELLED;
    if (r != DLX_OK && r != DLX_CANCELLED)
        return say_failed("%s", err.text);
    return EXIT_OK;
}

void answer_release(answer *a)
{
    bytes_release(&a->text);
}

const char *answer_finish(const answer *a)
{
    return a->stopped ? "cancelled" : a->result.finish == DLX_FINISH_STOP ? "stop" : "length";
}

json_t *answer_figures(const answer *a, json_t *object)
{
    const dlx_gen_result *r = &a->result;
    json_object_set_new(object, "finish_reason", json_string(answer_finish(a)));
    json_object_set_new(object, "prompt_tokens", json_integer((json_int_t)r->n_prompt));
    json_object_set_new(object, "completion_tokens", json_integer((json_int_t)r->n_ids));
    json_object_set_new(object, "passes", json_integer((json_int_t)r->passes));
    json_object_set_new(object, "rows", json_integer((json_int_t)r->rows));
    json_object_set_new(object, "seconds", json_real(r->seconds));
    json_object_set_new(object, "first_token_seconds", json_real(r->first_token_seconds));
    return object;
}

void answer_stats(const answer *a)
{
    const dlx_gen_result *r = &a->result;
    double passes = r->passes ? (double)r->passes : 1;
    double seconds = r->seconds > 0 ? r->seconds : 1e-9;
    term t = term_of(stderr);
    say_note(
        "%s%zu token%s in %zu pass%s (%.2f a pass), %.1f tokens/s, first text after %.2f s%s%s",
        term_code(&t, STYLE_DIM), r->n_ids, plural(r->n_ids, "s"), r->passes,
        plural(r->passes, "es"), (double)r->n_ids / passes, (double)r->n_ids / seconds,
        r->first_token_seconds, a->stopped ? ", stopped" : "", term_code(&t, STYLE_PLAIN));
}

json_t *ids_json(const dlx_token *ids, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return list;
}

void ids_text(const dlx_token *ids, size_t n, bytes *out)
{
    for (size_t i = 0; i < n; i++)
        bytes_printf(out, i ? ",%d" : "%d", (int)ids[i]);
}
