/* test_ml_graph.c - functions of ML Programs: constants that are equal, outputs, states, the bytes
 * of a small one, its lines. */
#include "unit.h"

#include "export/ml_graph.h"
#include "failing_mem.h"

static dlx__ml_value doubled(dlx__ml_graph *g)
{
    const dlx__ml_shape shape = DLX__ML_SHAPE(1, 2);
    const dlx__ml_value x = dlx__ml_input(g, "x", DLX__ML_HALF, shape);
    const dlx__ml_value y =
        DLX__ML_OP(g, "mul", DLX__ML_HALF, shape, {"x", x}, {"y", dlx__ml_half(g, 2.0f)});
    dlx__ml_output(g, y, "y");
    return y;
}

static void equal_constants_are_one(void **state)
{
    (void)state;
    dlx__ml_graph g;
    dlx__ml_init(&g, "f", NULL);
    const int32_t one = 1;
    assert_int_equal(dlx__ml_int(&g, 1), dlx__ml_int(&g, 1));
    assert_int_not_equal(dlx__ml_int(&g, 1), dlx__ml_int(&g, 2));
    assert_int_not_equal(dlx__ml_int(&g, 1), dlx__ml_ints(&g, &one, 1)); /* another shape */
    assert_int_not_equal(dlx__ml_bool(&g, true), dlx__ml_bool(&g, false));
    assert_int_equal(dlx__ml_text(&g, "fp32"), dlx__ml_text(&g, "fp32"));
    assert_int_equal(g.n_ops, 6);
    dlx__ml_release(&g);
}

/* One constant, 7, as an encoder that shares nothing with ours gives it: an entry of functions, its
 * block of CoreML8, the operation with its output, name and value. */
static void a_constant_has_these_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0x12, 0x72, 0x0a, 0x01, 0x66, 0x12, 0x6d, 0x12, 0x07, 0x43, 0x6f, 0x72, 0x65, 0x4d, 0x4c,
        0x38, 0x1a, 0x62, 0x0a, 0x07, 0x43, 0x6f, 0x72, 0x65, 0x4d, 0x4c, 0x38, 0x12, 0x57, 0x1a,
        0x55, 0x0a, 0x05, 0x63, 0x6f, 0x6e, 0x73, 0x74, 0x1a, 0x12, 0x0a, 0x0a, 0x63, 0x6f, 0x6e,
        0x73, 0x74, 0x61, 0x6e, 0x74, 0x5f, 0x30, 0x12, 0x04, 0x0a, 0x02, 0x08, 0x17, 0x2a, 0x20,
        0x0a, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x12, 0x18, 0x12, 0x04, 0x0a, 0x02, 0x08, 0x02, 0x1a,
        0x10, 0x0a, 0x0e, 0x22, 0x0c, 0x0a, 0x0a, 0x63, 0x6f, 0x6e, 0x73, 0x74, 0x61, 0x6e, 0x74,
        0x5f, 0x30, 0x2a, 0x16, 0x0a, 0x03, 0x76, 0x61, 0x6c, 0x12, 0x0f, 0x12, 0x04, 0x0a, 0x02,
        0x08, 0x17, 0x1a, 0x07, 0x0a, 0x05, 0x12, 0x03, 0x0a, 0x01, 0x07};
    dlx__ml_graph g;
    dlx__proto p;
    dlx_error err;
    const uint8_t *bytes;
    size_t n;
    dlx__ml_init(&g, "f", NULL);
    dlx__proto_init(&p, NULL);
    dlx__ml_int(&g, 7);
    dlx__ml_serialize(&g, "CoreML8", 2, &p);
    assert_ok(dlx__proto_finish(&p, &bytes, &n, &err), &err);
    assert_int_equal(n, sizeof expected);
    assert_memory_equal(bytes, expected, n);
    dlx__proto_release(&p);
    dlx__ml_release(&g);
}

static void lines_tell_what_goes_in_and_out(void **state)
{
    (void)state;
    dlx__ml_graph g;
    dlx__buf out;
    dlx__ml_init(&g, "f", NULL);
    dlx__buf_init(&out, NULL);
    doubled(&g);
    const dlx__ml_value s = dlx__ml_state(&g, "s", DLX__ML_SHAPE(1, 2));
    dlx__ml_write_state(&g, s, 1);
    assert_true(dlx__ml_print(&g, &out));
    assert_string_equal(out.data, "  in    x float16 [1, 2]\n"
                                  "  state s float16 [1, 2]\n"
                                  "  out   y float16 [1, 2]\n"
                                  "  y = mul(x=x, y=constant_2) -> float16 [1, 2]\n"
                                  "  write_state(input=s, data=x)\n");
    dlx__buf_release(&out);
    dlx__ml_release(&g);
}

static void no_memory_is_a_sentence(void **state)
{
    (void)state;
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        dlx__ml_graph g;
        failing_mem_init(&mem, i);
        dlx__ml_init(&g, "f", &mem.mem);
        doubled(&g);
        r = g.failure.code;
        if (r != DLX_OK)
            assert_says(&g.failure, "out of memory");
        dlx__ml_release(&g);
        assert_int_equal(mem.n_alive, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_constants_are_one),
        cmocka_unit_test(a_constant_has_these_bytes),
        cmocka_unit_test(lines_tell_what_goes_in_and_out),
        cmocka_unit_test(no_memory_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
