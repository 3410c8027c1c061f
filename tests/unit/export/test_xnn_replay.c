/*
 * test_xnn_replay.c - graphs that the reader of a payload lets through and the builder would not
 * have made: each is spoilt in one place between building and writing. labels: quick
 */
#include "export_sample.h"

#include "export/xnn_replay.h"
#include "failing_mem.h"

enum { ROWS = 8, K = 64, N = 96 };

/* The values, in order; nodes compute those from Y on. */
enum { X, W, B, Y, LEFT, RIGHT, BOTH, TURNED, SCORES, SUM, FLAT, ROUNDED, Q, OUT, N_VALUES };

static dlx__xnn_value rounded_product(dlx__xnn_graph *g, dlx__xnn_value x)
{
    static const float scales[N];
    const size_t dims[] = {N, N};
    const dlx__xnn_quant quant = {.kind = DLX__XNN_PER_CHANNEL,
                                  .scales = dlx__xnn_inline(g, scales, sizeof scales)};
    const dlx__xnn_value rows = dlx__xnn_convert(g, x, DLX__XNN_QDINT8, NULL);
    const dlx__xnn_value q =
        dlx__xnn_weight(g, DLX__XNN_QCINT8, dims, 2, dlx__xnn_named(g, "q", N * N), &quant);
    return dlx__xnn_fully_connected(g, rows, q, DLX__XNN_NONE, DLX__XNN_FP32, NULL);
}

/* A node of each form. */
static void build(dlx__xnn_graph *g)
{
    static const float bias[N];
    const size_t x[] = {ROWS, K}, w[] = {N, K}, b[] = {N}, none[] = {0, 0};
    const dlx__xnn_value in = dlx__xnn_input(g, DLX__XNN_FP32, x, 2);
    const dlx__xnn_value filter =
        dlx__xnn_weight(g, DLX__XNN_FP32, w, 2, dlx__xnn_named(g, "w", 4 * N * K), NULL);
    const dlx__xnn_value row =
        dlx__xnn_weight(g, DLX__XNN_FP32, b, 1, dlx__xnn_inline(g, bias, sizeof bias), NULL);
    const dlx__xnn_value y = dlx__xnn_fully_connected(g, in, filter, row, DLX__XNN_FP32, NULL);
    const dlx__xnn_value left = dlx__xnn_slice(g, y, none, (const size_t[]){0, N / 2});
    const dlx__xnn_value right =
        dlx__xnn_slice(g, y, (const size_t[]){0, N / 2}, (const size_t[]){0, N / 2});
    const dlx__xnn_value both =
        dlx__xnn_concat(g, 1, (const dlx__xnn_value[]){right, left}, 2); /* [ROWS, N] */
    const dlx__xnn_value turned = dlx__xnn_transpose(g, both, (const int[]){1, 0});
    const dlx__xnn_value scores = dlx__xnn_matmul(g, turned, y, false); /* [N, N] */
    const dlx__xnn_value sum = dlx__xnn_binary(g, DLX__XNN_OP_ADD, scores, scores);
    dlx__xnn_limit(g, sum, -6, 6);
    const dlx__xnn_value flat = dlx__xnn_reshape(g, sum, (const size_t[]){1, 0, N}, 3);
    dlx__xnn_output(g, rounded_product(g, flat));
}

static dlx_result replay(void (*spoil)(dlx__xnn_graph *g), const dlx_allocator *mem, dlx_error *err)
{
    dlx__xnn_graph g;
    dlx__buf out;
    dlx__arena arena;
    dlx__xnn_seen seen;
    const dlx__pte_item named[] = {{.key = "q", .n_bytes = N * N},
                                   {.key = "w", .n_bytes = 4 * N * K}};
    const dlx__xnn_keys keys = {named, DLX__LEN(named), NULL};
    dlx__xnn_init(&g, NULL);
    dlx__buf_init(&out, NULL);
    dlx__arena_init(&arena, NULL);
    build(&g);
    assert_ok(g.failure.code, &g.failure);
    assert_int_equal(g.n_values, N_VALUES);
    if (spoil)
        spoil(&g);
    assert_ok(dlx__xnn_serialize(&g, &out, err), err);
    const uint8_t *payload = (const uint8_t *)out.data;
    assert_ok(dlx__xnn_read(&seen, payload, out.len, "payload", &keys, &arena, err), err);
    const dlx_result r = dlx__xnn_replay(payload, out.len, "payload", mem, err);
    dlx__arena_release(&arena);
    dlx__buf_release(&out);
    dlx__xnn_release(&g);
    return r;
}

static dlx__xnn_node *node_of(dlx__xnn_graph *g, int value)
{
    return &g->nodes[g->values[value].node];
}

static void computed_bias(dlx__xnn_graph *g)
{
    node_of(g, OUT)->in[2] = SUM;
}

static void bias_as_filter(dlx__xnn_graph *g)
{
    node_of(g, Y)->in[1] = B;
}

static void other_columns(dlx__xnn_graph *g)
{
    g->values[Y].dims[1] = 2 * N;
}

static void other_rows(dlx__xnn_graph *g)
{
    g->values[SCORES].dims[0] = ROWS;
}

static void other_type(dlx__xnn_graph *g)
{
    g->values[SUM].type = DLX__XNN_FP16;
}

static void rows_that_are_not_rounded(dlx__xnn_graph *g)
{
    g->values[ROUNDED].type = DLX__XNN_FP32;
    g->values[ROUNDED].quant.kind = DLX__XNN_PLAIN;
}

