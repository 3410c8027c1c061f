/* propose.c - from logits, or from the head's statistics, to candidates. */
#include "runtime/sampler/propose.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "runtime/sampler/confidence.h"

bool dlx__proposer_needs_logits(const dlx__proposer *p)
{
    bool filters = p->filter.top_k > 0 || p->filter.top_p < 1.0;
    return p->filter.temperature > 0.0 || (p->filters_greedily && filters);
}

static dlx__id_list allowed(const dlx__proposer *p, const dlx__proposal *in)
{
    return in->no_mask ? p->suppress_and_mask : p->suppress;
}

static dlx_result not_finite(size_t position, dlx_error *err)
{
    return dlx__fail(
        err, DLX_E_BACKEND,
        "the logits for position %zu are not finite numbers: damaged weights, a faulty "
        "backend, or every id is suppressed (compare with the backend `reference`)",
        position);
}

static dlx_result run_head(const dlx__proposer *p, const size_t *rows, size_t n, dlx__id_list never,
                           bool best_only, dlx__row_stat *stats, float *logits, dlx_error *err)
{
    dlx__head head = {.rows = rows,
                      .n = n,
                      .cfg_scale = p->cfg_scale,
                      .n_ids = p->n_ids,
                      .suppress = never.ids,
                      .n_suppress = never.n,
                      .best_only = best_only,
                      .stats = stats,
                      .logits = logits};
    return p->class->head(p->backend, &head, err);
}

static float by_measure(const dlx__proposer *p, const dlx__proposal *in, size_t position,
                        dlx__confidence c)
{
    switch (in->measure) {
    case DLX__MEASURE_MARGIN:
        return c.margin;
    case DLX__MEASURE_NEG_ENTROPY:
        return c.neg_entropy;
    case DLX__MEASURE_DRAW:
        return (float)dlx__draw_uniform(&p->draws, DLX_DRAW_ORDER, in->pass, position, -1);
    case DLX__MEASURE_PROB:
        break;
    }
    return c.prob;
}

/* Ranks drawn without replacement from softmax(conf / alg_temp) are Gumbel-perturbed ranks in
 * order. */
static dlx__candidate candidate(const dlx__proposer *p, const dlx__proposal *in, size_t position,
                                dlx_token id, dlx__confidence c)
{
    dlx__candidate out = {.pos = position, .id = id, .neg_entropy = c.neg_entropy};
    out.conf = by_measure(p, in, position, c);
    out.rank = out.conf;
    if (in->ranks_freely && p->alg_temp > 0.0) {
        double u = dlx__draw_uniform(&p->draws, DLX_DRAW_ORDER, in->pass, position, -1);
        out.rank = out.conf / p->alg_temp + dlx__draw_gumbel(u);
    }
    return out;
}

static bool contains(dlx__id_list list, dlx_token id)
{
    for (size_t i = 0; i < list.n; i++)
        if (list.ids[i] == id)
            return true;
    return false;
}

/* The greedy rows [first, first + n) from their statistics, which leave out the mask id. */
static dlx_result take_greedy(const dlx__proposal *in, size_t first, size_t n,
                              const dlx__row_stat *stats, dlx__candidate *out, dlx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t position = in->positions[in->n + first + i];
        if (!stats[i].finite)
            return not_finite(position, err);
        out[in->n + first + i] = (dlx__candidate){.pos = position,
                                                  .id = stats[i].best,
                                                  .conf = stats[i].prob,
                                                  .rank = stats[i].prob,
                                                  .neg_entropy = stats[i].neg_entropy};
    }
    return DLX_OK;
}

/* One call of the head serves both kinds of rows, unless they leave out different ids. */
static dlx_result greedily(dlx__proposer *p, const dlx__proposal *in, dlx__candidate *out,
                           dlx_error *err)
{
    dlx__id_list never = allowed(p, in);
    bool together = never.n == p->suppress_and_mask.n; /* one holds the other */
    size_t n = in->n + (together ? in->n_greedy : 0);
    if (n > 0)
        DLX__TRY(run_head(p, in->rows, n, never, in->best_only, p->stats, NULL, err));
    for (size_t i = 0; i < in->n; i++) {
        const dlx__row_stat *s = &p->stats[i];
        if (!s->finite)
            return not_finite(in->positions[i], err);
        dlx__confidence c = {s->prob, s->margin, s->neg_entropy};
        out[i] = candidate(p, in, in->positions[i], s->best, c);
    }
    if (!together && in->n_greedy > 0)
        DLX__TRY(run_head(p, in->rows + in->n, in->n_greedy, p->suppress_and_mask, true,
                          p->stats + in->n, NULL, err));
    return take_greedy(in, 0, in->n_greedy, p->stats + in->n, out, err);
}

