/* pte_method.c - the steps of a pass around its delegate. */
#include "export/pte_method.h"

#include "base/fail.h"

#include <stdio.h>
#include <string.h>

enum { STATE_ARENA = 2, PAGE = 4096, SPARE = 128 };

typedef struct pass {
    dlx__pte_shared *s;
    const dlx__lowered *l;
    dlx__pte_method *m;
    bool masked;
    size_t T, S, d, c, kv; /* rows and positions at most, widths, heads of K and V */
    dlx__pte_value zero, one, minus_one, no, nothing;
    dlx__pte_value tokens, start, past; /* inputs; `past`: how many positions, an int */
    dlx__pte_value positions;           /* [T] */
    dlx__pte_value embedded, turns[2], mask;
    dlx__pte_value *args;  /* [l->n] of the delegate */
    dlx__pte_value *cache; /* [2 * n_layers]: STATE */
    dlx__pte_value *fresh; /* [2 * n_layers]: rows that the delegate gives */
    dlx__pte_value logits;
} pass;

/* ---- tensors ------------------------------------------------------------------------------- */

static dlx__pte_tensor shape(dlx__pte_type type, bool dynamic, const size_t *dims, int n_dims)
{
    dlx__pte_tensor t = {.type = type, .n_dims = n_dims, .dynamic = dynamic};
    memcpy(t.dims, dims, (size_t)n_dims * sizeof *dims);
    return t;
}

/* A place that nothing else has. */
static dlx__pte_value planned(pass *p, dlx__pte_type type, const size_t *dims, int n_dims)
{
    dlx__pte_tensor t = shape(type, true, dims, n_dims);
    t.storage = DLX__PTE_PLANNED;
    t.arena = 1;
    t.offset = dlx__pte_take(p->m, 1, dlx__pte_tensor_bytes(&t));
    return dlx__pte_add_tensor(p->m, &t);
}

static dlx__pte_value given(pass *p, dlx__pte_type type, bool dynamic, const size_t *dims,
                            int n_dims)
{
    const dlx__pte_tensor t = shape(type, dynamic, dims, n_dims); /* storage: the caller's */
    const dlx__pte_value v = dlx__pte_add_tensor(p->m, &t);
    dlx__pte_input(p->m, v);
    return v;
}

static dlx__pte_value constant(pass *p, dlx__pte_type type, uint32_t data, const size_t *dims,
                               int n_dims)
{
    dlx__pte_tensor t = shape(type, false, dims, n_dims);
    t.storage = DLX__PTE_CONSTANT;
    t.data = data;
    return dlx__pte_add_tensor(p->m, &t);
}

#define CALL(p, name, overload, ...)                                                               \
    dlx__pte_call((p)->m, name, overload, (const dlx__pte_value[]){__VA_ARGS__},                   \
                  sizeof((const dlx__pte_value[]){__VA_ARGS__}) / sizeof(dlx__pte_value))

/* ---- before the delegate ------------------------------------------------------------------- */

static void inputs(pass *p)
{
    p->tokens = given(p, DLX__PTE_LONG, true, (size_t[]){1, p->T}, 2);
    if (p->s->opts->cache != DLX__EXPORT_NO_CACHE)
        p->start = given(p, DLX__PTE_LONG, false, (size_t[]){1}, 1);
    const size_t before = p->s->opts->cache == DLX__EXPORT_NO_CACHE ? 0 : p->S;
    if (p->masked)
        p->mask = given(p, DLX__PTE_FLOAT, true, (size_t[]){p->T, before + p->T}, 2);
}

static void constants(pass *p)
{
    p->zero = dlx__pte_int(p->m, 0);
    p->one = dlx__pte_int(p->m, 1);
    p->minus_one = dlx__pte_int(p->m, -1);
    p->no = dlx__pte_bool(p->m, false);
    p->nothing = dlx__pte_null(p->m);
}

