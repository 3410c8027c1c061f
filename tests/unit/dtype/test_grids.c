// labels: quick
/*
 * test_grids.c - grids are what the bytes mean, rounding takes their nearest level, and the search
 * is worth its time: never worse than dlx__from_f32, better where importance says so.
 */
#include "distributions.h"
#include "dtype/convert.h"
#include "dtype/grid.h"
#include "unit.h"

enum { N = 1024, MOST_BYTES = N / 32 * 34 };

static const dlx__dtype types[] = {DLX__Q8_0, DLX__Q4_0, DLX__Q4_1, DLX__Q5_0,
                                   DLX__Q5_1, DLX__Q4_K, DLX__Q5_K, DLX__Q6_K};

static bool is_super(dlx__dtype dtype)
{
    return dlx__dtype_of(dtype)->block_elems == 256;
}

/* Importance as calibration finds it: a few inputs matter a hundred times more. */
static void draw_importance(float *importance, size_t n, dlx__rng *rng)
{
    for (size_t i = 0; i < n; i++)
        importance[i] = (float)exp(2.0 * gaussian(rng));
}

/* Packs and reads back. */
static void pack_and_read(float *back, dlx__dtype dtype, const float *x, const float *importance,
                          size_t group, size_t n)
{
    uint8_t packed[MOST_BYTES];
    assert_true(dlx__pack_weighted(packed, dtype, x, importance, group, n));
    dlx__to_f32(back, packed, dtype, n);
}

static void bytes_mean_the_values_of_the_grids(void **state)
{
    (void)state;
    static const size_t groups[] = {DLX__GRID_OWN, 64, 96, DLX__GRID_ROW};
    dlx__rng rng;
    dlx__rng_seed(&rng, 1);
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        const size_t width = dlx__grid_width(types[t]);
        for (size_t g = 0; g < (is_super(types[t]) ? 1 : DLX__LEN(groups)); g++) {
            for (int d = 0; d < N_DISTRIBUTIONS; d++) {
                float x[N], back[N];
                dlx__grid grids[N / 16];
                int8_t levels[N];
                uint8_t packed[MOST_BYTES], at_once[MOST_BYTES];
                const size_t n_bytes = dlx__dtype_bytes(types[t], N);
                draw(x, N, &rng, (distribution)d);
                assert_true(dlx__grids_choose(grids, types[t], x, NULL, groups[g], N));
                assert_true(dlx__grids_round(levels, types[t], grids, x, N));
                assert_true(dlx__grids_pack(packed, types[t], levels, grids, N));
                dlx__to_f32(back, packed, types[t], N);
                for (size_t i = 0; i < N; i++)
                    assert_true(back[i] == dlx__grid_value(&grids[i / width], levels[i]));
                assert_true(dlx__pack_weighted(at_once, types[t], x, NULL, groups[g], N));
                assert_memory_equal(at_once, packed, n_bytes);
            }
        }
    }
}

/* Whoever rounds by rules of his own may use every level there is. */
static void any_levels_pack(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 2);
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        const size_t width = dlx__grid_width(types[t]);
        float x[N], back[N];
        dlx__grid grids[N / 16];
        int8_t levels[N];
        uint8_t packed[MOST_BYTES];
        draw(x, N, &rng, GAUSSIAN);
        assert_true(dlx__grids_choose(grids, types[t], x, NULL, DLX__GRID_OWN, N));
        for (size_t i = 0; i < N; i++) {
            const dlx__grid *g = &grids[i / width];
            levels[i] = (int8_t)(g->lowest + (int)(dlx__rng_bits(&rng) %
                                                   (unsigned)(g->highest - g->lowest + 1)));
        }
        assert_true(dlx__grids_pack(packed, types[t], levels, grids, N));
        dlx__to_f32(back, packed, types[t], N);
        for (size_t i = 0; i < N; i++)
            assert_true(back[i] == dlx__grid_value(&grids[i / width], levels[i]));
    }
}

