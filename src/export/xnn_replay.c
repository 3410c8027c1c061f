/*
 * xnn_replay.c - a payload through the builder. The file has its values in the order in which the
 * builder made them: inputs and weights, and with each node the value that it computes.
 */
#include "export/xnn_replay.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/mem.h"
#include "export/pte_types.h"
#include "export/xnn_build.h"
#include "format/flat_view.h"

#include <string.h>

typedef struct replay {
    dlx__xnn_graph g;
    dlx__flat_view view;
    dlx__flat_table root;
    dlx__flat_vec values, nodes;
    size_t next; /* node */
    bool *used;  /* [values.n] by a node, or as an output */
} replay;

/* A value of the file, as the builder would describe it. */
typedef struct stored {
    dlx__xnn_value_info info;
    uint32_t flags; /* 1 input, 2 output */
} stored;

static void fault(replay *r, const char *what, size_t i, const char *expected)
{
    dlx__flat_fault(&r->view, "%s %zu: expected %s; export the program again", what, i, expected);
}

/* ---- values -------------------------------------------------------------------------------- */

static void read_quant(dlx__xnn_quant *q, const dlx__flat_table *outer)
{
    const dlx__flat_table t = dlx__flat_child(outer, 2);
    q->kind = (dlx__xnn_quant_kind)dlx__flat_u8(outer, 1);
    switch (q->kind) {
    case DLX__XNN_PER_CHANNEL:
        q->scales = dlx__flat_u32(&t, 2);
        break;
    case DLX__XNN_PER_TENSOR:
        q->scale = dlx__flat_f32(&t, 0);
        q->zero_point = dlx__flat_i32(&t, 1);
        break;
    case DLX__XNN_PER_GROUP:
        q->group = dlx__flat_i32(&t, 2) > 0 ? (size_t)dlx__flat_i32(&t, 2) : 0;
        q->scales = dlx__flat_u32(&t, 4);
        break;
    default:
        break;
    }
}

/* The value i; its shape has at most DLX__XNN_MAX_DIMS axes, which dlx__xnn_read has seen to. */
static stored read_value(replay *r, size_t i)
{
    const dlx__flat_table entry = dlx__flat_table_at(&r->values, i);
    const dlx__flat_table outer = dlx__flat_child(&entry, 1);
    const bool quantized = dlx__flat_u8(&entry, 0) == 2;
    const dlx__flat_table t = quantized ? dlx__flat_child(&outer, 0) : outer;
    const dlx__flat_vec dims = dlx__flat_get_vector(&t, 2, sizeof(uint32_t));
    stored s = {.info = {.type = (dlx__xnn_type)(int16_t)dlx__flat_u16(&t, 0),
                         .n_dims = (int)dlx__min(dims.n, DLX__XNN_MAX_DIMS),
                         .data = dlx__flat_u32(&t, 3)},
                .flags = dlx__flat_u32(&t, 5)};
    for (int k = 0; k < s.info.n_dims; k++)
        s.info.dims[k] = dlx__flat_u32_at(&dims, (size_t)k);
    if (quantized)
        read_quant(&s.info.quant, &outer);
    if (dlx__flat_u32(&t, 6) != i)
        fault(r, "value", i, "its place as its number");
    return s;
}

static bool same_shape(const dlx__xnn_value_info *a, const dlx__xnn_value_info *b)
{
    return a->type == b->type && a->n_dims == b->n_dims && a->quant.kind == b->quant.kind &&
           memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof *a->dims) == 0;
}

/* ---- constants ----------------------------------------------------------------------------- */

/* The bytes of those without a key: dlx__xnn_read has found them inside the payload. */
static const uint8_t *blob_of(const uint8_t *payload)
{
    return memcmp(payload + 4, "XH00", 4) == 0 ? payload + dlx__le32(payload + 18) : NULL;
}

