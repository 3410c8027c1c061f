/*
 * feed.c - the products that end in the residual stream, and the gated feed-forward part. Their
 * epilogues run on a few outputs of all rows, while these are in the cache.
 */
#include "backends/cpu/session.h"

/* x += w from (+ bias). The sum is formed apart from x, which is larger and would round it. */
static void add_product(const dlx__cpu_job *j, const dlx__cpu_linear *linear, const dlx__acts *from,
                        int thread, int n_threads)
{
    const dlx__backend *b = j->b;
    const size_t n_out = linear->w.n_out;
    float *sum = b->threads[thread].buffer; /* [n_rows][DLX__CPU_STEP] */
    size_t begin, end;
    dlx__pool_share(n_out, DLX__PANEL, thread, n_threads, &begin, &end);
    for (size_t i = begin; i < end; i += DLX__CPU_STEP) {
        const size_t n = dlx__min(DLX__CPU_STEP, end - i);
        b->kernels->gemm(sum, DLX__CPU_STEP, from, &linear->w, i / DLX__PANEL,
                         dlx__align(n, DLX__PANEL) / DLX__PANEL);
        for (size_t r = 0; r < j->n_rows; r++) {
            float *y = sum + r * DLX__CPU_STEP;
            if (linear->bias)
                b->kernels->add(y, linear->bias + i, n);
            dlx__cpu_keep(j, 0, n_out, r, i, y, n);
            dlx__cpu_round_result(b, linear, y, n);
            b->kernels->add(j->x + r * n_out + i, y, n);
        }
    }
}

/* The thread's share of the tile's rows in `a`. */
static void round_rows(const dlx__cpu_job *j, const dlx__acts *a, const dlx__cpu_linear *reader,
                       int thread, int n_threads)
{
    const dlx__acts rows = dlx__cpu_rows(a, j->n_rows);
    size_t begin, end;
    dlx__pool_share(j->n_rows, 1, thread, n_threads, &begin, &end);
    for (size_t r = begin; r < end; r++)
        dlx__cpu_round_row(j->b, &rows, r, reader);
}

void dlx__cpu_round_q_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    round_rows(j, &j->b->q, &j->layer->o, thread, n_threads);
}

/* Of few rows every thread makes what products read for itself, which costs less than a barrier;
 * not where the rows' own numbers change. */
bool dlx__cpu_rounds_q_apart(const dlx__cpu_job *j)
{
    const dlx__backend *b = j->b;
    return dlx__cpu_rounds(b, &b->q) && !dlx__cpu_attend_rounds(b) &&
           (!dlx__cpu_norms_alone(j) || dlx__scheme_is_for_all(b->scheme));
}

/* What attention gave, for this thread's products. */
static dlx__acts attended(const dlx__cpu_job *j, int thread)
{
    const dlx__backend *b = j->b;
    dlx__acts q = dlx__cpu_rows(&b->q, j->n_rows);
    if (!dlx__cpu_rounds(b, &q) || dlx__cpu_attend_rounds(b) || dlx__cpu_rounds_q_apart(j))
        return q;
    q.ints = b->threads[thread].q.ints;
    q.halves = b->threads[thread].q.halves;
    for (size_t r = 0; r < j->n_rows; r++)
        dlx__cpu_round_row(b, &q, r, &j->layer->o);
    return q;
}

void dlx__cpu_output_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    const dlx__acts q = attended(j, thread);
    add_product(j, &j->layer->o, &q, thread, n_threads);
}

/* The columns [i, i + n) of ff from gate and up, both [n_rows][DLX__SPAN]. */
static void swiglu(const dlx__cpu_job *j, const dlx__acts *ff, float *gate, float *up, size_t i,
                   size_t n)
{
    const dlx__kernels *kernels = j->b->kernels;
    for (size_t r = 0; r < j->n_rows; r++) {
        float *g = gate + r * DLX__SPAN, *u = up + r * DLX__SPAN;
        if (j->layer->gate.bias)
            kernels->add(g, j->layer->gate.bias + i, n);
        if (j->layer->up.bias)
            kernels->add(u, j->layer->up.bias + i, n);
        dlx__cpu_keep(j, 0, j->layer->gate.w.n_out, r, i, g, n);
        dlx__cpu_keep(j, 1, j->layer->up.w.n_out, r, i, u, n);
        dlx__cpu_round_result(j->b, &j->layer->gate, g, n);
        dlx__cpu_round_result(j->b, &j->layer->up, u, n);
        kernels->silu_mul(ff->x + r * ff->stride + i, g, u, n);
        if (dlx__cpu_rounds_parts(j->b))
            dlx__cpu_round_part(j->b, ff, r, i, n, &j->layer->down);
    }
}

/* to [n_rows][DLX__SPAN] = the n outputs of the span at i of a product whose panels lie in
 * another's. */
static void multiply_span(const dlx__cpu_job *j, float *to, const dlx__acts *h,
                          const dlx__cpu_linear *linear, size_t i, size_t n)
{
    dlx__packed span = linear->w;
    span.data = dlx__cpu_panel(linear, i / DLX__PANEL);
    span.n_out = n;
    span.n_panels = dlx__align(n, DLX__PANEL) / DLX__PANEL;
    j->b->kernels->gemm(to, DLX__SPAN, h, &span, 0, span.n_panels);
}

/* ff = silu(gate h) * (up h), a span of outputs at a time, both products side by side. */
void dlx__cpu_gate_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    const dlx__backend *b = j->b;
    const dlx__cpu_linear *gate = &j->layer->gate, *up = &j->layer->up;
    const dlx__acts ff = dlx__cpu_rows(&b->ff, j->n_rows);
    float *gated = b->threads[thread].buffer;      /* [n_rows][DLX__SPAN] */
    float *raised = gated + j->n_rows * DLX__SPAN; /* [n_rows][DLX__SPAN] */
    const dlx__acts h = dlx__cpu_normed(j, thread);
    size_t begin, end;
    dlx__pool_share(gate->w.n_out, DLX__SPAN, thread, n_threads, &begin, &end);
    for (size_t i = begin; i < end; i += DLX__SPAN) {
        const size_t n = dlx__min(DLX__SPAN, end - i);
        multiply_span(j, gated, &h, gate, i, n);
        multiply_span(j, raised, &h, up, i, n);
        swiglu(j, &ff, gated, raised, i, n);
    }
}

void dlx__cpu_round_ff_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    round_rows(j, &j->b->ff, &j->layer->down, thread, n_threads);
}

void dlx__cpu_down_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    const dlx__acts ff = dlx__cpu_rows(&j->b->ff, j->n_rows);
    add_product(j, &j->layer->down, &ff, thread, n_threads);
}
