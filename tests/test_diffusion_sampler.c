/*
 * The diffusion sampler as a whole: shift, confidence, temperature, filters, draws, and proposals
 * over a backend that serves given logits. Named as in the original system, whose sampler tests
 * these follow, in their right reading (the entropy sign, the shift of SDAR and the shift's first
 * row were wrong there).
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/sampler/confidence.h"
#include "runtime/sampler/propose.h"
#include "runtime/sampler/shift.h"

enum { V = 5, MAX_ROWS = 8, MAX_V = 64 };

/* ---- a backend whose head serves given logits -------------------------------------------------
 */

static float given[MAX_ROWS][MAX_V];
static size_t given_v = V;
static size_t n_heads;

static dlx__row_stat stat_of(const float *logits, const dlx__head *in)
{
    float z[MAX_V];
    memcpy(z, logits, given_v * sizeof *z);
    for (size_t i = 0; i < in->n_suppress; i++)
        z[in->suppress[i]] = -INFINITY;
    size_t n = in->n_ids ? in->n_ids : given_v;
    dlx__row_stat s = {.finite = dlx__logits_finite(z, n)};
    s.best = dlx__argmax(z, n);
    dlx__confidence c = dlx__compute_confidence(z, n, s.best);
    s.logit = z[s.best];
    s.prob = c.prob;
    s.margin = c.margin;
    s.neg_entropy = c.neg_entropy;
    return s;
}

static dlx_result head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    (void)b;
    (void)err;
    n_heads++;
    for (size_t i = 0; i < in->n; i++) {
        if (in->stats)
            in->stats[i] = stat_of(given[in->rows[i]], in);
        if (in->logits)
            memcpy(in->logits + i * given_v, given[in->rows[i]], given_v * sizeof(float));
    }
    return DLX_OK;
}

static const dlx__backend_class backend = {.name = "given", .head = head};

static dlx__row_stat stats[MAX_ROWS];
static float logits[DLX__PROPOSE_ROWS * MAX_V], filtered[MAX_V];
static uint32_t heap[MAX_V];
static dlx__proposer p;
static dlx__candidate out[MAX_ROWS];
static dlx_error err;

static int setup(void **state)
{
    (void)state;
    given_v = V;
    n_heads = 0;
    memset(given, 0, sizeof given);
    const float rows[3][V] = {{0, 1, 2, 3, 4}, {4, 0, 0, 0, 0}, {1, 1, 2, 2, 0}};
    for (size_t i = 0; i < 3; i++)
        memcpy(given[i], rows[i], sizeof rows[i]);
    p = (dlx__proposer){.class = &backend,
                        .n_rows_vocab = V,
                        .n_ids = V,
                        .filter = {.top_p = 1.0},
                        .stats = stats,
                        .logits = logits,
                        .filtered = filtered,
                        .heap = heap};
    return 0;
}

static const size_t places[MAX_ROWS] = {0, 1, 2, 3, 4, 5, 6, 7};

static dlx_result try_propose(size_t n, dlx__measure measure, size_t pass)
{
    dlx__proposal in = {
        .rows = places, .positions = places, .n = n, .measure = measure, .pass = pass};
    return dlx__propose(&p, &in, out, &err);
}

static void propose(size_t n, dlx__measure measure)
{
    assert_ok(try_propose(n, measure, 0), &err);
}

static void close_to(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("expected %.9g, got %.9g", want, got);
}

static double softmax(const float *z, size_t n, size_t id)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)z[i] - (double)z[id]);
    return 1.0 / sum;
}

/* ---- shift_logits ------------------------------------------------------------------------------
 */

static void test_shift_moves_right(void **state)
{
    (void)state;
    size_t rows[] = {10, 11, 12, 15};
    const size_t want[] = {0, 0, 1, 4}; /* row 0 keeps its own */
    dlx__shift_logits(true, rows, 4, 10);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rows[i], want[i]);
}

static void test_no_shift_is_identity(void **state)
{
    (void)state;
    size_t rows[] = {10, 11, 15};
    dlx__shift_logits(false, rows, 3, 10);
    assert_int_equal(rows[0], 0);
    assert_int_equal(rows[1], 1);
    assert_int_equal(rows[2], 5);
}

static void test_shift_of_one_and_of_none(void **state)
{
    (void)state;
    size_t row[] = {0};
    dlx__shift_logits(true, row, 1, 0);
    assert_int_equal(row[0], 0);
    dlx__shift_logits(true, row, 0, 0);
    assert_int_equal(dlx__shift_row(true, 0), 0);
    assert_int_equal(dlx__shift_row(true, 4096), 4095);
    assert_int_equal(dlx__shift_row(false, 4096), 4096);
}