static void add_constants(replay *r, const uint8_t *blob)
{
    const dlx__flat_vec list = dlx__flat_get_refs(&r->root, 8);
    for (size_t i = 1; i < list.n && r->view.failure.code == DLX_OK; i++) {
        const dlx__flat_table c = dlx__flat_table_at(&list, i);
        const uint64_t n_bytes = dlx__flat_u64(&c, 1);
        const dlx__flat_str key = dlx__flat_get_text(&c, 2);
        const dlx__xnn_data data =
            key.len ? dlx__xnn_named(&r->g, key.data, n_bytes)
            : blob  ? dlx__xnn_inline(&r->g, blob + dlx__flat_u64(&c, 0), (size_t)n_bytes)
                    : 0;
        if (data != i && !dlx__xnn_failed(&r->g))
            fault(r, "constant", i, "one that is there once");
    }
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* Numbers of the axes [n] beside the values of a node; false: there are others. */
static bool read_axes(const dlx__flat_table *t, int slot, size_t *out, int n)
{
    const dlx__flat_vec list = dlx__flat_get_vector(t, slot, sizeof(uint32_t));
    if (list.n != (size_t)n)
        return false;
    for (int i = 0; i < n; i++)
        out[i] = dlx__flat_u32_at(&list, (size_t)i);
    return true;
}

static dlx__xnn_value transpose(replay *r, const dlx__flat_table *t, dlx__xnn_value x)
{
    const dlx__xnn_value_info *in = dlx__xnn_look(&r->g, "StaticTranspose", x);
    size_t axes[DLX__XNN_MAX_DIMS];
    int perm[DLX__XNN_MAX_DIMS];
    if (!in || !read_axes(t, 1, axes, in->n_dims))
        return DLX__XNN_NONE;
    for (int i = 0; i < in->n_dims; i++)
        perm[i] = (int)dlx__min(axes[i], DLX__XNN_MAX_DIMS);
    return dlx__xnn_transpose(&r->g, x, perm);
}

static dlx__xnn_value reshape(replay *r, const dlx__flat_table *t, dlx__xnn_value x)
{
    size_t dims[DLX__XNN_MAX_DIMS];
    const size_t n = dlx__flat_get_vector(t, 1, sizeof(uint32_t)).n;
    if (n > DLX__XNN_MAX_DIMS || !read_axes(t, 1, dims, (int)n))
        return DLX__XNN_NONE;
    return dlx__xnn_reshape(&r->g, x, dims, (int)n);
}

static dlx__xnn_value slice(replay *r, const dlx__flat_table *t, dlx__xnn_value x)
{
    const dlx__xnn_value_info *in = dlx__xnn_look(&r->g, "StaticSlice", x);
    size_t offsets[DLX__XNN_MAX_DIMS], sizes[DLX__XNN_MAX_DIMS];
    if (!in || !read_axes(t, 1, offsets, in->n_dims) || !read_axes(t, 2, sizes, in->n_dims))
        return DLX__XNN_NONE;
    return dlx__xnn_slice(&r->g, x, offsets, sizes);
}

static dlx__xnn_value concat(replay *r, const dlx__flat_table *t, size_t n,
                             const dlx__xnn_value in[DLX__XNN_MAX_INPUTS])
{
    const uint32_t axis = dlx__flat_u32(t, 0);
    return dlx__xnn_concat(&r->g, (int)dlx__min(axis, DLX__XNN_MAX_DIMS), in, n);
}

/* The node by its kind; NONE with or without a failure: it is none of those that are written. */
static dlx__xnn_value build(replay *r, dlx__xnn_op op, const dlx__flat_table *t,
                            const dlx__xnn_value in[DLX__XNN_MAX_INPUTS], uint32_t flags,
                            const dlx__xnn_value_info *out)
{
    const dlx__xnn_quant *scaled = out->quant.kind == DLX__XNN_PER_TENSOR ? &out->quant : NULL;
    switch (op) {
    case DLX__XNN_OP_CONVERT:
        return dlx__xnn_convert(&r->g, in[0], out->type, scaled);
    case DLX__XNN_OP_FULLY_CONNECTED:
        return dlx__xnn_fully_connected(&r->g, in[0], in[1], in[2], out->type, scaled);
    case DLX__XNN_OP_MATMUL:
        return dlx__xnn_matmul(&r->g, in[0], in[1], flags == 1);
    case DLX__XNN_OP_TRANSPOSE:
        return transpose(r, t, in[0]);
    case DLX__XNN_OP_RESHAPE:
        return reshape(r, t, in[0]);
    case DLX__XNN_OP_SLICE:
        return slice(r, t, in[0]);
    case DLX__XNN_OP_CONCAT2:
    case DLX__XNN_OP_CONCAT3:
    case DLX__XNN_OP_CONCAT4:
        return concat(r, t, (size_t)(op - DLX__XNN_OP_CONCAT2) + 2, in);
    case DLX__XNN_OP_CONCAT5:
        return concat(r, t, 5, in);
    default:
        break;
    }
    const dlx__xnn_layout *layout = dlx__xnn_op_layout((int)op);
    if (layout == dlx__xnn_op_layout(DLX__XNN_OP_SQUARE))
        return dlx__xnn_unary(&r->g, op, in[0]);
    if (layout == dlx__xnn_op_layout(DLX__XNN_OP_ADD))
        return dlx__xnn_binary(&r->g, op, in[0], in[1]);
    return DLX__XNN_NONE;
}

/* Inputs that the kind has; the others are none. */
static void read_inputs(replay *r, const dlx__flat_table *t, dlx__xnn_op op,
                        const dlx__xnn_layout *layout, dlx__xnn_value in[DLX__XNN_MAX_INPUTS])
{
    const bool fewer = op >= DLX__XNN_OP_CONCAT2 && op <= DLX__XNN_OP_CONCAT4;
    const int n = fewer ? (int)(op - DLX__XNN_OP_CONCAT2) + 2 : layout->n_inputs;
    for (int i = 0; i < DLX__XNN_MAX_INPUTS; i++) {
        in[i] = i < n ? dlx__flat_u32(t, layout->in[i]) : DLX__XNN_NONE;
        if (in[i] < r->values.n)
            r->used[in[i]] = true;
    }
}

static void limit(replay *r, const dlx__flat_table *entry, dlx__xnn_value v)
{
    const dlx__flat_table limits = dlx__flat_child(entry, 3);
    if (limits.view)
        dlx__xnn_limit(&r->g, v, dlx__flat_f32(&limits, 0), dlx__flat_f32(&limits, 1));
}

/* The next node must compute value i. */
static void add_node(replay *r, size_t i, const stored *s)
{
    const size_t at = r->next++;
    const dlx__flat_table entry = dlx__flat_table_at(&r->nodes, at);
    const dlx__flat_table t = dlx__flat_child(&entry, 1);
    const dlx__xnn_op op = (dlx__xnn_op)dlx__flat_u8(&entry, 0);
    const dlx__xnn_layout *layout = dlx__xnn_op_layout((int)op);
    dlx__xnn_value in[DLX__XNN_MAX_INPUTS];
    if (!layout || !t.view || dlx__flat_u32(&t, layout->out) != i) {
        fault(r, "node", at, "one that computes the next value");
        return;
    }
    read_inputs(r, &t, op, layout, in);
    const uint32_t flags = dlx__flat_u32(&t, layout->out + 1);
    const dlx__xnn_value v = build(r, op, &t, in, flags, &s->info);
    if (dlx__xnn_failed(&r->g))
        return;
    if (v == DLX__XNN_NONE) {
        fault(r, "node", at, "a kind that dlx export writes, with its axes");
        return;
    }
    limit(r, &entry, v);
    if (dlx__xnn_failed(&r->g))
        return;
    if (!same_shape(&r->g.values[v], &s->info) || r->g.nodes[at].flags != flags)
        fault(r, "node", at, "the type and the shape that follow from its inputs");
}

/* ---- the graph ----------------------------------------------------------------------------- */

static void add_value(replay *r, size_t i)
{
    const stored s = read_value(r, i);
    const dlx__xnn_value_info *v = &s.info;
    r->used[i] = s.flags != 0;
    if (r->view.failure.code != DLX_OK)
        return;
    if (s.flags == 1)
        (void)dlx__xnn_input(&r->g, v->type, v->dims, v->n_dims);
    else if (v->data)
        (void)dlx__xnn_weight(&r->g, v->type, v->dims, v->n_dims, v->data, &v->quant);
    else if (r->next < r->nodes.n)
        add_node(r, i, &s);
    else
        fault(r, "value", i, "a node that computes it");
}

static void check_end(replay *r)
{
    if (r->next < r->nodes.n)
        fault(r, "node", r->next, "a value that it computes");
    for (size_t i = 0; i < r->values.n; i++)
        if (!r->used[i])
            fault(r, "value", i, "a node that reads it");
}

static dlx_result run(replay *r, const uint8_t *payload, const dlx_allocator *mem, dlx_error *err)
{
    r->root = dlx__flat_root(&r->view, "XN01", "XN00");
    r->nodes = dlx__flat_get_refs(&r->root, 1);
    r->values = dlx__flat_get_refs(&r->root, 2);
    r->used = dlx__alloc_zero(mem, dlx__max(r->values.n, 1), sizeof *r->used);
    if (!r->used)
        return dlx__fail_memory(err, "checking an XNNPACK payload", r->values.n);
    add_constants(r, blob_of(payload));
    for (size_t i = 0; i < r->values.n && !dlx__xnn_failed(&r->g); i++)
        add_value(r, i);
    if (dlx__xnn_failed(&r->g))
        return dlx__fail(err, r->g.failure.code == DLX_E_NOMEM ? DLX_E_NOMEM : DLX_E_FORMAT,
                         "%.300s: %.500s; export the program again", r->view.what,
                         r->g.failure.text);
    check_end(r);
    return dlx__flat_view_result(&r->view, err);
}

dlx_result dlx__xnn_replay(const uint8_t *payload, size_t n, const char *where,
                           const dlx_allocator *mem, dlx_error *err)
{
    replay r = {.next = 0};
    const bool headed = memcmp(payload + 4, "XH00", 4) == 0;
    const size_t at = headed ? dlx__le32(payload + 10) : 0;
    dlx__flat_view_init(&r.view, payload + at, headed ? dlx__le32(payload + 14) : n, where);
    dlx__xnn_init(&r.g, mem);
    const dlx_result result = run(&r, payload, mem, err);
    dlx__free(mem, r.used);
    dlx__xnn_release(&r.g);
    return result;
}
