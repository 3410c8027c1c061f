/* test_xnn_graph.c - XNNPACK graphs: shapes of results, what is refused, and the payload. */
#include "export_sample.h"

#include "failing_mem.h"

#include <math.h>

static dlx__xnn_value input(dlx__xnn_graph *g, int n, size_t a, size_t b, size_t c, size_t d)
{
    const size_t dims[] = {a, b, c, d};
    return dlx__xnn_input(g, DLX__XNN_FP32, dims, n);
}

static void assert_shape(const dlx__xnn_graph *g, dlx__xnn_value v, int n, size_t a, size_t b,
                         size_t c, size_t d)
{
    const size_t dims[] = {a, b, c, d};
    if (g->failure.code != DLX_OK)
        fail_msg("%s", g->failure.text);
    assert_int_equal(g->values[v].n_dims, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(g->values[v].dims[i], dims[i]);
}

static void shapes_follow_from_the_inputs(void **state)
{
    (void)state;
    dlx__xnn_graph g;
    dlx__xnn_init(&g, NULL);
    dlx__xnn_value q = input(&g, 4, 2, 3, 8, 16), k = input(&g, 4, 2, 1, 40, 16);
    dlx__xnn_value mask = input(&g, 2, 8, 40, 0, 0), one = input(&g, 2, 1, 16, 0, 0);
    dlx__xnn_value s = dlx__xnn_matmul(&g, q, k, true);
    assert_shape(&g, s, 4, 2, 3, 8, 40);
    s = dlx__xnn_unary(&g, DLX__XNN_OP_SOFTMAX, dlx__xnn_binary(&g, DLX__XNN_OP_ADD, s, mask));
    assert_shape(&g, s, 4, 2, 3, 8, 40);
    dlx__xnn_value o = dlx__xnn_matmul(&g, s, k, false);
    assert_shape(&g, o, 4, 2, 3, 8, 16);
    assert_shape(&g, dlx__xnn_binary(&g, DLX__XNN_OP_MULTIPLY, one, o), 4, 2, 3, 8, 16);
    assert_shape(&g, dlx__xnn_transpose(&g, q, (const int[]){0, 2, 1, 3}), 4, 2, 8, 3, 16);
    assert_shape(&g, dlx__xnn_reshape(&g, q, (const size_t[]){6, 0, 16}, 3), 3, 6, 8, 16, 0);
    assert_shape(&g, dlx__xnn_reshape(&g, q, (const size_t[]){768}, 1), 1, 768, 0, 0, 0);
    assert_shape(&g,
                 dlx__xnn_slice(&g, q, (const size_t[]){1, 0, 0, 8}, (const size_t[]){1, 0, 0, 8}),
                 4, 1, 3, 8, 8);
    assert_shape(&g, dlx__xnn_concat(&g, 1, (const dlx__xnn_value[]){q, k == q ? k : q}, 2), 4, 2,
                 6, 8, 16);
    assert_shape(&g, dlx__xnn_concat(&g, 3, (const dlx__xnn_value[]){q, q, q, q, q}, 5), 4, 2, 3, 8,
                 80);
    dlx__xnn_value half = dlx__xnn_convert(&g, q, DLX__XNN_FP16, NULL);
    assert_int_equal(g.values[half].type, DLX__XNN_FP16);
    dlx__xnn_value rows = dlx__xnn_convert(&g, q, DLX__XNN_QDINT8, NULL);
    assert_int_equal(g.values[rows].quant.kind, DLX__XNN_PER_TOKEN);
    dlx__xnn_limit(&g, dlx__xnn_unary(&g, DLX__XNN_OP_CLAMP, q), 0, 6);
    assert_int_equal(g.failure.code, DLX_OK);
    assert_int_equal(g.n_externs, 4);
    dlx__xnn_release(&g);
}

/* Nodes that go wrong, and a word of the sentence. */
static const char *bad_node(dlx__xnn_graph *g, int way, dlx__xnn_value x, dlx__xnn_value y,
                            dlx__xnn_value w, dlx__xnn_value row)
{
    switch (way) {
    case 0:
        dlx__xnn_unary(g, DLX__XNN_OP_ADD, x);
        return "one input";
    case 1:
        dlx__xnn_unary(g, DLX__XNN_OP_SQUARE, w);
        return "a constant";
    case 2:
        dlx__xnn_unary(g, DLX__XNN_OP_SQUARE, row);
        return "fp32 or fp16, found qdint8";
    case 3:
        dlx__xnn_binary(g, DLX__XNN_OP_ADD, x, y);
        return "axes of the same length";
    case 4:
        dlx__xnn_binary(g, DLX__XNN_OP_SQUARE, x, x);
        return "two inputs";
    case 5:
        dlx__xnn_matmul(g, x, x, false);
        return "inner axes";
    case 6:
        dlx__xnn_transpose(g, x, (const int[]){0, 0});
        return "every axis once";
    case 7:
        dlx__xnn_reshape(g, x, (const size_t[]){3, 0}, 2);
        return "same number of elements";
    case 8:
        dlx__xnn_reshape(g, x, (const size_t[]){0, 0}, 2);
        return "one axis left open";
    case 9:
        dlx__xnn_slice(g, x, (const size_t[]){0, 60}, (const size_t[]){0, 8});
        return "lies inside";
    case 10:
        dlx__xnn_concat(g, 0, &x, 1);
        return "two to five";
    case 11:
        dlx__xnn_concat(g, 0, (const dlx__xnn_value[]){x, y}, 2);
        return "same axes";
    default:
        return NULL;
    }
}

/* Each way of going wrong, those of nodes first. */
static const char *go_wrong(dlx__xnn_graph *g, int way)
{
    const dlx__xnn_quant groups = {.kind = DLX__XNN_PER_GROUP, .scales = 1, .group = 16};
    const dlx__xnn_quant tensor = {.kind = DLX__XNN_PER_TENSOR, .scale = 1};
    const size_t wide[] = {2, 64}, flat[] = {2};
    dlx__xnn_value x = input(g, 2, 4, 64, 0, 0), y = input(g, 3, 2, 4, 5, 0);
    dlx__xnn_value w =
        dlx__xnn_weight(g, DLX__XNN_FP32, wide, 2, dlx__xnn_named(g, "w", 512), NULL);
    dlx__xnn_value b = dlx__xnn_weight(g, DLX__XNN_FP32, flat, 1, dlx__xnn_named(g, "b", 8), NULL);
    dlx__xnn_value row = dlx__xnn_convert(g, x, DLX__XNN_QDINT8, NULL);
    const char *says = bad_node(g, way, x, y, w, row);
    if (says)
        return says;
    switch (way) {
    case 12:
        dlx__xnn_fully_connected(g, y, w, b, DLX__XNN_FP32, NULL);
        return "k columns";
    case 13:
        dlx__xnn_fully_connected(g, row, w, b, DLX__XNN_FP32, NULL);
        return "XNNPACK multiplies";
    case 14:
        dlx__xnn_fully_connected(g, x, w, b, DLX__XNN_FP16, NULL);
        return "XNNPACK multiplies";
    case 15:
        dlx__xnn_convert(g, x, DLX__XNN_QINT8, NULL);
        return "a conversion";
    case 16:
        dlx__xnn_weight(g, DLX__XNN_FP32, wide, 2, dlx__xnn_named(g, "w", 512), &groups);
        return "does not go with";
    case 17:
        dlx__xnn_weight(g, DLX__XNN_QBINT4, wide, 2, dlx__xnn_named(g, "q", 64), &groups);
        return "multiple of 32";
    case 18:
        dlx__xnn_weight(g, DLX__XNN_FP32, wide, 2, dlx__xnn_named(g, "short", 511), NULL);
        return "512 bytes, found 511";
    case 19:
        dlx__xnn_named(g, "w", 513);
        return "512 bytes as before";
    case 20:
        dlx__xnn_output(g, x);
        return "that a node computes";
    case 21:
        input(g, 1, 0, 0, 0, 0);
        return "none of length 0";
    case 22:
        dlx__xnn_limit(g, row, 0, 1);
        return "result of arithmetic";
    case 23:
        dlx__xnn_unary(g, DLX__XNN_OP_SQUARE, 99);
        return "found number 99";
    case 24:
        dlx__xnn_input(g, DLX__XNN_QINT8, wide, 2);
        return "fp32, fp16 or bf16";
    case 25:
        dlx__xnn_named(g, "", 4);
        return "an empty one";
    case 26:
        dlx__xnn_fully_connected(g, x, w, b, DLX__XNN_FP32, &tensor);
        return "XNNPACK multiplies";
    case 27:
        dlx__xnn_limit(g, dlx__xnn_binary(g, DLX__XNN_OP_ADD, x, x), 1, NAN);
        return "lower limit below";
    case 28: {
        dlx__buf out;
        dlx__buf_init(&out, NULL);
        assert_int_equal(dlx__xnn_serialize(g, &out, &g->failure), DLX_E_ARG);
        dlx__buf_release(&out);
        return "has no output";
    }
    default:
        return NULL;
    }
}

static void what_xnnpack_refuses_is_refused_here(void **state)
{
    (void)state;
    int n = 0;
    for (const char *says = ""; says; n++) {
        dlx__xnn_graph g;
        dlx_error err;
        dlx__buf out;
        dlx__xnn_init(&g, NULL);
        dlx__buf_init(&out, NULL);
        says = go_wrong(&g, n);
        if (says) {
            assert_int_not_equal(g.failure.code, DLX_OK);
            assert_says(&g.failure, says);
            assert_int_equal(dlx__xnn_serialize(&g, &out, &err), g.failure.code);
            assert_string_equal(err.text, g.failure.text);
        }
        dlx__buf_release(&out);
        dlx__xnn_release(&g);
    }
    assert_int_equal(n, 30);
}

/* One weight of every form, with the scales it needs. */
static void weights(dlx__xnn_graph *g)
{
    const size_t dims[] = {6, 64}, one[] = {1, 64}, flat[] = {6};
    const float eps = 1e-6f, mean[64] = {1.0f / 64};
    dlx__xnn_value x = input(g, 2, 4, 64, 0, 0);
    dlx__xnn_quant channel = {.kind = DLX__XNN_PER_CHANNEL, .scales = dlx__xnn_named(g, "s", 24)};
    dlx__xnn_quant group = {
        .kind = DLX__XNN_PER_GROUP, .scales = dlx__xnn_named(g, "gs", 24), .group = 32};
    dlx__xnn_quant fixed = {.kind = DLX__XNN_PER_TENSOR, .scale = 0.5f, .zero_point = -3};
    dlx__xnn_data bytes = dlx__xnn_named(g, "w8", 384), nibbles = dlx__xnn_named(g, "w4", 192);
    dlx__xnn_value row = dlx__xnn_convert(g, x, DLX__XNN_QDINT8, NULL);
    dlx__xnn_value bias =
        dlx__xnn_weight(g, DLX__XNN_FP32, flat, 1, dlx__xnn_named(g, "b", 24), NULL);
    dlx__xnn_value w8 = dlx__xnn_weight(g, DLX__XNN_QCINT8, dims, 2, bytes, &channel);
    dlx__xnn_value w4 = dlx__xnn_weight(g, DLX__XNN_QCINT4, dims, 2, nibbles, &channel);
    dlx__xnn_value wg = dlx__xnn_weight(g, DLX__XNN_QBINT4, dims, 2, nibbles, &group);
    dlx__xnn_value wh =
        dlx__xnn_weight(g, DLX__XNN_FP16, dims, 2, dlx__xnn_named(g, "w16", 768), NULL);
    dlx__xnn_value b32 =
        dlx__xnn_weight(g, DLX__XNN_QCINT32, flat, 1, dlx__xnn_named(g, "b32", 24), &channel);
    dlx__xnn_value sum = dlx__xnn_fully_connected(g, row, w8, bias, DLX__XNN_FP32, NULL);
    sum = dlx__xnn_binary(g, DLX__XNN_OP_ADD, sum,
                          dlx__xnn_fully_connected(g, row, w4, bias, DLX__XNN_FP32, NULL));
    sum = dlx__xnn_binary(g, DLX__XNN_OP_ADD, sum,
                          dlx__xnn_fully_connected(g, row, wg, DLX__XNN_NONE, DLX__XNN_FP32, NULL));
    sum = dlx__xnn_binary(g, DLX__XNN_OP_ADD, sum,
                          dlx__xnn_fully_connected(g, x, wh, bias, DLX__XNN_FP32, NULL));
    dlx__xnn_value q = dlx__xnn_convert(g, x, DLX__XNN_QINT8, &fixed);
    q = dlx__xnn_fully_connected(g, q, w8, b32, DLX__XNN_QINT8, &fixed);
    sum = dlx__xnn_binary(g, DLX__XNN_OP_ADD, sum, dlx__xnn_convert(g, q, DLX__XNN_FP32, NULL));
    dlx__xnn_value ms = dlx__xnn_fully_connected(
        g, dlx__xnn_unary(g, DLX__XNN_OP_SQUARE, x),
        dlx__xnn_weight(g, DLX__XNN_FP32, one, 2, dlx__xnn_inline(g, mean, sizeof mean), NULL),
        dlx__xnn_weight(g, DLX__XNN_FP32, (const size_t[]){1}, 1,
                        dlx__xnn_inline(g, &eps, sizeof eps), NULL),
        DLX__XNN_FP32, NULL);
    ms = dlx__xnn_unary(g, DLX__XNN_OP_RECIPROCAL_SQUARE_ROOT, ms);
    sum = dlx__xnn_binary(g, DLX__XNN_OP_MULTIPLY, sum, ms);
    dlx__xnn_limit(g, sum, -8, 8);
    dlx__xnn_value parts[] = {sum, sum, sum, sum};
    sum = dlx__xnn_concat(g, 1, parts, 4);
    sum = dlx__xnn_slice(g, sum, (const size_t[]){0, 6}, (const size_t[]){0, 6});
    sum = dlx__xnn_reshape(g, sum, (const size_t[]){0, 1, 6}, 3);
    dlx__xnn_output(g, dlx__xnn_transpose(g, sum, (const int[]){1, 0, 2}));
}

static const dlx__pte_item *items(size_t *n)
{
    static dlx__pte_item list[] = {{.key = "b", .n_bytes = 24},    {.key = "b32", .n_bytes = 24},
                                   {.key = "gs", .n_bytes = 24},   {.key = "s", .n_bytes = 24},
                                   {.key = "w16", .n_bytes = 768}, {.key = "w4", .n_bytes = 192},
                                   {.key = "w8", .n_bytes = 384}};
    *n = DLX__LEN(list);
    return list;
}

static size_t count_of(const dlx__xnn_seen *x, const char *name, const char *type)
{
    for (size_t i = 0; i < x->n_kinds; i++)
        if (strcmp(x->kinds[i].name, name) == 0 &&
            (type ? x->kinds[i].type && strcmp(x->kinds[i].type, type) == 0 : !x->kinds[i].type))
            return x->kinds[i].n;
    return 0;
}

static void the_payload_is_read_back(void **state)
{
    (void)state;
    dlx__xnn_graph g;
    dlx__buf out;
    dlx__arena arena;
    dlx_error err;
    dlx__xnn_init(&g, NULL);
    dlx__buf_init(&out, NULL);
    dlx__arena_init(&arena, NULL);
    weights(&g);
    assert_ok(dlx__xnn_serialize(&g, &out, &err), &err);
    dlx__xnn_keys keys = {0};
    keys.named = items(&keys.n_named);
    dlx__xnn_seen x;
    assert_ok(dlx__xnn_read(&x, (const uint8_t *)out.data, out.len, "payload", &keys, &arena, &err),
              &err);
    assert_int_equal(x.n_nodes, g.n_nodes);
    assert_int_equal(x.n_values, g.n_values);
    assert_int_equal(x.n_inputs, 1);
    assert_int_equal(x.n_outputs, 1);
    assert_int_equal(x.n_unsafe, 0);
    assert_int_equal(x.n_constants, 9);
    assert_int_equal(x.inline_bytes, 260);
    assert_int_equal(count_of(&x, "FullyConnected", "qbint4"), 1);
    assert_int_equal(count_of(&x, "FullyConnected", "qcint8"), 2);
    assert_int_equal(count_of(&x, "Add", NULL), 4);
    assert_int_equal(count_of(&x, "Concatenate4", NULL), 1);
    for (size_t i = 0; i < x.n_values; i++) {
        assert_int_equal(x.values[i].type, (int)g.values[i].type);
        assert_int_equal(x.values[i].n_dims, g.values[i].n_dims);
        assert_int_equal(x.values[i].external_id, g.values[i].external_id);
    }
    dlx__arena_release(&arena);
    dlx__buf_release(&out);
    dlx__xnn_release(&g);
}

/* Magic, header length, offsets; the constants stand behind the graph. */
static void the_header_is_that_of_the_format(void **state)
{
    (void)state;
    sample s;
    dlx_error err;
    sample_open(&s, NULL);
    sample_graph(&s);
    assert_ok(dlx__xnn_serialize(&s.graph, &s.payload, &err), &err);
    uint32_t at[3];
    uint64_t n_blob;
    memcpy(at, s.payload.data + 10, sizeof at);
    memcpy(&n_blob, s.payload.data + 22, sizeof n_blob);
    assert_memory_equal(s.payload.data, "\0\0\0\0XH00\x1e\0", 10);
    assert_int_equal(at[0], 32);
    assert_int_equal(at[2], at[0] + at[1]);
    assert_int_equal(at[2] % 16, 0);
    assert_memory_equal(s.payload.data + 32 + 4, "XN01", 4);
    assert_int_equal(n_blob, sizeof s.b);
    assert_int_equal(at[2] + n_blob, s.payload.len);
    assert_memory_equal(s.payload.data + at[2], s.b, sizeof s.b);
    sample_close(&s);
}

/* From allocation i on, or that one alone. */
static void fail_each(bool once)
{
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        failing_mem_init(&mem, i);
        mem.once = once;
        dlx__xnn_graph g;
        dlx__buf out;
        dlx__arena arena;
        dlx_error err;
        dlx__xnn_init(&g, &mem.mem);
        dlx__buf_init(&out, &mem.mem);
        dlx__arena_init(&arena, &mem.mem);
        weights(&g);
        r = dlx__xnn_serialize(&g, &out, &err);
        dlx__xnn_keys keys = {0};
        keys.named = items(&keys.n_named);
        dlx__xnn_seen x;
        if (r == DLX_OK)
            r = dlx__xnn_read(&x, (const uint8_t *)out.data, out.len, "p", &keys, &arena, &err);
        if (r != DLX_OK) {
            assert_int_equal(r, DLX_E_NOMEM);
            assert_says(&err, "out of memory");
        }
        dlx__arena_release(&arena);
        dlx__buf_release(&out);
        dlx__xnn_release(&g);
        assert_int_equal(mem.n_alive, 0);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_each(false);
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_follow_from_the_inputs),
        cmocka_unit_test(what_xnnpack_refuses_is_refused_here),
        cmocka_unit_test(the_payload_is_read_back),
        cmocka_unit_test(the_header_is_that_of_the_format),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
