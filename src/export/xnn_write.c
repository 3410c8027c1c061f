/*
 * xnn_write.c - an XNNPACK graph as the payload of a delegate: a header of 30 bytes, the
 * flatbuffer, the constants that have no key. Every table is built after those it refers to.
 */
#include "base/fail.h"
#include "base/mem.h"
#include "export/pte_types.h"
#include "export/xnn_build.h"
#include "format/flat.h"

#include <string.h>

enum { HEAD = 32 }; /* the header, padded */

static dlx__flat_ref put_u32s(dlx__flat *f, const uint32_t *v, int n)
{
    return dlx__flat_vector(f, v, (size_t)n, sizeof *v, sizeof *v);
}

static dlx__flat_ref put_quant(dlx__flat *f, const dlx__xnn_value_info *v)
{
    const dlx__xnn_quant *q = &v->quant;
    const size_t n = v->n_dims ? v->dims[0] : 1;
    dlx__flat_ref none = 0;
    if (q->kind == DLX__XNN_PER_CHANNEL || q->kind == DLX__XNN_PER_GROUP)
        none = dlx__flat_vector(f, NULL, 0, sizeof(float), sizeof(float)); /* must be there */
    dlx__flat_begin(f);
    switch (q->kind) {
    case DLX__XNN_PER_CHANNEL:
        dlx__flat_put_ref(f, 0, none);
        dlx__flat_put_u32(f, 2, q->scales);
        dlx__flat_put_u32(f, 3, (uint32_t)n);
        break;
    case DLX__XNN_PER_TENSOR:
        dlx__flat_put_f32(f, 0, q->scale);
        dlx__flat_put_i32(f, 1, q->zero_point);
        break;
    case DLX__XNN_PER_TOKEN:
        dlx__flat_put_i32(f, 0, 1); /* axes that are quantized together: the last */
        break;
    case DLX__XNN_PER_GROUP:
        dlx__flat_put_ref(f, 0, none);
        dlx__flat_put_i32(f, 2, (int32_t)q->group);
        dlx__flat_put_u32(f, 4, q->scales);
        dlx__flat_put_u32(f, 5, (uint32_t)(n * (v->dims[1] / q->group)));
        break;
    case DLX__XNN_PLAIN:
        break;
    }
    return dlx__flat_end(f);
}

static uint32_t flags_of(const dlx__xnn_value_info *v)
{
    if (v->external_id == DLX__XNN_NONE)
        return 0;
    return v->is_input ? 1 : 2;
}

static dlx__flat_ref put_value(dlx__flat *f, const dlx__xnn_value_info *v, uint32_t id)
{
    uint32_t dims[DLX__XNN_MAX_DIMS];
    for (int i = 0; i < v->n_dims; i++)
        dims[i] = (uint32_t)v->dims[i];
    dlx__flat_ref shape = put_u32s(f, dims, v->n_dims);
    dlx__flat_begin(f);
    dlx__flat_put_u16(f, 0, (uint16_t)v->type);
    dlx__flat_put_u32(f, 1, (uint32_t)v->n_dims);
    dlx__flat_put_ref(f, 2, shape);
    dlx__flat_put_u32(f, 3, v->data);
    dlx__flat_put_u32(f, 4, v->external_id);
    dlx__flat_put_u32(f, 5, flags_of(v));
    dlx__flat_put_u32(f, 6, id);
    dlx__flat_ref tensor = dlx__flat_end(f);
    if (v->quant.kind != DLX__XNN_PLAIN) {
        dlx__flat_ref quant = put_quant(f, v);
        dlx__flat_begin(f);
        dlx__flat_put_ref(f, 0, tensor);
        dlx__flat_put_union(f, 1, (uint8_t)v->quant.kind, quant);
        tensor = dlx__flat_end(f);
    }
    dlx__flat_begin(f);
    dlx__flat_put_union(f, 0, v->quant.kind != DLX__XNN_PLAIN ? 2 : 1, tensor);
    return dlx__flat_end(f);
}

/* What stands beside the values in the tables of the kinds that have more. */
typedef struct extras {
    dlx__flat_ref a, b;
} extras;

