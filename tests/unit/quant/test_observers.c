// labels: quick
/*
 * test_observers.c - each kind of observer by numbers computed by hand, in pieces and in shards;
 * refusals, and every allocation that fails. original_* have the settings of the observers of the
 * Python original.
 */
#include "base/rng.h"
#include "failing_mem.h"
#include "quant/clip_search.h"
#include "quant/observers.h"
#include "unit.h"

static const dlx__affine_grid int8 = {0}, int8_symmetric = {.symmetric = true};

static void init(dlx__observer *o, dlx__observer_spec spec, size_t n_channels)
{
    dlx_error err;
    assert_ok(dlx__observer_init(o, &spec, n_channels, NULL, &err), &err);
}

static void add(dlx__observer *o, const float *x, size_t n_rows)
{
    dlx_error err;
    assert_ok(dlx__observer_add(o, x, n_rows, &err), &err);
}

static dlx__range range(const dlx__observer *o, size_t g)
{
    dlx__range r = {0, 0};
    dlx_error err;
    assert_ok(dlx__observer_range(o, g, int8, &r, &err), &err);
    return r;
}

static void assert_range(const dlx__observer *o, size_t g, float min, float max)
{
    dlx__range r = range(o, g);
    if (r.min != min || r.max != max)
        fail_msg("expected %g to %g, found %g to %g", min, max, r.min, r.max);
}

/* Everything that was seen, bit by bit. */
static void assert_same(const dlx__observer *a, const dlx__observer *b)
{
    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->n_batches, b->n_batches);
    assert_memory_equal(a->ranges, b->ranges, a->n_groups * sizeof *a->ranges);
    if (a->squares)
        assert_memory_equal(a->squares, b->squares, a->n_channels * sizeof *a->squares);
    for (size_t g = 0; a->histograms && g < a->n_groups; g++) {
        const dlx__histogram *h = &a->histograms[g], *k = &b->histograms[g];
        assert_int_equal(h->exponent, k->exponent);
        assert_int_equal(h->first, k->first);
        assert_int_equal(h->n, k->n);
        assert_int_equal(h->n_values, k->n_values);
        assert_memory_equal(h->counts, k->counts, h->n * sizeof *h->counts);
    }
}

/* ---- the kinds ------------------------------------------------------------------------------- */

static const float ROWS[] = {1, -2, 3, 4, 0, 5, -6, 8}; /* [2, 4] */

static void minmax_by_hand(void **state)
{
    (void)state;
    dlx__observer o;
    init(&o, (dlx__observer_spec){.group = 0}, 4);
    add(&o, ROWS, 2);
    assert_int_equal(o.n_groups, 1);
    assert_range(&o, 0, -6, 8);
    dlx__observer_release(&o);
    init(&o, (dlx__observer_spec){.group = 1}, 4);
    add(&o, ROWS, 2);
    const float mins[] = {0, -2, -6, 4}, maxs[] = {1, 5, 3, 8};
    for (size_t g = 0; g < 4; g++)
        assert_range(&o, g, mins[g], maxs[g]);
    dlx__observer_release(&o);
    init(&o, (dlx__observer_spec){.group = 2}, 4);
    add(&o, ROWS, 1);
    assert_range(&o, 0, -2, 1);
    assert_range(&o, 1, 3, 4);
    add(&o, ROWS + 4, 1);
    assert_range(&o, 0, -2, 5);
    assert_range(&o, 1, -6, 8);
    dlx__observer_release(&o);
}

static void moving_average_by_hand(void **state)
{
    (void)state;
    dlx__observer o;
    init(&o, (dlx__observer_spec){.kind = DLX__OBSERVER_MOVING_AVERAGE, .momentum = 0.25f}, 4);
    add(&o, ROWS, 1); /* -2 to 4: the first batch as it is */
    assert_range(&o, 0, -2, 4);
    add(&o, ROWS + 4, 1); /* -6 to 8: a quarter of the way */
    assert_range(&o, 0, -3, 5);
    add(&o, ROWS, 0); /* no rows are no batch */
    assert_range(&o, 0, -3, 5);
    add(&o, ROWS, 2);
    assert_range(&o, 0, -3.75f, 5.75f);
    assert_int_equal(o.n_batches, 3);
    dlx__observer_release(&o);
}

