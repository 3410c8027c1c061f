/* quantizer.c - a model from its first tensor to its last. */
#include "quant/quantizer.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"
#include "model/bind.h"
#include "quant/plain.h"

#include <math.h>
#include <string.h>

dlx_result dlx__quantizer_each(const dlx__model *m, dlx__quantizer_fn fn, void *user,
                               dlx_error *err)
{
    DLX__TRY(fn(user, DLX__ROLE_EMBED, 0, err));
    for (size_t layer = 0; layer < m->hp.n_layers; layer++)
        for (int role = 0; role < DLX__N_ROLES; role++)
            if (dlx__role_per_layer((dlx__role)role) &&
                dlx__model_tensor(m, (dlx__role)role, layer))
                DLX__TRY(fn(user, (dlx__role)role, layer, err));
    DLX__TRY(fn(user, DLX__ROLE_FINAL_NORM, 0, err));
    return m->hp.tied ? DLX_OK : fn(user, DLX__ROLE_HEAD, 0, err);
}

typedef struct job {
    const dlx__model *m;
    const dlx__quantize_opts *o;
    const dlx__quantizer_sink *sink;
    dlx__dense d;
    size_t n_done, n_all; /* bytes of the model */
    float *stream;        /* [n_rows, n_embd]: before the layer, as the rounded ones leave it */
    float *scratch;       /* [n_rows, n_embd] */
    dlx__moments moments[DLX__N_SITES];
    const dlx__tensor *shown; /* [DLX__N_ROLES]: the tensors of the run that is observed */
    size_t layer;             /* that is observed */
    dlx_error *err;           /* where an observer's failure goes */
    dlx_result failed;
} job;

static bool has_moments(const job *j)
{
    return j->o->method != DLX__METHOD_RTN;
}

static bool has_ranges(const job *j)
{
    return dlx__scheme_is_recorded(j->o->scheme);
}

/* Asked within the work on a layer. */
static bool is_stopped(void *user)
{
    const job *j = user;
    return j->o->progress && !j->o->progress(j->o->user, j->n_done, j->n_all);
}

static dlx_result tell(job *j, dlx__role role, size_t layer, dlx_error *err)
{
    j->n_done += dlx__model_tensor(j->m, role, layer)->n_bytes;
    if (!j->o->progress || j->o->progress(j->o->user, j->n_done, j->n_all))
        return DLX_OK;
    return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
}

/* ---- without calibration ------------------------------------------------------------------- */

static dlx_result put_plain(void *user, dlx__role role, size_t layer, dlx_error *err)
{
    job *j = user;
    const dlx__ruling ruling = dlx__rules_apply(&j->o->rules, j->m, role, layer);
    DLX__TRY(dlx__plain_put(j->m, role, layer, ruling, j->sink, j->d.pool, j->o->mem, err));
    return tell(j, role, layer, err);
}

/* ---- with calibration ---------------------------------------------------------------------- */

static dlx__site_index shown_site(const job *j, const dlx__tensor *weight)
{
    return dlx__site_of((dlx__role)(weight - j->shown));
}

static void observe_moments(void *user, const dlx__tensor *weight, const float *x, size_t stride,
                            size_t n, size_t n_in)
{
    job *j = user;
    const dlx__rows rows = {(float *)(uintptr_t)x, n, n_in, stride};
    if (j->failed == DLX_OK)
        j->failed = dlx__moments_add(&j->moments[shown_site(j, weight)], &j->d, rows, j->err);
}

static void observe_ranges(void *user, const dlx__tensor *weight, const float *x, size_t stride,
                           size_t n, size_t n_in)
{
    job *j = user;
    const dlx__role role = (dlx__role)(weight - j->shown);
    (void)n_in;
    if (j->failed == DLX_OK)
        j->failed = dlx__ranges_add(j->o->ranges, role, j->layer, x, stride, n, j->err);
}

static void observe_outputs(void *user, const dlx__tensor *weight, const float *y, size_t stride,
                            size_t n, size_t n_out)
{
    job *j = user;
    const dlx__role role = (dlx__role)(weight - j->shown);
    (void)n_out;
    if (j->failed == DLX_OK)
        j->failed = dlx__ranges_add_out(j->o->ranges, role, j->layer, y, stride, n, j->err);
}

