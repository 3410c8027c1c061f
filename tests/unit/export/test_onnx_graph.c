/* test_onnx_graph.c - ONNX graphs: bytes worked out by hand, what is one and not two, misuse, no
 * memory. */
#include "unit.h"

#include "export/onnx_graph.h"
#include "failing_mem.h"

/* y = Gemm(x, w), w in the file, and a constant inside. */
static dlx__onnx_value build(dlx__onnx_graph *g)
{
    const dlx__onnx_value x = dlx__onnx_input(g, "x", DLX__ONNX_FLOAT, (size_t[]){1, 2}, 2);
    const dlx__onnx_value w = dlx__onnx_weight(g, "w", DLX__ONNX_FLOAT, (size_t[]){1, 2}, 2,
                                               (dlx__weight_place){.offset = 64, .n_bytes = 8});
    const dlx__onnx_value y =
        dlx__onnx_op(g, "Gemm", (dlx__onnx_value[]){x, w}, 2, DLX__ONNX_FLOAT, (size_t[]){1, 1}, 2);
    dlx__onnx_int(g, "transB", 1);
    const dlx__onnx_value z =
        dlx__onnx_op(g, "Mul", (dlx__onnx_value[]){y, dlx__onnx_number(g, 0.5f)}, 2,
                     DLX__ONNX_FLOAT, (size_t[]){1, 1}, 2);
    dlx__onnx_output(g, z, "z");
    return z;
}

static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    static const char expected[] =
        /* IR version 11 */
        "\010\013"
        /* the producer */
        "\022\015DiffuLex Edge"
        /* opset 23 */
        "B\002\020\027"
        /* the graph */
        ":\355\001"
        /* a node */
        "\012+\012\001x\012\001w\022\006gemm_0\032\006node"
        "_0\042\004Gemm*\015\012\006transB\030\001\240\001"
        "\002"
        /* another */
        "\012$\012\006gemm_0\012\012constant_4"
        "\022\001z\032\006node_1\042\003Mul"
        /* its name */
        "\022\001g"
        /* an input */
        "Z\023\012\001x\022\016\012\014\010\001\022\010\012\002\010\001\012\002\010\002"
        /* a constant in the file */
        "*;\010\001\010\002\020\001B\001wj\023\012\010locatio"
        "n\022\007w.bin.xj\014\012\006offset\022\002"
        "64j\013\012\006length\022\0018p\001"
        /* a value in between */
        "j\030\012\006gemm_0\022\016\012\014\010\001\022\010\012\002\010\001"
        "\012\002\010\001"
        /* a constant inside */
        "*\024\020\001B\012constant_4J\004\000\000\000\077"
        /* an output */
        "b\023\012\001z\022\016\012\014\010\001\022\010\012\002\010\001\012\002\010\001";
    dlx__onnx_graph g;
    dlx__proto p;
    dlx_error err;
    dlx__onnx_init(&g, "g", NULL);
    build(&g);
    dlx__proto_init(&p, NULL);
    assert_ok(dlx__onnx_serialize(&g, "w.bin.x", &p, &err), &err);
    assert_int_equal(p.out.len, sizeof expected - 1);
    assert_memory_equal(p.out.data, expected, sizeof expected - 1);
    dlx__proto_release(&p);
    dlx__onnx_release(&g);
}

