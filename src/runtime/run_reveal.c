/* run_reveal.c - from the rows of a forward to revealed positions: propose, select, write. */
#include <string.h>

#include "base/fail.h"
#include "runtime/decode.h"
#include "runtime/sampler/shift.h"

static dlx__selection selection(dlx__run *run, const dlx__pass_plan *plan)
{
    memset(run->take, 0, run->n_candidates * sizeof *run->take);
    return (dlx__selection){.rows = run->candidates,
                            .n = run->n_candidates,
                            .quota = plan->quota,
                            .share = plan->share,
                            .strict = run->rules->strict,
                            .threshold = run->opts->threshold,
                            .factor = run->opts->factor,
                            .eb_threshold = run->opts->eb_threshold,
                            .draws = &run->proposer.draws,
                            .pass = run->n_denoise,
                            .order = run->order,
                            .take = run->take};
}

/*
 * Leaves those of n open positions that a blind sampler chooses, and returns their number. Its
 * ranks, where it has any, are draws.
 */
static size_t choose_blindly(dlx__run *run, const dlx__pass_plan *plan, size_t n)
{
    size_t n_chosen = 0;
    for (size_t i = 0; i < n; i++) {
        dlx__candidate c = {.pos = run->positions[i]};
        if (plan->measure == DLX__MEASURE_DRAW)
            c.rank = (float)dlx__draw_uniform(&run->proposer.draws, DLX_DRAW_ORDER, run->n_denoise,
                                              c.pos, -1);
        run->candidates[i] = c;
    }
    run->n_candidates = n;
    dlx__selection s = selection(run, plan);
    if (n > 0)
        run->sampler->select(&s);
    for (size_t i = 0; i < n; i++)
        if (s.take[i])
            run->positions[n_chosen++] = run->positions[i];
    return n_chosen;
}

static bool best_only(const dlx__run *run, const dlx__pass_plan *plan)
{
    const bool other =
        plan->measure == DLX__MEASURE_MARGIN || plan->measure == DLX__MEASURE_NEG_ENTROPY;
    return !other && !run->sampler->reads_entropy;
}

dlx_result dlx__run_propose(dlx__run *run, const dlx__pass_plan *plan, size_t start)
{
    size_t n = dlx__block_masks(&run->blocks, plan->block, plan->from, plan->to, run->positions,
                                plan->block->n);
    if (plan->only_first)
        n = dlx__min(n, 1);
    else if (run->sampler->blind)
        n = choose_blindly(run, plan, n);
    run->n_candidates = n;
    memcpy(run->rows, run->positions, n * sizeof *run->rows);
    dlx__shift_logits(run->rules->shift, run->rows, n, start);
    for (size_t i = 0; i < plan->n_greedy; i++) {
        run->positions[n + i] = plan->greedy[i].position;
        run->rows[n + i] = plan->greedy[i].row;
    }
    dlx__proposal in = {.rows = run->rows,
                        .positions = run->positions,
                        .n = n,
                        .n_greedy = plan->n_greedy,
                        .measure = plan->measure,
                        .best_only = best_only(run, plan),
                        .no_mask = run->stuck,
                        .pass = run->n_denoise,
                        .ranks_freely = run->sampler->ranks_freely && !plan->only_first};
    return dlx__propose(&run->proposer, &in, run->candidates, run->err);
}

/* Writes what was taken into the canvas. A taken mask id reveals nothing: the row stays open. */
static dlx_result write_taken(dlx__run *run, const dlx__block *block, const dlx__selection *s)
{
    size_t n_taken = 0;
    size_t n_revealed = 0;
    for (size_t i = 0; i < s->n; i++) {
        const dlx__candidate *c = &s->rows[i];
        n_taken += s->take[i];
        if (!s->take[i] || c->id == run->mask_id)
            continue;
        DLX__TRY(
            dlx__block_accept(&run->blocks, block->id, c->pos - block->start, c->id, run->err));
        dlx__run_note(run, c->pos, c->id, c->conf);
        n_revealed++;
    }
    run->stuck = n_taken > 0 && n_revealed == 0;
    return DLX_OK;
}

dlx_result dlx__run_select(dlx__run *run, const dlx__pass_plan *plan)
{
    dlx__selection s = selection(run, plan);
    bool chosen = plan->only_first || run->sampler->blind;
    for (size_t i = 0; i < s.n && chosen; i++)
        s.take[i] = true;
    if (!chosen && s.n > 0)
        run->sampler->select(&s);
    return write_taken(run, plan->block, &s);
}

dlx_result dlx__run_argmax(dlx__run *run, dlx__greedy_row row, dlx_token *id, float *prob)
{
    dlx__candidate c;
    DLX__TRY(dlx__propose_greedy(&run->proposer, row.row, row.position, &c, run->err));
    *id = c.id;
    *prob = c.conf;
    return DLX_OK;
}
