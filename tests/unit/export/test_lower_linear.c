// labels: quick
/* test_lower_linear.c - which products a scheme makes of a model: types, numbers of quantization,
 * and that rows are converted once. */
#include "unit.h"

#include "export/lower.h"
#include "export/static_product.h"

#include <stdio.h>

static void open_folder(dlx__model *m, const char *folder)
{
    char path[512];
    dlx_error err = {.code = DLX_OK};
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folder);
    assert_ok(dlx__model_open(m, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
}

/* As if calibration had seen them: other numbers for each product, the same for what products of
 * one input read. */
static void record(dlx__model *m)
{
    for (size_t i = 0; i < m->graph.n; i++) {
        dlx__node *node = &m->graph.nodes[i];
        if (node->op != DLX__OP_LINEAR)
            continue;
        node->has_ranges = true;
        node->in_range = (dlx__range){-1, 1 + (float)node->in[0]};
        node->out_range = (dlx__range){-2 - (float)i, 3};
    }
}

typedef struct lowered {
    dlx__model model;
    dlx__packed packed;
    dlx__lowered l;
} lowered;

static void lower(lowered *to, const char *folder, dlx__scheme scheme)
{
    const dlx__lower_opts opts = {
        .cache = DLX__EXPORT_IO, .half_embedding = true, .n_rows = 8, .n_ctx = 16};
    dlx_error err = {.code = DLX_OK};
    open_folder(&to->model, folder);
    record(&to->model);
    dlx__packed_init(&to->packed, &to->model, NULL);
    to->packed.forms.matrix = to->packed.forms.head = DLX__PACK_INT8;
    to->packed.scheme = scheme;
    assert_ok(dlx__lower(&to->l, &to->model.graph, &opts, &to->packed, NULL, &err), &err);
}

static void release(lowered *l)
{
    dlx__lowered_release(&l->l);
    dlx__packed_release(&l->packed);
    dlx__model_release(&l->model);
}

static const dlx__xnn_value_info *value(const lowered *l, dlx__xnn_value v)
{
    return v == DLX__XNN_NONE ? NULL : &l->l.xnn.values[v];
}

/* Nodes that turn one type into another. */
static size_t n_converts(const lowered *l, dlx__xnn_type from, dlx__xnn_type to)
{
    size_t n = 0;
    for (size_t i = 0; i < l->l.xnn.n_nodes; i++) {
        const dlx__xnn_node *node = &l->l.xnn.nodes[i];
        n += node->op == DLX__XNN_OP_CONVERT && value(l, node->in[0])->type == from &&
             value(l, node->out)->type == to;
    }
    return n;
}

/* Fully connected nodes whose filter has this type, in order; NULL behind the last. */
static const dlx__xnn_node *product_at(const lowered *l, dlx__xnn_type filter, size_t k)
{
    for (size_t i = 0; i < l->l.xnn.n_nodes; i++) {
        const dlx__xnn_node *node = &l->l.xnn.nodes[i];
        if (node->op == DLX__XNN_OP_FULLY_CONNECTED && value(l, node->in[1])->type == filter &&
            k-- == 0)
            return node;
    }
    return NULL;
}

/* Linear node k of the graph. */
static dlx__node *linear_at(const lowered *l, size_t k)
{
    const dlx__graph *g = &l->model.graph;
    for (size_t i = 0; i < g->n; i++)
        if (g->nodes[i].op == DLX__OP_LINEAR && k-- == 0)
            return &g->nodes[i];
    return NULL;
}

static void assert_quant(const dlx__xnn_value_info *v, const dlx__affine *a)
{
    assert_int_equal(v->type, DLX__XNN_QINT8);
    assert_int_equal(v->quant.kind, DLX__XNN_PER_TENSOR);
    assert_true(v->quant.scale == a->scale);
    assert_int_equal(v->quant.zero_point, a->zero_point);
}

/* The bytes that a program holds for constant data. */
static const void *bytes_of(const lowered *l, dlx__xnn_data data)
{
    const char *key = l->l.xnn.constants[data].key;
    for (size_t i = 0; i < l->packed.n_filled; i++)
        if (strcmp(l->packed.filled[i].key, key) == 0)
            return l->packed.filled[i].blob.bytes;
    return NULL;
}

static void check_static(lowered *l, size_t k)
{
    const dlx__xnn_node *node = product_at(l, DLX__XNN_QCINT8, k);
    const dlx__node *linear = linear_at(l, k);
    const size_t n = linear->weight->shape[0];
    const dlx__xnn_value_info *filter = value(l, node->in[1]), *bias = value(l, node->in[2]);
    const dlx__static_product *s;
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx__packed_product(&l->packed, linear, &s, &err), &err);
    assert_quant(value(l, node->in[0]), &s->in);
    assert_quant(value(l, node->out), &s->out);
    assert_memory_equal(bytes_of(l, filter->quant.scales), s->scales, n * sizeof(float));
    assert_true((bias != NULL) == (linear->bias != NULL));
    if (!bias)
        return;
    assert_int_equal(bias->type, DLX__XNN_QCINT32);
    assert_memory_equal(bytes_of(l, bias->data), s->bias, n * sizeof(int32_t));
    const float *units = bytes_of(l, bias->quant.scales);
    for (size_t o = 0; o < n; o++)
        assert_true(units[o] == s->in.scale * s->scales[o]);
}

