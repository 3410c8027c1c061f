/* observers_write.c - a set of observers as JSON. Every number reads back as the same bits. */
#include "base/fail.h"
#include "base/os.h"
#include "format/json_file.h"
#include "quant/observer_set.h"

#include <stdio.h>
#include <string.h>

/* A finite number with so many digits; the decimal point of the caller's locale becomes a dot. */
static bool put_number(dlx__buf *out, double x, int n_digits)
{
    char text[40];
    snprintf(text, sizeof text, "%.*g", n_digits, x);
    char *odd = text + strspn(text, "+-0123456789e");
    if (*odd)
        *odd = '.';
    return dlx__buf_text(out, text);
}

enum { FLOAT = 9, DOUBLE = 17 }; /* digits that tell one from its neighbours */

static bool put_field(dlx__buf *out, const char *key, double x)
{
    return dlx__buf_format(out, ", \"%s\": ", key) && put_number(out, x, FLOAT);
}

static bool put_count(dlx__buf *out, const char *key, uint64_t n)
{
    return dlx__buf_format(out, ", \"%s\": %llu", key, (unsigned long long)n);
}

static bool put_counts(dlx__buf *out, const dlx__histogram *h)
{
    bool ok = dlx__buf_byte(out, '[');
    for (size_t i = 0; ok && i < h->n; i++)
        ok = dlx__buf_format(out, i ? ",%llu" : "%llu", (unsigned long long)h->counts[i]);
    return ok && dlx__buf_byte(out, ']');
}

/* "key": [...] with n entries; `entry` writes number i of them. */
static bool put_list(dlx__buf *out, const char *key, size_t n,
                     bool (*entry)(dlx__buf *out, const dlx__observer *o, size_t i),
                     const dlx__observer *o)
{
    bool ok = dlx__buf_format(out, ",\n   \"%s\": [", key);
    for (size_t i = 0; ok && i < n; i++)
        ok = (i == 0 || dlx__buf_text(out, ", ")) && entry(out, o, i);
    return ok && dlx__buf_byte(out, ']');
}

static bool put_min(dlx__buf *out, const dlx__observer *o, size_t g)
{
    return put_number(out, (double)o->ranges[g].min, FLOAT);
}

static bool put_max(dlx__buf *out, const dlx__observer *o, size_t g)
{
    return put_number(out, (double)o->ranges[g].max, FLOAT);
}

static bool put_histogram(dlx__buf *out, const dlx__observer *o, size_t g)
{
    return put_counts(out, &o->histograms[g]);
}

static bool put_square(dlx__buf *out, const dlx__observer *o, size_t c)
{
    return put_number(out, o->squares[c], DOUBLE);
}

/* A kind writes the fields that it reads. */
static bool put_spec(dlx__buf *out, const dlx__observer *o)
{
    const dlx__observer_spec *s = &o->spec;
    return dlx__buf_format(out, "  {\"name\": \"%s\", \"kind\": \"%s\"", o->name,
                           dlx__observer_kind_text(s->kind)) &&
           put_count(out, "n_channels", o->n_channels) && put_count(out, "group", s->group) &&
           (s->n_bins == 0 || put_count(out, "n_bins", s->n_bins)) &&
           (s->percentile == 0.0f || put_field(out, "percentile", (double)s->percentile)) &&
           (s->momentum == 0.0f || put_field(out, "momentum", (double)s->momentum));
}

static bool put_observer(dlx__buf *out, const dlx__observer *o)
{
    const bool averages = o->spec.kind == DLX__OBSERVER_MOVING_AVERAGE;
    return put_spec(out, o) && put_count(out, "n_rows", o->n_rows) &&
           (!averages || put_count(out, "n_batches", o->n_batches)) &&
           put_list(out, "min", o->n_groups, put_min, o) &&
           put_list(out, "max", o->n_groups, put_max, o) &&
           (!o->histograms || put_list(out, "counts", o->n_groups, put_histogram, o)) &&
           (!o->squares || put_list(out, "squares", o->n_channels, put_square, o)) &&
           dlx__buf_byte(out, '}');
}

static dlx_result fail_long(const dlx__observer_set *set, dlx_error *err)
{
    return dlx__fail(err, DLX_E_FULL,
                     "expected %zu observers to take at most %d bytes as JSON, found more; choose "
                     "larger groups of channels or fewer bins",
                     set->n, DLX__JSON_MAX_BYTES);
}

dlx_result dlx__observer_set_write(const dlx__observer_set *set, dlx__buf *out, dlx_error *err)
{
    const size_t before = out->len;
    bool ok = dlx__buf_text(out, "{\"format\": \"dlx-observers\", \"version\": 1,\n"
                                 " \"observers\": [");
    for (size_t i = 0; ok && i < set->n; i++) {
        ok = dlx__buf_text(out, i ? ",\n" : "\n") && put_observer(out, set->items[i]);
        if (out->len - before > DLX__JSON_MAX_BYTES - 8) /* it could not be read again */
            return fail_long(set, err);
    }
    if (!ok || !dlx__buf_text(out, "]}\n"))
        return dlx__fail_memory(err, "writing observers as JSON", out->len);
    return DLX_OK;
}

dlx_result dlx__observer_set_save(const dlx__observer_set *set, const char *path, dlx_error *err)
{
    dlx__buf out;
    dlx__buf_init(&out, set->mem);
    dlx__writer *w = NULL;
    dlx_result r;
    DLX__GO(dlx__observer_set_write(set, &out, err));
    DLX__GO(dlx__writer_open(&w, path, set->mem, err));
    DLX__GO(dlx__writer_write(w, out.data, out.len, err));
    r = dlx__writer_commit(w, err);
    w = NULL;
done:
    dlx__writer_abandon(w);
    dlx__buf_release(&out);
    return r;
}
