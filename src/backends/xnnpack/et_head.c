/* et_head.c - what the logits that a pass left say. */
#include "backends/xnnpack/xnnpack.h"

#include "backends/reference.h"
#include "base/fail.h"

#include <string.h>

static dlx_result check(const dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const bool both = in->cfg_scale != 0.0f;
    const int last = both ? 1 : in->stream;
    for (size_t i = 0; i < in->n; i++)
        for (int s = both ? 0 : in->stream; s <= last; s++)
            if (s < 0 || s >= b->opts.n_streams || in->rows[i] >= b->n_hidden[s])
                return dlx__fail(err, DLX_E_ARG,
                                 "expected rows of the last pass, found row %zu of stream %d; run "
                                 "a pass first",
                                 in->rows[i], s);
    return DLX_OK;
}

/* The row's logits [n_vocab], guided if asked for. */
static const float *row_logits(dlx__backend *b, const dlx__head *in, size_t row)
{
    const size_t n = b->model->graph.n_vocab;
    if (in->cfg_scale == 0.0f)
        return b->logits[in->stream] + row * n;
    const float *c = b->logits[0] + row * n, *u = b->logits[1] + row * n;
    for (size_t v = 0; v < n; v++)
        b->guided[v] = u[v] + (in->cfg_scale + 1.0f) * (c[v] - u[v]);
    return b->guided;
}

dlx_result dlx__xnnpack_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const size_t n_vocab = b->model->graph.n_vocab;
    DLX__TRY(check(b, in, err));
    for (size_t i = 0; i < in->n; i++) {
        const float *x = row_logits(b, in, in->rows[i]);
        if (in->logits)
            memcpy(in->logits + i * n_vocab, x, n_vocab * sizeof *x);
        if (in->stats)
            dlx__ref_row_stat(&in->stats[i], x, n_vocab, in);
    }
    return DLX_OK;
}
