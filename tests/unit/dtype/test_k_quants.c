// labels: quick
/*
 * test_k_quants.c - Q4_K, Q5_K and Q6_K against a decoder that finds the bits of one weight at a
 * time from their positions in the block, with no loop in common with the code under test.
 */
#include "base/rng.h"
#include "dtype/convert.h"
#include "unit.h"

#include <math.h>

enum { N = 256 };

static float half_at(const uint8_t *p)
{
    return dlx__f16_to_f32((uint16_t)(p[0] | p[1] << 8)); /* test_half proves it */
}

static int bits(int byte, int from, int n)
{
    return byte / (1 << from) % (1 << n);
}

/*
 * The 6-bit scale (which = 0) or minimum (which = 1) of group g. As the ggml source draws it, bytes
 * 0-3 hold scales 0-3, bytes 4-7 minima 0-3, bytes 8-11 the low 4 bits of scale and minimum 4-7;
 * the high 2 bits of the latter sit at the top of bytes 0-3 and 4-7.
 */
static int six_bits(const uint8_t *packed, int g, int which)
{
    if (g < 4)
        return bits(packed[4 * which + g], 0, 6);
    return bits(packed[4 + g], 4 * which, 4) + 16 * bits(packed[4 * which + g - 4], 6, 2);
}

/* Q4_K and Q5_K: weight i is in group i / 32; pairs of groups share 32 bytes. */
static float weight_45(const uint8_t *block, int i, bool five)
{
    int g = i / 32, l = i % 32;
    const uint8_t *q = block + 16 + (five ? 32 : 0);
    int level = bits(q[32 * (g / 2) + l], g % 2 ? 4 : 0, 4);
    if (five)
        level += 16 * bits(block[16 + l], g, 1);
    float scale = half_at(block) * (float)six_bits(block + 4, g, 0);
    float min = half_at(block + 2) * (float)six_bits(block + 4, g, 1);
    float product = scale * (float)level;
    return product - min;
}

/* Q6_K: halves of 128 weights; in each, weight l + 32 r takes nibble (l + 32 (r % 2), r / 2). */
static float weight_6(const uint8_t *block, int i)
{
    int half = i / 128, r = i % 128 / 32, l = i % 32;
    int low = bits(block[64 * half + 32 * (r % 2) + l], r / 2 * 4, 4);
    int high = bits(block[128 + 32 * half + l], 2 * r, 2);
    int scale = block[192 + i / 16];
    scale = scale < 128 ? scale : scale - 256;
    float d = half_at(block + 208);
    return d * (float)scale * (float)(low + 16 * high - 32);
}

static float weight_of(const uint8_t *block, dlx__dtype dtype, int i)
{
    return dtype == DLX__Q6_K ? weight_6(block, i) : weight_45(block, i, dtype == DLX__Q5_K);
}

static void random_blocks_unpack(void **state)
{
    (void)state;
    static const dlx__dtype dtypes[] = {DLX__Q4_K, DLX__Q5_K, DLX__Q6_K};
    dlx__rng rng;
    dlx__rng_seed(&rng, 4);
    for (size_t t = 0; t < DLX__LEN(dtypes); t++) {
        size_t n_bytes = dlx__dtype_of(dtypes[t])->block_bytes;
        for (int round = 0; round < 200; round++) {
            uint8_t blocks[2 * 210];
            float x[2 * N];
            for (size_t i = 0; i < sizeof blocks; i++)
                blocks[i] = (uint8_t)dlx__rng_bits(&rng);
            for (size_t b = 0; b < 2; b++) { /* finite d and dmin */
                uint8_t *block = blocks + b * n_bytes;
                block[1] &= 0xBF;
                block[3] &= 0xBF;
                block[n_bytes - 1] &= 0xBF;
            }
            dlx__to_f32(x, blocks, dtypes[t], 2 * N);
            for (int i = 0; i < 2 * N; i++)
                assert_true(x[i] ==
                            weight_of(blocks + (size_t)(i / N) * n_bytes, dtypes[t], i % N));
        }
    }
}

/* One block worked out by hand: d = 1, dmin = 0.5, scale of group 5 = 0x2B, its minimum 0x15. */
static void a_block_by_hand(void **state)
{
    (void)state;
    uint8_t block[144] = {0x00, 0x3C, 0x00, 0x38};
    uint8_t *packed = block + 4;
    packed[9] = 0x5B;              /* low halves: scale 0xB, minimum 0x5 */
    packed[1] = 0x80;              /* upper bits of the scale: 2 */
    packed[5] = 0x40;              /* upper bits of the minimum: 1 */
    block[16 + 2 * 32 + 7] = 0x90; /* weight 7 of group 5: level 9 */
    float x[N];
    dlx__to_f32(x, block, DLX__Q4_K, N);
    assert_true(x[5 * 32 + 7] == 1.0f * 0x2B * 9 - 0.5f * 0x15);
    assert_true(x[5 * 32 + 8] == -0.5f * 0x15);
    assert_true(x[4 * 32 + 7] == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_blocks_unpack),
        cmocka_unit_test(a_block_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