static dlx_result from_stats(dlx__proposer *p, const dlx__proposal *in, dlx__candidate *out,
                             dlx_error *err)
{
    DLX__TRY(greedily(p, in, out, err));
    if (p->unsure.n == 0 || in->n == 0)
        return DLX_OK;
    /* A second look without the unsure ids gives the others' renormalised confidences. */
    DLX__TRY(run_head(p, in->rows, in->n, p->unsure, in->best_only, p->stats, NULL, err));
    for (size_t i = 0; i < in->n; i++) {
        const dlx__row_stat *s = &p->stats[i];
        bool sure = s->finite && s->best == out[i].id;
        dlx__confidence c = {sure ? s->prob : 0.0f, s->margin, s->neg_entropy};
        out[i] = candidate(p, in, in->positions[i], out[i].id, c);
    }
    return DLX_OK;
}

static void remove_ids(const dlx__proposer *p, float *logits, dlx__id_list never)
{
    for (size_t i = 0; i < never.n; i++)
        if ((size_t)never.ids[i] < p->n_ids)
            logits[never.ids[i]] = -INFINITY;
}

/* The id that LLaDA's noise chooses; filters, where set, bound the choice but not the confidence.
 */
static dlx_token choose_gumbel(dlx__proposer *p, const float *row, size_t pass, size_t position)
{
    const dlx__filter *f = &p->filter;
    if (f->top_k == 0 && !(f->top_p < 1.0))
        return dlx__draw_gumbel_max(row, p->n_ids, f->temperature, &p->draws, pass, position);
    memcpy(p->filtered, row, p->n_ids * sizeof *row);
    dlx__filter_apply(f, p->filtered, p->n_ids, p->heap);
    return dlx__draw_gumbel_max(p->filtered, p->n_ids, 1.0, &p->draws, pass, position);
}

static dlx__candidate from_row(dlx__proposer *p, const dlx__proposal *in, float *row,
                               size_t position)
{
    dlx_token id;
    if (p->gumbel_max) {
        id = choose_gumbel(p, row, in->pass, position);
        if (contains(p->unsure, id)) {
            dlx__confidence none = {0.0f, 0.0f, 0.0f};
            return candidate(p, in, position, id, none);
        }
        remove_ids(p, row, p->unsure);
    } else {
        dlx__filter_apply(&p->filter, row, p->n_ids, p->heap);
        if (p->filter.temperature > 0.0) {
            double u = dlx__draw_uniform(&p->draws, DLX_DRAW_TOKEN, in->pass, position, -1);
            id = dlx__draw_categorical(row, p->n_ids, u);
        } else {
            id = dlx__argmax(row, p->n_ids);
        }
    }
    return candidate(p, in, position, id, dlx__compute_confidence(row, p->n_ids, id));
}

static dlx_result from_logits(dlx__proposer *p, const dlx__proposal *in, dlx__candidate *out,
                              dlx_error *err)
{
    size_t n_all = in->n + in->n_greedy;
    for (size_t at = 0; at < n_all; at += DLX__PROPOSE_ROWS) {
        size_t n = dlx__min(n_all - at, DLX__PROPOSE_ROWS);
        size_t n_drawn = dlx__min(n, in->n - dlx__min(at, in->n));
        size_t n_greedy = n - n_drawn;
        DLX__TRY(run_head(p, in->rows + at, n, p->suppress_and_mask, true,
                          n_greedy ? p->stats : NULL, p->logits, err));
        for (size_t i = 0; i < n_drawn; i++) {
            float *row = p->logits + i * p->n_rows_vocab;
            remove_ids(p, row, allowed(p, in));
            if (!dlx__logits_finite(row, p->n_ids))
                return not_finite(in->positions[at + i], err);
            out[at + i] = from_row(p, in, row, in->positions[at + i]);
        }
        if (n_greedy > 0)
            DLX__TRY(take_greedy(in, at + n_drawn - in->n, n_greedy, p->stats + n_drawn, out, err));
    }
    return DLX_OK;
}

dlx_result dlx__propose_greedy(dlx__proposer *p, size_t row, size_t position, dlx__candidate *out,
                               dlx_error *err)
{
    dlx__proposal in = {
        .rows = &row, .positions = &position, .n_greedy = 1, .best_only = true, .no_mask = true};
    return greedily(p, &in, out, err);
}

dlx_result dlx__propose(dlx__proposer *p, const dlx__proposal *in, dlx__candidate *out,
                        dlx_error *err)
{
    return dlx__proposer_needs_logits(p) ? from_logits(p, in, out, err)
                                         : from_stats(p, in, out, err);
}
