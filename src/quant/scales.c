/* scales.c - trying powers of the features' magnitudes. */
#include "quant/scales.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <math.h>
#include <string.h>

enum {
    N_ALPHAS = 20,
    MOST_OUTPUTS = 1024 /* of a matrix, whose errors stand for all */
};

typedef struct trial {
    const dlx__round_form *form;
    const dlx__moments *m;
    const float *scales;
    dlx__rows w;       /* the reader's matrix */
    size_t step;       /* every so many outputs */
    float *error;      /* [outputs][n_in] */
    float *importance; /* [n_in], of scaled weights */
    uint8_t *bytes;    /* [shares][row_bytes] */
    float *row;        /* [shares][n_in] */
    size_t row_bytes;
} trial;

/* error = the weights less what rounding leaves of them, both as the unscaled rows meet them. */
static void error_phase(void *arg, int share, int n_shares)
{
    const trial *t = arg;
    const size_t n = t->w.n_cols, n_out = (t->w.n_rows + t->step - 1) / t->step;
    uint8_t *bytes = t->bytes + (size_t)share * t->row_bytes;
    float *scaled = t->row + (size_t)share * n;
    size_t begin, end;
    dlx__pool_share(n_out, 1, share, n_shares, &begin, &end);
    for (size_t o = begin; o < end; o++) {
        const float *w = t->w.x + o * t->step * t->w.stride;
        float *error = t->error + o * n;
        for (size_t i = 0; i < n; i++)
            scaled[i] = w[i] * t->scales[i];
        dlx__pack_weighted(bytes, t->form->dtype, scaled, t->importance, t->form->group, n);
        dlx__to_f32(scaled, bytes, t->form->dtype, n);
        for (size_t i = 0; i < n; i++)
            error[i] = w[i] - scaled[i] / t->scales[i];
    }
}

/* The mean square of what the sample's products with the error give. */
static dlx_result cost_of(double *cost, trial *t, dlx__dense *d, float *products, dlx_error *err)
{
    const size_t n_out = (t->w.n_rows + t->step - 1) / t->step, n_sample = t->m->n_sample;
    for (size_t i = 0; i < t->m->n; i++)
        t->importance[i] /= t->scales[i] * t->scales[i];
    dlx__pool_run(d->pool, error_phase, t);
    memset(products, 0, n_out * n_sample * sizeof *products);
    DLX__TRY(dlx__dense_add_product(d, (dlx__rows){products, n_out, n_sample, n_sample}, 1,
                                    (dlx__rows){t->error, n_out, t->w.n_cols, t->w.n_cols},
                                    (dlx__rows){t->m->sample, n_sample, t->m->n, t->m->n}, false,
                                    err));
    for (size_t i = 0; i < n_out * n_sample; i++)
        *cost += (double)products[i] * (double)products[i] * (double)t->step;
    return DLX_OK;
}

/* Memory of a search, for the largest reader. */
typedef struct room {
    float *error, *products, *importance, *row, *magnitudes, *tried;
    uint8_t *bytes;
} room;

static void give_room(room *r, const dlx_allocator *mem)
{
    dlx__free(mem, r->error);
    dlx__free(mem, r->products);
    dlx__free(mem, r->importance);
    dlx__free(mem, r->row);
    dlx__free(mem, r->magnitudes);
    dlx__free(mem, r->tried);
    dlx__free(mem, r->bytes);
}

static dlx_result take_room(room *r, const dlx__moments *m, const dlx__dense *d, dlx_error *err)
{
    const size_t n_shares = (size_t)dlx__pool_size(d->pool), row = dlx__mul(m->n, sizeof(float));
    const size_t errors = dlx__mul(MOST_OUTPUTS, row);
    r->error = dlx__alloc(d->mem, errors);
    r->products = dlx__alloc(d->mem, (size_t)MOST_OUTPUTS * DLX__MOMENT_SAMPLE * sizeof(float));
    r->importance = dlx__alloc(d->mem, row);
    r->magnitudes = dlx__alloc(d->mem, row);
    r->tried = dlx__alloc(d->mem, row);
    r->row = dlx__alloc(d->mem, dlx__mul(n_shares, row));
    r->bytes = dlx__alloc(d->mem, dlx__mul(n_shares, row)); /* no type is wider than a float */
    if (r->error && r->products && r->importance && r->magnitudes && r->tried && r->row && r->bytes)
        return DLX_OK;
    return dlx__fail_memory(err, "looking for scales", errors);
}

