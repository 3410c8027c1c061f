/* qnn_memory.c - memory that functions share, and tensors over it, by their names. */
#include "backends/qnn/qnn.h"

#include "backends/qnn/ort_table.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/tensor.h"

#include <stdio.h>
#include <string.h>

/* ---- what a name is -------------------------------------------------------------------------- */

/* A tensor of one function: the type and shape that it must have, and where it is. */
typedef struct place {
    const char *name;
    dlx__onnx_type type;
    size_t dims[DLX__ONNX_MAX_DIMS];
    int n_dims;
    void *data;
} place;

enum { N_PLAIN = 11 };

static void list_places(place to[N_PLAIN], const dlx__backend *b, const dlx__onnx_entry *e)
{
    const dlx__graph *g = &b->model->graph;
    const dlx__qnn_memory *m = &b->m;
    const size_t T = e->n_rows, P = e->n_past, R = e->n_head_rows, c = g->head_dim, d = g->n_embd;
    const place all[N_PLAIN] = {
        {"input_ids", DLX__ONNX_INT32, {1, T}, 2, m->ids},
        {"cos", DLX__ONNX_FLOAT, {1, 1, T, c}, 4, m->cos},
        {"sin", DLX__ONNX_FLOAT, {1, 1, T, c}, 4, m->sin},
        {"mask", DLX__ONNX_FLOAT, {1, 1, T, P + T}, 4, m->mask},
        {"head_rows", DLX__ONNX_INT32, {R}, 1, m->head_rows},
        {"output_hidden", DLX__ONNX_FLOAT, {1, T, d}, 3, m->hidden},
        {"output_best", DLX__ONNX_INT32, {R}, 1, m->best},
        {"output_logit", DLX__ONNX_FLOAT, {R}, 1, m->logit},
        {"output_lse", DLX__ONNX_FLOAT, {R}, 1, m->lse},
        {"rows", DLX__ONNX_FLOAT, {1, R, d}, 3, m->rows},
        {"output_logits", DLX__ONNX_FLOAT, {1, R, g->n_vocab}, 3, m->logits},
    };
    memcpy(to, all, sizeof all);
}

/* "past_k_7": of K and V [2 L] the place, and which of the two kinds; false: it is none. */
static bool is_kept(const char *name, const char *prefix, size_t n_layers, size_t *index)
{
    char side, end;
    size_t layer;
    const size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0 || name[n + 1] != '_' || name[n + 2] < '0' ||
        name[n + 2] > '9' || sscanf(name + n, "%c_%zu%c", &side, &layer, &end) != 2 ||
        (side != 'k' && side != 'v') || layer >= n_layers)
        return false;
    *index = 2 * layer + (side == 'v');
    return true;
}

static dlx_result find_place(place *to, const dlx__backend *b, const dlx__qnn_function *f,
                             const char *name, int stream, dlx_error *err)
{
    place plain[N_PLAIN];
    size_t index;
    const dlx__graph *g = &b->model->graph;
    const dlx__onnx_entry *e = f->entry;
    const size_t kv = g->n_heads_kv, c = g->head_dim, P = e->n_past, T = e->n_rows;
    list_places(plain, b, e);
    for (size_t i = 0; i < N_PLAIN; i++)
        if (strcmp(plain[i].name, name) == 0) {
            *to = plain[i];
            return DLX_OK;
        }
    const bool past = is_kept(name, "past_", g->n_layers, &index);
    if (!past && !is_kept(name, "output_new_", g->n_layers, &index))
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected a tensor that this version knows, found %s; export it again",
                         f->path, name);
    const size_t rows = past ? P : T;
    float *data = past ? b->m.past[stream] : b->m.fresh;
    *to = (place){name, DLX__ONNX_FLOAT, {1, kv, rows, c}, 4, NULL};
    if (data)
        to->data = data + index * kv * (past ? P : b->n_rows) * c;
    return DLX_OK;
}

/* Refuses a function of which the manifest says other sizes than the model and its rows give. */
static dlx_result check_port(const dlx__qnn_function *f, const dlx__onnx_port *p, const place *at,
                             dlx_error *err)
{
    char wanted[96], found[96];
    bool ok = p->type == at->type && p->n_dims == at->n_dims;
    for (int i = 0; i < p->n_dims && ok; i++)
        ok = p->dims[i] == at->dims[i];
    if (ok)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected %s as %s %s for its model, rows and positions, found %s %s; "
                     "export it again",
                     f->path, p->name, dlx__onnx_type_name(at->type),
                     dlx__shape_text(wanted, at->dims, at->n_dims), dlx__onnx_type_name(p->type),
                     dlx__shape_text(found, p->dims, p->n_dims));
}

/* ---- tensors --------------------------------------------------------------------------------- */

static dlx_result open_inputs(dlx__backend *b, dlx__qnn_function *f, int stream, dlx_error *err)
{
    place at;
    for (size_t i = 0; i < f->n_in; i++) {
        const dlx__onnx_port *p = &f->entry->inputs[i];
        DLX__TRY(find_place(&at, b, f, p->name, stream, err));
        DLX__TRY(check_port(f, p, &at, err));
        f->in_names[i] = p->name;
        DLX__TRY(dlx__ort_value_open(&f->in[stream][i], &b->ort, at.data, p, err));
    }
    return DLX_OK;
}

static dlx_result open_outputs(dlx__backend *b, dlx__qnn_function *f, dlx_error *err)
{
    place at;
    for (size_t i = 0; i < f->entry->n_outputs; i++) {
        const dlx__onnx_port *p = &f->entry->outputs[i];
        DLX__TRY(find_place(&at, b, f, p->name, 0, err));
        DLX__TRY(check_port(f, p, &at, err));
        if (!at.data) /* K and V of directories that keep none */
            continue;
        f->out_names[f->n_out] = p->name;
        DLX__TRY(dlx__ort_value_open(&f->out[f->n_out], &b->ort, at.data, p, err));
        f->n_out++;
    }
    return DLX_OK;
}

/* Everything is there: names are different and known. */
static dlx_result check_number(const dlx__backend *b, const dlx__qnn_function *f, dlx_error *err)
{
    const dlx__onnx_entry *e = f->entry;
    const size_t head = e->n_head_rows > 0, kept = 2 * b->model->graph.n_layers;
    const size_t n_in = e->n_rows ? 4 + head + (e->n_past ? kept : 0) : 1;
    const size_t n_out = e->n_rows ? 1 + 3 * head + kept : 1;
    if (e->n_inputs == n_in && e->n_outputs == n_out)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected %zu inputs and %zu outputs for its model, found %zu and %zu; "
                     "export it again",
                     f->path, n_in, n_out, e->n_inputs, e->n_outputs);
}

static dlx_result open_tensors(dlx__backend *b, dlx__qnn_function *f, dlx_error *err)
{
    const dlx_allocator *mem = b->opts.mem;
    const size_t n_in = f->entry->n_inputs, n_out = f->entry->n_outputs;
    DLX__TRY(check_number(b, f, err));
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
