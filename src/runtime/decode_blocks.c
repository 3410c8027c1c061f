/*
 * decode_blocks.c - families whose attention is causal between blocks (SDAR, Fast-dLLM v2): what
 * lies before the block in work is final and its K/V are exact, so a pass runs the rows of one
 * block only.
 *
 * The pass that makes a finished block's K/V final runs together with the next block's first pass,
 * and so does the last part of the prompt's prefill. A model that seeds its blocks (Fast-dLLM v2)
 * knows the next block's first token only from that very pass: it is guessed from the last row of
 * the finished block's last pass, and the second half of the fused pass counts only if the commit's
 * arg-max confirms the guess. Both arg-maxes share a call of the head that is made anyway.
 *
 * Sources: SDAR generate.py (block_diffusion_generate); Fast-dLLM v2 modeling.py (generate,
 * batch_sample). Blocks are tiled from position 0, so the prompt's tail shares the first one.
 */
#include <string.h>

#include "runtime/decode.h"
#include "runtime/sampler/shift.h"

/* Rows that a head computes for about the price of one: weights are read once for all of them. */
enum { HEAD_GROUP = 8 };

typedef struct loop {
    dlx__run *run;
    size_t
        n_final; /* positions whose K/V are final; what follows up to the block awaits a commit */
    dlx_pass_kind given; /* what passes over that are called: prefill at first, then commit */
    const dlx__block *block;
    size_t step;   /* passes of the denoiser in this block */
    bool block_kv; /* the slots of the whole block hold K/V of a pass over it (cache subblock) */
    bool has_guess;
    dlx_token guess; /* for the first token of the next block */
} loop;

/* Notes [0, n) as final, for this call and for the next. */
static void make_final(loop *l, size_t n)
{
    dlx__engine *engine = l->run->engine;
    memcpy(engine->kept + l->n_final, l->run->canvas + l->n_final,
           (n - l->n_final) * sizeof *engine->kept);
    engine->n_kept = n;
    l->n_final = n;
}

static bool needs_seed(const dlx__run *run, size_t start)
{
    return run->rules->seeds_blocks && start > 0 && start < run->n_total &&
           run->canvas[start] == run->mask_id;
}

static dlx_result create_block(loop *l, size_t start)
{
    size_t id;
    size_t n = dlx__min(l->run->block, l->run->n_total - start);
    DLX__TRY(dlx__block_create(&l->run->blocks, start, n, &id, l->run->err));
    l->block = dlx__block_get(&l->run->blocks, id);
    l->step = 0;
    l->block_kv = false;
    return DLX_OK;
}

/* The block's first token: what the row before it predicts. */
static dlx_result write_seed(loop *l, dlx_token seed, float prob)
{
    DLX__TRY(dlx__block_accept(&l->run->blocks, l->block->id, 0, seed, l->run->err));
    dlx__run_note(l->run, l->block->start, seed, prob);
    return DLX_OK;
}

/* Did a stop id end the answer? Fast-dLLM v2 looks after each pass, SDAR at the end of a block. */
static void look_for_stop(loop *l)
{
    dlx__run *run = l->run;
    if ((run->rules->seeds_blocks || !l->block->is_active) && run->stop_at != SIZE_MAX)
        run->finished = true;
}

static dlx_result emit(loop *l, dlx_pass_kind kind, size_t start, size_t n)
{
    DLX__TRY(dlx__run_emit(l->run, kind, start / l->run->block, n));
    look_for_stop(l);
    return DLX_OK;
}

/*
 * Runs what waits before the block in passes as long as the backend takes them, until at most
 * n_left rows wait, and makes its K/V final. Where the block needs a seed, its last row gives it.
 */
static dlx_result run_given(loop *l, size_t n_left)
{
    dlx__run *run = l->run;
    size_t end = l->block->start;
    size_t most = run->engine->n_rows / run->block * run->block;
    while (end - l->n_final > n_left) {
        size_t start = l->n_final;
        size_t n = dlx__min(most, end - start);
        bool seeds = start + n == end && needs_seed(run, end);
        dlx__window w = {
            .start = start, .n = n, .n_kv = start, .n_keep = n, .n_unread = seeds ? n - 1 : n};
        DLX__TRY(dlx__run_forward(run, w));
        make_final(l, start + n);
        if (seeds) {
            dlx_token seed;
            float prob;
            DLX__TRY(dlx__run_argmax(run, (dlx__greedy_row){n - 1, end}, &seed, &prob));
            DLX__TRY(write_seed(l, seed, prob));
        }
        DLX__TRY(emit(l, l->given, start, n));
    }
    return DLX_OK;
}

/* The part of the block that is decoded now: Fast-dLLM v2 goes through its small blocks in order.
 */
