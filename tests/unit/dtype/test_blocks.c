// labels: quick
/*
 * test_blocks.c - the 32-element types against a second, literal reading of the block layouts: one
 * bit stream per element, levels searched instead of computed where that is possible.
 */
#include "base/rng.h"
#include "dtype/convert.h"
#include "unit.h"

#include <math.h>

enum { N = 32 };

/* What differs among the block types. */
static const struct kind {
    dlx__dtype dtype;
    int bits;
    bool has_min;
    size_t n_bytes;
} kinds[] = {
    {DLX__Q4_0, 4, false, 18}, {DLX__Q4_1, 4, true, 20},  {DLX__Q5_0, 5, false, 22},
    {DLX__Q5_1, 5, true, 24},  {DLX__Q8_0, 8, false, 34},
};

static double half_at(const uint8_t *p)
{
    uint16_t h = (uint16_t)(p[0] | p[1] << 8);
    int e = h >> 10 & 31;
    double m = h & 1023;
    double v = e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

/* Level of element i: signed for Q8_0, else 0 .. 2^bits - 1. */
static int level_of(const struct kind *k, const uint8_t *block, int i)
{
    if (k->bits == 8)
        return block[2 + i] < 128 ? block[2 + i] : block[2 + i] - 256;
    const uint8_t *at = block + (k->has_min ? 4 : 2);
    int fifth = 0;
    if (k->bits == 5) {
        fifth = at[i / 8] >> i % 8 & 1;
        at += 4;
    }
    int nibble = i < 16 ? at[i] % 16 : at[i - 16] / 16;
    return nibble + 16 * fifth;
}

static double weight_of(const struct kind *k, const uint8_t *block, int i)
{
    int q = level_of(k, block, i);
    double d = half_at(block);
    if (k->has_min)
        return (double)((float)q * (float)d + (float)half_at(block + 2));
    return (double)((float)(k->bits == 8 ? q : q - (1 << (k->bits - 1))) * (float)d);
}

static void random_values(dlx__rng *rng, float *x, float scale, float shift)
{
    for (int i = 0; i < N; i++)
        x[i] = ((float)dlx__rng_uniform(rng) - 0.5f) * scale + shift;
}

/* Any bytes at all unpack to what the layout says. */
static void unpack_reads_the_layout(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 1);
    for (size_t k = 0; k < DLX__LEN(kinds); k++) {
        for (int round = 0; round < 500; round++) {
            uint8_t blocks[2 * 34];
            float x[2 * N];
            for (size_t i = 0; i < sizeof blocks; i++)
                blocks[i] = (uint8_t)dlx__rng_bits(&rng);
            for (int b = 0; b < 2; b++) { /* finite scales only */
                blocks[(size_t)b * kinds[k].n_bytes + 1] &= 0xBF;
                blocks[(size_t)b * kinds[k].n_bytes + 3] &= 0xBF;
            }
            dlx__to_f32(x, blocks, kinds[k].dtype, 2 * N);
            for (int i = 0; i < 2 * N; i++) {
                const uint8_t *block = blocks + (size_t)(i / N) * kinds[k].n_bytes;
                assert_true((double)x[i] == weight_of(&kinds[k], block, i % N));
            }
        }
    }
}

/* The scale as ggml's reference chooses it, in its words: extreme / -2^(bits-1), or range / levels.
 */
static void expected_scale(const struct kind *k, const float *x, float *d, float *m)
{
    float low = x[0], high = x[0], extreme = 0.0f;
    for (int i = 0; i < N; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        if (fabsf(x[i]) > fabsf(extreme))
            extreme = x[i];
    }
    *m = low;
    if (k->has_min)
        *d = (high - low) / (float)((1 << k->bits) - 1);
    else if (k->bits == 8)
        *d = fabsf(extreme) / 127.0f;
    else
        *d = extreme / -(float)(1 << (k->bits - 1));
}

static int expected_level(const struct kind *k, float x, float d, float m)
{
    float id = d != 0.0f ? 1.0f / d : 0.0f;
    if (k->bits == 8)
        return (int)roundf(x * id);
    int top = (1 << k->bits) - 1;
    int level = k->has_min ? (int)((x - m) * id + 0.5f)
                           : (int)(x * id + (float)(1 << (k->bits - 1)) + 0.5f);
    return level > top ? top : level;
}

