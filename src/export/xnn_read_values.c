/* xnn_read_values.c - the values of an XNNPACK payload: shapes, and constants as large as they
 * need. */
#include "export/xnn_graph.h"
#include "export/xnn_reader.h"

#include <stdlib.h>

enum { PLAIN_VALUE = 1, QUANTIZED_VALUE = 2, INPUT_FLAG = 1, OUTPUT_FLAG = 2 };

/* Bytes of a constant of this type and shape; 0 where the type is stored in a way of its own. */
static size_t needed_bytes(const dlx__xnn_seen_value *v)
{
    size_t rows = 1, cols = 1;
    for (int i = 0; i < v->n_dims; i++) {
        rows = i < v->n_dims - 1 ? dlx__mul(rows, v->dims[i]) : rows;
        cols = v->dims[i];
    }
    const size_t bits = dlx__mul(cols, (size_t)dlx__xnn_type_bits(v->type));
    return dlx__mul(rows, dlx__add(bits, 7) / 8);
}

static void check_constant(dlx__xnn_reader *r, const dlx__xnn_seen_value *v)
{
    if (v->data >= r->n_constants)
        dlx__flat_fault(&r->view, "value %u: expected one of %zu constants, found number %u",
                        (unsigned)v->id, r->n_constants, (unsigned)v->data);
    else if (v->flags)
        dlx__flat_fault(&r->view, "value %u is a constant and an input or output", (unsigned)v->id);
    else if (r->constant_bytes[v->data] < needed_bytes(v))
        dlx__flat_fault(&r->view, "value %u: expected a constant of %zu bytes, found %llu",
                        (unsigned)v->id, needed_bytes(v),
                        (unsigned long long)r->constant_bytes[v->data]);
}

/* Scales lie in the table itself, or in a constant that must be large enough. */
static void check_scales(dlx__xnn_reader *r, const dlx__xnn_seen_value *v,
                         const dlx__flat_table *quant, int index_slot, size_t scale_bytes)
{
    const uint32_t index = dlx__flat_u32(quant, index_slot);
    const size_t n = dlx__flat_u32(quant, index_slot + 1);
    if (index == 0)
        return;
    if (index >= r->n_constants || r->constant_bytes[index] < dlx__mul(n, scale_bytes))
        dlx__flat_fault(&r->view, "value %u: expected a constant of %zu scales, found number %u",
                        (unsigned)v->id, n, (unsigned)index);
}

static void check_quant(dlx__xnn_reader *r, const dlx__xnn_seen_value *v, const dlx__flat_table *q)
{
    const uint8_t kind = dlx__flat_u8(q, 1);
    dlx__flat_table quant = dlx__flat_child(q, 2);
    const int32_t channel = dlx__flat_i32(&quant, 1);
    if (kind != DLX__XNN_PER_CHANNEL && kind != DLX__XNN_PER_GROUP)
        return;
    if (v->n_dims > 0 && (channel < 0 || channel >= v->n_dims))
        dlx__flat_fault(&r->view, "value %u: expected one of %d axes with scales, found %d",
                        (unsigned)v->id, v->n_dims, (int)channel);
    if (kind == DLX__XNN_PER_CHANNEL)
        check_scales(r, v, &quant, 2, sizeof(float));
    else if (dlx__flat_i32(&quant, 2) <= 0)
        dlx__flat_fault(&r->view, "value %u has groups of no columns", (unsigned)v->id);
    else
        check_scales(r, v, &quant, 4, sizeof(uint16_t));
}

