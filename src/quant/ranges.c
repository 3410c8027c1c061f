/* ranges.c - observers by the places of a model. */
#include "quant/ranges.h"

#include "base/fail.h"

#include <math.h>
#include <stdio.h>

/* What the product of a role reads, or writes. */
typedef struct place {
    dlx__role role;
    size_t layer;
    bool is_out;
} place;

bool dlx__range_name(char out[DLX__RANGE_NAME_BYTES], dlx__role role, size_t layer)
{
    static const char *const names[DLX__N_SITES] = {[DLX__SITE_ATTN] = "attn",
                                                    [DLX__SITE_O] = "attn_output",
                                                    [DLX__SITE_MLP] = "ffn",
                                                    [DLX__SITE_DOWN] = "ffn_down"};
    const dlx__site_index site = dlx__site_of(role);
    if (role == DLX__ROLE_HEAD)
        snprintf(out, DLX__RANGE_NAME_BYTES, "output");
    else if (site != DLX__N_SITES)
        snprintf(out, DLX__RANGE_NAME_BYTES, "blk.%zu.%s", layer, names[site]);
    return role == DLX__ROLE_HEAD || site != DLX__N_SITES;
}

bool dlx__range_out_name(char out[DLX__RANGE_NAME_BYTES], dlx__role role, size_t layer)
{
    static const char *const names[DLX__N_ROLES] = {
        [DLX__ROLE_Q] = "attn_q",      [DLX__ROLE_K] = "attn_k",      [DLX__ROLE_V] = "attn_v",
        [DLX__ROLE_GATE] = "ffn_gate", [DLX__ROLE_O] = "attn_output", [DLX__ROLE_UP] = "ffn_up",
        [DLX__ROLE_DOWN] = "ffn_down"};
    if (names[role])
        snprintf(out, DLX__RANGE_NAME_BYTES, "blk.%zu.%s.out", layer, names[role]);
    return names[role] != NULL;
}

static bool name_of(char out[DLX__RANGE_NAME_BYTES], place p)
{
    return p.is_out ? dlx__range_out_name(out, p.role, p.layer)
                    : dlx__range_name(out, p.role, p.layer);
}

static dlx__observer *find(const dlx__observer_set *set, place p)
{
    char name[DLX__RANGE_NAME_BYTES];
    return name_of(name, p) ? dlx__observer_set_find(set, name) : NULL;
}

static size_t n_columns(const dlx__model *m, place p)
{
    if (p.role == DLX__ROLE_HEAD)
        return m->hp.n_embd;
    return dlx__model_tensor(m, p.role, p.layer)->shape[p.is_out ? 0 : 1];
}

/* The places of a layer, inputs first, into at [MOST_PLACES]; returns how many. */
enum { MOST_PLACES = DLX__N_SITES + DLX__N_ROLES };
static size_t places_of(place *at, size_t layer, bool outputs)
{
    char name[DLX__RANGE_NAME_BYTES];
    size_t n = 0;
    for (int site = 0; site < DLX__N_SITES; site++)
        at[n++] = (place){dlx__sites[site].readers[0], layer, false};
    for (int role = 0; role < DLX__N_ROLES && outputs; role++)
        if (dlx__range_out_name(name, (dlx__role)role, layer))
            at[n++] = (place){(dlx__role)role, layer, true};
    return n;
}

/* ---- sets from files ----------------------------------------------------------------------- */

bool dlx__ranges_have_outputs(const dlx__observer_set *set)
{
    return find(set, (place){DLX__ROLE_Q, 0, true}) != NULL;
}

static dlx_result check_place(const dlx__observer_set *set, const dlx__model *m, place p,
                              dlx_error *err)
{
    char name[DLX__RANGE_NAME_BYTES];
    const dlx__observer *o = find(set, p);
    const size_t n = n_columns(m, p);
    name_of(name, p);
    if (o && o->n_channels == n && o->n_rows > 0)
        return DLX_OK;
    if (o && o->n_channels == n)
        return dlx__fail(err, DLX_E_MISMATCH, "%s: this observer saw nothing", name);
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected an observer of %zu channels, found %s; take observations of "
                     "this model",
                     name, n, o ? "other channels" : "none");
}

