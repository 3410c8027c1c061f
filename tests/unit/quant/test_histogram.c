// labels: quick
/* test_histogram.c - the bins, by hand, and that they forget the order of the values. */
#include "base/rng.h"
#include "failing_mem.h"
#include "quant/histogram.h"
#include "unit.h"

static dlx__range range_of(const float *x, size_t n)
{
    return dlx__range_of(x, (int)n);
}

static void add(dlx__histogram *h, const float *x, size_t n)
{
    assert_true(dlx__histogram_reserve(h, range_of(x, n)));
    dlx__histogram_add(h, range_of(x, n), x, n, 1, 1);
}

static void assert_same(const dlx__histogram *a, const dlx__histogram *b)
{
    assert_int_equal(a->exponent, b->exponent);
    assert_int_equal(a->first, b->first);
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->n_values, b->n_values);
    assert_memory_equal(&a->range, &b->range, sizeof a->range);
    assert_memory_equal(a->counts, b->counts, a->n * sizeof *a->counts);
}

/* 0 .. 7 in 8 bins of width 1; 9 makes them 0-1, 2-3 ... 8-9; -1 needs no wider ones. */
static void neighbours_merge(void **state)
{
    (void)state;
    dlx__histogram h;
    dlx__histogram_init(&h, 8, NULL);
    add(&h, (const float[]){0, 1, 2, 3, 4, 5, 6, 7, 7.5f, 1}, 10);
    assert_int_equal(h.exponent, 0);
    assert_memory_equal(h.counts, ((const uint64_t[]){1, 2, 1, 1, 1, 1, 1, 2}), 8 * 8);
    add(&h, (const float[]){9}, 1);
    assert_int_equal(h.exponent, 1);
    assert_int_equal(h.n, 5);
    assert_memory_equal(h.counts, ((const uint64_t[]){3, 2, 2, 3, 1}), 5 * 8);
    add(&h, (const float[]){-1}, 1);
    assert_int_equal(h.first, -1);
    assert_memory_equal(h.counts, ((const uint64_t[]){1, 3, 2, 2, 3, 1}), 6 * 8);
    add(&h, (const float[]){-100, 100}, 2);
    assert_int_equal(h.exponent, 5); /* -100 / 32 is in bin -4, 100 / 32 in bin 3 */
    assert_int_equal(h.first, -4);
    assert_memory_equal(h.counts, ((const uint64_t[]){1, 0, 0, 1, 11, 0, 0, 1}), 8 * 8);
    assert_int_equal(h.n_values, 14);
    dlx__histogram_release(&h);
}

/* No finer than floats are: one value, zeros, the extremes of the format. */
static void bins_of_odd_ranges(void **state)
{
    (void)state;
    const float cases[][2] = {{0, 0},
                              {1, 1},
                              {-3e38f, 3e38f},
                              {1e-45f, 2e-45f},
                              {-FLT_MAX, FLT_MAX},
                              {FLT_MAX, FLT_MAX},
                              {-1e-45f, FLT_MAX},
                              {1, 1.0000001f}};
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        for (size_t n_bins = 2; n_bins <= 2048; n_bins *= 4) {
            dlx__histogram h;
            dlx__histogram_init(&h, n_bins, NULL);
            add(&h, cases[i], 2);
            assert_in_range(h.n, 1, n_bins);
            assert_int_equal(h.n, dlx__histogram_bins(range_of(cases[i], 2), n_bins));
            assert_int_equal(h.counts[0], h.n == 1 ? 2 : 1);
            assert_int_equal(h.counts[h.n - 1], h.n == 1 ? 2 : 1);
            dlx__range r = dlx__histogram_cut(&h, 0.0);
            assert_true(r.min == cases[i][0] && r.max == cases[i][1]);
            dlx__histogram_release(&h);
        }
    }
}