static dlx_result run_layer(job *j, float *stream, const dlx__tensor *weights, dlx__scheme scheme,
                            dlx__layer_observer observe, dlx_error *err)
{
    const bool outputs = observe == observe_ranges && j->o->ranges->outputs;
    const dlx__layer_run run = {.model = j->m,
                                .weights = weights,
                                .passes = j->o->calibration,
                                .scheme = scheme,
                                .n_threads = j->o->n_threads,
                                .observe = observe,
                                .observe_out = outputs ? observe_outputs : NULL,
                                .stop = is_stopped,
                                .user = j,
                                .mem = j->o->mem};
    j->shown = weights;
    j->err = err;
    j->failed = DLX_OK;
    DLX__TRY(dlx__layer_compute(stream, &run, err));
    return j->failed;
}

static size_t stream_bytes(const job *j)
{
    return dlx__mul(dlx__mul(j->o->calibration->n_rows, j->m->hp.n_embd), sizeof(float));
}

/* What the layer's products read while its weights are still as they were. */
static dlx_result take_moments(job *j, size_t layer, dlx_error *err)
{
    dlx__tensor weights[DLX__N_ROLES] = {0};
    for (int role = 0; role < DLX__N_ROLES; role++)
        if (dlx__role_per_layer((dlx__role)role) && dlx__model_tensor(j->m, (dlx__role)role, layer))
            weights[role] = *dlx__model_tensor(j->m, (dlx__role)role, layer);
    for (int site = 0; site < DLX__N_SITES; site++)
        dlx__moments_reset(&j->moments[site]);
    memcpy(j->scratch, j->stream, stream_bytes(j));
    return run_layer(j, j->scratch, weights, DLX__SCHEME_WEIGHT_ONLY, observe_moments, err);
}

/* The stream behind the rounded layer, for the next one. */
static dlx_result advance(job *j, const dlx__tensor *weights, size_t layer, dlx_error *err)
{
    if (!has_ranges(j))
        return run_layer(j, j->stream, weights, j->o->scheme, NULL, err);
    j->layer = layer;
    DLX__TRY(dlx__ranges_begin_layer(j->o->ranges, j->m, layer, err));
    DLX__TRY(run_layer(j, j->stream, weights, DLX__SCHEME_WEIGHT_ONLY, observe_ranges, err));
    return dlx__ranges_end_layer(j->o->ranges, layer, err);
}

/* What the product of a role reads and writes. */
static dlx_result tell_range(job *j, dlx__role role, size_t layer, dlx_error *err)
{
    char name[DLX__RANGE_NAME_BYTES];
    dlx__product_ranges ranges;
    if (!has_ranges(j) || !dlx__range_name(name, role, layer))
        return DLX_OK;
    const int bits = j->o->scheme == DLX__SCHEME_STATIC16 ? 16 : 8;
    DLX__TRY(dlx__ranges_of(j->o->ranges, role, layer, bits, &ranges, err));
    return j->sink->range(j->sink->user, role, layer, &ranges, err);
}

static dlx_result put_layer(job *j, const dlx__rounded_layer *rounded, size_t layer, dlx_error *err)
{
    for (int role = 0; role < DLX__N_ROLES; role++) {
        const dlx__tensor *t = &rounded->tensors[role];
        if (!t->data)
            continue;
        const size_t n_rows = dlx__tensor_n_rows(t);
        DLX__TRY(j->sink->put(j->sink->user, (dlx__role)role, layer, t, 0, n_rows, err));
        DLX__TRY(tell_range(j, (dlx__role)role, layer, err));
        DLX__TRY(tell(j, (dlx__role)role, layer, err));
    }
    return DLX_OK;
}

