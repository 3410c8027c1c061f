/*
 * coreml_step.c - a pass by the functions of a package. Rows that do not fit into one call are
 * computed in several, cut where a block ends; a call of fewer rows than its function is padded,
 * and what is not there is masked. A pass waits until the head says which rows it is to tell of.
 */
#include "backends/coreml/coreml.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"
#include "export/ml_lower.h"

#include <math.h>
#include <string.h>

/* The function that takes so many rows, and so many of the head (0: none); NULL: there is none. */
static const dlx__coreml_function *function_for(const dlx__backend *b, size_t n_rows, size_t n_head)
{
    for (size_t i = 0; i < b->n_functions; i++) {
        const dlx__coreml_sizes *s = &b->functions[i].size;
        if (s->n_rows > 0 && s->n_rows >= n_rows && s->n_head_rows >= n_head)
            return &b->functions[i];
    }
    return NULL;
}

/* ---- inputs of a call ------------------------------------------------------------------------ */

/* [T, c], both halves alike */
static void fill_rotation(dlx__backend *b, size_t at, size_t n_rows)
{
    const size_t width = b->model->graph.head_dim, half = width / 2;
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < half; j++) {
            const double rate = pow(b->model->hp.rope_theta, -(double)j / (double)half);
            const double angle = (double)(at + i) * rate;
            uint16_t *cosine = b->m.cos + i * width + j, *sine = b->m.sin + i * width + j;
            cosine[0] = cosine[half] = dlx__f32_to_f16((float)cos(angle));
            sine[0] = sine[half] = dlx__f32_to_f16((float)sin(angle));
        }
}

static bool sees(const dlx__step *s, size_t at, size_t other)
{
    return s->visibility == DLX__VISIBLE_FULL || other / s->block <= at / s->block;
}

/* A row [P + T], kept positions, then the rows of the call; or [P], where the rows are among them.
 * Rows that pad see what the first one sees. */
static void fill_mask_row(uint16_t *to, const dlx__program_call *c, const dlx__coreml_sizes *f,
                          size_t row)
{
    const uint16_t unseen = dlx__f32_to_f16(DLX__ML_UNSEEN);
    const size_t own = c->at + (row < c->n ? row : 0), P = f->n_past;
    for (size_t j = 0; j < P; j++) {
        const bool fresh = j >= c->at && j < c->at + c->n;
        const bool kept = j < c->end && (f->states || !fresh);
        to[j] = kept && sees(c->step, own, j) ? 0 : unseen;
    }
    for (size_t j = 0; j < f->n_rows && !f->states; j++)
        to[P + j] = j < c->n && sees(c->step, own, c->at + j) ? 0 : unseen;
}

static void fill_inputs(dlx__backend *b, const dlx__program_call *c, const dlx__coreml_sizes *f)
{
    const size_t first = c->at - c->step->start, width = f->n_past + (f->states ? 0 : f->n_rows);
    for (size_t i = 0; i < f->n_rows; i++) {
        b->m.ids[i] = i < c->n ? c->step->ids[first + i] : 0;
        fill_mask_row(b->m.mask + i * width, c, f, i);
    }
    b->m.position[0] = (int32_t)c->at;
    fill_rotation(b, c->at, f->n_rows);
}

/* ---- results of a call ----------------------------------------------------------------------- */

/* Its rows [kv, T, c] to their positions of the store [kv, P, c], all layers. */
static void keep(dlx__backend *b, const dlx__program_call *c, const dlx__coreml_sizes *f)
{
    const dlx__graph *g = &b->model->graph;
    const size_t width = g->head_dim, P = f->n_past, kv = g->n_heads_kv;
    uint16_t *past = b->m.past[c->step->stream];
    for (size_t i = 0; i < 2 * g->n_layers && past; i++)
        for (size_t h = 0; h < kv; h++)
            memcpy(past + ((i * kv + h) * P + c->at) * width,
                   b->m.fresh + (i * kv * b->n_rows + h * f->n_rows) * width,
                   c->n * width * sizeof *past);
}

static void take_hidden(dlx__backend *b, const dlx__program_call *c)
{
    const size_t d = b->model->graph.n_embd;
    uint16_t *to = b->passes[c->step->stream].hidden + (c->at - c->step->start) * d;
    memcpy(to, b->m.hidden, c->n * d * sizeof *to);
}

