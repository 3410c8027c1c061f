/* site.c - scaling the rows between the matrices of a layer. */
#include "quant/site.h"

#include <math.h>

const dlx__site dlx__sites[DLX__N_SITES] = {
    [DLX__SITE_ATTN] = {{DLX__ROLE_Q, DLX__ROLE_K, DLX__ROLE_V}, 3, DLX__ROLE_ATTN_NORM},
    [DLX__SITE_O] = {{DLX__ROLE_O}, 1, DLX__ROLE_V},
    [DLX__SITE_MLP] = {{DLX__ROLE_GATE, DLX__ROLE_UP}, 2, DLX__ROLE_MLP_NORM},
    [DLX__SITE_DOWN] = {{DLX__ROLE_DOWN}, 1, DLX__ROLE_UP},
};

dlx__site_index dlx__site_of(dlx__role role)
{
    for (int site = 0; site < DLX__N_SITES; site++)
        for (size_t i = 0; i < dlx__sites[site].n_readers; i++)
            if (dlx__sites[site].readers[i] == role)
                return (dlx__site_index)site;
    return DLX__N_SITES;
}

/* Features that row `row` of the maker's matrix gives: feature_of(... 0 .. n_sharing - 1). Query
 * heads share their value head. */
static size_t n_sharing(dlx__site_index site, const dlx__hparams *hp)
{
    return site == DLX__SITE_O ? hp->n_heads / hp->n_heads_kv : 1;
}

static size_t feature_of(dlx__site_index site, const dlx__hparams *hp, size_t row, size_t k)
{
    const size_t head = row / hp->head_dim * n_sharing(site, hp) + k;
    return site == DLX__SITE_O ? head * hp->head_dim + row % hp->head_dim : row;
}

void dlx__site_share(float *x, dlx__site_index site, const dlx__hparams *hp)
{
    const size_t n = n_sharing(site, hp), n_rows = hp->n_heads_kv * hp->head_dim;
    for (size_t row = 0; row < n_rows && n > 1; row++) {
        float sum = 0;
        for (size_t k = 0; k < n; k++) {
            const float each = x[feature_of(site, hp, row, k)];
            sum += each * each;
        }
        for (size_t k = 0; k < n; k++)
            x[feature_of(site, hp, row, k)] = sqrtf(sum / (float)n);
    }
}

static void multiply_columns(dlx__rows w, const float *scales)
{
    for (size_t r = 0; r < w.n_rows; r++)
        for (size_t i = 0; i < w.n_cols; i++)
            w.x[r * w.stride + i] *= scales[i];
}

static void divide_rows(dlx__layer *l, dlx__site_index site, const float *scales,
                        const dlx__hparams *hp)
{
    const dlx__role maker = dlx__sites[site].maker;
    const dlx__rows w = dlx__layer_matrix(l, maker);
    float *bias = maker == DLX__ROLE_V ? dlx__layer_data(l, DLX__ROLE_V_BIAS) : NULL;
    for (size_t row = 0; row < w.n_rows; row++) {
        const float scale = scales[feature_of(site, hp, row, 0)];
        for (size_t c = 0; c < w.n_cols; c++)
            w.x[row * w.stride + c] /= scale;
        if (bias)
            bias[row] /= scale;
    }
}

void dlx__site_scale(dlx__layer *l, dlx__site_index site, const float *scales,
                     const dlx__hparams *hp)
{
    const dlx__site *s = &dlx__sites[site];
    for (size_t i = 0; i < s->n_readers; i++)
        multiply_columns(dlx__layer_matrix(l, s->readers[i]), scales);
    const dlx__tensor *maker = &l->tensors[s->maker];
    if (maker->n_dims > 1) {
        divide_rows(l, site, scales, hp);
        return;
    }
    float *norm = dlx__layer_data(l, s->maker);
    for (size_t i = 0; i < maker->shape[0]; i++)
        norm[i] /= scales[i];
}
