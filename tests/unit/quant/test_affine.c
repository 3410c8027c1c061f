// labels: quick
/* test_affine.c - scales and zero points by hand, and the search for the range of least error. */
#include "base/rng.h"
#include "quant/clip_search.h"
#include "unit.h"

static const dlx__affine_grid int8 = {0}, int8_symmetric = {.symmetric = true};

static void asymmetric_by_hand(void **state)
{
    (void)state;
    dlx__affine a = dlx__affine_of(int8, (dlx__range){-1, 4.1f});
    assert_float_equal(a.scale, 5.1f / 255, 1e-9f);
    assert_int_equal(a.zero_point, -128 + 50);
    assert_int_equal(a.q_min, -128);
    assert_int_equal(a.q_max, 127);
    assert_int_equal(dlx__affine_quantize(&a, 0), a.zero_point);
    assert_true(dlx__affine_dequantize(&a, a.zero_point) == 0.0f);
    assert_int_equal(dlx__affine_quantize(&a, 4.1f), 127);
    assert_int_equal(dlx__affine_quantize(&a, 1e30f), 127);
    assert_int_equal(dlx__affine_quantize(&a, -1e30f), -128);
    assert_float_equal(dlx__affine_dequantize(&a, dlx__affine_quantize(&a, 2.5f)), 2.5f, 0.0101f);
    a = dlx__affine_of((dlx__affine_grid){.bits = 16, .is_unsigned = true}, (dlx__range){-1, 1});
    assert_float_equal(a.scale, 2.0f / 65535, 1e-12f);
    assert_int_equal(a.zero_point, 32768); /* 32767.5, to the even one */
    assert_int_equal(a.q_min, 0);
    assert_int_equal(a.q_max, 65535);
}

static void symmetric_by_hand(void **state)
{
    (void)state;
    dlx__affine a = dlx__affine_of(int8_symmetric, (dlx__range){-12.7f, 3});
    assert_float_equal(a.scale, 0.1f, 1e-8f);
    assert_int_equal(a.zero_point, 0);
    assert_int_equal(dlx__affine_quantize(&a, -12.7f), -127);
    assert_int_equal(dlx__affine_quantize(&a, -99), -128);
    a = dlx__affine_of((dlx__affine_grid){.symmetric = true, .is_unsigned = true},
                       (dlx__range){-1, 12.7f});
    assert_int_equal(a.zero_point, 128);
    assert_int_equal(dlx__affine_quantize(&a, 12.7f), 255);
    a = dlx__affine_of((dlx__affine_grid){.symmetric = true, .bits = 16}, (dlx__range){-1, 1});
    assert_float_equal(a.scale, 1.0f / 32767, 1e-11f);
}

/* Away from 0, all zero, subnormal, as wide as floats go. */
static void odd_ranges(void **state)
{
    (void)state;
    dlx__affine a = dlx__affine_of(int8, (dlx__range){2, 5.1f});
    assert_float_equal(a.scale, 0.02f, 1e-8f);
    assert_int_equal(a.zero_point, -128);
    a = dlx__affine_of(int8, (dlx__range){-5.1f, -2});
    assert_int_equal(a.zero_point, 127);
    a = dlx__affine_of(int8, (dlx__range){0, 0});
    assert_true(a.scale == 1.0f);
    assert_int_equal(a.zero_point, -128);
    a = dlx__affine_of(int8, (dlx__range){0, 1e-44f});
    assert_true(a.scale == FLT_MIN);
    a = dlx__affine_of(int8, (dlx__range){-FLT_MAX, FLT_MAX});
    assert_float_equal(a.scale / (FLT_MAX / 127.5f), 1.0f, 1e-6f);
    assert_in_range(a.zero_point + 1, 0, 1);
}

static void bits_outside_the_range_are_refused(void **state)
{
    (void)state;
    dlx_error err;
    assert_ok(dlx__affine_grid_check(int8, &err), &err);
    assert_ok(dlx__affine_grid_check((dlx__affine_grid){.bits = 16}, &err), &err);
    assert_int_equal(dlx__affine_grid_check((dlx__affine_grid){.bits = 1}, &err), DLX_E_ARG);
    assert_int_equal(dlx__affine_grid_check((dlx__affine_grid){.bits = 17}, &err), DLX_E_ARG);
    assert_says(&err, "from 2 to 16, found 17");
    assert_int_equal(dlx__affine_grid_check((dlx__affine_grid){.bits = -8}, &err), DLX_E_ARG);
}

/* ---- the search ------------------------------------------------------------------------------ */

enum { N = 20000 };

static dlx__histogram counted(const float *x, size_t n, size_t n_bins)
{
    dlx__histogram h;
    dlx__histogram_init(&h, n_bins, NULL);
    dlx__range r = dlx__range_of(x, (int)n);
    assert_true(dlx__histogram_reserve(&h, r));
    dlx__histogram_add(&h, r, x, n, 1, 1);
    return h;
}

/* The error of the values themselves. */
static double true_error(const float *x, size_t n, const dlx__affine *a)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)dlx__affine_dequantize(a, dlx__affine_quantize(a, x[i]));
        sum += d * d;
    }
    return sum / (double)n;
}

