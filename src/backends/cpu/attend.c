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

/* Lane `lane` of the group of KV head `group` in b->q; the next feature is *step further. */
static float *lane_in_q(const dlx__cpu_attend *a, size_t group, size_t lane, size_t *step)
{
    const dlx__cpu_shape *s = &a->b->shape;
    size_t head = group * (s->n_heads / s->n_heads_kv) + lane / a->n_rows, row = lane % a->n_rows;
    *step = dlx__cpu_width(a->n_rows, row / DLX__LANES);
    return a->b->q + dlx__cpu_at(a->n_rows, s->n_heads * s->head_dim, head * s->head_dim, row);
}

/* The lanes [first, first + n) of a group; q and y [head_dim][width] are the thread's own. */
static void attend_pack(const dlx__cpu_attend *a, size_t group, size_t first, size_t n, float *q,
                        float *y)
{
    const dlx__backend *b = a->b;
    const dlx__kv_cache *kv = &b->kv[a->in->stream];
    const size_t c = b->shape.head_dim, width = dlx__align(n, DLX__LANE_STEP);
    int32_t n_seen[DLX__LANES];
    dlx__attend_in in = {.keys = dlx__kv_keys(kv, a->layer, group),
                         .values = dlx__kv_values(kv, a->layer, group),
                         .n_seen = n_seen,
                         .head_dim = c,
                         .scale = a->scale};
    for (size_t l = 0; l < width; l++) {
        size_t lane = first + dlx__min(l, n - 1), step; /* spare lanes repeat the last */
        const float *from = lane_in_q(a, group, lane, &step);
        for (size_t i = 0; i < c; i++)
            q[i * width + l] = from[i * step];
        size_t seen = visible(a->in, a->in->start + a->first_row + lane % a->n_rows);
        n_seen[l] = (int32_t)seen;
        in.n_slots = dlx__max(in.n_slots, seen);
    }
    b->kernels->attend(y, q, width, &in);
    for (size_t l = 0; l < n; l++) {
        size_t step;
        float *to = lane_in_q(a, group, first + l, &step);
        for (size_t i = 0; i < c; i++)
            to[i * step] = y[i * width + l];
    }
}

void dlx__cpu_attend_part(const dlx__cpu_attend *a, int thread, int n_threads)
{
    const dlx__backend *b = a->b;
    const size_t n_kv = b->shape.n_heads_kv;
    const size_t n_lanes = b->shape.n_heads / n_kv * a->n_rows;
    const size_t lanes = pack_lanes(n_lanes, n_kv, (size_t)n_threads);
    const size_t n_packs = (n_lanes + lanes - 1) / lanes;  /* of a group */
    float *q = b->scratch + (size_t)thread * b->n_scratch; /* [head_dim][lanes] */
    float *y = q + DLX__LANES * b->shape.head_dim;         /* [head_dim][lanes] */
    size_t begin, end;
    dlx__pool_share(n_kv * n_packs, 1, thread, n_threads, &begin, &end);
    for (size_t unit = begin; unit < end; unit++) {
        size_t first = unit % n_packs * lanes;
        attend_pack(a, unit / n_packs, first, dlx__min(lanes, n_lanes - first), q, y);
    }
}
