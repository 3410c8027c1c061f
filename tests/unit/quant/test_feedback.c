// labels: quick
/* test_feedback.c - products of matrices, moments, and rounding by error feedback. */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "dtype/convert.h"
#include "quant/feedback.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 288, N_OUT = 40, N_ROWS = 700 };

static float normal(dlx__rng *rng)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (double)(dlx__rng_bits(rng) >> 11) / 9007199254740992.0;
    return (float)(sum - 6);
}

static float *randoms(size_t n, uint64_t seed)
{
    dlx__rng rng;
    dlx__rng_seed(&rng, seed);
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = normal(&rng);
    return x;
}

/* Rows whose features hang together: each is half of the one before, and some are large. */
static float *features(size_t n_rows, size_t n)
{
    float *x = randoms(n_rows * n, 5);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t i = 0; i < n; i++) {
            x[r * n + i] += i ? 0.8f * x[r * n + i - 1] : 0;
            x[r * n + i] *= i % 37 == 3 ? 4 : 1;
        }
    return x;
}

static dlx__dense dense(int n_threads)
{
    dlx__dense d;
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx__dense_open(&d, n_threads, NULL, &err), &err);
    return d;
}

static void products(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{1, 1, 1}, {3, 17, 40}, {200, 129, 67}, {65, 65, 300}};
    dlx_error err = {.code = DLX_OK};
    dlx__dense d = dense(3);
    for (size_t s = 0; s < DLX__LEN(sizes); s++)
        for (int lower = 0; lower <= (sizes[s][0] == sizes[s][1]); lower++) {
            const size_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
            float *a = randoms(m * (k + 2), s), *b = randoms(n * (k + 1), s + 9);
            float *c = randoms(m * (n + 3), s + 90), *was = randoms(m * (n + 3), s + 90);
            assert_ok(dlx__dense_add_product(&d, (dlx__rows){c, m, n, n + 3}, -2,
                                             (dlx__rows){a, m, k, k + 2},
                                             (dlx__rows){b, n, k, k + 1}, lower, &err),
                      &err);
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < (lower ? i + 1 : n); j++) {
                    double sum = 0;
                    for (size_t x = 0; x < k; x++)
                        sum += (double)a[i * (k + 2) + x] * (double)b[j * (k + 1) + x];
                    assert_float_equal(c[i * (n + 3) + j], (double)was[i * (n + 3) + j] - 2 * sum,
                                       1e-3);
                }
            free(a);
            free(b);
            free(c);
            free(was);
        }
    dlx__dense_release(&d);
}

static dlx__moments moments_of(dlx__dense *d, float *x, size_t n_rows, size_t n)
{
    dlx__moments m;
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx__moments_open(&m, n, NULL, &err), &err);
    assert_ok(dlx__moments_add(&m, d, (dlx__rows){x, n_rows, n, n}, &err), &err);
    return m;
}

static void moments(void **state)
{
    (void)state;
    dlx__dense d = dense(2);
    float *x = features(N_ROWS, N), importance[N];
    dlx__moments m = moments_of(&d, x, N_ROWS, N);
    assert_int_equal(m.n_seen, N_ROWS);
    dlx__moments_importance(&m, importance);
    for (size_t i = 0; i < N; i += 13)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t r = 0; r < N_ROWS; r++)
                sum += (double)x[r * N + i] * (double)x[r * N + j];
            assert_true(fabs(sum - (double)m.sums[i * N + j]) <= 1e-4 * N_ROWS * 40);
            if (i == j)
                assert_float_equal(importance[i], sum / N_ROWS, 1e-3 * sum / N_ROWS);
        }
    dlx_error err = {.code = DLX_OK};
    x[7] = NAN;
    assert_int_equal(dlx__moments_add(&m, &d, (dlx__rows){x, 1, N, N}, &err), DLX_E_FORMAT);
    x[7] = INFINITY;
    assert_int_equal(dlx__moments_add(&m, &d, (dlx__rows){x, 1, N, N}, &err), DLX_E_FORMAT);
    dlx__moments_release(&m);
    dlx__dense_release(&d);
    free(x);
}

