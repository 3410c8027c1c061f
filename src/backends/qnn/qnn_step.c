/*
 * qnn_step.c - a pass by the functions of a directory. Rows that do not fit into one call are
 * computed in several, cut where a block ends; a call of fewer rows than its function is padded,
 * and what is not there is masked. A pass waits until the head says which rows it is to tell of.
 */
#include "backends/qnn/qnn.h"

#include "base/fail.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* ---- inputs of a call ------------------------------------------------------------------------ */

/* Both halves alike, in the arithmetic of the reference backend. */
static void fill_rotation(dlx__backend *b, const dlx__program_call *c, size_t n_rows)
{
    const size_t width = b->model->graph.head_dim, half = width / 2;
    const float theta = (float)b->model->hp.rope_theta;
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < half; j++) {
            const float inverse = 1.0f / powf(theta, (float)(2 * j) / (float)width);
            const float angle = (float)(c->at + i) * inverse;
            float *cosine = b->m.cos + i * width + j, *sine = b->m.sin + i * width + j;
            cosine[0] = cosine[half] = cosf(angle);
            sine[0] = sine[half] = sinf(angle);
        }
}

static bool sees(const dlx__step *s, size_t at, size_t other)
{
    return s->visibility == DLX__VISIBLE_FULL || other / s->block <= at / s->block;
}

/* A row [P + T]: kept positions, then the rows of the call. */
static void fill_mask_row(float *to, const dlx__backend *b, const dlx__program_call *c,
                          const dlx__onnx_entry *e, size_t row)
{
    const size_t P = e->n_past, own = c->at + row;
    for (size_t j = 0; j < P; j++) {
        const bool kept = j < c->at || (j >= c->at + c->n && j < c->end);
        to[j] = row < c->n && kept && sees(c->step, own, j) ? 0.0f : b->directory.unseen;
    }
    for (size_t j = 0; j < e->n_rows; j++) {
        const bool there = j < c->n && row < c->n;
        to[P + j] = there && sees(c->step, own, c->at + j) ? 0.0f : b->directory.unseen;
    }
}

static void fill_inputs(dlx__backend *b, const dlx__program_call *c, const dlx__onnx_entry *e)
{
    const size_t first = c->at - c->step->start;
    for (size_t i = 0; i < e->n_rows; i++) {
        b->m.ids[i] = i < c->n ? c->step->ids[first + i] : 0;
        fill_mask_row(b->m.mask + i * (e->n_past + e->n_rows), b, c, e, i);
    }
    fill_rotation(b, c, e->n_rows);
}

/* ---- results of a call ----------------------------------------------------------------------- */

/* Its rows [kv, T, c] to their positions of the store [kv, P, c], all layers. */
static void keep(dlx__backend *b, const dlx__program_call *c, const dlx__onnx_entry *e)
{
    const dlx__graph *g = &b->model->graph;
    const size_t width = g->head_dim, P = e->n_past, T = e->n_rows, kv = g->n_heads_kv;
    float *past = b->m.past[c->step->stream];
    for (size_t i = 0; i < 2 * g->n_layers && P; i++)
        for (size_t h = 0; h < kv; h++)
            memcpy(past + ((i * kv + h) * P + c->at) * width,
                   b->m.fresh + (i * kv * b->n_rows + h * T) * width, c->n * width * sizeof *past);
}

static void take_hidden(dlx__backend *b, const dlx__program_call *c)
{
    const size_t d = b->model->graph.n_embd;
    float *to = b->passes[c->step->stream].hidden + (c->at - c->step->start) * d;
    memcpy(to, b->m.hidden, c->n * d * sizeof *to);
}

/* ---- the head's rows ------------------------------------------------------------------------- */

/* Those in the call; the rest of the function's are the first row again. */
static size_t choose_rows(dlx__backend *b, const dlx__program_call *c, const dlx__onnx_entry *e,
                          const dlx__head *in)
{
    const size_t first = c->at - c->step->start;
    size_t n = 0;
    for (size_t i = 0; in && i < in->n; i++) {
        if (in->rows[i] < first || in->rows[i] >= first + c->n)
            continue;
        b->m.head_rows[n] = (int32_t)(in->rows[i] - first);
        b->places[n++] = i;
    }
    for (size_t i = n; i < e->n_head_rows; i++)
        b->m.head_rows[i] = 0;
    return n;
}

