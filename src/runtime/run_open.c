/* run_open.c - everything that a run needs, taken before its first pass. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/os.h"
#include "runtime/decode.h"

static int by_id(const void *a, const void *b)
{
    dlx_token x = *(const dlx_token *)a;
    dlx_token y = *(const dlx_token *)b;
    return (x > y) - (x < y);
}

/* Sorts and drops repeats. */
static dlx__id_list as_list(dlx_token *ids, size_t n)
{
    size_t kept = 0;
    qsort(ids, n, sizeof *ids, by_id);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    return (dlx__id_list){ids, kept};
}

/* The stop ids without the end of a turn, which LLaDA's logits_eos_inf leaves alone. */
static size_t add_eos(const dlx_gen_opts *o, dlx_token *ids, size_t n)
{
    for (size_t i = 0; i < o->n_stop_ids; i++)
        if (o->stop_ids[i] != o->eot_id)
            ids[n++] = o->stop_ids[i];
    return n;
}

/* The three lists of ids that the head leaves out. */
static bool make_lists(dlx__run *run)
{
    const dlx_gen_opts *o = run->opts;
    size_t most = o->n_suppress + o->n_stop_ids + 2;
    dlx_token *ids[3];
    size_t n = 0;
    for (size_t i = 0; i < DLX__LEN(ids); i++) {
        ids[i] = dlx__arena_alloc(&run->engine->arena, most, sizeof *ids[i]);
        if (!ids[i])
            return false;
    }
    for (; n < o->n_suppress; n++)
        ids[0][n] = o->suppress[n];
    const bool masks = run->mask_id >= 0;
    if (masks && !o->allow_special)
        ids[0][n++] = run->mask_id;
    if (o->logits_eos_inf)
        n = add_eos(o, ids[0], n);
    for (size_t i = 0; i < n; i++)
        ids[1][i] = ids[2][i] = ids[0][i];
    dlx__proposer *p = &run->proposer;
    p->suppress = as_list(ids[0], n);
    ids[1][n] = run->mask_id;
    p->suppress_and_mask = as_list(ids[1], n + masks);
    if (o->confidence_eos_eot_inf) {
        n = add_eos(o, ids[2], n);
        if (o->eot_id >= 0)
            ids[2][n++] = o->eot_id;
        p->unsure = as_list(ids[2], n);
    }
    return true;
}

static bool make_proposer(dlx__run *run, size_t n_rows)
{
    const dlx__engine *engine = run->engine;
    const dlx_gen_opts *o = run->opts;
    const dlx__hparams *hp = &engine->model->hp;
    const dlx__tokenizer *t = engine->opts.tokenizer;
    dlx__arena *arena = &run->engine->arena;
    dlx__proposer *p = &run->proposer;
    size_t n_ids = t ? dlx__min(hp->n_vocab, dlx__tokenizer_n_ids(t)) : hp->n_vocab;
    *p = (dlx__proposer){.class = engine->opts.backend,
                         .backend = engine->backend,
                         .n_rows_vocab = hp->n_rows_vocab,
                         .n_ids = o->allow_special ? hp->n_rows_vocab : n_ids,
                         .cfg_scale = (float)o->cfg_scale,
                         .gumbel_max = run->rules->gumbel_max,
                         .filters_greedily = run->rules->filters_greedily,
                         .filter = {.temperature = o->temperature,
                                    .top_k = o->top_k,
                                    .top_p = o->top_p,
                                    .order = run->rules->order},
                         .alg_temp = o->alg_temp,
                         .draws = {.fn = o->draw, .user = o->draw_user, .seed = o->seed}};
    p->stats = dlx__arena_alloc(arena, n_rows, sizeof *p->stats);
    if (!p->stats || !make_lists(run))
        return false;
    if (!dlx__proposer_needs_logits(p))
        return true;
    p->logits = dlx__arena_alloc(arena, hp->n_rows_vocab, DLX__PROPOSE_ROWS * sizeof *p->logits);
    p->filtered = dlx__arena_alloc(arena, hp->n_rows_vocab, sizeof *p->filtered);
    p->heap = dlx__arena_alloc(arena, hp->n_rows_vocab, sizeof *p->heap);
    return p->logits && p->filtered && p->heap;
}

