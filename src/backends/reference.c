/*
 * reference.c - the truth: the model's graph interpreted node by node in scalar float32. It
 * shares nothing with the fast code but the headers, and is written to be read, not to be quick.
 * Values live in slots that are taken again once their last reader is done.
 */
#include "backends/reference.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

enum { MAX_STREAMS = 2 };

/* Where each value lives. */
typedef struct layout {
    uint32_t *slot_of; /* [n nodes] */
    size_t *slot_cols; /* [n_slots], heads times cols of the widest value in it */
    size_t n_slots;
    size_t widest; /* the longest row of any weight or value */
} layout;

struct dlx__backend {
    const dlx__model *model;
    dlx__backend_opts opts;
    dlx__arena arena;
    layout layout;
    float **slots;              /* [n_slots], each [n_rows, slot_cols] */
    float *row;                 /* [widest]: one row of a weight */
    float *logits[MAX_STREAMS]; /* [n_vocab]: one row of the head */
    double *scores;             /* [n_ctx]: one row of attention; then [head_dim]: its sums */
    float *rounded;             /* [n_rows, widest]: inputs of a product, rounded; NULL: never */
    int8_t *levels;             /* [widest]: one row of a weight; NULL: no product is of int8 */
    dlx__static_product *static_products; /* [n nodes] of the linear ones; NULL likewise */
    dlx__kv_cache kv[MAX_STREAMS];
    float *hidden[MAX_STREAMS];      /* [n_rows, n_embd]: what the head reads */
    dlx__row_span read[MAX_STREAMS]; /* of the last step */
};

static size_t value_cols(const dlx__node *node)
{
    return node->n_heads * node->n_cols;
}

/* Assigns slots in node order; `last` [n] is the last reader of each value. */
static void assign_slots(layout *l, const dlx__graph *g, const size_t *last, bool *busy)
{
    for (size_t i = 0; i < g->logits; i++) {
        size_t s = 0;
        while (s < l->n_slots && busy[s])
            s++;
        l->n_slots = dlx__max(l->n_slots, s + 1);
        l->slot_of[i] = (uint32_t)s;
        l->slot_cols[s] = dlx__max(l->slot_cols[s], value_cols(&g->nodes[i]));
        busy[s] = true;
        for (int j = 0; j < dlx__op_n_inputs(g->nodes[i].op); j++)
            if (last[g->nodes[i].in[j]] == i)
                busy[l->slot_of[g->nodes[i].in[j]]] = false;
    }
}

static bool make_layout(layout *l, const dlx__graph *g, dlx__arena *arena)
{
    *l = (layout){.slot_of = dlx__arena_alloc(arena, g->n, sizeof *l->slot_of),
                  .slot_cols = dlx__arena_alloc(arena, g->n, sizeof *l->slot_cols)};
    size_t *last = dlx__arena_alloc(arena, g->n, sizeof *last);
    bool *busy = dlx__arena_alloc(arena, g->n, sizeof *busy);
    if (!l->slot_of || !l->slot_cols || !last || !busy)
        return false;
    for (size_t i = 0; i < g->n; i++) {
        const dlx__node *node = &g->nodes[i];
        for (int j = 0; j < dlx__op_n_inputs(node->op); j++)
            last[node->in[j]] = i;
        l->widest = dlx__max(l->widest, value_cols(node));
        if (node->weight)
            l->widest = dlx__max(l->widest, node->weight->shape[node->weight->n_dims - 1]);
    }
    assign_slots(l, g, last, busy);
    return true;
}

static dlx__kv_type kv_type_of(const dlx__backend_opts *o)
{
    return o->kv_type == DLX__KV_NONE ? DLX__KV_F32 : o->kv_type;
}

static size_t kv_bytes(const dlx__model *m, const dlx__backend_opts *o)
{
    size_t kv = dlx__kv_bytes(m->graph.n_layers, m->graph.n_heads_kv, o->n_ctx, m->graph.head_dim,
                              kv_type_of(o));
    return dlx__mul((size_t)o->n_streams, kv);
}

static bool rounds(const dlx__backend_opts *o)
{
    return o->scheme != DLX__SCHEME_NONE && o->scheme != DLX__SCHEME_WEIGHT_ONLY;
}

/* Is this product one of int8 throughout? */
static bool is_static(const dlx__backend_opts *o, const dlx__graph *g, size_t index)
{
    return o->scheme == DLX__SCHEME_STATIC_AFFINE && g->nodes[index].op == DLX__OP_LINEAR &&
           index != g->logits;
}