/* ---- compute_confidence ------------------------------------------------------------------------
 */

static void test_confidence_is_the_softmax(void **state)
{
    (void)state;
    const float z[V] = {0.3f, -1.2f, 4.0f, 3.9f, 0.0f};
    for (size_t id = 0; id < V; id++)
        close_to((double)dlx__compute_confidence(z, V, (dlx_token)id).prob, softmax(z, V, id),
                 1e-6);
}

static void test_confidence_margin_and_entropy(void **state)
{
    (void)state;
    const float z[] = {logf(0.5f), logf(0.3f), logf(0.2f)};
    dlx__confidence c = dlx__compute_confidence(z, 3, 0);
    close_to((double)c.margin, 0.2, 1e-6);
    close_to((double)c.neg_entropy, 0.5 * log(0.5) + 0.3 * log(0.3) + 0.2 * log(0.2), 1e-6);
    const float flat[3] = {1, 1, 1};
    dlx__confidence u = dlx__compute_confidence(flat, 3, 1);
    close_to((double)u.margin, 0.0, 1e-9);      /* two equal best: no margin */
    assert_true(c.neg_entropy > u.neg_entropy); /* the surer row ranks higher */
}

static void test_confidence_of_extremes(void **state)
{
    (void)state;
    const float large[] = {1e30f, -1e30f, 0.0f};
    close_to((double)dlx__compute_confidence(large, 3, 0).prob, 1.0, 0.0);
    close_to((double)dlx__compute_confidence(large, 3, 1).prob, 0.0, 0.0);
    const float low[] = {-1e30f, -1e30f};
    close_to((double)dlx__compute_confidence(low, 2, 0).prob, 0.5, 1e-7);
    const float tiny[] = {1e-30f, 0.0f};
    close_to((double)dlx__compute_confidence(tiny, 2, 0).prob, 0.5, 1e-7);
    const float removed[] = {-INFINITY, 2.0f};
    dlx__confidence c = dlx__compute_confidence(removed, 2, 1);
    close_to((double)c.prob, 1.0, 0.0);
    close_to((double)c.neg_entropy, 0.0, 1e-7);
    close_to((double)dlx__compute_confidence(removed, 2, 0).prob, 0.0, 0.0);
}

static void test_argmax_ties_to_the_lower_id(void **state)
{
    (void)state;
    const float z[] = {1, 3, 3, 2};
    assert_int_equal(dlx__argmax(z, 4), 1);
    assert_int_equal(dlx__argmax(z, 1), 0);
}

static void test_finite(void **state)
{
    (void)state;
    const float ok[] = {0.0f, -INFINITY}, nan[] = {0.0f, NAN}, inf[] = {INFINITY, 0.0f};
    const float none[] = {-INFINITY, -INFINITY};
    assert_true(dlx__logits_finite(ok, 2));
    assert_false(dlx__logits_finite(nan, 2));
    assert_false(dlx__logits_finite(inf, 2));
    assert_false(dlx__logits_finite(none, 2));
}

/* ---- proposals ---------------------------------------------------------------------------------
 */

static void test_greedy_proposals(void **state)
{
    (void)state;
    propose(3, DLX__MEASURE_PROB);
    const dlx_token best[] = {4, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(out[i].id, best[i]);
        assert_int_equal(out[i].pos, i);
        close_to((double)out[i].conf, softmax(given[i], V, (size_t)best[i]), 1e-6);
        close_to(out[i].rank, (double)out[i].conf, 0.0);
    }
    assert_int_equal(n_heads, 1); /* one call of the head for all rows */
}

static void test_greedy_is_deterministic(void **state)
{
    (void)state;
    dlx__candidate first[3];
    propose(3, DLX__MEASURE_PROB);
    memcpy(first, out, sizeof first);
    for (uint64_t seed = 1; seed < 5; seed++) {
        p.draws.seed = seed;
        propose(3, DLX__MEASURE_PROB);
        for (size_t i = 0; i < 3; i++)
            assert_true(first[i].id == out[i].id && first[i].conf == out[i].conf);
    }
}

static void test_measures(void **state)
{
    (void)state;
    propose(3, DLX__MEASURE_MARGIN);
    close_to((double)out[2].conf, 0.0, 1e-6);
    close_to((double)out[0].conf, softmax(given[0], V, 4) - softmax(given[0], V, 3), 1e-6);
    propose(3, DLX__MEASURE_NEG_ENTROPY);
    assert_true(out[1].conf > out[2].conf && out[1].conf <= 0.0f);
    propose(3, DLX__MEASURE_DRAW);
    for (size_t i = 0; i < 3; i++)
        close_to((double)out[i].conf, (double)(float)dlx__draw_hash(0, DLX_DRAW_ORDER, 0, i, -1),
                 0.0);
}

