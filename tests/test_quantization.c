// labels: quick
/*
 * test_quantization.c - what users of quantization rely on, through the public interface: the cases
 * of the Python original's quantization and INT4 tests, and its defect C20.
 */
#include "support.h"

#include <dlx/quant.h>

#include <jansson.h>
#include <math.h>

enum { N_IDS = 24 };

static dlx_model *model;

static int open_all(void **state)
{
    (void)state;
    dlx_error err;
    if (dlx_model_open(&model, DLX_SOURCE_DIR "/models/records", NULL, &err) == DLX_OK)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return -1;
}

static int close_all(void **state)
{
    (void)state;
    dlx_model_free(model);
    return 0;
}

static json_t *quantize(const dlx_model *from, const dlx_quantize_opts *opts)
{
    char *text;
    dlx_error err;
    if (dlx_quantize(from, support_tmp("quantized.gguf"), opts, &text, &err) != DLX_OK)
        fail_msg("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(from, text);
    assert_non_null(report);
    return report;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* Logits [N_IDS, n_vocab] of some ids, to be freed. */
static float *logits_of(const dlx_model *m, const char *scheme, size_t *n)
{
    const dlx_session_opts opts = {
        .size = sizeof opts, .n_ctx = N_IDS, .n_threads = 1, .scheme = scheme};
    dlx_token ids[N_IDS];
    dlx_session *session;
    dlx_model_info info;
    dlx_error err;
    dlx_model_get_info(m, &info);
    for (size_t i = 0; i < N_IDS; i++)
        ids[i] = (dlx_token)((i * 37 + 11) % 280);
    *n = N_IDS * info.n_vocab_rows;
    float *x = malloc(*n * sizeof *x);
    if (dlx_session_open(&session, m, &opts, &err) != DLX_OK ||
        dlx_logits(session, ids, N_IDS, x, &err) != DLX_OK)
        fail_msg("%s", err.text);
    dlx_session_free(session);
    return x;
}

/* The largest difference as a part of the largest logit; every logit is a number. */
static double worst_of(const float *a, const float *b, size_t n)
{
    double most = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(isfinite(b[i]));
        most = fmax(most, fabs((double)a[i]));
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    }
    return worst / most;
}

static double error_of(const dlx_quantize_opts *opts, const char *scheme)
{
    dlx_model *other;
    dlx_error err;
    size_t n;
    json_decref(quantize(model, opts));
    if (dlx_model_open(&other, support_tmp("quantized.gguf"), NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    float *a = logits_of(model, NULL, &n), *b = logits_of(other, scheme, &n);
    const double worst = worst_of(a, b, n);
    free(a);
    free(b);
    dlx_model_free(other);
    return worst;
}

/* Without options: eight bits, dynamic, to the nearest; the report says so. */
static void defaults(void **state)
{
    (void)state;
    json_t *report = quantize(model, NULL);
    assert_string_equal(json_string_value(json_object_get(report, "type")), "q8_0");
    assert_string_equal(json_string_value(json_object_get(report, "scheme")), "dynamic");
    assert_string_equal(json_string_value(json_object_get(report, "method")), "rtn");
    assert_true(json_is_null(json_object_get(report, "calibration")));
    json_decref(report);
}

/* Outputs stay finite and near; the smaller the type, the farther. */
static void outputs_stay_near(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        double bound;
    } cases[] = {
        {"f32", 1e-4}, {"f16", 0.01}, {"q8_0", 0.05}, {"q5_1", 0.2}, {"q4_0", 0.5},
    };
    double before = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dlx_quantize_opts opts = {
            .size = sizeof opts, .type = cases[i].type, .scheme = "weight-only"};
        const double worst = error_of(&opts, NULL);
        assert_true(worst <= cases[i].bound);
        assert_true(worst >= before);
        before = worst;
    }
}

/* How much smaller the file gets, against f16, embedding and head included. */
static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool all;
        double bound;
    } cases[] = {
        {"f16", false, 1.01}, {"q8_0", false, 0.54}, {"q4_0", false, 0.36}, {"q4_0", true, 0.30}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dlx_quantize_opts opts = {
            .size = sizeof opts, .type = cases[i].type, .all = cases[i].all};
        json_t *report = quantize(model, &opts);
        assert_true(number(report, "bytes") <= cases[i].bound * number(report, "bytes_f16"));
        json_decref(report);
    }
}

