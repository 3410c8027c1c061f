/* et_denoise.c - what chosen rows choose, where the program tells that itself. */
#include "backends/xnnpack/xnnpack.h"

#include "base/fail.h"

#include <math.h>
#include <string.h>

/* ---- is it enough? --------------------------------------------------------------------------- */

/* Does the head leave out what the program leaves out? */
static bool same_ids(const dlx__program_facts *f, const dlx__head *in)
{
    const size_t n_ids = in->n_ids ? in->n_ids : f->n_vocab;
    const bool has_never = f->never_id >= 0 && (size_t)f->never_id < f->n_ids;
    size_t n_never = 0;
    for (size_t i = 0; i < in->n_suppress; i++) {
        if ((size_t)in->suppress[i] >= f->n_ids)
            continue;
        if (!has_never || in->suppress[i] != f->never_id)
            return false;
        n_never++;
    }
    return n_ids == f->n_ids && n_never == has_never;
}

static size_t n_in_call(const dlx__xnnpack_call *c, const dlx__head *in)
{
    const size_t first = c->at - c->step->start;
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++)
        n += in->rows[i] >= first && in->rows[i] < first + c->n;
    return n;
}

bool dlx__xnnpack_denoises(const dlx__backend *b, const dlx__head *in)
{
    const dlx__program_facts *f = &b->program.facts;
    const dlx__step *step = &b->passes[in->stream].step;
    if (!f->n_denoise_rows || in->logits || !in->best_only || in->cfg_scale != 0.0f ||
        !same_ids(f, in))
        return false;
    for (size_t at = step->start; at < step->start + step->n;) {
        const dlx__xnnpack_call c = dlx__xnnpack_next(b, step, at);
        if (n_in_call(&c, in) > f->n_denoise_rows)
            return false;
        at += c.n;
    }
    return true;
}

/* ---- a pass ---------------------------------------------------------------------------------- */

/* The head's rows that are in the call; one of any kind if there is none, because a call wants one.
 */
static void choose_rows(dlx__backend *b, dlx__xnnpack_call *c, const dlx__head *in, size_t *n)
{
    const size_t first = c->at - c->step->start;
    *n = 0;
    for (size_t i = 0; in && i < in->n; i++) {
        if (in->rows[i] < first || in->rows[i] >= first + c->n)
            continue;
        b->rows[*n] = (int64_t)(in->rows[i] - first);
        b->places[(*n)++] = i;
    }
    if (*n == 0)
        b->rows[0] = 0;
    c->n_rows = dlx__max(*n, 1);
}

static dlx__row_stat stat_of(int64_t best, float logit, float lse)
{
    if (!isfinite(logit) || !isfinite(lse))
        return (dlx__row_stat){.finite = false};
    return (dlx__row_stat){
        .best = (dlx_token)best, .logit = logit, .prob = expf(logit - lse), .finite = true};
}

static dlx_result take_stats(const dlx__backend *b, const dlx__xnnpack_call *c, size_t n,
                             const dlx__head *in, dlx_error *err)
{
    DLX__TRY(dlx__xnnpack_expect(b, 0, DLX__PTE_LONG, 1, &c->n_rows, err));
    DLX__TRY(dlx__xnnpack_expect(b, 1, DLX__PTE_FLOAT, 1, &c->n_rows, err));
    DLX__TRY(dlx__xnnpack_expect(b, 2, DLX__PTE_FLOAT, 1, &c->n_rows, err));
    const int64_t *best = b->out[0].data;
    const float *logit = b->out[1].data, *lse = b->out[2].data;
    for (size_t i = 0; i < n; i++)
        in->stats[b->places[i]] = stat_of(best[i], logit[i], lse[i]);
    return DLX_OK;
}

dlx_result dlx__xnnpack_run_denoise(dlx__backend *b, int stream, const dlx__head *in,
                                    dlx_error *err)
{
    dlx__xnnpack_pass *p = &b->passes[stream];
    const dlx__step *step = &p->step;
    for (size_t at = step->start; at < step->start + step->n;) {
        dlx__xnnpack_call c = dlx__xnnpack_next(b, step, at);
        size_t n;
        if (step->stop && step->stop(step->stop_user))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        choose_rows(b, &c, in, &n);
        DLX__TRY(dlx__xnnpack_call_run(b, &c, err));
        if (n > 0)
            DLX__TRY(take_stats(b, &c, n, in, err));
        at += c.n;
    }
    p->waits = false;
    return DLX_OK;
}
