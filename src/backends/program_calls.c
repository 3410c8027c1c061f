/* program_calls.c - calls, ids and passes of exported programs. */
#include "backends/program_calls.h"

#include "base/fail.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

dlx_result dlx__program_check_opts(const dlx__model *m, const dlx__backend_opts *o,
                                   const char *backend, const char *what_to_do, dlx_error *err)
{
    const char *path = m->checkpoint.path;
    if (!o->path)
        return dlx__fail(err, DLX_E_ARG, "%s: %s", path, what_to_do);
    if (o->int8 || o->scheme > DLX__SCHEME_WEIGHT_ONLY || o->kv_type > DLX__KV_F32)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: types of weights, rows, keys and values are those that the program "
                         "for %s was exported with: leave them out",
                         path, backend);
    return DLX_OK;
}

dlx__program_call dlx__program_next(const dlx__step *in, size_t n_rows, size_t at)
{
    const size_t end = in->start + in->n, block = in->block;
    const bool blocks = in->visibility == DLX__VISIBLE_BLOCK_CAUSAL;
    dlx__program_call c = {.step = in, .at = at, .n = end - at};
    if (blocks && c.n > n_rows) {
        const size_t cut = (at + n_rows) / block * block;
        const size_t rest = dlx__min(end, (at / block + 1) * block); /* of a block: too many rows */
        c.n = (cut > at ? cut : rest) - at;
    }
    c.end = at + c.n;
    if (c.end == end && in->n_kv > end) { /* what earlier passes left behind the rows */
        const size_t limit = blocks ? ((end - 1) / block + 1) * block : in->n_kv;
        c.end = dlx__max(end, dlx__min(in->n_kv, limit));
    }
    c.several = blocks && at / block != (at + c.n - 1) / block;
    return c;
}

/* Would rows that pad, of n_written in all, take the places of what earlier passes left behind the
 * pass? Places that the next calls of the pass write do not matter. */
static bool overwrites(const dlx__program_call *c, size_t n_written)
{
    const size_t end = c->step->start + c->step->n;
    return c->step->n_kv > end && dlx__add(c->at, n_written) > end;
}

dlx_result dlx__program_check_kept(const dlx__program_call *c, dlx__export_cache cache,
                                   size_t n_written, const char *path, dlx_error *err)
{
    if (cache == DLX__EXPORT_NO_CACHE && (c->at > 0 || c->end > c->n))
        return dlx__fail(
            err, DLX_E_UNSUPPORTED,
            "%s: the program keeps no keys and values: take --cache none, or export it "
            "with --cache io",
            path);
    if (cache == DLX__EXPORT_STATE && (c->end > c->at + c->n || overwrites(c, n_written)))
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: a pass wants to see positions behind its rows, which the program's "
                         "own keys and values cannot give: export it with --cache io",
                         path);
    return DLX_OK;
}

size_t dlx__program_head_rows(const dlx__program_call *c, const dlx__head *in)
{
    const size_t first = c->at - c->step->start;
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++)
        n += in->rows[i] >= first && in->rows[i] < first + c->n;
    return n;
}

bool dlx__program_same_ids(size_t n_vocab, size_t n_ids, int64_t never_id, const dlx__head *in)
{
    const bool has_never = never_id >= 0 && (size_t)never_id < n_ids;
    size_t n_never = 0;
    for (size_t i = 0; i < in->n_suppress; i++) {
        if ((size_t)in->suppress[i] >= n_ids)
            continue;
        if (!has_never || in->suppress[i] != never_id)
            return false;
        n_never++;
    }
    return (in->n_ids ? in->n_ids : n_vocab) == n_ids && n_never == has_never;
}

dlx__row_stat dlx__program_stat(int64_t best, float logit, float lse)
{
    if (!isfinite(logit) || !isfinite(lse))
        return (dlx__row_stat){.finite = false};
    return (dlx__row_stat){
        .best = (dlx_token)best, .logit = logit, .prob = expf(logit - lse), .finite = true};
}

void dlx__program_guide(float *out, const float *c, const float *u, float scale, size_t n)
{
    for (size_t v = 0; v < n; v++)
        out[v] = u[v] + (scale + 1.0f) * (c[v] - u[v]);
}

/* ---- a pass ---------------------------------------------------------------------------------- */

dlx_result dlx__program_check_step(const dlx__step *in, size_t n_ctx, int n_streams,
                                   const char *path, dlx_error *err)
{
    if (in->tap || in->observe)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: what is inside of a program cannot be seen",
                         path);
    if (in->n > 0 && dlx__add(in->start, in->n) <= n_ctx && in->stream < n_streams &&
        dlx__unread_fit(in))
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "expected a pass of rows within %zu positions on one of %d streams, found "
                     "%zu rows from %zu on stream %d, %zu and %zu of them unread",
                     n_ctx, n_streams, in->n, in->start, in->stream, in->n_unread,
                     in->n_unread_end);
}

dlx_result dlx__program_note(dlx__program_pass *p, const dlx__step *in, const dlx_allocator *mem,
                             dlx_error *err)
{
    if (in->n > p->id_capacity) {
        dlx__free(mem, p->ids);
        p->ids = dlx__alloc(mem, dlx__mul(in->n, sizeof *p->ids));
        p->id_capacity = p->ids ? in->n : 0;
    }
    if (!p->ids)
        return dlx__fail_memory(err, "noting a pass", in->n * sizeof *p->ids);
    memcpy(p->ids, in->ids, in->n * sizeof *p->ids);
    p->step = *in;
    p->step.ids = p->ids;
    p->waits = in->n_keep > 0;
    return DLX_OK;
}

dlx_result dlx__program_check_head(const dlx__head *in, const dlx__program_pass *const *passes,
                                   int n_streams, dlx_error *err)
{
    const bool both = in->cfg_scale != 0.0f;
    const int last = both ? 1 : in->stream;
    for (size_t i = 0; i < in->n; i++)
        for (int s = both ? 0 : in->stream; s <= last; s++) {
            const bool passed = s >= 0 && s < n_streams;
            const dlx__row_span read =
                passed ? dlx__read_rows(&passes[s]->step) : (dlx__row_span){0};
            if (in->rows[i] < read.begin || in->rows[i] >= read.end)
                return dlx__fail(err, DLX_E_ARG,
                                 "expected rows [%zu, %zu) of the last pass, found row %zu of "
                                 "stream %d; run a pass first",
                                 read.begin, read.end, in->rows[i], s);
        }
    return DLX_OK;
}
