/*
 * project.c - norm, and the projections to q, k and v. A unit of work is one head for all rows of
 * the tile: while its numbers are in the cache they get bias, norm and rotation, and k and v go to
 * their slots.
 */
#include "backends/cpu/session.h"

#include <string.h>

bool dlx__cpu_norms_alone(const dlx__cpu_job *j)
{
    return j->n_rows <= DLX__CPU_PRIVATE && !j->in->observe;
}

static void norm_row(const dlx__cpu_job *j, const dlx__acts *h, size_t row)
{
    const dlx__backend *b = j->b;
    const size_t d = b->shape.n_embd;
    b->kernels->norm(h->x + row * h->stride, j->x + row * d, j->norm->weight, d, j->norm->eps);
    if (!j->as_is)
        dlx__cpu_round_row(b, h, row, j->reader);
}

void dlx__cpu_norm_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    const dlx__acts h = dlx__cpu_rows(&j->b->h, j->n_rows);
    size_t begin, end;
    dlx__pool_share(j->n_rows, 1, thread, n_threads, &begin, &end);
    for (size_t r = begin; r < end; r++)
        norm_row(j, &h, r);
}

dlx__acts dlx__cpu_normed(const dlx__cpu_job *j, int thread)
{
    if (!dlx__cpu_norms_alone(j))
        return dlx__cpu_rows(&j->b->h, j->n_rows);
    const dlx__acts h = dlx__cpu_rows(&j->b->threads[thread].h, j->n_rows);
    for (size_t r = 0; r < j->n_rows; r++)
        norm_row(j, &h, r);
    return h;
}

/* One head of a projection, as its epilogue sees it. */
typedef struct head {
    const dlx__cpu_linear *linear;
    const dlx__cpu_norm *norm; /* NULL: neither norm nor rotation (v) */
    size_t index;
    enum { QUERY, KEY, VALUE } kind;
} head;

static head head_of_unit(const dlx__cpu_job *j, size_t unit)
{
    const dlx__cpu_shape *s = &j->b->shape;
    const size_t n_q = j->queries ? s->n_heads : 0;
    if (unit < n_q)
        return (head){&j->layer->q, &j->layer->q_norm, unit, QUERY};
    unit -= n_q;
    if (unit < s->n_heads_kv)
        return (head){&j->layer->k, &j->layer->k_norm, unit, KEY};
    return (head){&j->layer->v, NULL, unit - s->n_heads_kv, VALUE};
}

/* Bias, norm and rotation of row r of a head, y [head_dim]. */
static void finish_row(const dlx__cpu_job *j, const head *to, size_t r, float *y)
{
    const dlx__backend *b = j->b;
    const size_t c = b->shape.head_dim, at = (j->first_row + r) * (c / 2);
    if (to->linear->bias)
        b->kernels->add(y, to->linear->bias + to->index * c, c);
    dlx__cpu_keep(j, (int)to->kind, to->linear->w.n_out, r, to->index * c, y, c);
    dlx__cpu_round_result(b, to->linear, y, c);
    if (!to->norm)
        return;
    if (to->norm->weight)
        b->kernels->norm(y, y, to->norm->weight, c, to->norm->eps);
    b->kernels->rope(y, b->cosine + at, b->sine + at, c / 2);
}

static void finish_head(const dlx__cpu_job *j, const head *to, float *y, size_t stride)
{
    const dlx__backend *b = j->b;
    const dlx__kv_cache *kv = &b->kv[j->in->stream];
    const size_t c = b->shape.head_dim, slot = j->in->start + j->first_row;
    for (size_t r = 0; r < j->n_rows; r++, y += stride) {
        finish_row(j, to, r, y);
        if (to->kind == QUERY)
            memcpy(b->q.x + r * b->q.stride + to->index * c, y, c * sizeof *y);
        else if (to->kind == KEY)
            dlx__kv_put_key(kv, j->layer_index, to->index, slot + r, y);
        else
            dlx__kv_put_value(kv, j->layer_index, to->index, slot + r, y);
    }
}

void dlx__cpu_project_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    const dlx__backend *b = j->b;
    const size_t c = b->shape.head_dim;
    const size_t n_units =
        (j->queries ? b->shape.n_heads : 0) + (j->keys ? 2 * b->shape.n_heads_kv : 0);
    float *buffer = b->threads[thread].buffer; /* [n_rows][n_panels * 16] */
    const dlx__acts h = dlx__cpu_normed(j, thread);
    size_t begin, end;
    dlx__pool_share(n_units, 1, thread, n_threads, &begin, &end);
    for (size_t unit = begin; unit < end; unit++) {
        const head to = head_of_unit(j, unit);
        size_t first, skip;
        const size_t n_panels = dlx__cpu_panels(to.index * c, (to.index + 1) * c, &first, &skip);
        const size_t stride = n_panels * DLX__PANEL;
        b->kernels->gemm(buffer, stride, &h, &to.linear->w, first, n_panels);
        finish_head(j, &to, buffer + skip, stride);
    }
}
