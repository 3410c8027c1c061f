/*
 * et_step.c - a pass by the methods of a program. Rows that do not fit into one call are computed
 * in several, cut where a block ends: later rows see what earlier calls left.
 *
 * Where the program has denoise, a pass waits until the head says which rows it is to tell of. One
 * of which the head is never asked, but whose K and V are to stay, runs before the next.
 */
#include "backends/xnnpack/xnnpack.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

/* ---- calls of a pass ------------------------------------------------------------------------- */

dlx__xnnpack_call dlx__xnnpack_next(const dlx__backend *b, const dlx__step *in, size_t at)
{
    dlx__xnnpack_call c = {.rows = dlx__program_next(in, b->program.facts.n_rows, at)};
    c.masked = c.rows.several && b->program.facts.cache != DLX__EXPORT_COMPAT;
    return c;
}

static dlx_result check_call(const dlx__backend *b, const dlx__xnnpack_call *c, dlx_error *err)
{
    const char *path = b->program.path;
    if (c->rows.n > b->program.facts.n_rows)
        return dlx__fail(
            err, DLX_E_ARG,
            "%s: expected passes of at most %zu rows, found %zu; export it with --rows "
            "%zu",
            path, b->program.facts.n_rows, c->rows.n, c->rows.n);
    DLX__TRY(dlx__program_check_kept(&c->rows, b->program.facts.cache, c->rows.n, path, err));
    if (c->masked && (!b->program.facts.masked || c->rows.end > c->rows.at + c->rows.n))
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: the program has no method for rows of several blocks that see what "
                         "is behind them",
                         path);
    return DLX_OK;
}

static dlx_result check_calls(const dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    for (size_t at = in->start; at < in->start + in->n;) {
        const dlx__xnnpack_call c = dlx__xnnpack_next(b, in, at);
        DLX__TRY(check_call(b, &c, err));
        at += c.rows.n;
    }
    return DLX_OK;
}

/* ---- logits of all rows ---------------------------------------------------------------------- */

static dlx_result reserve_logits(dlx__backend *b, dlx__xnnpack_pass *p, dlx_error *err)
{
    const size_t n = p->pass.step.n;
    const size_t bytes = dlx__mul(dlx__mul(n, b->model->graph.n_vocab), sizeof(float));
    if (n <= p->logit_capacity)
        return DLX_OK;
    dlx__free(b->opts.mem, p->logits);
    p->logits = dlx__alloc(b->opts.mem, bytes);
    p->logit_capacity = p->logits ? n : 0;
    return p->logits ? DLX_OK : dlx__fail_memory(err, "keeping logits", bytes);
}

static dlx_result take_logits(dlx__backend *b, dlx__xnnpack_pass *p, const dlx__xnnpack_call *c,
                              dlx_error *err)
{
    const bool fixed = b->program.facts.cache == DLX__EXPORT_COMPAT;
    const size_t n_vocab = b->model->graph.n_vocab;
    const size_t n = fixed ? b->program.facts.n_rows : c->rows.n;
    DLX__TRY(dlx__xnnpack_expect(b, 0, DLX__PTE_FLOAT, 3, (size_t[]){1, n, n_vocab}, err));
    memcpy(p->logits + (c->rows.at - p->pass.step.start) * n_vocab, b->out[0].data,
           c->rows.n * n_vocab * sizeof(float));
    return DLX_OK;
}

dlx_result dlx__xnnpack_run_forward(dlx__backend *b, int stream, dlx_error *err)
{
    dlx__xnnpack_pass *p = &b->passes[stream];
    const dlx__step *in = &p->pass.step;
    DLX__TRY(reserve_logits(b, p, err));
    for (size_t at = in->start; at < in->start + in->n;) {
        const dlx__xnnpack_call c = dlx__xnnpack_next(b, in, at);
        if (in->stop && in->stop(in->stop_user))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        DLX__TRY(dlx__xnnpack_call_run(b, &c, err));
        DLX__TRY(take_logits(b, p, &c, err));
        at += c.rows.n;
    }
    p->pass.waits = false;
    p->has_logits = true;
    return DLX_OK;
}

/* ---- a pass ---------------------------------------------------------------------------------- */

static dlx_result check_step(const dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(dlx__program_check_step(in, b->program.facts.n_ctx, b->opts.n_streams, b->program.path,
                                     err));
    return check_calls(b, in, err);
}

/* Runs a pass that waits, however long it takes: its caller counts on K and V. */
static dlx_result settle(dlx__backend *b, int stream, dlx_error *err)
{
    dlx__xnnpack_pass *p = &b->passes[stream];
    if (!p->pass.waits)
        return DLX_OK;
    p->pass.waits = false;
    p->pass.step.stop = NULL;
    return dlx__xnnpack_run_denoise(b, stream, NULL, err);
}

dlx_result dlx__xnnpack_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(check_step(b, in, err));
    dlx__xnnpack_pass *p = &b->passes[in->stream];
    DLX__TRY(settle(b, in->stream, err));
    p->pass.step.n = 0; /* until it is noted there is none */
    if (in->stop && in->stop(in->stop_user))
        return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
    p->has_logits = p->was_asked = false;
    DLX__TRY(dlx__program_note(&p->pass, in, b->opts.mem, err));
    if (b->program.facts.n_denoise_rows)
        return DLX_OK;
    const dlx_result r = dlx__xnnpack_run_forward(b, in->stream, err);
    if (r != DLX_OK)
        p->pass.step.n = 0;
    return r;
}