static void what_is_equal_is_one(void **state)
{
    (void)state;
    dlx__onnx_graph g;
    dlx__onnx_init(&g, "g", NULL);
    const dlx__onnx_value x = dlx__onnx_input(&g, "x", DLX__ONNX_FLOAT, (size_t[]){2, 3}, 2);
    const int64_t to[] = {3, 2}, other[] = {6, 1};
    assert_int_equal(dlx__onnx_list(&g, to, 2), dlx__onnx_list(&g, to, 2));
    assert_int_not_equal(dlx__onnx_list(&g, to, 2), dlx__onnx_list(&g, other, 2));
    assert_int_equal(dlx__onnx_number(&g, 2), dlx__onnx_number(&g, 2));
    assert_int_not_equal(dlx__onnx_number(&g, 0), dlx__onnx_number(&g, -0.0f));
    const dlx__onnx_value in[] = {x, dlx__onnx_list(&g, to, 2)};
    const dlx__onnx_value y =
        dlx__onnx_once(&g, "Reshape", in, 2, DLX__ONNX_FLOAT, (size_t[]){3, 2}, 2);
    assert_int_equal(dlx__onnx_once(&g, "Reshape", in, 2, DLX__ONNX_FLOAT, (size_t[]){3, 2}, 2), y);
    assert_int_not_equal(dlx__onnx_once(&g, "Reshape", (dlx__onnx_value[]){y, in[1]}, 2,
                                        DLX__ONNX_FLOAT, (size_t[]){3, 2}, 2),
                         y);
    const dlx__weight_place place = {0, 24};
    const dlx__onnx_value w =
        dlx__onnx_weight(&g, "w", DLX__ONNX_FLOAT, (size_t[]){2, 3}, 2, place);
    assert_int_equal(dlx__onnx_weight(&g, "w", DLX__ONNX_FLOAT, (size_t[]){2, 3}, 2, place), w);
    assert_int_equal(dlx__onnx_elems(dlx__onnx_at(&g, w)), 6);
    assert_int_equal(g.failure.code, DLX_OK);
    dlx__onnx_release(&g);
}

static void a_graph_is_printed(void **state)
{
    (void)state;
    dlx__onnx_graph g;
    dlx__buf out;
    dlx__onnx_init(&g, "g", NULL);
    dlx__buf_init(&out, NULL);
    const dlx__onnx_value z = build(&g);
    dlx__onnx_encode(&g, z, (dlx__onnx_encoding){.scale = 0.25f, .zero_point = 3});
    assert_true(dlx__onnx_print(&g, &out));
    assert_string_equal(out.data, "  in  x float32 [1, 2]\n"
                                  "  out z float32 [1, 1] scale 0.25 zero point 3\n"
                                  "  gemm_0 = Gemm(x, w) transB=1 -> float32 [1, 1]\n"
                                  "  z = Mul(gemm_0, constant_4) -> float32 [1, 1]\n");
    dlx__buf_release(&out);
    dlx__onnx_release(&g);
}

static void the_first_misfit_is_kept(void **state)
{
    (void)state;
    dlx__onnx_graph g;
    dlx__proto p;
    dlx_error err;
    dlx__onnx_init(&g, "g", NULL);
    dlx__proto_init(&p, NULL);
    assert_int_equal(dlx__onnx_input(&g, "deep", DLX__ONNX_FLOAT, (size_t[]){1, 1, 1, 1, 1}, 5),
                     DLX__ONNX_NONE);
    build(&g);
    assert_int_equal(dlx__onnx_serialize(&g, "w.bin", &p, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "deep: expected at most 4 axes, found 5");
    dlx__onnx_release(&g);
    dlx__onnx_init(&g, "g", NULL);
    build(&g);
    for (int i = 0; i < 5; i++)
        dlx__onnx_int(&g, "more", i);
    assert_int_equal(dlx__onnx_serialize(&g, "w.bin", &p, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "Mul: expected at most 4 attributes, found more too");
    dlx__proto_release(&p);
    dlx__onnx_release(&g);
}

static void no_memory_is_a_sentence(void **state)
{
    (void)state;
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        dlx__onnx_graph g;
        dlx__proto p;
        dlx_error err = {.code = DLX_OK};
        failing_mem_init(&mem, i);
        dlx__onnx_init(&g, "g", &mem.mem);
        dlx__proto_init(&p, &mem.mem);
        build(&g);
        r = dlx__onnx_serialize(&g, "w.bin", &p, &err);
        if (r != DLX_OK)
            assert_says(&err, "out of memory");
        dlx__proto_release(&p);
        dlx__onnx_release(&g);
        assert_int_equal(mem.n_alive, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_the_format),
        cmocka_unit_test(what_is_equal_is_one),
        cmocka_unit_test(a_graph_is_printed),
        cmocka_unit_test(the_first_misfit_is_kept),
        cmocka_unit_test(no_memory_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
