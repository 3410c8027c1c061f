/*
 * attend.c - attention of a tile. The query heads that share a KV head are packed side by side into
 * lanes, (head, row) pairs, so that a pass of few rows still fills vectors and each key is read
 * once for all of them. Lanes are independent: how they are packed changes no result.
 */
#include "backends/cpu/session.h"

/* Slots that a row at absolute position `position` sees. */
static size_t visible(const dlx__step *in, size_t position)
{
    size_t all = dlx__max(in->n_kv, in->start + in->n);
    if (in->visibility == DLX__VISIBLE_FULL)
        return all;
    size_t n_blocks = position / in->block + 1;
    return dlx__min(all, dlx__mul(n_blocks, in->block));
}

/* Lanes of a pack: as many as there are, unless threads would go without work. */
static size_t pack_lanes(size_t n_lanes, size_t n_kv, size_t n_threads)
{
    size_t lanes = DLX__LANES;
    while (lanes > DLX__LANE_STEP && n_kv * ((n_lanes + lanes - 1) / lanes) < n_threads)
        lanes -= DLX__LANE_STEP;
    return lanes;
}

/* Lane `lane` of the group of KV head `group`: row and column of b->q. */
static float *lane_in_q(const dlx__cpu_job *j, size_t group, size_t lane, size_t *row, size_t *col)
{
    const dlx__cpu_shape *s = &j->b->shape;
    const size_t head = group * (s->n_heads / s->n_heads_kv) + lane / j->n_rows;
    *row = lane % j->n_rows;
    *col = head * s->head_dim;
    return j->b->q.x + *row * j->b->q.stride + *col;
}

/* What attention gave to a lane takes the place of its query. */
static void put_lane(const dlx__cpu_job *j, const dlx__acts *q, size_t group, size_t lane,
                     const float *y, size_t width)
{
    const size_t c = j->b->shape.head_dim;
    size_t row, col;
    float *to = lane_in_q(j, group, lane, &row, &col);
    for (size_t i = 0; i < c; i++)
        to[i] = y[i * width];
    if (dlx__cpu_attend_rounds(j->b))
        dlx__cpu_round_part(j->b, q, row, col, c, &j->layer->o);
}

/* The lanes [first, first + n) of a group; q and y [head_dim][width] are the thread's own. */
static void attend_pack(const dlx__cpu_job *j, size_t group, size_t first, size_t n, float *q,
                        float *y)
{
    const dlx__backend *b = j->b;
    const dlx__kv_cache *kv = &b->kv[j->in->stream];
    const dlx__acts all = dlx__cpu_rows(&b->q, j->n_rows);
    const size_t c = b->shape.head_dim, width = dlx__align(n, DLX__LANE_STEP);
    int32_t n_seen[DLX__LANES];
    dlx__attend_in in = {.type = kv->type,
                         .keys = dlx__kv_keys(kv, j->layer_index, group),
                         .values = dlx__kv_values(kv, j->layer_index, group),
                         .n_seen = n_seen,
                         .head_dim = c,
                         .scale = j->layer->scale,
                         .pairs = b->pairs};
    for (size_t l = 0; l < width; l++) {
        size_t row, col;
        /* Spare lanes repeat the last. */
        const float *from = lane_in_q(j, group, first + dlx__min(l, n - 1), &row, &col);
        for (size_t i = 0; i < c; i++)
            q[i * width + l] = from[i];
        size_t seen = visible(j->in, j->in->start + j->first_row + row);
        n_seen[l] = (int32_t)seen;
        in.n_slots = dlx__max(in.n_slots, seen);
    }
    b->kernels->attend(y, q, width, &in);
    for (size_t l = 0; l < n; l++)
        put_lane(j, &all, group, first + l, y + l, width);
}

void dlx__cpu_attend_phase(void *job, int thread, int n_threads)
{
    const dlx__cpu_job *j = job;
    const dlx__backend *b = j->b;
    const size_t n_kv = b->shape.n_heads_kv;
    const size_t n_lanes = b->shape.n_heads / n_kv * j->n_rows;
    const size_t lanes = pack_lanes(n_lanes, n_kv, (size_t)n_threads);
    const size_t n_packs = (n_lanes + lanes - 1) / lanes; /* of a group */
    float *q = b->threads[thread].buffer;                 /* [head_dim][lanes] */
    float *y = q + DLX__LANES * b->shape.head_dim;        /* [head_dim][lanes] */
    size_t begin, end;
    dlx__pool_share(n_kv * n_packs, 1, thread, n_threads, &begin, &end);
    for (size_t unit = begin; unit < end; unit++) {
        size_t first = unit % n_packs * lanes;
        attend_pack(j, unit / n_packs, first, dlx__min(lanes, n_lanes - first), q, y);
    }
}