/* What belongs together: one type for all groups but those the types have. */
static void groups_of_four_bits(void **state)
{
    (void)state;
    static const size_t sizes[] = {32, 64, 128, 256}, wrong[] = {1, 16, 48, 512};
    double before = 0;
    for (size_t i = 0; i < 4; i++) {
        const dlx_quantize_opts opts = {
            .size = sizeof opts, .type = "q4_0", .scheme = "weight-only", .group = sizes[i]};
        const double worst = error_of(&opts, NULL);
        assert_true(worst > before * 0.7 && worst < 1); /* larger groups: no better, but noise */
        before = worst;
    }
    for (size_t i = 0; i < 4; i++) {
        const dlx_quantize_opts opts = {.size = sizeof opts, .type = "q4_0", .group = wrong[i]};
        dlx_error err;
        assert_int_equal(dlx_quantize(model, support_tmp("no.gguf"), &opts, NULL, &err), DLX_E_ARG);
        support_sentence(&err, "group");
    }
}

/* A group that does not divide the rows: a smaller one, and the report names where. */
static void a_fallback_is_told(void **state)
{
    (void)state;
    dlx_model *small = support_open("sdar-tiny-b4"); /* rows of 64 and 96 */
    const dlx_quantize_opts opts = {.size = sizeof opts, .type = "q4_0", .group = 128};
    const dlx_quantize_opts blocks = {.size = sizeof blocks, .type = "q4_k"};
    json_t *report = quantize(small, &opts);
    const json_t *list = json_object_get(report, "fallbacks");
    assert_true(json_array_size(list) > 0);
    assert_int_equal((int)number(json_array_get(list, 0), "group"), 32);
    json_decref(report);
    report = quantize(small, &blocks);
    list = json_object_get(report, "fallbacks");
    assert_true(json_array_size(list) > 0);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "type")),
                        "q5_0");
    assert_true(json_is_null(json_object_get(json_array_get(list, 0), "group")));
    json_decref(report);
    dlx_model_free(small);
}

static void unknown_names_are_sentences(void **state)
{
    (void)state;
    static const char *const keep[] = {"*=int3"};
    const dlx_quantize_opts cases[] = {{.type = "int3"},
                                       {.scheme = "qat"},
                                       {.method = "best"},
                                       {.scheme = "static", .observer = "guess"},
                                       {.keep = keep, .n_keep = 1},
                                       {.scheme = "static"},
                                       {.method = "gptq"}};
    static const char *const parts[] = {
        "type", "scheme", "method", "observer", "keep", "needs calibration", "needs calibration"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx_error err;
        char *report;
        assert_int_equal(dlx_quantize(model, support_tmp("no.gguf"), &cases[i], &report, &err),
                         DLX_E_ARG);
        support_sentence(&err, parts[i]);
        assert_null(report);
    }
}

/* The tensors of the report by name. */
static const char *type_of(const json_t *report, const char *name)
{
    size_t i;
    const json_t *t;
    json_array_foreach(json_object_get(report, "tensors"), i, t)
    {
        if (strcmp(json_string_value(json_object_get(t, "name")), name) == 0)
            return json_string_value(json_object_get(t, "type"));
    }
    return NULL;
}