/* What these products take. */
static size_t static_bytes(const dlx__model *m, const dlx__backend_opts *o, size_t widest)
{
    const dlx__graph *g = &m->graph;
    size_t n_bytes = 0;
    for (size_t i = 0; i < g->n; i++)
        if (is_static(o, g, i))
            n_bytes = dlx__add(n_bytes, dlx__static_product_bytes(&g->nodes[i]));
    if (n_bytes > 0)
        n_bytes = dlx__add(dlx__add(n_bytes, widest), dlx__mul(g->n, sizeof(dlx__static_product)));
    return n_bytes;
}

/* Bytes of the number arrays. */
static size_t buffer_bytes(const dlx__model *m, const dlx__backend_opts *o, const layout *l)
{
    size_t cols = 0;
    for (size_t s = 0; s < l->n_slots; s++)
        cols = dlx__add(cols, l->slot_cols[s]);
    size_t n_streams = (size_t)o->n_streams;
    size_t floats = dlx__add(dlx__mul(cols, o->n_rows), l->widest);
    floats = dlx__add(floats, dlx__mul(n_streams, dlx__mul(o->n_rows, m->graph.n_embd)));
    floats = dlx__add(floats, dlx__mul(n_streams, m->graph.n_vocab));
    if (rounds(o))
        floats = dlx__add(floats, dlx__mul(o->n_rows, l->widest));
    const size_t doubles = dlx__add(o->n_ctx, m->graph.head_dim);
    const size_t n_bytes =
        dlx__add(dlx__mul(floats, sizeof(float)), dlx__mul(doubles, sizeof(double)));
    return dlx__add(n_bytes, static_bytes(m, o, l->widest));
}

/* A tied head's table is counted once. */
static size_t mapped_bytes(const dlx__graph *g)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < g->n; i++) {
        const dlx__node *node = &g->nodes[i];
        const bool tied = i == g->logits && node->weight == g->nodes[g->embedded].weight;
        if (node->weight && !tied)
            n_bytes = dlx__add(n_bytes, node->weight->n_bytes);
        if (node->bias)
            n_bytes = dlx__add(n_bytes, node->bias->n_bytes);
    }
    return n_bytes;
}

static dlx__backend_plan plan(const dlx__model *m, const dlx__backend_opts *o)
{
    dlx__arena arena;
    layout l;
    dlx__arena_init(&arena, o->mem);
    dlx__backend_plan p = {.mapped = mapped_bytes(&m->graph), .kv = kv_bytes(m, o)};
    p.scratch = make_layout(&l, &m->graph, &arena) ? dlx__add(buffer_bytes(m, o, &l), arena.n_bytes)
                                                   : SIZE_MAX;
    dlx__arena_release(&arena);
    return p;
}

static dlx_result probe(dlx_error *err)
{
    (void)err;
    return DLX_OK;
}

static void close_backend(dlx__backend *b)
{
    if (!b)
        return;
    const dlx_allocator *mem = b->opts.mem;
    for (size_t s = 0; b->slots && s < b->layout.n_slots; s++)
        dlx__free_aligned(mem, b->slots[s]);
    for (size_t s = 0; s < MAX_STREAMS; s++) {
        dlx__free_aligned(mem, b->hidden[s]);
        dlx__free_aligned(mem, b->logits[s]);
        dlx__kv_release(&b->kv[s]);
    }
    dlx__free_aligned(mem, b->row);
    dlx__free_aligned(mem, b->scores);
    dlx__free_aligned(mem, b->rounded);
    dlx__free_aligned(mem, b->levels);
    dlx__arena_release(&b->arena);
    dlx__free(mem, b);
}

/* An aligned array of n * size bytes, or a failure that names the whole need. */
static dlx_result take(void **out, const dlx__backend *b, size_t n, size_t size, dlx_error *err)
{
    *out = dlx__alloc_aligned(b->opts.mem, dlx__mul(n, size));
    if (*out)
        return DLX_OK;
    return dlx__fail_memory(err,
                            "making room for a pass; fewer rows or a shorter context need less",
                            buffer_bytes(b->model, &b->opts, &b->layout));
}

static dlx_result take_floats(float **out, const dlx__backend *b, size_t n, dlx_error *err)
{
    void *p = NULL;
    DLX__TRY(take(&p, b, n, sizeof **out, err));
    *out = p;
    return DLX_OK;
}

