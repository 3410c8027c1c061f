/* test_arithmetic.c - weights, compute, kernels, scheme and kv_type of a session, through the
 * public interface: what they change of an answer, and what is refused. labels: quick */
#include "support.h"

#include <dlx/tools.h>

#include <math.h>

static const char MESSAGE[] = "[{\"role\":\"user\",\"content\":\"On 5 March 2024, Anna Smith "
                              "ordered 12 lamps for $123.45, to "
                              "be sent to Berlin.\"}]";

static dlx_model *open_records(void)
{
    dlx_model *model;
    dlx_error err = {.code = DLX_OK};
    if (dlx_model_open(&model, DLX_SOURCE_DIR "/models/records", NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return model;
}

static dlx_session *open_session(const dlx_model *model, const dlx_session_opts *how)
{
    dlx_session_opts opts = *how;
    dlx_session *session;
    dlx_error err = {.code = DLX_OK};
    opts.size = sizeof opts;
    opts.n_threads = 2;
    opts.n_ctx = 256;
    if (dlx_session_open(&session, model, &opts, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return session;
}

/* The answer to MESSAGE; the caller's. */
static char *answer(const dlx_model *model, const dlx_session_opts *how)
{
    char *prompt, *text;
    dlx_token *ids;
    size_t n;
    dlx_gen_result result;
    dlx_error err = {.code = DLX_OK};
    dlx_session *session = open_session(model, how);
    assert_ok(dlx_chat_render(model, MESSAGE, NULL, true, &prompt, &err), &err);
    assert_ok(dlx_tokenize(model, prompt, strlen(prompt), false, &ids, &n, &err), &err);
    assert_ok(dlx_generate(session, ids, n, NULL, &result, &err), &err);
    assert_ok(dlx_detokenize(model, result.ids, result.n_ids, true, &text, NULL, &err), &err);
    dlx_free(model, prompt);
    dlx_free(model, ids);
    dlx_session_free(session);
    return text;
}

/* An easy message: every arithmetic finds the same record. */
static void every_arithmetic_answers(void **state)
{
    (void)state;
    static const dlx_session_opts ways[] = {
        {.kernels = "scalar"},
        {.weights = "stored", .compute = "float32"},
        {.weights = "int8"},
        {.weights = "int8", .kernels = "scalar"},
        {.compute = "bf16"},
        {.weights = "int8", .compute = "bf16"},
        {.weights = "int8", .backend = "reference"},
        {.weights = "int8", .scheme = "weight-only"},
        {.weights = "int8", .scheme = "dynamic-row"},
        {.weights = "int8", .scheme = "dynamic-affine"},
        {.weights = "int8", .scheme = "dynamic", .backend = "reference"},
        {.kv_type = "bf16"},
        {.kv_type = "f16", .kernels = "scalar"},
        {.kv_type = "int8"},
        {.kv_type = "int8", .compute = "bf16"},
        {.kv_type = "f16", .backend = "reference"},
    };
    dlx_model *model = open_records();
    char *want = answer(model, &(dlx_session_opts){.kernels = NULL});
    assert_non_null(strstr(want, "\"customer\": \"Anna Smith\""));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *got = answer(model, &ways[i]);
        if (strcmp(got, want) != 0)
            fail_msg("way %zu: %s\ninstead of %s", i, got, want);
        dlx_free(model, got);
    }
    dlx_free(model, want);
    dlx_model_free(model);
}

/* Tables of this processor, the scalar one first, and each of them opens. */
static void every_table_of_this_processor_opens(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b4");
    size_t n = 0;
    assert_string_equal(dlx_kernels_name(0), "scalar");
    for (; dlx_kernels_name(n); n++)
        dlx_session_free(open_session(model, &(dlx_session_opts){.kernels = dlx_kernels_name(n)}));
    assert_null(dlx_kernels_name(n + 7));
    dlx_model_free(model);
}

/* How far the logits of two sessions are apart, of their largest. */
static double distance(const dlx_model *model, const dlx_session_opts *a, const dlx_session_opts *b)
{
    static const dlx_token ids[] = {5, 6, 7, 8, 9, 10};
    static float x[2][6 * 4096];
    const dlx_session_opts *const ways[] = {a, b};
    dlx_model_info info;
    double worst = 0, largest = 0;
    dlx_error err = {.code = DLX_OK};
    dlx_model_get_info(model, &info);
    assert_true(info.n_vocab_rows <= 4096);
    for (int i = 0; i < 2; i++) {
        dlx_session *session = open_session(model, ways[i]);
        assert_ok(dlx_logits(session, ids, 6, x[i], &err), &err);
        dlx_session_free(session);
    }
    for (size_t i = 0; i < 6 * info.n_vocab_rows; i++) {
        worst = fmax(worst, fabs((double)x[0][i] - (double)x[1][i]));
        largest = fmax(largest, fabs((double)x[0][i]));
    }
    return worst / largest;
}

/* The options are not decoration: int8 moves the logits, a little, on both backends. */
static void int8_changes_the_numbers(void **state)
{
    (void)state;
    dlx_model *model = open_records();
    const dlx_session_opts exact = {.kernels = NULL}, reference = {.backend = "reference"};
    const dlx_session_opts int8 = {.weights = "int8"};
    const dlx_session_opts reference_int8 = {.weights = "int8", .backend = "reference"};
    double d = distance(model, &exact, &int8), e = distance(model, &reference, &reference_int8);
    if (!(d > 1e-4 && d < 0.2 && e > 1e-4 && e < 0.2))
        fail_msg("int8 is %g off on cpu, %g on reference", d, e);
    dlx_model_free(model);
}

/* Rows that are not rounded are nearer to the truth, which is the reference with the same weights;
 * and the default is the backend's. */
static void scheme_changes_the_numbers(void **state)
{
    (void)state;
    dlx_model *model = open_records();
    const dlx_session_opts truth = {.weights = "int8", .backend = "reference"};
    const dlx_session_opts only = {.weights = "int8", .scheme = "weight-only"};
    const dlx_session_opts rounded = {.weights = "int8", .scheme = "dynamic"};
    const dlx_session_opts by_row = {.weights = "int8", .scheme = "dynamic-row"};
    const dlx_session_opts unsaid = {.weights = "int8"};
    assert_true(distance(model, &truth, &only) < 1e-4);
    assert_true(distance(model, &only, &rounded) > 1e-4);
    assert_true(distance(model, &rounded, &by_row) > 1e-4);
    assert_true(distance(model, &rounded, &unsaid) == 0);
    const dlx_session_opts truth_only = {
        .weights = "int8", .backend = "reference", .scheme = "weight-only"};
    assert_true(distance(model, &truth, &truth_only) == 0);
    dlx_model_free(model);
}

/* Has the plan this member? */
static void assert_plan(const dlx_model *model, const dlx_inspect_opts *o, const char *member,
                        const char *want)
{
    char *json, part[64];
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx_inspect(model, o, &json, &err), &err);
    snprintf(part, sizeof part, "\"%s\":\"%s\"", member, want);
    if (!strstr(json, part))
        fail_msg("no %s in %s", part, json);
    dlx_free(model, json);
}

static void plans_say_the_scheme(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b4");
    dlx_inspect_opts o = {.size = sizeof o};
    assert_plan(model, &o, "scheme", "dynamic");
    o.scheme = "weight-only";
    assert_plan(model, &o, "scheme", "weight-only");
    o.weights = "int8";
    char *json;
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx_inspect(model, &o, &json, &err), &err);
    assert_non_null(strstr(json, "products of integer weights read rows as they are"));
    dlx_free(model, json);
    o = (dlx_inspect_opts){.size = sizeof o, .backend = "reference"};
    assert_plan(model, &o, "scheme", "weight-only");
    dlx_model_free(model);
}

/* Rounded by more, further from float32; and by the same on both backends. */
static void kv_type_changes_the_numbers(void **state)
{
    (void)state;
    static const char *const types[] = {"f16", "bf16", "int8"};
    dlx_model *model = open_records();
    const dlx_session_opts exact = {.kernels = NULL}, float32 = {.kv_type = "float32"};
    double least = 1e-6;
    assert_true(distance(model, &exact, &float32) == 0);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const dlx_session_opts cpu = {.kv_type = types[i]};
        const dlx_session_opts reference = {.kv_type = types[i], .backend = "reference"};
        const double moved = distance(model, &exact, &cpu);
        if (!(moved > least && moved < 0.1))
            fail_msg("%s moves the logits by %g", types[i], moved);
        const double apart = distance(model, &cpu, &reference);
        if (!(apart < moved)) /* a number on a border falls either way */
            fail_msg("%s: backends are %g apart, and %g from float32", types[i], apart, moved);
        least = moved;
    }
    dlx_model_free(model);
}

