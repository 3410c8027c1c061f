/* test_coreml_ports.c - results of Core ML, which are anywhere in memory, and names of K and V. */
#include "unit.h"

#include "backends/coreml/coreml_ports.h"

static const dlx__coreml_port PORT = {
    .name = "output_best", .type = DLX__COREML_INT32, .dims = {2, 3}, .n_dims = 2};

/* Rows 8 numbers apart, the last axis 2 apart. */
static dlx__coreml_result layout(const int32_t *numbers, size_t n)
{
    return (dlx__coreml_result){
        .port = PORT, .strides = {8, 2}, .data = numbers, .n_bytes = n * sizeof *numbers};
}

static void results_are_copied_by_their_strides(void **state)
{
    (void)state;
    dlx_error err;
    int32_t numbers[13], out[6];
    const dlx__coreml_array to = {&PORT, out};
    for (int32_t i = 0; i < 13; i++)
        numbers[i] = i;
    const dlx__coreml_result apart = layout(numbers, 13);
    assert_ok(dlx__coreml_take(&to, &apart, &err), &err);
    assert_memory_equal(out, ((int32_t[]){0, 2, 4, 8, 10, 12}), sizeof out);
    dlx__coreml_result whole = layout(numbers, 6);
    whole.strides[0] = 3;
    whole.strides[1] = 1;
    assert_ok(dlx__coreml_take(&to, &whole, &err), &err);
    assert_memory_equal(out, numbers, sizeof out);
}

static void results_that_lie_are_refused(void **state)
{
    (void)state;
    dlx_error err;
    int32_t numbers[13] = {0}, out[6];
    const dlx__coreml_array to = {&PORT, out};
    dlx__coreml_result r = layout(numbers, 12);
    assert_int_equal(dlx__coreml_take(&to, &r, &err), DLX_E_MISMATCH);
    assert_says(&err, "expected output_best within its 48 bytes, found strides that reach 52");
    r = layout(numbers, 13);
    r.strides[0] = SIZE_MAX;
    assert_int_equal(dlx__coreml_take(&to, &r, &err), DLX_E_MISMATCH);
    r = layout(NULL, 13);
    assert_int_equal(dlx__coreml_take(&to, &r, &err), DLX_E_MISMATCH);
    r = layout(numbers, 13);
    r.port.type = DLX__COREML_FLOAT;
    assert_int_equal(dlx__coreml_take(&to, &r, &err), DLX_E_MISMATCH);
    assert_says(&err, "expected output_best as i32 [2, 3] for its model, rows and positions, found "
                      "f32 [2, 3]");
    r = layout(numbers, 13);
    r.port.dims[1] = 2;
    assert_int_equal(dlx__coreml_take(&to, &r, &err), DLX_E_MISMATCH);
    r.port.n_dims = 6;
    assert_int_equal(dlx__coreml_take(&to, &r, &err), DLX_E_MISMATCH);
    assert_says(&err, "and more axes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_copied_by_their_strides),
        cmocka_unit_test(results_that_lie_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
