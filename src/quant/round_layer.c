/* round_layer.c - site by site: scales where the method has them, then the bytes of each reader. */
#include "quant/round_layer.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <string.h>

static const char *const names[DLX__N_METHODS] = {
#define METHOD_NAME(name, text) [DLX__METHOD_##name] = text,
    DLX__METHODS(METHOD_NAME)
#undef METHOD_NAME
};

const char *dlx__method_name(dlx__method method)
{
    return names[method];
}

bool dlx__method_find(dlx__method *out, const char *name)
{
    for (int i = 0; i < DLX__N_METHODS; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (dlx__method)i;
            return true;
        }
    return false;
}

/* ---- rounding rows each by itself ---------------------------------------------------------- */

typedef struct casting {
    dlx__rows w;
    const dlx__round_form *form;
    const float *importance; /* NULL: as ggml rounds */
    uint8_t *to;
    size_t row_bytes;
} casting;

static void cast_phase(void *arg, int share, int n_shares)
{
    const casting *c = arg;
    const bool plain = !c->importance && c->form->group == DLX__GRID_OWN;
    size_t begin, end;
    dlx__pool_share(c->w.n_rows, 1, share, n_shares, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const float *from = c->w.x + r * c->w.stride;
        uint8_t *to = c->to + r * c->row_bytes;
        if (plain || dlx__grid_width(c->form->dtype) == 0)
            dlx__from_f32(to, c->form->dtype, from, c->w.n_cols);
        else
            dlx__pack_weighted(to, c->form->dtype, from, c->importance, c->form->group,
                               c->w.n_cols);
    }
}

/* ---- the parts of the result --------------------------------------------------------------- */

static bool is_matrix(const dlx__tensor *t)
{
    return t->data && t->n_dims == 2;
}

static dlx__dtype dtype_of(const dlx__layer_plan *plan, const dlx__layer *l, int role)
{
    return is_matrix(&l->tensors[role]) ? plan->forms[role].dtype : DLX__F32;
}

static dlx_result take_room(dlx__rounded_layer *out, const dlx__layer *l,
                            const dlx__layer_plan *plan, dlx_error *err)
{
    size_t n = 0;
    for (int role = 0; role < DLX__N_ROLES; role++) {
        const dlx__tensor *from = &l->tensors[role];
        if (!from->data)
            continue;
        dlx__tensor *t = &out->tensors[role];
        *t = *from;
        t->dtype = dtype_of(plan, l, role);
        const size_t row = dlx__dtype_bytes(t->dtype, dlx__tensor_n_cols(from));
        t->n_bytes = dlx__mul(from->n_dims == 2 ? from->shape[0] : 1, row);
        if (t->n_bytes == SIZE_MAX)
            return dlx__fail(err, DLX_E_ARG, "%s: type %s takes whole blocks, not rows of %zu",
                             from->name, dlx__dtype_of(t->dtype)->name, dlx__tensor_n_cols(from));
        n = dlx__add(n, dlx__align(t->n_bytes, 64));
    }
    out->block = dlx__alloc_aligned(out->mem, n);
    if (!out->block)
        return dlx__fail_memory(err, "rounding a layer", n);
    uint8_t *at = out->block;
    for (int role = 0; role < DLX__N_ROLES; role++)
        if (out->tensors[role].data) {
            out->tensors[role].data = at;
            at += dlx__align(out->tensors[role].n_bytes, 64);
        }
    return DLX_OK;
}

static uint8_t *bytes_of(const dlx__rounded_layer *out, dlx__role role)
{
    return (uint8_t *)(uintptr_t)out->tensors[role].data;
}

/* ---- sites --------------------------------------------------------------------------------- */

typedef struct job {
    dlx__rounded_layer *out;
    dlx__layer *layer;
    const dlx__layer_plan *plan;
    dlx__moments *moments; /* [DLX__N_SITES], or NULL */
    const dlx__hparams *hp;
    dlx__dense *d;
    float *numbers; /* [widest]: scales, then importances */
} job;