static dlx_result take_static_products(dlx__backend *b, dlx_error *err)
{
    const dlx__graph *g = &b->model->graph;
    void *levels = NULL;
    if (b->opts.scheme != DLX__SCHEME_STATIC_AFFINE)
        return DLX_OK;
    DLX__TRY(take(&levels, b, b->layout.widest, sizeof *b->levels, err));
    b->levels = levels;
    b->static_products = dlx__arena_alloc(&b->arena, g->n, sizeof *b->static_products);
    if (!b->static_products)
        return dlx__fail_memory(err, "preparing int8 products", g->n * sizeof *b->static_products);
    for (size_t i = 0; i < g->n; i++)
        if (is_static(&b->opts, g, i))
            DLX__TRY(dlx__static_product_make(&b->static_products[i], &g->nodes[i], true, &b->arena,
                                              err));
    return DLX_OK;
}

static dlx_result take_buffers(dlx__backend *b, dlx_error *err)
{
    const dlx__graph *g = &b->model->graph;
    size_t n_rows = b->opts.n_rows;
    b->slots = dlx__arena_alloc(&b->arena, b->layout.n_slots, sizeof *b->slots);
    if (!b->slots)
        return dlx__fail_memory(err, "making room for a pass",
                                b->layout.n_slots * sizeof *b->slots);
    for (size_t s = 0; s < b->layout.n_slots; s++)
        DLX__TRY(take_floats(&b->slots[s], b, dlx__mul(n_rows, b->layout.slot_cols[s]), err));
    for (int s = 0; s < b->opts.n_streams; s++) {
        DLX__TRY(take_floats(&b->hidden[s], b, dlx__mul(n_rows, g->n_embd), err));
        DLX__TRY(take_floats(&b->logits[s], b, g->n_vocab, err));
        DLX__TRY(dlx__kv_open(&b->kv[s], g->n_layers, g->n_heads_kv, b->opts.n_ctx, g->head_dim,
                              kv_type_of(&b->opts), b->opts.mem, err));
    }
    DLX__TRY(take_floats(&b->row, b, b->layout.widest, err));
    void *scores = NULL;
    const size_t n_scores = dlx__add(b->opts.n_ctx, g->head_dim);
    DLX__TRY(take(&scores, b, n_scores, sizeof *b->scores, err));
    b->scores = scores;
    if (rounds(&b->opts))
        DLX__TRY(take_floats(&b->rounded, b, dlx__mul(n_rows, b->layout.widest), err));
    return take_static_products(b, err);
}

static dlx_result check_opts(const dlx__model *m, const dlx__backend_opts *o, dlx_error *err)
{
    if (!m->has_weights)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected a model with its weights, found one opened for its shapes "
                         "only; fetch the whole checkpoint",
                         m->checkpoint.path);
    if (o->n_ctx == 0 || o->n_rows == 0 || o->n_streams < 1 || o->n_streams > MAX_STREAMS)
        return dlx__fail(err, DLX_E_ARG,
                         "expected a context and rows above 0 and 1 or 2 streams, found %zu, %zu "
                         "and %d; correct the options",
                         o->n_ctx, o->n_rows, o->n_streams);
    return DLX_OK;
}

static dlx_result load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                       dlx_error *err)
{
    *out = NULL;
    DLX__TRY(check_opts(m, o, err));
    DLX__TRY(dlx__scheme_check(o->scheme, &m->graph, err));
    dlx__backend *b = dlx__alloc_zero(o->mem, 1, sizeof *b);
    if (!b)
        return dlx__fail_memory(err, "loading the reference backend", sizeof *b);
    b->model = m;
    b->opts = *o;
    dlx__arena_init(&b->arena, o->mem);
    dlx_result r = make_layout(&b->layout, &m->graph, &b->arena)
                       ? take_buffers(b, err)
                       : dlx__fail_memory(err, "planning a pass", m->graph.n * sizeof(size_t));
    if (r != DLX_OK) {
        close_backend(b);
        return r;
    }
    *out = b;
    return DLX_OK;
}