/* 10000 values, 8 of them far out: 99.9 % of the values are from -1 to 1. */
static void percentile_by_hand(void **state)
{
    (void)state;
    enum { N = 10000 };
    static float x[N];
    for (int i = 0; i < N; i++)
        x[i] = (float)(i % 2001 - 1000) / 1000;
    for (int i = 0; i < 4; i++) {
        x[i * 1000] = 1.5f;
        x[i * 1000 + 500] = -1.5f;
    }
    dlx__observer o;
    init(&o, (dlx__observer_spec){.kind = DLX__OBSERVER_PERCENTILE, .n_bins = 4096}, 1);
    add(&o, x, N);
    dlx__range r = range(&o, 0);
    assert_float_equal(r.min, -1.0f, 0.001f);
    assert_float_equal(r.max, 1.0f, 0.001f);
    dlx__observer_release(&o);
    init(&o, (dlx__observer_spec){.kind = DLX__OBSERVER_PERCENTILE, .percentile = 100}, 1);
    add(&o, x, N);
    assert_range(&o, 0, -1.5f, 1.5f);
    dlx__observer_release(&o);
    init(&o, (dlx__observer_spec){.kind = DLX__OBSERVER_PERCENTILE, .percentile = 50}, 1);
    add(&o, x, N);
    r = range(&o, 0);
    assert_float_equal(r.min, -0.5f, 0.005f);
    assert_float_equal(r.max, 0.5f, 0.005f);
    dlx__observer_release(&o);
}

/* What the mse observer is for: heavy tails, in one of two groups. */
static void mse_beats_minmax_on_heavy_tails(void **state)
{
    (void)state;
    enum { N = 4000 };
    static float x[2 * N];
    dlx__rng rng;
    dlx__rng_seed(&rng, 11);
    for (int i = 0; i < N; i++) {
        double u = 2 * dlx__rng_uniform(&rng) - 1;
        x[2 * i] = (float)copysign(log(1 - fabs(u)), u); /* Laplace */
        x[2 * i + 1] = (float)u;
    }
    const dlx__affine_grid grid = {.bits = 4, .symmetric = true};
    dlx__observer o;
    init(&o, (dlx__observer_spec){.kind = DLX__OBSERVER_MSE, .group = 1}, 2);
    add(&o, x, N);
    for (size_t g = 0; g < 2; g++) {
        dlx__affine best, all = dlx__affine_of(grid, o.ranges[g]);
        dlx_error err;
        assert_ok(dlx__observer_affine(&o, g, grid, &best, &err), &err);
        double ours = 0, theirs = 0;
        for (int i = 0; i < N; i++) {
            float v = x[2 * (size_t)i + g];
            ours += pow(v - dlx__affine_dequantize(&best, dlx__affine_quantize(&best, v)), 2);
            theirs += pow(v - dlx__affine_dequantize(&all, dlx__affine_quantize(&all, v)), 2);
        }
        assert_true(g == 0 ? ours < 0.7 * theirs : ours <= 1.01 * theirs);
    }
    dlx__observer_release(&o);
}

static void mean_squares_by_hand(void **state)
{
    (void)state;
    dlx__observer o;
    dlx_error err;
    double out[4];
    init(&o, (dlx__observer_spec){.squares = true}, 4);
    add(&o, ROWS, 2);
    assert_ok(dlx__observer_mean_squares(&o, out, &err), &err);
    const double expected[] = {0.5, 14.5, 22.5, 40};
    assert_memory_equal(out, expected, sizeof out);
    dlx__observer_release(&o);
    init(&o, (dlx__observer_spec){.squares = false}, 4);
    assert_int_equal(dlx__observer_mean_squares(&o, out, &err), DLX_E_ARG);
    add(&o, ROWS, 2);
    assert_int_equal(dlx__observer_mean_squares(&o, out, &err), DLX_E_ARG);
    assert_says(&err, "expected an observer with squares");
    dlx__observer_release(&o);
}

/* ---- pieces and shards ----------------------------------------------------------------------- */

enum { ROWS_OF_DATA = 300, CHANNELS = 6 };

static const float *data(void)
{
    static float x[ROWS_OF_DATA * CHANNELS];
    dlx__rng rng;
    dlx__rng_seed(&rng, 5);
    for (size_t i = 0; i < DLX__LEN(x); i++)
        x[i] = (float)((dlx__rng_uniform(&rng) - 0.3) * (double)(i + 1));
    x[17] = -0.0f;
    return x;
}