dlx_result dlx__ranges_check(const dlx__observer_set *set, const dlx__model *m, dlx_error *err)
{
    const bool outputs = dlx__ranges_have_outputs(set);
    place at[MOST_PLACES];
    size_t n_all = 1;
    for (size_t layer = 0; layer < m->hp.n_layers; layer++) {
        const size_t n = places_of(at, layer, outputs);
        for (size_t i = 0; i < n; i++)
            DLX__TRY(check_place(set, m, at[i], err));
        n_all += n;
    }
    DLX__TRY(check_place(set, m, (place){DLX__ROLE_HEAD, 0, false}, err));
    if (set->n == n_all)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "expected %zu observers for this model, found %zu; take observations of this "
                     "model",
                     n_all, set->n);
}

/* ---- observing ----------------------------------------------------------------------------- */

static dlx_result begin(const dlx__ranges *r, const dlx__model *m, place p, dlx_error *err)
{
    char name[DLX__RANGE_NAME_BYTES];
    name_of(name, p);
    return dlx__observer_set_add(r->seen, name, r->spec, n_columns(m, p), err);
}

static dlx_result end(const dlx__ranges *r, place p, dlx_error *err)
{
    char name[DLX__RANGE_NAME_BYTES];
    if (!r->earlier)
        return DLX_OK;
    const dlx__observer *before = find(r->earlier, p);
    if (before)
        return dlx__observer_merge(find(r->seen, p), before, err);
    name_of(name, p);
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected an observer of this name among the ones given, found none; take "
                     "observations of this model",
                     name);
}

dlx_result dlx__ranges_begin_layer(const dlx__ranges *r, const dlx__model *m, size_t layer,
                                   dlx_error *err)
{
    place at[MOST_PLACES];
    const size_t n = places_of(at, layer, r->outputs);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(begin(r, m, at[i], err));
    return DLX_OK;
}

dlx_result dlx__ranges_end_layer(const dlx__ranges *r, size_t layer, dlx_error *err)
{
    place at[MOST_PLACES];
    const size_t n = places_of(at, layer, r->outputs);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(end(r, at[i], err));
    return DLX_OK;
}

dlx_result dlx__ranges_begin_head(const dlx__ranges *r, const dlx__model *m, dlx_error *err)
{
    return begin(r, m, (place){DLX__ROLE_HEAD, 0, false}, err);
}

dlx_result dlx__ranges_end_head(const dlx__ranges *r, dlx_error *err)
{
    return end(r, (place){DLX__ROLE_HEAD, 0, false}, err);
}

static dlx_result add(const dlx__ranges *r, place p, const float *x, size_t stride, size_t n,
                      dlx_error *err)
{
    dlx__observer *o = find(r->seen, p);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(dlx__observer_add(o, x + i * stride, 1, err));
    return DLX_OK;
}

dlx_result dlx__ranges_add(const dlx__ranges *r, dlx__role role, size_t layer, const float *x,
                           size_t stride, size_t n, dlx_error *err)
{
    return add(r, (place){role, layer, false}, x, stride, n, err);
}

dlx_result dlx__ranges_add_out(const dlx__ranges *r, dlx__role role, size_t layer, const float *y,
                               size_t stride, size_t n, dlx_error *err)
{
    return add(r, (place){role, layer, true}, y, stride, n, err);
}

/* ---- what was seen ------------------------------------------------------------------------- */

dlx_result dlx__ranges_of(const dlx__ranges *r, dlx__role role, size_t layer, int bits,
                          dlx__product_ranges *out, dlx_error *err)
{
    const dlx__affine_grid symmetric = {.bits = bits, .symmetric = true}, grid = {.bits = bits};
    const dlx__observer *in = find(r->seen, (place){role, layer, false});
    const dlx__observer *written = find(r->seen, (place){role, layer, true});
    dlx__range range;
    DLX__TRY(dlx__observer_range(in, 0, symmetric, &range, err));
    *out =
        (dlx__product_ranges){.largest = fmaxf(fmaxf(fabsf(range.min), fabsf(range.max)), 1e-30f)};
    if (!r->outputs)
        return DLX_OK;
    DLX__TRY(dlx__observer_range(in, 0, grid, &out->in, err));
    return written ? dlx__observer_range(written, 0, grid, &out->out, err) : DLX_OK;
}
