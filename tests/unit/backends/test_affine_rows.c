// labels: quick
/* test_affine_rows.c - rows with a zero point, as XNNPACK rounds them: values worked out by hand.
 */
#include "unit.h"

#include "backends/reference.h"
#include "base/rng.h"

#include <math.h>

static void expect(const float *x, const float *want, size_t n)
{
    float found[16];
    dlx__ref_round(found, x, n, DLX__SCHEME_DYNAMIC_AFFINE, 0);
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(found[i] - want[i]) <= 1e-6f * fabsf(want[i])))
            fail_msg("%g became %g, not %g", (double)x[i], (double)found[i], (double)want[i]);
}

/* All 255 steps lie between the ends, which are 0 where all numbers have one sign. */
static void both_ends_are_kept(void **state)
{
    (void)state;
    expect((float[]){-1, 0, 2}, (float[]){-1, 0, 2}, 3);
    expect((float[]){1, 3.2f, 255}, (float[]){1, 3, 255}, 3);
    expect((float[]){-255, -3.2f, -1}, (float[]){-255, -3, -1}, 3);
    expect((float[]){0, 0}, (float[]){0, 0}, 2);
}

/*
 * Steps of 1. From the least number the zero point would be -128 + 127.5, from the greatest 127 -
 * 127.5: both -0.5, and even is 0. So -128 and 127 are the ends, and 127.5 is cut off.
 */
static void ties_go_to_even(void **state)
{
    (void)state;
    expect((float[]){-127.5f, 127.5f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f},
           (float[]){-128, 127, 0, 2, 2, 0, -2}, 7);
}

/* 0 is a value always, and nothing is farther from its number than half a step, or a whole one at
 * the end that the zero point was not taken from. */
static void nothing_moves_far(void **state)
{
    (void)state;
    enum { N = 64 };
    dlx__rng rng;
    dlx__rng_seed(&rng, 5);
    for (int row = 0; row < 200; row++) {
        float x[N], y[N], least = 0, greatest = 0;
        const double shift = dlx__rng_uniform(&rng);
        for (size_t i = 0; i < N; i++) {
            x[i] = i == 7 ? 0 : (float)(dlx__rng_uniform(&rng) - shift);
            least = fminf(least, x[i]);
            greatest = fmaxf(greatest, x[i]);
        }
        dlx__ref_round(y, x, N, DLX__SCHEME_DYNAMIC_AFFINE, 0);
        const float step = (greatest - least) / 255;
        assert_true(y[7] == 0);
        for (size_t i = 0; i < N; i++)
            assert_true(fabsf(x[i] - y[i]) <=
                        (x[i] == least || x[i] == greatest ? 1.01f : 0.501f) * step);
    }
}

static void what_is_no_number_stays_none(void **state)
{
    (void)state;
    const float x[] = {1, NAN, -2};
    float y[3];
    dlx__ref_round(y, x, 3, DLX__SCHEME_DYNAMIC_AFFINE, 0);
    assert_true(isnan(y[1]) && y[0] > 0.9f && y[2] < -1.9f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_are_kept),
        cmocka_unit_test(ties_go_to_even),
        cmocka_unit_test(nothing_moves_far),
        cmocka_unit_test(what_is_no_number_stays_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