/* H = MT M of what prepare leaves, up to the diagonal: V = M / diagonal is unit lower triangular,
 * and D with H = VT D V is found from the last pivot on. */
static void triangle_gives_the_moments(void **state)
{
    (void)state;
    dlx_error err = {.code = DLX_OK};
    dlx__dense d = dense(2);
    float *x = features(N_ROWS, N);
    dlx__moments m = moments_of(&d, x, N_ROWS, N);
    double *h = malloc(N * N * sizeof *h), mean = 0;
    for (size_t i = 0; i < N; i++) {
        mean += (double)m.sums[i * N + i] / N;
        for (size_t j = 0; j <= i; j++)
            h[i * N + j] = (double)m.sums[i * N + j];
    }
    for (size_t i = 0; i < N; i++)
        h[i * N + i] += (double)0.01f * mean;
    assert_ok(dlx__feedback_prepare(&m, &d, 0.01f, &err), &err);
    for (size_t k = N; k-- > 0;) { /* take the part of row k off */
        const double pivot = h[k * N + k];
        assert_true(pivot > 0);
        for (size_t i = 0; i < k; i++)
            assert_true(fabs(h[k * N + i] / pivot - (double)m.sums[k * N + i]) <= 2e-3);
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j <= i; j++)
                h[i * N + j] -= h[k * N + i] * h[k * N + j] / pivot;
    }
    free(h);
    free(x);
    dlx__moments_release(&m);
    dlx__dense_release(&d);
}

/* Sum over rows of x of (x (w - rounded))^2: what rounding costs the product. */
static double cost(const float *x, const float *w, const uint8_t *bytes, dlx__dtype dtype)
{
    const size_t row_bytes = dlx__dtype_bytes(dtype, N);
    double sum = 0;
    float rounded[N];
    for (size_t o = 0; o < N_OUT; o++) {
        dlx__to_f32(rounded, bytes + o * row_bytes, dtype, N);
        for (size_t r = 0; r < N_ROWS; r++) {
            double y = 0;
            for (size_t i = 0; i < N; i++)
                y += (double)x[r * N + i] * (double)(w[o * N + i] - rounded[i]);
            sum += y * y;
        }
    }
    return sum;
}

static uint8_t *round_by(const float *x, const float *w, dlx__dtype dtype, size_t group,
                         int n_threads)
{
    dlx_error err = {.code = DLX_OK};
    dlx__dense d = dense(n_threads);
    float *rows = malloc(N_ROWS * N * sizeof *rows), *weights = malloc(N_OUT * N * sizeof *weights);
    float importance[N];
    uint8_t *to = malloc(N_OUT * dlx__dtype_bytes(dtype, N));
    memcpy(rows, x, N_ROWS * N * sizeof *rows);
    memcpy(weights, w, N_OUT * N * sizeof *weights);
    dlx__moments m = moments_of(&d, rows, N_ROWS, N);
    dlx__moments_importance(&m, importance);
    assert_ok(dlx__feedback_prepare(&m, &d, 0.01f, &err), &err);
    const dlx__feedback_form form = {dtype, group, importance};
    assert_ok(dlx__feedback_round(to, (dlx__rows){weights, N_OUT, N, N}, &form, &m, &d, &err),
              &err);
    free(rows);
    free(weights);
    dlx__moments_release(&m);
    dlx__dense_release(&d);
    return to;
}

/* Error feedback costs the product far less than rounding each weight to the nearest does. */
static void better_than_nearest(void **state)
{
    (void)state;
    static const dlx__dtype dtypes[] = {DLX__Q4_0, DLX__Q4_1, DLX__Q5_0, DLX__Q5_1, DLX__Q8_0};
    float *x = features(N_ROWS, N), *w = randoms(N_OUT * N, 6);
    for (size_t t = 0; t < DLX__LEN(dtypes); t++) {
        const size_t row_bytes = dlx__dtype_bytes(dtypes[t], N);
        uint8_t *nearest = malloc(N_OUT * row_bytes);
        for (size_t o = 0; o < N_OUT; o++)
            dlx__from_f32(nearest + o * row_bytes, dtypes[t], w + o * N, N);
        uint8_t *fed = round_by(x, w, dtypes[t], DLX__GRID_OWN, 2);
        const double a = cost(x, w, fed, dtypes[t]), b = cost(x, w, nearest, dtypes[t]);
        print_message("%s: %.3f of the cost of rounding to the nearest\n",
                      dlx__dtype_of(dtypes[t])->name, a / b);
        assert_true(a < 0.6 * b);
        free(nearest);
        free(fed);
    }
    free(x);
    free(w);
}