static void pack_rounds_as_the_reference(void **state)
{
    (void)state;
    static const float scales[] = {1.0f, 1e-3f, 300.0f, 1e-6f, 0.0f};
    static const float shifts[] = {0.0f, 0.7f, -20.0f};
    dlx__rng rng;
    dlx__rng_seed(&rng, 2);
    for (size_t k = 0; k < DLX__LEN(kinds); k++) {
        for (int round = 0; round < 600; round++) {
            float x[N], d, m;
            random_values(&rng, x, scales[round % 5], shifts[round / 5 % 3]);
            uint8_t block[34];
            assert_true(dlx__from_f32(block, kinds[k].dtype, x, N));
            expected_scale(&kinds[k], x, &d, &m);
            assert_true((float)half_at(block) == dlx__f16_to_f32(dlx__f32_to_f16(d)));
            if (kinds[k].has_min)
                assert_true((float)half_at(block + 2) == dlx__f16_to_f32(dlx__f32_to_f16(m)));
            for (int i = 0; i < N; i++)
                assert_int_equal(level_of(&kinds[k], block, i),
                                 expected_level(&kinds[k], x[i], d, m));
        }
    }
}

/* Infinite, not-a-number and vanishing weights must not be undefined behaviour. */
static void hostile_weights_pack(void **state)
{
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e-45f, -1e-42f, 3e38f, 0.0f, -0.0f};
    for (size_t k = 0; k < DLX__LEN(kinds); k++) {
        for (size_t a = 0; a < DLX__LEN(odd); a++) {
            for (size_t b = 0; b < DLX__LEN(odd); b++) {
                float x[N];
                for (int i = 0; i < N; i++)
                    x[i] = i % 3 ? odd[a] : odd[b];
                uint8_t block[34];
                assert_true(dlx__from_f32(block, kinds[k].dtype, x, N));
                dlx__to_f32(x, block, kinds[k].dtype, N);
            }
        }
    }
}

static void zeros_stay_zeros(void **state)
{
    (void)state;
    for (size_t k = 0; k < DLX__LEN(kinds); k++) {
        float x[N] = {0.0f}, back[N];
        uint8_t block[34];
        assert_true(dlx__from_f32(block, kinds[k].dtype, x, N));
        dlx__to_f32(back, block, kinds[k].dtype, N);
        for (int i = 0; i < N; i++)
            assert_true(back[i] == 0.0f);
    }
}

static void dot_sums_the_unpacked(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 3);
    enum { M = 3 * 256 + 32 };
    float w[M], x[M], back[M];
    uint8_t packed[M / 32 * 34];
    for (int i = 0; i < M; i++) {
        w[i] = (float)dlx__rng_uniform(&rng) - 0.5f;
        x[i] = (float)dlx__rng_uniform(&rng) - 0.5f;
    }
    for (size_t k = 0; k < DLX__LEN(kinds); k++) {
        assert_true(dlx__from_f32(packed, kinds[k].dtype, w, M));
        dlx__to_f32(back, packed, kinds[k].dtype, M);
        double sum = 0;
        for (int i = 0; i < M; i++)
            sum += (double)back[i] * (double)x[i];
        assert_true(dlx__dot_ref(packed, kinds[k].dtype, x, M) == sum);
    }
    assert_true(dlx__dot_ref(packed, DLX__F32, x, 0) == 0.0);
}

static void what_cannot_be_packed_says_so(void **state)
{
    (void)state;
    float x[256] = {0};
    uint8_t block[256];
    assert_false(dlx__from_f32(block, DLX__Q4_K, x, 32));
    assert_false(dlx__from_f32(block, DLX__Q6_K, x, 255));
    assert_false(dlx__from_f32(block, DLX__Q8_0, x, 31));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpack_reads_the_layout), cmocka_unit_test(pack_rounds_as_the_reference),
        cmocka_unit_test(hostile_weights_pack),    cmocka_unit_test(zeros_stay_zeros),
        cmocka_unit_test(dot_sums_the_unpacked),   cmocka_unit_test(what_cannot_be_packed_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
