/* layer.c - a layer as floats, and as a model. */
#include "quant/layer.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"
#include "model/bind.h"
#include "model/decoder.h"

#include <string.h>

/* Floats that a tensor takes: whole cache lines. */
static size_t room_of(const dlx__tensor *t)
{
    return t ? dlx__align(dlx__tensor_elems(t), 16) : 0;
}

static const dlx__tensor *stored(const dlx__model *m, int role, size_t index)
{
    return dlx__role_per_layer((dlx__role)role) ? dlx__model_tensor(m, (dlx__role)role, index)
                                                : NULL;
}

dlx_result dlx__layer_open(dlx__layer *l, const dlx__model *m, size_t index, dlx_error *err)
{
    size_t n = 0;
    *l = (dlx__layer){.mem = m->mem};
    for (int role = 0; role < DLX__N_ROLES; role++)
        n = dlx__add(n, room_of(stored(m, role, index)));
    l->block = dlx__alloc_aligned(l->mem, dlx__mul(n, sizeof *l->block));
    if (!l->block)
        return dlx__fail_memory(err, "reading a layer", dlx__mul(n, sizeof *l->block));
    float *to = l->block;
    for (int role = 0; role < DLX__N_ROLES; role++) {
        const dlx__tensor *t = stored(m, role, index);
        if (!t)
            continue;
        const size_t n_elems = dlx__tensor_elems(t);
        dlx__to_f32(to, t->data, t->dtype, n_elems);
        dlx__model_drop_pages(m, t->data, t->n_bytes);
        l->tensors[role] = *t;
        l->tensors[role].dtype = DLX__F32;
        l->tensors[role].data = to;
        l->tensors[role].n_bytes = n_elems * sizeof *to;
        to += room_of(t);
    }
    return DLX_OK;
}

void dlx__layer_release(dlx__layer *l)
{
    dlx__free_aligned(l->mem, l->block);
    *l = (dlx__layer){0};
}

void dlx__layer_embed(float *stream, const dlx__model *m, const dlx__calibration *c)
{
    const dlx__tensor *table = dlx__model_tensor(m, DLX__ROLE_EMBED, 0);
    const size_t d = table->shape[1], row_bytes = dlx__dtype_bytes(table->dtype, d);
    for (size_t r = 0; r < c->n_rows; r++)
        dlx__to_f32(stream + r * d, (const uint8_t *)table->data + (size_t)c->ids[r] * row_bytes,
                    table->dtype, d);
}

/* ---- a model of one layer ------------------------------------------------------------------ */

enum { N_HEAD = 16 }; /* outputs of a head that nobody asks */

typedef struct layer_model {
    dlx__model model;
    dlx__tensor stream, norm, head;
    const dlx__tensor *roles[DLX__N_ROLES];
    float *blank; /* [N_HEAD, n_embd]: zeros */
} layer_model;

static dlx__tensor floats(const char *name, const float *x, size_t n_rows, size_t n_cols)
{
    return (dlx__tensor){.name = name,
                         .dtype = DLX__F32,
                         .n_dims = n_rows ? 2 : 1,
                         .shape = {n_rows ? n_rows : n_cols, n_rows ? n_cols : 0},
                         .data = x,
                         .n_bytes = (n_rows ? n_rows : 1) * n_cols * sizeof *x};
}

static dlx_result model_open(layer_model *l, const float *stream, const dlx__layer_run *run,
                             dlx_error *err)
{
    const dlx__hparams *hp = &run->model->hp;
    const size_t d = hp->n_embd, n_rows = run->passes->n_rows;
    l->blank = dlx__alloc_zero(run->mem, dlx__mul(N_HEAD, d), sizeof *l->blank);
    if (!l->blank)
        return dlx__fail_memory(err, "opening a layer", dlx__mul(N_HEAD * sizeof(float), d));
    l->stream = floats("stream", stream, n_rows, d);
    l->norm = floats("norm", l->blank, 0, d);
    l->head = floats("head", l->blank, N_HEAD, d);
    for (int role = 0; role < DLX__N_ROLES; role++)
        l->roles[role] = run->weights[role].data ? &run->weights[role] : NULL;
    l->roles[DLX__ROLE_EMBED] = &l->stream;
    l->roles[DLX__ROLE_FINAL_NORM] = &l->norm;
    l->roles[DLX__ROLE_HEAD] = &l->head;
    l->model = (dlx__model){.mem = run->mem,
                            .family = run->model->family,
                            .hp = *hp,
                            .roles = l->roles,
                            .has_weights = true};
    l->model.hp.n_layers = 1;
    l->model.hp.n_rows_vocab = n_rows;
    l->model.hp.tied = false;
    dlx__graph_init(&l->model.graph, run->mem);
    run->model->family->build(&l->model.graph, &l->model);
    return dlx__graph_check(&l->model.graph, err);
}

