/*
 * fit.c - the line nearest to a span of weights.
 *
 * For levels that are given, the best line is linear least squares; for a line that is given, the
 * best levels are the nearest ones. So the search tries lines that reach less and less far (a few
 * clipped weights buy finer levels for all others), solves each for the levels that it gives, and
 * goes on from the best one. Every line is tried in the same walk over the weights, 256 at a time,
 * so that a long row is read a few times only.
 *
 * Sums are kept in LANES parts, so that the compiler may use vectors in the order that is written;
 * levels and rests go through arrays for the same reason.
 */
#include "dtype/fit.h"

#include <float.h>
#include <math.h>

enum { CHUNK = 256, LANES = 4, MOST_TRIES = 30 };

/* Beyond every type's reach, and its square still far from float32's end. */
static const float widest_weight = 0x1p30f;

/* A quarter of the smallest f16: no scale can show less. */
static const float least_weight = 0x1p-26f;

/* Where the important weights leave a choice, the others make it. */
static const float least_importance = 1e-9f;

static bool counts(float importance)
{
    return importance > 0.0f && importance <= FLT_MAX;
}

float dlx__importance_unit(const float *importance, size_t n)
{
    float most = 0.0f;
    for (size_t i = 0; importance && i < n; i++)
        if (counts(importance[i]) && importance[i] > most)
            most = importance[i];
    return most > 0.0f ? most : 1.0f;
}

/* ---- one chunk ------------------------------------------------------------------------------- */

typedef struct chunk {
    float x[CHUNK];
    float w[CHUNK]; /* importance, (0, 1] */
    double total;   /* of w */
    size_t n;
} chunk;

/* The weights from `at`: numbers within reach, each of some importance. */
static void load(chunk *c, const dlx__span *s, size_t at)
{
    c->n = dlx__min(CHUNK, s->n - at);
    for (size_t i = 0; i < c->n; i++) {
        float x = s->x[at + i];
        x = x == x ? x : 0.0f;
        x = x < widest_weight ? x : widest_weight;
        c->x[i] = x > -widest_weight ? x : -widest_weight;
    }
    if (!s->importance) {
        for (size_t i = 0; i < c->n; i++)
            c->w[i] = 1.0f;
        c->total = (double)c->n;
        return;
    }
    c->total = 0.0;
    for (size_t i = 0; i < c->n; i++) {
        const float importance = s->importance[at + i];
        c->w[i] = counts(importance) ? importance / s->unit + least_importance : least_importance;
        c->total += (double)c->w[i];
    }
}

static double total(const float lanes[LANES])
{
    return (double)((lanes[0] + lanes[2]) + (lanes[1] + lanes[3]));
}

/* a[k] += b[k] * c[k] for each lane. */
static inline void add_products(float a[LANES], const float *b, const float *c)
{
    for (int k = 0; k < LANES; k++)
        a[k] += b[k] * c[k];
}

/* Sums of rest and level; those that only a minimum needs are left out without one. */
static inline void add_lanes(dlx__residue *sums, const chunk *c, const dlx__levels *l,
                             dlx__line line, bool has_min)
{
    const float a = 1.0f / line.scale, b = has_min ? -line.min * a : 0.0f;
    const float lowest = (float)l->lowest, most = (float)(l->highest - l->lowest) + 0.5f;
    float q[LANES] = {0}, qq[LANES] = {0}, r[LANES] = {0}, rq[LANES] = {0}, rr[LANES] = {0};
    float level[CHUNK], rest[CHUNK], weighted[CHUNK], weighted_rest[CHUNK];
    const size_t n = c->n / LANES * LANES;
    for (size_t i = 0; i < n; i++) {
        const float exact = c->x[i] * a + b;
        float steps = exact - lowest + 0.5f;
        steps = steps > 0.0f ? steps : 0.0f;
        steps = steps < most ? steps : most;
        level[i] = (float)(int)steps + lowest;
        rest[i] = exact - level[i];
        weighted[i] = c->w[i] * level[i];
        weighted_rest[i] = c->w[i] * rest[i];
    }
    for (size_t i = 0; i < n; i += LANES) {
        add_products(qq, weighted + i, level + i);
        add_products(rq, weighted + i, rest + i);
        add_products(rr, weighted_rest + i, rest + i);
        if (has_min) {
            add_products(q, c->w + i, level + i);
            add_products(r, c->w + i, rest + i);
        }
    }
    sums->qq += total(qq);
    sums->rq += total(rq);
    sums->rr += total(rr);
    if (has_min) {
        sums->q += total(q);
        sums->r += total(r);
    }
}

static void add_chunk(dlx__residue *sums, const chunk *c, const dlx__levels *l, dlx__line line)
{
    if (line.scale == 0.0f)
        return;
    sums->w += c->total;
    if (l->min == DLX__MIN_NONE)
        add_lanes(sums, c, l, line, false);
    else
        add_lanes(sums, c, l, line, true);
}