/* The cost of all readers with the scales tried. */
static dlx_result try_scales(double *cost, room *r, const dlx__layer *l, const dlx__site *site,
                             const dlx__round_form *forms, const dlx__moments *m, dlx__dense *d,
                             dlx_error *err)
{
    *cost = 0;
    for (size_t i = 0; i < site->n_readers; i++) {
        if (dlx__grid_width(forms[i].dtype) == 0)
            continue;
        trial t = {.form = &forms[i],
                   .m = m,
                   .scales = r->tried,
                   .w = dlx__layer_matrix(l, site->readers[i]),
                   .error = r->error,
                   .importance = r->importance,
                   .bytes = r->bytes,
                   .row = r->row};
        t.row_bytes = dlx__dtype_bytes(forms[i].dtype, t.w.n_cols);
        t.step = (t.w.n_rows + MOST_OUTPUTS - 1) / MOST_OUTPUTS;
        dlx__moments_importance(m, r->importance);
        DLX__TRY(cost_of(cost, &t, d, r->products, err));
    }
    return DLX_OK;
}

/* tried = magnitudes to the power of alpha, their logarithms around 0. */
static void set_scales(float *tried, const float *magnitudes, size_t n, double alpha)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += log((double)magnitudes[i]) / (double)n;
    for (size_t i = 0; i < n; i++)
        tried[i] = (float)exp(alpha * (log((double)magnitudes[i]) - mean));
}

/* The root mean squares of the features; those that hardly occur count as a little. */
static void set_magnitudes(float *x, const dlx__moments *m, dlx__site_index site,
                           const dlx__hparams *hp)
{
    float most = 0;
    dlx__moments_importance(m, x);
    for (size_t i = 0; i < m->n; i++) {
        x[i] = sqrtf(fmaxf(x[i], 0));
        most = fmaxf(most, x[i]);
    }
    dlx__site_share(x, site, hp);
    for (size_t i = 0; i < m->n; i++)
        x[i] = fmaxf(x[i], most > 0 ? 1e-3f * most : 1);
}

static dlx_result search(float *scales, double *gain, room *r, const dlx__layer *l,
                         dlx__site_index site, const dlx__round_form *forms, const dlx__moments *m,
                         const dlx__hparams *hp, dlx__dense *d, dlx_error *err)
{
    double best = INFINITY, plain = 0;
    for (size_t i = 0; i < m->n; i++)
        scales[i] = 1;
    set_magnitudes(r->magnitudes, m, site, hp);
    for (int a = 0; a < N_ALPHAS; a++) {
        double cost;
        set_scales(r->tried, r->magnitudes, m->n, (double)a / N_ALPHAS);
        DLX__TRY(try_scales(&cost, r, l, &dlx__sites[site], forms, m, d, err));
        plain = a == 0 ? cost : plain;
        if (cost < best) {
            best = cost;
            memcpy(scales, r->tried, m->n * sizeof *scales);
        }
    }
    *gain = plain > 0 ? best / plain : 1;
    return DLX_OK;
}

dlx_result dlx__scales_search(float *scales, double *gain, const dlx__layer *l,
                              dlx__site_index site, const dlx__round_form *forms,
                              const dlx__moments *m, const dlx__hparams *hp, dlx__dense *d,
                              dlx_error *err)
{
    room r = {0};
    dlx_result result = take_room(&r, m, d, err);
    if (result == DLX_OK)
        result = search(scales, gain, &r, l, site, forms, m, hp, d, err);
    give_room(&r, d->mem);
    return result;
}
