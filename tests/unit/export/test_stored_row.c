/* test_stored_row.c - integers of a file in the forms of programs: the same where they fit, told
 * where they do not. labels: quick */
#include "unit.h"

#include "base/rng.h"
#include "dtype/convert.h"
#include "dtype/grid.h"
#include "export/row_packer.h"

#include <math.h>
#include <string.h>

enum { N = 96, Q4_0_BYTES = 18, Q8_0_BYTES = 34 };

/* The row through the form: false where some of it is rounded again. */
static bool through(float *back, const dlx__tensor *t, dlx__packing packing)
{
    float x[N];
    uint8_t numbers[4 * N], scales[4 * N], levels[N];
    dlx_error err;
    assert_ok(dlx__stored_row_read(x, t, 0, packing, &err), &err);
    const bool exact = dlx__stored_row_pack(numbers, packing, DLX__ROW_NUMBERS, t, 0, x);
    assert_int_equal(dlx__stored_row_pack(scales, packing, DLX__ROW_SCALES, t, 0, x), exact);
    if (packing == DLX__PACK_INT4_LPBQ)
        dlx__stored_row_pack(levels, packing, DLX__ROW_LEVELS, t, 0, x);
    dlx__unpack_row(back, packing, &(dlx__packed_row){numbers, scales, levels}, N);
    return exact;
}

static dlx__tensor row_of(const void *data, dlx__dtype dtype)
{
    return (dlx__tensor){.name = "row",
                         .data = data,
                         .dtype = dtype,
                         .n_dims = 2,
                         .shape = {1, N},
                         .n_bytes = dlx__dtype_bytes(dtype, N)};
}

static void put_f16(uint8_t *to, float x)
{
    const uint16_t half = dlx__f32_to_f16(x);
    memcpy(to, &half, sizeof half);
}

/* Blocks of any levels under scales of a caller's choice. */
static void random_q4_0(uint8_t *blocks, const float *scales, dlx__rng *rng)
{
    for (size_t b = 0; b < N / 32; b++) {
        put_f16(blocks + b * Q4_0_BYTES, scales[b]);
        for (size_t i = 2; i < Q4_0_BYTES; i++)
            blocks[b * Q4_0_BYTES + i] = (uint8_t)dlx__rng_bits(rng);
    }
}

static void random_q8_0(uint8_t *blocks, const float *scales, dlx__rng *rng)
{
    for (size_t b = 0; b < N / 32; b++) {
        put_f16(blocks + b * Q8_0_BYTES, scales[b]);
        for (size_t i = 2; i < Q8_0_BYTES; i++)
            blocks[b * Q8_0_BYTES + i] = (uint8_t)(int8_t)((int)(dlx__rng_bits(rng) % 255) - 127);
    }
}

/* Positive scales of eight bits, small and large; one of 0 hides whatever its levels are. */
static void four_bits_stay(void **state)
{
    (void)state;
    static const float scales[][N / 32] = {
        {0.5f, 0.01171875f, 255.0f}, {0x1p-24f, 0x1.02p-14f, 65280.0f}, {0.25f, 0, 3.0f}};
    dlx__rng rng;
    dlx__rng_seed(&rng, 1);
    for (size_t s = 0; s < DLX__LEN(scales); s++) {
        uint8_t blocks[N / 32 * Q4_0_BYTES];
        float want[N], found[N];
        random_q4_0(blocks, scales[s], &rng);
        const dlx__tensor t = row_of(blocks, DLX__Q4_0);
        dlx__to_f32(want, blocks, DLX__Q4_0, N);
        assert_true(through(found, &t, DLX__PACK_INT4));
        for (size_t i = 0; i < N; i++)
            assert_true(found[i] == want[i] &&
                        (want[i] == 0 || !signbit(found[i]) == !signbit(want[i])));
    }
}