/* Rows of the embedding: [T, d]. */
static void embed(pass *p)
{
    const bool half = p->s->opts->half_embedding;
    const dlx__pte_type type = half ? DLX__PTE_HALF : DLX__PTE_FLOAT;
    const size_t n_vocab = p->s->model->hp.n_rows_vocab;
    const dlx__pte_value table = constant(p, type, p->s->embedding, (size_t[]){n_vocab, p->d}, 2);
    const dlx__pte_value rows = planned(p, type, (size_t[]){1, p->T, p->d}, 3);
    CALL(p, "aten::embedding", "out", table, p->tokens, p->minus_one, p->no, p->no, rows, rows);
    const dlx__pte_value sizes[] = {p->minus_one, dlx__pte_int(p->m, (int64_t)p->d)};
    const dlx__pte_value size = dlx__pte_int_list(p->m, sizes, 2);
    p->embedded = planned(p, type, (size_t[]){p->T, p->d}, 2);
    CALL(p, "executorch_prim::et_view", "default", rows, size, p->embedded);
}

/* The rows' positions, and the rows of both tables for them. */
static void turn(pass *p)
{
    const dlx__pte_value n = dlx__pte_int(p->m, 0), end = dlx__pte_int(p->m, 0);
    p->past = dlx__pte_int(p->m, 0);
    if (p->s->opts->cache != DLX__EXPORT_NO_CACHE)
        CALL(p, "aten::_local_scalar_dense", "", p->start, p->past);
    CALL(p, "aten::sym_size", "int", p->tokens, p->one, n);
    CALL(p, "executorch_prim::add", "Scalar", p->past, n, end);
    p->positions = planned(p, DLX__PTE_LONG, (size_t[]){p->T}, 1);
    CALL(p, "aten::arange", "start_out", p->past, end, p->one, p->positions, p->positions);
    for (int i = 0; i < 2; i++) {
        const dlx__pte_value table =
            constant(p, DLX__PTE_FLOAT, p->s->tables[i], (size_t[]){p->S, p->c}, 2);
        p->turns[i] = planned(p, DLX__PTE_FLOAT, (size_t[]){p->T, p->c}, 2);
        CALL(p, "aten::index_select", "out", table, p->zero, p->positions, p->turns[i],
             p->turns[i]);
    }
}

/* ---- K and V ------------------------------------------------------------------------------- */

static uint64_t cache_bytes(const pass *p)
{
    const uint64_t bytes = dlx__mul(dlx__mul(p->kv, p->S), p->c * sizeof(float));
    return (bytes + SPARE + PAGE - 1) / PAGE * PAGE;
}

/* The same place in every method. */
static void add_cache(pass *p, size_t i)
{
    char name[48];
    snprintf(name, sizeof name, "cache.%zu.%c", i / 2, i % 2 ? 'v' : 'k');
    dlx__pte_tensor t = shape(DLX__PTE_FLOAT, false, (size_t[]){p->kv, p->S, p->c}, 3);
    t.storage = DLX__PTE_PLANNED;
    t.arena = STATE_ARENA;
    t.offset = i * cache_bytes(p);
    t.name = name;
    p->cache[i] = dlx__pte_add_tensor(p->m, &t);
}

/* The first `past` rows of a head: a tensor at the same place, which a kernel that allocates
 * nothing gives its size. */
static dlx__pte_value view_of_head(pass *p, size_t i, size_t head, dlx__pte_value size)
{
    dlx__pte_tensor t = shape(DLX__PTE_FLOAT, true, (size_t[]){p->S, p->c}, 2);
    t.storage = DLX__PTE_PLANNED;
    t.arena = STATE_ARENA;
    t.offset = i * cache_bytes(p) + head * p->S * p->c * sizeof(float);
    const dlx__pte_value view = dlx__pte_add_tensor(p->m, &t);
    CALL(p, "aten::empty", "out", size, p->nothing, view, view);
    return view;
}

/* After the pass: rows [kv, T, c] into the slots of their positions. */
static void keep(pass *p)
{
    const dlx__pte_value index[] = {DLX__PTE_NONE, p->positions};
    const dlx__pte_value where = dlx__pte_optional_list(p->m, index, 2);
    for (size_t i = 0; i < 2 * p->s->model->hp.n_layers; i++)
        CALL(p, "aten::index_put_", "", p->cache[i], where, p->fresh[i], p->no, p->cache[i]);
}

/* ---- the delegate -------------------------------------------------------------------------- */

static dlx__pte_value gain(pass *p, const dlx__tensor *t)
{
    for (size_t i = 0; i < p->s->n_gains; i++)
        if (p->s->gains[i].tensor == t)
            return constant(p, DLX__PTE_FLOAT, p->s->gains[i].data, t->shape, 1);
    return DLX__PTE_NONE;
}

