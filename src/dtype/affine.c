/* affine.c - scale and zero point of a range. */
#include "dtype/affine.h"

#include "base/fail.h"

dlx_result dlx__affine_grid_check(dlx__affine_grid grid, dlx_error *err)
{
    int bits = grid.bits ? grid.bits : 8;
    if (bits >= DLX__AFFINE_MIN_BITS && bits <= DLX__AFFINE_MAX_BITS)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "expected the bits of a quantized activation to be from %d to %d, found %d; 8 "
                     "and 16 are usual",
                     DLX__AFFINE_MIN_BITS, DLX__AFFINE_MAX_BITS, bits);
}

/* The scale as a normal float: what is smaller than that is lost, and runtimes divide by it. */
static float scale_of(double width, int n_steps)
{
    double scale = width / n_steps;
    if (scale == 0.0)
        return 1.0f;
    return scale < (double)FLT_MIN ? FLT_MIN : (float)scale;
}

static double clamped(double x, double least, double most)
{
    return fmin(fmax(x, least), most);
}

dlx__affine dlx__affine_of(dlx__affine_grid grid, dlx__range r)
{
    const int n = 1 << (grid.bits ? grid.bits : 8); /* how many q there are */
    dlx__affine a = {.q_min = grid.is_unsigned ? 0 : -n / 2};
    a.q_max = a.q_min + n - 1;
    const double low = fmin((double)r.min, 0.0), high = fmax((double)r.max, 0.0);
    if (grid.symmetric) {
        a.scale = scale_of(fmax(-low, high), n / 2 - 1);
        a.zero_point = a.q_min + n / 2;
    } else {
        a.scale = scale_of(high - low, n - 1);
        double zero = nearbyint(-low / (double)a.scale);
        a.zero_point = a.q_min + (int32_t)clamped(zero, 0.0, n - 1);
    }
    return a;
}

dlx__affine dlx__affine_at_least(dlx__range r, float least)
{
    const double low = fmin((double)r.min, 0.0);
    dlx__affine a = dlx__affine_of((dlx__affine_grid){.bits = 8}, r);
    if (a.scale < least) {
        a.scale = least;
        a.zero_point = a.q_min + (int32_t)clamped(nearbyint(-low / (double)least), 0.0, 255.0);
    }
    return a;
}

int32_t dlx__affine_quantize(const dlx__affine *a, float x)
{
    double q = nearbyint((double)x / (double)a->scale) + a->zero_point;
    return (int32_t)clamped(q, a->q_min, a->q_max);
}

float dlx__affine_dequantize(const dlx__affine *a, int32_t q)
{
    return (float)((double)a->scale * (q - a->zero_point));
}