static void scope(const loop *l, size_t *from, size_t *to)
{
    const dlx__run *run = l->run;
    const dlx__block *b = l->block;
    size_t small = run->rules->seeds_blocks ? run->opts->small_block : run->block;
    *from = 0;
    while (dlx__block_masks(&run->blocks, b, *from, *from + small, NULL, 0) == 0)
        *from += small;
    *to = dlx__min(*from + small, b->n);
}

static size_t quota(const loop *l)
{
    const dlx__run *run = l->run;
    size_t steps = run->opts->steps ? run->opts->steps : run->block;
    /* Beyond its steps a block goes on until it is full (entropy_bounded takes what it takes). */
    return run->rules->schedule == DLX__SCHEDULE_BLOCK
               ? dlx__max(dlx__quota_even(run->block, steps, l->step), 1)
               : 1;
}

static dlx__pass_plan plan_pass(const loop *l)
{
    dlx__pass_plan plan = {
        .block = l->block, .quota = quota(l), .measure = l->run->sampler->measure};
    scope(l, &plan.from, &plan.to);
    return plan;
}

/* The row that guesses the next block's seed, once the pass in window w ends this block. */
static bool guessing_row(const loop *l, dlx__window w, dlx__greedy_row *row)
{
    size_t next = l->block->start + l->block->n;
    *row = (dlx__greedy_row){w.n - 1, next};
    return w.start + w.n == next && needs_seed(l->run, next);
}

/* May the pass end the block? Then all its masks are in scope. */
static bool may_end(const loop *l, const dlx__pass_plan *plan)
{
    const dlx__block_manager *blocks = &l->run->blocks;
    const dlx__block *b = l->block;
    return dlx__block_masks(blocks, b, 0, b->n, NULL, 0) ==
           dlx__block_masks(blocks, b, plan->from, plan->to, NULL, 0);
}

/*
 * Tells the pass which rows the head may read: those that speak for the scope, greedy ones before
 * it, and the last row where this pass may end the block and the next one's seed is guessed.
 */
static void read_scope(const loop *l, const dlx__pass_plan *plan, dlx__window *w)
{
    const dlx__run *run = l->run;
    const dlx__block *b = l->block;
    const size_t end = w->start + w->n;
    dlx__greedy_row guess;
    w->n_unread = dlx__shift_row(run->rules->shift, b->start + plan->from - w->start);
    for (size_t i = 0; i < plan->n_greedy; i++)
        w->n_unread = dlx__min(w->n_unread, plan->greedy[i].row);
    w->n_unread_end =
        may_end(l, plan) && guessing_row(l, *w, &guess) ? 0 : end - b->start - plan->to;
}

/*
 * Candidates from the last forward, w. If this pass may end the block, the next one's seed is
 * guessed beside them, unless that would take the head to a group of rows more.
 */
static dlx_result propose(loop *l, dlx__window w, dlx__pass_plan *plan)
{
    dlx__run *run = l->run;
    const dlx__block *b = l->block;
    size_t n = dlx__block_masks(&run->blocks, b, plan->from, plan->to, NULL, 0) + plan->n_greedy;
    l->has_guess = may_end(l, plan) && n % HEAD_GROUP != 0 &&
                   guessing_row(l, w, &plan->greedy[plan->n_greedy]);
    plan->n_greedy += l->has_guess;
    DLX__TRY(dlx__run_propose(run, plan, w.start));
    if (l->has_guess)
        l->guess = run->candidates[run->n_candidates + plan->n_greedy - 1].id;
    return DLX_OK;
}

/* Reveals, tells, and makes sure that the end of a block has its guess. */
static dlx_result reveal(loop *l, dlx__window w, const dlx__pass_plan *plan, size_t first, size_t n)
{
    dlx__run *run = l->run;
    dlx__greedy_row row;
    float prob;
    DLX__TRY(dlx__run_select(run, plan));
    l->step++;
    DLX__TRY(emit(l, DLX_PASS_DENOISE, first, n));
    bool ended = !l->block->is_active && !run->finished;
    if (!ended || l->has_guess)
        return DLX_OK;
    l->has_guess = guessing_row(l, w, &row);
    return l->has_guess ? dlx__run_argmax(run, row, &l->guess, &prob) : DLX_OK;
}

/* A pass over the block alone, or over its small block with the cache `subblock`. */
static dlx_result plain_pass(loop *l)
{
    dlx__run *run = l->run;
    const dlx__block *b = l->block;
    bool cached = run->cache == DLX__CACHE_SUBBLOCK;
    dlx__pass_plan plan = plan_pass(l);
    dlx__window w = {.start = b->start, .n = b->n, .n_kv = b->start, .n_keep = cached ? b->n : 0};
    if (cached && l->block_kv && run->canvas[b->start + plan.from] != run->mask_id)
        w = (dlx__window){.start = b->start + plan.from,
                          .n = plan.to - plan.from,
                          .n_kv = b->start + b->n,
                          .n_keep = plan.to - plan.from};
    read_scope(l, &plan, &w);
    DLX__TRY(dlx__run_forward(run, w));
    l->block_kv = true;
    DLX__TRY(propose(l, w, &plan));
    return reveal(l, w, &plan, w.start, w.n);
}