static dlx__pte_value argument(pass *p, const dlx__extern *e, dlx__pte_value past_size)
{
    const size_t i = 2 * e->layer + (size_t)e->side;
    switch (e->kind) {
    case DLX__EXTERN_EMBEDDED:
        return p->embedded;
    case DLX__EXTERN_COS:
        return p->turns[0];
    case DLX__EXTERN_SIN:
        return p->turns[1];
    case DLX__EXTERN_SCALE:
        return constant(p, DLX__PTE_FLOAT, p->s->scale_data, (size_t[]){1}, 1);
    case DLX__EXTERN_MASK:
        return p->mask;
    case DLX__EXTERN_GAIN:
        return gain(p, e->tensor);
    case DLX__EXTERN_PAST:
        return p->s->opts->cache == DLX__EXPORT_STATE
                   ? view_of_head(p, i, e->head, past_size)
                   : given(p, DLX__PTE_FLOAT, true, (size_t[]){p->kv, p->S, p->c}, 3);
    case DLX__EXTERN_NEW:
        return p->fresh[i] = planned(p, DLX__PTE_FLOAT, (size_t[]){p->kv, p->T, p->c}, 3);
    case DLX__EXTERN_LOGITS:
        return p->logits =
                   planned(p, DLX__PTE_FLOAT, (size_t[]){1, p->T, p->s->model->hp.n_rows_vocab}, 3);
    }
    return DLX__PTE_NONE;
}

static dlx_result delegate(pass *p, dlx_error *err)
{
    const dlx__pte_value sizes[] = {p->past, dlx__pte_int(p->m, (int64_t)p->c)};
    const dlx__pte_value size = dlx__pte_int_list(p->m, sizes, 2);
    dlx__buf payload;
    dlx__buf_init(&payload, p->s->opts->write.mem);
    for (size_t i = 0; i < p->l->n; i++)
        p->args[i] = argument(p, &p->l->externs[i], size);
    const dlx_result r = dlx__xnn_serialize(&p->l->xnn, &payload, err);
    if (r == DLX_OK) {
        const uint32_t number =
            dlx__pte_delegate(p->m, "XnnpackBackend", payload.data, payload.len);
        dlx__pte_call_delegate(p->m, number, p->args, p->l->n);
    }
    dlx__buf_release(&payload);
    return r;
}

static void outputs(pass *p)
{
    dlx__pte_output(p->m, p->logits);
    for (size_t i = 0; i < 2 * p->s->model->hp.n_layers && p->s->opts->cache == DLX__EXPORT_IO; i++)
        dlx__pte_output(p->m, p->fresh[i]);
}

/* ---- the method ---------------------------------------------------------------------------- */

static dlx_result open_lists(pass *p, dlx_error *err)
{
    dlx__arena *arena = &p->s->program->arena;
    const size_t n_kv = 2 * p->s->model->hp.n_layers;
    p->args = dlx__arena_alloc(arena, p->l->n, sizeof *p->args);
    p->cache = dlx__arena_alloc(arena, n_kv, sizeof *p->cache);
    p->fresh = dlx__arena_alloc(arena, n_kv, sizeof *p->fresh);
    return p->args && p->cache && p->fresh
               ? DLX_OK
               : dlx__fail_memory(err, "building a method", p->l->n * sizeof *p->args);
}

dlx_result dlx__pte_add_pass(dlx__pte_shared *s, const dlx__lowered *l, bool masked, dlx_error *err)
{
    const dlx__graph *g = &s->model->graph;
    pass p = {.s = s,
              .l = l,
              .m = dlx__pte_add_method(s->program, masked ? "forward_masked" : "forward"),
              .masked = masked,
              .T = s->opts->n_rows,
              .S = s->opts->n_ctx,
              .d = g->n_embd,
              .c = g->head_dim,
              .kv = g->n_heads_kv};
    DLX__TRY(open_lists(&p, err));
    inputs(&p);
    constants(&p);
    embed(&p);
    turn(&p);
    for (size_t i = 0; i < 2 * g->n_layers && s->opts->cache == DLX__EXPORT_STATE; i++)
        add_cache(&p, i);
    DLX__TRY(delegate(&p, err));
    if (s->opts->cache == DLX__EXPORT_STATE)
        keep(&p);
    outputs(&p);
    return DLX_OK;
}
