/* ranges.c - observers by the places of a model. */
#include "quant/ranges.h"

#include "base/fail.h"

#include <math.h>
#include <stdio.h>

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

static dlx__observer *find(const dlx__observer_set *set, dlx__role role, size_t layer)
{
    char name[DLX__RANGE_NAME_BYTES];
    return dlx__range_name(name, role, layer) ? dlx__observer_set_find(set, name) : NULL;
}

static dlx_result check_place(const dlx__observer_set *set, const dlx__model *m, dlx__role role,
                              size_t layer, dlx_error *err)
{
    char name[DLX__RANGE_NAME_BYTES];
    const dlx__observer *o = find(set, role, layer);
    const size_t n_in =
        role == DLX__ROLE_HEAD ? m->hp.n_embd : dlx__model_tensor(m, role, layer)->shape[1];
    dlx__range_name(name, role, layer);
    if (o && o->n_channels == n_in && o->n_rows > 0)
        return DLX_OK;
    if (o && o->n_channels == n_in)
        return dlx__fail(err, DLX_E_MISMATCH, "%s: this observer saw nothing", name);
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected an observer of %zu channels, found %s; take observations of "
                     "this model",
                     name, n_in, o ? "other channels" : "none");
}

dlx_result dlx__ranges_check(const dlx__observer_set *set, const dlx__model *m, dlx_error *err)
{
    for (size_t layer = 0; layer < m->hp.n_layers; layer++)
        for (int site = 0; site < DLX__N_SITES; site++)
            DLX__TRY(check_place(set, m, dlx__sites[site].readers[0], layer, err));
    DLX__TRY(check_place(set, m, DLX__ROLE_HEAD, 0, err));
    if (set->n == DLX__N_SITES * m->hp.n_layers + 1)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "expected %zu observers for this model, found %zu; take observations of this "
                     "model",
                     DLX__N_SITES * m->hp.n_layers + 1, set->n);
}

dlx_result dlx__ranges_begin(const dlx__ranges *r, dlx__role role, size_t layer, size_t n_in,
                             dlx_error *err)
{
    char name[DLX__RANGE_NAME_BYTES];
    dlx__range_name(name, role, layer);
    return dlx__observer_set_add(r->seen, name, r->spec, n_in, err);
}

dlx_result dlx__ranges_add(const dlx__ranges *r, dlx__role role, size_t layer, const float *x,
                           size_t stride, size_t n, dlx_error *err)
{
    dlx__observer *o = find(r->seen, role, layer);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(dlx__observer_add(o, x + i * stride, 1, err));
    return DLX_OK;
}

dlx_result dlx__ranges_end(const dlx__ranges *r, dlx__role role, size_t layer, dlx_error *err)
{
    char name[DLX__RANGE_NAME_BYTES];
    if (!r->earlier)
        return DLX_OK;
    const dlx__observer *before = find(r->earlier, role, layer);
    if (before)
        return dlx__observer_merge(find(r->seen, role, layer), before, err);
    dlx__range_name(name, role, layer);
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected an observer of this name among the ones given, found none; take "
                     "observations of this model",
                     name);
}

dlx_result dlx__ranges_largest(const dlx__ranges *r, dlx__role role, size_t layer, int bits,
                               float *largest, dlx_error *err)
{
    const dlx__affine_grid grid = {.bits = bits, .symmetric = true};
    dlx__range range;
    DLX__TRY(dlx__observer_range(find(r->seen, role, layer), 0, grid, &range, err));
    *largest = fmaxf(fmaxf(fabsf(range.min), fabsf(range.max)), 1e-30f);
    return DLX_OK;
}