/* Without a name it is what `compute` multiplies; and the plan has the bytes. */
static void plans_count_the_bytes_of_kv(void **state)
{
    (void)state;
    static const struct {
        const char *kv_type, *backend, *compute, *kernels, *want;
        size_t numbers_bytes, scale_bytes; /* of 32 numbers */
    } cases[] = {
        {NULL, NULL, NULL, NULL, "float32", 128, 0},
        {NULL, "reference", NULL, NULL, "float32", 128, 0},
        {NULL, NULL, "bf16", "scalar", "float32", 128, 0},
        {"float32", NULL, "bf16", NULL, "float32", 128, 0},
        {"bf16", NULL, NULL, NULL, "bf16", 64, 0},
        {"bf16", "reference", NULL, NULL, "bf16", 64, 0},
        {"f16", NULL, NULL, "scalar", "f16", 64, 0},
        {"int8", NULL, "bf16", NULL, "int8", 32, 4},
        {"int8", "reference", NULL, NULL, "int8", 32, 4},
    };
    enum { LAYERS = 3, HEADS = 2, CTX = 100 };
    dlx_model *model = support_open("sdar-tiny-b4");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dlx_inspect_opts o = {.size = sizeof o,
                                    .n_ctx = CTX,
                                    .backend = cases[i].backend,
                                    .compute = cases[i].compute,
                                    .kernels = cases[i].kernels,
                                    .kv_type = cases[i].kv_type};
        const size_t row = cases[i].numbers_bytes + cases[i].scale_bytes;
        const size_t slot = LAYERS * 2 * HEADS * row;
        char *json, part[96];
        dlx_error err = {.code = DLX_OK};
        assert_plan(model, &o, "kv_type", cases[i].want);
        assert_ok(dlx_inspect(model, &o, &json, &err), &err);
        snprintf(part, sizeof part, "\"kv_bytes\":%zu,", slot * CTX);
        assert_non_null(strstr(json, part));
        snprintf(part, sizeof part, "\"kv_bytes_per_token\":%zu,", slot);
        assert_non_null(strstr(json, part));
        dlx_free(model, json);
    }
    dlx_model_free(model);
}