static extras put_extras(dlx__flat *f, const dlx__xnn_node *n)
{
    extras x = {0, 0};
    if (n->n_dims || n->op == DLX__XNN_OP_RESHAPE)
        x.a = put_u32s(f, n->a, n->n_dims);
    if (n->op == DLX__XNN_OP_SLICE)
        x.b = put_u32s(f, n->b, n->n_dims);
    return x;
}

static dlx__flat_ref put_node(dlx__flat *f, const dlx__xnn_node *n, uint32_t number)
{
    const dlx__xnn_layout *layout = dlx__xnn_op_layout((int)n->op);
    const extras x = put_extras(f, n);
    const bool concat = n->op == DLX__XNN_OP_CONCAT2 || n->op == DLX__XNN_OP_CONCAT3 ||
                        n->op == DLX__XNN_OP_CONCAT4 || n->op == DLX__XNN_OP_CONCAT5;
    dlx__flat_begin(f);
    for (int i = 0; i < layout->n_inputs; i++)
        dlx__flat_put_u32(f, layout->in[i], n->in[i]);
    dlx__flat_put_u32(f, layout->out, n->out);
    dlx__flat_put_u32(f, layout->out + 1, n->flags);
    if (concat)
        dlx__flat_put_u32(f, 0, n->axis);
    if (x.a) {
        dlx__flat_put_u32(f, 0, (uint32_t)n->n_dims);
        dlx__flat_put_ref(f, 1, x.a);
        dlx__flat_put_ref(f, 2, x.b);
    }
    dlx__flat_ref table = dlx__flat_end(f), limits = 0;
    if (n->limited) {
        dlx__flat_begin(f);
        dlx__flat_put_f32(f, 0, n->min);
        dlx__flat_put_f32(f, 1, n->max);
        limits = dlx__flat_end(f);
    }
    dlx__flat_begin(f);
    dlx__flat_put_union(f, 0, (uint8_t)n->op, table);
    dlx__flat_put_u32(f, 2, number);
    dlx__flat_put_ref(f, 3, limits);
    return dlx__flat_end(f);
}

/* Constant i; those without a key lie one behind another from *offset on. */
static dlx__flat_ref put_constant(dlx__flat *f, const dlx__xnn_constant *c, uint64_t *offset)
{
    dlx__flat_ref key = c->key ? dlx__flat_text(f, c->key) : 0;
    dlx__flat_begin(f);
    dlx__flat_put_u64(f, 0, key ? UINT64_MAX : *offset);
    dlx__flat_put_u64(f, 1, c->n_bytes);
    dlx__flat_put_ref(f, 2, key);
    if (!c->key)
        *offset += dlx__align((size_t)c->n_bytes, DLX__PTE_DATA_ALIGN);
    return dlx__flat_end(f);
}

typedef struct lists {
    dlx__flat_ref *refs; /* room for the longest list */
    uint32_t *ids;
    uint64_t blob_bytes;
} lists;

/* Numbers of the values that are inputs, or outputs. */
static dlx__flat_ref put_externs(dlx__flat *f, const dlx__xnn_graph *g, uint32_t *ids, bool inputs)
{
    int n = 0;
    for (size_t i = 0; i < g->n_values; i++) {
        if (flags_of(&g->values[i]) == (inputs ? 1u : 2u))
            ids[n++] = (uint32_t)i;
    }
    return put_u32s(f, ids, n);
}