/* n_rows: the most rows of one call of the head. */
static bool make_buffers(dlx__run *run, size_t n_rows)
{
    dlx__arena *arena = &run->engine->arena;
    size_t n = run->n_total;
    size_t n_blocks = run->block ? n / run->block + 1 : 1;
    dlx__block *blocks = dlx__arena_alloc(arena, n_blocks, sizeof *blocks);
    run->canvas = dlx__arena_alloc(arena, n, sizeof *run->canvas);
    run->given = dlx__arena_alloc(arena, n, sizeof *run->given);
    run->answer = dlx__arena_alloc(arena, n, sizeof *run->answer);
    run->positions = dlx__arena_alloc(arena, n_rows, sizeof *run->positions);
    run->rows = dlx__arena_alloc(arena, n_rows, sizeof *run->rows);
    run->candidates = dlx__arena_alloc(arena, n_rows, sizeof *run->candidates);
    run->order = dlx__arena_alloc(arena, n_rows, sizeof *run->order);
    run->take = dlx__arena_alloc(arena, n_rows, sizeof *run->take);
    run->written = dlx__arena_alloc(arena, n_rows + 1, sizeof *run->written);
    if (run->opts->cfg_scale > 0.0) {
        run->uncond = dlx__arena_alloc(arena, n, sizeof *run->uncond);
        if (!run->uncond)
            return false;
    }
    if (!blocks || !run->canvas || !run->given || !run->answer || !run->positions || !run->rows ||
        !run->candidates || !run->order || !run->take || !run->written)
        return false;
    dlx__block_manager_init(&run->blocks, run->canvas, n, run->mask_id, blocks, n_blocks);
    return true;
}

static void fill_canvas(dlx__run *run, const dlx_token *prompt)
{
    for (size_t i = 0; i < run->n_total; i++) {
        run->canvas[i] = i < run->n_prompt ? prompt[i] : run->mask_id;
        run->given[i] = run->canvas[i] != run->mask_id;
        if (run->uncond) /* guidance compares with a canvas that knows nothing */
            run->uncond[i] = run->mask_id;
    }
}

static dlx_result open_text(dlx__run *run)
{
    const dlx_gen_opts *o = run->opts;
    bool wanted = !o->infill && (o->on_event || o->n_stop_texts > 0);
    run->text = (dlx__text_out){.tokenizer = wanted ? run->engine->opts.tokenizer : NULL,
                                .stops = o->stop_texts,
                                .n_stops = o->n_stop_texts,
                                .release = dlx__run_release_text,
                                .user = run};
    dlx__buf_init(&run->text.held, run->engine->mem);
    if (o->n_stop_texts > 0 && !run->engine->opts.tokenizer)
        return dlx__fail(
            run->err, DLX_E_ARG,
            "stop texts need a tokenizer, and this model was opened without one: use stop "
            "ids");
    return dlx__text_out_open(&run->text, run->n_total, run->engine->longest_token,
                              &run->engine->arena, run->err);
}

dlx_result dlx__run_open(dlx__run *run, dlx__engine *engine, const dlx_token *prompt,
                         size_t n_prompt, const dlx_gen_opts *opts, dlx_error *err)
{
    const dlx__model *model = engine->model;
    *run = (dlx__run){.engine = engine,
                      .opts = opts,
                      .rules = &engine->rules,
                      .sampler = dlx__gen_sampler(model->family, opts),
                      .cache = dlx__gen_cache(model->family, opts),
                      .n_prompt = n_prompt,
                      .n_total = dlx__gen_positions(model, opts, n_prompt),
                      .block = dlx__gen_block(model, opts),
                      .mask_id = (dlx_token)model->hp.mask_id.value,
                      .n_decided = n_prompt,
                      .stop_at = SIZE_MAX,
                      .started = dlx__os_seconds(),
                      .first_token = -1.0,
                      .err = err};
    run->n_shown = run->rules->autoregressive ? n_prompt : run->n_total;
    run->n_answer_end = opts->infill ? n_prompt : n_prompt + opts->max_tokens;
    size_t n_head = run->block ? dlx__min(run->block, run->n_total) : run->n_total;
    n_head += DLX__GREEDY_ROWS;
    size_t n_rows = run->n_total;
    if (run->rules->block_causal)
        n_rows = dlx__min(engine->opts.n_ctx,
                          dlx__max(dlx__engine_tile(run->block), dlx__mul(2, run->block)));
    dlx__arena_release(&engine->arena);
    dlx__arena_init(&engine->arena, engine->mem);
    DLX__TRY(open_text(run));
    DLX__TRY(dlx__engine_reserve(engine, n_rows, opts->cfg_scale > 0.0 ? 2 : 1, err));
    if (!make_buffers(run, n_head) || !make_proposer(run, n_head))
        return dlx__fail(err, DLX_E_NOMEM, "out of memory while preparing to decode %zu positions",
                         run->n_total);
    fill_canvas(run, prompt);
    return DLX_OK;
}
