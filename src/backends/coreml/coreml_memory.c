/* coreml_memory.c - memory that functions share, and the arrays over it, by the ports' names. */
#include "backends/coreml/coreml.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

/* ---- arrays ---------------------------------------------------------------------------------- */

/* Where a port's numbers are; NULL: nobody wants them. */
static void *place_of(const dlx__backend *b, const dlx__coreml_port *port, int stream)
{
    const dlx__coreml_memory *m = &b->m;
    const struct {
        const char *name;
        void *data;
    } plain[] = {
        {"input_ids", m->ids},     {"cos", m->cos},
        {"sin", m->sin},           {"mask", m->mask},
        {"position", m->position}, {"head_rows", m->head_rows},
        {"rows", m->rows},         {"output_hidden", m->hidden},
        {"output_best", m->best},  {"output_logit", m->logit},
        {"output_lse", m->lse},    {"output_logits", m->logits},
    };
    const size_t head = b->model->graph.n_heads_kv * b->model->graph.head_dim;
    size_t index;
    for (size_t i = 0; i < DLX__LEN(plain); i++)
        if (strcmp(plain[i].name, port->name) == 0)
            return plain[i].data;
    if (dlx__coreml_kept_index(port->name, "past_", &index))
        return m->past[stream] + index * b->facts.n_ctx * head;
    if (m->fresh && dlx__coreml_kept_index(port->name, "output_new_", &index))
        return m->fresh + index * b->n_rows * head;
    return NULL;
}

static dlx_result open_arrays(dlx__backend *b, dlx__coreml_function *f, dlx_error *err)
{
    const size_t n = f->ports.n_in + f->ports.n_out;
    for (int s = 0; s < b->opts.n_streams; s++) {
        f->arrays[s] = dlx__alloc_zero(b->opts.mem, n, sizeof *f->arrays[s]);
        if (!f->arrays[s])
            return dlx__fail_memory(err, "opening a package", dlx__mul(n, sizeof *f->arrays[s]));
        for (size_t i = 0; i < n; i++)
            f->arrays[s][i] =
                (dlx__coreml_array){&f->ports.items[i], place_of(b, &f->ports.items[i], s)};
    }
    return DLX_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool allocate(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    const dlx__graph *g = &b->model->graph;
    const size_t T = b->n_rows, R = b->n_head_rows, H = sizeof(uint16_t);
    const size_t P = b->facts.cache == DLX__EXPORT_NO_CACHE ? 0 : b->facts.n_ctx;
    const size_t row = dlx__mul(dlx__mul(2 * g->n_layers, g->n_heads_kv), g->head_dim);
    dlx__coreml_memory *m = &b->m;
    bool ok = (m->ids = dlx__alloc_zero(mem, T, sizeof *m->ids)) != NULL;
    ok = ok && (m->position = dlx__alloc_zero(mem, 1, sizeof *m->position));
    ok = ok && (m->cos = dlx__alloc_zero(mem, T, dlx__mul(g->head_dim, H)));
    ok = ok && (m->sin = dlx__alloc_zero(mem, T, dlx__mul(g->head_dim, H)));
    ok = ok && (m->mask = dlx__alloc_zero(mem, T, dlx__mul(dlx__add(P, T), H)));
    ok = ok && (m->head_rows = dlx__alloc_zero(mem, R, sizeof *m->head_rows));
    ok = ok && (m->rows = dlx__alloc_zero(mem, R, dlx__mul(g->n_embd, H)));
    ok = ok && (m->hidden = dlx__alloc_zero(mem, T, dlx__mul(g->n_embd, H)));
    ok = ok && (m->best = dlx__alloc_zero(mem, R, sizeof *m->best));
    ok = ok && (m->logit = dlx__alloc_zero(mem, R, sizeof *m->logit));
    ok = ok && (m->lse = dlx__alloc_zero(mem, R, sizeof *m->lse));
    ok = ok && (m->logits = dlx__alloc_zero(mem, R, dlx__mul(g->n_vocab, H)));
    ok = ok && (b->places = dlx__alloc_zero(mem, R, sizeof *b->places));
    for (int i = 0; i < 2; i++)
        ok = ok && (b->row[i] = dlx__alloc_zero(mem, g->n_vocab, sizeof *b->row[i]));
    if (b->facts.cache != DLX__EXPORT_IO)
        return ok;
    ok = ok && (m->fresh = dlx__alloc_zero(mem, T, dlx__mul(row, H)));
    for (int s = 0; s < b->opts.n_streams; s++)
        ok = ok && (m->past[s] = dlx__alloc_zero(mem, P, dlx__mul(row, H)));
    return ok;
}

dlx_result dlx__coreml_memory_open(dlx__backend *b, dlx_error *err)
{
    if (!allocate(b))
        return dlx__fail_memory(err, "opening a package", b->facts.n_ctx);
    for (size_t i = 0; i < b->n_functions; i++)
        DLX__TRY(open_arrays(b, &b->functions[i], err));
    return DLX_OK;
}

void dlx__coreml_memory_close(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    void *all[] = {b->m.ids,   b->m.position, b->m.cos,     b->m.sin,   b->m.mask, b->m.head_rows,
                   b->m.rows,  b->m.hidden,   b->m.best,    b->m.logit, b->m.lse,  b->m.logits,
                   b->m.fresh, b->m.past[0],  b->m.past[1], b->places,  b->row[0], b->row[1]};
    for (size_t i = 0; i < b->n_functions; i++)
        for (int s = 0; s < DLX__PROGRAM_STREAMS; s++)
            dlx__free(mem, b->functions[i].arrays[s]);
    for (size_t i = 0; i < DLX__LEN(all); i++)
        dlx__free(mem, all[i]);
}