/* fp16 scales are the file's own, of whatever sign and size. */
static void scales_of_fp16_stay(void **state)
{
    (void)state;
    static const float scales[][N / 32] = {
        {0.5f, -0.25f, 0x1.008p-2f}, {0x1p-24f, -0x1.ffcp-3f, 8000.0f}, {-0.25f, 0, 3.0f}};
    dlx__rng rng;
    dlx__rng_seed(&rng, 5);
    for (size_t s = 0; s < DLX__LEN(scales); s++) {
        uint8_t four[N / 32 * Q4_0_BYTES], eight[N / 32 * Q8_0_BYTES];
        float want[N], found[N];
        const float one[N / 32] = {scales[s][0], scales[s][0], scales[s][0]};
        random_q4_0(four, scales[s], &rng);
        random_q8_0(eight, one, &rng);
        const dlx__tensor t4 = row_of(four, DLX__Q4_0), t8 = row_of(eight, DLX__Q8_0);
        dlx__to_f32(want, four, DLX__Q4_0, N);
        assert_true(through(found, &t4, DLX__PACK_INT4_HALF));
        for (size_t i = 0; i < N; i++)
            assert_true(found[i] == want[i]);
        dlx__to_f32(want, eight, DLX__Q8_0, N);
        assert_true(through(found, &t8, DLX__PACK_INT8_HALF));
        for (size_t i = 0; i < N; i++)
            assert_true(found[i] == want[i]);
    }
}

/* A negative scale, or one of more bits: that block is rounded again, its neighbours are not. */
static void four_bits_that_do_not_fit(void **state)
{
    (void)state;
    static const float scales[][N / 32] = {{0.5f, -0.25f, 0.5f}, {0.5f, 0x1.008p-2f, 0.5f}};
    dlx__rng rng;
    dlx__rng_seed(&rng, 2);
    for (size_t s = 0; s < DLX__LEN(scales); s++) {
        uint8_t blocks[N / 32 * Q4_0_BYTES];
        float want[N], found[N];
        size_t n_off = 0;
        random_q4_0(blocks, scales[s], &rng);
        const dlx__tensor t = row_of(blocks, DLX__Q4_0);
        dlx__to_f32(want, blocks, DLX__Q4_0, N);
        assert_false(through(found, &t, DLX__PACK_INT4));
        assert_memory_equal(found, want, 32 * sizeof *want);
        assert_memory_equal(found + 64, want + 64, 32 * sizeof *want);
        for (size_t i = 32; i < 64; i++) {
            n_off += found[i] != want[i];
            assert_true(fabsf(found[i] - want[i]) <= 0.3f);
        }
        assert_true(n_off > 0);
    }
}

/* One scale for all blocks, of either sign or 0; -128 has no negative. */
static void eight_bits(void **state)
{
    (void)state;
    static const float scales[][N / 32] = {
        {0.013f, 0.013f, 0.013f}, {-0.013f, -0.013f, -0.013f}, {0, 0, 0}, {0.013f, 0.013f, 0.014f}};
    dlx__rng rng;
    dlx__rng_seed(&rng, 3);
    for (size_t s = 0; s < DLX__LEN(scales); s++) {
        uint8_t blocks[N / 32 * Q8_0_BYTES];
        float want[N], found[N];
        random_q8_0(blocks, scales[s], &rng);
        const dlx__tensor t = row_of(blocks, DLX__Q8_0);
        dlx__to_f32(want, blocks, DLX__Q8_0, N);
        assert_int_equal(through(found, &t, DLX__PACK_INT8), s < 3);
        for (size_t i = 0; i < N; i++)
            assert_true(s < 3 ? found[i] == want[i] : fabsf(found[i] - want[i]) < 0.01f);
        blocks[2] = (uint8_t)-128;
        assert_int_equal(through(found, &t, DLX__PACK_INT8), s == 0 || s == 2);
    }
}