/* Pieces of any length, backwards, merged: always the counts of the whole. */
static void pieces_equal_the_whole(void **state)
{
    (void)state;
    enum { N = 999 };
    float x[N];
    dlx__rng rng;
    dlx__rng_seed(&rng, 7);
    for (size_t i = 0; i < N; i++) { /* magnitudes that grow: the bins have to, again and again */
        x[i] = (float)((dlx__rng_uniform(&rng) - 0.4) * (double)(i * i + 1));
    }
    dlx__histogram whole, pieces, part;
    dlx__histogram_init(&whole, 64, NULL);
    add(&whole, x, N);
    for (size_t step = 1; step < 200; step = step * 3 + 1) {
        dlx__histogram_init(&pieces, 64, NULL);
        dlx__histogram_init(&part, 64, NULL);
        for (size_t i = 0; i < N; i += step)
            add(&pieces, x + i, dlx__min(step, N - i));
        assert_same(&pieces, &whole);
        dlx__histogram_reset(&pieces);
        for (size_t i = 0; i < N; i += step) { /* each piece in one of two, joined at the end */
            size_t at = (N - 1) / step * step - i;
            add(i / step % 3 ? &pieces : &part, x + at, dlx__min(step, N - at));
        }
        assert_true(dlx__histogram_reserve(&pieces, part.range));
        dlx__histogram_merge(&pieces, &part);
        assert_same(&pieces, &whole);
        dlx__histogram_release(&pieces);
        dlx__histogram_release(&part);
    }
    dlx__histogram_release(&whole);
}

/* The numbers 0 to 9999, each once. */
static void cuts_of_a_uniform_distribution(void **state)
{
    (void)state;
    dlx__histogram h;
    dlx__histogram_init(&h, 2048, NULL);
    for (int i = 0; i < 10000; i++)
        add(&h, &(float){(float)i}, 1);
    assert_int_equal(h.exponent, 3); /* bins of 8 */
    dlx__range r = dlx__histogram_cut(&h, 0.0);
    assert_true(r.min == 0.0f && r.max == 9999.0f);
    r = dlx__histogram_cut(&h, 0.01);
    assert_float_equal(r.min, 100.0f, 1.0f);
    assert_float_equal(r.max, 9899.0f, 1.0f);
    r = dlx__histogram_cut(&h, 0.5);
    assert_float_equal(r.min, 5000.0f, 1.0f);
    assert_true(r.max >= r.min);
    dlx__histogram_release(&h);
}

static void runs_with_a_stride(void **state)
{
    (void)state;
    const float x[] = {1, 2, 90, 3, 4, 91}; /* [2, 3] */
    dlx__histogram h;
    dlx__histogram_init(&h, 4, NULL);
    assert_true(dlx__histogram_reserve(&h, (dlx__range){1, 4}));
    dlx__histogram_add(&h, (dlx__range){1, 4}, x, 2, 2, 3);
    assert_int_equal(h.n_values, 4);
    assert_memory_equal(h.counts, ((const uint64_t[]){1, 1, 1, 1}), 4 * 8);
    dlx__histogram_release(&h);
}

static void no_memory_changes_nothing(void **state)
{
    (void)state;
    failing_mem f;
    failing_mem_init(&f, 2);
    dlx__histogram h, same;
    dlx__histogram_init(&h, 1024, &f.mem);
    dlx__histogram_init(&same, 1024, NULL);
    add(&h, (const float[]){1, 1}, 2);
    add(&same, (const float[]){1, 1}, 2);
    assert_false(dlx__histogram_reserve(&h, (dlx__range){0.001f, 2}));
    assert_same(&h, &same);
    dlx__histogram_release(&h);
    dlx__histogram_release(&same);
    assert_int_equal(f.n_alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_merge),       cmocka_unit_test(bins_of_odd_ranges),
        cmocka_unit_test(pieces_equal_the_whole), cmocka_unit_test(cuts_of_a_uniform_distribution),
        cmocka_unit_test(runs_with_a_stride),     cmocka_unit_test(no_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
