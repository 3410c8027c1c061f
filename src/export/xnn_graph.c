/*
 * xnn_graph.c - the values of an XNNPACK graph: inputs, outputs, weights and their bytes. The nodes
 * are xnn_nodes.c and xnn_linear.c.
 */
#include "export/xnn_graph.h"

#include "base/fail.h"
#include "export/xnn_build.h"

#include <string.h>

void dlx__xnn_init(dlx__xnn_graph *g, const dlx_allocator *mem)
{
    *g = (dlx__xnn_graph){.n_constants = 0};
    dlx__arena_init(&g->arena, mem);
}

void dlx__xnn_release(dlx__xnn_graph *g)
{
    dlx__arena_release(&g->arena);
    *g = (dlx__xnn_graph){.n_constants = 0};
}

dlx__xnn_value dlx__xnn_no_memory(dlx__xnn_graph *g)
{
    dlx__fail_memory(&g->failure, "building an XNNPACK graph", g->arena.n_bytes);
    return DLX__XNN_NONE;
}

dlx__xnn_value dlx__xnn_add_value(dlx__xnn_graph *g, const dlx__xnn_value_info *info)
{
    if (dlx__xnn_failed(g))
        return DLX__XNN_NONE;
    dlx__xnn_value_info *values =
        dlx__arena_grow(&g->arena, g->values, g->n_values, &g->value_capacity, sizeof *values);
    if (!values)
        return dlx__xnn_no_memory(g);
    g->values = values;
    values[g->n_values] = *info;
    return (dlx__xnn_value)g->n_values++;
}

const dlx__xnn_value_info *dlx__xnn_look(dlx__xnn_graph *g, const char *what, dlx__xnn_value v)
{
    if (dlx__xnn_failed(g))
        return NULL;
    if (v < g->n_values)
        return &g->values[v];
    dlx__fail(&g->failure, DLX_E_ARG, "XNNPACK %s: expected one of %zu values, found number %u",
              what, g->n_values, (unsigned)v);
    return NULL;
}

const char *dlx__xnn_shape(char out[96], const dlx__xnn_value_info *v)
{
    return dlx__shape_text(out, v->dims, v->n_dims);
}

size_t dlx__xnn_elems(const size_t *dims, int n_dims)
{
    size_t n = 1;
    for (int i = 0; i < n_dims; i++)
        n = dlx__mul(n, dims[i]);
    return n;
}

/* Axes that XNNPACK can have; none of them may be 0, because the shape is the largest one. */
bool dlx__xnn_check_dims(dlx__xnn_graph *g, const char *what, const size_t *dims, int n_dims)
{
    if (dlx__xnn_failed(g))
        return false;
    bool ok = n_dims >= 0 && n_dims <= DLX__XNN_MAX_DIMS;
    for (int i = 0; ok && i < n_dims; i++)
        ok = dims[i] > 0 && dims[i] < UINT32_MAX;
    if (!ok || dlx__xnn_elems(dims, n_dims) > SIZE_MAX / 16)
        dlx__fail(&g->failure, DLX_E_UNSUPPORTED,
                  "XNNPACK %s: expected at most %d axes, none of length 0, found %d axes", what,
                  DLX__XNN_MAX_DIMS, n_dims);
    return !dlx__xnn_failed(g);
}

static uint32_t next_extern(dlx__xnn_graph *g)
{
    if (g->n_externs == DLX__XNN_MAX_EXTERNS)
        dlx__fail(&g->failure, DLX_E_UNSUPPORTED,
                  "an XNNPACK graph has at most %d inputs and outputs", DLX__XNN_MAX_EXTERNS);
    return g->n_externs++;
}