/* What float32 is refused for, int8 fits in. */
static void a_limit_counts_the_bytes_of_kv(void **state)
{
    (void)state;
    dlx_model *model = open_records();
    dlx_session *session;
    dlx_error err = {.code = DLX_OK};
    dlx_session_opts o = {
        .size = sizeof o, .n_ctx = 4096, .n_threads = 1, .memory_limit = 16u << 20};
    assert_int_equal(dlx_session_open(&session, model, &o, &err), DLX_E_NOMEM);
    support_sentence(&err, "the limit is 16777216");
    o.kv_type = "int8";
    assert_ok(dlx_session_open(&session, model, &o, &err), &err);
    dlx_session_free(session);
    dlx_model_free(model);
}

static void compute_tells_what_is_in_force(void **state)
{
    (void)state;
    dlx_model *model = open_records();
    dlx_session *session = open_session(model, &(dlx_session_opts){.kernels = NULL});
    assert_string_equal(dlx_session_compute(session), "float32");
    dlx_session_free(session);
    session = open_session(model, &(dlx_session_opts){.compute = "bf16", .kernels = "scalar"});
    assert_string_equal(dlx_session_compute(session), "float32");
    dlx_session_free(session);
    const dlx_session_opts exact = {.kernels = NULL}, bf16 = {.compute = "bf16"};
    session = open_session(model, &bf16);
    const bool halves = strcmp(dlx_session_compute(session), "bf16") == 0;
    dlx_session_free(session);
    double d = distance(model, &exact, &bf16);
    if (halves ? !(d > 1e-5 && d < 0.05) : d != 0)
        fail_msg("compute bf16 is %g off, in force: %d", d, halves);
    dlx_model_free(model);
}