/* The inverse of a symmetric positive matrix, in place, by Gauss and Jordan. */
static void invert(double *h, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const double pivot = 1 / h[k * n + k];
        h[k * n + k] = 1;
        for (size_t j = 0; j < n; j++)
            h[k * n + j] *= pivot;
        for (size_t i = 0; i < n; i++) {
            const double factor = h[i * n + k];
            if (i == k)
                continue;
            h[i * n + k] = 0;
            for (size_t j = 0; j < n; j++)
                h[i * n + j] -= factor * h[k * n + j];
        }
    }
}

enum { SMALL = 96 };

/* GPTQ as the paper has it: at each input the inverse for the inputs that are left says what they
 * take over. h [SMALL, SMALL]; w [SMALL] becomes the rounded numbers. */
static void round_by_the_paper(float *w, const double *h, const float *importance)
{
    static double inverse[SMALL * SMALL];
    dlx__grid grid;
    for (size_t k = 0; k < SMALL; k++) {
        const size_t n = SMALL - k;
        if (k % 32 == 0)
            dlx__grids_choose(&grid, DLX__Q4_0, w + k, importance + k, 32, 32);
        const float rounded = dlx__grid_value(&grid, dlx__grid_level(&grid, w[k]));
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                inverse[i * n + j] = h[(k + i) * SMALL + k + j];
        invert(inverse, n);
        for (size_t i = 1; i < n; i++)
            w[k + i] -= (float)((double)(w[k] - rounded) * inverse[i] / inverse[0]);
        w[k] = rounded;
    }
}

static void equals_the_paper(void **state)
{
    (void)state;
    enum { OUT = 12 };
    dlx_error err = {.code = DLX_OK};
    dlx__dense d = dense(2);
    float *x = features(N_ROWS, SMALL), *w = randoms(OUT * SMALL, 6), importance[SMALL];
    dlx__moments m = moments_of(&d, x, N_ROWS, SMALL);
    dlx__moments_importance(&m, importance);
    static double h[SMALL * SMALL];
    double mean = 0;
    for (size_t i = 0; i < SMALL; i++) {
        mean += (double)m.sums[i * SMALL + i] / SMALL;
        for (size_t j = 0; j <= i; j++)
            h[i * SMALL + j] = h[j * SMALL + i] = (double)m.sums[i * SMALL + j];
    }
    for (size_t i = 0; i < SMALL; i++)
        h[i * SMALL + i] += (double)0.01f * mean;
    float *weights = malloc(OUT * SMALL * sizeof *weights);
    memcpy(weights, w, OUT * SMALL * sizeof *weights);
    uint8_t bytes[OUT * SMALL];
    const dlx__feedback_form form = {DLX__Q4_0, DLX__GRID_OWN, importance};
    assert_ok(dlx__feedback_prepare(&m, &d, 0.01f, &err), &err);
    assert_ok(
        dlx__feedback_round(bytes, (dlx__rows){weights, OUT, SMALL, SMALL}, &form, &m, &d, &err),
        &err);
    size_t n_same = 0;
    for (size_t o = 0; o < OUT; o++) {
        float rounded[SMALL];
        dlx__to_f32(rounded, bytes + o * dlx__dtype_bytes(DLX__Q4_0, SMALL), DLX__Q4_0, SMALL);
        round_by_the_paper(w + o * SMALL, h, importance);
        size_t same = 0;
        for (size_t k = 0; k < SMALL; k++)
            same += rounded[k] == w[o * SMALL + k];
        n_same += same == SMALL;
    }
    /* A number on the border of two levels may fall either way, and all behind it with it. */
    print_message("%zu of %d rows equal\n", n_same, OUT);
    assert_true(n_same >= OUT - 2);
    free(x);
    free(w);
    free(weights);
    dlx__moments_release(&m);
    dlx__dense_release(&d);
}

