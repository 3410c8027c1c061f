/* test_interval.c - intervals against published values, and against scipy 1.17 and statsmodels
 * 0.15. labels: quick */
#include "api/interval.h"
#include "unit.h"

#include <math.h>

static void assert_near(double x, double want, double most)
{
    if (!(fabs(x - want) <= most))
        fail_msg("expected %.12g, found %.12g", want, x);
}

/* 81/263 and 15/148: Newcombe 1998, "Two-sided confidence intervals for the single proportion";
 * digits by statsmodels' proportion_confint. */
static void rates_have_wilsons_interval(void **state)
{
    (void)state;
    static const struct {
        size_t right, n;
        double lo, hi;
    } cases[] = {{81, 263, 0.2552885199, 0.3662095770},
                 {15, 148, 0.0623863995, 0.1604872417},
                 {921, 1000, 0.9026250851, 0.9361527842},
                 {0, 10, 0, 0.2775327999},
                 {10, 10, 0.7224672001, 1},
                 {1, 1, 0.2065493144, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx__interval x = dlx__interval_rate(cases[i].right, cases[i].n);
        assert_near(x.lo, cases[i].lo, 1e-9);
        assert_near(x.hi, cases[i].hi, 1e-9);
    }
    assert_true(isnan(dlx__interval_rate(0, 0).lo));
}

/*
 * 6 and 16 of 161 (complete response before and after therapy): -0.1240 to -0.0054 in Fagerland,
 * Lydersen, Laake 2017, "Statistical Analysis of Contingency Tables", chapter 8. Further digits,
 * and the others: the constrained likelihood maximised numerically by scipy.
 */
static void paired_rates_have_tangos_interval(void **state)
{
    (void)state;
    static const struct {
        size_t only_a, only_b, n;
        double lo, hi;
    } cases[] = {{6, 16, 161, -0.12402343, -0.00543340}, {1, 7, 21, -0.51723228, -0.02600303},
                 {12, 2, 50, 0.06111241, 0.34470875},    {0, 1, 44, -0.11807710, 0.05939323},
                 {0, 0, 1000, -0.00382676, 0.00382676},  {59, 6, 263, 0.14841528, 0.25904053},
                 {3, 5, 200, -0.04430619, 0.02159537},   {9, 3, 97, -0.00939045, 0.14174323}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx__interval x = dlx__interval_paired(cases[i].only_a, cases[i].only_b, cases[i].n);
        dlx__interval y = dlx__interval_paired(cases[i].only_b, cases[i].only_a, cases[i].n);
        assert_near(x.lo, cases[i].lo, 2e-6);
        assert_near(x.hi, cases[i].hi, 2e-6);
        assert_near(y.lo, -x.hi, 1e-12);
        assert_near(y.hi, -x.lo, 1e-12);
    }
    dlx__interval all = dlx__interval_paired(5, 0, 5);
    assert_true(all.lo > 0 && all.lo < 1 && all.hi == 1);
    assert_true(isnan(dlx__interval_paired(0, 0, 0).lo));
}

/* By scipy's binomtest. */
static void uneven_lines_are_tested_exactly(void **state)
{
    (void)state;
    assert_near(dlx__mcnemar(0, 0), 1, 0);
    assert_near(dlx__mcnemar(10, 10), 1, 0);
    assert_near(dlx__mcnemar(1, 7), 0.0703125, 1e-13);
    assert_near(dlx__mcnemar(7, 1), 0.0703125, 1e-13);
    assert_near(dlx__mcnemar(0, 6), 0.03125, 1e-13);
    assert_near(dlx__mcnemar(59, 6), 4.96465032713e-12, 1e-22);
    assert_near(dlx__mcnemar(1200, 1300), 0.047681865221, 1e-11);
}

/*
 * Efron and Tibshirani 1993, table 10.1 (hormone patches), a ratio of means; and differences of a
 * ratio and of a mean. The ends come from an implementation in numpy with the same generator;
 * scipy.stats.bootstrap with 100000 resamples has -0.2222 to 0.1897, 0.0571 to 0.5353, 0 to 1.9.
 */
static const double patch_y[] = {-1200, 2601, -2705, 1982, -1290, 351, -638, -2719};
static const double patch_z[] = {8406, 2342, 8187, 8459, 4795, 3516, 4796, 10238};
static const double a_num[] = {5, 7, 9, 4, 12, 30, 8, 6, 7, 11};
static const double a_den[] = {2, 3, 4, 2, 5, 9, 4, 3, 3, 5};
static const double b_num[] = {6, 6, 8, 5, 11, 26, 9, 5, 6, 10};
static const double b_den[] = {2, 3, 4, 2, 5, 10, 4, 3, 3, 6};

static void ratios_have_a_bootstrap_interval(void **state)
{
    (void)state;
    dlx__interval x;
    const dlx__ratio patch = {patch_y, patch_z}, a = {a_num, a_den}, b = {b_num, b_den};
    assert_near(dlx__ratio_of(&patch, 8), -0.07130609590256, 1e-13);
    assert_true(dlx__interval_ratio(&x, &patch, NULL, 8, 0, NULL));
    assert_near(x.lo, -0.22247288491710, 1e-9);
    assert_near(x.hi, 0.18661170098027, 1e-9);
    assert_near(dlx__ratio_of(&a, 10) - dlx__ratio_of(&b, 10), 0.2845238095238, 1e-12);
    assert_true(dlx__interval_ratio(&x, &a, &b, 10, 7, NULL));
    assert_near(x.lo, 0.05882352941176, 1e-9);
    assert_near(x.hi, 0.53216917573428, 1e-9);
    assert_true(dlx__interval_ratio(&x, &(dlx__ratio){a_num, NULL}, &(dlx__ratio){b_num, NULL}, 10,
                                    7, NULL));
    assert_near(x.lo, 0, 1e-9);
    assert_near(x.hi, 1.8, 1e-9);
}

static void nothing_to_draw_from_is_no_interval(void **state)
{
    (void)state;
    static const double zeros[] = {0, 0, 0};
    dlx__interval x;
    const dlx__ratio a = {a_num, a_den}, none = {a_num, zeros};
    assert_true(dlx__interval_ratio(&x, &a, NULL, 1, 0, NULL));
    assert_true(isnan(x.lo) && isnan(x.hi));
    assert_true(dlx__interval_ratio(&x, &a, &a, 10, 0, NULL)); /* A against itself */
    assert_true(x.lo == 0 && x.hi == 0);
    assert_true(dlx__ratio_of(&none, 3) == 0);
    assert_true(dlx__interval_ratio(&x, &none, NULL, 3, 0, NULL));
    assert_true(x.lo == 0 && x.hi == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_have_wilsons_interval),
        cmocka_unit_test(paired_rates_have_tangos_interval),
        cmocka_unit_test(uneven_lines_are_tested_exactly),
        cmocka_unit_test(ratios_have_a_bootstrap_interval),
        cmocka_unit_test(nothing_to_draw_from_is_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
