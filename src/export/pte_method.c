/* pte_method.c - the steps of a pass around its delegates. */
#include "export/pte_method.h"

#include "base/fail.h"
#include "export/pte_pass.h"

#include <string.h>

#define CALL DLX__PASS_CALL

/* ---- tensors ------------------------------------------------------------------------------- */

static dlx__pte_tensor shape(dlx__pte_type type, bool dynamic, const size_t *dims, int n_dims)
{
    dlx__pte_tensor t = {.type = type, .n_dims = n_dims, .dynamic = dynamic};
    memcpy(t.dims, dims, (size_t)n_dims * sizeof *dims);
    return t;
}

dlx__pte_value dlx__pass_planned(dlx__pass *p, dlx__pte_type type, const size_t *dims, int n_dims)
{
    dlx__pte_tensor t = shape(type, !p->fixed, dims, n_dims);
    t.storage = DLX__PTE_PLANNED;
    t.arena = 1;
    t.offset = dlx__pte_take(p->m, 1, dlx__pte_tensor_bytes(&t));
    return dlx__pte_add_tensor(p->m, &t);
}

dlx__pte_value dlx__pass_given(dlx__pass *p, dlx__pte_type type, const size_t *dims, int n_dims)
{
    /* One number is one number always; storage: the caller's. */
    const bool one = n_dims == 1 && dims[0] == 1;
    const dlx__pte_tensor t = shape(type, !p->fixed && !one, dims, n_dims);
    const dlx__pte_value v = dlx__pte_add_tensor(p->m, &t);
    dlx__pte_input(p->m, v);
    return v;
}

dlx__pte_value dlx__pass_constant(dlx__pass *p, dlx__pte_type type, uint32_t data,
                                  const size_t *dims, int n_dims)
{
    dlx__pte_tensor t = shape(type, false, dims, n_dims);
    t.storage = DLX__PTE_CONSTANT;
    t.data = data;
    return dlx__pte_add_tensor(p->m, &t);
}

/* The same numbers by one or two other axes, the first of which is left open. */
static dlx__pte_value view(dlx__pass *p, dlx__pte_value from, dlx__pte_type type,
                           const size_t *dims, int n_dims)
{
    dlx__pte_value sizes[2] = {p->minus_one};
    if (n_dims == 2)
        sizes[1] = dlx__pte_int(p->m, (int64_t)dims[1]);
    const dlx__pte_value size = dlx__pte_int_list(p->m, sizes, (size_t)n_dims);
    const dlx__pte_value to = dlx__pass_planned(p, type, dims, n_dims);
    CALL(p, "executorch_prim::et_view", "default", from, size, to);
    return to;
}

/* ---- before the delegate ------------------------------------------------------------------- */

static void compat_inputs(dlx__pass *p)
{
    const size_t L = p->s->model->hp.n_layers, Q = p->T, M = p->S;
    p->start = dlx__pass_given(p, DLX__PTE_LONG, (size_t[]){1, Q}, 2); /* every position */
    p->kept = dlx__pass_given(p, DLX__PTE_FLOAT, (size_t[]){L, 2, 1, p->kv, M, p->c}, 6);
    p->mask = dlx__pass_given(p, DLX__PTE_FLOAT, (size_t[]){L, 1, 1, Q, M + Q}, 5);
    p->insert = dlx__pass_given(p, DLX__PTE_FLOAT, (size_t[]){L, 1, 1, M, Q}, 5);
    p->keep = dlx__pass_given(p, DLX__PTE_FLOAT, (size_t[]){L, 1, 1, M, 1}, 5);
}

static void inputs(dlx__pass *p)
{
    const dlx__export_cache cache = p->s->opts->cache;
    const size_t before = cache == DLX__EXPORT_NO_CACHE ? 0 : p->S;
    p->tokens = dlx__pass_given(p, DLX__PTE_LONG, (size_t[]){1, p->T}, 2);
    if (cache == DLX__EXPORT_COMPAT) {
        compat_inputs(p);
        return;
    }
    if (cache != DLX__EXPORT_NO_CACHE)
        p->start = dlx__pass_given(p, DLX__PTE_LONG, (size_t[]){1}, 1);
    if (p->o->masked)
        p->mask = dlx__pass_given(p, DLX__PTE_FLOAT, (size_t[]){p->T, before + p->T}, 2);
    if (p->o->head)
        p->rows = dlx__pass_given(p, DLX__PTE_LONG, &p->R, 1);
}

static void constants(dlx__pass *p)
{
    p->zero = dlx__pte_int(p->m, 0);
    p->one = dlx__pte_int(p->m, 1);
    p->minus_one = dlx__pte_int(p->m, -1);
    p->no = dlx__pte_bool(p->m, false);
    p->nothing = dlx__pte_null(p->m);
}

