// labels: export
/*
 * test_qnn_compile.c - compiling a graph for a chip, where ONNX Runtime and its QNN provider are
 * here (make onnxruntime): nodes that the NPU has no place for are named. What dlx export writes is
 * compiled by scripts/conformance/check_qnn_run.py.
 */
#include "unit.h"

#include "backends/qnn/qnn_compile.h"

/* acosh(x) x: the NPU multiplies, and knows no acosh. */
static void write_odd(void)
{
    static const size_t dims[] = {1, 64};
    dlx__onnx_graph g;
    dlx__proto p;
    dlx__writer *w;
    dlx_error err;
    dlx__onnx_init(&g, "odd", NULL);
    const dlx__onnx_value x = dlx__onnx_input(&g, "x", DLX__ONNX_FLOAT, dims, 2);
    const dlx__onnx_value y = dlx__onnx_op(&g, "Acosh", &x, 1, DLX__ONNX_FLOAT, dims, 2);
    const dlx__onnx_value z =
        dlx__onnx_op(&g, "Mul", (dlx__onnx_value[]){x, y}, 2, DLX__ONNX_FLOAT, dims, 2);
    dlx__onnx_output(&g, z, "output_z");
    dlx__proto_init(&p, NULL);
    assert_ok(dlx__onnx_serialize(&g, "weights.bin", &p, &err), &err);
    assert_ok(dlx__writer_open(&w, DLX_TMP_DIR "/odd.onnx", NULL, &err), &err);
    assert_ok(dlx__writer_write(w, p.out.data, p.out.len, &err), &err);
    assert_ok(dlx__writer_commit(w, &err), &err);
    dlx__proto_release(&p);
    dlx__onnx_release(&g);
}

static void nodes_without_a_place_are_named(void **state)
{
    (void)state;
    static const dlx__soc chip = {"SM8650", 57, "v75", true};
    char context[DLX__ONNX_CONTEXT_NAME];
    dlx_error err = {.code = DLX_OK}, why;
    dlx__qnn_compiler c;
    assert_ok(dlx__qnn_compiler_open(&c, &chip, NULL, NULL, &why, &err), &err);
    if (why.code != DLX_OK) {
        print_message("skipped: %s\n", why.text);
        dlx__qnn_compiler_close(&c);
        skip();
    }
    write_odd();
    assert_int_equal(dlx__qnn_compile(&c, DLX_TMP_DIR, "odd", context, &err), DLX_E_UNSUPPORTED);
    assert_string_equal(err.text, "odd: expected all 2 nodes on the NPU of SM8650, found 1 that is "
                                  "not: Acosh node_0");
    dlx__qnn_compiler_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nodes_without_a_place_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