static dlx_result check_finite(const dlx__model *m, const dlx__layer *l, dlx_error *err)
{
    for (int role = 0; role < DLX__N_ROLES; role++) {
        const dlx__tensor *t = &l->tensors[role];
        const float *x = t->data;
        const size_t n = x ? dlx__tensor_elems(t) : 0;
        for (size_t i = 0; i < n; i++)
            if (!isfinite(x[i]))
                return dlx__fail(err, DLX_E_FORMAT,
                                 "%s: tensor %s: expected finite numbers, found NaN or infinity at "
                                 "%zu; fetch the model again",
                                 m->checkpoint.path, t->name, i);
    }
    return DLX_OK;
}

/* The file's bytes of a layer are not read again. */
static void drop_layer(const dlx__model *m, size_t layer)
{
    for (int role = 0; role < DLX__N_ROLES; role++) {
        const dlx__tensor *t = dlx__model_tensor(m, (dlx__role)role, layer);
        if (t && dlx__role_per_layer((dlx__role)role))
            dlx__model_drop_pages(m, t->data, t->n_bytes);
    }
}

static dlx_result round_layer(job *j, size_t layer, dlx_error *err)
{
    dlx__layer floats = {0};
    dlx__rounded_layer rounded = {0};
    dlx__layer_plan plan = {.method = j->o->method,
                            .damping = j->o->damping > 0 ? j->o->damping : 0.01f,
                            .stop = is_stopped,
                            .user = j};
    dlx_result r = DLX_OK;
    for (int role = 0; role < DLX__N_ROLES; role++)
        if (dlx__role_per_layer((dlx__role)role) &&
            dlx__model_tensor(j->m, (dlx__role)role, layer)) {
            const dlx__ruling ruling = dlx__rules_apply(&j->o->rules, j->m, (dlx__role)role, layer);
            plan.forms[role] = (dlx__round_form){ruling.type, ruling.group};
        }
    if (has_moments(j))
        DLX__GO(take_moments(j, layer, err));
    DLX__GO(dlx__layer_open(&floats, j->m, layer, err));
    DLX__GO(check_finite(j->m, &floats, err));
    DLX__GO(dlx__round_layer(&rounded, &floats, &plan, j->moments, &j->m->hp, &j->d, err));
    dlx__layer_release(&floats);
    if (layer + 1 < j->m->hp.n_layers || has_ranges(j))
        DLX__GO(advance(j, rounded.tensors, layer, err));
    DLX__GO(put_layer(j, &rounded, layer, err));
    drop_layer(j->m, layer);
done:
    dlx__layer_release(&floats);
    dlx__rounded_layer_release(&rounded);
    return r;
}

/* What the head reads: the stream behind the last layer, normed. */
static dlx_result observe_head(job *j, dlx_error *err)
{
    const dlx__tensor *norm = dlx__model_tensor(j->m, DLX__ROLE_FINAL_NORM, 0);
    const size_t d = j->m->hp.n_embd;
    float *weight = j->scratch, *row = j->scratch + d; /* it has room for more than one row */
    dlx__to_f32(weight, norm->data, norm->dtype, d);
    DLX__TRY(dlx__ranges_begin_head(j->o->ranges, j->m, err));
    for (size_t r = 0; r < j->o->calibration->n_rows; r++) {
        j->d.kernels->norm(row, j->stream + r * d, weight, d, (float)j->m->hp.rms_eps);
        DLX__TRY(dlx__ranges_add(j->o->ranges, DLX__ROLE_HEAD, 0, row, d, 1, err));
    }
    return dlx__ranges_end_head(j->o->ranges, err);
}

static dlx_result open_moments(job *j, dlx_error *err)
{
    for (int site = 0; site < DLX__N_SITES && has_moments(j); site++) {
        const dlx__tensor *reader = dlx__model_tensor(j->m, dlx__sites[site].readers[0], 0);
        DLX__TRY(dlx__moments_open(&j->moments[site], reader->shape[1], j->o->mem, err));
    }
    return DLX_OK;
}