static dlx_result check_step(const dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    if (in->stream < 0 || in->stream >= b->opts.n_streams)
        return dlx__fail(err, DLX_E_ARG, "expected a stream below %d, found %d; open more streams",
                         b->opts.n_streams, in->stream);
    if (in->n == 0 || in->n > b->opts.n_rows || in->n_keep > in->n)
        return dlx__fail(err, DLX_E_ARG,
                         "expected a pass of 1 to %zu rows that keeps no more than it has, found "
                         "%zu rows of which %zu are kept; open the backend for more rows",
                         b->opts.n_rows, in->n, in->n_keep);
    if (dlx__add(in->start, in->n) > b->opts.n_ctx)
        return dlx__fail(err, DLX_E_FULL,
                         "expected positions below the context of %zu, found a pass from %zu of "
                         "%zu rows; open a longer context",
                         b->opts.n_ctx, in->start, in->n);
    if (in->start > in->n_kv || in->n_kv > b->kv[in->stream].n_kept)
        return dlx__fail(err, DLX_E_ARG,
                         "expected a pass to start inside the kept keys and values, found a start "
                         "at %zu, %zu visible and %zu kept; commit the positions before",
                         in->start, in->n_kv, b->kv[in->stream].n_kept);
    if (!dlx__unread_fit(in))
        return dlx__fail(err, DLX_E_ARG,
                         "expected no more unread rows than the pass has, found %zu and %zu of %zu",
                         in->n_unread, in->n_unread_end, in->n);
    if (in->visibility == DLX__VISIBLE_BLOCK_CAUSAL && in->block == 0)
        return dlx__fail(err, DLX_E_ARG, "expected a block width above 0, found 0; name the width");
    size_t n_rows_vocab = b->model->hp.n_rows_vocab;
    for (size_t i = 0; i < in->n; i++)
        if (in->ids[i] < 0 || (size_t)in->ids[i] >= n_rows_vocab)
            return dlx__fail(err, DLX_E_ARG,
                             "expected token ids below %zu, found %d at position %zu; use the "
                             "tokenizer of this model",
                             n_rows_vocab, (int)in->ids[i], in->start + i);
    return DLX_OK;
}

static bool is_float(dlx__dtype dtype)
{
    return dtype == DLX__F32 || dtype == DLX__F16 || dtype == DLX__BF16;
}

/* Is this node the first of the linear ones that read its input? */
static bool reads_first(const dlx__graph *g, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (g->nodes[i].op == DLX__OP_LINEAR && g->nodes[i].in[0] == g->nodes[index].in[0])
            return false;
    return true;
}

/* dst [n, out] = the linear node number `index` of x [n, in]. */
static void linear(dlx__backend *b, float *dst, const float *x, size_t index, size_t n)
{
    const dlx__node *node = &b->model->graph.nodes[index];
    const size_t in = node->weight->shape[1];
    if (is_static(&b->opts, &b->model->graph, index)) {
        dlx__ref_static_product(dst, x, node, &b->static_products[index], n, b->rounded, b->row,
                                b->levels);
        return;
    }
    const bool int8 = b->opts.int8 && is_float(node->weight->dtype);
    const bool integers = int8 || !is_float(node->weight->dtype);
    if (b->rounded && (integers || dlx__scheme_is_for_all(b->opts.scheme))) {
        for (size_t i = 0; i < n; i++)
            dlx__ref_round(b->rounded + i * in, x + i * in, in, b->opts.scheme, node->in_largest);
        x = b->rounded;
    }
    dlx__ref_linear(dst, x, node->weight, node->bias, n, int8, b->row);
}

static void run_node(dlx__backend *b, const dlx__step *in, size_t index)
{
    const dlx__node *node = &b->model->graph.nodes[index];
    float *dst = b->slots[b->layout.slot_of[index]];           /* [n, heads, cols] */
    const float *x = b->slots[b->layout.slot_of[node->in[0]]]; /* the first input */
    const float *y = b->slots[b->layout.slot_of[node->in[1]]]; /* the second, where there is one */
    size_t elems = in->n * value_cols(node);
    switch (node->op) {
    case DLX__OP_EMBED:
        dlx__ref_embed(dst, node->weight, in->ids, in->n);
        break;
    case DLX__OP_LINEAR:
        if (in->observe && reads_first(&b->model->graph, index))
            in->observe(in->observe_user, node->weight, x, node->weight->shape[1], in->n,
                        node->weight->shape[1]);
        linear(b, dst, x, index, in->n);
        if (in->observe_out)
            in->observe_out(in->observe_user, node->weight, dst, node->n_cols, in->n, node->n_cols);
        break;
    case DLX__OP_RMSNORM:
        dlx__ref_rmsnorm(dst, x, node->weight, node->eps, in->n * node->n_heads, b->row);
        break;
    case DLX__OP_SPLIT_HEADS: /* the same numbers in the same order */
    case DLX__OP_MERGE_HEADS:
        memcpy(dst, x, elems * sizeof *dst);
        break;
    case DLX__OP_ROPE:
        dlx__ref_rope(dst, x, in->n, node->n_heads, node->n_cols, in->start, node->theta);
        break;
    case DLX__OP_ATTEND:
        dlx__kv_write(&b->kv[in->stream], (size_t)node->layer, in->start, in->n, y,
                      b->slots[b->layout.slot_of[node->in[2]]]);
        dlx__ref_attend(dst, x, &b->kv[in->stream], node, in, b->scores, b->scores + b->opts.n_ctx,
                        b->row);
        break;
    case DLX__OP_SILU_MUL:
        dlx__ref_silu_mul(dst, x, y, elems);
        break;
    case DLX__OP_ADD:
        dlx__ref_add(dst, x, y, elems);
        break;
    case DLX__N_OPS:
        break;
    }
}