static void check_value(dlx__xnn_reader *r, const dlx__xnn_seen_value *v, size_t n_dims)
{
    if (v->n_dims != (int)n_dims || n_dims > DLX__XNN_MAX_DIMS)
        dlx__flat_fault(&r->view, "value %u: expected a shape of at most %d axes, found %zu and %d",
                        (unsigned)v->id, DLX__XNN_MAX_DIMS, n_dims, v->n_dims);
    else if (!dlx__xnn_type_name(v->type))
        dlx__flat_fault(&r->view, "value %u has the unknown type %d", (unsigned)v->id, v->type);
    else if (v->flags != 0 && v->flags != INPUT_FLAG && v->flags != OUTPUT_FLAG)
        dlx__flat_fault(&r->view, "value %u has the unknown flags %u", (unsigned)v->id,
                        (unsigned)v->flags);
    else if (v->flags == 0 && v->external_id != DLX__XNN_NONE)
        dlx__flat_fault(&r->view,
                        "value %u: expected an input or output at place %u, found neither",
                        (unsigned)v->id, (unsigned)v->external_id);
    else if (v->data)
        check_constant(r, v);
}

static dlx_result read_value(dlx__xnn_reader *r, const dlx__flat_table *entry,
                             dlx__xnn_seen_value *v)
{
    const uint8_t kind = dlx__flat_u8(entry, 0);
    dlx__flat_table outer = dlx__flat_child(entry, 1);
    if (!outer.view || (kind != PLAIN_VALUE && kind != QUANTIZED_VALUE)) {
        dlx__flat_fault(&r->view, "found a value of the unknown kind %u", (unsigned)kind);
        return DLX_OK;
    }
    dlx__flat_table t = kind == QUANTIZED_VALUE ? dlx__flat_child(&outer, 0) : outer;
    dlx__flat_vec dims = dlx__flat_get_vector(&t, 2, sizeof(uint32_t));
    *v = (dlx__xnn_seen_value){.id = dlx__flat_u32(&t, 6),
                               .type = (int16_t)dlx__flat_u16(&t, 0),
                               .n_dims = (int)dlx__min(dims.n, INT32_MAX),
                               .data = dlx__flat_u32(&t, 3),
                               .external_id = dlx__flat_u32(&t, 4),
                               .flags = dlx__flat_u32(&t, 5)};
    uint32_t *copy = dlx__xnn_reader_alloc(r, dims.n, sizeof *copy);
    if (!copy)
        return DLX_E_NOMEM;
    for (size_t i = 0; i < dims.n; i++)
        copy[i] = dlx__flat_u32_at(&dims, i);
    v->dims = copy;
    check_value(r, v, dlx__flat_u32(&t, 1));
    if (kind == QUANTIZED_VALUE)
        check_quant(r, v, &outer);
    return DLX_OK;
}

static int by_id(const void *a, const void *b)
{
    const uint32_t left = ((const dlx__xnn_place *)a)->id, right = ((const dlx__xnn_place *)b)->id;
    return (left > right) - (left < right);
}

dlx_result dlx__xnn_read_values(dlx__xnn_reader *r)
{
    dlx__flat_vec list = dlx__flat_get_refs(&r->root, 2);
    r->out->values = dlx__xnn_reader_alloc(r, list.n, sizeof *r->out->values);
    r->places = dlx__xnn_reader_alloc(r, list.n, sizeof *r->places);
    r->computed = dlx__xnn_reader_alloc(r, list.n, sizeof *r->computed);
    if (!r->out->values || !r->places || !r->computed)
        return DLX_E_NOMEM;
    for (size_t i = 0; i < list.n && r->view.failure.code == DLX_OK; i++) {
        dlx__xnn_seen_value *v = &r->out->values[i];
        dlx__flat_table entry = dlx__flat_table_at(&list, i);
        dlx_result result = read_value(r, &entry, v);
        if (result != DLX_OK)
            return result;
        r->places[i] = (dlx__xnn_place){v->id, (uint32_t)i};
        r->computed[i] = v->data || (v->flags & 1);
    }
    if (list.n > 1)
        qsort(r->places, list.n, sizeof *r->places, by_id);
    for (size_t i = 1; i < list.n; i++)
        if (r->places[i - 1].id == r->places[i].id)
            dlx__flat_fault(&r->view, "two values have the number %u", (unsigned)r->places[i].id);
    r->out->n_values = list.n;
    return DLX_OK;
}