static void refusals_have_the_list(void **state)
{
    (void)state;
    static const struct {
        dlx_session_opts opts;
        const char *part;
    } cases[] = {
        {{.weights = "q4_0"}, "weights: expected one of stored, int8, found q4_0"},
        {{.compute = ""}, "compute: expected one of float32, bf16, found "},
        {{.kernels = "abacus"}, "kernels: expected one of scalar"},
        {{.kernels = "abacus", .backend = "reference"}, "found abacus"},
        {{.kernels = "scalar", .backend = "reference"}, "none to choose from"},
        {{.compute = "bf16", .backend = "reference"}, "float32 only"},
        {{.scheme = "w8a8"},
         "scheme: expected one of weight-only, dynamic, dynamic-row, dynamic-affine, static, "
         "static16, static-affine, found w8a8"},
        {{.scheme = "none", .backend = "reference"}, "found none"},
        {{.scheme = "static"}, "scheme static: expected the range of what"},
        {{.scheme = "static16", .backend = "reference"}, "--scheme static16 --calibrate"},
        {{.kv_type = "q4_0"}, "kv_type: expected one of float32, bf16, f16, int8 of the cpu"},
        {{.kv_type = "none", .backend = "reference"}, "of the reference backend, found none"},
    };
    dlx_model *model = support_open("sdar-tiny-b4");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx_session *session;
        dlx_error err = {.code = DLX_OK};
        assert_int_equal(dlx_session_open(&session, model, &cases[i].opts, &err), DLX_E_ARG);
        assert_null(session);
        support_sentence(&err, cases[i].part);
        const dlx_inspect_opts plan = {.size = sizeof plan,
                                       .backend = cases[i].opts.backend,
                                       .weights = cases[i].opts.weights,
                                       .compute = cases[i].opts.compute,
                                       .kernels = cases[i].opts.kernels,
                                       .scheme = cases[i].opts.scheme,
                                       .kv_type = cases[i].opts.kv_type};
        char *json;
        assert_int_equal(dlx_inspect(model, &plan, &json, &err), DLX_E_ARG);
        support_sentence(&err, cases[i].part);
    }
    dlx_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arithmetic_answers),
        cmocka_unit_test(every_table_of_this_processor_opens),
        cmocka_unit_test(int8_changes_the_numbers),
        cmocka_unit_test(scheme_changes_the_numbers),
        cmocka_unit_test(plans_say_the_scheme),
        cmocka_unit_test(kv_type_changes_the_numbers),
        cmocka_unit_test(plans_count_the_bytes_of_kv),
        cmocka_unit_test(a_limit_counts_the_bytes_of_kv),
        cmocka_unit_test(compute_tells_what_is_in_force),
        cmocka_unit_test(refusals_have_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
