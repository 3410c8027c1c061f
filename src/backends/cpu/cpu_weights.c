/* cpu_weights.c - packing a model's matrices, and keeping the result with the model. */
#include "backends/cpu/cpu_weights.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

enum { SLAB_BYTES = 16 << 20 };

static dlx__form form_of(dlx__dtype dtype, bool int8)
{
    dlx__form form = dlx__form_of(dtype);
    return int8 && !dlx__form_is_int(form) ? DLX__FORM_I8 : form;
}

bool dlx__cpu_describe_panels(dlx__packed *w, const dlx__kernels *kernels, bool int8,
                              const dlx__tensor *t)
{
    *w = (dlx__packed){.form = form_of(t->dtype, int8), .n_out = t->shape[0], .n_in = t->shape[1]};
    w->n_panels = (w->n_out + DLX__PANEL - 1) / DLX__PANEL;
    w->panel_bytes = kernels->panel_bytes(w->form, w->n_in);
    return w->panel_bytes != SIZE_MAX;
}

size_t dlx__cpu_panel_bytes(const dlx__model *m, const dlx__kernels *kernels, bool int8)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < m->graph.n; i++) {
        const dlx__node *node = &m->graph.nodes[i];
        dlx__packed w;
        if (node->op != DLX__OP_LINEAR)
            continue;
        if (!dlx__cpu_describe_panels(&w, kernels, int8, node->weight))
            return SIZE_MAX;
        n_bytes = dlx__add(n_bytes, dlx__mul(w.n_panels, w.panel_bytes));
    }
    return n_bytes;
}

typedef struct packing {
    const dlx__kernels *kernels;
    const dlx__cpu_linear *linear;
    size_t begin, end; /* panels */
} packing;

static void pack_phase(void *arg, int thread, int n_threads)
{
    const packing *p = arg;
    const dlx__packed *w = &p->linear->w;
    size_t begin, end;
    dlx__pool_share(p->end - p->begin, 1, thread, n_threads, &begin, &end);
    for (size_t i = p->begin + begin; i < p->begin + end; i++)
        p->kernels->pack(dlx__cpu_panel(p->linear, i), w->form, &p->linear->stored, i);
}

/* A slab at a time, whose pages are given back before the next: of a head alone there may be a
 * gigabyte. The embedding is looked up where it is mapped; its rows come back as they are asked
 * for. */
static void pack_linear(const dlx__cpu_linear *linear, const dlx__model *m,
                        const dlx__kernels *kernels, dlx__pool *pool)
{
    const dlx__mat *from = &linear->stored;
    const size_t panel_bytes = dlx__mul(DLX__PANEL, dlx__max(from->row_bytes, (size_t)1));
    const size_t per_slab = dlx__max(SLAB_BYTES / panel_bytes, 1);
    for (size_t i = 0; i < linear->w.n_panels; i += per_slab) {
        packing p = {kernels, linear, i, dlx__min(i + per_slab, linear->w.n_panels)};
        dlx__pool_run(pool, pack_phase, &p);
        const size_t row = i * DLX__PANEL, end = dlx__min(p.end * DLX__PANEL, from->n_rows);
        dlx__model_drop_pages(m, from->data + row * from->row_bytes, (end - row) * from->row_bytes);
    }
}

static size_t bytes_of(const dlx__cpu_linear *linear)
{
    return linear->w.n_panels * linear->w.panel_bytes;
}

/* A span of outputs of gate, the same of up, the next of gate: as a pass reads them, so that they
 * are one stretch of memory. */
static void lay_in_each_other(dlx__cpu_linear *gate, dlx__cpu_linear *up)
{
    if (gate->w.n_panels != up->w.n_panels)
        return;
    gate->span_bytes = DLX__SPAN / DLX__PANEL * (gate->w.panel_bytes + up->w.panel_bytes);
    up->span_bytes = gate->span_bytes;
    up->before_bytes = gate->w.panel_bytes;
    up->w.data = gate->w.data;
}