static void model_release(layer_model *l, const dlx_allocator *mem)
{
    dlx__graph_release(&l->model.graph);
    dlx__free(mem, l->blank);
}

/* ---- its passes ---------------------------------------------------------------------------- */

typedef struct behind {
    float *rows; /* [n, n_embd] of the pass */
} behind;

/* Index 1 is the stream behind the only layer. */
static void take_rows(void *user, size_t index, const float *x, size_t n, size_t n_embd)
{
    const behind *to = user;
    if (index == 1)
        memcpy(to->rows, x, n * n_embd * sizeof *x);
}

static dlx_result run_pass(dlx__backend *b, const dlx__backend_class *class, float *rows,
                           dlx_token *ids, const dlx__calibration_pass *pass,
                           const dlx__layer_run *run, dlx_error *err)
{
    for (size_t i = 0; i < pass->n; i++)
        ids[i] = (dlx_token)(pass->first_row + i);
    behind to = {rows};
    const dlx__step step = {.ids = ids,
                            .n = pass->n,
                            .start = pass->start,
                            .n_kv = pass->start,
                            .n_keep = pass->keep ? pass->n : 0,
                            .visibility = run->passes->visibility,
                            .block = run->passes->block,
                            .tap = take_rows,
                            .tap_user = &to,
                            .observe = run->observe,
                            .observe_out = run->observe_out,
                            .observe_user = run->user,
                            .stop = run->stop,
                            .stop_user = run->user};
    return class->step(b, &step, err);
}

/* The stream is read by all passes before any of it is written: new rows gather apart. */
static dlx_result run_passes(float *stream, const dlx__model *m, const dlx__layer_run *run,
                             dlx_error *err)
{
    const dlx__calibration *c = run->passes;
    const dlx__backend_class *class = dlx__backend_find("cpu");
    const size_t d = m->hp.n_embd, n_bytes = dlx__mul(dlx__mul(c->n_rows, d), sizeof *stream);
    const dlx__backend_opts opts = {.n_ctx = c->n_ctx,
                                    .n_rows = c->most_rows,
                                    .n_streams = 1,
                                    .n_threads = run->n_threads,
                                    .scheme = run->scheme,
                                    .mem = run->mem};
    dlx__backend *b = NULL;
    dlx_result r = DLX_OK;
    float *rows = dlx__alloc(run->mem, n_bytes);
    dlx_token *ids = dlx__alloc(run->mem, dlx__mul(c->most_rows, sizeof *ids));
    if (!rows || !ids)
        DLX__GO(dlx__fail_memory(err, "running a layer", n_bytes));
    DLX__GO(class->load(&b, m, &opts, err));
    for (size_t p = 0; p < c->n_passes; p++)
        DLX__GO(
            run_pass(b, class, rows + c->passes[p].first_row * d, ids, &c->passes[p], run, err));
    memcpy(stream, rows, n_bytes);
done:
    if (b)
        class->close(b);
    dlx__free(run->mem, ids);
    dlx__free(run->mem, rows);
    return r;
}

dlx_result dlx__layer_compute(float *stream, const dlx__layer_run *run, dlx_error *err)
{
    layer_model l = {0};
    dlx_result r = model_open(&l, stream, run, err);
    if (r == DLX_OK)
        r = run_passes(stream, &l.model, run, err);
    model_release(&l, run->mem);
    return r;
}