/* Other integers are always rounded again, floats never. */
static void other_types(void **state)
{
    (void)state;
    static const dlx__dtype integers[] = {DLX__Q4_1, DLX__Q5_0, DLX__Q5_1, DLX__Q4_0};
    static const dlx__dtype floats[] = {DLX__F32, DLX__F16, DLX__BF16};
    float x[N], back[N];
    uint8_t bytes[4 * N];
    dlx__rng rng;
    dlx__rng_seed(&rng, 4);
    for (size_t i = 0; i < N; i++)
        x[i] = (float)(dlx__rng_uniform(&rng) - 0.5);
    for (size_t i = 0; i < DLX__LEN(integers); i++) {
        dlx__from_f32(bytes, integers[i], x, N);
        const dlx__tensor t = row_of(bytes, integers[i]);
        assert_false(through(back, &t, DLX__PACK_INT8));
        assert_false(through(back, &t, DLX__PACK_INT8_HALF));
        assert_true(through(back, &t, DLX__PACK_FP32));
    }
    for (size_t i = 0; i < DLX__LEN(floats); i++) {
        dlx__from_f32(bytes, floats[i], x, N);
        const dlx__tensor t = row_of(bytes, floats[i]);
        for (int packing = 0; packing < DLX__N_PACKINGS; packing++)
            assert_true(through(back, &t, (dlx__packing)packing));
    }
}

static void numbers_that_no_form_holds(void **state)
{
    (void)state;
    float x[N] = {0}, read[N];
    const dlx__tensor t = row_of(x, DLX__F32);
    dlx_error err;
    x[5] = 70000;
    assert_int_equal(dlx__stored_row_read(read, &t, 0, DLX__PACK_FP16, &err), DLX_E_ARG);
    assert_says(&err, "fp16");
    assert_int_equal(dlx__stored_row_read(read, &t, 0, DLX__PACK_INT8_HALF, &err), DLX_E_ARG);
    assert_ok(dlx__stored_row_read(read, &t, 0, DLX__PACK_INT4, &err), &err);
    x[5] = NAN;
    assert_int_equal(dlx__stored_row_read(read, &t, 0, DLX__PACK_INT4, &err), DLX_E_FORMAT);
    assert_says(&err, "row");
}

/* Of several rows that are refused the first is named, whichever thread finds one first. */
static void the_first_row_is_named(void **state)
{
    (void)state;
    enum { ROWS = 7 };
    float x[ROWS][N] = {{0}};
    uint8_t out[ROWS * N];
    dlx__tensor t = row_of(x, DLX__F32);
    t.shape[0] = ROWS;
    t.n_bytes = sizeof x;
    dlx__pool *pool;
    dlx__row_packer p;
    dlx_error err;
    bool exact = true;
    assert_ok(dlx__pool_open(&pool, 3, NULL, &err), &err);
    assert_ok(dlx__row_packer_open(&p, &t, DLX__PACK_INT8, pool, NULL, &err), &err);
    assert_ok(dlx__row_packer_put(&p, out, DLX__ROW_NUMBERS, 0, ROWS, &exact, &err), &err);
    assert_true(exact);
    x[6][0] = x[2][N - 1] = INFINITY;
    assert_int_equal(dlx__row_packer_put(&p, out, DLX__ROW_NUMBERS, 0, ROWS, &exact, &err),
                     DLX_E_FORMAT);
    assert_says(&err, "in row 2;");
    assert_int_equal(dlx__row_packer_put(&p, out, DLX__ROW_NUMBERS, 3, ROWS - 3, &exact, &err),
                     DLX_E_FORMAT);
    assert_says(&err, "in row 6;");
    dlx__row_packer_close(&p);
    dlx__pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_bits_stay),
        cmocka_unit_test(scales_of_fp16_stay),
        cmocka_unit_test(four_bits_that_do_not_fit),
        cmocka_unit_test(eight_bits),
        cmocka_unit_test(other_types),
        cmocka_unit_test(numbers_that_no_form_holds),
        cmocka_unit_test(the_first_row_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
