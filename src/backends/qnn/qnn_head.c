/* qnn_head.c - what the rows of the last pass say: as its graph told, or by the head alone. */
#include "backends/qnn/qnn.h"

#include "backends/row_stat.h"
#include "base/fail.h"

#include <string.h>

static dlx_result check(const dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const bool both = in->cfg_scale != 0.0f;
    const int last = both ? 1 : in->stream;
    for (size_t i = 0; i < in->n; i++)
        for (int s = both ? 0 : in->stream; s <= last; s++)
            if (s < 0 || s >= b->opts.n_streams || in->rows[i] >= b->passes[s].n)
                return dlx__fail(err, DLX_E_ARG,
                                 "expected rows of the last pass, found row %zu of stream %d; run "
                                 "a pass first",
                                 in->rows[i], s);
    return DLX_OK;
}

/* ---- as the graph told --------------------------------------------------------------------- */

/* Does the head leave out what the graph leaves out? */
static bool same_ids(const dlx__backend *b, const dlx__head *in)
{
    const dlx__onnx_seen *f = &b->seen;
    const size_t n_ids = in->n_ids ? in->n_ids : b->model->graph.n_vocab;
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

static bool is_told(const dlx__backend *b, const dlx__head *in)
{
    if (in->logits || !in->best_only || in->cfg_scale != 0.0f || !same_ids(b, in))
        return false;
    for (size_t i = 0; i < in->n; i++)
        if (!b->passes[in->stream].known[in->rows[i]])
            return false;
    return true;
}

/* ---- by the head alone --------------------------------------------------------------------- */

/* b->logits[s] = those of the rows [n] of a stream's last pass. */
static dlx_result run_head(dlx__backend *b, int s, const size_t *rows, size_t n, dlx_error *err)
{
    const size_t d = b->model->graph.n_embd;
    const int64_t R = (int64_t)b->seen.functions[b->seen.logits].n_head_rows;
    const dlx__ort_tensor in = {"rows", DLX__ORT_FLOAT, b->hidden, 3, {1, R, (int64_t)d}};
    const dlx__ort_tensor out = {
        "output_logits", DLX__ORT_FLOAT, b->logits[s], 3, {1, R, (int64_t)b->model->graph.n_vocab}};
    for (size_t i = 0; i < (size_t)R; i++) /* the last once more where there are fewer */
        memcpy(b->hidden + i * d, b->passes[s].hidden + rows[dlx__min(i, n - 1)] * d,
               d * sizeof *b->hidden);
    return dlx__ort_run(&b->ort, b->sessions[b->seen.logits], b->opts.path, &in, 1, &out, 1, err);
}

/* The logits [n_vocab] of row i of those that were computed, guided if asked for. */
static const float *row_logits(dlx__backend *b, const dlx__head *in, size_t i)
{
    const size_t n = b->model->graph.n_vocab;
    if (in->cfg_scale == 0.0f)
        return b->logits[in->stream] + i * n;
    const float *c = b->logits[0] + i * n, *u = b->logits[1] + i * n;
    for (size_t v = 0; v < n; v++)
        b->guided[v] = u[v] + (in->cfg_scale + 1.0f) * (c[v] - u[v]);
    return b->guided;
}

static dlx_result run_rows(dlx__backend *b, const dlx__head *in, size_t first, size_t n,
                           dlx_error *err)
{
    const size_t n_vocab = b->model->graph.n_vocab;
    const int last = in->cfg_scale != 0.0f ? 1 : in->stream;
    for (int s = in->cfg_scale != 0.0f ? 0 : last; s <= last; s++)
        DLX__TRY(run_head(b, s, in->rows + first, n, err));
    for (size_t i = 0; i < n; i++) {
        const float *x = row_logits(b, in, i);
        if (in->logits)
            memcpy(in->logits + (first + i) * n_vocab, x, n_vocab * sizeof *x);
        if (in->stats)
            in->stats[first + i] = dlx__row_stat_of_logits(b->kernels, x, n_vocab, in);
    }
    return DLX_OK;
}

dlx_result dlx__qnn_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const size_t most = b->seen.functions[b->seen.logits].n_head_rows;
    DLX__TRY(check(b, in, err));
    if (is_told(b, in)) {
        for (size_t i = 0; i < in->n && in->stats; i++)
            in->stats[i] = b->passes[in->stream].stats[in->rows[i]];
        return DLX_OK;
    }
    for (size_t i = 0; i < in->n; i += most)
        DLX__TRY(run_rows(b, in, i, dlx__min(most, in->n - i), err));
    return DLX_OK;
}
