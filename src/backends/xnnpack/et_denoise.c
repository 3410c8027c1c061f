/* et_denoise.c - what chosen rows choose, where the program tells that itself. */
#include "backends/xnnpack/xnnpack.h"

#include "base/fail.h"

/* ---- is it enough? --------------------------------------------------------------------------- */

bool dlx__xnnpack_denoises(const dlx__backend *b, const dlx__head *in)
{
    const dlx__program_facts *f = &b->program.facts;
    const dlx__step *step = &b->passes[in->stream].pass.step;
    if (!f->n_denoise_rows || in->logits || !in->best_only || in->cfg_scale != 0.0f ||
        !dlx__program_same_ids(f->n_vocab, f->n_ids, f->never_id, in))
        return false;
    for (size_t at = step->start; at < step->start + step->n;) {
        const dlx__xnnpack_call c = dlx__xnnpack_next(b, step, at);
        if (dlx__program_head_rows(&c.rows, in) > f->n_denoise_rows)
            return false;
        at += c.rows.n;
    }
    return true;
}

/* ---- a pass ---------------------------------------------------------------------------------- */

/* The head's rows that are in the call; one of any kind if there is none, because a call wants one.
 */
static void choose_rows(dlx__backend *b, dlx__xnnpack_call *c, const dlx__head *in, size_t *n)
{
    const size_t first = c->rows.at - c->rows.step->start;
    *n = 0;
    for (size_t i = 0; in && i < in->n; i++) {
        if (in->rows[i] < first || in->rows[i] >= first + c->rows.n)
            continue;
        b->rows[*n] = (int64_t)(in->rows[i] - first);
        b->places[(*n)++] = i;
    }
    if (*n == 0)
        b->rows[0] = 0;
    c->n_chosen = dlx__max(*n, 1);
}

static dlx_result take_stats(const dlx__backend *b, const dlx__xnnpack_call *c, size_t n,
                             const dlx__head *in, dlx_error *err)
{
    DLX__TRY(dlx__xnnpack_expect(b, 0, DLX__PTE_LONG, 1, &c->n_chosen, err));
    DLX__TRY(dlx__xnnpack_expect(b, 1, DLX__PTE_FLOAT, 1, &c->n_chosen, err));
    DLX__TRY(dlx__xnnpack_expect(b, 2, DLX__PTE_FLOAT, 1, &c->n_chosen, err));
    const int64_t *best = b->out[0].data;
    const float *logit = b->out[1].data, *lse = b->out[2].data;
    for (size_t i = 0; i < n; i++)
        in->stats[b->places[i]] = dlx__program_stat(best[i], logit[i], lse[i]);
    return DLX_OK;
}

dlx_result dlx__xnnpack_run_denoise(dlx__backend *b, int stream, const dlx__head *in,
                                    dlx_error *err)
{
    dlx__xnnpack_pass *p = &b->passes[stream];
    const dlx__step *step = &p->pass.step;
    for (size_t at = step->start; at < step->start + step->n;) {
        dlx__xnnpack_call c = dlx__xnnpack_next(b, step, at);
        size_t n;
        if (step->stop && step->stop(step->stop_user))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        choose_rows(b, &c, in, &n);
        DLX__TRY(dlx__xnnpack_call_run(b, &c, err));
        if (n > 0)
            DLX__TRY(take_stats(b, &c, n, in, err));
        at += c.rows.n;
    }
    p->pass.waits = false;
    return DLX_OK;
}
