/*
 * cpu_backend.c - the cpu backend: opening, closing and the memory it takes. Weights are used where
 * the checkpoint maps them; all else is one block whose size is known before it is allocated.
 */
#include "backends/cpu/session.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <math.h>
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

static float *floats(carver *c, size_t n_features, size_t n_rows)
{
    return carve(c, dlx__mul(n_features, dlx__align(n_rows, DLX__LANE_STEP)), sizeof(float));
}

/* A thread's own numbers: an embedding row, or q and the result of a pack of heads, or two panels.
 */
static size_t scratch_floats(const dlx__cpu_shape *s)
{
    size_t pack = dlx__mul(2 * DLX__LANES, s->head_dim);
    size_t panels = (size_t)2 * DLX__LANES * DLX__CPU_PANEL;
    return dlx__align(dlx__max(s->n_embd, dlx__max(pack, panels)), 64);
}

/* Lays the session out behind `base` (NULL: only counts) and returns its bytes. */
static size_t arrange(dlx__backend *b, uint8_t *base)
{
    const dlx__cpu_shape *s = &b->shape;
    carver c = {.base = base};
    size_t n_tile = dlx__min(b->n_rows, DLX__CPU_TILE);
    b->program.layers = carve(&c, s->n_layers, sizeof *b->program.layers);
    b->vectors = carve(&c, s->n_vectors, sizeof(float));
    for (int i = 0; i < b->n_streams; i++)
        b->x[i] = floats(&c, s->n_embd, b->n_rows);
    b->cosine = floats(&c, s->head_dim / 2, b->n_rows);
    b->sine = floats(&c, s->head_dim / 2, b->n_rows);
    b->frequency = carve(&c, s->head_dim / 2, sizeof(float));
    b->h = floats(&c, s->n_embd, n_tile);
    b->h2 = b->n_streams > 1 ? floats(&c, s->n_embd, n_tile) : NULL;
    b->q = floats(&c, dlx__mul(s->n_heads, s->head_dim), n_tile);
    b->k = floats(&c, dlx__mul(s->n_heads_kv, s->head_dim), n_tile);
    b->v = floats(&c, dlx__mul(s->n_heads_kv, s->head_dim), n_tile);
    b->ff = floats(&c, s->n_ff, n_tile);
    b->stats = carve(&c, dlx__mul(dlx__cpu_vocab_tiles(s->n_vocab), dlx__cpu_chunks(n_tile)),
                     sizeof *b->stats);
    b->n_scratch = scratch_floats(s);
    b->scratch = carve(&c, dlx__mul((size_t)b->n_threads, b->n_scratch), sizeof(float));
    return c.used;
}

static void describe(dlx__backend *b, const dlx__model *m, const dlx__backend_opts *o,
                     int n_threads)
{
    *b = (dlx__backend){.mem = o->mem,
                        .n_ctx = o->n_ctx,
                        .n_rows = dlx__min(o->n_rows, o->n_ctx),
                        .n_streams = o->n_streams,
                        .n_threads = n_threads};
    dlx__cpu_measure(&b->shape, &m->graph);
}

static size_t kv_bytes(const dlx__backend *b)
{
    return dlx__kv_bytes(b->shape.n_layers, b->shape.n_heads_kv, b->n_ctx, b->shape.head_dim);
}

/* The stacks and the record of the threads are not counted. */
static size_t plan(const dlx__model *m, const dlx__backend_opts *o)
{
    dlx__backend b;
    describe(&b, m, o, o->n_threads > 0 ? o->n_threads : dlx__os_n_fast_cores());
    size_t kv = dlx__mul((size_t)o->n_streams, kv_bytes(&b));
    return dlx__add(sizeof b, dlx__add(arrange(&b, NULL), kv));
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
    dlx__pool_free(b->pool);
    dlx__free(b->mem, b);
}

/* theta^(-2i/c) in float32, as the references build their tables. */
static void fill_frequencies(dlx__backend *b)
{
    size_t c = b->shape.head_dim;
    for (size_t i = 0; i < c / 2; i++)
        b->frequency[i] = (float)pow(b->program.theta, -2.0 * (double)i / (double)c);
}

static dlx_result open_parts(dlx__backend *b, const dlx__model *m, dlx_error *err)
{
    size_t n_bytes = arrange(b, NULL);
    b->block = dlx__alloc_aligned(b->mem, n_bytes);
    if (!b->block)
        return dlx__fail_memory(err, "opening the cpu backend; fewer rows a step need less",
                                n_bytes);
    /* Zeroed, so that lanes without a row hold harmless numbers. */
    memset(b->block, 0, n_bytes);
    arrange(b, b->block);
    DLX__TRY(dlx__cpu_compile(&b->program, b->program.layers, b->vectors, &m->graph, err));
    fill_frequencies(b);
    for (int i = 0; i < b->n_streams; i++)
        DLX__TRY(dlx__kv_open(&b->kv[i], b->shape.n_layers, b->shape.n_heads_kv, b->n_ctx,
                              b->shape.head_dim, b->mem, err));
    return DLX_OK;
}

dlx_result dlx__cpu_open(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         const dlx__kernels *kernels, dlx_error *err)
{
    *out = NULL;
    DLX__TRY(check_opts(m, o, err));
    dlx__backend *b = dlx__alloc(o->mem, sizeof *b);
    if (!b)
        return dlx__fail_memory(err, "opening the cpu backend", sizeof *b);
    dlx__pool *pool;
    dlx_result r = dlx__pool_open(&pool, o->n_threads, o->mem, err);
    if (r != DLX_OK) {
        dlx__free(o->mem, b);
        return r;
    }
    describe(b, m, o, dlx__pool_size(pool));
    b->pool = pool;
    b->kernels = kernels;
    r = open_parts(b, m, err);
    if (r != DLX_OK)
        close_backend(b);
    else
        *out = b;
    return r;
}

static dlx_result load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                       dlx_error *err)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    return dlx__cpu_open(out, m, o, dlx__kernels_best(&cpu), err);
}

static dlx_result probe(dlx_error *err)
{
    (void)err; /* the scalar kernels run everywhere */
    return DLX_OK;
}

const dlx__backend_class dlx__backend_cpu = {
    .name = "cpu",
    .about = "this processor, all fast cores, vector kernels; float32 activations",
    .probe = probe,
    .plan = plan,
    .load = load,
    .step = dlx__cpu_step,
    .head = dlx__cpu_head,
    .close = close_backend,
};
