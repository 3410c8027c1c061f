/* qnn_memory.c - memory that functions share, and tensors over it, by their names. */
#include "backends/qnn/qnn.h"

#include "backends/qnn/ort_table.h"
#include "base/fail.h"
#include "base/mem.h"
#include "export/static_ports.h"

#include <string.h>

/* ---- what a name is -------------------------------------------------------------------------- */

/* Where the tensors are that a function has once, by their names (static_ports.h). */
static void *plain_place(const dlx__qnn_memory *m, const char *name)
{
    const struct {
        const char *name;
        void *data;
    } all[] = {{"input_ids", m->ids},
               {"cos", m->cos},
               {"sin", m->sin},
               {"mask", m->mask},
               {"head_rows", m->head_rows},
               {"output_hidden", m->hidden},
               {"output_best", m->best},
               {"output_logit", m->logit},
               {"output_lse", m->lse},
               {"rows", m->rows},
               {"output_logits", m->logits}};
    for (size_t i = 0; i < DLX__LEN(all); i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].data;
    return NULL;
}

/* Where a tensor is; NULL: K and V of a directory that keeps none. The manifest was held to the
 * model, so that every name is known. */
static void *find_place(const dlx__backend *b, const dlx__qnn_function *f, const char *name,
                        int stream)
{
    dlx__static_port port;
    const dlx__graph *g = &b->model->graph;
    const dlx__onnx_entry *e = f->entry;
    const dlx__static_shape shape = {e->name, e->n_rows, e->n_past, e->n_head_rows};
    if (!dlx__static_port_find(&port, g, &shape, false, name))
        return NULL;
    if (port.kept == SIZE_MAX)
        return plain_place(&b->m, name);
    const bool past = port.side == DLX__SIDE_INPUT;
    float *data = past ? b->m.past[stream] : b->m.fresh;
    const size_t n_rows = past ? e->n_past : b->n_rows;
    return data ? data + port.kept * g->n_heads_kv * n_rows * g->head_dim : NULL;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static dlx_result open_inputs(dlx__backend *b, dlx__qnn_function *f, int stream, dlx_error *err)
{
    for (size_t i = 0; i < f->n_in; i++) {
        const dlx__onnx_port *p = &f->entry->inputs[i];
        f->in_names[i] = p->name;
        DLX__TRY(dlx__ort_value_open(&f->in[stream][i], &b->ort, find_place(b, f, p->name, stream),
                                     p, err));
    }
    return DLX_OK;
}

static dlx_result open_outputs(dlx__backend *b, dlx__qnn_function *f, dlx_error *err)
{
    for (size_t i = 0; i < f->entry->n_outputs; i++) {
        const dlx__onnx_port *p = &f->entry->outputs[i];
        void *data = find_place(b, f, p->name, 0);
        if (!data) /* K and V of directories that keep none */
            continue;
        f->out_names[f->n_out] = p->name;
        DLX__TRY(dlx__ort_value_open(&f->out[f->n_out], &b->ort, data, p, err));
        f->n_out++;
    }
    return DLX_OK;
}

static dlx_result open_tensors(dlx__backend *b, dlx__qnn_function *f, dlx_error *err)
{
    const dlx_allocator *mem = b->opts.mem;
    const size_t n_in = f->entry->n_inputs, n_out = f->entry->n_outputs;
    bool ok = (f->in_names = dlx__alloc_zero(mem, n_in, sizeof *f->in_names)) != NULL;
    ok = ok && (f->out_names = dlx__alloc_zero(mem, n_out, sizeof *f->out_names));
    ok = ok && (f->out = dlx__alloc_zero(mem, n_out, sizeof *f->out));
    for (int s = 0; s < b->opts.n_streams; s++)
        ok = ok && (f->in[s] = dlx__alloc_zero(mem, n_in, sizeof *f->in[s]));
    if (!ok)
        return dlx__fail_memory(err, "opening a program", (n_in + n_out) * sizeof *f->out);
    f->n_in = n_in;
    for (int s = 0; s < b->opts.n_streams; s++)
        DLX__TRY(open_inputs(b, f, s, err));
    return open_outputs(b, f, err);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool allocate(dlx__backend *b, size_t kv_rows, size_t n_past)
{
    const dlx_allocator *mem = b->opts.mem;
    const dlx__graph *g = &b->model->graph;
    const size_t T = b->n_rows, R = b->n_head_rows, F = sizeof(float);
    const size_t row = dlx__mul(dlx__mul(2 * g->n_layers, g->n_heads_kv), g->head_dim);
    dlx__qnn_memory *m = &b->m;
    bool ok = (m->ids = dlx__alloc_zero(mem, T, sizeof *m->ids)) != NULL;
    ok = ok && (m->cos = dlx__alloc_zero(mem, T, dlx__mul(g->head_dim, F)));
    ok = ok && (m->sin = dlx__alloc_zero(mem, T, dlx__mul(g->head_dim, F)));
    ok = ok && (m->mask = dlx__alloc_zero(mem, T, dlx__mul(dlx__add(n_past, T), F)));
    ok = ok && (m->head_rows = dlx__alloc_zero(mem, R, sizeof *m->head_rows));
    ok = ok && (m->rows = dlx__alloc_zero(mem, R, dlx__mul(g->n_embd, F)));
    ok = ok && (m->hidden = dlx__alloc_zero(mem, T, dlx__mul(g->n_embd, F)));
    ok = ok && (m->best = dlx__alloc_zero(mem, R, sizeof *m->best));
    ok = ok && (m->logit = dlx__alloc_zero(mem, R, F)) && (m->lse = dlx__alloc_zero(mem, R, F));
    ok = ok && (m->logits = dlx__alloc_zero(mem, R, dlx__mul(g->n_vocab, F)));
    ok = ok && (b->places = dlx__alloc_zero(mem, R, sizeof *b->places));
    for (int i = 0; i < 2; i++)
        ok = ok && (b->row[i] = dlx__alloc_zero(mem, g->n_vocab, F));
    if (kv_rows)
        ok = ok && (m->fresh = dlx__alloc_zero(mem, kv_rows, dlx__mul(row, F)));
    for (int s = 0; s < b->opts.n_streams && n_past; s++)
        ok = ok && (m->past[s] = dlx__alloc_zero(mem, n_past, dlx__mul(row, F)));
    return ok;
}

dlx_result dlx__qnn_memory_open(dlx__backend *b, dlx_error *err)
{
    const size_t n_past = b->directory.keeps ? b->directory.n_ctx : 0;
    if (!allocate(b, n_past ? b->n_rows : 0, n_past))
        return dlx__fail_memory(err, "opening a program", n_past);
    for (size_t i = 0; i < b->n_functions; i++)
        DLX__TRY(open_tensors(b, &b->functions[i], err));
    return DLX_OK;
}

static void close_tensors(dlx__backend *b, dlx__qnn_function *f)
{
    const dlx_allocator *mem = b->opts.mem;
    for (int s = 0; s < DLX__PROGRAM_STREAMS; s++) {
        for (size_t i = 0; i < f->n_in && f->in[s]; i++)
            dlx__ort_release(&b->ort, DLX__ORT_RELEASE_VALUE, f->in[s][i]);
        dlx__free(mem, f->in[s]);
    }
    for (size_t i = 0; i < f->n_out; i++)
        dlx__ort_release(&b->ort, DLX__ORT_RELEASE_VALUE, f->out[i]);
    dlx__free(mem, f->out);
    dlx__free(mem, f->in_names);
    dlx__free(mem, f->out_names);
}

void dlx__qnn_memory_close(dlx__backend *b)
{
    const dlx_allocator *mem = b->opts.mem;
    void *all[] = {b->m.ids,     b->m.cos,     b->m.sin,   b->m.mask, b->m.head_rows, b->m.rows,
                   b->m.hidden,  b->m.best,    b->m.logit, b->m.lse,  b->m.logits,    b->m.fresh,
                   b->m.past[0], b->m.past[1], b->places,  b->row[0], b->row[1]};
    for (size_t i = 0; i < b->n_functions; i++)
        close_tensors(b, &b->functions[i]);
    for (size_t i = 0; i < DLX__LEN(all); i++)
        dlx__free(mem, all[i]);
}