static dlx_result quantize_calibrated(job *j, dlx_error *err)
{
    const dlx__calibration *c = j->o->calibration;
    if (c->n_rows < 2)
        return dlx__fail(err, DLX_E_ARG,
                         "calibration: expected passes of two rows or more, found "
                         "none; give a file with some lines of text");
    DLX__TRY(open_moments(j, err));
    j->stream = dlx__alloc(j->o->mem, stream_bytes(j));
    j->scratch = dlx__alloc(j->o->mem, stream_bytes(j));
    if (!j->stream || !j->scratch)
        return dlx__fail_memory(err, "calibrating; fewer texts need less", stream_bytes(j));
    dlx__layer_embed(j->stream, j->m, c);
    DLX__TRY(put_plain(j, DLX__ROLE_EMBED, 0, err));
    for (size_t layer = 0; layer < j->m->hp.n_layers; layer++)
        DLX__TRY(round_layer(j, layer, err));
    if (has_ranges(j))
        DLX__TRY(observe_head(j, err));
    DLX__TRY(put_plain(j, DLX__ROLE_FINAL_NORM, 0, err));
    if (!j->m->hp.tied)
        DLX__TRY(put_plain(j, DLX__ROLE_HEAD, 0, err));
    return tell_range(j, DLX__ROLE_HEAD, 0, err);
}

/* ---- ranges of earlier runs alone ---------------------------------------------------------- */

static dlx_result put_ranged(void *user, dlx__role role, size_t layer, dlx_error *err)
{
    DLX__TRY(put_plain(user, role, layer, err));
    return role == DLX__ROLE_HEAD ? DLX_OK : tell_range(user, role, layer, err);
}

static dlx_result quantize_ranged(job *j, dlx_error *err)
{
    for (size_t layer = 0; layer < j->m->hp.n_layers; layer++) {
        DLX__TRY(dlx__ranges_begin_layer(j->o->ranges, j->m, layer, err));
        DLX__TRY(dlx__ranges_end_layer(j->o->ranges, layer, err));
    }
    DLX__TRY(dlx__ranges_begin_head(j->o->ranges, j->m, err));
    DLX__TRY(dlx__ranges_end_head(j->o->ranges, err));
    DLX__TRY(dlx__quantizer_each(j->m, put_ranged, j, err));
    return tell_range(j, DLX__ROLE_HEAD, 0, err);
}

static void release(job *j)
{
    for (int site = 0; site < DLX__N_SITES; site++)
        dlx__moments_release(&j->moments[site]);
    dlx__free(j->o->mem, j->stream);
    dlx__free(j->o->mem, j->scratch);
    dlx__dense_release(&j->d);
}

static dlx_result count_bytes(void *user, dlx__role role, size_t layer, dlx_error *err)
{
    job *j = user;
    (void)err;
    j->n_all += dlx__model_tensor(j->m, role, layer)->n_bytes;
    return DLX_OK;
}

/* Is there something to be learnt from texts, and is it there? */
static dlx_result check_calibration(const job *j, dlx_error *err)
{
    const bool observed = has_ranges(j) && j->o->ranges->earlier;
    if (j->o->calibration || (!has_moments(j) && (!has_ranges(j) || observed)))
        return DLX_OK;
    const bool method = has_moments(j);
    return dlx__fail(err, DLX_E_ARG,
                     "%s %s needs calibration: name a file of texts with --calibrate%s",
                     method ? "method" : "scheme",
                     method ? dlx__method_name(j->o->method) : dlx__scheme_name(j->o->scheme),
                     method ? "" : ", or what another run observed with --observed");
}

dlx_result dlx__quantize(const dlx__model *m, const dlx__quantize_opts *opts,
                         const dlx__quantizer_sink *sink, dlx_error *err)
{
    job j = {.m = m, .o = opts, .sink = sink};
    DLX__TRY(check_calibration(&j, err));
    DLX__TRY(dlx__quantizer_each(m, count_bytes, &j, err));
    DLX__TRY(dlx__dense_open(&j.d, opts->n_threads, opts->mem, err));
    dlx_result r;
    if (opts->calibration && (has_moments(&j) || has_ranges(&j)))
        r = quantize_calibrated(&j, err);
    else if (has_ranges(&j))
        r = quantize_ranged(&j, err);
    else
        r = dlx__quantizer_each(m, put_plain, &j, err);
    release(&j);
    return r;
}
