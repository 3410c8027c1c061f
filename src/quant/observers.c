/*
 * observers.c - ranges of activations. A call first finds the least and greatest value of each
 * group, which also finds what is not finite; only then does anything change.
 */
#include "quant/observers.h"

#include "base/fail.h"
#include "base/mem.h"
#include "quant/clip_search.h"

#include <string.h>

static const char *const kind_texts[DLX__N_OBSERVER_KINDS] = {
#define KIND_TEXT(name, text) text,
    DLX__OBSERVER_KINDS(KIND_TEXT)
#undef KIND_TEXT
};

const char *dlx__observer_kind_text(dlx__observer_kind kind)
{
    return kind_texts[kind];
}

int dlx__observer_kind_find(const char *text)
{
    for (int i = 0; i < DLX__N_OBSERVER_KINDS; i++)
        if (strcmp(kind_texts[i], text) == 0)
            return i;
    return -1;
}

static bool has_histogram(dlx__observer_kind kind)
{
    return kind == DLX__OBSERVER_PERCENTILE || kind == DLX__OBSERVER_MSE;
}

/* ---- specs ----------------------------------------------------------------------------------- */

/* A field that has its default while `reads` is false, and is inside [least, most] otherwise. */
static dlx_result check_field(const dlx__observer_spec *spec, const char *field, bool reads,
                              double x, double least, double most, dlx_error *err)
{
    const char *kind = dlx__observer_kind_text(spec->kind);
    if (!reads && x != 0.0)
        return dlx__fail(err, DLX_E_ARG,
                         "a %s observer has no %s, found %g; leave it out or choose another kind",
                         kind, field, x);
    if (reads && !(x >= least && x <= most))
        return dlx__fail(err, DLX_E_ARG,
                         "expected the %s of a %s observer to be from %g to %g, found %g", field,
                         kind, least, most, x);
    return DLX_OK;
}

/* Puts the defaults in the place of zeros and checks what there is. */
static dlx_result settle(dlx__observer_spec *s, size_t n_channels, dlx_error *err)
{
    if ((unsigned)s->kind >= DLX__N_OBSERVER_KINDS)
        return dlx__fail(err, DLX_E_ARG, "expected a kind of observer from 0 to %d, found %d",
                         DLX__N_OBSERVER_KINDS - 1, (int)s->kind);
    if (n_channels < 1 || n_channels > DLX__OBSERVER_MAX_CHANNELS)
        return dlx__fail(err, DLX_E_ARG, "expected from 1 to %d channels to observe, found %zu",
                         DLX__OBSERVER_MAX_CHANNELS, n_channels);
    if (s->group == 0)
        s->group = n_channels;
    if (n_channels % s->group != 0)
        return dlx__fail(err, DLX_E_ARG,
                         "expected groups of channels that divide %zu channels, found groups of "
                         "%zu; choose a divisor",
                         n_channels, s->group);
    const bool counts = has_histogram(s->kind), averages = s->kind == DLX__OBSERVER_MOVING_AVERAGE;
    const bool cuts = s->kind == DLX__OBSERVER_PERCENTILE;
    if (counts && s->n_bins == 0)
        s->n_bins = DLX__OBSERVER_BINS;
    if (averages && s->momentum == 0.0f)
        s->momentum = 0.01f;
    if (cuts && s->percentile == 0.0f)
        s->percentile = 99.9f;
    DLX__TRY(check_field(s, "number of bins", counts, (double)s->n_bins, DLX__HISTOGRAM_MIN_BINS,
                         DLX__HISTOGRAM_MAX_BINS, err));
    DLX__TRY(check_field(s, "momentum", averages, (double)s->momentum, 1e-9, 1.0, err));
    return check_field(s, "percentile", cuts, (double)s->percentile, 50.0, 100.0, err);
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool take_memory(dlx__observer *o)
{
    o->ranges = dlx__alloc_zero(o->mem, o->n_groups, sizeof *o->ranges);
    o->batch = dlx__alloc_zero(o->mem, o->n_groups, sizeof *o->batch);
    if (!o->ranges || !o->batch)
        return false;
    if (o->spec.squares) {
        o->squares = dlx__alloc_zero(o->mem, o->n_channels, sizeof *o->squares);
        if (!o->squares)
            return false;
    }
    if (has_histogram(o->spec.kind)) {
        o->histograms = dlx__alloc_zero(o->mem, o->n_groups, sizeof *o->histograms);
        if (!o->histograms)
            return false;
        for (size_t g = 0; g < o->n_groups; g++)
            dlx__histogram_init(&o->histograms[g], o->spec.n_bins, o->mem);
    }
    return true;
}

dlx_result dlx__observer_init(dlx__observer *o, const dlx__observer_spec *spec, size_t n_channels,
                              const dlx_allocator *mem, dlx_error *err)
{
    *o = (dlx__observer){.mem = mem, .name = "activations", .spec = *spec};
    DLX__TRY(settle(&o->spec, n_channels, err));
    o->n_channels = n_channels;
    o->n_groups = n_channels / o->spec.group;
    if (!take_memory(o)) {
        dlx__observer_release(o);
        return dlx__fail_memory(err, "making an observer of activations",
                                dlx__mul(n_channels, sizeof(double)));
    }
    return DLX_OK;
}

void dlx__observer_release(dlx__observer *o)
{
    for (size_t g = 0; o->histograms && g < o->n_groups; g++)
        dlx__histogram_release(&o->histograms[g]);
    dlx__free(o->mem, o->histograms);
    dlx__free(o->mem, o->squares);
    dlx__free(o->mem, o->batch);
    dlx__free(o->mem, o->ranges);
    *o = (dlx__observer){.mem = o->mem};
}

void dlx__observer_reset(dlx__observer *o)
{
    o->n_rows = o->n_batches = 0;
    memset(o->ranges, 0, o->n_groups * sizeof *o->ranges);
    for (size_t g = 0; o->histograms && g < o->n_groups; g++)
        dlx__histogram_reset(&o->histograms[g]);
    if (o->squares)
        memset(o->squares, 0, o->n_channels * sizeof *o->squares);
}

/* ---- observing ------------------------------------------------------------------------------- */

static dlx_result check_room(const dlx__observer *o, uint64_t n_rows, dlx_error *err)
{
    const uint64_t most = DLX__OBSERVER_MAX_VALUES / o->spec.group;
    if (n_rows <= most && o->n_rows <= most - n_rows)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FULL, "%s: expected at most %.0f rows in all, found more", o->name,
                     (double)most);
}