/* In the order in which a pass reads them. */
static void lay_out(dlx__cpu_weights *w)
{
    uint8_t *to = w->panels;
    for (size_t i = 0; i < dlx__cpu_n_linears(&w->shape); i++) {
        dlx__cpu_linear *linear = dlx__cpu_linear_at(&w->program, &w->shape, i);
        dlx__cpu_describe_panels(&linear->w, w->kernels, w->int8, linear->tensor);
        linear->w.data = to;
        to += bytes_of(linear);
    }
    for (size_t i = 0; i < w->shape.n_layers; i++)
        lay_in_each_other(&w->program.layers[i].gate, &w->program.layers[i].up);
}

static void pack_all(dlx__cpu_weights *w, const dlx__model *m, dlx__pool *pool)
{
    lay_out(w);
    for (size_t i = 0; i < dlx__cpu_n_linears(&w->shape); i++)
        pack_linear(dlx__cpu_linear_at(&w->program, &w->shape, i), m, w->kernels, pool);
}

static void release(dlx__prepared *self)
{
    dlx__cpu_weights *w = (dlx__cpu_weights *)self;
    dlx__free_aligned(w->mem, w->block);
    dlx__free_aligned(w->mem, w->panels);
    dlx__free(w->mem, w);
}

static size_t layer_bytes(const dlx__cpu_shape *shape)
{
    return dlx__align(dlx__mul(shape->n_layers, sizeof(dlx__cpu_layer)), 64);
}

size_t dlx__cpu_program_bytes(const dlx__cpu_shape *shape)
{
    return dlx__add(layer_bytes(shape), dlx__mul(shape->n_vectors, sizeof(float)));
}

static dlx_result prepare(dlx__cpu_weights *w, const dlx__model *m, dlx__pool *pool, dlx_error *err)
{
    dlx__cpu_measure(&w->shape, &m->graph);
    const size_t n_bytes = dlx__cpu_program_bytes(&w->shape);
    w->block = dlx__alloc_aligned(w->mem, n_bytes);
    if (!w->block)
        return dlx__fail_memory(err, "opening the cpu backend", n_bytes);
    DLX__TRY(dlx__cpu_compile(&w->program, (dlx__cpu_layer *)w->block,
                              (float *)(w->block + layer_bytes(&w->shape)), &m->graph, err));
    const size_t n_panel_bytes = dlx__cpu_panel_bytes(m, w->kernels, w->int8);
    w->panels = dlx__alloc_aligned(w->mem, n_panel_bytes);
    if (!w->panels)
        return dlx__fail_memory(err, "packing the weights for the cpu backend", n_panel_bytes);
    dlx__os_advise_huge(w->panels, n_panel_bytes);
    pack_all(w, m, pool);
    return DLX_OK;
}

/* Keeps w with the model, unless another session was faster: then it stays the caller's. */
static void hand_over(dlx__cpu_weights *w, const dlx__model *m)
{
    dlx__prepared *none = NULL;
    w->shared = true; /* before anyone can see it */
    if (!atomic_compare_exchange_strong(&m->slot->held, &none, &w->base))
        w->shared = false;
}

dlx_result dlx__cpu_weights_open(dlx__cpu_weights **out, const dlx__model *m,
                                 const dlx__kernels *kernels, bool int8, dlx__pool *pool,
                                 const dlx_allocator *mem, dlx_error *err)
{
    *out = NULL;
    dlx__prepared *held = m->slot ? atomic_load(&m->slot->held) : NULL;
    dlx__cpu_weights *w = (dlx__cpu_weights *)held;
    if (held && held->release == release && w->kernels == kernels && w->int8 == int8) {
        *out = w;
        return DLX_OK;
    }
    w = dlx__alloc_zero(mem, 1, sizeof *w);
    if (!w)
        return dlx__fail_memory(err, "opening the cpu backend", sizeof *w);
    w->base.release = release;
    w->mem = mem;
    w->kernels = kernels;
    w->int8 = int8;
    dlx_result r = prepare(w, m, pool, err);
    if (r != DLX_OK) {
        release(&w->base);
        return r;
    }
    if (m->slot && !held)
        hand_over(w, m);
    *out = w;
    return DLX_OK;
}

void dlx__cpu_weights_close(dlx__cpu_weights *w)
{
    if (w && !w->shared)
        release(&w->base);
}
