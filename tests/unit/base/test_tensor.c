// labels: quick
/* test_tensor.c - element types and the size arithmetic of tensors. */
#include "base/tensor.h"
#include "unit.h"

static void types_tell_their_blocks(void **state)
{
    (void)state;
    assert_string_equal(dlx__dtype_of(DLX__Q6_K)->name, "q6_k");
    assert_int_equal(dlx__dtype_of(DLX__BF16)->gguf_type, 30);
    assert_int_equal(dlx__dtype_bytes(DLX__Q4_0, 64), 36);
    assert_int_equal(dlx__dtype_bytes(DLX__F32, 3), 12);
    assert_true(dlx__dtype_bytes(DLX__Q4_0, 33) == SIZE_MAX);
    assert_true(dlx__dtype_bytes(DLX__F32, SIZE_MAX / 2) == SIZE_MAX);
    assert_true(dlx__dtype_bytes(DLX__Q4_0, SIZE_MAX) == SIZE_MAX);
}

static void elements_saturate(void **state)
{
    (void)state;
    dlx__tensor t = {.n_dims = 3, .shape = {2, 3, 4}};
    assert_int_equal(dlx__tensor_elems(&t), 24);
    t = (dlx__tensor){.n_dims = 0};
    assert_int_equal(dlx__tensor_elems(&t), 1);
    t = (dlx__tensor){.n_dims = 2, .shape = {SIZE_MAX / 2, 3}};
    assert_true(dlx__tensor_elems(&t) == SIZE_MAX);
    t = (dlx__tensor){.n_dims = 3, .shape = {SIZE_MAX, SIZE_MAX, 0}};
    assert_int_equal(dlx__tensor_elems(&t), 0);
}

static void shapes_as_text(void **state)
{
    (void)state;
    char out[96];
    size_t shape[DLX__MAX_DIMS] = {2560, 1024, 3, SIZE_MAX};
    assert_string_equal(dlx__shape_text(out, shape, 2), "[2560, 1024]");
    assert_string_equal(dlx__shape_text(out, shape, 0), "[]");
    size_t huge[8];
    for (int i = 0; i < 8; i++)
        huge[i] = SIZE_MAX;
    dlx__shape_text(out, huge, 8);
    assert_true(strlen(out) < sizeof out);
    assert_non_null(strstr(out, "...]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_tell_their_blocks),
        cmocka_unit_test(elements_saturate),
        cmocka_unit_test(shapes_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