static void the_nearest_level_is_taken(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 3);
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        const size_t width = dlx__grid_width(types[t]);
        float x[N];
        dlx__grid grids[N / 16];
        draw(x, N, &rng, HEAVY_TAILED);
        assert_true(dlx__grids_choose(grids, types[t], x, NULL, DLX__GRID_OWN, N));
        for (size_t i = 0; i < N; i++) {
            const dlx__grid *g = &grids[i / width];
            const float off = fabsf(x[i] - dlx__grid_value(g, dlx__grid_level(g, x[i])));
            for (int level = g->lowest; level <= g->highest; level++)
                assert_true(off <= fabsf(x[i] - dlx__grid_value(g, level)) * 1.0001f + 1e-9f);
        }
    }
    const dlx__grid half = {
        .scale = 0.5f, .min = 1.0f, .inverse = 2.0f, .lowest = -8, .highest = 7};
    assert_int_equal(dlx__grid_level(&half, 1.25f), 1); /* between levels: the higher one */
    assert_int_equal(dlx__grid_level(&half, 0.75f), 0);
    assert_int_equal(dlx__grid_level(&half, 1e30f), 7);
    assert_int_equal(dlx__grid_level(&half, -INFINITY), -8);
    assert_int_equal(dlx__grid_level(&half, NAN), -2); /* as 0 */
}

/* Group by group: a search that includes the plain choice cannot lose to it. */
static void the_search_is_never_worse_than_from_f32(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 4);
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        for (int round = 0; round < 20 * N_DISTRIBUTIONS; round++) {
            float x[N], importance[N], plain[N], searched[N], weighted[N];
            uint8_t packed[MOST_BYTES];
            draw(x, N, &rng, (distribution)(round % N_DISTRIBUTIONS));
            draw_importance(importance, N, &rng);
            assert_true(dlx__from_f32(packed, types[t], x, N));
            dlx__to_f32(plain, packed, types[t], N);
            pack_and_read(searched, types[t], x, NULL, DLX__GRID_OWN, N);
            pack_and_read(weighted, types[t], x, importance, DLX__GRID_OWN, N);
            const size_t unit = dlx__dtype_of(types[t])->block_elems;
            for (size_t i = 0; i < N; i += unit) {
                const float *w = importance + i;
                assert_true(squared_error(x + i, searched + i, NULL, unit) <=
                            squared_error(x + i, plain + i, NULL, unit) * (1.0 + 1e-5));
                if (!is_super(types[t]))
                    assert_true(squared_error(x + i, weighted + i, w, unit) <=
                                squared_error(x + i, plain + i, w, unit) * (1.0 + 1e-5));
            }
        }
    }
}

/* And it gains: on gaussian weights 10 to 25 % of the squared error. */
static void the_search_gains(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 5);
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        double plain = 0.0, searched = 0.0;
        for (int round = 0; round < 16 && !is_super(types[t]); round++) {
            float x[N], back[N];
            uint8_t packed[MOST_BYTES];
            draw(x, N, &rng, GAUSSIAN);
            assert_true(dlx__from_f32(packed, types[t], x, N));
            dlx__to_f32(back, packed, types[t], N);
            plain += squared_error(x, back, NULL, N);
            pack_and_read(back, types[t], x, NULL, DLX__GRID_OWN, N);
            searched += squared_error(x, back, NULL, N);
        }
        assert_true(is_super(types[t]) || searched < 0.92 * plain);
    }
}

static void importance_lowers_what_it_weighs(void **state)
{
    (void)state;
    static const size_t groups[] = {DLX__GRID_OWN, 128, DLX__GRID_ROW};
    dlx__rng rng;
    dlx__rng_seed(&rng, 6);
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        for (size_t g = 0; g < (is_super(types[t]) ? 1 : DLX__LEN(groups)); g++) {
            double without = 0.0, with = 0.0;
            for (int round = 0; round < 8; round++) {
                float x[N], importance[N], back[N];
                draw(x, N, &rng, round % 2 ? HEAVY_TAILED : GAUSSIAN);
                draw_importance(importance, N, &rng);
                pack_and_read(back, types[t], x, NULL, groups[g], N);
                without += squared_error(x, back, importance, N);
                pack_and_read(back, types[t], x, importance, groups[g], N);
                with += squared_error(x, back, importance, N);
            }
            assert_true(with < (groups[g] == DLX__GRID_OWN ? 0.85 : 1.0) * without);
        }
    }
}

/* An outlier that no input ever meets may go; the others get the levels. */
static void what_has_no_importance_does_not_count(void **state)
{
    (void)state;
    float x[32], importance[32], back[32];
    for (int i = 0; i < 32; i++) {
        x[i] = 0.01f * (float)(i % 8 - 4);
        importance[i] = 1.0f;
    }
    x[5] = 100.0f;
    importance[5] = 0.0f;
    pack_and_read(back, DLX__Q4_0, x, importance, DLX__GRID_OWN, 32);
    for (int i = 0; i < 32; i++)
        assert_true(i == 5 || fabsf(back[i] - x[i]) < 1e-4f);
    /* where nothing has any, all count */
    float one[N], all[N], none[N] = {0.0f}, y[N];
    dlx__rng rng;
    dlx__rng_seed(&rng, 7);
    draw(y, N, &rng, GAUSSIAN);
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        pack_and_read(all, types[t], y, NULL, DLX__GRID_OWN, N);
        pack_and_read(one, types[t], y, none, DLX__GRID_OWN, N);
        assert_true(squared_error(y, one, NULL, N) < 1.01 * squared_error(y, all, NULL, N));
    }
}