static dlx_result scale_site(const job *j, dlx__site_index site, dlx_error *err)
{
    const dlx__site *s = &dlx__sites[site];
    dlx__moments *m = &j->moments[site];
    if (j->plan->stop && j->plan->stop(j->plan->user))
        return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
    dlx__round_form forms[3];
    double gain;
    for (size_t i = 0; i < s->n_readers; i++)
        forms[i] = j->plan->forms[s->readers[i]];
    DLX__TRY(dlx__scales_search(j->numbers, &gain, j->layer, site, forms, m, j->hp, j->d, err));
    dlx__site_scale(j->layer, site, j->numbers, j->hp);
    dlx__moments_divide(m, j->numbers);
    return DLX_OK;
}

static dlx_result round_reader(const job *j, dlx__site_index site, dlx__role role, dlx_error *err)
{
    const dlx__round_form *form = &j->plan->forms[role];
    if (j->plan->stop && j->plan->stop(j->plan->user))
        return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
    const dlx__rows w = dlx__layer_matrix(j->layer, role);
    const dlx__method method = j->plan->method;
    if (dlx__method_feeds_back(method) && dlx__grid_width(form->dtype)) {
        const dlx__feedback_form fed = {form->dtype, form->group, j->numbers};
        return dlx__feedback_round(bytes_of(j->out, role), w, &fed, &j->moments[site], j->d, err);
    }
    casting c = {.w = w,
                 .form = form,
                 .importance = method == DLX__METHOD_RTN ? NULL : j->numbers,
                 .to = bytes_of(j->out, role),
                 .row_bytes = dlx__dtype_bytes(form->dtype, w.n_cols)};
    dlx__pool_run(j->d->pool, cast_phase, &c);
    return DLX_OK;
}

static dlx_result round_site(const job *j, dlx__site_index site, dlx_error *err)
{
    const dlx__site *s = &dlx__sites[site];
    if (j->plan->method != DLX__METHOD_RTN)
        dlx__moments_importance(&j->moments[site], j->numbers);
    if (dlx__method_feeds_back(j->plan->method))
        DLX__TRY(dlx__feedback_prepare(&j->moments[site], j->d, j->plan->damping, err));
    for (size_t i = 0; i < s->n_readers; i++)
        DLX__TRY(round_reader(j, site, s->readers[i], err));
    return DLX_OK;
}

static dlx_result round_sites(const job *j, dlx_error *err)
{
    /* All scales first: a matrix may read one site and make another. */
    for (int site = 0; site < DLX__N_SITES && dlx__method_scales(j->plan->method); site++)
        DLX__TRY(scale_site(j, (dlx__site_index)site, err));
    for (int role = 0; role < DLX__N_ROLES; role++)
        if (j->layer->tensors[role].data && !is_matrix(&j->layer->tensors[role]))
            memcpy(bytes_of(j->out, (dlx__role)role), j->layer->tensors[role].data,
                   j->out->tensors[role].n_bytes);
    for (int site = 0; site < DLX__N_SITES; site++)
        DLX__TRY(round_site(j, (dlx__site_index)site, err));
    return DLX_OK;
}

dlx_result dlx__round_layer(dlx__rounded_layer *out, dlx__layer *l, const dlx__layer_plan *plan,
                            dlx__moments *moments, const dlx__hparams *hp, dlx__dense *d,
                            dlx_error *err)
{
    *out = (dlx__rounded_layer){.mem = d->mem};
    const size_t widest = dlx__max(dlx__max(hp->n_embd, hp->n_ff), hp->n_heads * hp->head_dim);
    job j = {.out = out, .layer = l, .plan = plan, .moments = moments, .hp = hp, .d = d};
    j.numbers = dlx__alloc(d->mem, dlx__mul(widest, sizeof *j.numbers));
    dlx_result r = j.numbers ? take_room(out, l, plan, err)
                             : dlx__fail_memory(err, "rounding a layer", widest * sizeof(float));
    if (r == DLX_OK)
        r = round_sites(&j, err);
    dlx__free(d->mem, j.numbers);
    if (r != DLX_OK)
        dlx__rounded_layer_release(out);
    return r;
}

void dlx__rounded_layer_release(dlx__rounded_layer *l)
{
    dlx__free_aligned(l->mem, l->block);
    *l = (dlx__rounded_layer){0};
}
