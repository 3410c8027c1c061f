/*
 * decode_canvas.c - families that see in both directions (LLaDA, Dream): every pass depends on the
 * whole canvas. Exact passes run all of it; the caches of Fast-dLLM v1 freeze part of the K/V
 * within a block, which is an approximation, and refresh it with a full pass at each block's start:
 *   prefix  passes run from the block's start to the end of the canvas, over frozen K/V before it;
 *   dual    passes run the block alone and overwrite its K/V between frozen K/V on both sides.
 *
 * Sources: GSAI LLaDA generate.py; Dream generation_utils.py; NVlabs Fast-dLLM v1 llada/generate.py
 * and dream/model/generation_utils{,_block}.py. Where those leave masks behind, this goes on until
 * the block is full.
 */
#include "runtime/decode.h"
#include "runtime/sampler/shift.h"

typedef struct plan {
    dlx__run *run;
    const dlx__block *block;
    size_t index;   /* of the block, as events number it */
    size_t n_masks; /* of the block when it began */
    size_t n_steps; /* its share of the steps */
    size_t step;
    size_t left_over; /* Dream's confidence_threshold: planned but refused */
    bool first;       /* the block's first pass, over the whole canvas */
} plan;

static dlx__window cached_window(const plan *p)
{
    const dlx__run *run = p->run;
    const dlx__block *b = p->block;
    size_t all = run->n_total;
    if (run->cache == DLX__CACHE_PREFIX)
        return p->first ? (dlx__window){.n = all, .n_keep = b->start}
                        : (dlx__window){.start = b->start, .n = all - b->start, .n_kv = b->start};
    if (run->cache == DLX__CACHE_DUAL)
        return p->first ? (dlx__window){.n = all, .n_keep = all}
                        : (dlx__window){.start = b->start, .n = b->n, .n_kv = all, .n_keep = b->n};
    return (dlx__window){.n = all};
}

/* The head reads the rows that speak for the block. */
static dlx__window window(const plan *p)
{
    dlx__window w = cached_window(p);
    const dlx__block *b = p->block;
    w.n_unread = dlx__shift_row(p->run->rules->shift, b->start - w.start);
    w.n_unread_end = w.start + w.n - (b->start + b->n);
    return w;
}

/* Dream over the whole sequence with a threshold: equal shares, and what earlier passes refused. */
static size_t shares_quota(const plan *p)
{
    size_t share = p->step < p->n_steps ? p->n_masks / p->n_steps : 0;
    return share + p->left_over;
}

/* How many the next pass may reveal; 0: it would reveal nothing and need not run. */
static size_t quota(const plan *p)
{
    const dlx__run *run = p->run;
    size_t open = p->block->n_masked;
    bool shares = run->sampler == &dlx__sampler_confidence_threshold;
    if (!run->sampler->by_quota)
        return open;
    if (shares && run->cache != DLX__CACHE_NONE)
        return open;
    if (p->step >= p->n_steps && !(shares && p->left_over > 0))
        return open; /* the schedule is over and masks are left: a mask id was proposed */
    if (shares)
        return shares_quota(p);
    if (run->rules->schedule == DLX__SCHEDULE_TIMES)
        return dlx__quota_dream(open, p->n_steps, run->opts->eps, p->step);
    return dlx__quota_even(p->n_masks, p->n_steps, p->step);
}

static dlx_result run_pass(plan *p, const dlx__pass_plan *what)
{
    dlx__run *run = p->run;
    dlx__window w = window(p);
    DLX__TRY(dlx__run_forward(run, w));
    p->first = false;
    DLX__TRY(dlx__run_propose(run, what, w.start));
    DLX__TRY(dlx__run_select(run, what));
    size_t n_written = run->n_written;
    if (run->sampler == &dlx__sampler_confidence_threshold && !what->only_first)
        p->left_over = what->quota - dlx__min(n_written, what->quota);
    p->step++;
    return dlx__run_emit(run, DLX_PASS_DENOISE, p->index, w.n);
}

/*
 * Dream with a cache: the full pass at a block's start reveals its first open position, whatever
 * the confidence, in place of the schedule's first step. In the reference the passes that follow
 * could not predict it: its row lies before their window.
 */
static dlx_result open_block(plan *p)
{
    dlx__pass_plan what = {.block = p->block,
                           .to = p->block->n,
                           .quota = 1,
                           .measure = DLX__MEASURE_PROB,
                           .only_first = true};
    return run_pass(p, &what);
}

static dlx_result decode_block(plan *p)
{
    dlx__run *run = p->run;
    bool dream = run->rules->schedule == DLX__SCHEDULE_TIMES;
    run->stuck = false;
    if (dream && run->cache != DLX__CACHE_NONE)
        DLX__TRY(open_block(p));
    while (p->block->is_active && !run->finished) {
        dlx__pass_plan what = {.block = p->block,
                               .to = p->block->n,
                               .quota = quota(p),
                               .measure = run->sampler->measure};
        if (what.quota == 0) {
            p->step++;
            continue;
        }
        if (dream)
            what.share = dlx__dream_share(p->n_steps, run->opts->eps, p->step);
        DLX__TRY(run_pass(p, &what));
    }
    return DLX_OK;
}

/* A block's part of the steps is its part of the masks, rounded up. No steps named: one a mask. */
static size_t share_of_steps(size_t steps, size_t n_masks, size_t n_all)
{
    if (steps == 0)
        return n_masks;
    size_t product = dlx__mul(steps, n_masks);
    return product == SIZE_MAX ? n_masks : (product + n_all - 1) / n_all;
}

dlx_result dlx__decode_canvas(dlx__run *run)
{
    size_t first = run->n_total;
    size_t n_all = 0;
    for (size_t i = run->n_total; i-- > 0;) {
        if (run->canvas[i] != run->mask_id)
            continue;
        first = i;
        n_all++;
    }
    size_t width = run->block ? run->block : run->n_total;
    size_t index = 0;
    for (size_t start = first; start < run->n_total && !run->finished; start += width, index++) {
        size_t id;
        size_t n = dlx__min(width, run->n_total - start);
        DLX__TRY(dlx__block_create(&run->blocks, start, n, &id, run->err));
        plan p = {
            .run = run, .block = dlx__block_get(&run->blocks, id), .index = index, .first = true};
        p.n_masks = p.block->n_masked;
        p.n_steps = share_of_steps(run->opts->steps, p.n_masks, n_all);
        DLX__TRY(decode_block(&p));
    }
    return DLX_OK;
}