static void a_group_shares_its_scale(void **state)
{
    (void)state;
    static const size_t groups[] = {64, 96, 128, 256, N, DLX__GRID_ROW, 4 * N};
    dlx__rng rng;
    dlx__rng_seed(&rng, 8);
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        const dlx__dtype_info *type = dlx__dtype_of(types[t]);
        const size_t n_head = types[t] == DLX__Q4_1 || types[t] == DLX__Q5_1 ? 4 : 2;
        double before = 0.0;
        for (size_t g = 0; g < DLX__LEN(groups) && !is_super(types[t]); g++) {
            float x[N], back[N];
            uint8_t packed[MOST_BYTES];
            const size_t group = groups[g] ? groups[g] : N;
            size_t n_changes = 0;
            dlx__rng_seed(&rng, 9); /* the same weights each time */
            draw(x, N, &rng, HEAVY_TAILED);
            assert_true(dlx__pack_weighted(packed, types[t], x, NULL, groups[g], N));
            for (size_t i = 32; i < N; i += 32) {
                const uint8_t *block = packed + i / 32 * type->block_bytes;
                if (memcmp(block, block - type->block_bytes, n_head) != 0) {
                    n_changes++;
                    assert_true(i % group == 0);
                }
            }
            assert_int_equal(n_changes, (N - 1) / group);
            dlx__to_f32(back, packed, types[t], N);
            const double error = squared_error(x, back, NULL, N);
            assert_true(error >= before); /* fewer scales, more error */
            before = error;
        }
    }
}

/* The widest weight may take the level -8 from either side. */
static void scales_have_both_signs(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 10);
    float x[N];
    dlx__grid grids[N / 32];
    int n_negative = 0;
    draw(x, N, &rng, GAUSSIAN);
    assert_true(dlx__grids_choose(grids, DLX__Q4_0, x, NULL, DLX__GRID_OWN, N));
    for (int i = 0; i < N / 32; i++)
        n_negative += grids[i].scale < 0.0f;
    assert_in_range(n_negative, 1, N / 32 - 1);
}

/* Portable scales are positive and exact in bf16; a sign and three bits less cost so much. */
static void portable_scales(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 12);
    for (int round = 0; round < 20 * N_DISTRIBUTIONS; round++) {
        const bool weighted = round % 2;
        float x[N], importance[N], own[N], back[N];
        dlx__grid grids[N / 32];
        draw(x, N, &rng, (distribution)(round % N_DISTRIBUTIONS));
        draw_importance(importance, N, &rng);
        const float *w = weighted ? importance : NULL;
        assert_true(dlx__grids_choose(grids, DLX__Q4_0, x, w, DLX__GRID_PORTABLE, N));
        pack_and_read(own, DLX__Q4_0, x, w, DLX__GRID_OWN, N);
        pack_and_read(back, DLX__Q4_0, x, w, DLX__GRID_PORTABLE, N);
        for (size_t g = 0; g < N / 32; g++) {
            const float scale = grids[g].scale;
            assert_true(scale >= 0 && dlx__f16_to_f32(grids[g].d) == scale);
            assert_true(dlx__bf16_to_f32(dlx__f32_to_bf16(scale)) == scale);
        }
        assert_true(squared_error(x, back, w, N) <= 1.6 * squared_error(x, own, w, N));
    }
}

/* Ends beyond f16, numbers that are none, and zeros have portable scales too; other types none. */
static void portable_scales_of_anything(void **state)
{
    (void)state;
    static const float ends[] = {0, -0.0f, 1e-30f, 7e-8f, -1e30f, 1e30f, 65504, INFINITY, NAN};
    float x[32];
    dlx__grid grid;
    for (size_t e = 0; e < DLX__LEN(ends); e++) {
        for (size_t i = 0; i < 32; i++)
            x[i] = i % 3 ? ends[e] : 0;
        assert_true(dlx__grids_choose(&grid, DLX__Q4_0, x, NULL, DLX__GRID_PORTABLE, 32));
        assert_true(grid.scale >= 0 && grid.scale <= 65280);
        assert_true(dlx__bf16_to_f32(dlx__f32_to_bf16(grid.scale)) == grid.scale);
    }
    for (size_t t = 0; t < DLX__LEN(types); t++)
        assert_int_equal(dlx__grids_choose(&grid, types[t], x, NULL, DLX__GRID_PORTABLE,
                                           is_super(types[t]) ? 256 : 32),
                         types[t] == DLX__Q4_0);
}