/* Tells the tap, if this value is one it waits for. *layer counts the layers that are done. */
static void tell_tap(const dlx__backend *b, const dlx__step *in, size_t index, size_t *layer)
{
    const dlx__graph *g = &b->model->graph;
    const float *x = b->slots[b->layout.slot_of[index]]; /* [n, n_embd] */
    if (index == g->embedded)
        in->tap(in->tap_user, 0, x, in->n, g->n_embd);
    if (*layer < g->n_layers && index == g->layer_out[*layer])
        in->tap(in->tap_user, ++*layer, x, in->n, g->n_embd);
    if (index == g->hidden)
        in->tap(in->tap_user, g->n_layers + 1, x, in->n, g->n_embd);
}

/* The nodes in order. A pass that is stopped leaves no rows for the head. */
static dlx_result run_nodes(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    const dlx__graph *g = &b->model->graph;
    size_t layer = 0;
    for (size_t i = 0; i < g->logits; i++) {
        if (in->stop && in->stop(in->stop_user)) {
            dlx__kv_rewind(&b->kv[in->stream], in->start);
            b->read[in->stream] = (dlx__row_span){0};
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        }
        run_node(b, in, i);
        if (in->tap)
            tell_tap(b, in, i, &layer);
    }
    memcpy(b->hidden[in->stream], b->slots[b->layout.slot_of[g->hidden]],
           in->n * g->n_embd * sizeof(float));
    b->read[in->stream] = dlx__read_rows(in);
    return DLX_OK;
}

static dlx_result step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    DLX__TRY(check_step(b, in, err));
    DLX__TRY(run_nodes(b, in, err));
    /* Rows that are not to be kept have overwritten what was there. */
    dlx__kv_cache *kv = &b->kv[in->stream];
    if (in->n_keep < in->n)
        dlx__kv_rewind(kv, in->start + in->n_keep);
    dlx__kv_commit(kv, in->start + in->n_keep);
    return DLX_OK;
}

static dlx_result check_head(const dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    bool both = in->cfg_scale != 0.0f;
    int needed = both ? 1 : in->stream;
    if (in->stream < 0 || needed >= b->opts.n_streams)
        return dlx__fail(err, DLX_E_ARG,
                         "expected a head on one of %d streams, found stream %d; open more streams",
                         b->opts.n_streams, needed);
    for (size_t i = 0; i < in->n; i++)
        for (int s = both ? 0 : in->stream; s <= needed; s++)
            if (in->rows[i] < b->read[s].begin || in->rows[i] >= b->read[s].end)
                return dlx__fail(err, DLX_E_ARG,
                                 "expected rows [%zu, %zu) of the last pass on stream %d, found "
                                 "row %zu; run a pass first",
                                 b->read[s].begin, b->read[s].end, s, in->rows[i]);
    return DLX_OK;
}

/* One row of raw logits [n_vocab] of a stream. */
static void row_logits(dlx__backend *b, float *dst, int stream, size_t row)
{
    const dlx__graph *g = &b->model->graph;
    linear(b, dst, b->hidden[stream] + row * g->n_embd, g->logits, 1);
}

static dlx_result head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    DLX__TRY(check_head(b, in, err));
    size_t n_vocab = b->model->graph.n_vocab;
    bool guided = in->cfg_scale != 0.0f;
    for (size_t i = 0; i < in->n; i++) {
        float *c = b->logits[guided ? 0 : in->stream]; /* [n_vocab] */
        row_logits(b, c, guided ? 0 : in->stream, in->rows[i]);
        if (guided) {
            const float *u = b->logits[1]; /* [n_vocab] */
            row_logits(b, b->logits[1], 1, in->rows[i]);
            for (size_t v = 0; v < n_vocab; v++)
                c[v] = u[v] + (in->cfg_scale + 1.0f) * (c[v] - u[v]);
        }
        if (in->logits)
            memcpy(in->logits + i * n_vocab, c, n_vocab * sizeof *c);
        if (in->stats)
            dlx__ref_row_stat(&in->stats[i], c, n_vocab, in);
    }
    return DLX_OK;
}

const dlx__backend_class dlx__backend_reference = {
    .name = "reference",
    .plain = true,
    .kv_types = DLX__ALL_KV_TYPES,
    .about = "the model's graph in scalar float32: slow, the truth that others are tested against",
    .probe = probe,
    .plan = plan,
    .load = load,
    .step = step,
    .head = head,
    .close = close_backend,
};
