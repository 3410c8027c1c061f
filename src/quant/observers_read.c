/*
 * observers_read.c - a set of observers from JSON that nobody vouches for. Lists are compared with
 * the sizes they should have before memory is taken, so a file gets no more than it holds; counts
 * must be those that observing would have given.
 */
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/json_list.h"
#include "quant/observer_set.h"

#include <string.h>

/* A little above the largest float, which has nine digits that round up. */
#define FLOAT_BOUND 3.4028235e38
#define SQUARE_BOUND 1e100

/* One observer of the file. */
typedef struct entry {
    dlx__json_obj o;
    const char *name;
    dlx__observer_spec spec;
    size_t n_channels, n_groups;
    uint64_t n_rows, n_batches;
    dlx__json_list min, max, counts, squares;
} entry;

static float as_float(double x)
{
    return (float)fmin(fmax(x, -(double)FLT_MAX), (double)FLT_MAX);
}

static dlx_result read_float(dlx__json_obj o, const char *key, float *out, dlx_error *err)
{
    double x = 0.0;
    DLX__TRY(dlx__json_number_opt(o, key, 0.0, FLOAT_BOUND, &x, NULL, err));
    *out = as_float(x);
    return DLX_OK;
}

/* A count may be more than the size_t of a small machine. */
static dlx_result read_count(dlx__json_obj o, const char *key, uint64_t *out, dlx_error *err)
{
    double x;
    DLX__TRY(dlx__json_number(o, key, 0.0, (double)DLX__OBSERVER_MAX_VALUES, &x, err));
    if (x != floor(x))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected \"%s\" to be a whole number, found %.17g; mend the field",
                         o.path, key, x);
    *out = (uint64_t)x;
    return DLX_OK;
}

static dlx_result read_spec(entry *e, dlx_error *err)
{
    const char *kind;
    DLX__TRY(dlx__json_text(e->o, "kind", &kind, err));
    int found = dlx__observer_kind_find(kind);
    if (found < 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected \"kind\" to be minmax, moving_average, percentile or mse, "
                         "found \"%.40s\"; mend the field",
                         e->o.path, kind);
    dlx__observer_spec *s = &e->spec;
    s->kind = (dlx__observer_kind)found;
    s->squares = dlx__json_has(e->o, "squares");
    DLX__TRY(
        dlx__json_size(e->o, "n_channels", 1, DLX__OBSERVER_MAX_CHANNELS, &e->n_channels, err));
    DLX__TRY(dlx__json_size(e->o, "group", 1, e->n_channels, &s->group, err));
    e->n_groups = e->n_channels / s->group;
    DLX__TRY(dlx__json_size_opt(e->o, "n_bins", DLX__HISTOGRAM_MIN_BINS, DLX__HISTOGRAM_MAX_BINS,
                                &s->n_bins, NULL, err));
    DLX__TRY(read_float(e->o, "percentile", &s->percentile, err));
    return read_float(e->o, "momentum", &s->momentum, err);
}

/* The numbers of rows and batches go together. */
static dlx_result read_rows(entry *e, dlx_error *err)
{
    DLX__TRY(read_count(e->o, "n_rows", &e->n_rows, err));
    if (e->n_rows > DLX__OBSERVER_MAX_VALUES / e->spec.group)
        return dlx__fail(err, DLX_E_FORMAT, "%s: expected fewer rows, found %.0f; mend \"n_rows\"",
                         e->o.path, (double)e->n_rows);
    if (e->spec.kind != DLX__OBSERVER_MOVING_AVERAGE)
        return DLX_OK;
    DLX__TRY(read_count(e->o, "n_batches", &e->n_batches, err));
    if (e->n_batches > e->n_rows || (e->n_batches == 0) != (e->n_rows == 0))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a row at least in each batch, found %.0f batches and %.0f "
                         "rows; mend \"n_batches\"",
                         e->o.path, (double)e->n_batches, (double)e->n_rows);
    return DLX_OK;
}

static dlx_result read_list(entry *e, const char *key, size_t n, dlx__json_list *out,
                            dlx_error *err)
{
    DLX__TRY(dlx__json_list_get(out, e->o, key, err));
    return dlx__json_list_expect(out, n, err);
}

static dlx_result read_lists(entry *e, dlx_error *err)
{
    const dlx__observer_kind kind = e->spec.kind;
    DLX__TRY(read_list(e, "min", e->n_groups, &e->min, err));
    DLX__TRY(read_list(e, "max", e->n_groups, &e->max, err));
    if (kind == DLX__OBSERVER_PERCENTILE || kind == DLX__OBSERVER_MSE)
        DLX__TRY(read_list(e, "counts", e->n_groups, &e->counts, err));
    if (e->spec.squares)
        DLX__TRY(read_list(e, "squares", e->n_channels, &e->squares, err));
    return DLX_OK;
}

/* + 0 turns -0 into 0, as observing does. */
static dlx_result read_range(const entry *e, size_t g, dlx__range *out, dlx_error *err)
{
    double min, max;
    const double bound = e->n_rows ? FLOAT_BOUND : 0.0; /* nothing seen: 0, 0 */
    DLX__TRY(dlx__json_list_number(&min, &e->min, g, -bound, bound, err));
    DLX__TRY(dlx__json_list_number(&max, &e->max, g, -bound, bound, err));
    *out = (dlx__range){as_float(min) + 0.0f, as_float(max) + 0.0f};
    if (out->min <= out->max)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected \"min\" up to \"max\" in entry %zu, found %.9g and %.9g; mend "
                     "the lists",
                     e->o.path, g, (double)out->min, (double)out->max);
}

