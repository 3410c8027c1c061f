/* et_head.c - what the logits that a pass left say. */
#include "backends/xnnpack/xnnpack.h"

#include "backends/row_stat.h"

#include <string.h>

/* The row's logits [n_vocab], guided if asked for. */
static const float *row_logits(dlx__backend *b, const dlx__head *in, size_t row)
{
    const size_t n = b->model->graph.n_vocab;
    if (in->cfg_scale == 0.0f)
        return b->passes[in->stream].logits + row * n;
    const float *c = b->passes[0].logits + row * n, *u = b->passes[1].logits + row * n;
    dlx__program_guide(b->guided, c, u, in->cfg_scale, n);
    return b->guided;
}

static void tell(dlx__backend *b, const dlx__head *in)
{
    const size_t n_vocab = b->model->graph.n_vocab;
    for (size_t i = 0; i < in->n; i++) {
        const float *x = row_logits(b, in, in->rows[i]);
        if (in->logits)
            memcpy(in->logits + i * n_vocab, x, n_vocab * sizeof *x);
        if (in->stats)
            in->stats[i] = dlx__row_stat_of_logits(b->kernels, x, n_vocab, in);
    }
}

/*
 * By denoise if that is enough, unless it was not for the pass before: what asks for more at one
 * pass will do so at the next, and two runs of a pass cost more than one by forward.
 */
static bool by_denoise(dlx__backend *b, const dlx__head *in)
{
    dlx__xnnpack_pass *p = &b->passes[in->stream];
    const bool enough = dlx__xnnpack_denoises(b, in);
    const bool first = !p->was_asked;
    const bool wanted_more = p->wants_more;
    if (first)
        p->wants_more = false;
    p->was_asked = true;
    p->wants_more = p->wants_more || !enough;
    return enough && !p->has_logits && !(first && wanted_more);
}

/* What failed will not do better before the next pass; what was stopped may still be wanted. */
static dlx_result after(dlx__backend *b, int stream, dlx_result r)
{
    if (r != DLX_OK && r != DLX_CANCELLED)
        b->passes[stream].pass.waits = false;
    return r;
}

dlx_result dlx__xnnpack_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const int last = in->cfg_scale != 0.0f ? 1 : in->stream;
    const dlx__program_pass *passes[] = {&b->passes[0].pass, &b->passes[1].pass};
    DLX__TRY(dlx__program_check_head(in, passes, b->opts.n_streams, err));
    if (by_denoise(b, in))
        return after(b, in->stream, dlx__xnnpack_run_denoise(b, in->stream, in, err));
    for (int s = in->cfg_scale != 0.0f ? 0 : last; s <= last; s++)
        if (!b->passes[s].has_logits)
            DLX__TRY(after(b, s, dlx__xnnpack_run_forward(b, s, err)));
    tell(b, in);
    return DLX_OK;
}
