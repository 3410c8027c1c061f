/*
 * cpu_backend.c - the cpu backend: opening, closing and the memory it takes. Weights are packed
 * once a model (cpu_weights.c); all else is one block whose size is known before it is allocated.
 */
#include "backends/cpu/describe.h"
#include "backends/cpu/session.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Hands out parts of a block; with base NULL it only counts. */
typedef struct carver {
    uint8_t *base;
    size_t used;
} carver;

static void *carve(carver *c, size_t n, size_t size)
{
    size_t at = c->used;
    c->used = dlx__add(at, dlx__align(dlx__mul(n, size), 64));
    return c->base ? c->base + at : NULL;
}

static float *floats(carver *c, size_t n_rows, size_t n_features)
{
    return carve(c, dlx__mul(n_rows, n_features), sizeof(float));
}

/* How products read a buffer's rows, beside as numbers. */
typedef struct twins {
    bool ints, halves;
} twins;

static void carve_twins(carver *c, dlx__acts *a, const dlx__kernels *kernels, twins wanted)
{
    a->ints = wanted.ints ? carve(c, kernels->ints_bytes(a->n_in, a->n_rows), 1) : NULL;
    a->halves = wanted.halves ? carve(c, kernels->halves_bytes(a->n_in, a->n_rows), 1) : NULL;
}

/* Room for n_rows rows and for their twins. Rows begin on cache lines, an odd number of them apart,
 * lest all rows fall into the same sets of the cache. */
static dlx__acts acts(carver *c, const dlx__kernels *kernels, size_t n_rows, size_t n_in,
                      twins wanted)
{
    dlx__acts a = {.n_in = n_in, .n_rows = n_rows};
    a.stride = dlx__align(n_in, 16);
    a.stride += a.stride / 16 % 2 == 0 ? 16 : 0;
    a.x = floats(c, n_rows, a.stride);
    carve_twins(c, &a, kernels, wanted);
    return a;
}

/* Floats of a thread's buffer: the outputs of each kind of unit, q and the result of a pack of
 * heads, a row of the other stream. */
static size_t buffer_floats(const dlx__cpu_shape *s, size_t n_tile)
{
    size_t head = dlx__align(s->head_dim, DLX__PANEL) + DLX__PANEL;
    size_t columns = dlx__max(head, dlx__max(DLX__CPU_STEP, DLX__CPU_RUN));
    columns = dlx__max(columns, 2 * DLX__SPAN);
    size_t pack = dlx__mul(2 * DLX__LANES, s->head_dim);
    return dlx__max(dlx__max(dlx__mul(n_tile, columns), pack), s->n_embd);
}

/* How some product reads each of the buffers. */
typedef struct readers {
    twins h, q, ff;
} readers;

static void note_reader(twins *to, dlx__form form, bool int8_rows, bool halves)
{
    to->ints |= dlx__form_is_int(form) && int8_rows;
    to->halves |= halves && form == DLX__FORM_BF16;
}

static readers find_readers(const dlx__graph *g, const dlx__backend_opts *o,
                            const dlx__kernels *kernels)
{
    const bool halves = o->bf16 && kernels->halve;
    const bool int8_rows = dlx__scheme_is_int8(dlx__cpu_scheme(o));
    readers found = {0};
    for (size_t i = 0; i < g->n; i++) {
        const dlx__node *node = &g->nodes[i];
        if (node->op != DLX__OP_LINEAR)
            continue;
        const dlx__form form = o->int8 ? DLX__FORM_I8 : dlx__form_of(node->weight->dtype);
        const dlx__op from = g->nodes[node->in[0]].op;
        if (from == DLX__OP_RMSNORM)
            note_reader(&found.h, form, int8_rows, halves);
        else if (from == DLX__OP_MERGE_HEADS)
            note_reader(&found.q, form, int8_rows, halves);
        else if (from == DLX__OP_SILU_MUL)
            note_reader(&found.ff, form, int8_rows, halves);
    }
    return found;
}