static dlx_result fail_not_finite(const dlx__observer *o, size_t row, size_t channel, float x,
                                  dlx_error *err)
{
    return dlx__fail(
        err, DLX_E_ARG,
        "%s: expected finite activations to observe, found %s in row %zu, channel %zu; "
        "the model overflows on this calibration text",
        o->name, isnan(x) ? "NaN" : "infinity", row, channel);
}

/* Widens r to a run of n values and returns how many of them are finite up to the first that is
 * not.
 * + 0 turns -0 into 0: one zero only. */
static size_t widen(dlx__range *r, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float v = x[i] + 0.0f;
        if (!(fabsf(v) <= FLT_MAX))
            return i;
        if (v < r->min)
            r->min = v;
        if (v > r->max)
            r->max = v;
    }
    return n;
}

/* The least and greatest value of each group, into `batch`. */
static dlx_result find_batch(dlx__observer *o, const float *x, size_t n_rows, dlx_error *err)
{
    const size_t width = o->spec.group;
    for (size_t g = 0; g < o->n_groups; g++)
        o->batch[g] = (dlx__range){FLT_MAX, -FLT_MAX};
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t g = 0; g < o->n_groups; g++) {
            const float *run = x + i * o->n_channels + g * width; /* [width] */
            size_t n = widen(&o->batch[g], run, width);
            if (n < width)
                return fail_not_finite(o, i, g * width + n, run[n], err);
        }
    }
    return DLX_OK;
}

static dlx_result reserve(dlx__observer *o, const dlx__range *ranges, dlx_error *err)
{
    for (size_t g = 0; o->histograms && g < o->n_groups; g++)
        if (!dlx__histogram_reserve(&o->histograms[g], ranges[g]))
            return dlx__fail_memory(err, "counting activations",
                                    dlx__mul(o->spec.n_bins, sizeof(uint64_t)));
    return DLX_OK;
}

static dlx__range joined(dlx__range a, dlx__range b)
{
    return (dlx__range){fminf(a.min, b.min), fmaxf(a.max, b.max)};
}

/* Each product and the sum grow with their inputs, also when rounded: min stays below max. */
static dlx__range averaged(dlx__range a, dlx__range b, double weight_a, double weight_b)
{
    return (dlx__range){(float)((double)a.min * weight_a + (double)b.min * weight_b),
                        (float)((double)a.max * weight_a + (double)b.max * weight_b)};
}

static void fold_ranges(dlx__observer *o)
{
    const double weight = (double)o->spec.momentum;
    for (size_t g = 0; g < o->n_groups; g++) {
        if (o->n_rows == 0)
            o->ranges[g] = o->batch[g];
        else if (o->spec.kind == DLX__OBSERVER_MOVING_AVERAGE)
            o->ranges[g] = averaged(o->ranges[g], o->batch[g], 1.0 - weight, weight);
        else
            o->ranges[g] = joined(o->ranges[g], o->batch[g]);
    }
}

/* Row after row: the order of the sums is that of the rows, whatever the calls. */
static void fold_squares(dlx__observer *o, const float *x, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t c = 0; c < o->n_channels; c++) {
            const double v = (double)x[i * o->n_channels + c];
            o->squares[c] += v * v;
        }
    }
}

dlx_result dlx__observer_add(dlx__observer *o, const float *x, size_t n_rows, dlx_error *err)
{
    if (n_rows == 0)
        return DLX_OK;
    DLX__TRY(check_room(o, n_rows, err));
    DLX__TRY(find_batch(o, x, n_rows, err));
    DLX__TRY(reserve(o, o->batch, err));
    fold_ranges(o);
    for (size_t g = 0; o->histograms && g < o->n_groups; g++)
        dlx__histogram_add(&o->histograms[g], o->batch[g], x + g * o->spec.group, n_rows,
                           o->spec.group, o->n_channels);
    if (o->squares)
        fold_squares(o, x, n_rows);
    o->n_rows += n_rows;
    o->n_batches += o->spec.kind == DLX__OBSERVER_MOVING_AVERAGE;
    return DLX_OK;
}

