/*
 * decode_blocks.c - families whose attention is causal between blocks (SDAR, Fast-dLLM v2): what
 * lies before the block in work is final and its K/V are exact, so a pass runs the rows of one
 * block only.
 *
 * The pass that makes a finished block's K/V final runs together with the next block's first pass.
 * A model that seeds its blocks (Fast-dLLM v2) knows the next block's first token only from that
 * very pass: it is guessed from the last row of the finished block's last pass, and the second half
 * of the fused pass counts only if the commit's arg-max confirms the guess.
 *
 * Sources: SDAR generate.py (block_diffusion_generate); Fast-dLLM v2 modeling.py (generate,
 * batch_sample). Blocks are tiled from position 0, so the prompt's tail shares the first one.
 */
#include <string.h>

#include "runtime/decode.h"

typedef struct loop {
    dlx__run *run;
    size_t
        n_final; /* positions whose K/V are final; what follows up to the block awaits a commit */
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

/* The block's first token: what `row` of the last forward, the row before it, predicts. */
static dlx_result find_seed(loop *l, size_t row, dlx_token *seed, float *prob)
{
    return dlx__run_argmax(l->run, row, l->block->start, seed, prob);
}

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
 * Runs given text [n_final, end) in tiles and makes its K/V final. Where the block behind it, which
 * is the one in work, needs a seed, the last tile gives it.
 */
static dlx_result run_given(loop *l, size_t end, dlx_pass_kind kind)
{
    dlx__run *run = l->run;
    size_t tile = dlx__engine_tile(run->block);
    while (l->n_final < end) {
        size_t start = l->n_final;
        size_t n = dlx__min(tile, end - start);
        dlx__window w = {.start = start, .n = n, .n_kv = start, .n_keep = n};
        DLX__TRY(dlx__run_forward(run, w));
        make_final(l, start + n);
        if (l->n_final == end && needs_seed(run, end)) {
            dlx_token seed;
            float prob;
            DLX__TRY(find_seed(l, n - 1, &seed, &prob));
            DLX__TRY(write_seed(l, seed, prob));
        }
        DLX__TRY(emit(l, kind, start, n));
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

/* Reveals in the scope from the last forward, whose first row is at `start`. */
static dlx_result reveal(loop *l, size_t from, size_t to, size_t start)
{
    dlx__run *run = l->run;
    dlx__pass_plan plan = {.block = l->block,
                           .from = from,
                           .to = to,
                           .quota = quota(l),
                           .measure = run->sampler->measure};
    DLX__TRY(dlx__run_reveal(run, &plan, start));
    l->step++;
    return DLX_OK;
}

/* Guesses the seed of the next block while the last pass over this one's last row is at hand. */
static dlx_result guess_next(loop *l, dlx__window w)
{
    const dlx__block *b = l->block;
    size_t next = b->start + b->n;
    float prob;
    l->has_guess =
        !b->is_active && !l->run->finished && w.start + w.n == next && needs_seed(l->run, next);
    return l->has_guess ? dlx__run_argmax(l->run, w.n - 1, next, &l->guess, &prob) : DLX_OK;
}

/* A pass over the block alone, or over its small block with the cache `subblock`. */
static dlx_result plain_pass(loop *l)
{
    dlx__run *run = l->run;
    const dlx__block *b = l->block;
    bool cached = run->cache == DLX__CACHE_SUBBLOCK;
    size_t from, to;
    scope(l, &from, &to);
    dlx__window w = {.start = b->start, .n = b->n, .n_kv = b->start, .n_keep = cached ? b->n : 0};
    if (cached && l->block_kv && run->canvas[b->start + from] != run->mask_id)
        w = (dlx__window){
            .start = b->start + from, .n = to - from, .n_kv = b->start + b->n, .n_keep = to - from};
    DLX__TRY(dlx__run_forward(run, w));
    l->block_kv = true;
    DLX__TRY(reveal(l, from, to, w.start));
    DLX__TRY(emit(l, DLX_PASS_DENOISE, w.start, w.n));
    return guess_next(l, w);
}

/* Commits what waits before the block and runs the block's first pass with it. */
static dlx_result fused_pass(loop *l)
{
    dlx__run *run = l->run;
    const dlx__block *b = l->block;
    size_t waiting = b->start - l->n_final;
    dlx__window w = {
        .start = l->n_final, .n = waiting + b->n, .n_kv = l->n_final, .n_keep = waiting};
    bool seeded = needs_seed(run, b->start);
    bool confirmed = true;
    if (run->cache == DLX__CACHE_SUBBLOCK)
        w.n_keep = w.n;
    if (seeded)
        run->canvas[b->start] = l->guess;
    dlx_result r = dlx__run_forward(run, w);
    if (seeded)
        run->canvas[b->start] = run->mask_id;
    DLX__TRY(r);
    make_final(l, b->start);
    if (seeded) {
        dlx_token seed;
        float prob;
        DLX__TRY(find_seed(l, waiting - 1, &seed, &prob));
        DLX__TRY(write_seed(l, seed, prob));
        confirmed = seed == l->guess;
    }
    DLX__TRY(emit(l, DLX_PASS_COMMIT, w.start, waiting));
    if (!confirmed || run->finished)
        return DLX_OK;
    size_t from, to;
    scope(l, &from, &to);
    l->block_kv = true;
    DLX__TRY(reveal(l, from, to, w.start));
    DLX__TRY(emit(l, DLX_PASS_DENOISE, b->start, b->n));
    w = (dlx__window){.start = w.start, .n = w.n};
    return guess_next(l, w);
}

/* Can the commit run together with the block's first pass? */
static bool can_fuse(const loop *l)
{
    const dlx__run *run = l->run;
    const dlx__block *b = l->block;
    size_t waiting = b->start - l->n_final;
    if (waiting == 0 || waiting + b->n > run->engine->n_rows)
        return false;
    if (!needs_seed(run, b->start))
        return true;
    return l->has_guess && b->n_masked > 1;
}

static dlx_result decode_block(loop *l)
{
    dlx__run *run = l->run;
    run->stuck = false;
    if (can_fuse(l))
        DLX__TRY(fused_pass(l));
    else
        DLX__TRY(run_given(l, l->block->start, DLX_PASS_COMMIT));
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
    loop l = {.run = run, .n_final = reusable(run, first)};
    run->n_reused = l.n_final;
    run->engine->n_kept = l.n_final;
    run->engine->kept_block = run->block;
    DLX__TRY(create_block(&l, first));
    DLX__TRY(run_given(&l, first, DLX_PASS_PREFILL));
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
