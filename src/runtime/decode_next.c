/*
 * decode_next.c - autoregressive families (Llama, Qwen2, Qwen3): a pass writes the token that its
 * last row predicts. The prompt's last row shares a pass with the rest of the prompt, or with its
 * last tile, so an answer takes as many passes as it has tokens and one more a further tile.
 *
 * A row sees what lies before it alone, so its K/V hold in a later call for as long as the ids up
 * to it are the same. The last token of an answer was never run and has none.
 */
#include <string.h>

#include "runtime/decode.h"

/* K/V of an earlier call that still hold. The prompt's last row runs in any case: it predicts. */
static size_t reusable(const dlx__run *run)
{
    const dlx__engine *engine = run->engine;
    size_t n = 0;
    if (engine->kept_block != run->block)
        return 0;
    while (n < engine->n_kept && n + 1 < run->n_prompt && engine->kept[n] == run->canvas[n])
        n++;
    return n;
}

/*
 * Runs the rows that are not final yet up to `end`, at most a tile of them: then they are. The head
 * reads the last n_read of them.
 */
static dlx_result forward(dlx__run *run, size_t end, size_t n_read)
{
    dlx__engine *engine = run->engine;
    size_t start = engine->n_kept;
    size_t n = end - start;
    dlx__window w = {.start = start, .n = n, .n_kv = start, .n_keep = n, .n_unread = n - n_read};
    DLX__TRY(dlx__run_forward(run, w));
    memcpy(engine->kept + start, run->canvas + start, n * sizeof *engine->kept);
    engine->n_kept = end;
    return DLX_OK;
}

/* Writes the token behind the last row of a pass that began at `start`, and tells of it. */
static dlx_result write_next(dlx__run *run, size_t start)
{
    size_t id;
    size_t at = run->engine->n_kept;
    DLX__TRY(dlx__block_create(&run->blocks, at, 1, &id, run->err));
    dlx__pass_plan plan = {.block = dlx__block_get(&run->blocks, id),
                           .to = 1,
                           .quota = 1,
                           .measure = run->sampler->measure};
    DLX__TRY(dlx__run_propose(run, &plan, start));
    DLX__TRY(dlx__run_select(run, &plan));
    run->n_shown = at + 1;
    DLX__TRY(dlx__run_emit(run, DLX_PASS_DENOISE, 0, 1));
    run->finished = run->finished || run->stop_at != SIZE_MAX;
    return DLX_OK;
}

/* The prompt, of which the last row gives the first token. */
static dlx_result run_prompt(dlx__run *run)
{
    const dlx__engine *engine = run->engine;
    size_t start = engine->n_kept;
    for (; run->n_prompt - start > engine->n_rows; start = engine->n_kept) {
        DLX__TRY(forward(run, start + engine->n_rows, 0));
        DLX__TRY(dlx__run_emit(run, DLX_PASS_PREFILL, 0, engine->n_rows));
    }
    size_t before = run->n_prompt - start - 1;
    DLX__TRY(forward(run, run->n_prompt, 1));
    if (before > 0)
        DLX__TRY(dlx__run_emit(run, DLX_PASS_PREFILL, 0, before));
    return write_next(run, start);
}

dlx_result dlx__decode_next(dlx__run *run)
{
    dlx__engine *engine = run->engine;
    engine->n_kept = run->n_reused = reusable(run);
    engine->kept_block = run->block;
    DLX__TRY(run_prompt(run));
    while (!run->finished && run->n_shown < run->n_total) {
        size_t start = engine->n_kept;
        DLX__TRY(forward(run, start + 1, 1));
        DLX__TRY(write_next(run, start));
    }
    return DLX_OK;
}
