/*
 * fixed_step.c - a pass by functions. Rows that do not fit into one call are computed in several,
 * cut where a block ends; a call of fewer rows than its function is padded, and what is not there
 * is masked. A pass waits until the head says which rows it is to tell of.
 */
#include "backends/fixed/fixed.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <math.h>
#include <string.h>

/* The function that takes so many rows, and so many of the head (0: none); n_functions: there is
 * none. */
static size_t function_for(const dlx__fixed *f, size_t n_rows, size_t n_head)
{
    size_t i = 0;
    while (i < f->n_functions && (f->functions[i].n_rows == 0 || f->functions[i].n_rows < n_rows ||
                                  f->functions[i].n_head_rows < n_head))
        i++;
    return i;
}

/* ---- inputs of a call ------------------------------------------------------------------------ */

static void put(const dlx__fixed *f, void *to, size_t i, float x)
{
    if (f->type == DLX__FIXED_HALF)
        ((uint16_t *)to)[i] = dlx__f32_to_f16(x);
    else
        ((float *)to)[i] = x;
}

/* [T, c], both halves alike, in the arithmetic of the reference backend. */
static void fill_rotation(dlx__fixed *f, size_t at, size_t n_rows)
{
    const size_t width = f->model->graph.head_dim, half = width / 2;
    const float theta = (float)f->model->hp.rope_theta;
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < half; j++) {
            const float inverse = 1.0f / powf(theta, (float)(2 * j) / (float)width);
            const float angle = (float)(at + i) * inverse;
            for (size_t k = i * width + j; k < (i + 1) * width; k += half) {
                put(f, f->m.cos, k, cosf(angle));
                put(f, f->m.sin, k, sinf(angle));
            }
        }
}

static bool sees(const dlx__step *s, size_t at, size_t other)
{
    return s->visibility == DLX__VISIBLE_FULL || other / s->block <= at / s->block;
}

/* Row `row` [P + T]: kept positions, then the rows of the call; or [P], where the rows are among
 * them. Rows that pad see what the first one sees. */
static void fill_mask_row(dlx__fixed *f, const dlx__program_call *c, const dlx__static_shape *of,
                          size_t row)
{
    const bool states = f->cache == DLX__EXPORT_STATE;
    const size_t own = c->at + (row < c->n ? row : 0), P = of->n_past;
    const size_t width = P + (states ? 0 : of->n_rows);
    void *to = dlx__fixed_at(f, f->m.mask, row * width);
    for (size_t j = 0; j < P; j++) {
        const bool fresh = j >= c->at && j < c->at + c->n;
        const bool kept = j < c->end && (states || !fresh);
        put(f, to, j, kept && sees(c->step, own, j) ? 0.0f : f->unseen);
    }
    for (size_t j = 0; j < of->n_rows && !states; j++)
        put(f, to, P + j, j < c->n && sees(c->step, own, c->at + j) ? 0.0f : f->unseen);
}

static void fill_inputs(dlx__fixed *f, const dlx__program_call *c, const dlx__static_shape *of)
{
    const size_t first = c->at - c->step->start;
    for (size_t i = 0; i < of->n_rows; i++) {
        f->m.ids[i] = i < c->n ? c->step->ids[first + i] : 0;
        fill_mask_row(f, c, of, i);
    }
    f->m.position[0] = (int32_t)c->at;
    fill_rotation(f, c->at, of->n_rows);
}

/* ---- results of a call ----------------------------------------------------------------------- */

/* Its rows [kv, T, c] to their positions of the store [kv, P, c], all layers. */
static void keep(dlx__fixed *f, const dlx__program_call *c, const dlx__static_shape *of)
{
    const dlx__graph *g = &f->model->graph;
    const size_t width = g->head_dim, P = of->n_past, kv = g->n_heads_kv;
    void *past = f->m.past[c->step->stream];
    for (size_t i = 0; i < 2 * g->n_layers && past; i++)
        for (size_t h = 0; h < kv; h++)
            memcpy(dlx__fixed_at(f, past, ((i * kv + h) * P + c->at) * width),
                   dlx__fixed_at(f, f->m.fresh, (i * kv * f->n_rows + h * of->n_rows) * width),
                   c->n * width * dlx__fixed_bytes(f));
}

static void take_hidden(dlx__fixed *f, const dlx__program_call *c)
{
    const size_t d = f->model->graph.n_embd, first = c->at - c->step->start;
    void *hidden = f->passes[c->step->stream].hidden;
    memcpy(dlx__fixed_at(f, hidden, first * d), f->m.hidden, c->n * d * dlx__fixed_bytes(f));
}

/* ---- the head's rows ------------------------------------------------------------------------- */

/* Those in the call; the rest of the function's are the first row again. */
static size_t choose_rows(dlx__fixed *f, const dlx__program_call *c, const dlx__static_shape *of,
                          const dlx__head *in)
{
    const size_t first = c->at - c->step->start;
    size_t n = 0;
    for (size_t i = 0; in && i < in->n; i++) {
        if (in->rows[i] < first || in->rows[i] >= first + c->n)
            continue;
        f->m.head_rows[n] = (int32_t)(in->rows[i] - first);
        f->places[n++] = i;
    }
    for (size_t i = n; i < of->n_head_rows; i++)
        f->m.head_rows[i] = 0;
    return n;
}

