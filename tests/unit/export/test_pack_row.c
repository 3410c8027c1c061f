/* test_pack_row.c - rows in the forms of programs: what the bytes mean, and what is lost. */
#include "unit.h"

#include "base/rng.h"
#include "dtype/convert.h"
#include "export/pack_row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 96 };

static void random_row(float *x, uint64_t seed)
{
    dlx__rng rng;
    dlx__rng_seed(&rng, seed);
    for (size_t i = 0; i < N; i++)
        x[i] = (float)(dlx__rng_uniform(&rng) - 0.5);
}

static void floats_are_copied(void **state)
{
    (void)state;
    float x[N], back[N];
    uint16_t half[N];
    random_row(x, 1);
    assert_int_equal(dlx__pack_row_bytes(DLX__PACK_FP32, DLX__ROW_NUMBERS, N), sizeof x);
    assert_int_equal(dlx__pack_row_bytes(DLX__PACK_FP16, DLX__ROW_SCALES, N), 0);
    dlx__pack_row(back, DLX__PACK_FP32, DLX__ROW_NUMBERS, x, N);
    assert_memory_equal(back, x, sizeof x);
    dlx__unpack_row(back, DLX__PACK_FP32, &(dlx__packed_row){x, NULL, NULL}, N);
    assert_memory_equal(back, x, sizeof x);
    dlx__pack_row(half, DLX__PACK_FP16, DLX__ROW_NUMBERS, x, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(half[i], dlx__f32_to_f16(x[i]));
    dlx__unpack_row(back, DLX__PACK_FP16, &(dlx__packed_row){half, NULL, NULL}, N);
    for (size_t i = 0; i < N; i++)
        assert_true(back[i] == dlx__f16_to_f32(half[i]));
}

static void eight_bits(void **state)
{
    (void)state;
    float x[N], scale;
    int8_t q[N];
    for (uint64_t seed = 0; seed < 50; seed++) {
        random_row(x, seed);
        dlx__pack_row(q, DLX__PACK_INT8, DLX__ROW_NUMBERS, x, N);
        dlx__pack_row(&scale, DLX__PACK_INT8, DLX__ROW_SCALES, x, N);
        int most = 0;
        for (size_t i = 0; i < N; i++) {
            assert_true(fabsf((float)q[i] * scale - x[i]) <= 0.501f * scale);
            most = abs(q[i]) > most ? abs(q[i]) : most;
        }
        assert_int_equal(most, 127);
    }
}

/* The sign of the widest decides between -8 and 7; scales are positive and bf16. */
static void four_bits(void **state)
{
    (void)state;
    float x[N], back[N];
    uint8_t q[N / 2];
    uint16_t scales[N / DLX__PACK_GROUP];
    for (uint64_t seed = 0; seed < 50; seed++) {
        random_row(x, seed);
        dlx__pack_row(q, DLX__PACK_INT4, DLX__ROW_NUMBERS, x, N);
        dlx__pack_row(scales, DLX__PACK_INT4, DLX__ROW_SCALES, x, N);
        dlx__unpack_row(back, DLX__PACK_INT4, &(dlx__packed_row){q, scales, NULL}, N);
        for (size_t g = 0; g < N; g += DLX__PACK_GROUP) {
            const float scale = dlx__bf16_to_f32(scales[g / DLX__PACK_GROUP]);
            double error = 0;
            assert_true(scale > 0);
            for (size_t i = g; i < g + DLX__PACK_GROUP; i++)
                error += ((double)back[i] - (double)x[i]) * ((double)back[i] - (double)x[i]);
            assert_true(sqrt(error / DLX__PACK_GROUP) <= 0.35 * (double)scale);
        }
    }
    /* Whole multiples of a scale come back to the bit. */
    for (size_t i = 0; i < N; i++)
        x[i] = 0.125f * (float)((int)(i % 16) - 8);
    dlx__pack_row(q, DLX__PACK_INT4, DLX__ROW_NUMBERS, x, N);
    dlx__pack_row(scales, DLX__PACK_INT4, DLX__ROW_SCALES, x, N);
    dlx__unpack_row(back, DLX__PACK_INT4, &(dlx__packed_row){q, scales, NULL}, N);
    assert_memory_equal(back, x, sizeof x);
}

static void unpacking_by_hand(void **state)
{
    (void)state;
    static const int8_t eight[] = {-127, 0, 3, 100};
    static const float scale = 0.5f;
    static const uint16_t scales[] = {0x3F80, 0x4000, 0x3E80}; /* 1, 2, 0.25 */
    uint8_t four[N / 2];
    float x[N];
    dlx__unpack_row(x, DLX__PACK_INT8, &(dlx__packed_row){eight, &scale, NULL}, 4);
    assert_true(x[0] == -63.5f && x[1] == 0 && x[2] == 1.5f && x[3] == 50);
    memset(four, 0xF0, sizeof four); /* even columns -8, odd columns 7 */
    dlx__unpack_row(x, DLX__PACK_INT4, &(dlx__packed_row){four, scales, NULL}, N);
    assert_true(x[0] == -8 && x[1] == 7 && x[32] == -16 && x[33] == 14);
    assert_true(x[94] == -2 && x[95] == 1.75f);
}

/* The runtime refuses a scale of 0, a subnormal one, and a negative one. */
static void nothing_has_a_scale_too(void **state)
{
    (void)state;
    float x[N] = {0}, scale;
    uint16_t scales[N / DLX__PACK_GROUP];
    int8_t q[N];
    x[3] = 1e-40f;
    dlx__pack_row(&scale, DLX__PACK_INT8, DLX__ROW_SCALES, x, N);
    dlx__pack_row(q, DLX__PACK_INT8, DLX__ROW_NUMBERS, x, N);
    dlx__pack_row(scales, DLX__PACK_INT4, DLX__ROW_SCALES, x, N);
    assert_true(scale == 1.0f);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(q[i], 0);
    for (size_t g = 0; g < N / DLX__PACK_GROUP; g++)
        assert_true(dlx__bf16_to_f32(scales[g]) == 1.0f);
}

/* Squares beyond float32 are no reason for a scale of 0, which the runtime refuses. */
static void huge_numbers_have_a_scale(void **state)
{
    (void)state;
    float x[N], back[N];
    uint8_t q[N / 2];
    uint16_t scales[N / DLX__PACK_GROUP];
    random_row(x, 4);
    for (size_t i = 0; i < N; i++)
        x[i] *= 1e25f;
    dlx__pack_row(q, DLX__PACK_INT4, DLX__ROW_NUMBERS, x, N);
    dlx__pack_row(scales, DLX__PACK_INT4, DLX__ROW_SCALES, x, N);
    dlx__unpack_row(back, DLX__PACK_INT4, &(dlx__packed_row){q, scales, NULL}, N);
    for (size_t i = 0; i < N; i++)
        assert_true(fabsf(back[i] - x[i]) <= 0.51f * dlx__bf16_to_f32(scales[i / DLX__PACK_GROUP]));
}

/* As with bf16 and float32 scales, but for the bits that these have. */
static void scales_of_fp16(void **state)
{
    (void)state;
    float x[N], back[N];
    uint8_t four[N / 2];
    int8_t eight[N];
    uint16_t scale, scales[N / DLX__PACK_GROUP];
    assert_int_equal(dlx__pack_row_bytes(DLX__PACK_INT8_HALF, DLX__ROW_SCALES, N), sizeof scale);
    assert_int_equal(dlx__pack_row_bytes(DLX__PACK_INT4_HALF, DLX__ROW_SCALES, N), sizeof scales);
    for (uint64_t seed = 0; seed < 50; seed++) {
        random_row(x, seed);
        dlx__pack_row(eight, DLX__PACK_INT8_HALF, DLX__ROW_NUMBERS, x, N);
        dlx__pack_row(&scale, DLX__PACK_INT8_HALF, DLX__ROW_SCALES, x, N);
        dlx__unpack_row(back, DLX__PACK_INT8_HALF, &(dlx__packed_row){eight, &scale, NULL}, N);
        for (size_t i = 0; i < N; i++) /* the widest may be cut by half a bit of the scale */
            assert_true(fabsf(back[i] - x[i]) <= 0.54f * dlx__f16_to_f32(scale));
        dlx__pack_row(four, DLX__PACK_INT4_HALF, DLX__ROW_NUMBERS, x, N);
        dlx__pack_row(scales, DLX__PACK_INT4_HALF, DLX__ROW_SCALES, x, N);
        dlx__unpack_row(back, DLX__PACK_INT4_HALF, &(dlx__packed_row){four, scales, NULL}, N);
        for (size_t i = 0; i < N; i++)
            assert_true(fabsf(back[i] - x[i]) <=
                        2.3f * dlx__f16_to_f32(scales[i / DLX__PACK_GROUP]));
    }
}

/* The same integers, stored + 8, and the same scales, wider. */
static void fp16_scales_as_floats(void **state)
{
    (void)state;
    float x[N], back[N], same[N], wide[N / DLX__PACK_GROUP];
    uint8_t four[N / 2], stored[N / 2];
    uint16_t scales[N / DLX__PACK_GROUP];
    assert_int_equal(dlx__pack_row_bytes(DLX__PACK_INT4_FLOAT, DLX__ROW_SCALES, N), sizeof wide);
    random_row(x, 3);
    dlx__pack_row(four, DLX__PACK_INT4_HALF, DLX__ROW_NUMBERS, x, N);
    dlx__pack_row(scales, DLX__PACK_INT4_HALF, DLX__ROW_SCALES, x, N);
    dlx__unpack_row(back, DLX__PACK_INT4_HALF, &(dlx__packed_row){four, scales, NULL}, N);
    dlx__pack_row(stored, DLX__PACK_INT4_FLOAT, DLX__ROW_NUMBERS, x, N);
    dlx__pack_row(wide, DLX__PACK_INT4_FLOAT, DLX__ROW_SCALES, x, N);
    dlx__unpack_row(same, DLX__PACK_INT4_FLOAT, &(dlx__packed_row){stored, wide, NULL}, N);
    assert_memory_equal(same, back, sizeof back);
    for (size_t i = 0; i < N / 2; i++)
        assert_int_equal(stored[i], four[i] ^ 0x88);
    for (size_t i = 0; i < DLX__LEN(wide); i++)
        assert_true(wide[i] == dlx__f16_to_f32(scales[i]));
}

/* back = what the form has of x; steps: those of its groups. */
static void by_levels(float *back, float *steps, const float *x)
{
    uint8_t four[N / 2], levels[N / DLX__PACK_GROUP];
    float scale;
    dlx__pack_row(four, DLX__PACK_INT4_LPBQ, DLX__ROW_NUMBERS, x, N);
    dlx__pack_row(levels, DLX__PACK_INT4_LPBQ, DLX__ROW_LEVELS, x, N);
    dlx__pack_row(&scale, DLX__PACK_INT4_LPBQ, DLX__ROW_SCALES, x, N);
    for (size_t g = 0; g < N / DLX__PACK_GROUP; g++) {
        assert_in_range(levels[g], 1, 15);
        steps[g] = scale * (float)levels[g];
    }
    dlx__unpack_row(back, DLX__PACK_INT4_LPBQ, &(dlx__packed_row){four, &scale, levels}, N);
}

/* Nothing is lost but half a step, or what is clipped; and what was packed once stays. */
static void levels_of_a_scale(void **state)
{
    (void)state;
    float x[N], once[N], twice[N], steps[N / DLX__PACK_GROUP], more[N / DLX__PACK_GROUP];
    assert_int_equal(dlx__pack_row_bytes(DLX__PACK_INT4_LPBQ, DLX__ROW_NUMBERS, N), N / 2);
    assert_int_equal(dlx__pack_row_bytes(DLX__PACK_INT4_LPBQ, DLX__ROW_LEVELS, N), N / 32);
    assert_int_equal(dlx__pack_row_bytes(DLX__PACK_INT4_LPBQ, DLX__ROW_SCALES, N), sizeof(float));
    for (uint64_t seed = 0; seed < 2000; seed++) {
        random_row(x, seed);
        for (size_t i = 0; i < N; i++)
            x[i] *= (float)(1 + i / DLX__PACK_GROUP * (seed % 7));
        by_levels(once, steps, x);
        by_levels(twice, more, once);
        for (size_t i = 0; i < N; i++) {
            assert_true(fabsf(once[i] - x[i]) <= 2.8f * steps[i / DLX__PACK_GROUP]);
            assert_true(fabsf(twice[i] - once[i]) <= 1e-6f * fabsf(once[i]));
        }
    }
    memset(x, 0, sizeof x);
    by_levels(once, steps, x);
    assert_memory_equal(once, x, sizeof x);
}

/* Weights too small for the least fp16 are 0 under a scale of 1; the others have one that is not 0.
 */
static void fp16_has_a_least_scale(void **state)
{
    (void)state;
    static const float sizes[] = {0, 1e-9f, 1e-7f, 1e-6f, 1e-5f, 1e-3f, 60000};
    for (size_t s = 0; s < DLX__LEN(sizes); s++) {
        float x[N], back[N];
        uint8_t four[N / 2];
        int8_t eight[N];
        uint16_t scale, scales[N / DLX__PACK_GROUP];
        random_row(x, s);
        for (size_t i = 0; i < N; i++)
            x[i] *= 2 * sizes[s];
        dlx__pack_row(eight, DLX__PACK_INT8_HALF, DLX__ROW_NUMBERS, x, N);
        dlx__pack_row(&scale, DLX__PACK_INT8_HALF, DLX__ROW_SCALES, x, N);
        dlx__unpack_row(back, DLX__PACK_INT8_HALF, &(dlx__packed_row){eight, &scale, NULL}, N);
        assert_true(dlx__f16_to_f32(scale) > 0 && isfinite(dlx__f16_to_f32(scale)));
        for (size_t i = 0; i < N; i++) /* or what fp16 cannot hold */
            assert_true(fabsf(back[i] - x[i]) <= sizes[s] / 120 + 127 * 0x1p-23f);
        dlx__pack_row(four, DLX__PACK_INT4_HALF, DLX__ROW_NUMBERS, x, N);
        dlx__pack_row(scales, DLX__PACK_INT4_HALF, DLX__ROW_SCALES, x, N);
        dlx__unpack_row(back, DLX__PACK_INT4_HALF, &(dlx__packed_row){four, scales, NULL}, N);
        for (size_t i = 0; i < N; i++) {
            const float of_group = dlx__f16_to_f32(scales[i / DLX__PACK_GROUP]);
            assert_true(of_group > 0 && isfinite(of_group));
            assert_true(fabsf(back[i] - x[i]) <= sizes[s] / 3 + 8 * 0x1p-23f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(huge_numbers_have_a_scale),
        cmocka_unit_test(floats_are_copied),
        cmocka_unit_test(scales_of_fp16),
        cmocka_unit_test(fp16_scales_as_floats),
        cmocka_unit_test(levels_of_a_scale),
        cmocka_unit_test(fp16_has_a_least_scale),
        cmocka_unit_test(eight_bits),
        cmocka_unit_test(four_bits),
        cmocka_unit_test(unpacking_by_hand),
        cmocka_unit_test(nothing_has_a_scale_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