dlx__xnn_value dlx__xnn_input(dlx__xnn_graph *g, dlx__xnn_type type, const size_t *dims, int n_dims)
{
    if (!dlx__xnn_check_dims(g, "input", dims, n_dims))
        return DLX__XNN_NONE;
    if (type != DLX__XNN_FP32 && type != DLX__XNN_FP16 && type != DLX__XNN_BF16) {
        const char *name = dlx__xnn_type_name(type);
        dlx__fail(&g->failure, DLX_E_UNSUPPORTED,
                  "XNNPACK input: expected fp32, fp16 or bf16, found %s; convert it inside",
                  name ? name : "an unknown type");
        return DLX__XNN_NONE;
    }
    dlx__xnn_value_info info = {.type = type,
                                .n_dims = n_dims,
                                .external_id = next_extern(g),
                                .is_input = true,
                                .node = DLX__XNN_NONE};
    memcpy(info.dims, dims, (size_t)n_dims * sizeof *dims);
    return dlx__xnn_add_value(g, &info);
}

void dlx__xnn_output(dlx__xnn_graph *g, dlx__xnn_value v)
{
    const dlx__xnn_value_info *info = dlx__xnn_look(g, "output", v);
    if (!info)
        return;
    if (info->node == DLX__XNN_NONE || info->external_id != DLX__XNN_NONE)
        dlx__fail(&g->failure, DLX_E_ARG,
                  "XNNPACK output: expected a value that a node computes and that is no output "
                  "yet, found value %u",
                  (unsigned)v);
    else
        g->values[v].external_id = next_extern(g);
}

/* ---- constants ------------------------------------------------------------------------------- */

/* Index 0 means "no constant", so a constant that holds nothing comes first. */
static dlx__xnn_data add_constant(dlx__xnn_graph *g, const dlx__xnn_constant *c)
{
    for (int more = g->n_constants ? 1 : 2; more > 0; more--) {
        dlx__xnn_constant *list = dlx__arena_grow(&g->arena, g->constants, g->n_constants,
                                                  &g->constant_capacity, sizeof *list);
        if (!list) {
            (void)dlx__xnn_no_memory(g);
            return 0;
        }
        g->constants = list;
        list[g->n_constants++] = more == 2 ? (dlx__xnn_constant){.n_bytes = 0} : *c;
    }
    return (dlx__xnn_data)(g->n_constants - 1);
}

dlx__xnn_data dlx__xnn_named(dlx__xnn_graph *g, const char *key, uint64_t n_bytes)
{
    if (dlx__xnn_failed(g))
        return 0;
    for (size_t i = 1; i < g->n_constants; i++) {
        const dlx__xnn_constant *c = &g->constants[i];
        if (!c->key || strcmp(c->key, key) != 0)
            continue;
        if (c->n_bytes == n_bytes)
            return (dlx__xnn_data)i;
        dlx__fail(&g->failure, DLX_E_ARG,
                  "named data %.200s: expected %llu bytes as before, found %llu", key,
                  (unsigned long long)c->n_bytes, (unsigned long long)n_bytes);
        return 0;
    }
    dlx__xnn_constant c = {.key = dlx__arena_strdup(&g->arena, key), .n_bytes = n_bytes};
    if (!*key)
        dlx__fail(&g->failure, DLX_E_ARG, "named data: expected a key, found an empty one");
    else if (!c.key)
        (void)dlx__xnn_no_memory(g);
    return dlx__xnn_failed(g) ? 0 : add_constant(g, &c);
}

dlx__xnn_data dlx__xnn_inline(dlx__xnn_graph *g, const void *bytes, size_t n_bytes)
{
    if (dlx__xnn_failed(g))
        return 0;
    void *copy = dlx__arena_alloc(&g->arena, n_bytes, 1);
    if (!copy) {
        (void)dlx__xnn_no_memory(g);
        return 0;
    }
    memcpy(copy, bytes, n_bytes);
    return add_constant(g, &(dlx__xnn_constant){.bytes = copy, .n_bytes = n_bytes});
}

/* ---- weights --------------------------------------------------------------------------------- */

