/* compare.c - two models side by side. */
#include "quant/compare.h"

#include "base/fail.h"
#include "base/mem.h"

#include <math.h>

enum { HEAD_ROWS = 8 }; /* whose logits are held at once */

/* ---- rows ---------------------------------------------------------------------------------- */

typedef struct softmax {
    double most, log_sum;
    size_t best;
} softmax;

static softmax softmax_of(const float *x, size_t n)
{
    softmax s = {.most = (double)x[0]};
    for (size_t i = 1; i < n; i++)
        if ((double)x[i] > s.most) {
            s.most = (double)x[i];
            s.best = i;
        }
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i] - s.most);
    s.log_sum = log(sum);
    return s;
}

dlx__row_divergence dlx__compare_rows(const float *p, const float *q, size_t n)
{
    const softmax a = softmax_of(p, n), b = softmax_of(q, n);
    dlx__row_divergence d = {.best_p = a.best, .best_q = b.best};
    for (size_t i = 0; i < n; i++) {
        const double log_p = (double)p[i] - a.most - a.log_sum;
        const double log_q = (double)q[i] - b.most - b.log_sum;
        const double weight = exp(log_p);
        if (weight > 0) {
            d.kl += weight * (log_p - log_q);
            d.entropy -= weight * log_p;
        }
    }
    d.kl = d.kl < 0 ? 0 : d.kl; /* rounding; NaN stays */
    d.finite = isfinite(d.kl) && isfinite(d.entropy);
    return d;
}

/* ---- passes -------------------------------------------------------------------------------- */

typedef struct side {
    const dlx__backend_class *class;
    dlx__backend *b;
    float *logits; /* [HEAD_ROWS, n_vocab] */
} side;

typedef struct job {
    const dlx__model *model;
    const dlx__calibration *passes;
    side sides[2];
    size_t *rows; /* [most_rows]: those of a pass whose logits count */
    size_t n_rows;
    size_t n_masked;
    size_t n_vocab;
} job;

static dlx_result open_side(side *s, const dlx__compare_side *from, const dlx__calibration *c,
                            const dlx__compare_opts *o, dlx_error *err)
{
    const size_t n_vocab = from->model->graph.n_vocab;
    const dlx__backend_opts opts = {.n_ctx = c->n_ctx,
                                    .n_rows = c->most_rows,
                                    .n_streams = 1,
                                    .n_threads = o->n_threads,
                                    .scheme = from->scheme,
                                    .kv_type = from->kv_type,
                                    .mem = o->mem};
    s->class = dlx__backend_find("cpu");
    s->logits = dlx__alloc(o->mem, dlx__mul(HEAD_ROWS * sizeof(float), n_vocab));
    if (!s->logits)
        return dlx__fail_memory(err, "comparing models", HEAD_ROWS * n_vocab * sizeof(float));
    return s->class->load(&s->b, from->model, &opts, err);
}

/* The rows that predict masked positions: the row itself, or the one before it. */
static void choose_rows(job *j, const dlx__calibration_pass *pass)
{
    const dlx_token *ids = j->passes->ids + pass->first_row;
    const bool shift = j->model->family->shift;
    j->n_rows = j->n_masked = 0;
    for (size_t i = 0; i < pass->n; i++) {
        if (j->passes->mask < 0 ? i + 1 < pass->n : ids[i] == j->passes->mask) {
            j->n_masked++;
            if (!shift || j->passes->mask < 0)
                j->rows[j->n_rows++] = i;
            else if (i > 0)
                j->rows[j->n_rows++] = i - 1;
        }
    }
}

static dlx_result run_pass(const job *j, size_t s, const dlx__calibration_pass *pass,
                           dlx_error *err)
{
    const dlx__step step = {.ids = j->passes->ids + pass->first_row,
                            .n = pass->n,
                            .start = pass->start,
                            .n_kv = pass->start,
                            .n_keep = pass->keep ? pass->n : 0,
                            .visibility = j->passes->visibility,
                            .block = j->passes->block};
    return j->sides[s].class->step(j->sides[s].b, &step, err);
}