static void test_no_rows_no_head(void **state)
{
    (void)state;
    propose(0, DLX__MEASURE_PROB);
    assert_int_equal(n_heads, 0);
}

static void test_suppressed_ids(void **state)
{
    (void)state;
    const dlx_token never[] = {0, 4};
    p.suppress = (dlx__id_list){never, 2};
    propose(3, DLX__MEASURE_PROB);
    assert_int_equal(out[0].id, 3);
    assert_int_equal(out[1].id, 1);
    p.filter.temperature = 1.0;
    for (size_t pass = 0; pass < 50; pass++) {
        assert_ok(try_propose(3, DLX__MEASURE_PROB, pass), &err);
        for (size_t i = 0; i < 3; i++)
            assert_true(out[i].id != 0 && out[i].id != 4);
    }
}

static void test_rows_beyond_the_vocabulary(void **state)
{
    (void)state;
    p.n_ids = 3;
    propose(1, DLX__MEASURE_PROB);
    assert_int_equal(out[0].id, 2);
    p.filter.temperature = 1.0;
    propose(1, DLX__MEASURE_PROB);
    assert_true(out[0].id < 3);
}

static void test_not_finite_is_a_sentence(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY};
    for (size_t i = 0; i < 4; i++) {
        given[1][2] = bad[i % 2];
        p.filter.temperature = i < 2 ? 0.0 : 1.0;
        assert_int_equal(try_propose(3, DLX__MEASURE_PROB, 0), DLX_E_BACKEND);
        assert_says(&err, "position 1 are not finite");
    }
    const dlx_token all[] = {0, 1, 2, 3, 4};
    p.suppress = (dlx__id_list){all, V};
    assert_int_equal(try_propose(1, DLX__MEASURE_PROB, 0), DLX_E_BACKEND);
}

/* ---- temperature -------------------------------------------------------------------------------
 */

static void test_tempered_probability(void **state)
{
    (void)state;
    p.filter.temperature = 0.5;
    propose(1, DLX__MEASURE_PROB);
    float z[V];
    for (size_t i = 0; i < V; i++)
        z[i] = given[0][i] / 0.5f;
    close_to((double)out[0].conf, softmax(z, V, (size_t)out[0].id), 1e-5);
}

static double mean_confidence(double temperature)
{
    double sum = 0.0;
    p.filter.temperature = temperature;
    for (size_t pass = 0; pass < 200; pass++) {
        assert_ok(try_propose(1, DLX__MEASURE_PROB, pass), &err);
        sum += (double)out[0].conf;
    }
    return sum / 200.0;
}

static void test_confidence_falls_with_temperature(void **state)
{
    (void)state;
    double before = 2.0;
    for (size_t i = 0; i < 5; i++) {
        const double t[] = {0.01, 0.5, 1.0, 2.0, 100.0};
        double c = mean_confidence(t[i]);
        assert_true(c > 0.0 && c <= 1.0 && c < before);
        before = c;
    }
    close_to(before, 1.0 / V, 0.05);
}

static size_t n_distinct(double temperature)
{
    bool seen[V] = {false};
    size_t n = 0;
    p.filter.temperature = temperature;
    for (size_t pass = 0; pass < 300; pass++) {
        assert_ok(try_propose(1, DLX__MEASURE_PROB, pass), &err);
        n += !seen[out[0].id];
        seen[out[0].id] = true;
    }
    return n;
}

static void test_diversity_rises_with_temperature(void **state)
{
    (void)state;
    assert_int_equal(n_distinct(1e-3), 1);
    assert_int_equal(n_distinct(1e-300), 1); /* nothing overflows */
    assert_int_equal(n_distinct(50.0), V);
}

/* ---- filters in proposals ----------------------------------------------------------------------
 */

static void test_top_k_bounds_the_draw(void **state)
{
    (void)state;
    p.filter = (dlx__filter){.temperature = 5.0, .top_k = 3, .top_p = 1.0};
    for (size_t pass = 0; pass < 200; pass++) {
        assert_ok(try_propose(1, DLX__MEASURE_PROB, pass), &err);
        assert_true(out[0].id >= 2);
    }
    p.filter.top_k = 999; /* more than there are: off */
    assert_int_equal(n_distinct(50.0), V);
}