static dlx__flat_ref put_graph(dlx__flat *f, const dlx__xnn_graph *g, lists *l)
{
    const dlx__xnn_constant placeholder = {.n_bytes = 0};
    for (size_t i = 0; i < g->n_values; i++)
        l->refs[i] = put_value(f, &g->values[i], (uint32_t)i);
    dlx__flat_ref values = dlx__flat_refs(f, l->refs, g->n_values);
    for (size_t i = 0; i < g->n_nodes; i++)
        l->refs[i] = put_node(f, &g->nodes[i], (uint32_t)i);
    dlx__flat_ref nodes = dlx__flat_refs(f, l->refs, g->n_nodes);
    l->refs[0] = put_constant(f, &placeholder, &l->blob_bytes);
    for (size_t i = 1; i < g->n_constants; i++)
        l->refs[i] = put_constant(f, &g->constants[i], &l->blob_bytes);
    dlx__flat_ref constants = dlx__flat_refs(f, l->refs, dlx__max(g->n_constants, 1));
    dlx__flat_ref inputs = put_externs(f, g, l->ids, true);
    dlx__flat_ref outputs = put_externs(f, g, l->ids, false);
    dlx__flat_ref version = dlx__flat_text(f, "0");
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, 0, version);
    dlx__flat_put_ref(f, 1, nodes);
    dlx__flat_put_ref(f, 2, values);
    dlx__flat_put_u32(f, 3, g->n_externs);
    dlx__flat_put_ref(f, 4, inputs);
    dlx__flat_put_ref(f, 5, outputs);
    dlx__flat_put_ref(f, 8, constants);
    return dlx__flat_end(f);
}

static bool append_blob(dlx__buf *out, const dlx__xnn_graph *g)
{
    static const uint8_t zeros[DLX__PTE_DATA_ALIGN];
    bool ok = true;
    for (size_t i = 1; ok && i < g->n_constants; i++) {
        const dlx__xnn_constant *c = &g->constants[i];
        if (c->key)
            continue;
        const size_t torn = (size_t)c->n_bytes % DLX__PTE_DATA_ALIGN;
        ok = dlx__buf_append(out, c->bytes, (size_t)c->n_bytes) &&
             dlx__buf_append(out, zeros, torn ? DLX__PTE_DATA_ALIGN - torn : 0);
    }
    return ok;
}

static dlx_result append_all(dlx__buf *out, const dlx__xnn_graph *g, const uint8_t *flat,
                             size_t n_flat, uint64_t n_blob, dlx_error *err)
{
    uint8_t head[HEAD] = {0, 0, 0, 0, 'X', 'H', '0', '0'};
    const uint16_t head_bytes = DLX__XNN_HEADER_BYTES;
    const uint32_t offsets[] = {HEAD, (uint32_t)n_flat, (uint32_t)(HEAD + n_flat)};
    memcpy(head + 8, &head_bytes, sizeof head_bytes);
    memcpy(head + 10, offsets, sizeof offsets);
    memcpy(head + 22, &n_blob, sizeof n_blob);
    if (dlx__buf_append(out, head, sizeof head) && dlx__buf_append(out, flat, n_flat) &&
        append_blob(out, g))
        return DLX_OK;
    return dlx__fail_memory(err, "writing an XNNPACK payload", n_flat);
}

static dlx_result check(const dlx__xnn_graph *g, dlx_error *err)
{
    if (dlx__xnn_failed(g))
        return dlx__fail(err, g->failure.code, "%s", g->failure.text);
    for (size_t i = 0; i < g->n_values; i++) {
        if (flags_of(&g->values[i]) == 2)
            return DLX_OK;
    }
    return dlx__fail(err, DLX_E_ARG, "an XNNPACK graph of %zu nodes has no output", g->n_nodes);
}

dlx_result dlx__xnn_serialize(const dlx__xnn_graph *g, dlx__buf *out, dlx_error *err)
{
    dlx__buf_reset(out);
    DLX__TRY(check(g, err));
    dlx__flat f;
    dlx__flat_init(&f, out->mem);
    const size_t longest = dlx__max(dlx__max(g->n_values, g->n_nodes), dlx__max(g->n_constants, 1));
    lists l = {.refs = dlx__alloc_zero(out->mem, longest, sizeof *l.refs),
               .ids = dlx__alloc_zero(out->mem, longest, sizeof *l.ids)};
    const uint8_t *flat = NULL;
    size_t n_flat = 0;
    dlx_result r;
    if (l.refs && l.ids)
        r = dlx__flat_finish(&f, put_graph(&f, g, &l), "XN01", &flat, &n_flat, err);
    else
        r = dlx__fail_memory(err, "writing an XNNPACK payload", dlx__mul(longest, 8));
    if (r == DLX_OK)
        r = append_all(out, g, flat, n_flat, l.blob_bytes, err);
    dlx__free(out->mem, l.ids);
    dlx__free(out->mem, l.refs);
    dlx__flat_release(&f);
    return r;
}