/* The way in which numbers of a type are quantized when they are constants. */
static dlx__xnn_quant_kind quant_of(dlx__xnn_type type)
{
    switch (type) {
    case DLX__XNN_QCINT8:
    case DLX__XNN_QCINT4:
    case DLX__XNN_QCINT32:
        return DLX__XNN_PER_CHANNEL;
    case DLX__XNN_QBINT4:
        return DLX__XNN_PER_GROUP;
    case DLX__XNN_QINT8:
    case DLX__XNN_QUINT8:
    case DLX__XNN_QINT32:
        return DLX__XNN_PER_TENSOR;
    default:
        return DLX__XNN_PLAIN;
    }
}

/* Rows of whole bytes: the last byte of a row of 4-bit numbers may be half empty. */
static size_t weight_bytes(dlx__xnn_type type, const size_t *dims, int n_dims)
{
    size_t cols = n_dims ? dims[n_dims - 1] : 1;
    size_t row = dlx__mul(cols, (size_t)dlx__xnn_type_bits(type));
    row = dlx__add(row, 7) / 8;
    return dlx__mul(row, n_dims ? dlx__xnn_elems(dims, n_dims - 1) : 1);
}

static bool check_data(dlx__xnn_graph *g, const char *what, dlx__xnn_data data, size_t expected)
{
    if (dlx__xnn_failed(g))
        return false;
    if (data > 0 && data < g->n_constants && g->constants[data].n_bytes == expected)
        return true;
    unsigned long long found =
        data > 0 && data < g->n_constants ? (unsigned long long)g->constants[data].n_bytes : 0;
    dlx__fail(&g->failure, DLX_E_ARG, "XNNPACK %s: expected constant data of %zu bytes, found %llu",
              what, expected, found);
    return false;
}

static bool check_scales(dlx__xnn_graph *g, const size_t *dims, int n_dims, const dlx__xnn_quant *q)
{
    if (q->kind == DLX__XNN_PER_CHANNEL)
        return check_data(g, "scales", q->scales, dlx__mul(n_dims ? dims[0] : 1, sizeof(float)));
    if (q->kind != DLX__XNN_PER_GROUP)
        return true;
    if (n_dims != 2 || q->group == 0 || q->group % 32 != 0 || dims[1] % q->group != 0) {
        dlx__fail(&g->failure, DLX_E_UNSUPPORTED,
                  "XNNPACK weight: expected groups of a multiple of 32 that divides the %zu "
                  "columns, found groups of %zu",
                  n_dims == 2 ? dims[1] : 0, q->group);
        return false;
    }
    return check_data(g, "scales", q->scales, 2 * dims[0] * (dims[1] / q->group));
}

dlx__xnn_value dlx__xnn_weight(dlx__xnn_graph *g, dlx__xnn_type type, const size_t *dims,
                               int n_dims, dlx__xnn_data data, const dlx__xnn_quant *quant)
{
    const dlx__xnn_quant plain = {.kind = DLX__XNN_PLAIN};
    const dlx__xnn_quant *q = quant ? quant : &plain;
    if (!dlx__xnn_check_dims(g, "weight", dims, n_dims))
        return DLX__XNN_NONE;
    if (!dlx__xnn_type_bits(type) || type == DLX__XNN_QDINT8 || q->kind != quant_of(type)) {
        const char *name = dlx__xnn_type_name(type);
        dlx__fail(&g->failure, DLX_E_ARG,
                  "XNNPACK weight: type %s does not go with the quantization it was given",
                  name ? name : "unknown");
        return DLX__XNN_NONE;
    }
    if (!check_data(g, "weight", data, weight_bytes(type, dims, n_dims)) ||
        !check_scales(g, dims, n_dims, q))
        return DLX__XNN_NONE;
    dlx__xnn_value_info info = {.type = type,
                                .n_dims = n_dims,
                                .data = data,
                                .external_id = DLX__XNN_NONE,
                                .node = DLX__XNN_NONE,
                                .quant = *q};
    memcpy(info.dims, dims, (size_t)n_dims * sizeof *dims);
    return dlx__xnn_add_value(g, &info);
}