static const char *const folders[] = {"sdar-tiny-b4", "dream-tiny", "fast-dllm-v2-tiny",
                                      "llada-gqa-sharded"};

/* All products but the head's are of int8 throughout; rows of attention, its output, the
 * feed-forward part and its middle are converted once a layer each. */
static void static_products(void **state)
{
    (void)state;
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        lowered l;
        lower(&l, folders[f], DLX__SCHEME_STATIC);
        const size_t n_layers = l.model.hp.n_layers;
        for (size_t k = 0; k < 7 * n_layers; k++)
            check_static(&l, k);
        const dlx__xnn_node *head = product_at(&l, DLX__XNN_QCINT8, 7 * n_layers);
        assert_int_equal(value(&l, head->in[0])->type, DLX__XNN_QDINT8);
        assert_int_equal(value(&l, head->out)->type, DLX__XNN_FP32);
        assert_null(product_at(&l, DLX__XNN_QCINT8, 7 * n_layers + 1));
        assert_int_equal(n_converts(&l, DLX__XNN_FP32, DLX__XNN_QINT8), 4 * n_layers);
        assert_int_equal(n_converts(&l, DLX__XNN_QINT8, DLX__XNN_FP32), 7 * n_layers);
        assert_int_equal(n_converts(&l, DLX__XNN_FP32, DLX__XNN_QDINT8), 1);
        release(&l);
    }
}

/* Products that read one value by different ranges do not share it. */
static void ranges_are_each_product_s_own(void **state)
{
    (void)state;
    const dlx__lower_opts opts = {.cache = DLX__EXPORT_IO, .n_rows = 8, .n_ctx = 16};
    lowered l;
    dlx_error err = {.code = DLX_OK};
    lower(&l, "sdar-tiny-b4", DLX__SCHEME_STATIC);
    dlx__lowered_release(&l.l);
    dlx__packed_release(&l.packed);
    linear_at(&l, 1)->in_range.max *= 2; /* k of q, k and v */
    dlx__packed_init(&l.packed, &l.model, NULL);
    l.packed.forms.matrix = l.packed.forms.head = DLX__PACK_INT8;
    l.packed.scheme = DLX__SCHEME_STATIC;
    assert_ok(dlx__lower(&l.l, &l.model.graph, &opts, &l.packed, NULL, &err), &err);
    assert_int_equal(n_converts(&l, DLX__XNN_FP32, DLX__XNN_QINT8), 4 * l.model.hp.n_layers + 2);
    for (size_t k = 0; k < 7 * l.model.hp.n_layers; k++)
        check_static(&l, k);
    release(&l);
}

/* Rows as they are; a bias is added by a node of its own, for XNNPACK would multiply it. */
static void weight_only_products(void **state)
{
    (void)state;
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        lowered l;
        size_t n = 0, n_biases = 0;
        lower(&l, folders[f], DLX__SCHEME_WEIGHT_ONLY);
        for (const dlx__xnn_node *node; (node = product_at(&l, DLX__XNN_QCINT8, n)); n++) {
            assert_int_equal(value(&l, node->in[0])->type, DLX__XNN_FP32);
            assert_null(value(&l, node->in[2]));
            assert_int_equal(value(&l, node->out)->type, DLX__XNN_FP32);
        }
        assert_int_equal(n, 7 * l.model.hp.n_layers + 1);
        assert_int_equal(n_converts(&l, DLX__XNN_FP32, DLX__XNN_QDINT8), 0);
        for (size_t k = 0; k < n; k++)
            n_biases += linear_at(&l, k)->bias != NULL;
        for (size_t i = 0; i < l.l.n; i++)
            for (size_t k = 0; k < n; k++)
                n_biases -=
                    l.l.externs[i].tensor && l.l.externs[i].tensor == linear_at(&l, k)->bias;
        assert_int_equal(n_biases, 0); /* each comes in by itself */
        release(&l);
    }
}

/* Without a word products of int8 are dynamic. */
static void dynamic_products(void **state)
{
    (void)state;
    lowered l;
    lower(&l, "dream-tiny", DLX__SCHEME_DYNAMIC);
    const size_t n_layers = l.model.hp.n_layers;
    assert_int_equal(n_converts(&l, DLX__XNN_FP32, DLX__XNN_QDINT8), 4 * n_layers + 1);
    assert_int_equal(n_converts(&l, DLX__XNN_FP32, DLX__XNN_QINT8), 0);
    release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_products),
        cmocka_unit_test(ranges_are_each_product_s_own),
        cmocka_unit_test(weight_only_products),
        cmocka_unit_test(dynamic_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