/* Lays the session out behind `base` (NULL: only counts) and returns its bytes. */
static size_t arrange(dlx__backend *b, const readers *found, uint8_t *base)
{
    const dlx__cpu_shape *s = &b->shape;
    carver c = {.base = base};
    size_t n_tile = dlx__min(b->n_rows, DLX__CPU_TILE);
    size_t n_private = dlx__min(n_tile, DLX__CPU_PRIVATE);
    for (int i = 0; i < b->n_streams; i++)
        b->x[i] = floats(&c, b->n_rows, s->n_embd);
    b->cosine = floats(&c, b->n_rows, s->head_dim / 2);
    b->sine = floats(&c, b->n_rows, s->head_dim / 2);
    b->frequency = floats(&c, 1, s->head_dim / 2);
    b->h = acts(&c, b->kernels, n_tile, s->n_embd, found->h);
    b->q = acts(&c, b->kernels, n_tile, dlx__mul(s->n_heads, s->head_dim), found->q);
    b->ff = acts(&c, b->kernels, n_tile, s->n_ff, found->ff);
    b->stats =
        carve(&c, dlx__mul(dlx__cpu_vocab_tiles(s->n_vocab), DLX__CPU_TILE), sizeof *b->stats);
    b->threads = carve(&c, (size_t)b->n_threads, sizeof *b->threads);
    for (int i = 0; i < b->n_threads; i++) {
        dlx__cpu_thread t = {.h = acts(&c, b->kernels, n_private, s->n_embd, found->h)};
        t.q = (dlx__acts){.n_in = b->q.n_in, .n_rows = n_private};
        if (!dlx__cpu_attend_rounds(b))
            carve_twins(&c, &t.q, b->kernels, found->q);
        t.buffer = floats(&c, 1, buffer_floats(s, n_tile));
        if (base)
            b->threads[i] = t;
    }
    return c.used;
}

static void describe(dlx__backend *b, const dlx__model *m, const dlx__backend_opts *o,
                     const dlx__kernels *kernels, int n_threads)
{
    *b = (dlx__backend){.mem = o->mem,
                        .kernels = kernels,
                        .n_ctx = o->n_ctx,
                        .n_rows = dlx__min(o->n_rows, o->n_ctx),
                        .n_streams = o->n_streams,
                        .n_threads = n_threads,
                        .pairs = dlx__cpu_pairs(o, kernels),
                        .scheme = dlx__cpu_scheme(o)};
    dlx__cpu_measure(&b->shape, &m->graph);
}

/* NULL: the name is none of this processor's. */
static const dlx__kernels *kernels_of(const dlx__backend_opts *o)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    return dlx__kernels_find(o->kernels, &cpu);
}

static dlx_result refuse_kernels(const char *name, dlx_error *err)
{
    char list[128] = "";
    size_t n = 0;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *const *tables = dlx__kernels_list();
    for (size_t i = 0; tables[i] && n < sizeof list; i++)
        if (tables[i]->runs_on(&cpu))
            n +=
                (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", tables[i]->name);
    return dlx__fail(err, DLX_E_ARG, "kernels: expected one of %s on this processor, found %s",
                     list, name);
}

/* The stacks and the record of the threads are not counted. */
static dlx__backend_plan plan(const dlx__model *m, const dlx__backend_opts *o)
{
    dlx__backend b;
    const dlx__kernels *kernels = kernels_of(o);
    if (!kernels) /* load says so */
        return (dlx__backend_plan){0};
    const readers found = find_readers(&m->graph, o, kernels);
    describe(&b, m, o, kernels, o->n_threads > 0 ? o->n_threads : dlx__os_n_fast_cores());
    const size_t kv = dlx__kv_bytes(b.shape.n_layers, b.shape.n_heads_kv, b.n_ctx, b.shape.head_dim,
                                    dlx__cpu_kv_type(o, kernels));
    return (dlx__backend_plan){
        .packed =
            dlx__add(dlx__cpu_panel_bytes(m, b.kernels, o->int8), dlx__cpu_program_bytes(&b.shape)),
        .kv = dlx__mul((size_t)o->n_streams, kv),
        .scratch = dlx__add(sizeof b, arrange(&b, &found, NULL)),
    };
}

static dlx_result check_opts(const dlx__model *m, const dlx__backend_opts *o, dlx_error *err)
{
    if (o->n_ctx == 0 || o->n_ctx > INT32_MAX || o->n_rows == 0)
        return dlx__fail(err, DLX_E_ARG,
                         "cpu backend: expected a context of 1 to %ld slots and at least one row a "
                         "step, found %zu slots and %zu rows",
                         (long)INT32_MAX, o->n_ctx, o->n_rows);
    if (o->n_streams < 1 || o->n_streams > DLX__CPU_STREAMS)
        return dlx__fail(err, DLX_E_ARG, "cpu backend: expected 1 or 2 streams, found %d",
                         o->n_streams);
    if (m->graph.n_vocab > INT32_MAX)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "cpu backend: a head of %zu rows has more ids than a token can name",
                         m->graph.n_vocab);
    return DLX_OK;
}

