/*
 * ml_attend.c - the attention of a layer as products and a softmax: the fused operation was wrong
 * on some chips. Heads that share K and V become rows of one product, so that K and V are never
 * repeated, and nothing has more than four axes.
 */
#include "dtype/convert.h"
#include "export/ml_build.h"

#include <math.h>
#include <stdio.h>

/* ---- K and V inside ------------------------------------------------------------------------ */

/* [4] of the axes 1, kv, position, c */
static dlx__ml_value corner(dlx__ml_pass *p, dlx__ml_value position, int32_t kv, int32_t c)
{
    const int32_t first[] = {kv ? 1 : 0, kv};
    return DLX__ML_OP(p->x, "concat", DLX__ML_INT32, DLX__ML_SHAPE(4),
                      {"values", dlx__ml_ints(p->x, first, 2)}, {"values", position},
                      {"values", dlx__ml_ints(p->x, &c, 1)}, {"axis", dlx__ml_int(p->x, 0)},
                      {"interleave", dlx__ml_bool(p->x, false)});
}

void dlx__ml_state_inputs(dlx__ml_pass *p)
{
    const int32_t T = (int32_t)p->o->n_rows;
    const dlx__ml_value first = dlx__ml_input(p->x, "position", DLX__ML_INT32, DLX__ML_SHAPE(1));
    const dlx__ml_value behind = DLX__ML_OP(p->x, "add", DLX__ML_INT32, DLX__ML_SHAPE(1),
                                            {"x", first}, {"y", dlx__ml_ints(p->x, &T, 1)});
    p->begin = corner(p, first, 0, 0);
    p->end = corner(p, behind, (int32_t)p->g->n_heads_kv, (int32_t)p->g->head_dim);
}

/* The rows' K or V in their places of the state, which is then read again: [1, kv, P, c] */
static dlx__ml_value through_state(dlx__ml_pass *p, dlx__ml_value fresh, const char *name)
{
    static const bool no[4] = {false};
    static const int32_t ones[] = {1, 1, 1, 1};
    const dlx__ml_shape shape = DLX__ML_SHAPE(1, p->g->n_heads_kv, p->o->n_past, p->g->head_dim);
    const dlx__ml_value state = dlx__ml_state(p->x, name, shape);
    const dlx__ml_value old = DLX__ML_OP(p->x, "read_state", DLX__ML_HALF, shape, {"input", state});
    const dlx__ml_value mask = dlx__ml_bools(p->x, no, 4);
    const dlx__ml_value updated =
        DLX__ML_OP(p->x, "slice_update", DLX__ML_HALF, shape, {"x", old}, {"update", fresh},
                   {"begin", p->begin}, {"end", p->end}, {"stride", dlx__ml_ints(p->x, ones, 4)},
                   {"begin_mask", mask}, {"end_mask", mask}, {"squeeze_mask", mask});
    dlx__ml_write_state(p->x, state, updated);
    return DLX__ML_OP(p->x, "read_state", DLX__ML_HALF, shape, {"input", state});
}

/* ---- K and V with the caller --------------------------------------------------------------- */

/* [1, kv, T, c] of a pass goes out; behind what was kept: [1, kv, S, c] */
static dlx__ml_value with_past(dlx__ml_pass *p, dlx__ml_value fresh, size_t layer, char side)
{
    char name[48];
    const size_t T = p->o->n_rows, P = p->o->n_past, kv = p->g->n_heads_kv, c = p->g->head_dim;
    snprintf(name, sizeof name, "%c_%zu", side, layer);
    if (p->o->states)
        return through_state(p, fresh, name);
    snprintf(name, sizeof name, "output_new_%c_%zu", side, layer);
    dlx__ml_output(p->x, fresh, name);
    if (P == 0)
        return fresh;
    snprintf(name, sizeof name, "past_%c_%zu", side, layer);
    const dlx__ml_value past = dlx__ml_input(p->x, name, DLX__ML_HALF, DLX__ML_SHAPE(1, kv, P, c));
    return DLX__ML_OP(p->x, "concat", DLX__ML_HALF, DLX__ML_SHAPE(1, kv, P + T, c),
                      {"values", past}, {"values", fresh}, {"axis", dlx__ml_int(p->x, 2)},
                      {"interleave", dlx__ml_bool(p->x, false)});
}

/*
 * x times a number that fp16 may hold to three digits alone, such as 1 / sqrt(8): by two numbers of
 * fp16 whose product is nearest to it, which is as good as float32.
 */
static dlx__ml_value scaled(dlx__ml_pass *p, dlx__ml_value x, float scale, dlx__ml_shape shape)
{
    enum { STEPS = 1024 }; /* numbers of fp16 from 1 to 2 */
    float first = 1, second = 0, least = INFINITY;
    for (int i = 0; i < STEPS && least > 0; i++) {
        const float a = 1.0f + (float)i / STEPS;
        const float b = dlx__f16_to_f32(dlx__f32_to_f16(scale / a));
        const float off = fabsf(a * b - scale);
        if (off < least) {
            least = off;
            first = a;
            second = b;
        }
    }
    x = dlx__ml_binary(p, "mul", x, dlx__ml_half(p->x, second), shape);
    return first == 1.0f ? x : dlx__ml_binary(p, "mul", x, dlx__ml_half(p->x, first), shape);
}

/* ---- scores -------------------------------------------------------------------------------- */

static dlx__ml_value product(dlx__ml_pass *p, dlx__ml_value x, dlx__ml_value y, bool turned,
                             dlx__ml_shape shape)
{
    return DLX__ML_OP(p->x, "matmul", DLX__ML_HALF, shape, {"x", x}, {"y", y},
                      {"transpose_x", dlx__ml_bool(p->x, false)},
                      {"transpose_y", dlx__ml_bool(p->x, turned)});
}

dlx__ml_value dlx__ml_attend(dlx__ml_pass *p, const dlx__node *node)
{
    const size_t T = p->o->n_rows, kv = p->g->n_heads_kv, c = p->g->head_dim, h = node->n_heads;
    const size_t S = p->o->states ? p->o->n_past : p->o->n_past + T, layer = (size_t)node->layer;
    const dlx__ml_shape heads = DLX__ML_SHAPE(1, h, T, c),
                        rows = DLX__ML_SHAPE(1, kv, h / kv * T, c),
                        joint = DLX__ML_SHAPE(1, kv, h / kv * T, S),
                        apart = DLX__ML_SHAPE(kv, h / kv, T, S);
    const dlx__ml_value k = with_past(p, p->values[node->in[1]], layer, 'k');
    const dlx__ml_value v = with_past(p, p->values[node->in[2]], layer, 'v');
    dlx__ml_value q = p->values[node->in[0]];
    q = scaled(p, q, node->scale, heads);
    dlx__ml_value s = product(p, dlx__ml_reshape(p, q, rows), k, true, joint);
    s = dlx__ml_reshape(p, s, apart); /* where the mask is the same for all */
    s = dlx__ml_binary(p, "add", s, p->mask, apart);
    s = DLX__ML_OP(p->x, "softmax", DLX__ML_HALF, apart, {"x", s}, {"axis", dlx__ml_int(p->x, -1)});
    const dlx__ml_value y = product(p, dlx__ml_reshape(p, s, joint), v, false, rows);
    return dlx__ml_reshape(p, y, heads);
}
