/*
 * onnx_head.c - the head on chosen rows: its logits come down to the largest, where it is, and the
 * logarithm of the sum of all exponentials. The largest of a logarithmic softmax is largest - lse:
 * exact where one id takes it all, and without overflow.
 */
#include "base/fail.h"
#include "base/mem.h"
#include "export/onnx_build.h"

/* So little that nothing is left of it in a softmax, and still within fp16. */
static const float NEVER = -10000.0f;

/* [V] that is added to the logits; NONE: all ids may be chosen. */
static dlx__onnx_value never(dlx__onnx_pass *p)
{
    const size_t n = p->g->n_vocab;
    if (p->o->n_ids >= n && p->o->never_id < 0)
        return DLX__ONNX_NONE;
    float *x = dlx__alloc(p->store->arena.mem, dlx__mul(n, sizeof *x));
    if (!x) {
        dlx__fail_memory(&p->x->failure, "lowering a model", n * sizeof *x);
        return DLX__ONNX_NONE;
    }
    for (size_t i = 0; i < n; i++)
        x[i] = i < p->o->n_ids && (int64_t)i != p->o->never_id ? 0.0f : NEVER;
    const dlx__weight_place place =
        dlx__weight_store_bytes(p->store, "never", DLX__PART_HEAD, x, n * sizeof *x);
    dlx__free(p->store->arena.mem, x);
    return dlx__onnx_weight(p->x, "never", DLX__ONNX_FLOAT, &n, 1, place);
}

/* Of each row [R, V] its largest: [R] */
static dlx__onnx_value largest(dlx__onnx_pass *p, dlx__onnx_value x)
{
    const int64_t axis = 1;
    const size_t dims[] = {p->o->n_head_rows};
    const dlx__onnx_value y =
        DLX__ONNX_NODE(p, "ReduceMax", dims, x, dlx__onnx_list(p->x, &axis, 1));
    dlx__onnx_int(p->x, "keepdims", 0);
    return y;
}

static dlx__onnx_value best(dlx__onnx_pass *p, dlx__onnx_value x)
{
    const size_t R = p->o->n_head_rows;
    const dlx__onnx_value y = dlx__onnx_op(p->x, "ArgMax", &x, 1, DLX__ONNX_INT64, &R, 1);
    dlx__onnx_int(p->x, "axis", 1);
    dlx__onnx_int(p->x, "keepdims", 0);
    const dlx__onnx_value id = dlx__onnx_op(p->x, "Cast", &y, 1, DLX__ONNX_INT32, &R, 1);
    dlx__onnx_int(p->x, "to", DLX__ONNX_INT32);
    return id;
}

void dlx__onnx_choose(dlx__onnx_pass *p, dlx__onnx_value hidden)
{
    const size_t R = p->o->n_head_rows, V = p->g->n_vocab;
    const size_t picked_dims[] = {R, p->g->n_embd}, logit_dims[] = {R, V}, dims[] = {R};
    const dlx__onnx_value picked = DLX__ONNX_NODE(p, "Gather", picked_dims, hidden, p->head_rows);
    dlx__onnx_int(p->x, "axis", 0);
    dlx__onnx_value x = dlx__onnx_linear(p, &p->g->nodes[p->g->logits], picked, R);
    const dlx__onnx_value bar = never(p);
    if (bar != DLX__ONNX_NONE)
        x = DLX__ONNX_NODE(p, "Add", logit_dims, x, bar);
    dlx__onnx_output(p->x, best(p, x), "output_best");
    const dlx__onnx_value logit = largest(p, x);
    dlx__onnx_output(p->x, logit, "output_logit");
    const dlx__onnx_value logs = DLX__ONNX_NODE(p, "LogSoftmax", logit_dims, x);
    dlx__onnx_int(p->x, "axis", 1);
    dlx__onnx_output(p->x, DLX__ONNX_NODE(p, "Sub", dims, logit, largest(p, logs)), "output_lse");
}

void dlx__onnx_logits(dlx__onnx_pass *p)
{
    const size_t R = p->o->n_head_rows, d = p->g->n_embd, V = p->g->n_vocab;
    const dlx__onnx_value rows =
        dlx__onnx_input(p->x, "rows", DLX__ONNX_FLOAT, (size_t[]){1, R, d}, 3);
    const dlx__onnx_value flat = dlx__onnx_reshape(p, rows, (size_t[]){R, d}, 2);
    const dlx__onnx_value y = dlx__onnx_linear(p, &p->g->nodes[p->g->logits], flat, R);
    dlx__onnx_output(p->x, dlx__onnx_reshape(p, y, (size_t[]){1, R, V}, 3), "output_logits");
}