static dlx_result fail_counts(const entry *e, size_t g, dlx_error *err)
{
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected the counts of entry %zu to be whole, to begin and end with the "
                     "bins of \"min\" and \"max\" and to sum up to the values of \"n_rows\" rows, "
                     "found others; mend \"counts\"",
                     e->o.path, g);
}

/* What was counted, into a histogram that has its range and bins. */
static dlx_result read_counts(const entry *e, size_t g, const dlx__json_list *list,
                              dlx__histogram *h, dlx_error *err)
{
    const uint64_t n_values = e->n_rows * e->spec.group;
    uint64_t sum = 0;
    for (size_t i = 0; i < h->n; i++) {
        double x;
        DLX__TRY(dlx__json_list_number(&x, list, i, 0.0, (double)n_values, err));
        if (x != floor(x))
            return fail_counts(e, g, err);
        h->counts[i] = (uint64_t)x;
        sum += h->counts[i]; /* at most 2^16 times 2^52 */
    }
    if (sum != n_values || h->counts[0] == 0 || h->counts[h->n - 1] == 0)
        return fail_counts(e, g, err);
    h->n_values = n_values;
    return DLX_OK;
}

static dlx_result read_histogram(const entry *e, size_t g, const dlx__observer *o, dlx_error *err)
{
    dlx__json_list list;
    const dlx__range r = o->ranges[g];
    dlx__histogram *h = &o->histograms[g];
    DLX__TRY(dlx__json_list_list(&list, &e->counts, g, err));
    DLX__TRY(dlx__json_list_expect(&list, e->n_rows ? dlx__histogram_bins(r, h->n_bins) : 0, err));
    if (e->n_rows == 0)
        return DLX_OK;
    if (!dlx__histogram_cover(h, r))
        return dlx__fail_memory(err, "reading the counts of an observer",
                                dlx__mul(list.n, sizeof *h->counts));
    return read_counts(e, g, &list, h, err);
}

static dlx_result read_squares(const entry *e, dlx__observer *o, dlx_error *err)
{
    for (size_t c = 0; c < o->n_channels; c++)
        DLX__TRY(dlx__json_list_number(&o->squares[c], &e->squares, c, 0.0,
                                       e->n_rows ? SQUARE_BOUND : 0.0, err));
    return DLX_OK;
}

/* What the observer saw; all lists have the right lengths. */
static dlx_result fill(const entry *e, dlx__observer *o, dlx_error *err)
{
    o->n_rows = e->n_rows;
    o->n_batches = e->n_batches;
    for (size_t g = 0; g < o->n_groups; g++) {
        DLX__TRY(read_range(e, g, &o->ranges[g], err));
        if (o->histograms)
            DLX__TRY(read_histogram(e, g, o, err));
    }
    return o->squares ? read_squares(e, o, err) : DLX_OK;
}

/* The sentences of a refused spec speak of arguments; from a file, the file is at fault. */
static dlx_result add(dlx__observer_set *set, const entry *e, const char *path, dlx_error *err)
{
    dlx_result r = dlx__observer_set_add(set, e->name, &e->spec, e->n_channels, err);
    if (r == DLX_OK || r == DLX_E_NOMEM)
        return r;
    dlx__fail_prefix(err, path);
    if (err)
        err->code = DLX_E_FORMAT;
    return DLX_E_FORMAT;
}

static dlx_result read_observer(dlx__observer_set *set, dlx__json_obj o, dlx_error *err)
{
    entry e = {.o = o};
    dlx__buf where; /* file and name, for the sentences */
    dlx__buf_init(&where, set->mem);
    dlx_result r;
    DLX__GO(dlx__json_text(o, "name", &e.name, err));
    if (!dlx__buf_format(&where, "%s: %.200s", o.path, e.name)) {
        r = dlx__fail_memory(err, "reading observers", strlen(o.path));
        goto done;
    }
    e.o.path = where.data;
    DLX__GO(read_spec(&e, err));
    DLX__GO(read_rows(&e, err));
    DLX__GO(read_lists(&e, err));
    DLX__GO(add(set, &e, o.path, err));
    r = fill(&e, dlx__observer_set_find(set, e.name), err);
done:
    dlx__buf_release(&where);
    return r;
}

static dlx_result check_header(dlx__json_obj root, dlx_error *err)
{
    const char *format;
    size_t version;
    if (dlx__json_text(root, "format", &format, NULL) != DLX_OK ||
        strcmp(format, "dlx-observers") != 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a file that dlx quantize --observations wrote, which has "
                         "\"format\": \"dlx-observers\", found another",
                         root.path);
    return dlx__json_size(root, "version", 1, 1, &version, err);
}

dlx_result dlx__observer_set_parse(dlx__observer_set *set, const char *text, size_t n,
                                   const char *path, dlx_error *err)
{
    dlx__json_obj root, o;
    dlx__json_list list;
    json_t *json = NULL;
    dlx_result r;
    DLX__GO(dlx__json_parse_unique(&json, text, n, path, err));
    DLX__GO(dlx__json_root(&root, json, path, err));
    DLX__GO(check_header(root, err));
    DLX__GO(dlx__json_list_get(&list, root, "observers", err));
    for (size_t i = 0; i < list.n; i++) {
        DLX__GO(dlx__json_list_obj(&o, &list, i, err));
        DLX__GO(read_observer(set, o, err));
    }
done:
    if (r != DLX_OK)
        dlx__observer_set_release(set);
    dlx__json_free(json);
    return r;
}

dlx_result dlx__observer_set_load(dlx__observer_set *set, const char *path, dlx_error *err)
{
    char *text;
    size_t n;
    DLX__TRY(dlx__os_read_file(&text, &n, path, DLX__JSON_MAX_BYTES, set->mem, err));
    dlx_result r = dlx__observer_set_parse(set, text, n, path, err);
    dlx__free(set->mem, text);
    return r;
}
