/*
 * k_grid.c - the grids of a super-block: every group has a line it would like, and all of them have
 * to live with whole multiples of one scale d and one minimum m.
 *
 * So each group takes the multiples that cost it least, then d and m become what suits the
 * multiples and levels taken, and again, as long as the error shrinks.
 */
#include "dtype/k_grid.h"

#include "dtype/blocks.h"
#include "dtype/convert.h"

#include <math.h>

enum { SUPER = 256, MOST_GROUPS = 16, ROUNDS = 2 };

typedef struct group {
    dlx__span span;
    dlx__line wish;
    int scale, min; /* multiples of d and m */
    double error;
} group;

typedef struct super {
    const dlx__grid_kind *kind;
    size_t n_groups;
    float d, m; /* f16 numbers */
    double error;
    group groups[MOST_GROUPS];
} super;

/* As the format computes it. */
static dlx__line line_of(const super *s, int scale, int min)
{
    return (dlx__line){s->d * (float)scale, -(s->m * (float)min)};
}

static int nearest_multiple(float wish, float unit, int least, int most)
{
    if (unit == 0.0f)
        return 0;
    return (int)fminf(fmaxf(roundf(wish / unit), (float)least), (float)most);
}

/* The multiples for one group: those nearest to its wish, or beside them. */
static void take_multiples(const super *s, group *g)
{
    const dlx__grid_kind *kind = s->kind;
    const int least_scale = kind->levels.min == DLX__MIN_NONE ? -kind->most_scale : 0;
    const int scale = nearest_multiple(g->wish.scale, s->d, least_scale, kind->most_scale);
    const int min = nearest_multiple(-g->wish.min, s->m, 0, kind->most_min);
    const int beside = s->m != 0.0f;
    dlx__line lines[DLX__MOST_LINES];
    int scales[DLX__MOST_LINES], mins[DLX__MOST_LINES];
    size_t n = 0;
    for (int i = scale - 1; i <= scale + 1; i++) {
        for (int j = min - beside; j <= min + beside; j++) {
            if (i < least_scale || i > kind->most_scale || j < 0 || j > kind->most_min)
                continue;
            lines[n] = line_of(s, i, j);
            scales[n] = i;
            mins[n++] = j;
        }
    }
    n = dlx__fit_nearest(&g->span, &kind->levels, lines, n, &g->error);
    g->scale = scales[n];
    g->min = mins[n];
}

/* Gives d and m to all groups. */
static void take(super *s, float d, float m)
{
    s->d = dlx__f16_to_f32(dlx__f16_within(d));
    s->m = dlx__f16_to_f32(dlx__f16_within(m));
    s->error = 0.0;
    for (size_t i = 0; i < s->n_groups; i++) {
        take_multiples(s, &s->groups[i]);
        s->error += s->groups[i].error;
    }
}

/*
 * The f16 of which the largest multiple comes to `widest`. A subnormal one may round far down, and
 * would cut off what is wide: the next one then.
 */
static float unit_for(float widest, int most)
{
    const uint16_t largest = 0x7BFF;
    const uint16_t nearest = dlx__f16_within(widest / (float)most);
    const bool is_short = 1.01f * (float)most * dlx__f16_to_f32(nearest) < widest;
    return dlx__f16_to_f32((uint16_t)(nearest + (is_short && nearest < largest)));
}

/* The first d and m: the largest wishes get the largest multiples. */
static void take_widest(super *s)
{
    float scale = 0.0f, min = 0.0f;
    for (size_t i = 0; i < s->n_groups; i++) {
        scale = fmaxf(scale, fabsf(s->groups[i].wish.scale));
        min = fmaxf(min, -s->groups[i].wish.min);
    }
    take(s, unit_for(scale, s->kind->most_scale),
         s->kind->most_min > 0 ? unit_for(min, s->kind->most_min) : 0.0f);
}

/*
 * Least squares for d and m, multiples and levels as they are: the error of a weight is its rest in
 * the scale of its group, and moves with d by multiple * level, with m by its other multiple.
 */
static void suit(const super *s, float *d, float *m)
{
    double dd = 0.0, dm = 0.0, mm = 0.0, d_rest = 0.0, m_rest = 0.0;
    for (size_t i = 0; i < s->n_groups; i++) {
        const group *g = &s->groups[i];
        const dlx__line line = line_of(s, g->scale, g->min);
        const dlx__residue r = dlx__fit_residue(&g->span, &s->kind->levels, line);
        const double scale = g->scale, min = -g->min;
        dd += scale * scale * r.qq;
        dm += scale * min * r.q;
        mm += min * min * r.w;
        d_rest += scale * r.rq * (double)line.scale;
        m_rest += min * r.r * (double)line.scale;
    }
    const double det = dd * mm - dm * dm;
    if (det > 1e-6 * dd * mm) {
        *d += (float)((mm * d_rest - dm * m_rest) / det);
        *m += (float)((dd * m_rest - dm * d_rest) / det);
    } else if (dd > 0.0) {
        *d += (float)(d_rest / dd);
    }
}

static void put_grids(dlx__grid *grids, const super *s)
{
    for (size_t i = 0; i < s->n_groups; i++) {
        const group *g = &s->groups[i];
        const dlx__line line = line_of(s, g->scale, g->min);
        grids[i] = (dlx__grid){.scale = line.scale,
                               .min = line.min,
                               .inverse = dlx__inverse(line.scale),
                               .lowest = (int8_t)s->kind->levels.lowest,
                               .highest = (int8_t)s->kind->levels.highest,
                               .sub_scale = (int8_t)g->scale,
                               .sub_min = (uint8_t)g->min,
                               .d = dlx__f16_within(s->d),
                               .m = dlx__f16_within(s->m)};
    }
}

void dlx__super_choose(dlx__grid *grids, const dlx__grid_kind *kind, const float *x,
                       const float *importance)
{
    const float unit = dlx__importance_unit(importance, SUPER);
    const size_t width = kind->width;
    super now = {.kind = kind, .n_groups = SUPER / width};
    for (size_t i = 0; i < now.n_groups; i++) {
        group *g = &now.groups[i];
        g->span =
            (dlx__span){x + i * width, importance ? importance + i * width : NULL, width, unit};
        g->wish = dlx__fit(&g->span, &kind->levels);
    }
    take_widest(&now);
    for (int round = 0; round < ROUNDS; round++) {
        super next = now;
        float d = now.d, m = now.m;
        suit(&now, &d, &m);
        take(&next, d, m < 0.0f ? 0.0f : m);
        if (!(next.error < now.error))
            break;
        now = next;
    }
    put_grids(grids, &now);
}