static void test_tiny_top_p_keeps_one(void **state)
{
    (void)state;
    p.filter = (dlx__filter){.temperature = 5.0, .top_p = 1e-9};
    propose(3, DLX__MEASURE_PROB);
    assert_int_equal(out[0].id, 4);
    close_to((double)out[0].conf, 1.0, 0.0);
}

/* At temperature 0 Dream's filters still change the confidence; the other families' do not. */
static void test_greedy_filters(void **state)
{
    (void)state;
    p.filter = (dlx__filter){.top_k = 2, .top_p = 1.0};
    propose(1, DLX__MEASURE_PROB);
    double plain = softmax(given[0], V, 4);
    close_to((double)out[0].conf, plain, 1e-6);
    p.filters_greedily = true;
    propose(1, DLX__MEASURE_PROB);
    assert_int_equal(out[0].id, 4);
    close_to((double)out[0].conf, 1.0 / (1.0 + exp(-1.0)), 1e-6);
}

/* ---- LLaDA's noise and its options -------------------------------------------------------------
 */

static void test_gumbel_confidence_ignores_temperature(void **state)
{
    (void)state;
    p.gumbel_max = true;
    p.filter.temperature = 3.0;
    for (size_t pass = 0; pass < 20; pass++) {
        assert_ok(try_propose(1, DLX__MEASURE_PROB, pass), &err);
        close_to((double)out[0].conf, softmax(given[0], V, (size_t)out[0].id), 1e-6);
    }
}

/* Gumbel-max draws from softmax(logits / temperature). */
static void test_gumbel_distribution(void **state)
{
    (void)state;
    size_t n_best = 0;
    const size_t n = 4000;
    p.gumbel_max = true;
    p.filter.temperature = 2.0;
    for (size_t pass = 0; pass < n; pass++) {
        assert_ok(try_propose(1, DLX__MEASURE_PROB, pass), &err);
        n_best += out[0].id == 4;
    }
    float z[V];
    for (size_t i = 0; i < V; i++)
        z[i] = given[0][i] / 2.0f;
    close_to((double)n_best / (double)n, softmax(z, V, 4), 0.03);
}

static void test_unsure_ids(void **state)
{
    (void)state;
    const dlx_token unsure[] = {3, 4};
    p.unsure = (dlx__id_list){unsure, 2};
    for (size_t i = 0; i < 2; i++) {
        p.gumbel_max = true;
        p.filter.temperature = i == 0 ? 0.0 : 1e-6;
        propose(2, DLX__MEASURE_PROB);
        assert_int_equal(out[0].id, 4); /* still proposed, with no confidence at all */
        close_to((double)out[0].conf, 0.0, 0.0);
        assert_int_equal(out[1].id, 0);
        close_to((double)out[1].conf, softmax(given[1], 3, 0),
                 1e-6); /* renormalised without them */
    }
}

/* ---- alg_temp and draws ------------------------------------------------------------------------
 */

static double half(void *user, dlx_draw_kind kind, size_t pass, size_t position, dlx_token id)
{
    (void)user, (void)kind, (void)pass, (void)position, (void)id;
    return 0.5;
}

static void test_alg_temp_shuffles_ranks_only(void **state)
{
    (void)state;
    p.alg_temp = 0.2;
    p.draws.fn = half;
    dlx__proposal in = {.rows = places, .positions = places, .n = 2, .ranks_freely = true};
    assert_ok(dlx__propose(&p, &in, out, &err), &err);
    for (size_t i = 0; i < 2; i++)
        close_to(out[i].rank, (double)out[i].conf / 0.2 + dlx__draw_gumbel(0.5), 1e-9);
    in.ranks_freely = false;
    assert_ok(dlx__propose(&p, &in, out, &err), &err);
    close_to(out[0].rank, (double)out[0].conf, 0.0);
}

static void test_draws_are_named_by_their_place(void **state)
{
    (void)state;
    double base = dlx__draw_hash(1, DLX_DRAW_TOKEN, 2, 3, 4);
    assert_true(base == dlx__draw_hash(1, DLX_DRAW_TOKEN, 2, 3, 4));
    assert_true(base != dlx__draw_hash(2, DLX_DRAW_TOKEN, 2, 3, 4));
    assert_true(base != dlx__draw_hash(1, DLX_DRAW_ORDER, 2, 3, 4));
    assert_true(base != dlx__draw_hash(1, DLX_DRAW_TOKEN, 3, 2, 4));
    assert_true(base != dlx__draw_hash(1, DLX_DRAW_TOKEN, 2, 3, -1));
}