/* All kinds, all granularities: specs for CHANNELS channels. */
static size_t all_specs(dlx__observer_spec *out)
{
    const size_t groups[] = {0, 1, 2, 3};
    size_t n = 0;
    for (int kind = 0; kind < DLX__N_OBSERVER_KINDS; kind++)
        for (size_t i = 0; i < DLX__LEN(groups); i++)
            out[n++] = (dlx__observer_spec){
                .kind = (dlx__observer_kind)kind, .group = groups[i], .squares = i % 2 == 1};
    return n;
}

static void calls_of_any_length_give_the_same_bits(void **state)
{
    (void)state;
    dlx__observer_spec specs[16];
    const float *x = data(); /* [ROWS_OF_DATA, CHANNELS] */
    for (size_t s = 0, n = all_specs(specs); s < n; s++) {
        if (specs[s].kind == DLX__OBSERVER_MOVING_AVERAGE)
            continue; /* there a call is a batch */
        dlx__observer whole, pieces;
        init(&whole, specs[s], CHANNELS);
        init(&pieces, specs[s], CHANNELS);
        add(&whole, x, ROWS_OF_DATA);
        for (size_t step = 1; step < 100; step = step * 3 + 1) {
            dlx__observer_reset(&pieces);
            for (size_t i = 0; i < ROWS_OF_DATA; i += step)
                add(&pieces, x + i * CHANNELS, dlx__min(step, ROWS_OF_DATA - i));
            assert_same(&pieces, &whole);
        }
        dlx__observer_release(&whole);
        dlx__observer_release(&pieces);
    }
}

/* Shards equal the whole, in either order; an empty one changes nothing. */
static void merged_shards_equal_the_whole(void **state)
{
    (void)state;
    dlx__observer_spec specs[16];
    const float *x = data(); /* [ROWS_OF_DATA, CHANNELS] */
    for (size_t s = 0, n = all_specs(specs); s < n; s++) {
        if (specs[s].kind == DLX__OBSERVER_MOVING_AVERAGE)
            continue;
        specs[s].squares = false; /* sums of shards are rounded in another order */
        dlx__observer whole, shards[3];
        dlx_error err;
        init(&whole, specs[s], CHANNELS);
        add(&whole, x, ROWS_OF_DATA);
        for (size_t i = 0; i < 3; i++)
            init(&shards[i], specs[s], CHANNELS);
        add(&shards[1], x + 100 * CHANNELS, ROWS_OF_DATA - 100);
        add(&shards[2], x, 100);
        assert_ok(dlx__observer_merge(&shards[0], &shards[1], &err), &err);
        assert_same(&shards[0], &shards[1]);
        assert_ok(dlx__observer_merge(&shards[0], &shards[2], &err), &err);
        assert_same(&shards[0], &whole);
        assert_ok(dlx__observer_merge(&shards[2], &shards[1], &err), &err);
        assert_same(&shards[2], &whole);
        dlx__observer_reset(&shards[1]);
        assert_ok(dlx__observer_merge(&shards[2], &shards[1], &err), &err);
        assert_same(&shards[2], &whole);
        for (size_t i = 0; i < 3; i++)
            dlx__observer_release(&shards[i]);
        dlx__observer_release(&whole);
    }
}

static void merged_squares_are_sums(void **state)
{
    (void)state;
    dlx__observer a, b;
    dlx_error err;
    double out[4];
    init(&a, (dlx__observer_spec){.squares = true}, 4);
    init(&b, (dlx__observer_spec){.squares = true}, 4);
    add(&a, ROWS, 1);
    add(&b, ROWS + 4, 1);
    assert_ok(dlx__observer_merge(&a, &b, &err), &err);
    assert_ok(dlx__observer_mean_squares(&a, out, &err), &err);
    assert_true(out[0] == 0.5 && out[1] == 14.5 && out[2] == 22.5 && out[3] == 40);
    dlx__observer_release(&a);
    dlx__observer_release(&b);
}

/* Weighted by batches: 3 batches at 0 to 4 and 1 at -8 to 8 make -2 to 5. Not what one would see.
 */
