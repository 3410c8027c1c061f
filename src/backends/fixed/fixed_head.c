/* fixed_head.c - what rows of the last pass choose: the functions tell the best id; all else is
 * told by the logits of what the rows were at the end, which stays for that. */
#include "backends/fixed/fixed.h"

#include "backends/row_stat.h"
#include "dtype/convert.h"

#include <string.h>

/* What failed will not do better before the next pass; what was stopped may still be wanted. */
static dlx_result run(dlx__fixed *f, int stream, const dlx__head *in, dlx_error *err)
{
    const dlx_result r = dlx__fixed_run(f, stream, in, err);
    if (r != DLX_OK && r != DLX_CANCELLED)
        f->passes[stream].pass.waits = false;
    return r;
}

/* Of rows [n] of the head the logits, in f->m.logits; n up to the function's. */
static dlx_result run_logits(dlx__fixed *f, const size_t *rows, size_t n, int stream,
                             dlx_error *err)
{
    const size_t d = f->model->graph.n_embd, R = f->functions[f->logits].n_head_rows;
    for (size_t i = 0; i < R; i++)
        memcpy(dlx__fixed_at(f, f->m.rows, i * d),
               dlx__fixed_at(f, f->passes[stream].hidden, rows[i < n ? i : 0] * d),
               d * dlx__fixed_bytes(f));
    return f->run(f->user, f->logits, stream, err);
}

/* Row i of those in f->m.logits to floats [V]. */
static void widen(const dlx__fixed *f, float *to, size_t i)
{
    const size_t n = f->model->graph.n_vocab;
    dlx__to_f32(to, dlx__fixed_at(f, f->m.logits, i * n),
                f->type == DLX__FIXED_HALF ? DLX__F16 : DLX__F32, n);
}

/* Row i of the head, alone, with the other stream's. */
static dlx_result guide(dlx__fixed *f, const dlx__head *in, size_t i, dlx_error *err)
{
    DLX__TRY(run_logits(f, &in->rows[i], 1, 1, err));
    widen(f, f->row[1], 0);
    DLX__TRY(run_logits(f, &in->rows[i], 1, 0, err));
    widen(f, f->row[0], 0);
    dlx__program_guide(f->row[0], f->row[0], f->row[1], in->cfg_scale, f->model->graph.n_vocab);
    return DLX_OK;
}

/* Row i of the head by the logits in f->row[0]. */
static void tell(const dlx__fixed *f, const dlx__head *in, size_t i)
{
    const size_t n = f->model->graph.n_vocab;
    if (in->logits)
        memcpy(in->logits + i * n, f->row[0], n * sizeof *f->row[0]);
    if (in->stats)
        in->stats[i] = dlx__row_stat_of_logits(f->kernels, f->row[0], n, in);
}

static dlx_result tell_by_logits(dlx__fixed *f, const dlx__head *in, dlx_error *err)
{
    const bool guided = in->cfg_scale != 0.0f;
    const size_t most = guided ? 1 : f->functions[f->logits].n_head_rows;
    for (size_t at = 0; at < in->n; at += most) {
        const size_t n = dlx__min(most, in->n - at);
        DLX__TRY(guided ? guide(f, in, at, err) : run_logits(f, in->rows + at, n, in->stream, err));
        for (size_t i = 0; i < n; i++) {
            if (!guided)
                widen(f, f->row[0], i);
            tell(f, in, at + i);
        }
    }
    return DLX_OK;
}

dlx_result dlx__fixed_head(dlx__fixed *f, const dlx__head *in, dlx_error *err)
{
    const bool guided = in->cfg_scale != 0.0f;
    const dlx__program_pass *passes[] = {&f->passes[0].pass, &f->passes[1].pass};
    DLX__TRY(dlx__program_check_head(in, passes, f->n_streams, err));
    if (!guided && !f->passes[in->stream].has_hidden && dlx__fixed_tells(f, in))
        return run(f, in->stream, in, err);
    for (int s = guided ? 0 : in->stream; s <= (guided ? 1 : in->stream); s++)
        if (!f->passes[s].has_hidden)
            DLX__TRY(run(f, s, NULL, err));
    return tell_by_logits(f, in, err);
}