/* Rows of the embedding: [T, d]. */
static void embed(dlx__pass *p)
{
    const bool half = p->s->opts->forms.table == DLX__PACK_FP16;
    const dlx__pte_type type = half ? DLX__PTE_HALF : DLX__PTE_FLOAT;
    const size_t n_vocab = p->s->model->hp.n_rows_vocab;
    const dlx__pte_value table =
        dlx__pass_constant(p, type, p->s->embedding, (size_t[]){n_vocab, p->d}, 2);
    const dlx__pte_value rows = dlx__pass_planned(p, type, (size_t[]){1, p->T, p->d}, 3);
    CALL(p, "aten::embedding", "out", table, p->tokens, p->minus_one, p->no, p->no, rows, rows);
    p->embedded = view(p, rows, type, (size_t[]){p->T, p->d}, 2);
}

/* The positions from `past` on, one for each row. */
static void count(dlx__pass *p)
{
    const dlx__pte_value n = dlx__pte_int(p->m, 0), end = dlx__pte_int(p->m, 0);
    p->past = dlx__pte_int(p->m, 0);
    if (p->s->opts->cache != DLX__EXPORT_NO_CACHE)
        CALL(p, "aten::_local_scalar_dense", "", p->start, p->past);
    CALL(p, "aten::sym_size", "int", p->tokens, p->one, n);
    CALL(p, "executorch_prim::add", "Scalar", p->past, n, end);
    p->positions = dlx__pass_planned(p, DLX__PTE_LONG, (size_t[]){p->T}, 1);
    CALL(p, "aten::arange", "start_out", p->past, end, p->one, p->positions, p->positions);
}

/* The rows of both tables for the rows' positions. */
static void turn(dlx__pass *p)
{
    for (int i = 0; i < 2; i++) {
        const dlx__pte_value table =
            dlx__pass_constant(p, DLX__PTE_FLOAT, p->s->tables[i], (size_t[]){p->S, p->c}, 2);
        p->turns[i] = dlx__pass_planned(p, DLX__PTE_FLOAT, (size_t[]){p->T, p->c}, 2);
        CALL(p, "aten::index_select", "out", table, p->zero, p->positions, p->turns[i],
             p->turns[i]);
    }
}

/* ---- the delegate -------------------------------------------------------------------------- */

static dlx__pte_value gain(dlx__pass *p, const dlx__tensor *t)
{
    for (size_t i = 0; i < p->s->n_gains; i++)
        if (p->s->gains[i].tensor == t)
            return dlx__pass_constant(p, DLX__PTE_FLOAT, p->s->gains[i].data, t->shape, 1);
    return DLX__PTE_NONE;
}

/* What a delegate gives. */
static dlx__pte_value result(dlx__pass *p, const dlx__extern *e)
{
    const size_t n_vocab = p->s->model->hp.n_rows_vocab, L = p->s->model->hp.n_layers;
    const size_t whole[] = {1, p->T, n_vocab}, some[] = {p->R, n_vocab};
    switch (e->kind) {
    case DLX__EXTERN_NEW:
        return p->fresh[2 * e->layer + (size_t)e->side] =
                   dlx__pass_planned(p, DLX__PTE_FLOAT, (size_t[]){p->kv, p->T, p->c}, 3);
    case DLX__EXTERN_UPDATED:
        return p->updated =
                   dlx__pass_planned(p, DLX__PTE_FLOAT, (size_t[]){L, 2, 1, p->kv, p->S, p->c}, 6);
    case DLX__EXTERN_FINAL:
        return p->final = dlx__pass_planned(p, DLX__PTE_FLOAT, (size_t[]){p->T, p->d}, 2);
    case DLX__EXTERN_LOGITS:
        return p->logits = p->o->head ? dlx__pass_planned(p, DLX__PTE_FLOAT, some, 2)
                                      : dlx__pass_planned(p, DLX__PTE_FLOAT, whole, 3);
    case DLX__EXTERN_PROBS:
        return p->probs = dlx__pass_planned(p, DLX__PTE_FLOAT, some, 2);
    default:
        return DLX__PTE_NONE;
    }
}

static dlx__pte_value past(dlx__pass *p, const dlx__extern *e)
{
    if (p->s->opts->cache == DLX__EXPORT_STATE)
        return dlx__pass_view_of_head(p, 2 * e->layer + (size_t)e->side, e->head);
    return dlx__pass_given(p, DLX__PTE_FLOAT, (size_t[]){p->kv, p->S, p->c}, 3);
}