static void merged_averages_are_weighted(void **state)
{
    (void)state;
    const dlx__observer_spec spec = {.kind = DLX__OBSERVER_MOVING_AVERAGE, .momentum = 0.5f};
    dlx__observer a, b, c, whole;
    dlx_error err;
    init(&a, spec, 2);
    init(&b, spec, 2);
    init(&c, spec, 2);
    init(&whole, spec, 2);
    for (int i = 0; i < 3; i++) {
        add(&a, (const float[]){0, 4}, 1);
        add(&whole, (const float[]){0, 4}, 1);
    }
    add(&b, (const float[]){-8, 8}, 1);
    add(&whole, (const float[]){-8, 8}, 1);
    assert_ok(dlx__observer_merge(&c, &b, &err), &err);
    assert_same(&c, &b);
    assert_ok(dlx__observer_merge(&c, &a, &err), &err);
    assert_ok(dlx__observer_merge(&a, &b, &err), &err);
    assert_range(&a, 0, -2, 5);
    assert_same(&c, &a); /* in either order */
    assert_int_equal(a.n_batches, 4);
    assert_range(&whole, 0, -4, 6);
    dlx__observer_release(&a);
    dlx__observer_release(&b);
    dlx__observer_release(&c);
    dlx__observer_release(&whole);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void unsound_specs_are_refused(void **state)
{
    (void)state;
    const struct {
        dlx__observer_spec spec;
        size_t n_channels;
        const char *words;
    } cases[] = {
        {{.kind = DLX__N_OBSERVER_KINDS}, 4, "a kind of observer from 0 to 3, found 4"},
        {{.group = 1}, 0, "from 1 to 16777216 channels"},
        {{.group = 1}, SIZE_MAX, "from 1 to 16777216 channels"},
        {{.group = 3}, 4, "divide 4 channels, found groups of 3"},
        {{.group = SIZE_MAX}, 4, "divide 4 channels"},
        {{.momentum = 0.1f}, 4, "a minmax observer has no momentum"},
        {{.n_bins = 8}, 4, "a minmax observer has no number of bins"},
        {{.percentile = 99}, 4, "a minmax observer has no percentile"},
        {{.kind = DLX__OBSERVER_MSE, .percentile = 99}, 4, "a mse observer has no percentile"},
        {{.kind = DLX__OBSERVER_MSE, .n_bins = 1}, 4, "from 2 to 65536, found 1"},
        {{.kind = DLX__OBSERVER_MSE, .n_bins = 1 << 17}, 4, "from 2 to 65536"},
        {{.kind = DLX__OBSERVER_MOVING_AVERAGE, .momentum = -1}, 4, "momentum"},
        {{.kind = DLX__OBSERVER_MOVING_AVERAGE, .momentum = NAN}, 4, "momentum"},
        {{.kind = DLX__OBSERVER_PERCENTILE, .percentile = 100.5f},
         4,
         "from 50 to 100, found 100.5"},
        {{.kind = DLX__OBSERVER_PERCENTILE, .percentile = 0.999f}, 4, "from 50 to 100"},
    };
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx__observer o;
        dlx_error err;
        assert_int_equal(dlx__observer_init(&o, &cases[i].spec, cases[i].n_channels, NULL, &err),
                         DLX_E_ARG);
        assert_says(&err, cases[i].words);
    }
}

/* ... and leave the observer as it was. */
static void numbers_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    dlx__observer_spec specs[16];
    for (size_t s = 0, n = all_specs(specs); s < n; s++) {
        for (size_t i = 0; i < DLX__LEN(bad); i++) {
            float x[2 * CHANNELS] = {0};
            x[CHANNELS + 4] = bad[i];
            dlx__observer o, same;
            dlx_error err;
            init(&o, specs[s], CHANNELS);
            init(&same, specs[s], CHANNELS);
            add(&o, data(), 2);
            add(&same, data(), 2);
            assert_int_equal(dlx__observer_add(&o, x, 2, &err), DLX_E_ARG);
            assert_says(&err, i == 0 ? "found NaN in row 1, channel 4" : "found infinity in row 1");
            assert_same(&o, &same);
            dlx__observer_release(&o);
            dlx__observer_release(&same);
        }
    }
}

static void questions_without_an_answer_are_refused(void **state)
{
    (void)state;
    dlx__observer o;
    dlx__range r;
    dlx__affine a;
    dlx_error err;
    init(&o, (dlx__observer_spec){.group = 2}, 4);
    o.name = "layers.0.attn.q";
    assert_int_equal(dlx__observer_range(&o, 0, int8, &r, &err), DLX_E_ARG);
    assert_says(&err, "layers.0.attn.q: expected activations before a range is asked for");
    add(&o, ROWS, 0);
    assert_int_equal(dlx__observer_affine(&o, 0, int8, &a, &err), DLX_E_ARG);
    add(&o, ROWS, 2);
    assert_int_equal(dlx__observer_range(&o, 2, int8, &r, &err), DLX_E_ARG);
    assert_says(&err, "a group below 2, found 2");
    dlx__affine_grid wide = {.bits = 32};
    assert_int_equal(dlx__observer_range(&o, 0, wide, &r, &err), DLX_E_ARG);
    assert_says(&err, "from 2 to 16, found 32");
    dlx__observer_reset(&o);
    assert_int_equal(dlx__observer_range(&o, 0, int8, &r, &err), DLX_E_ARG);
    dlx__observer_release(&o);
}

