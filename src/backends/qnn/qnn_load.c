/* qnn_load.c - a session on a directory of graphs. */
#include "backends/qnn/qnn.h"

#include "backends/row_stat.h"
#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>

static dlx_result check_opts(const dlx__backend_opts *o, const dlx__model *m, dlx_error *err)
{
    if (!o->path)
        return dlx__fail(
            err, DLX_E_ARG,
            "%s: the backend qnn runs directories of graphs: write one with dlx export "
            "--backend qnn, and name it",
            m->checkpoint.path);
    if (o->int8 || o->scheme > DLX__SCHEME_WEIGHT_ONLY || o->kv_type > DLX__KV_F32)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: types of weights, rows, keys and values are those that the graphs "
                         "were exported with: leave them out",
                         o->path);
    return DLX_OK;
}

static dlx_result check_seen(dlx__backend *b, dlx_error *err)
{
    const dlx__onnx_seen *s = &b->seen;
    for (size_t i = 0; i < s->n; i++) {
        b->most_rows = dlx__max(b->most_rows, s->functions[i].n_rows);
        b->most_head_rows = dlx__max(b->most_head_rows, s->functions[i].n_head_rows);
    }
    if (b->opts.n_ctx > s->n_ctx)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected a context of at most %zu positions, for which the graphs "
                         "were exported, found %zu: give a smaller one, or export it again",
                         b->opts.path, s->n_ctx, b->opts.n_ctx);
    return DLX_OK;
}

static bool allocate_rows(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    const dlx__graph *g = &b->model->graph;
    const size_t T = b->most_rows, R = b->most_head_rows, c = g->head_dim;
    const size_t P = b->seen.has_past ? b->seen.n_ctx : 0;
    bool ok = (b->ids = dlx__alloc_zero(mem, T, sizeof *b->ids)) != NULL;
    ok = ok && (b->head_rows = dlx__alloc_zero(mem, R, sizeof *b->head_rows));
    ok = ok && (b->best = dlx__alloc_zero(mem, R, sizeof *b->best));
    ok = ok && (b->logit = dlx__alloc_zero(mem, R, sizeof *b->logit));
    ok = ok && (b->lse = dlx__alloc_zero(mem, R, sizeof *b->lse));
    ok = ok && (b->cos = dlx__alloc_zero(mem, T, dlx__mul(c, sizeof *b->cos)));
    ok = ok && (b->sin = dlx__alloc_zero(mem, T, dlx__mul(c, sizeof *b->sin)));
    ok = ok && (b->mask = dlx__alloc_zero(mem, T, dlx__mul(dlx__add(P, T), sizeof *b->mask)));
    ok = ok &&
         (b->hidden = dlx__alloc_zero(mem, dlx__max(T, R), dlx__mul(g->n_embd, sizeof *b->hidden)));
    ok = ok && (b->guided = dlx__alloc_zero(mem, g->n_vocab, sizeof *b->guided));
    for (int s = 0; s < b->opts.n_streams; s++)
        ok = ok &&
             (b->logits[s] = dlx__alloc_zero(mem, R, dlx__mul(g->n_vocab, sizeof *b->logits[s])));
    return ok;
}

static bool allocate_kv(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    const dlx__graph *g = &b->model->graph;
    const size_t n = dlx__qnn_kv_values(b);
    const size_t row = dlx__mul(dlx__mul(g->n_heads_kv, g->head_dim), sizeof(float));
    bool ok = (b->names = dlx__alloc_zero(mem, n, sizeof *b->names)) != NULL;
    ok = ok && (b->fresh = dlx__alloc_zero(mem, n, dlx__mul(b->most_rows, row)));
    ok = ok && (b->in = dlx__alloc_zero(mem, n + 8, sizeof *b->in));
    ok = ok && (b->out = dlx__alloc_zero(mem, n + 8, sizeof *b->out));
    for (int s = 0; s < b->opts.n_streams && b->seen.has_past; s++)
        ok = ok && (b->kv[s] = dlx__alloc_zero(mem, n, dlx__mul(b->seen.n_ctx, row)));
    for (size_t i = 0; i < n && ok; i++) {
        snprintf(b->names[i][0], sizeof b->names[i][0], "past_%c_%zu", i % 2 ? 'v' : 'k', i / 2);
        snprintf(b->names[i][1], sizeof b->names[i][1], "output_new_%c_%zu", i % 2 ? 'v' : 'k',
                 i / 2);
    }
    return ok;
}

static dlx_result open_sessions(dlx__backend *b, dlx_error *err)
{
    for (size_t i = 0; i < b->seen.n; i++) {
        char *path = dlx__onnx_path(b->opts.path, b->seen.functions[i].file, b->opts.mem);
        if (!path)
            return dlx__fail_memory(err, "opening a program", 1);
        const dlx_result r =
            dlx__ort_session_open(&b->sessions[i], &b->ort, path, b->opts.n_threads, err);
        dlx__free(b->opts.mem, path);
        DLX__TRY(r);
    }
    return DLX_OK;
}

static dlx_result open_all(dlx__backend *b, dlx_error *err)
{
    DLX__TRY(dlx__onnx_manifest_read(&b->seen, b->opts.path, b->opts.mem, err));
    DLX__TRY(check_seen(b, err));
    if (!allocate_rows(b) || !allocate_kv(b))
        return dlx__fail_memory(err, "opening a program", b->seen.n_ctx);
    DLX__TRY(dlx__ort_open(&b->ort, err));
    return open_sessions(b, err);
}

dlx_result dlx__qnn_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         dlx_error *err)
{
    *out = NULL;
    DLX__TRY(check_opts(o, m, err));
    dlx__backend *b = dlx__alloc_zero(o->mem, 1, sizeof *b);
    if (!b)
        return dlx__fail_memory(err, "opening a program", sizeof *b);
    b->model = m;
    b->opts = *o;
    b->kernels = dlx__row_stat_kernels();
    const dlx_result r = open_all(b, err);
    if (r != DLX_OK) {
        dlx__qnn_close(b);
        return r;
    }
    *out = b;
    return DLX_OK;
}

void dlx__qnn_close(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    void *const blocks[] = {b->ids,    b->head_rows, b->best,  b->cos,   b->sin,
                            b->mask,   b->hidden,    b->fresh, b->logit, b->lse,
                            b->guided, b->names,     b->in,    b->out};
    for (size_t i = 0; i < b->seen.n; i++)
        dlx__ort_session_close(&b->ort, b->sessions[i]);
    dlx__ort_close(&b->ort);
    for (size_t i = 0; i < DLX__LEN(blocks); i++)
        dlx__free(mem, blocks[i]);
    for (int s = 0; s < DLX__QNN_STREAMS; s++) {
        dlx__free(mem, b->logits[s]);
        dlx__free(mem, b->kv[s]);
        dlx__free(mem, b->passes[s].hidden);
        dlx__free(mem, b->passes[s].stats);
        dlx__free(mem, b->passes[s].known);
    }
    dlx__free(mem, b);
}
