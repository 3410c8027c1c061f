/* et_load.c - a session on a program. */
#include "backends/row_stat.h"
#include "backends/xnnpack/xnnpack.h"

#include "base/fail.h"
#include "base/mem.h"

static dlx_result check_program(const dlx__backend *b, dlx_error *err)
{
    const dlx__program *p = &b->program;
    const int64_t block = b->model->hp.block_length.value;
    if (b->opts.n_ctx > p->facts.n_ctx)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected a context of at most %zu positions, for which the program "
                         "was exported, found %zu: give a smaller one, or export it again",
                         p->path, p->facts.n_ctx, b->opts.n_ctx);
    if (p->facts.cache == DLX__EXPORT_STATE && b->opts.n_streams > 1)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: the program keeps keys and values for one stream, and guidance needs "
                         "two: export it with --cache io",
                         p->path);
    if (b->model->family->visibility != DLX__VISIBLE_FULL && block > (int64_t)p->facts.n_rows)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected passes of a block (%lld) or more, found %zu rows; export it "
                         "again",
                         p->path, (long long)block, p->facts.n_rows);
    return DLX_OK;
}

/* What methods read and write. */
static bool allocate_calls(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    const dlx__program_facts *f = &b->program.facts;
    bool ok =
        (b->in = dlx__alloc_zero(mem, DLX__XNNPACK_INPUTS + b->n_kv_values, sizeof *b->in)) != NULL;
    ok = ok &&
         (b->out = dlx__alloc_zero(mem, DLX__XNNPACK_OUTPUTS + b->n_kv_values, sizeof *b->out));
    ok = ok && (b->ids = dlx__alloc_zero(mem, f->n_rows, sizeof *b->ids));
    ok = ok && (b->guided = dlx__alloc_zero(mem, b->model->graph.n_vocab, sizeof *b->guided));
    if (f->masked)
        ok = ok && (b->mask = dlx__alloc_zero(
                        mem, f->n_rows, dlx__mul(dlx__add(f->n_ctx, f->n_rows), sizeof *b->mask)));
    if (f->n_denoise_rows) {
        ok = ok && (b->rows = dlx__alloc_zero(mem, f->n_denoise_rows, sizeof *b->rows));
        ok = ok && (b->places = dlx__alloc_zero(mem, f->n_denoise_rows, sizeof *b->places));
    }
    return ok;
}

/* K and V that are the caller's. */
static dlx_result allocate(dlx__backend *b, dlx_error *err)
{
    const dlx__graph *g = &b->model->graph;
    const dlx__program_facts *f = &b->program.facts;
    const size_t row = dlx__mul(g->n_heads_kv, g->head_dim);
    const size_t kv = dlx__mul(dlx__mul(b->n_kv_values, f->n_ctx), dlx__mul(row, sizeof(float)));
    const bool io = f->cache == DLX__EXPORT_IO, compat = f->cache == DLX__EXPORT_COMPAT;
    bool ok = allocate_calls(b);
    for (int s = 0; s < b->opts.n_streams && (io || compat); s++)
        ok = ok && (b->kv[s] = dlx__alloc_zero(b->opts.mem, 1, kv));
    if (io)
        ok = ok && (b->past = dlx__alloc_zero(b->opts.mem, 1, kv));
    if (!ok)
        return dlx__fail_memory(err, "opening a program", kv);
    return compat ? dlx__xnnpack_compat_load(b, err) : DLX_OK;
}

dlx_result dlx__xnnpack_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                             dlx_error *err)
{
    *out = NULL;
    DLX__TRY(dlx__program_check_opts(
        m, o, "xnnpack",
        "the backend xnnpack runs programs: write one with dlx export, and name it", err));
    dlx__backend *b = dlx__alloc_zero(o->mem, 1, sizeof *b);
    if (!b)
        return dlx__fail_memory(err, "opening a program", sizeof *b);
    b->model = m;
    b->opts = *o;
    b->kernels = dlx__row_stat_kernels();
    b->n_kv_values = 2 * m->hp.n_layers;
    b->key.stream = -1;
    dlx_result r = dlx__program_open(&b->program, o->path, m, o->n_threads, o->mem, err);
    if (r == DLX_OK)
        r = check_program(b, err);
    if (r == DLX_OK)
        r = allocate(b, err);
    if (r != DLX_OK) {
        dlx__xnnpack_close(b);
        return r;
    }
    *out = b;
    return DLX_OK;
}

void dlx__xnnpack_close(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    if (b->program.path)
        dlx__program_close(&b->program);
    for (int s = 0; s < DLX__PROGRAM_STREAMS; s++) {
        dlx__free(mem, b->kv[s]);
        dlx__free(mem, b->passes[s].pass.ids);
        dlx__free(mem, b->passes[s].logits);
    }
    dlx__free(mem, b->in);
    dlx__free(mem, b->out);
    dlx__free(mem, b->ids);
    dlx__free(mem, b->rows);
    dlx__free(mem, b->places);
    dlx__free(mem, b->mask);
    dlx__free(mem, b->past);
    dlx__free(mem, b->guided);
    dlx__xnnpack_compat_close(b);
    dlx__free(mem, b);
}