/* ---- the head's rows ------------------------------------------------------------------------- */

/* Those in the call; the rest of the function's are the first row again. */
static size_t choose_rows(dlx__backend *b, const dlx__program_call *c, const dlx__coreml_sizes *f,
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
    for (size_t i = n; i < f->n_head_rows; i++)
        b->m.head_rows[i] = 0;
    return n;
}

bool dlx__coreml_tells(const dlx__backend *b, const dlx__head *in)
{
    const dlx__step *step = &b->passes[in->stream].pass.step;
    if (in->logits || !in->stats || !in->best_only || in->cfg_scale != 0.0f ||
        !dlx__program_same_ids(b->model->graph.n_vocab, b->facts.n_ids, b->facts.never_id, in))
        return false;
    for (size_t at = step->start; at < step->start + step->n;) {
        const dlx__program_call c = dlx__program_next(step, b->n_rows, at);
        if (!function_for(b, c.n, dlx__program_head_rows(&c, in)))
            return false;
        at += c.n;
    }
    return true;
}

/* What the function told of n rows of the head. */
static dlx_result tell(const dlx__backend *b, const dlx__head *in, size_t n, dlx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t best = b->m.best[i];
        const dlx__row_stat stat = dlx__program_stat(best, b->m.logit[i], b->m.lse[i]);
        if (stat.finite && (best < 0 || (size_t)best >= b->facts.n_ids))
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected an id below %zu as the best of a row, found %d; export "
                             "it again",
                             b->opts.path, b->facts.n_ids, (int)best);
        in->stats[b->places[i]] = stat;
    }
    return DLX_OK;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static dlx_result run_call(dlx__backend *b, const dlx__program_call *c, const dlx__head *in,
                           dlx_error *err)
{
    const size_t n_head = in ? dlx__program_head_rows(c, in) : 0;
    const dlx__coreml_function *f = function_for(b, c->n, n_head);
    const dlx__coreml_array *arrays = f->arrays[c->step->stream];
    const size_t n = choose_rows(b, c, &f->size, n_head ? in : NULL);
    fill_inputs(b, c, &f->size);
    DLX__TRY(
        dlx__coreml_of(b,
                       b->runtime->run(f->handle, b->states[c->step->stream], arrays, f->ports.n_in,
                                       arrays + f->ports.n_in, f->ports.n_out, err),
                       err));
    keep(b, c, &f->size);
    take_hidden(b, c);
    return in ? tell(b, in, n, err) : DLX_OK;
}

static dlx_result reserve_hidden(dlx__backend *b, dlx__coreml_pass *p, dlx_error *err)
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

dlx_result dlx__coreml_run(dlx__backend *b, int stream, const dlx__head *in, dlx_error *err)
{
    dlx__coreml_pass *p = &b->passes[stream];
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

/* With states a function writes all of its rows, those that pad too. */
static dlx_result check_call(const dlx__backend *b, const dlx__program_call *c, dlx_error *err)
{
    const bool full = c->step->visibility == DLX__VISIBLE_FULL;
    const bool states = b->facts.cache == DLX__EXPORT_STATE;
    const size_t n_written = states ? b->n_rows : c->n;
    if (c->n > b->n_rows)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected passes of at most %zu rows, found %zu; export it with %s "
                         "%zu",
                         b->opts.path, b->n_rows, c->n, full ? "--canvas" : "--rows", c->n);
    if (states && n_written > b->facts.n_ctx - c->at)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected the %zu rows of a pass within %zu positions, found them "
                         "from %zu on; export it with a larger --ctx, a multiple of %zu",
                         b->opts.path, n_written, b->facts.n_ctx, c->at, n_written);
    return dlx__program_check_kept(c, b->facts.cache, n_written, b->opts.path, err);
}

static dlx_result check_step(const dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(dlx__program_check_step(in, b->facts.n_ctx, b->opts.n_streams, b->opts.path, err));
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
    return dlx__coreml_run(b, stream, NULL, err);
}

dlx_result dlx__coreml_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(check_step(b, in, err));
    dlx__coreml_pass *p = &b->passes[in->stream];
    DLX__TRY(settle(b, in->stream, err));
    p->pass.step.n = 0; /* until it is noted there is none */
    p->has_hidden = false;
    if (in->stop && in->stop(in->stop_user))
        return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
    return dlx__program_note(&p->pass, in, b->opts.mem, err);
}
