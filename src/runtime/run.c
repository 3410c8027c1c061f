/* run.c - the steps that every decode loop is made of: forward, tell, end (reveal: run_reveal.c).
 */
#include "base/fail.h"
#include "base/os.h"
#include "runtime/decode.h"

static dlx_result forward_stream(dlx__run *run, dlx__window w, int stream, const dlx_token *ids)
{
    dlx__engine *engine = run->engine;
    dlx__step step = {.ids = ids + w.start,
                      .n = w.n,
                      .start = w.start,
                      .n_kv = w.n_kv,
                      .n_keep = w.n_keep,
                      .n_unread = w.n_unread,
                      .n_unread_end = w.n_unread_end,
                      .visibility = engine->model->family->visibility,
                      .block = run->rules->block_causal ? run->block : 1,
                      .stream = stream,
                      .stop = dlx__engine_stopped,
                      .stop_user = engine};
    return engine->opts.backend->step(engine->backend, &step, run->err);
}

dlx_result dlx__run_forward(dlx__run *run, dlx__window w)
{
    if (dlx__engine_stopped(run->engine))
        return dlx__fail(run->err, DLX_CANCELLED, "stopped by the caller");
    DLX__TRY(forward_stream(run, w, 0, run->canvas));
    if (run->uncond)
        DLX__TRY(forward_stream(run, w, 1, run->uncond));
    run->n_passes++;
    run->n_rows += w.n;
    return DLX_OK;
}

void dlx__run_note(dlx__run *run, size_t position, dlx_token id, float conf)
{
    run->written[run->n_written++] = (dlx_written){.pos = position, .id = id, .conf = conf};
    if (run->uncond)
        run->uncond[position] = id;
}

/* Reads on in the contiguous prefix of the answer: text, the first stop id. */
static dlx_result read_decided(dlx__run *run)
{
    while (!run->opts->infill && run->n_decided < run->n_total && run->stop_at == SIZE_MAX &&
           !run->text.stopped) {
        dlx_token id = run->canvas[run->n_decided];
        if (id == run->mask_id)
            return DLX_OK;
        for (size_t i = 0; i < run->opts->n_stop_ids; i++)
            if (run->opts->stop_ids[i] == id)
                run->stop_at = run->n_decided;
        if (run->stop_at == SIZE_MAX && run->n_decided < run->n_answer_end)
            DLX__TRY(dlx__text_out_push(&run->text, id, run->err));
        run->n_decided++;
    }
    return DLX_OK;
}

static bool tell(dlx__run *run, const dlx_event *what)
{
    if (!run->opts->on_event)
        return true;
    dlx_event event = *what;
    event.canvas = run->canvas;
    event.n_canvas = run->n_shown;
    event.n_prompt = run->n_prompt;
    return run->opts->on_event(run->opts->event_user, &event);
}

/* Text events carry the number of the pass that made them final. */
bool dlx__run_release_text(void *user, const char *text, size_t n)
{
    dlx__run *run = user;
    dlx_event event = {.kind = DLX_EV_TEXT,
                       .pass = run->n_passes ? run->n_passes - 1 : 0,
                       .text = text,
                       .n_text = n};
    return tell(run, &event);
}

dlx_result dlx__run_emit(dlx__run *run, dlx_pass_kind kind, size_t block, size_t n_rows)
{
    dlx_event event = {.kind = DLX_EV_PASS,
                       .pass = run->n_passes - 1,
                       .pass_kind = kind,
                       .block = block,
                       .rows = n_rows,
                       .written = run->written,
                       .n_written = run->n_written};
    if (kind == DLX_PASS_DENOISE)
        run->n_denoise++;
    if (run->n_written > 0 && run->first_token < 0.0)
        run->first_token = dlx__os_seconds() - run->started;
    bool more = tell(run, &event);
    run->n_written = 0;
    if (!more)
        return dlx__fail(run->err, DLX_CANCELLED, "stopped by the caller");
    DLX__TRY(read_decided(run));
    run->finished = run->finished || run->text.stopped;
    return dlx__text_out_flush(&run->text, false, run->err);
}

/* The ids of the answer: up to a stop, the length asked for, or the first position still open. */
static size_t answer_ids(dlx__run *run, dlx_token *out, dlx_gen_result *result)
{
    size_t n = 0;
    if (run->opts->infill) {
        for (size_t i = 0; i < run->n_total; i++)
            if (!run->given[i] && run->canvas[i] != run->mask_id)
                out[n++] = run->canvas[i];
        return n;
    }
    size_t end = dlx__min(run->n_answer_end, run->n_decided);
    if (run->stop_at < run->n_answer_end) {
        result->finish = DLX_FINISH_STOP;
        result->stop_id = run->canvas[run->stop_at];
        end = run->stop_at;
    }
    if (run->text.stopped) {
        result->finish = DLX_FINISH_STOP;
        result->stop_id = -1;
        end = run->n_prompt + run->text.n_ids_before_stop;
    }
    for (size_t i = run->n_prompt; i < end; i++)
        out[n++] = run->canvas[i];
    return n;
}

/* Positions up to the end of what was decoded: a stop leaves blocks that were never begun. */
static size_t decoded_end(const dlx__run *run)
{
    size_t end = run->n_prompt;
    for (size_t i = 0; i < run->blocks.n; i++)
        end = dlx__max(end, run->blocks.blocks[i].start + run->blocks.blocks[i].n);
    return dlx__min(end, run->n_total);
}

dlx_result dlx__run_close(dlx__run *run, dlx_result r, dlx_gen_result *result)
{
    if (r == DLX_OK)
        r = dlx__text_out_flush(&run->text, true, run->err);
    *result = (dlx_gen_result){.finish = DLX_FINISH_LENGTH, .stop_id = -1};
    if (r != DLX_OK && r != DLX_CANCELLED)
        return r;
    dlx_event end = {.kind = DLX_EV_END, .pass = run->n_passes ? run->n_passes - 1 : 0};
    (void)tell(run, &end);
    result->ids = run->answer;
    result->n_ids = answer_ids(run, run->answer, result);
    result->canvas = run->canvas;
    result->n_canvas = decoded_end(run);
    result->n_prompt = run->n_prompt;
    result->n_reused = run->n_reused;
    result->passes = run->n_passes;
    result->rows = run->n_rows;
    result->seconds = dlx__os_seconds() - run->started;
    result->first_token_seconds = run->first_token < 0.0 ? result->seconds : run->first_token;
    return r;
}