/* C20: nothing small by accident, and a head that is the embedding stays that. */
static void c20_what_is_kept_is_a_rule(void **state)
{
    (void)state;
    static const char *const keep[] = {"blk.0.*=f16", "*.ffn_down.weight=q8_0"};
    dlx_model *tied = support_open("dream-tied"), *other;
    const dlx_quantize_opts opts = {.size = sizeof opts, .type = "q4_0", .keep = keep, .n_keep = 2};
    json_t *report = quantize(tied, &opts);
    dlx_error err;
    assert_string_equal(type_of(report, "token_embd.weight"), "q8_0");
    assert_null(type_of(report, "output.weight"));
    assert_string_equal(type_of(report, "output_norm.weight"), "f32");
    assert_string_equal(type_of(report, "blk.0.attn_norm.weight"), "f32");
    assert_string_equal(type_of(report, "blk.0.ffn_down.weight"), "f16");
    assert_string_equal(type_of(report, "blk.1.ffn_down.weight"), "q8_0");
    assert_string_equal(type_of(report, "blk.1.ffn_up.weight"), "q4_0");
    json_decref(report);
    if (dlx_model_open(&other, support_tmp("quantized.gguf"), NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    dlx_model_free(other);
    dlx_model_free(tied);
}

/* Portable scales are for q4_0 in groups of 32; the file costs the same and is about as near. */
static void portable_scales(void **state)
{
    (void)state;
    const dlx_quantize_opts own = {.size = sizeof own, .type = "q4_0", .scheme = "weight-only"};
    const dlx_quantize_opts portable = {
        .size = sizeof portable, .type = "q4_0", .scheme = "weight-only", .scales = "portable"};
    const dlx_quantize_opts cases[] = {{.type = "q4_0", .scales = "small"},
                                       {.type = "q4_1", .scales = "portable"},
                                       {.type = "mixed", .scales = "portable"},
                                       {.scales = "portable"},
                                       {.type = "q4_0", .group = 64, .scales = "portable"},
                                       {.type = "q4_0", .per_channel = true, .scales = "portable"}};
    static const char *const parts[] = {"own or portable", "q4_0", "found mixed",
                                        "found q8_0",      "32",   "32"};
    const double before = error_of(&own, NULL), after = error_of(&portable, NULL);
    assert_true(after > 0.3 * before && after < 3 * before);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx_error err;
        assert_int_equal(dlx_quantize(model, support_tmp("no.gguf"), &cases[i], NULL, &err),
                         DLX_E_ARG);
        support_sentence(&err, parts[i]);
    }
}

/* C20: the schemes are different arithmetic, and the same one twice is the same to the bit. */
static void c20_schemes_differ(void **state)
{
    (void)state;
    static const char *const schemes[] = {"weight-only",    "dynamic", "dynamic-row",
                                          "dynamic-affine", "static",  "static16"};
    const dlx_quantize_opts opts = {.size = sizeof opts,
                                    .scheme = "static",
                                    .calibrate = DLX_SOURCE_DIR "/models/records/calibration.jsonl",
                                    .n_texts = 8};
    dlx_model *other;
    dlx_error err;
    float *all[6];
    size_t n;
    json_decref(quantize(model, &opts));
    if (dlx_model_open(&other, support_tmp("quantized.gguf"), NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < 6; i++) {
        all[i] = logits_of(other, schemes[i], &n);
        float *again = logits_of(other, schemes[i], &n);
        assert_memory_equal(all[i], again, n * sizeof *again);
        free(again);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(all[i], all[k], n * sizeof *all[i]);
    }
    for (size_t i = 0; i < 6; i++)
        free(all[i]);
    dlx_model_free(other);
}

/* C20: the comparison is with the model that was quantized, not with the result itself. */
static void c20_the_report_is_against_the_float_model(void **state)
{
    (void)state;
    const dlx_quantize_opts opts = {.size = sizeof opts, .type = "q4_0"};
    const dlx_compare_opts compare = {.size = sizeof compare,
                                      .texts = DLX_SOURCE_DIR "/models/records/heldout.jsonl",
                                      .n_texts = 8,
                                      .n_answers = 2};
    dlx_model *other;
    dlx_error err;
    char *text;
    assert_int_equal(dlx_compare_models(model, model, NULL, &text, &err), DLX_E_ARG);
    support_sentence(&err, "texts");
    json_decref(quantize(model, &opts));
    if (dlx_model_open(&other, support_tmp("quantized.gguf"), NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    for (int self = 0; self < 2; self++) {
        if (dlx_compare_models(model, self ? model : other, &compare, &text, &err) != DLX_OK)
            fail_msg("%s", err.text);
        json_t *found = json_loads(text, 0, NULL);
        assert_true(self ? number(found, "kl") == 0 : number(found, "kl") > 0);
        json_decref(found);
        dlx_free(model, text);
    }
    dlx_model_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(outputs_stay_near),
        cmocka_unit_test(sizes),
        cmocka_unit_test(groups_of_four_bits),
        cmocka_unit_test(a_fallback_is_told),
        cmocka_unit_test(unknown_names_are_sentences),
        cmocka_unit_test(portable_scales),
        cmocka_unit_test(c20_what_is_kept_is_a_rule),
        cmocka_unit_test(c20_schemes_differ),
        cmocka_unit_test(c20_the_report_is_against_the_float_model),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