/* As dlx__grid_level and dlx__grid_value compute it. */
static double chunk_error(const chunk *c, const dlx__levels *l, dlx__line line)
{
    const float inverse = line.scale != 0.0f ? 1.0f / line.scale : 0.0f;
    const float lowest = (float)l->lowest, most = (float)(l->highest - l->lowest) + 0.5f;
    float error[LANES] = {0};
    float off[CHUNK], weighted[CHUNK];
    const size_t n = c->n / LANES * LANES;
    for (size_t i = 0; i < n; i++) {
        float steps = (c->x[i] - line.min) * inverse - lowest + 0.5f;
        steps = steps > 0.0f ? steps : 0.0f;
        steps = steps < most ? steps : most;
        off[i] = c->x[i] - (line.scale * ((float)(int)steps + lowest) + line.min);
        weighted[i] = c->w[i] * off[i];
    }
    for (size_t i = 0; i + LANES <= n; i += LANES)
        add_products(error, weighted + i, off + i);
    return total(error);
}

dlx__residue dlx__fit_residue(const dlx__span *s, const dlx__levels *l, dlx__line line)
{
    dlx__residue sums = {0};
    for (size_t at = 0; at < s->n; at += CHUNK) {
        chunk c;
        load(&c, s, at);
        add_chunk(&sums, &c, l, line);
    }
    return sums;
}

size_t dlx__fit_nearest(const dlx__span *s, const dlx__levels *l, const dlx__line *lines, size_t n,
                        double *error)
{
    double errors[DLX__MOST_LINES] = {0};
    for (size_t at = 0; at < s->n; at += CHUNK) {
        chunk c;
        load(&c, s, at);
        for (size_t t = 0; t < n; t++)
            errors[t] += chunk_error(&c, l, lines[t]);
    }
    size_t nearest = 0;
    for (size_t t = 1; t < n; t++)
        if (errors[t] < errors[nearest])
            nearest = t;
    *error = errors[nearest];
    return nearest;
}

float dlx__fit_scale(const dlx__span *s, const dlx__levels *l, dlx__line line)
{
    const dlx__residue sums = dlx__fit_residue(s, l, line);
    return sums.qq > 0.0 ? line.scale * (float)(1.0 + sums.rq / sums.qq) : line.scale;
}

/* ---- trying lines ---------------------------------------------------------------------------- */

typedef struct best {
    dlx__line tried;
    dlx__line line; /* solved for the levels on `tried` */
    double error;   /* of `line`, at most */
} best;

/* Least squares for r = by * q + up: in levels, how much steeper and higher the line should be. */
static void solve(best *out, const dlx__residue *s, dlx__line line, dlx__min_kind min)
{
    double by = s->qq > 0.0 ? s->rq / s->qq : 0.0, up = 0.0;
    if (min != DLX__MIN_NONE) {
        const double det = s->w * s->qq - s->q * s->q;
        by = det > 1e-6 * s->w * s->qq ? (s->w * s->rq - s->q * s->r) / det : 0.0;
        up = (s->r - by * s->q) / s->w;
        const double ground = -(double)line.min / (double)line.scale; /* level of 0 */
        if (min == DLX__MIN_BELOW && up > ground) {
            up = ground;
            by = s->qq > 0.0 ? (s->rq - up * s->q) / s->qq : 0.0;
        }
    }
    const double scale = (double)line.scale;
    const double rest =
        s->rr + by * by * s->qq + up * up * s->w - 2.0 * (by * s->rq + up * s->r - by * up * s->q);
    out->tried = line;
    out->line.scale = (float)(scale * (1.0 + by));
    out->line.min = (float)((double)line.min + scale * up);
    out->error = rest * scale * scale;
}

static void consider(best *b, const dlx__span *s, const dlx__levels *l, const dlx__line *tries,
                     size_t n)
{
    dlx__residue sums[MOST_TRIES] = {{0}};
    for (size_t at = 0; at < s->n; at += CHUNK) {
        chunk c;
        load(&c, s, at);
        for (size_t t = 0; t < n; t++)
            add_chunk(&sums[t], &c, l, tries[t]);
    }
    for (size_t t = 0; t < n; t++) {
        best found;
        if (!(sums[t].w > 0.0)) /* a scale of 0 */
            continue;
        solve(&found, &sums[t], tries[t], l->min);
        const bool same_way = (found.line.scale > 0.0f) == (tries[t].scale > 0.0f);
        if (same_way && found.error < b->error)
            *b = found;
    }
}

/* Levels from the line, the line from the levels, until little moves. */
static dlx__line settle(best *b, const dlx__span *s, const dlx__levels *l)
{
    double before = INFINITY;
    for (int round = 0; round < 8 && b->error < 0.999 * before; round++) {
        const dlx__line next = b->line;
        before = b->error;
        consider(b, s, l, &next, 1);
    }
    return b->line;
}

/* ---- where to begin -------------------------------------------------------------------------- */

typedef struct extent {
    float low, high;
    float low_w, high_w; /* importance of the weights at the ends */
    double total;        /* of all importance */
} extent;

static void widen(extent *e, float x, float w)
{
    if (x < e->low) {
        e->low = x;
        e->low_w = w;
    }
    if (x > e->high) {
        e->high = x;
        e->high_w = w;
    }
}