/*
 * The fused pass of a block that needs a seed: all is computed as if the guess were the seed, which
 * is found beside the candidates. *confirmed: it was, and they count.
 */
static dlx_result seeded_forward(loop *l, dlx__window w, dlx__pass_plan *plan, bool *confirmed)
{
    dlx__run *run = l->run;
    const dlx__block *b = l->block;
    dlx_token *first = &run->canvas[b->start];
    dlx_token guess = l->guess;
    *first = guess;
    *plan = plan_pass(l);
    plan->greedy[plan->n_greedy++] = (dlx__greedy_row){b->start - w.start - 1, b->start};
    read_scope(l, plan, &w);
    dlx_result r = dlx__run_forward(run, w);
    if (r == DLX_OK)
        r = propose(l, w, plan);
    *first = run->mask_id;
    DLX__TRY(r);
    const dlx__candidate *seed = &run->candidates[run->n_candidates];
    *confirmed = seed->id == guess;
    return write_seed(l, seed->id, seed->conf);
}

/* Makes what waits before the block final and runs the block's first pass with it. */
static dlx_result fused_pass(loop *l)
{
    dlx__run *run = l->run;
    const dlx__block *b = l->block;
    size_t waiting = b->start - l->n_final;
    bool seeded = needs_seed(run, b->start);
    bool confirmed = true;
    dlx__pass_plan plan;
    dlx__window w = {
        .start = l->n_final, .n = waiting + b->n, .n_kv = l->n_final, .n_keep = waiting};
    if (run->cache == DLX__CACHE_SUBBLOCK)
        w.n_keep = w.n;
    if (seeded) {
        DLX__TRY(seeded_forward(l, w, &plan, &confirmed));
    } else {
        plan = plan_pass(l);
        read_scope(l, &plan, &w);
        DLX__TRY(dlx__run_forward(run, w));
        DLX__TRY(propose(l, w, &plan));
    }
    make_final(l, b->start);
    DLX__TRY(emit(l, l->given, w.start, waiting));
    if (!confirmed || run->finished)
        return DLX_OK;
    l->block_kv = true;
    return reveal(l, w, &plan, b->start, b->n);
}

/* Rows of a fused pass that are left to what waits before the block; 0: it cannot be fused. */
static size_t room_to_fuse(const loop *l)
{
    const dlx__run *run = l->run;
    const dlx__block *b = l->block;
    bool unknown = needs_seed(run, b->start) && (!l->has_guess || b->n_masked == 1);
    return unknown || run->engine->n_rows < b->n ? 0 : run->engine->n_rows - b->n;
}

static dlx_result decode_block(loop *l)
{
    dlx__run *run = l->run;
    run->stuck = false;
    DLX__TRY(run_given(l, room_to_fuse(l)));
    if (l->n_final < l->block->start)
        DLX__TRY(fused_pass(l));
    l->given = DLX_PASS_COMMIT;
    while (l->block->is_active && !run->finished)
        DLX__TRY(plain_pass(l));
    return DLX_OK;
}

/* Start of the first block with a mask. */
static size_t first_open_block(const dlx__run *run)
{
    size_t i = 0;
    while (i < run->n_total && run->canvas[i] != run->mask_id)
        i++;
    return i / run->block * run->block;
}

/*
 * K/V of an earlier call that still hold: whole blocks of equal ids (a block's K/V depend on all of
 * its tokens). A block that needs a seed needs the logits of the row before it, so one block less
 * then.
 */
static size_t reusable(const dlx__run *run, size_t first)
{
    const dlx__engine *engine = run->engine;
    size_t n = 0;
    if (engine->kept_block != run->block)
        return 0;
    while (n < engine->n_kept && n < first && engine->kept[n] == run->canvas[n])
        n++;
    n = n / run->block * run->block;
    return n == first && n > 0 && needs_seed(run, first) ? n - run->block : n;
}

dlx_result dlx__decode_blocks(dlx__run *run)
{
    size_t first = first_open_block(run);
    loop l = {.run = run, .n_final = reusable(run, first), .given = DLX_PASS_PREFILL};
    run->n_reused = l.n_final;
    run->engine->n_kept = l.n_final;
    run->engine->kept_block = run->block;
    DLX__TRY(create_block(&l, first));
    while (!run->finished) {
        DLX__TRY(decode_block(&l));
        size_t next = l.block->start + l.block->n;
        if (run->finished || next >= run->n_total)
            return DLX_OK;
        do { /* given blocks between masks wait for the next commit */
            DLX__TRY(create_block(&l, next));
            next += l.block->n;
        } while (!l.block->is_active && next < run->n_total);
        if (!l.block->is_active)
            return DLX_OK;
    }
    return DLX_OK;
}