bool dlx__qnn_tells(const dlx__backend *b, const dlx__head *in)
{
    const dlx__onnx_directory *d = &b->directory;
    const dlx__step *step = &b->passes[in->stream].pass.step;
    if (in->logits || !in->best_only || in->cfg_scale != 0.0f ||
        !dlx__program_same_ids(b->model->graph.n_vocab, d->n_ids, d->never_id, in))
        return false;
    for (size_t at = step->start; at < step->start + step->n;) {
        const dlx__program_call c = dlx__program_next(step, b->n_rows, at);
        if (!dlx__qnn_function_for(b, c.n, dlx__program_head_rows(&c, in)))
            return false;
        at += c.n;
    }
    return true;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static dlx_result run_call(dlx__backend *b, const dlx__program_call *c, const dlx__head *in,
                           dlx_error *err)
{
    const size_t n_head = in ? dlx__program_head_rows(c, in) : 0;
    const dlx__qnn_function *f = dlx__qnn_function_for(b, c->n, n_head);
    const size_t n = choose_rows(b, c, f->entry, n_head ? in : NULL);
    fill_inputs(b, c, f->entry);
    DLX__TRY(dlx__ort_session_run(&f->session, f->in_names, f->in[c->step->stream], f->n_in,
                                  f->out_names, f->out, f->n_out, err));
    keep(b, c, f->entry);
    take_hidden(b, c);
    for (size_t i = 0; i < n; i++) {
        const int32_t best = b->m.best[i];
        if (best < 0 || (size_t)best >= b->model->graph.n_vocab)
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected an id below %zu as the best of a row, found %d; export "
                             "it again",
                             f->path, b->model->graph.n_vocab, (int)best);
        in->stats[b->places[i]] = dlx__program_stat(best, b->m.logit[i], b->m.lse[i]);
    }
    return DLX_OK;
}

static dlx_result reserve_hidden(dlx__backend *b, dlx__qnn_pass *p, dlx_error *err)
{
    const size_t n = p->pass.step.n;
    const size_t bytes = dlx__mul(dlx__mul(n, b->model->graph.n_embd), sizeof *p->hidden);
    if (n <= p->hidden_capacity)
        return DLX_OK;
    dlx__free(b->opts.mem, p->hidden);
    p->hidden = dlx__alloc(b->opts.mem, bytes);
    p->hidden_capacity = p->hidden ? n : 0;
    return p->hidden ? DLX_OK : dlx__fail_memory(err, "keeping rows", bytes);
}

dlx_result dlx__qnn_run(dlx__backend *b, int stream, const dlx__head *in, dlx_error *err)
{
    dlx__qnn_pass *p = &b->passes[stream];
    const dlx__step *step = &p->pass.step;
    DLX__TRY(reserve_hidden(b, p, err));
    for (size_t at = step->start; at < step->start + step->n;) {
        const dlx__program_call c = dlx__program_next(step, b->n_rows, at);
        if (step->stop && step->stop(step->stop_user))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        DLX__TRY(run_call(b, &c, in, err));
        at += c.n;
    }
    p->pass.waits = false;
    p->has_hidden = true;
    return DLX_OK;
}

/* ---- a pass ---------------------------------------------------------------------------------- */

static dlx_result check_call(const dlx__backend *b, const dlx__program_call *c, dlx_error *err)
{
    const bool full = c->step->visibility == DLX__VISIBLE_FULL;
    if (c->n > b->n_rows)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected passes of at most %zu rows, found %zu; export it with %s "
                         "%zu",
                         b->opts.path, b->n_rows, c->n, full ? "--canvas" : "--rows", c->n);
    if (!b->directory.keeps && (c->at > 0 || c->end > c->n))
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: the program keeps no keys and values: take --cache none, or export "
                         "it with --cache io",
                         b->opts.path);
    return DLX_OK;
}

static dlx_result check_step(const dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(dlx__program_check_step(in, b->directory.n_ctx, b->opts.n_streams, b->opts.path, err));
    for (size_t at = in->start; at < in->start + in->n;) {
        const dlx__program_call c = dlx__program_next(in, b->n_rows, at);
        DLX__TRY(check_call(b, &c, err));
        at += c.n;
    }
    return DLX_OK;
}

/* Runs a pass that waits, however long it takes: its caller counts on K and V. */
static dlx_result settle(dlx__backend *b, int stream, dlx_error *err)
{
    dlx__program_pass *p = &b->passes[stream].pass;
    if (!p->waits)
        return DLX_OK;
    p->waits = false;
    p->step.stop = NULL;
    return dlx__qnn_run(b, stream, NULL, err);
}

dlx_result dlx__qnn_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(check_step(b, in, err));
    dlx__qnn_pass *p = &b->passes[in->stream];
    DLX__TRY(settle(b, in->stream, err));
    p->pass.step.n = 0; /* until it is noted there is none */
    p->has_hidden = false;
    if (in->stop && in->stop(in->stop_user))
        return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
    return dlx__program_note(&p->pass, in, b->opts.mem, err);
}
