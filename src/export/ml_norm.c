/*
 * ml_norm.c - x * rsqrt(mean(x * x) + eps) * w in fp16. Squares overflow there from 256 on, and
 * rows of Qwen have numbers in the thousands; rows of an embedding are so small that their squares
 * lose all digits. So a row is divided by its largest magnitude m first, and eps by m twice:
 *
 *     y = x / m,  y * 1 / sqrt(mean(y * y) + (sqrt(eps) / m)^2) * w
 *
 * which is the same whatever m is: nothing is larger than 1 before the root, and the mean is at
 * least 1 / n. A layer norm of (x, -x) would do too, but whether its squares overflow is up to
 * the chip that computes it.
 */
#include "export/ml_build.h"

#include <math.h>

/* Of m: below it a row is as good as zero, and sqrt(eps) / m must stay small. */
static const float LEAST = 0x1p-7f;

static dlx__ml_value reduced(dlx__ml_pass *p, const char *op, dlx__ml_value x, dlx__ml_shape shape)
{
    static const int32_t last = -1;
    return DLX__ML_OP(p->x, op, DLX__ML_HALF, shape, {"x", x},
                      {"axes", dlx__ml_ints(p->x, &last, 1)},
                      {"keep_dims", dlx__ml_bool(p->x, true)});
}

dlx__ml_value dlx__ml_norm(dlx__ml_pass *p, const dlx__node *node)
{
    const dlx__ml_value x = p->values[node->in[0]];
    const dlx__ml_shape all = dlx__ml_at(p->x, x)->shape; /* [.., n] */
    dlx__ml_shape one = all;                              /* [.., 1] */
    if (one.n_dims > 0)
        one.dims[one.n_dims - 1] = 1;
    dlx__ml_value m = reduced(p, "reduce_max", dlx__ml_unary(p, "abs", x), one);
    m = dlx__ml_binary(p, "maximum", m, dlx__ml_half(p->x, LEAST), one);
    const dlx__ml_value y = dlx__ml_binary(p, "real_div", x, m, all);
    const dlx__ml_value e =
        dlx__ml_binary(p, "real_div", dlx__ml_half(p->x, sqrtf(node->eps)), m, one);
    const dlx__ml_value mean = reduced(p, "reduce_mean", dlx__ml_binary(p, "mul", y, y, all), one);
    const dlx__ml_value sum =
        dlx__ml_binary(p, "add", mean, dlx__ml_binary(p, "mul", e, e, one), one);
    const dlx__ml_value r =
        dlx__ml_binary(p, "real_div", dlx__ml_half(p->x, 1.0f), dlx__ml_unary(p, "sqrt", sum), one);
    const dlx__ml_value w = dlx__ml_matrix(p, node->weight, p->o->forms->vector);
    return dlx__ml_binary(p, "mul", dlx__ml_binary(p, "mul", y, r, all), w, all);
}