static void other_kind(dlx__xnn_graph *g)
{
    node_of(g, TURNED)->op = DLX__XNN_OP_RESIZE;
}

static void one_input_for_two(dlx__xnn_graph *g)
{
    node_of(g, SUM)->op = DLX__XNN_OP_SQUARE;
    node_of(g, SUM)->limited = false;
    node_of(g, SUM)->in[0] = TURNED;
}

static void axis_twice(dlx__xnn_graph *g)
{
    node_of(g, TURNED)->a[0] = 0;
}

static void few_axes(dlx__xnn_graph *g)
{
    node_of(g, TURNED)->n_dims = 1;
}

static void behind_the_end(dlx__xnn_graph *g)
{
    node_of(g, RIGHT)->a[1] = N;
}

static void other_elements(dlx__xnn_graph *g)
{
    node_of(g, FLAT)->a[2] = 7;
}

static void other_axis(dlx__xnn_graph *g)
{
    node_of(g, BOTH)->axis = 9;
}

static void turned_flag(dlx__xnn_graph *g)
{
    node_of(g, SCORES)->flags = 1;
}

static void unknown_flag(dlx__xnn_graph *g)
{
    node_of(g, TURNED)->flags = 4;
}

static void crossed_limits(dlx__xnn_graph *g)
{
    node_of(g, SUM)->min = 9;
}

static void limited_transpose(dlx__xnn_graph *g)
{
    node_of(g, TURNED)->limited = true;
    node_of(g, TURNED)->max = 1;
}

static void unread(dlx__xnn_graph *g)
{
    node_of(g, BOTH)->in[1] = RIGHT; /* LEFT is read by nobody */
}

static void a_constant_as_number(dlx__xnn_graph *g)
{
    node_of(g, SUM)->in[1] = B;
}

static void computed_twice(dlx__xnn_graph *g)
{
    node_of(g, RIGHT)->out = LEFT;
    node_of(g, BOTH)->in[0] = LEFT;
}

static void a_node_more(dlx__xnn_graph *g)
{
    dlx__xnn_node *nodes = dlx__arena_alloc(&g->arena, g->n_nodes + 1, sizeof *nodes);
    assert_non_null(nodes);
    memcpy(nodes, g->nodes, g->n_nodes * sizeof *nodes);
    nodes[g->n_nodes] = nodes[g->n_nodes - 1];
    g->nodes = nodes;
    g->n_nodes++;
}

static void uneven_data(dlx__xnn_graph *g)
{
    g->values[W].dims[0] = N - 1;
}

static void no_scales(dlx__xnn_graph *g)
{
    g->values[Q].quant.kind = DLX__XNN_PLAIN;
}

static const struct {
    void (*spoil)(dlx__xnn_graph *g);
    const char *says;
} ways[] = {
    {computed_bias, "FullyConnected: expected constants [n, k] and [n]"},
    {bias_as_filter, "FullyConnected: expected constants [n, k] and [n]"},
    {other_columns, "node 0: expected the type and the shape that follow from its inputs"},
    {other_rows, "node 5: expected the type and the shape that follow from its inputs"},
    {other_type, "node 6: expected the type and the shape that follow from its inputs"},
    {rows_that_are_not_rounded, "Convert: expected a conversion that XNNPACK has"},
    {other_kind, "node 4: expected a kind that dlx export writes"},
    {one_input_for_two, "node 6: expected the type and the shape that follow from its inputs"},
    {axis_twice, "StaticTranspose: expected every axis once"},
    {few_axes, "node 4: expected a kind that dlx export writes, with its axes"},
    {behind_the_end, "StaticSlice: expected a part that lies inside"},
    {other_elements, "StaticReshape: expected the same number of elements"},
    {other_axis, "Concatenate2: expected two to five parts along one of their axes"},
    {turned_flag, "BatchMatrixMultiply: expected inner axes of the same length"},
    {unknown_flag, "node 4: expected the type and the shape that follow from its inputs"},
    {crossed_limits, "limit: expected the result of arithmetic and a lower limit below"},
    {limited_transpose, "limit: expected the result of arithmetic"},
    {unread, "value 4: expected a node that reads it"},
    {a_constant_as_number, "Add: found a constant"},
    {computed_twice, "node 2: expected one that computes the next value"},
    {a_node_more, "node 10: expected a value that it computes"},
    {uneven_data, "XNNPACK weight: expected constant data of 24320 bytes, found 24576"},
    {no_scales, "XNNPACK weight: type qcint8 does not go with the quantization"},
};

static void what_was_built_is_taken(void **state)
{
    (void)state;
    dlx_error err;
    assert_ok(replay(NULL, NULL, &err), &err);
}

static void what_was_not_built_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DLX__LEN(ways); i++) {
        dlx_error err = {.text = ""};
        assert_int_equal(replay(ways[i].spoil, NULL, &err), DLX_E_FORMAT);
        assert_says(&err, "payload: ");
        assert_says(&err, ways[i].says);
        assert_says(&err, "export the program again");
    }
}

static void no_memory_is_a_sentence(void **state)
{
    (void)state;
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        dlx_error err = {.text = ""};
        failing_mem_init(&mem, i);
        r = replay(NULL, &mem.mem, &err);
        assert_true(r == DLX_OK || r == DLX_E_NOMEM);
        assert_int_equal(mem.n_alive, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_built_is_taken),
        cmocka_unit_test(what_was_not_built_is_refused),
        cmocka_unit_test(no_memory_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
