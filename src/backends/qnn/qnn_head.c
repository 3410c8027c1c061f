/* qnn_head.c - what rows of the last pass choose: the functions tell the best id; all else is told
 * by the logits of what the rows were at the end, which stays for that. */
#include "backends/qnn/qnn.h"

#include "backends/row_stat.h"
#include "base/fail.h"

#include <string.h>

/* What failed will not do better before the next pass; what was stopped may still be wanted. */
static dlx_result run(dlx__backend *b, int stream, const dlx__head *in, dlx_error *err)
{
    const dlx_result r = dlx__qnn_run(b, stream, in, err);
    if (r != DLX_OK && r != DLX_CANCELLED)
        b->passes[stream].pass.waits = false;
    return r;
}

/* Of rows [n] of the head the logits, in b->m.logits; n up to the function's. */
static dlx_result run_logits(dlx__backend *b, const size_t *rows, size_t n, int stream,
                             dlx_error *err)
{
    const dlx__qnn_function *f = b->logits;
    const size_t d = b->model->graph.n_embd, R = f->entry->n_head_rows;
    for (size_t i = 0; i < R; i++)
        memcpy(b->m.rows + i * d, b->passes[stream].hidden + rows[i < n ? i : 0] * d,
               d * sizeof *b->m.rows);
    return dlx__ort_session_run(&f->session, f->in_names, f->in[0], f->n_in, f->out_names, f->out,
                                f->n_out, err);
}

/* Row i of the head, alone, with the other stream's. */
static dlx_result guide(dlx__backend *b, const dlx__head *in, size_t i, dlx_error *err)
{
    const size_t n = b->model->graph.n_vocab;
    DLX__TRY(run_logits(b, &in->rows[i], 1, 1, err));
    memcpy(b->row[1], b->m.logits, n * sizeof *b->row[1]);
    DLX__TRY(run_logits(b, &in->rows[i], 1, 0, err));
    dlx__program_guide(b->row[0], b->m.logits, b->row[1], in->cfg_scale, n);
    return DLX_OK;
}

static void tell(const dlx__backend *b, const dlx__head *in, size_t i, const float *logits)
{
    const size_t n = b->model->graph.n_vocab;
    if (in->logits)
        memcpy(in->logits + i * n, logits, n * sizeof *logits);
    if (in->stats)
        in->stats[i] = dlx__row_stat_of_logits(b->kernels, logits, n, in);
}

static dlx_result tell_by_logits(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const size_t n_vocab = b->model->graph.n_vocab;
    const size_t most = in->cfg_scale != 0.0f ? 1 : b->logits->entry->n_head_rows;
    for (size_t at = 0; at < in->n; at += most) {
        const size_t n = dlx__min(most, in->n - at);
        if (in->cfg_scale != 0.0f) {
            DLX__TRY(guide(b, in, at, err));
            tell(b, in, at, b->row[0]);
            continue;
        }
        DLX__TRY(run_logits(b, in->rows + at, n, in->stream, err));
        for (size_t i = 0; i < n; i++)
            tell(b, in, at + i, b->m.logits + i * n_vocab);
    }
    return DLX_OK;
}

dlx_result dlx__qnn_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const bool guided = in->cfg_scale != 0.0f;
    const dlx__program_pass *passes[] = {&b->passes[0].pass, &b->passes[1].pass};
    DLX__TRY(dlx__program_check_head(in, passes, b->opts.n_streams, err));
    if (!guided && !b->passes[in->stream].has_hidden && dlx__qnn_tells(b, in))
        return run(b, in->stream, in, err);
    for (int s = guided ? 0 : in->stream; s <= (guided ? 1 : in->stream); s++)
        if (!b->passes[s].has_hidden)
            DLX__TRY(run(b, s, NULL, err));
    return tell_by_logits(b, in, err);
}