/* ---- merging --------------------------------------------------------------------------------- */

dlx_result dlx__observer_match(const dlx__observer *a, const dlx__observer *b, dlx_error *err)
{
    const dlx__observer_spec *s = &a->spec, *t = &b->spec;
    const struct {
        const char *what;
        double a, b;
    } fields[] = {
        {"channels", (double)a->n_channels, (double)b->n_channels},
        {"channels in a group", (double)s->group, (double)t->group},
        {"bins", (double)s->n_bins, (double)t->n_bins},
        {"momentum", (double)s->momentum, (double)t->momentum},
        {"percentile", (double)s->percentile, (double)t->percentile},
        {"sums of squares", s->squares, t->squares},
    };
    if (s->kind != t->kind)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected observers of one kind, found %s and %s; observe every shard "
                         "alike",
                         a->name, dlx__observer_kind_text(s->kind),
                         dlx__observer_kind_text(t->kind));
    for (size_t i = 0; i < DLX__LEN(fields); i++)
        if (fields[i].a != fields[i].b)
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected equal %s in both observers, found %.9g and %.9g; "
                             "observe every shard alike",
                             a->name, fields[i].what, fields[i].a, fields[i].b);
    return DLX_OK;
}

dlx_result dlx__observer_merge_prepare(dlx__observer *into, const dlx__observer *other,
                                       dlx_error *err)
{
    DLX__TRY(dlx__observer_match(into, other, err));
    DLX__TRY(check_room(into, other->n_rows, err));
    return other->n_rows ? reserve(into, other->ranges, err) : DLX_OK;
}

static void merge_ranges(dlx__observer *into, const dlx__observer *other)
{
    const double a = (double)into->n_batches, b = (double)other->n_batches;
    for (size_t g = 0; g < into->n_groups; g++) {
        dlx__range *r = &into->ranges[g];
        if (into->n_rows == 0)
            *r = other->ranges[g];
        else if (into->spec.kind == DLX__OBSERVER_MOVING_AVERAGE)
            *r = averaged(*r, other->ranges[g], a / (a + b), b / (a + b));
        else
            *r = joined(*r, other->ranges[g]);
    }
}

void dlx__observer_merge_apply(dlx__observer *into, const dlx__observer *other)
{
    if (other->n_rows == 0)
        return;
    merge_ranges(into, other);
    for (size_t g = 0; into->histograms && g < into->n_groups; g++)
        dlx__histogram_merge(&into->histograms[g], &other->histograms[g]);
    for (size_t c = 0; into->squares && c < into->n_channels; c++)
        into->squares[c] += other->squares[c];
    into->n_rows += other->n_rows;
    into->n_batches += other->n_batches;
}

dlx_result dlx__observer_merge(dlx__observer *into, const dlx__observer *other, dlx_error *err)
{
    DLX__TRY(dlx__observer_merge_prepare(into, other, err));
    dlx__observer_merge_apply(into, other);
    return DLX_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static dlx_result check_seen(const dlx__observer *o, dlx_error *err)
{
    if (o->n_rows)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%s: expected activations before a range is asked for, found none observed; "
                     "run the calibration texts first",
                     o->name);
}

dlx_result dlx__observer_range(const dlx__observer *o, size_t g, dlx__affine_grid grid,
                               dlx__range *out, dlx_error *err)
{
    DLX__TRY(check_seen(o, err));
    DLX__TRY(dlx__affine_grid_check(grid, err));
    if (g >= o->n_groups)
        return dlx__fail(err, DLX_E_ARG, "%s: expected a group below %zu, found %zu", o->name,
                         o->n_groups, g);
    if (o->spec.kind == DLX__OBSERVER_PERCENTILE)
        *out =
            dlx__histogram_cut(&o->histograms[g], (1.0 - (double)o->spec.percentile / 100.0) / 2);
    else if (o->spec.kind == DLX__OBSERVER_MSE)
        *out = dlx__clip_search(&o->histograms[g], grid);
    else
        *out = o->ranges[g];
    return DLX_OK;
}

dlx_result dlx__observer_affine(const dlx__observer *o, size_t g, dlx__affine_grid grid,
                                dlx__affine *out, dlx_error *err)
{
    dlx__range r = {0.0f, 0.0f};
    DLX__TRY(dlx__observer_range(o, g, grid, &r, err));
    *out = dlx__affine_of(grid, r);
    return DLX_OK;
}

dlx_result dlx__observer_mean_squares(const dlx__observer *o, double *out, dlx_error *err)
{
    DLX__TRY(check_seen(o, err));
    if (!o->squares)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected an observer with squares, found one without; set `squares` "
                         "in its spec",
                         o->name);
    for (size_t c = 0; c < o->n_channels; c++)
        out[c] = o->squares[c] / (double)o->n_rows;
    return DLX_OK;
}
