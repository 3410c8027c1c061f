// labels: quick
/*
 * test_k_pack.c - dlx__from_f32 of the K types against a plain choice of scales (the ends of each
 * group, the largest scale on the largest multiple) and against the simpler types of equal bits.
 */
#include "distributions.h"
#include "dtype/convert.h"
#include "unit.h"

enum { N = 256 };

static const dlx__dtype k_types[] = {DLX__Q4_K, DLX__Q5_K, DLX__Q6_K};

static float half(float x)
{
    return dlx__f16_to_f32(dlx__f32_to_f16(x));
}

/* x on the nearest of `most` + 1 levels above min. */
static float on_level(float x, float scale, float min, int most)
{
    const float level = scale > 0.0f ? roundf((x - min) / scale) : 0.0f;
    return fminf(fmaxf(level, 0.0f), (float)most) * scale + min;
}

/* Q4_K and Q5_K: each group of 32 from its lowest (at most 0) to its highest weight. */
static void plain_45(float *back, const float *x, int most)
{
    float scales[8], mins[8], d = 0.0f, m = 0.0f;
    for (int g = 0; g < 8; g++) {
        float low = 0.0f, high = -INFINITY;
        for (int i = 0; i < 32; i++) {
            low = fminf(low, x[32 * g + i]);
            high = fmaxf(high, x[32 * g + i]);
        }
        scales[g] = (high - low) / (float)most;
        mins[g] = -low;
        d = fmaxf(d, scales[g]);
        m = fmaxf(m, mins[g]);
    }
    d /= 63.0f;
    m /= 63.0f;
    for (int i = 0; i < N; i++) {
        const float scale = d > 0.0f ? half(d) * roundf(scales[i / 32] / d) : 0.0f;
        const float min = m > 0.0f ? -half(m) * roundf(mins[i / 32] / m) : 0.0f;
        back[i] = on_level(x[i], scale, min, most);
    }
}

/* Q6_K: the widest weight of each group of 16 on level 31. */
static void plain_6(float *back, const float *x)
{
    float widest[16] = {0}, d = 0.0f;
    for (int i = 0; i < N; i++)
        widest[i / 16] = fmaxf(widest[i / 16], fabsf(x[i]));
    for (int g = 0; g < 16; g++)
        d = fmaxf(d, widest[g] / 31.0f / 127.0f);
    for (int i = 0; i < N; i++) {
        const float scale = d > 0.0f ? half(d) * roundf(widest[i / 16] / 31.0f / d) : 0.0f;
        back[i] = on_level(x[i], scale, -32.0f * scale, 63);
    }
}

static double error_of(dlx__dtype dtype, const float *x)
{
    uint8_t packed[N / 32 * 34];
    float back[N];
    assert_true(dlx__from_f32(packed, dtype, x, N));
    dlx__to_f32(back, packed, dtype, N);
    return squared_error(x, back, NULL, N);
}

static double plain_error_of(dlx__dtype dtype, const float *x)
{
    float back[N];
    if (dtype == DLX__Q6_K)
        plain_6(back, x);
    else
        plain_45(back, x, dtype == DLX__Q4_K ? 15 : 31);
    return squared_error(x, back, NULL, N);
}

static void the_search_beats_the_plain_choice(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 11);
    for (size_t t = 0; t < DLX__LEN(k_types); t++) {
        for (int d = 0; d < N_DISTRIBUTIONS; d++) {
            double plain = 0.0, searched = 0.0;
            for (int round = 0; round < 40; round++) {
                float x[N];
                draw(x, N, &rng, (distribution)d);
                const double mine = error_of(k_types[t], x), other = plain_error_of(k_types[t], x);
                assert_true(mine <= other);
                searched += mine;
                plain += other;
            }
            assert_true(searched < 0.95 * plain);
        }
    }
}

static void more_structure_and_more_bits_are_nearer(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 12);
    static const distribution kinds[] = {GAUSSIAN, UNIFORM, HEAVY_TAILED};
    for (size_t k = 0; k < DLX__LEN(kinds); k++) {
        double error[DLX__N_DTYPES] = {0.0};
        for (int round = 0; round < 40; round++) {
            static const dlx__dtype all[] = {DLX__Q4_0, DLX__Q4_K, DLX__Q5_0,
                                             DLX__Q5_K, DLX__Q6_K, DLX__Q8_0};
            float x[N];
            draw(x, N, &rng, kinds[k]);
            for (size_t t = 0; t < DLX__LEN(all); t++)
                error[all[t]] += error_of(all[t], x);
        }
        assert_true(error[DLX__Q4_K] < error[DLX__Q4_0] && error[DLX__Q5_0] < error[DLX__Q4_K]);
        assert_true(error[DLX__Q5_K] < error[DLX__Q5_0] && error[DLX__Q6_K] < error[DLX__Q5_K]);
        assert_true(error[DLX__Q8_0] < error[DLX__Q6_K]);
    }
}

/* Uniform weights leave a search little: the step's root mean square is the step by the root of 12.
 */
static void errors_are_of_the_size_of_a_step(void **state)
{
    (void)state;
    static const double steps[] = {15.0, 31.0, 63.0};
    dlx__rng rng;
    dlx__rng_seed(&rng, 13);
    for (size_t t = 0; t < DLX__LEN(k_types); t++) {
        for (int round = 0; round < 40; round++) {
            float x[N];
            draw(x, N, &rng, UNIFORM);
            const double rms = sqrt(error_of(k_types[t], x) / N);
            assert_true(rms < 1.05 / steps[t] / sqrt(12.0));
            assert_true(rms > 0.7 / steps[t] / sqrt(12.0));
        }
    }
}

static void groups_without_a_range_pack(void **state)
{
    (void)state;
    static const float constants[] = {0.0f, 0.5f, -0.5f, 1000.0f, -1e-5f};
    for (size_t t = 0; t < DLX__LEN(k_types); t++) {
        for (size_t c = 0; c < DLX__LEN(constants); c++) {
            float x[N];
            for (int i = 0; i < N; i++)
                x[i] = constants[c];
            assert_true(sqrt(error_of(k_types[t], x) / N) <= 0.01 * fabs((double)constants[c]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_beats_the_plain_choice),
        cmocka_unit_test(more_structure_and_more_bits_are_nearer),
        cmocka_unit_test(errors_are_of_the_size_of_a_step),
        cmocka_unit_test(groups_without_a_range_pack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
