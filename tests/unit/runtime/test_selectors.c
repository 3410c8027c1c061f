/* Which rows a sampler takes, given confidences: the golden table, then each sampler's own rules.
 */
#include "golden_json.h"

#include "runtime/sampler/sampler.h"

enum { MAX_ROWS = 64 };

typedef struct bench {
    dlx__candidate rows[MAX_ROWS];
    size_t order[MAX_ROWS];
    bool take[MAX_ROWS];
    dlx__draws draws;
    dlx__selection s;
} bench;

static void set(bench *b, const float *conf, size_t n)
{
    memset(b, 0, sizeof *b);
    for (size_t i = 0; i < n; i++)
        b->rows[i] =
            (dlx__candidate){.pos = 10 + i, .id = (dlx_token)i, .conf = conf[i], .rank = conf[i]};
    b->s = (dlx__selection){
        .rows = b->rows, .n = n, .draws = &b->draws, .order = b->order, .take = b->take};
}

/* The rows taken as digits of a text: "013". */
static const char *taken(bench *b, const char *sampler)
{
    static char text[MAX_ROWS + 1];
    size_t n = 0;
    memset(b->take, 0, sizeof b->take);
    dlx__sampler_find(sampler)->select(&b->s);
    for (size_t i = 0; i < b->s.n; i++)
        if (b->take[i])
            text[n++] = (char)('0' + i);
    text[n] = '\0';
    return text;
}

/* One case of the table: only masked positions become candidates. */
static bool case_agrees(const json_t *c, size_t *n_bugs)
{
    static bench b;
    float all[MAX_ROWS], conf[MAX_ROWS];
    size_t masked[MAX_ROWS], written[MAX_ROWS], got[MAX_ROWS], n_got = 0;
    golden_floats(json_object_get(c, "confidence"), all, MAX_ROWS);
    size_t n = golden_sizes(json_object_get(c, "masked"), masked, MAX_ROWS);
    size_t n_written = golden_sizes(json_object_get(c, "written"), written, MAX_ROWS);
    for (size_t i = 0; i < n; i++)
        conf[i] = all[masked[i]];
    set(&b, conf, n);
    b.s.threshold = golden_number(c, "threshold", 0.0);
    b.s.factor = golden_number(c, "factor", 0.0);
    b.s.quota = golden_size(c, "quota");
    const char *name = json_object_get(c, "threshold") ? "threshold"
                       : json_object_get(c, "factor")  ? "factor"
                                                       : "low_confidence";
    dlx__sampler_find(name)->select(&b.s);
    for (size_t i = 0; i < n; i++)
        if (b.take[i])
            got[n_got++] = masked[i];
    *n_bugs += json_is_true(json_object_get(c, "reference_bug"));
    return n_got == n_written && memcmp(got, written, n_got * sizeof *got) == 0;
}

static void test_table(void **state)
{
    (void)state;
    json_t *table = golden_table("selectors-llada.json");
    size_t i, n_bugs = 0, n_equal = 0;
    json_t *c;
    json_array_foreach(json_object_get(table, "cases"), i, c)
    {
        bool bug = json_is_true(json_object_get(c, "reference_bug"));
        bool agrees = case_agrees(c, &n_bugs);
        if (agrees == bug)
            fail_msg("case %zu %s", i, bug ? "copies the reference's defect" : "differs");
        n_equal += agrees;
    }
    printf("  %zu cases equal, %zu defects not copied\n", n_equal, n_bugs);
    assert_int_equal(i, 210);
    assert_int_equal(n_equal + n_bugs, 210);
    json_decref(table);
}

static void test_threshold_strictness(void **state)
{
    (void)state;
    static bench b;
    const float conf[] = {0.5f, 0.75f, 0.25f, 0.75f};
    set(&b, conf, 4);
    b.s.threshold = 0.75;
    assert_string_equal(taken(&b, "threshold"), "13"); /* LLaDA: reaching it is enough */
    b.s.strict = true;
    assert_string_equal(taken(&b, "threshold"),
                        "1"); /* Fast-dLLM v2: the best alone, the lower position */
    b.s.threshold = 0.4;
    assert_string_equal(taken(&b, "threshold"), "013");
}

static void test_quota_ties(void **state)
{
    (void)state;
    static bench b;
    const float conf[] = {0.5f, 1.0f, 1.0f, 0.25f, 1.0f};
    set(&b, conf, 5);
    for (size_t quota = 0; quota <= 7; quota++) {
        static const char *const want[] = {"", "1", "12", "124", "0124", "01234", "01234", "01234"};
        b.s.quota = quota;
        assert_string_equal(taken(&b, "low_confidence"), want[quota]);
        assert_string_equal(taken(&b, "entropy"), want[quota]);
    }
}

static void test_factor_stops_at_first_failure(void **state)
{
    (void)state;
    static bench b;
    /* limits with factor 1: none, 2/3, 3/4, 4/5 */
    const float conf[] = {0.1f, 0.7f, 0.9f, 0.74f};
    set(&b, conf, 4);
    b.s.factor = 1.0;
    assert_string_equal(taken(&b, "factor"), "23"); /* 0.9, 0.74; 0.7 < 0.75 */
    const float two[] = {0.4f, 0.5f};
    set(&b, two, 2);
    b.s.factor = 1.0;
    assert_string_equal(taken(&b, "factor"), "1"); /* the reference always writes both of two */
}