static void test_draws_are_uniform(void **state)
{
    (void)state;
    double sum = 0.0;
    size_t low = 0;
    const size_t n = 20000;
    for (size_t i = 0; i < n; i++) {
        double u = dlx__draw_hash(7, DLX_DRAW_TOKEN, i / 100, i % 100, -1);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
        low += u < 0.1;
    }
    close_to(sum / (double)n, 0.5, 0.01);
    close_to((double)low / (double)n, 0.1, 0.01);
}

static double user_value;

static double user_draw(void *user, dlx_draw_kind kind, size_t pass, size_t position, dlx_token id)
{
    (void)user, (void)kind, (void)pass, (void)position, (void)id;
    return user_value;
}

static void test_callers_draws_are_forced_into_range(void **state)
{
    (void)state;
    const double values[] = {-1.0, NAN, 1.0, 7.0, 0.25};
    const dlx__draws d = {.fn = user_draw};
    for (size_t i = 0; i < 5; i++) {
        user_value = values[i];
        double u = dlx__draw_uniform(&d, DLX_DRAW_TOKEN, 0, 0, -1);
        assert_true(u >= 0.0 && u < 1.0);
    }
    close_to(dlx__draw_uniform(&d, DLX_DRAW_TOKEN, 0, 0, -1), 0.25, 0.0);
}

static void test_categorical_draw(void **state)
{
    (void)state;
    const float z[] = {logf(0.25f), -INFINITY, logf(0.5f), logf(0.25f)};
    const double u[] = {0.0, 0.24, 0.26, 0.74, 0.76, 0.9999999999};
    const dlx_token want[] = {0, 0, 2, 2, 3, 3};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(dlx__draw_categorical(z, 4, u[i]), want[i]);
}

/* A mask id that got nowhere is not proposed again. */
static void test_mask_is_left_out_when_stuck(void **state)
{
    (void)state;
    const dlx_token mask[] = {4};
    p.suppress_and_mask = (dlx__id_list){mask, 1};
    dlx__proposal in = {.rows = places, .positions = places, .n = 1, .no_mask = true};
    assert_ok(dlx__propose(&p, &in, out, &err), &err);
    assert_int_equal(out[0].id, 3);
    dlx__candidate seed;
    p.filter.temperature = 10.0;
    assert_ok(dlx__propose_greedy(&p, 0, 7, &seed, &err), &err); /* whatever the temperature */
    assert_int_equal(seed.id, 3);
    assert_int_equal(seed.pos, 7);
}

/* More rows than are kept at a time. */
static void test_many_rows(void **state)
{
    (void)state;
    size_t rows[20], positions[20];
    dlx__candidate many[20];
    for (size_t i = 0; i < 20; i++) {
        rows[i] = i % 3;
        positions[i] = 100 + i;
    }
    p.filter.temperature = 1e-9;
    dlx__proposal in = {.rows = rows, .positions = positions, .n = 20};
    assert_ok(dlx__propose(&p, &in, many, &err), &err);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(many[i].pos, 100 + i);
        if (i % 3 < 2)
            assert_int_equal(many[i].id, i % 3 == 0 ? 4 : 0);
    }
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_shift_moves_right),
                                       T(test_no_shift_is_identity),
                                       T(test_shift_of_one_and_of_none),
                                       T(test_confidence_is_the_softmax),
                                       T(test_confidence_margin_and_entropy),
                                       T(test_confidence_of_extremes),
                                       T(test_argmax_ties_to_the_lower_id),
                                       T(test_finite),
                                       T(test_greedy_proposals),
                                       T(test_greedy_is_deterministic),
                                       T(test_measures),
                                       T(test_no_rows_no_head),
                                       T(test_suppressed_ids),
                                       T(test_rows_beyond_the_vocabulary),
                                       T(test_not_finite_is_a_sentence),
                                       T(test_tempered_probability),
                                       T(test_confidence_falls_with_temperature),
                                       T(test_diversity_rises_with_temperature),
                                       T(test_top_k_bounds_the_draw),
                                       T(test_tiny_top_p_keeps_one),
                                       T(test_greedy_filters),
                                       T(test_gumbel_confidence_ignores_temperature),
                                       T(test_gumbel_distribution),
                                       T(test_unsure_ids),
                                       T(test_alg_temp_shuffles_ranks_only),
                                       T(test_draws_are_named_by_their_place),
                                       T(test_draws_are_uniform),
                                       T(test_callers_draws_are_forced_into_range),
                                       T(test_categorical_draw),
                                       T(test_mask_is_left_out_when_stuck),
                                       T(test_many_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
