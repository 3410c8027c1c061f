/*
 * ml_head.c - the head on chosen rows: its logits come down to the largest, where it is, and the
 * logarithm of the sum of all exponentials. In fp16 a logit of 20 is good to 1/64, too little for a
 * probability: what the others are below the largest is taken in fp16, where it is small and
 * exact, and the sum in float32, which holds as many as there are ids.
 */
#include "export/ml_build.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

/* So little that nothing is left of it in a softmax, and still within fp16. */
static const float NEVER = -10000.0f;

/* [V] that is added to the logits; NONE: all ids may be chosen. */
static dlx__ml_value never(dlx__ml_pass *p)
{
    const size_t n = p->g->n_vocab;
    const uint16_t no = dlx__f32_to_f16(NEVER);
    if (p->o->n_ids >= n && p->o->never_id < 0)
        return DLX__ML_NONE;
    uint16_t *x = dlx__alloc(p->store->arena.mem, dlx__mul(n, sizeof *x));
    if (!x) {
        if (p->x->failure.code == DLX_OK)
            dlx__fail_memory(&p->x->failure, "lowering a model", n * sizeof *x);
        return DLX__ML_NONE;
    }
    for (size_t i = 0; i < n; i++)
        x[i] = i < p->o->n_ids && (int64_t)i != p->o->never_id ? 0 : no;
    const dlx__ml_blob blob = dlx__ml_store_halves(p->store, "never", DLX__PART_HEAD, x, n);
    dlx__free(p->store->arena.mem, x);
    return dlx__ml_weight(p->x, "never", blob);
}

/* Over the ids of each row [R, V]: [R], or [R, 1]. */
static dlx__ml_value over_ids(dlx__ml_pass *p, const char *op, dlx__ml_value x, dlx__ml_type type,
                              bool keep)
{
    static const int32_t last = -1;
    const size_t R = p->o->n_head_rows;
    return DLX__ML_OP(p->x, op, type, keep ? DLX__ML_SHAPE(R, 1) : DLX__ML_SHAPE(R), {"x", x},
                      {"axes", dlx__ml_ints(p->x, &last, 1)},
                      {"keep_dims", dlx__ml_bool(p->x, keep)});
}

static dlx__ml_value widened(dlx__ml_pass *p, dlx__ml_value x, dlx__ml_shape shape)
{
    return DLX__ML_OP(p->x, "cast", DLX__ML_FLOAT, shape, {"x", x},
                      {"dtype", dlx__ml_text(p->x, "fp32")});
}

static dlx__ml_value best(dlx__ml_pass *p, dlx__ml_value x)
{
    return DLX__ML_OP(p->x, "reduce_argmax", DLX__ML_INT32, DLX__ML_SHAPE(p->o->n_head_rows),
                      {"x", x}, {"axis", dlx__ml_int(p->x, -1)},
                      {"keep_dims", dlx__ml_bool(p->x, false)},
                      {"output_dtype", dlx__ml_text(p->x, "int32")});
}

/* What is computed of the rows that were picked, with the head's form: [R, V] */
static dlx__ml_value allowed_logits(dlx__ml_pass *p, dlx__ml_value hidden)
{
    const size_t R = p->o->n_head_rows, d = p->g->n_embd, V = p->g->n_vocab;
    const dlx__ml_value picked = DLX__ML_OP(
        p->x, "gather", DLX__ML_HALF, DLX__ML_SHAPE(1, R, d), {"x", hidden},
        {"indices", p->head_rows}, {"axis", dlx__ml_int(p->x, 1)},
        {"batch_dims", dlx__ml_int(p->x, 0)}, {"validate_indices", dlx__ml_bool(p->x, false)});
    const dlx__ml_value rows = dlx__ml_reshape(p, picked, DLX__ML_SHAPE(R, d));
    const dlx__ml_value x = dlx__ml_linear(p, &p->g->nodes[p->g->logits], rows);
    const dlx__ml_value bar = never(p);
    return bar == DLX__ML_NONE ? x : dlx__ml_binary(p, "add", x, bar, DLX__ML_SHAPE(R, V));
}

void dlx__ml_choose(dlx__ml_pass *p, dlx__ml_value hidden)
{
    const size_t R = p->o->n_head_rows, V = p->g->n_vocab;
    const dlx__ml_shape all = DLX__ML_SHAPE(R, V), each = DLX__ML_SHAPE(R);
    const dlx__ml_value x = allowed_logits(p, hidden);
    dlx__ml_output(p->x, best(p, x), "output_best");
    const dlx__ml_value largest = over_ids(p, "reduce_max", x, DLX__ML_HALF, true); /* [R, 1] */
    const dlx__ml_value logit = widened(p, dlx__ml_reshape(p, largest, each), each);
    dlx__ml_output(p->x, logit, "output_logit");
    const dlx__ml_value below = widened(p, dlx__ml_binary(p, "sub", x, largest, all), all);
    const dlx__ml_value sum = over_ids(p, "reduce_log_sum_exp", below, DLX__ML_FLOAT, false);
    const dlx__ml_value lse =
        DLX__ML_OP(p->x, "add", DLX__ML_FLOAT, each, {"x", logit}, {"y", sum});
    dlx__ml_output(p->x, lse, "output_lse");
}

void dlx__ml_logits(dlx__ml_pass *p)
{
    const size_t R = p->o->n_head_rows;
    const dlx__ml_value rows =
        dlx__ml_input(p->x, "rows", DLX__ML_HALF, DLX__ML_SHAPE(1, R, p->g->n_embd));
    const dlx__ml_value y = dlx__ml_linear(p, &p->g->nodes[p->g->logits], rows);
    dlx__ml_output(p->x, y, "output_logits");
}