bool dlx__fixed_tells(const dlx__fixed *f, const dlx__head *in)
{
    const dlx__step *step = &f->passes[in->stream].pass.step;
    if (in->logits || !in->stats || !in->best_only || in->cfg_scale != 0.0f ||
        !dlx__program_same_ids(f->model->graph.n_vocab, f->n_ids, f->never_id, in))
        return false;
    for (size_t at = step->start; at < step->start + step->n;) {
        const dlx__program_call c = dlx__program_next(step, f->n_rows, at);
        if (function_for(f, c.n, dlx__program_head_rows(&c, in)) == f->n_functions)
            return false;
        at += c.n;
    }
    return true;
}

/* What the function told of n rows of the head. */
static dlx_result tell(const dlx__fixed *f, const dlx__head *in, size_t n, dlx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t best = f->m.best[i];
        const dlx__row_stat stat = dlx__program_stat(best, f->m.logit[i], f->m.lse[i]);
        if (stat.finite && (best < 0 || (size_t)best >= f->n_ids))
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected an id below %zu as the best of a row, found %d; export "
                             "it again",
                             f->path, f->n_ids, (int)best);
        in->stats[f->places[i]] = stat;
    }
    return DLX_OK;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static dlx_result run_call(dlx__fixed *f, const dlx__program_call *c, const dlx__head *in,
                           dlx_error *err)
{
    const size_t n_head = in ? dlx__program_head_rows(c, in) : 0;
    const size_t function = function_for(f, c->n, n_head);
    const dlx__static_shape *of = &f->functions[function];
    const size_t n = choose_rows(f, c, of, n_head ? in : NULL);
    fill_inputs(f, c, of);
    DLX__TRY(f->run(f->user, function, c->step->stream, err));
    keep(f, c, of);
    take_hidden(f, c);
    return in ? tell(f, in, n, err) : DLX_OK;
}

static dlx_result reserve_hidden(const dlx__fixed *f, dlx__fixed_pass *p, dlx_error *err)
{
    const size_t n = p->pass.step.n;
    const size_t bytes = dlx__mul(dlx__mul(n, f->model->graph.n_embd), dlx__fixed_bytes(f));
    if (n <= p->hidden_capacity)
        return DLX_OK;
    dlx__free(f->mem, p->hidden);
    p->hidden = dlx__alloc(f->mem, bytes);
    p->hidden_capacity = p->hidden ? n : 0;
    return p->hidden ? DLX_OK : dlx__fail_memory(err, "keeping rows", bytes);
}

dlx_result dlx__fixed_run(dlx__fixed *f, int stream, const dlx__head *in, dlx_error *err)
{
    dlx__fixed_pass *p = &f->passes[stream];
    const dlx__step *step = &p->pass.step;
    DLX__TRY(reserve_hidden(f, p, err));
    for (size_t at = step->start; at < step->start + step->n;) {
        const dlx__program_call c = dlx__program_next(step, f->n_rows, at);
        if (step->stop && step->stop(step->stop_user))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        DLX__TRY(run_call(f, &c, in, err));
        at += c.n;
    }
    p->pass.waits = false;
    p->has_hidden = true;
    return DLX_OK;
}

/* ---- a pass ---------------------------------------------------------------------------------- */

/* With states a function writes all of its rows, those that pad too. */
static dlx_result check_call(const dlx__fixed *f, const dlx__program_call *c, dlx_error *err)
{
    const bool full = c->step->visibility == DLX__VISIBLE_FULL;
    const bool states = f->cache == DLX__EXPORT_STATE;
    const size_t n_written = states ? f->n_rows : c->n;
    if (c->n > f->n_rows)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected passes of at most %zu rows, found %zu; export it with %s "
                         "%zu",
                         f->path, f->n_rows, c->n, full ? "--canvas" : "--rows", c->n);
    if (states && n_written > f->n_ctx - c->at)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected the %zu rows of a pass within %zu positions, found them "
                         "from %zu on; export it with a larger --ctx, a multiple of %zu",
                         f->path, n_written, f->n_ctx, c->at, n_written);
    return dlx__program_check_kept(c, f->cache, n_written, f->path, err);
}

static dlx_result check_step(const dlx__fixed *f, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(dlx__program_check_step(in, f->n_ctx, f->n_streams, f->path, err));
    for (size_t at = in->start; at < in->start + in->n;) {
        const dlx__program_call c = dlx__program_next(in, f->n_rows, at);
        DLX__TRY(check_call(f, &c, err));
        at += c.n;
    }
    return DLX_OK;
}

/* Runs a pass that waits, however long it takes: its caller counts on K and V. */
static dlx_result settle(dlx__fixed *f, int stream, dlx_error *err)
{
    dlx__program_pass *p = &f->passes[stream].pass;
    if (!p->waits)
        return DLX_OK;
    p->waits = false;
    p->step.stop = NULL;
    return dlx__fixed_run(f, stream, NULL, err);
}

dlx_result dlx__fixed_step(dlx__fixed *f, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(check_step(f, in, err));
    dlx__fixed_pass *p = &f->passes[in->stream];
    DLX__TRY(settle(f, in->stream, err));
    p->pass.step.n = 0; /* until it is noted there is none */
    p->has_hidden = false;
    if (in->stop && in->stop(in->stop_user))
        return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
    return dlx__program_note(&p->pass, in, f->mem, err);
}