static void close_backend(dlx__backend *b)
{
    if (!b)
        return;
    for (int i = 0; i < DLX__CPU_STREAMS; i++)
        if (b->kv[i].data)
            dlx__kv_release(&b->kv[i]);
    dlx__free_aligned(b->mem, b->block);
    dlx__cpu_weights_close(b->weights);
    dlx__pool_free(b->pool);
    dlx__free(b->mem, b);
}

/* theta^(-2i/c) in float32, as the references build their tables. */
static void fill_frequencies(dlx__backend *b)
{
    size_t c = b->shape.head_dim;
    for (size_t i = 0; i < c / 2; i++)
        b->frequency[i] = (float)pow(b->program->theta, -2.0 * (double)i / (double)c);
}

static dlx_result open_parts(dlx__backend *b, const dlx__model *m, const dlx__backend_opts *o,
                             dlx_error *err)
{
    DLX__TRY(dlx__cpu_weights_open(&b->weights, m, b->kernels, o->int8, b->pool, b->mem, err));
    b->program = &b->weights->program;
    const readers found = find_readers(&m->graph, o, b->kernels);
    size_t n_bytes = arrange(b, &found, NULL);
    b->block = dlx__alloc_aligned(b->mem, n_bytes);
    if (!b->block)
        return dlx__fail_memory(err, "opening the cpu backend; fewer rows a step need less",
                                n_bytes);
    arrange(b, &found, b->block);
    fill_frequencies(b);
    for (int i = 0; i < b->n_streams; i++)
        DLX__TRY(dlx__kv_open(&b->kv[i], b->shape.n_layers, b->shape.n_heads_kv, b->n_ctx,
                              b->shape.head_dim, dlx__cpu_kv_type(o, b->kernels), b->mem, err));
    return DLX_OK;
}

dlx_result dlx__cpu_open(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         const dlx__kernels *kernels, dlx_error *err)
{
    *out = NULL;
    DLX__TRY(check_opts(m, o, err));
    DLX__TRY(dlx__scheme_check(o->scheme, &m->graph, err));
    dlx__backend *b = dlx__alloc(o->mem, sizeof *b);
    if (!b)
        return dlx__fail_memory(err, "opening the cpu backend", sizeof *b);
    dlx__pool *pool;
    dlx_result r = dlx__pool_open(&pool, o->n_threads, o->mem, err);
    if (r != DLX_OK) {
        dlx__free(o->mem, b);
        return r;
    }
    describe(b, m, o, kernels, dlx__pool_size(pool));
    b->pool = pool;
    r = open_parts(b, m, o, err);
    if (r != DLX_OK)
        close_backend(b);
    else
        *out = b;
    return r;
}

static dlx_result load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                       dlx_error *err)
{
    *out = NULL;
    const dlx__kernels *kernels = kernels_of(o);
    if (!kernels)
        return refuse_kernels(o->kernels, err);
    return dlx__cpu_open(out, m, o, kernels, err);
}

static dlx_result probe(dlx_error *err)
{
    (void)err; /* the scalar kernels run everywhere */
    return DLX_OK;
}

const dlx__backend_class dlx__backend_cpu = {
    .name = "cpu",
    .about = "this processor, all fast cores, vector kernels; float32, bf16 or int8 activations",
    .scheme = DLX__SCHEME_DYNAMIC,
    .kv_types = DLX__ALL_KV_TYPES,
    .probe = probe,
    .plan = plan,
    .describe = dlx__cpu_describe,
    .load = load,
    .step = dlx__cpu_step,
    .head = dlx__cpu_head,
    .close = close_backend,
};