/* Of the weights that are important, or of all when none is. */
static extent extent_of(const dlx__span *s)
{
    extent some = {.low = FLT_MAX, .high = -FLT_MAX}, others = some;
    for (size_t at = 0; at < s->n; at += CHUNK) {
        chunk c;
        load(&c, s, at);
        for (size_t i = 0; i < c.n; i++)
            widen(c.w[i] > least_importance ? &some : &others, c.x[i], c.w[i]);
        some.total += c.total;
        others.total += c.total;
    }
    return some.low <= some.high ? some : others;
}

/*
 * How many times shorter than the extent a line may have to be. A weight at the end pulls the line
 * out by its squared error; all weights together hold it back, by the twelfth of a squared step
 * each. Where these are even, and somewhat beyond.
 */
static float most_reach(const extent *e, float end_w, const dlx__levels *l)
{
    const float half = 0.5f * (float)(l->highest - l->lowest);
    return 1.2f + (float)e->total / (6.0f * half * half * end_w);
}

/* Without a minimum: the widest weight on, beside or beyond the outermost level of either sign. */
static dlx__line fit_symmetric(const dlx__span *s, const dlx__levels *l)
{
    static const float reach[] = {0.93f, 1.0f,  1.07f, 1.15f, 1.25f, 1.37f, 1.5f, 1.75f,
                                  2.05f, 2.45f, 3.0f,  3.8f,  5.0f,  7.0f,  10.0f};
    const float beside[] = {-0.04f, -0.02f, 0.02f, 0.04f};
    const float levels_beside[] = {-0.35f, -0.15f, 0.15f, 0.35f};
    const extent e = extent_of(s);
    const bool is_low = -e.low > e.high;
    const float widest = is_low ? e.low : e.high;
    const float most = most_reach(&e, is_low ? e.low_w : e.high_w, l);
    best b = {.error = INFINITY};
    dlx__line tries[MOST_TRIES];
    size_t n = 0;
    if (fabsf(widest) < least_weight)
        return (dlx__line){0};
    for (size_t i = 0; i < DLX__LEN(reach) && reach[i] <= most; i++) {
        if (is_low || !l->positive)
            tries[n++] = (dlx__line){widest / ((float)l->lowest * reach[i]), 0.0f};
        if (l->positive ? !is_low : l->lowest != -l->highest)
            tries[n++] = (dlx__line){widest / ((float)l->highest * reach[i]), 0.0f};
    }
    consider(&b, s, l, tries, n);
    n = 0;
    for (size_t i = 0; i < DLX__LEN(beside); i++) {
        tries[n++] = (dlx__line){b.tried.scale * (1.0f + beside[i]), 0.0f};
        tries[n++] =
            (dlx__line){b.tried.scale * (1.0f + levels_beside[i] / (float)l->highest), 0.0f};
    }
    consider(&b, s, l, tries, n);
    return settle(&b, s, l);
}

/* The line whose outermost levels are the ends; a minimum above 0 only where there may be one. */
static dlx__line line_between(float low, float high, const dlx__levels *l)
{
    const float min = l->min == DLX__MIN_BELOW && low > 0.0f ? 0.0f : low;
    return (dlx__line){(high - min) / (float)l->highest, min};
}

/* With a minimum: the ends drawn in from both sides, from above, from below. */
static dlx__line fit_between(const dlx__span *s, const dlx__levels *l)
{
    static const float drawn_in[] = {0.03f, 0.07f, 0.12f, 0.2f, 0.32f, 0.45f, 0.65f, 0.82f, 0.92f};
    const extent e = extent_of(s);
    const float low = l->min == DLX__MIN_BELOW && e.low > 0.0f ? 0.0f : e.low;
    const float width = e.high - low;
    const float most = 1.0f - 1.0f / most_reach(&e, fminf(e.low_w, e.high_w), l);
    best b = {.error = INFINITY};
    dlx__line tries[MOST_TRIES];
    size_t n = 0;
    if (width < least_weight)
        return (dlx__line){0.0f, low};
    tries[n++] = line_between(low, e.high, l);
    for (size_t i = 0; i < DLX__LEN(drawn_in) && drawn_in[i] <= most; i++) {
        const float in = width * drawn_in[i];
        tries[n++] = line_between(low + 0.5f * in, e.high - 0.5f * in, l);
        tries[n++] = line_between(low, e.high - in, l);
        tries[n++] = line_between(low + in, e.high, l);
    }
    consider(&b, s, l, tries, n);
    n = 0;
    for (int i = 0; i < 9; i++) {
        const float step = 0.3f * b.tried.scale, bottom = b.tried.min;
        const float top = bottom + b.tried.scale * (float)l->highest;
        const int up = i % 3 - 1, wider = i / 3 - 1;
        if (i != 4)
            tries[n++] = line_between(bottom + step * (float)up, top + step * (float)wider, l);
    }
    consider(&b, s, l, tries, n);
    return settle(&b, s, l);
}

dlx__line dlx__fit(const dlx__span *s, const dlx__levels *l)
{
    return l->min == DLX__MIN_NONE ? fit_symmetric(s, l) : fit_between(s, l);
}