static void same_bytes_for_any_number_of_threads(void **state)
{
    (void)state;
    static const int n_threads[] = {2, 3, 8};
    float *x = features(N_ROWS, N), *w = randoms(N_OUT * N, 6);
    const size_t n_bytes = N_OUT * dlx__dtype_bytes(DLX__Q4_1, N);
    uint8_t *one = round_by(x, w, DLX__Q4_1, DLX__GRID_OWN, 1);
    for (size_t t = 0; t < DLX__LEN(n_threads); t++) {
        uint8_t *more = round_by(x, w, DLX__Q4_1, DLX__GRID_OWN, n_threads[t]);
        assert_memory_equal(one, more, n_bytes);
        free(more);
    }
    free(one);
    free(x);
    free(w);
}

/* Scales that are shared by more inputs, or by a row, are still shared. */
static void groups_are_shared(void **state)
{
    (void)state;
    static const size_t groups[] = {64, 128, 256, DLX__GRID_ROW};
    const size_t row_bytes = dlx__dtype_bytes(DLX__Q4_0, N);
    float *x = features(N_ROWS, N), *w = randoms(N_OUT * N, 6);
    for (size_t g = 0; g < DLX__LEN(groups); g++) {
        uint8_t *to = round_by(x, w, DLX__Q4_0, groups[g], 2);
        const size_t n_shared = (groups[g] ? groups[g] : N) / 32;
        for (size_t o = 0; o < N_OUT; o++)
            for (size_t b = 0; b < N / 32; b++)
                assert_memory_equal(to + o * row_bytes + b * 18,
                                    to + o * row_bytes + b / n_shared * n_shared * 18, 2);
        free(to);
    }
    free(x);
    free(w);
}

/* Inputs that are always zero, or equal, leave nothing to divide by. */
static void poor_moments(void **state)
{
    (void)state;
    float *x = calloc(N_ROWS * N, sizeof *x), *w = randoms(N_OUT * N, 6), rounded[N];
    for (int turn = 0; turn < 2; turn++) {
        uint8_t *to = round_by(x, w, DLX__Q8_0, DLX__GRID_OWN, 2);
        dlx__to_f32(rounded, to, DLX__Q8_0, N);
        for (size_t i = 0; i < N; i++)
            assert_true(fabsf(rounded[i] - w[i]) < (turn ? 0.5f : 0.05f));
        for (size_t i = 0; i < N_ROWS * N; i++)
            x[i] = (float)(i / N % 7);
        free(to);
    }
    free(x);
    free(w);
}

static void wrong_types(void **state)
{
    (void)state;
    dlx_error err = {.code = DLX_OK};
    dlx__dense d = dense(1);
    float x[48] = {1}, importance[48] = {0};
    dlx__moments m = moments_of(&d, x, 1, 48);
    const dlx__dtype dtypes[] = {DLX__F16, DLX__Q4_0, DLX__Q4_K};
    for (size_t t = 0; t < DLX__LEN(dtypes); t++) {
        const dlx__feedback_form form = {dtypes[t], DLX__GRID_OWN, importance};
        uint8_t to[256];
        assert_int_equal(dlx__feedback_round(to, (dlx__rows){x, 1, 48, 48}, &form, &m, &d, &err),
                         DLX_E_ARG);
    }
    dlx__moments_release(&m);
    dlx__dense_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(moments),
        cmocka_unit_test(triangle_gives_the_moments),
        cmocka_unit_test(better_than_nearest),
        cmocka_unit_test(equals_the_paper),
        cmocka_unit_test(same_bytes_for_any_number_of_threads),
        cmocka_unit_test(groups_are_shared),
        cmocka_unit_test(poor_moments),
        cmocka_unit_test(wrong_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
