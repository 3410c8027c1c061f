/*
 * clip_search.c - the clipping range of least error.
 *
 * The range is [low share of the least value, high share of the greatest]. Shares are tried in
 * steps of 1/8 of an octave over many octaves, since an outlier may be a thousand times what is
 * usual, then in steps of 1/64 around the best. First one share for both ends, then each end in
 * turn.
 */
#include "quant/clip_search.h"

enum {
    N_OCTAVES = 12,
    N_STEPS = 8, /* per octave */
    N_FINE = 7,  /* finer steps to either side */
    MOST_TURNS = 4,
};

typedef enum ends { LOW = 1, HIGH = 2, BOTH = LOW | HIGH } ends;

typedef struct search {
    const dlx__histogram *h;
    dlx__affine_grid grid;
    dlx__range whole; /* of which shares are taken */
    double low, high; /* the best shares */
    double error;     /* theirs */
} search;

/*
 * The integral of the squared error from 0 to x, in units of scale^3: every whole step costs 1/12,
 * the rest r^3/3, whether it is a part of a step or lies outside the grid.
 */
static double integral(const dlx__affine *a, double x)
{
    double u = x / (double)a->scale;
    double q = nearbyint(u);
    q = fmin(fmax(q, a->q_min - a->zero_point), a->q_max - a->zero_point);
    double r = u - q;
    return q / 12.0 + r * r * r / 3.0;
}

static double point_error(const dlx__affine *a, double x)
{
    double q = dlx__affine_quantize(a, (float)x);
    double d = x - (double)a->scale * (q - a->zero_point);
    return d * d;
}

double dlx__clip_error(const dlx__histogram *h, const dlx__affine *a)
{
    const double scale = (double)a->scale;
    double sum = 0.0;
    for (size_t i = 0; i < h->n; i++) {
        if (h->counts[i] == 0)
            continue;
        double low, high;
        dlx__histogram_edges(h, i, &low, &high);
        double mean = high > low ? (integral(a, high) - integral(a, low)) / (high - low) *
                                       (scale * scale * scale)
                                 : point_error(a, low); /* nothing to spread over */
        sum += (double)h->counts[i] * mean;
    }
    return sum / (double)h->n_values;
}

static dlx__range shares_of(const search *s, double low, double high)
{
    return (dlx__range){(float)((double)s->whole.min * low), (float)((double)s->whole.max * high)};
}

/* Wider ranges come first: only a smaller error makes a narrower one better. */
static void consider(search *s, double low, double high)
{
    dlx__affine a = dlx__affine_of(s->grid, shares_of(s, low, high));
    double error = dlx__clip_error(s->h, &a);
    if (error < s->error) {
        s->low = low;
        s->high = high;
        s->error = error;
    }
}

static void scan(search *s, ends which)
{
    const double low = s->low, high = s->high;
    for (int octave = 0; octave < N_OCTAVES; octave++) {
        for (int i = N_STEPS; i > 0; i--) {
            double share = ldexp((double)(N_STEPS + i) / (2 * N_STEPS), -octave);
            consider(s, which & LOW ? share : low, which & HIGH ? share : high);
        }
    }
    const double best_low = s->low, best_high = s->high;
    for (int i = N_FINE; i >= -N_FINE; i--) {
        double fine = 1.0 + (double)i / (N_STEPS * (N_FINE + 1));
        consider(s, which & LOW ? fmin(best_low * fine, 1.0) : best_low,
                 which & HIGH ? fmin(best_high * fine, 1.0) : best_high);
    }
}

dlx__range dlx__clip_search(const dlx__histogram *h, dlx__affine_grid grid)
{
    search s = {h, grid, {fminf(h->range.min, 0.0f), fmaxf(h->range.max, 0.0f)}, 1.0, 1.0, 0.0};
    if (grid.symmetric) {
        s.whole.max = fmaxf(-s.whole.min, s.whole.max);
        s.whole.min = -s.whole.max;
    }
    dlx__affine whole = dlx__affine_of(grid, s.whole);
    s.error = dlx__clip_error(h, &whole);
    scan(&s, BOTH);
    for (int turn = 0; turn < MOST_TURNS && !grid.symmetric; turn++) {
        const double error = s.error;
        scan(&s, HIGH);
        scan(&s, LOW);
        if (s.error == error)
            break;
    }
    return shares_of(&s, s.low, s.high);
}