static void count(dlx__divergence *d, const dlx__row_divergence *row)
{
    d->n++;
    d->kl += row->kl;
    d->kl_most = fmax(d->kl_most, row->kl);
    d->n_same += row->best_p == row->best_q;
}

/* The rows [first, first + n) of j->rows. */
static dlx_result compare_rows(const job *j, dlx__comparison *out, size_t first, size_t n,
                               size_t band, dlx_error *err)
{
    for (size_t s = 0; s < 2; s++) {
        const dlx__head head = {.rows = j->rows + first, .n = n, .logits = j->sides[s].logits};
        DLX__TRY(j->sides[s].class->head(j->sides[s].b, &head, err));
    }
    for (size_t r = 0; r < n; r++) {
        const dlx__row_divergence d =
            dlx__compare_rows(j->sides[0].logits + r * j->n_vocab,
                              j->sides[1].logits + r * j->n_vocab, j->model->hp.n_vocab);
        if (!d.finite)
            return dlx__fail(err, DLX_E_FORMAT,
                             "comparing models: expected finite logits, found others; one of the "
                             "two has broken weights");
        count(&out->all, &d);
        count(&out->bands[band], &d);
        if (d.entropy > 0.1)
            count(&out->open, &d);
    }
    return DLX_OK;
}

static dlx_result compare_pass(job *j, dlx__comparison *out, const dlx__calibration_pass *pass,
                               dlx_error *err)
{
    for (size_t s = 0; s < 2; s++)
        DLX__TRY(run_pass(j, s, pass, err));
    choose_rows(j, pass);
    if (j->n_rows == 0)
        return DLX_OK;
    const size_t band = (j->n_masked * DLX__RATIO_BANDS - 1) / pass->n;
    for (size_t r = 0; r < j->n_rows; r += HEAD_ROWS)
        DLX__TRY(compare_rows(j, out, r, dlx__min(HEAD_ROWS, j->n_rows - r), band, err));
    return DLX_OK;
}

static dlx_result compare_passes(job *j, dlx__comparison *out, const dlx__compare_opts *o,
                                 dlx_error *err)
{
    for (size_t p = 0; p < j->passes->n_passes; p++) {
        if (o->progress && !o->progress(o->user, p, j->passes->n_passes))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        DLX__TRY(compare_pass(j, out, &j->passes->passes[p], err));
    }
    return DLX_OK;
}

dlx_result dlx__compare(dlx__comparison *out, const dlx__compare_side *p,
                        const dlx__compare_side *q, const dlx__calibration *passes,
                        const dlx__compare_opts *opts, dlx_error *err)
{
    *out = (dlx__comparison){0};
    if (p->model->graph.n_vocab != q->model->graph.n_vocab)
        return dlx__fail(err, DLX_E_ARG,
                         "comparing models: expected heads of the same width, found %zu and %zu",
                         p->model->graph.n_vocab, q->model->graph.n_vocab);
    job j = {.model = p->model, .passes = passes, .n_vocab = p->model->graph.n_vocab};
    j.rows = dlx__alloc(opts->mem, dlx__mul(passes->most_rows, sizeof *j.rows));
    dlx_result r = j.rows ? DLX_OK : dlx__fail_memory(err, "comparing models", passes->most_rows);
    if (r == DLX_OK)
        r = open_side(&j.sides[0], p, passes, opts, err);
    if (r == DLX_OK)
        r = open_side(&j.sides[1], q, passes, opts, err);
    if (r == DLX_OK)
        r = compare_passes(&j, out, opts, err);
    for (size_t s = 0; s < 2; s++) {
        if (j.sides[s].b)
            j.sides[s].class->close(j.sides[s].b);
        dlx__free(opts->mem, j.sides[s].logits);
    }
    dlx__free(opts->mem, j.rows);
    return r;
}
