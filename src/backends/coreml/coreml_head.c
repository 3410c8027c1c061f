/* coreml_head.c - what rows of the last pass choose: the functions tell the best id; all else is
 * told by the logits of what the rows were at the end, which stays for that. */
#include "backends/coreml/coreml.h"

#include "backends/row_stat.h"
#include "dtype/convert.h"

#include <string.h>

/* What failed will not do better before the next pass; what was stopped may still be wanted. */
static dlx_result run(dlx__backend *b, int stream, const dlx__head *in, dlx_error *err)
{
    const dlx_result r = dlx__coreml_run(b, stream, in, err);
    if (r != DLX_OK && r != DLX_CANCELLED)
        b->passes[stream].pass.waits = false;
    return r;
}

/* Of rows [n] of the head the logits, in b->m.logits; n up to the function's. */
static dlx_result run_logits(dlx__backend *b, const size_t *rows, size_t n, int stream,
                             dlx_error *err)
{
    const dlx__coreml_function *f = b->logits;
    const size_t d = b->model->graph.n_embd;
    for (size_t i = 0; i < f->size.n_head_rows; i++)
        memcpy(b->m.rows + i * d, b->passes[stream].hidden + rows[i < n ? i : 0] * d,
               d * sizeof *b->m.rows);
    const dlx__coreml_array *arrays = f->arrays[0];
    return dlx__coreml_of(b,
                          b->runtime->run(f->handle, NULL, arrays, f->ports.n_in,
                                          arrays + f->ports.n_in, f->ports.n_out, err),
                          err);
}

/* Row i of those in b->m.logits, as floats [V]. */
static void widen(const dlx__backend *b, float *to, size_t i)
{
    const size_t n = b->model->graph.n_vocab;
    dlx__to_f32(to, b->m.logits + i * n, DLX__F16, n);
}

/* Row i of the head, alone, with the other stream's. */
static dlx_result guide(dlx__backend *b, const dlx__head *in, size_t i, dlx_error *err)
{
    DLX__TRY(run_logits(b, &in->rows[i], 1, 1, err));
    widen(b, b->row[1], 0);
    DLX__TRY(run_logits(b, &in->rows[i], 1, 0, err));
    widen(b, b->row[0], 0);
    dlx__program_guide(b->row[0], b->row[0], b->row[1], in->cfg_scale, b->model->graph.n_vocab);
    return DLX_OK;
}

/* Row i of the head by the logits in b->row[0]. */
static void tell(const dlx__backend *b, const dlx__head *in, size_t i)
{
    const size_t n = b->model->graph.n_vocab;
    if (in->logits)
        memcpy(in->logits + i * n, b->row[0], n * sizeof *b->row[0]);
    if (in->stats)
        in->stats[i] = dlx__row_stat_of_logits(b->kernels, b->row[0], n, in);
}

static dlx_result tell_by_logits(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const bool guided = in->cfg_scale != 0.0f;
    const size_t most = guided ? 1 : b->logits->size.n_head_rows;
    for (size_t at = 0; at < in->n; at += most) {
        const size_t n = dlx__min(most, in->n - at);
        DLX__TRY(guided ? guide(b, in, at, err) : run_logits(b, in->rows + at, n, in->stream, err));
        for (size_t i = 0; i < n; i++) {
            if (!guided)
                widen(b, b->row[0], i);
            tell(b, in, at + i);
        }
    }
    return DLX_OK;
}

dlx_result dlx__coreml_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const bool guided = in->cfg_scale != 0.0f;
    const dlx__program_pass *passes[] = {&b->passes[0].pass, &b->passes[1].pass};
    DLX__TRY(dlx__program_check_head(in, passes, b->opts.n_streams, err));
    if (!guided && !b->passes[in->stream].has_hidden && dlx__coreml_tells(b, in))
        return run(b, in->stream, in, err);
    for (int s = guided ? 0 : in->stream; s <= (guided ? 1 : in->stream); s++)
        if (!b->passes[s].has_hidden)
            DLX__TRY(run(b, s, NULL, err));
    return tell_by_logits(b, in, err);
}
