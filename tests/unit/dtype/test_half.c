// labels: quick
/* test_half.c - f16 and bf16 against their definitions, worked out in double. */
#include "dtype/convert.h"
#include "unit.h"

#include <math.h>

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The value that the bits of an IEEE format with e exponent and m mantissa bits stand for. */
static double value_of(uint32_t bits, int e, int m)
{
    int exponent = (int)(bits >> m & ((1u << e) - 1));
    double mantissa = (double)(bits & ((1u << m) - 1)) / (double)(1u << m);
    int bias = (1 << (e - 1)) - 1;
    double sign = bits >> (e + m) & 1 ? -1.0 : 1.0;
    if (exponent == (1 << e) - 1)
        return mantissa != 0 ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexp(mantissa, 1 - bias);
    return sign * ldexp(1.0 + mantissa, exponent - bias);
}

static void every_half_means_its_value(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        double f16 = value_of(h, 5, 10), bf16 = value_of(h, 8, 7);
        if (isnan(f16)) {
            assert_true(isnan(dlx__f16_to_f32((uint16_t)h)));
            assert_true(isnan(dlx__f16_to_f32(dlx__f32_to_f16(dlx__f16_to_f32((uint16_t)h)))));
        } else {
            assert_true((double)dlx__f16_to_f32((uint16_t)h) == f16);
            assert_int_equal(dlx__f32_to_f16(dlx__f16_to_f32((uint16_t)h)), h);
        }
        if (isnan(bf16)) {
            assert_true(isnan(dlx__bf16_to_f32(dlx__f32_to_bf16(dlx__bf16_to_f32((uint16_t)h)))));
        } else {
            assert_true((double)dlx__bf16_to_f32((uint16_t)h) == bf16);
            assert_int_equal(dlx__f32_to_bf16(dlx__bf16_to_f32((uint16_t)h)), h);
        }
    }
}

/* At and around the middle of each pair of neighbours: nearer one, and the even one of a tie. */
static void rounding_is_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7C00; h++) {
        double low = value_of(h, 5, 10);
        double high = h + 1 < 0x7C00 ? value_of(h + 1, 5, 10) : 65536.0;
        float middle = (float)((low + high) / 2); /* exact: one more bit than f16 has */
        uint32_t even = h & 1 ? h + 1 : h;
        assert_int_equal(dlx__f32_to_f16(middle), even);
        assert_int_equal(dlx__f32_to_f16(nextafterf(middle, 0.0f)), h);
        assert_int_equal(dlx__f32_to_f16(nextafterf(middle, INFINITY)), h + 1);
        assert_int_equal(dlx__f32_to_f16(-middle), even | 0x8000);
    }
    for (uint32_t b = 0; b < 0x7F80; b++) {
        assert_int_equal(dlx__f32_to_bf16(float_of(b << 16 | 0x8000)), b & 1 ? b + 1 : b);
        assert_int_equal(dlx__f32_to_bf16(float_of(b << 16 | 0x7FFF)), b);
        assert_int_equal(dlx__f32_to_bf16(float_of(b << 16 | 0x8001)), b + 1);
    }
    assert_int_equal(dlx__f32_to_f16(1e30f), 0x7C00);
    assert_int_equal(dlx__f32_to_f16(-INFINITY), 0xFC00);
    assert_int_equal(dlx__f32_to_f16(1e-30f), 0);
    assert_int_equal(dlx__f32_to_f16(-1e-30f), 0x8000);
}

static void arrays_and_odd_addresses(void **state)
{
    (void)state;
    float x[5] = {0.0f, -1.5f, 65504.0f, 0x1p-24f, 3.14159f};
    uint8_t packed[2 * 5 + 1];
    float back[5];
    assert_true(dlx__from_f32(packed + 1, DLX__F16, x, 5));
    dlx__to_f32(back, packed + 1, DLX__F16, 5);
    for (int i = 0; i < 4; i++)
        assert_true(back[i] == x[i]);
    assert_true(dlx__from_f32(packed + 1, DLX__BF16, x, 5));
    dlx__to_f32(back, packed + 1, DLX__BF16, 5);
    assert_true(back[1] == -1.5f);
    uint8_t floats[4 * 5 + 1];
    assert_true(dlx__from_f32(floats + 1, DLX__F32, x, 5));
    dlx__to_f32(back, floats + 1, DLX__F32, 5);
    assert_memory_equal(back, x, sizeof x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_means_its_value),
        cmocka_unit_test(rounding_is_to_nearest_even),
        cmocka_unit_test(arrays_and_odd_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