static void draw_gauss(float *x, uint64_t seed)
{
    dlx__rng rng;
    dlx__rng_seed(&rng, seed);
    for (size_t i = 0; i < N; i++) { /* Box and Muller */
        double u = 1.0 - dlx__rng_uniform(&rng), v = dlx__rng_uniform(&rng);
        x[i] = (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
    }
}

/* The integral over bins is the mean over values, whether steps are wider or narrower than bins. */
static void error_of_a_histogram(void **state)
{
    (void)state;
    static float x[N];
    draw_gauss(x, 1);
    dlx__histogram h = counted(x, N, 2048);
    const dlx__range ranges[] = {{-5, 5}, {-1, 1}, {-0.5f, 3}, {0, 2}};
    for (int bits = 2; bits <= 16; bits += 2) {
        for (size_t i = 0; i < DLX__LEN(ranges); i++) {
            dlx__affine a = dlx__affine_of((dlx__affine_grid){.bits = bits}, ranges[i]);
            double expected = true_error(x, N, &a);
            assert_true(fabs(dlx__clip_error(&h, &a) - expected) <= 0.05 * expected + 1e-12);
        }
    }
    dlx__histogram_release(&h);
    h = counted((const float[]){3, 3, 3}, 3, 2048); /* a bin of no width */
    dlx__affine a = dlx__affine_of(int8_symmetric, (dlx__range){-127, 127});
    assert_true(dlx__clip_error(&h, &a) == 0.0);
    a = dlx__affine_of(int8_symmetric, (dlx__range){-254, 254});
    assert_true(dlx__clip_error(&h, &a) == 1.0); /* 3 becomes 4 (1.5 to the even 2) */
    dlx__histogram_release(&h);
}

/* The steps of the best uniform quantizers of a normal distribution: table II of Max, 1960. */
static void steps_for_a_normal_distribution(void **state)
{
    (void)state;
    static float x[N];
    draw_gauss(x, 2);
    dlx__histogram h = counted(x, N, 4096);
    const double published[][2] = {{3, 0.5860}, {4, 0.3352}, {5, 0.1881}};
    for (size_t i = 0; i < DLX__LEN(published); i++) {
        dlx__affine_grid grid = {.bits = (int)published[i][0], .symmetric = true};
        dlx__range r = dlx__clip_search(&h, grid);
        assert_true(r.min == -r.max);
        dlx__affine a = dlx__affine_of(grid, r);
        assert_true(fabs((double)a.scale - published[i][1]) < 0.03 * published[i][1]);
    }
    dlx__histogram_release(&h);
}

/* A few values forty times the others: on both sides, on one. */
static void search_beats_the_whole_range(void **state)
{
    (void)state;
    static float x[N];
    for (int one_sided = 0; one_sided < 2; one_sided++) {
        draw_gauss(x, 3);
        for (size_t i = 0; i < N; i++) {
            x[i] *= i % 4000 == 0 ? 40.0f : 1.0f;
            x[i] = one_sided ? fabsf(x[i]) : x[i];
        }
        dlx__histogram h = counted(x, N, 2048);
        for (int bits = 3; bits <= 8; bits++) {
            for (int symmetric = 0; symmetric < 2; symmetric++) {
                dlx__affine_grid grid = {.bits = bits, .symmetric = symmetric};
                dlx__affine best = dlx__affine_of(grid, dlx__clip_search(&h, grid));
                dlx__affine all = dlx__affine_of(grid, h.range);
                double error = true_error(x, N, &best);
                assert_true(error < true_error(x, N, &all) * (bits < 6 ? 0.9 : 1.0));
                for (float share = 0.05f; share < 1.0f; share += 0.05f) { /* no simple one wins */
                    dlx__affine a = dlx__affine_of(
                        grid, (dlx__range){h.range.min * share, h.range.max * share});
                    assert_true(dlx__clip_error(&h, &best) <= dlx__clip_error(&h, &a) * 1.02);
                }
            }
        }
        dlx__histogram_release(&h);
    }
}

static void searches_of_odd_histograms(void **state)
{
    (void)state;
    const float cases[][2] = {{0, 0}, {5, 5}, {-5, -5}, {-FLT_MAX, FLT_MAX}, {1e-45f, 1e-44f}};
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx__histogram h = counted(cases[i], 2, 16);
        dlx__range r = dlx__clip_search(&h, int8);
        assert_true(r.min <= 0.0f && r.max >= 0.0f);
        dlx__affine a = dlx__affine_of(int8, r), all = dlx__affine_of(int8, h.range);
        assert_true(dlx__clip_error(&h, &a) <= dlx__clip_error(&h, &all));
        r = dlx__clip_search(&h, int8_symmetric);
        assert_true(r.min == -r.max);
        dlx__histogram_release(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asymmetric_by_hand),
        cmocka_unit_test(symmetric_by_hand),
        cmocka_unit_test(odd_ranges),
        cmocka_unit_test(bits_outside_the_range_are_refused),
        cmocka_unit_test(error_of_a_histogram),
        cmocka_unit_test(steps_for_a_normal_distribution),
        cmocka_unit_test(search_beats_the_whole_range),
        cmocka_unit_test(searches_of_odd_histograms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