static void observers_that_differ_are_not_merged(void **state)
{
    (void)state;
    const struct {
        dlx__observer_spec a, b;
        const char *words;
    } cases[] = {
        {{.group = 1}, {.group = 2}, "equal channels in a group in both observers, found 1 and 2"},
        {{.kind = DLX__OBSERVER_MSE}, {.group = 0}, "of one kind, found mse and minmax"},
        {{.kind = DLX__OBSERVER_MSE}, {.kind = DLX__OBSERVER_MSE, .n_bins = 64}, "equal bins"},
        {{.squares = true}, {.squares = false}, "equal sums of squares"},
        {{.kind = DLX__OBSERVER_MOVING_AVERAGE},
         {.kind = DLX__OBSERVER_MOVING_AVERAGE, .momentum = 0.5f},
         "equal momentum in both observers, found 0.00999999978 and 0.5"},
        {{.kind = DLX__OBSERVER_PERCENTILE},
         {.kind = DLX__OBSERVER_PERCENTILE, .percentile = 99},
         "equal percentile"},
    };
    dlx__observer a, b;
    dlx_error err;
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        init(&a, cases[i].a, 4);
        init(&b, cases[i].b, 4);
        assert_int_equal(dlx__observer_merge(&a, &b, &err), DLX_E_MISMATCH);
        assert_says(&err, cases[i].words);
        dlx__observer_release(&a);
        dlx__observer_release(&b);
    }
    init(&a, (dlx__observer_spec){.group = 1}, 4);
    init(&b, (dlx__observer_spec){.group = 1}, 5);
    assert_int_equal(dlx__observer_merge(&a, &b, &err), DLX_E_MISMATCH);
    assert_says(&err, "equal channels in both observers, found 4 and 5");
    dlx__observer_release(&b);
    init(&b, (dlx__observer_spec){.group = 1}, 4);
    add(&a, ROWS, 1);
    add(&b, ROWS, 1);
    b.n_rows = DLX__OBSERVER_MAX_VALUES;
    assert_int_equal(dlx__observer_merge(&a, &b, &err), DLX_E_FULL);
    assert_int_equal(dlx__observer_add(&b, ROWS, 1, &err), DLX_E_FULL);
    assert_says(&err, "expected at most 4503599627370496 rows");
    dlx__observer_release(&a);
    dlx__observer_release(&b);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Every observer through its life; a failure leaves it as it was. */
static dlx_result live(const dlx__observer_spec *spec, const dlx_allocator *mem)
{
    dlx__observer o, other, same;
    dlx_error err = {.text = ""};
    const float *x = data(); /* [ROWS_OF_DATA, CHANNELS] */
    init(&same, *spec, CHANNELS);
    init(&other, *spec, CHANNELS);
    add(&same, x, 1);
    add(&other, x + 9 * CHANNELS, 9);
    dlx_result r = dlx__observer_init(&o, spec, CHANNELS, mem, &err);
    if (r == DLX_OK) {
        r = dlx__observer_add(&o, x, 1, &err);
        if (r == DLX_OK)
            r = dlx__observer_merge(&o, &other, &err);
        if (r != DLX_OK && o.n_rows)
            assert_same(&o, &same);
        dlx__observer_release(&o);
    }
    dlx__observer_release(&same);
    dlx__observer_release(&other);
    if (r != DLX_OK)
        assert_says(&err, "out of memory");
    return r;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    dlx__observer_spec specs[16];
    for (size_t s = 0, n = all_specs(specs); s < n; s++) {
        dlx_result r = DLX_E_NOMEM;
        for (size_t at = 1; r != DLX_OK; at++) {
            failing_mem f;
            failing_mem_init(&f, at);
            r = live(&specs[s], &f.mem);
            assert_true(r == DLX_OK || r == DLX_E_NOMEM);
            assert_int_equal(f.n_alive, 0);
            assert_true(at < 200);
        }
    }
}

