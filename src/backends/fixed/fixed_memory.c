/* fixed_memory.c - memory that functions share, and where in it a tensor is, by its name. */
#include "backends/fixed/fixed.h"

#include "backends/row_stat.h"
#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

/* ---- places ---------------------------------------------------------------------------------- */

/* Where the tensors are that a function has once. */
static void *plain_place(const dlx__fixed_memory *m, const char *name)
{
    const struct {
        const char *name;
        void *data;
    } all[] = {
        {"input_ids", m->ids},     {"cos", m->cos},
        {"sin", m->sin},           {"mask", m->mask},
        {"position", m->position}, {"head_rows", m->head_rows},
        {"rows", m->rows},         {"output_hidden", m->hidden},
        {"output_best", m->best},  {"output_logit", m->logit},
        {"output_lse", m->lse},    {"output_logits", m->logits},
    };
    for (size_t i = 0; i < DLX__LEN(all); i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].data;
    return NULL;
}

void *dlx__fixed_place(const dlx__fixed *f, size_t function, const char *name, int stream)
{
    dlx__static_port port;
    const dlx__graph *g = &f->model->graph;
    const dlx__static_shape *shape = &f->functions[function];
    const bool states = f->cache == DLX__EXPORT_STATE && shape->n_rows > 0;
    if (!dlx__static_port_find(&port, g, shape, states, name))
        return NULL;
    if (port.kept == SIZE_MAX)
        return plain_place(&f->m, name);
    const bool is_past = port.side == DLX__SIDE_INPUT;
    void *data = is_past ? f->m.past[stream] : f->m.fresh;
    const size_t n_rows = is_past ? shape->n_past : f->n_rows;
    return data ? dlx__fixed_at(f, data, port.kept * g->n_heads_kv * n_rows * g->head_dim) : NULL;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* [n, width] of the session's type; false: no memory. */
static bool numbers(const dlx__fixed *f, void **to, size_t n, size_t width)
{
    *to = dlx__alloc_zero(f->mem, n, dlx__mul(width, dlx__fixed_bytes(f)));
    return *to != NULL;
}

static bool allocate_kept(dlx__fixed *f)
{
    const dlx__graph *g = &f->model->graph;
    const size_t row = dlx__mul(dlx__mul(2 * g->n_layers, g->n_heads_kv), g->head_dim);
    bool ok = f->cache != DLX__EXPORT_IO || numbers(f, &f->m.fresh, f->n_rows, row);
    for (int s = 0; s < f->n_streams && f->cache == DLX__EXPORT_IO; s++)
        ok = ok && numbers(f, &f->m.past[s], f->n_ctx, row);
    return ok;
}

static bool allocate(dlx__fixed *f)
{
    const dlx__graph *g = &f->model->graph;
    const size_t T = f->n_rows, R = f->n_head_rows;
    const size_t P = f->cache == DLX__EXPORT_NO_CACHE ? 0 : f->n_ctx;
    dlx__fixed_memory *m = &f->m;
    bool ok = (m->ids = dlx__alloc_zero(f->mem, T, sizeof *m->ids)) != NULL;
    ok = ok && (m->position = dlx__alloc_zero(f->mem, 1, sizeof *m->position));
    ok = ok && (m->head_rows = dlx__alloc_zero(f->mem, R, sizeof *m->head_rows));
    ok = ok && (m->best = dlx__alloc_zero(f->mem, R, sizeof *m->best));
    ok = ok && (m->logit = dlx__alloc_zero(f->mem, R, sizeof *m->logit));
    ok = ok && (m->lse = dlx__alloc_zero(f->mem, R, sizeof *m->lse));
    ok = ok && (f->places = dlx__alloc_zero(f->mem, R, sizeof *f->places));
    for (int i = 0; i < 2; i++)
        ok = ok && (f->row[i] = dlx__alloc_zero(f->mem, g->n_vocab, sizeof *f->row[i]));
    return ok && numbers(f, &m->cos, T, g->head_dim) && numbers(f, &m->sin, T, g->head_dim) &&
           numbers(f, &m->mask, T, dlx__add(P, T)) && numbers(f, &m->rows, R, g->n_embd) &&
           numbers(f, &m->hidden, T, g->n_embd) && numbers(f, &m->logits, R, g->n_vocab) &&
           allocate_kept(f);
}

dlx_result dlx__fixed_open(dlx__fixed *f, dlx_error *err)
{
    f->kernels = dlx__row_stat_kernels();
    for (size_t i = 0; i < f->n_functions; i++) {
        if (f->functions[i].n_rows == 0)
            f->logits = i;
        f->n_rows = dlx__max(f->n_rows, f->functions[i].n_rows);
        f->n_head_rows = dlx__max(f->n_head_rows, f->functions[i].n_head_rows);
    }
    return allocate(f) ? DLX_OK : dlx__fail_memory(err, "opening a program", f->n_ctx);
}

void dlx__fixed_close(dlx__fixed *f)
{
    dlx__fixed_memory *m = &f->m;
    void *all[] = {m->ids,   m->position, m->cos,     m->sin,    m->mask,   m->head_rows,
                   m->rows,  m->hidden,   m->best,    m->logit,  m->lse,    m->logits,
                   m->fresh, m->past[0],  m->past[1], f->places, f->row[0], f->row[1]};
    for (size_t i = 0; i < DLX__LEN(all); i++)
        dlx__free(f->mem, all[i]);
    for (int s = 0; s < DLX__PROGRAM_STREAMS; s++) {
        dlx__free(f->mem, f->passes[s].pass.ids);
        dlx__free(f->mem, f->passes[s].hidden);
    }
}
