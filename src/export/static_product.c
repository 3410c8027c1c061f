/* static_product.c - scales first: a pass over the weights, then one over the outputs. */
#include "export/static_product.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <float.h>
#include <math.h>

#define LEAST_RATIO 0x1p-31  /* of a unit to out.scale: no sum of int32 reaches a step below it */
#define MOST_RATIO 128.0     /* the runtime refuses 256 */
#define MOST_PRODUCT 32385.0 /* 127 levels of a weight times 255 of a row */
#define LEAST_WEIGHT 1e-30f  /* rows of less count as zeros, as in pack_row.c */

/* ---- scales -------------------------------------------------------------------------------- */

/* The scale of which all numbers of the row are whole multiples up to 127; 0: there is none. */
static float whole_scale(const float *x, size_t n, float largest)
{
    const float nearly = 1e-3f;
    for (int most = 127; most > 0; most--) {
        const float scale = largest / (float)most;
        size_t i = 0;
        while (i < n && fabsf(x[i] / scale - rintf(x[i] / scale)) <= nearly)
            i++;
        if (i == n)
            return scale;
    }
    return 0;
}

/* The scale of row o, whose numbers go to x; 0: all of them are zeros. */
static dlx_result row_scale(dlx__static_product *p, const dlx__tensor *w, size_t o, float *x,
                            dlx_error *err)
{
    const size_t n = w->shape[1];
    float largest = 0, whole = 0;
    DLX__TRY(dlx__stored_row_read(x, w, o, DLX__PACK_INT8, err));
    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    p->scales[o] = 0;
    if (largest < LEAST_WEIGHT)
        return DLX_OK;
    if (!dlx__stored_row_pack(&p->scales[o], DLX__PACK_INT8, DLX__ROW_SCALES, w, o, x))
        p->is_again = true;
    if (w->dtype == DLX__F32)
        whole = whole_scale(x, n, largest);
    if (whole > 0)
        p->scales[o] = whole;
    return DLX_OK;
}

/* ---- outputs ------------------------------------------------------------------------------- */

static dlx_result finish_output(dlx__static_product *p, const dlx__node *node, size_t o, float bias,
                                double room, dlx_error *err)
{
    const double in = (double)p->in.scale, out = (double)p->out.scale;
    double scale = p->scales[o] > 0 ? (double)p->scales[o] : out / in;
    scale = fmax(scale, out * LEAST_RATIO / in);
    scale = fmax(scale, fmin(fabs((double)bias) / (in * room), out * MOST_RATIO / in));
    p->scales[o] = (float)scale;
    p->units[o] = p->in.scale * p->scales[o];
    if (!isnormal(p->scales[o]) || !isnormal(p->units[o]) || p->units[o] / p->out.scale >= 256)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s, row %zu: expected weights and ranges that int8 products can hold, "
                         "found a scale of %g for rows of %g and results of %g; take the scheme "
                         "dynamic",
                         node->weight->name, o, (double)p->scales[o], in, out);
    if (p->bias)
        p->bias[o] =
            (int32_t)fmin(fmax(nearbyint((double)bias / (double)p->units[o]), -room), room);
    return DLX_OK;
}

/* x: [the longer of n_in and n_out] */
static dlx_result fill(dlx__static_product *p, const dlx__node *node, float *x, dlx_error *err)
{
    const dlx__tensor *w = node->weight;
    const double room = (double)INT32_MAX - MOST_PRODUCT * (double)w->shape[1];
    float widest = 0;
    if (room < 1)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected rows of at most 66000 numbers, whose sums int32 holds, "
                         "found %zu; take the scheme dynamic",
                         w->name, w->shape[1]);
    for (size_t o = 0; o < w->shape[0]; o++) {
        DLX__TRY(row_scale(p, w, o, x, err));
        widest = fmaxf(widest, p->scales[o]);
    }
    const float least = (float)((double)p->in.scale * (double)widest / MOST_RATIO);
    p->out = dlx__affine_at_least(node->out_range, fmaxf(DLX__AFFINE_LEAST_SCALE, least));
    if (node->bias)
        DLX__TRY(dlx__stored_row_read(x, node->bias, 0, DLX__PACK_FP32, err));
    for (size_t o = 0; o < w->shape[0]; o++)
        DLX__TRY(finish_output(p, node, o, node->bias ? x[o] : 0, room, err));
    return DLX_OK;
}

/* ---- the product --------------------------------------------------------------------------- */

size_t dlx__static_product_bytes(const dlx__node *node)
{
    const size_t each = 2 * sizeof(float) + (node->bias ? sizeof(int32_t) : 0);
    return dlx__mul(node->weight->shape[0], each);
}

dlx_result dlx__static_product_make(dlx__static_product *p, const dlx__node *node, bool weights,
                                    dlx__arena *arena, dlx_error *err)
{
    const size_t n_out = node->weight->shape[0];
    const size_t n_bytes = dlx__mul(dlx__max(n_out, node->weight->shape[1]), sizeof(float));
    *p = (dlx__static_product){.scales = dlx__arena_alloc(arena, n_out, sizeof *p->scales),
                               .units = dlx__arena_alloc(arena, n_out, sizeof *p->units)};
    if (node->bias)
        p->bias = dlx__arena_alloc(arena, n_out, sizeof *p->bias);
    float *x = dlx__alloc(arena->mem, n_bytes);
    dlx_result r = DLX_OK;
    p->in = dlx__affine_at_least(node->in_range, DLX__AFFINE_LEAST_SCALE);
    p->out = dlx__affine_at_least(node->out_range, DLX__AFFINE_LEAST_SCALE);
    if (!p->scales || !p->units || !x || (node->bias && !p->bias))
        r = dlx__fail_memory(err, "preparing int8 products", n_bytes);
    else if (weights)
        r = fill(p, node, x, err);
    dlx__free(arena->mem, x);
    return r;
}

void dlx__static_product_row(int8_t *q, const dlx__static_product *p, const float *x, size_t n_in,
                             size_t o)
{
    dlx__pack_int8(q, x, n_in, p->scales[o]);
}