/* ---- the original ---------------------------------------------------------------------------- */

static dlx__affine affine(const dlx__observer *o, size_t g, dlx__affine_grid grid)
{
    dlx__affine a = {0};
    dlx_error err;
    assert_ok(dlx__observer_affine(o, g, grid, &a, &err), &err);
    return a;
}

/* Its default: activations per tensor, affine; reduced range means seven bits. */
static void original_default_is_minmax_per_tensor_affine(void **state)
{
    (void)state;
    dlx__observer o;
    init(&o, (dlx__observer_spec){0}, 4);
    add(&o, ROWS, 2);
    dlx__affine a = affine(&o, 0, int8);
    assert_float_equal(a.scale, 14.0f / 255, 1e-8f);
    assert_int_equal(a.zero_point, -128 + 109);
    a = affine(&o, 0, (dlx__affine_grid){.bits = 7});
    assert_float_equal(a.scale, 14.0f / 127, 1e-8f);
    assert_int_equal(a.q_min, -64);
    dlx__observer_release(&o);
}

/* Its observer per channel: symmetric, along the last axis. */
static void original_per_channel_is_symmetric(void **state)
{
    (void)state;
    dlx__observer o;
    init(&o, (dlx__observer_spec){.group = 1}, 4);
    add(&o, ROWS, 2);
    const float widest[] = {1, 5, 6, 8};
    for (size_t g = 0; g < 4; g++) {
        dlx__affine a = affine(&o, g, int8_symmetric);
        assert_float_equal(a.scale, widest[g] / 127, 1e-8f);
        assert_int_equal(a.zero_point, 0);
    }
    dlx__observer_release(&o);
}

/* Its moving average: an averaging constant of 0.01. */
static void original_moving_average_constant(void **state)
{
    (void)state;
    dlx__observer o;
    init(&o, (dlx__observer_spec){.kind = DLX__OBSERVER_MOVING_AVERAGE}, 2);
    assert_true(o.spec.momentum == 0.01f);
    add(&o, (const float[]){0, 100}, 1);
    add(&o, (const float[]){-100, 200}, 1);
    assert_float_equal(range(&o, 0).min, -1.0f, 1e-5f);
    assert_float_equal(range(&o, 0).max, 101.0f, 1e-4f);
    dlx__observer_release(&o);
}

/* There, static and dynamic schemes never looked at activations: their ranges did not matter. */
static void c20_ranges_follow_what_was_observed(void **state)
{
    (void)state;
    dlx__observer_spec specs[16];
    for (size_t s = 0, n = all_specs(specs); s < n; s++) {
        dlx__observer narrow, wide;
        float x[3 * CHANNELS], ten[3 * CHANNELS];
        for (size_t i = 0; i < DLX__LEN(x); i++) {
            x[i] = data()[i];
            ten[i] = 10 * x[i];
        }
        init(&narrow, specs[s], CHANNELS);
        init(&wide, specs[s], CHANNELS);
        add(&narrow, x, 3);
        add(&wide, ten, 3);
        for (size_t g = 0; g < narrow.n_groups; g++) {
            float ratio = affine(&wide, g, int8).scale / affine(&narrow, g, int8).scale;
            assert_float_equal(ratio, 10.0f, 0.5f);
        }
        dlx__observer_release(&narrow);
        dlx__observer_release(&wide);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minmax_by_hand),
        cmocka_unit_test(moving_average_by_hand),
        cmocka_unit_test(percentile_by_hand),
        cmocka_unit_test(mse_beats_minmax_on_heavy_tails),
        cmocka_unit_test(mean_squares_by_hand),
        cmocka_unit_test(calls_of_any_length_give_the_same_bits),
        cmocka_unit_test(merged_shards_equal_the_whole),
        cmocka_unit_test(merged_squares_are_sums),
        cmocka_unit_test(merged_averages_are_weighted),
        cmocka_unit_test(unsound_specs_are_refused),
        cmocka_unit_test(numbers_that_are_not_finite_are_refused),
        cmocka_unit_test(questions_without_an_answer_are_refused),
        cmocka_unit_test(observers_that_differ_are_not_merged),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(original_default_is_minmax_per_tensor_affine),
        cmocka_unit_test(original_per_channel_is_symmetric),
        cmocka_unit_test(original_moving_average_constant),
        cmocka_unit_test(c20_ranges_follow_what_was_observed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