static void test_dynamic(void **state)
{
    (void)state;
    static bench b;
    const float conf[] = {0.95f, 0.5f, 0.96f, 0.6f};
    set(&b, conf, 4);
    b.s.threshold = 0.9;
    b.s.strict = true;
    b.s.quota = 1;
    assert_string_equal(taken(&b, "low_confidence_dynamic"), "02"); /* more than the quota pass */
    b.s.quota = 3;
    assert_string_equal(taken(&b, "low_confidence_dynamic"), "023"); /* fewer: the quota's best */
    b.s.quota = 9; /* fewer masks than the quota: all of them, and nothing else */
    assert_string_equal(taken(&b, "low_confidence_dynamic"), "0123");
}

static void test_sequential_and_leftmost(void **state)
{
    (void)state;
    static bench b;
    const float conf[] = {0.1f, 0.95f, 0.3f, 0.99f};
    set(&b, conf, 4);
    b.s.quota = 2;
    b.s.threshold = 0.9;
    b.s.strict = true;
    assert_string_equal(taken(&b, "sequential"), "01");
    assert_string_equal(taken(&b, "leftmost"),
                        "01"); /* the first whatever it is, then while sure */
    const float sure[] = {0.95f, 0.95f, 0.9f, 0.99f};
    set(&b, sure, 4);
    b.s.threshold = (double)0.9f;
    b.s.strict = true;
    assert_string_equal(taken(&b, "leftmost"), "01"); /* > , not >= */
}

static void test_entropy_bounded(void **state)
{
    (void)state;
    static bench b;
    const float conf[] = {0.5f, 0.5f, 0.5f};
    set(&b, conf, 3);
    b.rows[0].neg_entropy = -0.3f;
    b.rows[1].neg_entropy = -0.1f;
    b.rows[2].neg_entropy = -0.2f;
    const double gamma[] = {0.05, 0.25, 0.35, 1.0};
    const char *const want[] = {"1", "1", "12", "012"};
    for (size_t i = 0; i < 4; i++) {
        b.s.eb_threshold = gamma[i];
        assert_string_equal(taken(&b, "entropy_bounded"), want[i]);
    }
}

static void test_confidence_threshold(void **state)
{
    (void)state;
    static bench b;
    const float conf[] = {0.95f, 0.5f, 0.96f, 0.6f};
    set(&b, conf, 4);
    b.s.threshold = 0.9;
    b.s.quota = 1;
    assert_string_equal(taken(&b, "confidence_threshold"), "2");
    b.s.quota = 3;
    assert_string_equal(taken(&b, "confidence_threshold"), "02");
    b.s.threshold = 0.99;
    assert_string_equal(taken(&b, "confidence_threshold"), "2"); /* always the best */
}

static double fixed(void *user, dlx_draw_kind kind, size_t pass, size_t position, dlx_token id)
{
    (void)pass;
    assert_int_equal(kind, DLX_DRAW_ORDER);
    assert_int_equal(id, -1);
    return ((const double *)user)[position - 10];
}

static void test_origin(void **state)
{
    (void)state;
    static bench b;
    const float conf[] = {0.9f, 0.1f, 0.5f};
    double u[] = {0.7, 0.2, 0.5};
    set(&b, conf, 3);
    b.draws = (dlx__draws){.fn = fixed, .user = u};
    b.s.share = 0.5f;
    assert_string_equal(taken(&b, "origin"), "1"); /* below the share, whatever the confidence */
    b.s.share = 1.0f;
    assert_string_equal(taken(&b, "origin"), "012");
}

/* Sorting is right for many rows with many ties. */
static void test_sort(void **state)
{
    (void)state;
    static bench b;
    float conf[MAX_ROWS];
    for (size_t i = 0; i < MAX_ROWS; i++)
        conf[i] = (float)(i * 7 % 5);
    for (size_t n = 1; n <= MAX_ROWS; n++) {
        set(&b, conf, n);
        dlx__selection_sort(&b.s);
        for (size_t i = 1; i < n; i++) {
            double before = b.rows[b.order[i - 1]].rank;
            double after = b.rows[b.order[i]].rank;
            assert_true(before > after || (before == after && b.order[i - 1] < b.order[i]));
        }
        assert_int_equal(b.order[0], dlx__selection_best(&b.s));
    }
}

static void test_registry(void **state)
{
    (void)state;
#define CHECK_NAME(word) assert_string_equal(dlx__sampler_find(#word)->name, #word);
    DLX__SAMPLERS(CHECK_NAME)
#undef CHECK_NAME
    assert_null(dlx__sampler_find("best_of_all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_threshold_strictness),
                                       cmocka_unit_test(test_quota_ties),
                                       cmocka_unit_test(test_factor_stops_at_first_failure),
                                       cmocka_unit_test(test_dynamic),
                                       cmocka_unit_test(test_sequential_and_leftmost),
                                       cmocka_unit_test(test_entropy_bounded),
                                       cmocka_unit_test(test_confidence_threshold),
                                       cmocka_unit_test(test_origin),
                                       cmocka_unit_test(test_sort),
                                       cmocka_unit_test(test_registry)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