static void hostile_numbers_pack(void **state)
{
    (void)state;
    static const float odd[] = {NAN,    INFINITY, -INFINITY, 1e-45f, -1e-42f, 3e38f,
                                -1e30f, 0.0f,     -0.0f,     1.0f,   6e-8f};
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        for (size_t pair = 0; pair < DLX__LEN(odd) * DLX__LEN(odd); pair++) {
            for (int weighted = 0; weighted < 2; weighted++) {
                float x[256], importance[256], back[256];
                uint8_t packed[8 * 34];
                for (size_t i = 0; i < 256; i++) {
                    x[i] = odd[i % 3 ? pair % DLX__LEN(odd) : pair / DLX__LEN(odd)];
                    importance[i] = odd[(i + pair) % DLX__LEN(odd)];
                }
                pack_and_read(back, types[t], x, weighted ? importance : NULL, DLX__GRID_OWN, 256);
                for (size_t i = 0; i < 256; i++)
                    assert_true(isfinite(back[i]));
                if (!is_super(types[t]))
                    assert_true(dlx__pack_weighted(
                        packed, types[t], x, weighted ? importance : NULL, DLX__GRID_ROW, 256));
            }
        }
        float zeros[256] = {0.0f}, back[256];
        pack_and_read(back, types[t], zeros, NULL, DLX__GRID_OWN, 256);
        for (size_t i = 0; i < 256; i++)
            assert_true(back[i] == 0.0f);
    }
}

static void what_has_no_grid_says_so(void **state)
{
    (void)state;
    static const dlx__dtype floats[] = {DLX__F32, DLX__F16, DLX__BF16};
    float x[256] = {0};
    int8_t levels[256] = {0};
    dlx__grid grids[16];
    uint8_t packed[8 * 34];
    for (size_t t = 0; t < DLX__LEN(floats); t++) {
        assert_int_equal(dlx__grid_width(floats[t]), 0);
        assert_false(dlx__grids_choose(grids, floats[t], x, NULL, DLX__GRID_OWN, 256));
        assert_false(dlx__grids_round(levels, floats[t], grids, x, 256));
        assert_false(dlx__grids_pack(packed, floats[t], levels, grids, 256));
        assert_false(dlx__pack_weighted(packed, floats[t], x, NULL, DLX__GRID_OWN, 256));
    }
    for (size_t t = 0; t < DLX__LEN(types); t++) {
        assert_int_equal(dlx__grid_width(types[t]), types[t] == DLX__Q6_K ? 16 : 32);
        assert_false(dlx__grids_choose(grids, types[t], x, NULL, DLX__GRID_OWN, 31));
        assert_false(dlx__grids_choose(grids, types[t], x, NULL, 48, 256));
        assert_false(dlx__pack_weighted(packed, types[t], x, NULL, DLX__GRID_OWN, 255));
        assert_true(dlx__pack_weighted(packed, types[t], x, NULL, DLX__GRID_ROW, 256) !=
                    is_super(types[t]));
        assert_true(dlx__pack_weighted(packed, types[t], x, NULL, 64, 256) != is_super(types[t]));
        assert_true(dlx__pack_weighted(packed, types[t], x, NULL, DLX__GRID_OWN, 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_mean_the_values_of_the_grids),
        cmocka_unit_test(any_levels_pack),
        cmocka_unit_test(the_nearest_level_is_taken),
        cmocka_unit_test(the_search_is_never_worse_than_from_f32),
        cmocka_unit_test(the_search_gains),
        cmocka_unit_test(importance_lowers_what_it_weighs),
        cmocka_unit_test(what_has_no_importance_does_not_count),
        cmocka_unit_test(a_group_shares_its_scale),
        cmocka_unit_test(scales_have_both_signs),
        cmocka_unit_test(portable_scales),
        cmocka_unit_test(portable_scales_of_anything),
        cmocka_unit_test(hostile_numbers_pack),
        cmocka_unit_test(what_has_no_grid_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