static dlx__pte_value argument(dlx__pass *p, const dlx__extern *e)
{
    switch (e->kind) {
    case DLX__EXTERN_EMBEDDED:
        return p->embedded;
    case DLX__EXTERN_COS:
        return p->turns[0];
    case DLX__EXTERN_SIN:
        return p->turns[1];
    case DLX__EXTERN_SCALE:
        return dlx__pass_constant(p, DLX__PTE_FLOAT, p->s->scale_data, (size_t[]){1}, 1);
    case DLX__EXTERN_MASK:
        return p->mask;
    case DLX__EXTERN_GAIN:
        return gain(p, e->tensor);
    case DLX__EXTERN_PAST:
        return past(p, e);
    case DLX__EXTERN_CACHE:
        return p->kept;
    case DLX__EXTERN_INSERT:
        return p->insert;
    case DLX__EXTERN_KEEP:
        return p->keep;
    case DLX__EXTERN_PICKED:
        return p->picked;
    case DLX__EXTERN_NEVER:
        return dlx__pass_constant(p, DLX__PTE_FLOAT, p->s->never, &p->s->model->hp.n_rows_vocab, 1);
    default:
        return result(p, e);
    }
}

dlx_result dlx__pass_delegate(dlx__pass *p, const dlx__lowered *l, dlx_error *err)
{
    dlx__buf payload;
    dlx__pte_value *args = dlx__arena_alloc(&p->s->program->arena, l->n, sizeof *args);
    if (!args)
        return dlx__fail_memory(err, "building a method", l->n * sizeof *args);
    dlx__buf_init(&payload, p->s->opts->write.mem);
    for (size_t i = 0; i < l->n; i++)
        args[i] = argument(p, &l->externs[i]);
    const dlx_result r = dlx__xnn_serialize(&l->xnn, &payload, err);
    if (r == DLX_OK) {
        const uint32_t number =
            dlx__pte_delegate(p->m, "XnnpackBackend", payload.data, payload.len);
        dlx__pte_call_delegate(p->m, number, args, l->n);
    }
    dlx__buf_release(&payload);
    return r;
}

/* ---- the method ---------------------------------------------------------------------------- */

static dlx_result compute(dlx__pass *p, dlx_error *err)
{
    DLX__TRY(dlx__pass_delegate(p, p->o->body, err));
    if (!p->o->head) {
        dlx__pte_output(p->m, p->logits);
        return DLX_OK;
    }
    dlx__pass_pick(p);
    DLX__TRY(dlx__pass_delegate(p, p->o->head, err));
    dlx__pass_choose(p);
    return DLX_OK;
}

static void keep(dlx__pass *p)
{
    switch (p->s->opts->cache) {
    case DLX__EXPORT_STATE:
        dlx__pass_keep(p);
        break;
    case DLX__EXPORT_IO:
        for (size_t i = 0; i < 2 * p->s->model->hp.n_layers; i++)
            dlx__pte_output(p->m, p->fresh[i]);
        break;
    case DLX__EXPORT_COMPAT:
        dlx__pte_output(p->m, p->updated);
        break;
    default:
        break;
    }
}

static dlx_result open_lists(dlx__pass *p, dlx_error *err)
{
    dlx__arena *arena = &p->s->program->arena;
    const size_t n_kv = 2 * p->s->model->hp.n_layers;
    p->cache = dlx__arena_alloc(arena, n_kv, sizeof *p->cache);
    p->fresh = dlx__arena_alloc(arena, n_kv, sizeof *p->fresh);
    return p->cache && p->fresh
               ? DLX_OK
               : dlx__fail_memory(err, "building a method", n_kv * sizeof *p->cache);
}

dlx_result dlx__pte_add_pass(dlx__pte_shared *s, const dlx__pte_pass_opts *o, dlx_error *err)
{
    const dlx__graph *g = &s->model->graph;
    dlx__pass p = {.s = s,
                   .m = dlx__pte_add_method(s->program, o->name),
                   .o = o,
                   .fixed = s->opts->cache == DLX__EXPORT_COMPAT,
                   .T = s->opts->n_rows,
                   .S = s->opts->n_ctx,
                   .R = dlx__pte_denoise_rows(s->opts),
                   .d = g->n_embd,
                   .c = g->head_dim,
                   .kv = g->n_heads_kv};
    DLX__TRY(open_lists(&p, err));
    inputs(&p);
    constants(&p);
    embed(&p);
    if (p.fixed)
        p.positions = view(&p, p.start, DLX__PTE_LONG, &p.T, 1);
    else
        count(&p);
    turn(&p);
    if (s->opts->cache == DLX__EXPORT_STATE)
        dlx__pass_add_state(&p);
    DLX__TRY(compute(&p, err));
    keep(&p);
    return DLX_OK;
}
