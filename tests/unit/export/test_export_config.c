/* test_export_config.c - settings in the original's words: what they become, and what is refused.
 */
#include "unit.h"

#include "export/config.h"

#include <stdio.h>

typedef struct fixture {
    dlx__arena arena;
    dlx__export_config config;
    dlx_error err;
} fixture;

static dlx_result read_into(fixture *f, const char *json)
{
    dlx__arena_init(&f->arena, NULL);
    return dlx__export_config_read(&f->config, json, strlen(json), "settings.json", &f->arena,
                                   &f->err);
}

static dlx__model some_model(void)
{
    return (dlx__model){.checkpoint = {.path = "some/model"},
                        .hp = {.n_vocab = 1000,
                               .n_embd = 512,
                               .n_layers = 4,
                               .n_heads = 8,
                               .n_heads_kv = 2,
                               .head_dim = 64,
                               .n_ff = 2048}};
}

static void nothing_said_is_the_models(void **state)
{
    (void)state;
    fixture f;
    const dlx__model m = some_model();
    assert_ok(read_into(&f, "{}"), &f.err);
    assert_int_equal(f.config.backend, DLX__TARGET_XNNPACK);
    assert_int_equal(f.config.quantization, DLX__QUANTIZATION_NONE);
    assert_true(f.config.use_kv_cache && f.config.enable_delegate);
    assert_int_equal(f.config.max_seq_len, 0);
    assert_ok(dlx__export_config_check(&f.config, &m, "settings.json", &f.err), &f.err);
    dlx__export_config_complete(&f.config, &m);
    assert_int_equal(f.config.head_dim, 64);
    assert_int_equal(f.config.intermediate_size, 2048);
    assert_int_equal(f.config.num_kv_heads, 2);
    assert_string_equal(f.config.checkpoint_path, "some/model");
    dlx__arena_release(&f.arena);
}

/* A report of what was done must not say that it was done to another model. */
static void the_model_is_the_one_that_is_exported(void **state)
{
    (void)state;
    fixture f;
    const dlx__model m = some_model();
    assert_ok(read_into(&f, "{\"checkpoint_path\": \"another/model\"}"), &f.err);
    assert_ok(dlx__export_config_check(&f.config, &m, "settings.json", &f.err), &f.err);
    dlx__export_config_complete(&f.config, &m);
    assert_string_equal(f.config.checkpoint_path, "some/model");
    dlx__arena_release(&f.arena);
}

static void written_and_read_is_the_same(void **state)
{
    (void)state;
    static const char json[] =
        "{\"backend\": \"coreml\", \"quantization\": \"static_int8\", \"max_seq_len\": 96, "
        "\"memory_planning\": \"linear_scan\", \"vocab_size\": 7, \"head_dim\": 3, "
        "\"use_kv_cache\": false, \"dynamic_shapes\": true, \"output_path\": "
        "\"a \\\"quoted\\\"\\\\path\\n\\u00e9.pte\", \"calibration_data_path\": \"texts.jsonl\", "
        "\"checkpoint_path\": null, \"constant_methods\": {}}";
    fixture f, again;
    dlx__buf text, second;
    dlx__buf_init(&text, NULL);
    dlx__buf_init(&second, NULL);
    assert_ok(read_into(&f, json), &f.err);
    assert_true(dlx__export_config_write(&f.config, &text) && dlx__buf_byte(&text, '\0'));
    assert_ok(read_into(&again, text.data), &again.err);
    assert_int_equal(again.config.backend, DLX__TARGET_COREML);
    assert_int_equal(again.config.quantization, DLX__QUANTIZATION_STATIC_INT8);
    assert_int_equal(again.config.memory_planning, DLX__PLANNING_LINEAR_SCAN);
    assert_int_equal(again.config.max_seq_len, 96);
    assert_int_equal(again.config.vocab_size, 7);
    assert_int_equal(again.config.hidden_size, 0);
    assert_false(again.config.use_kv_cache);
    assert_true(again.config.dynamic_shapes && again.config.enable_delegate);
    assert_string_equal(again.config.output_path, "a \"quoted\"\\path\n\xC3\xA9.pte");
    assert_string_equal(again.config.calibration_data_path, "texts.jsonl");
    assert_null(again.config.checkpoint_path);
    assert_true(dlx__export_config_write(&again.config, &second) && dlx__buf_byte(&second, '\0'));
    assert_string_equal(text.data, second.data);
    dlx__buf_release(&text);
    dlx__buf_release(&second);
    dlx__arena_release(&f.arena);
    dlx__arena_release(&again.arena);
}

/* Every name of the original's enums, as it wrote them and as its members are called. */
static void every_name_is_known(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"backend", "xnnpack"},
        {"backend", "qnn"},
        {"backend", "coreml"},
        {"backend", "mps"},
        {"backend", "vulkan"},
        {"backend", "reference"},
        {"backend", "REFERENCE"},
        {"quantization", "none"},
        {"quantization", "dynamic_int8"},
        {"quantization", "static_int8"},
        {"quantization", "fp16"},
        {"quantization", "weight_only_int8"},
        {"quantization", "int4"},
        {"quantization", "WEIGHT_ONLY_INT8"},
        {"memory_planning", "greedy"},
        {"memory_planning", "linear_scan"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[128];
        fixture f;
        snprintf(json, sizeof json, "{\"%s\": \"%s\"}", cases[i][0], cases[i][1]);
        assert_ok(read_into(&f, json), &f.err);
        dlx__arena_release(&f.arena);
    }
}

static void what_a_quantization_is_here(void **state)
{
    (void)state;
    static const struct {
        dlx__export_quantization of;
        const char *dtype, *scheme;
    } cases[] = {{DLX__QUANTIZATION_NONE, "fp32", NULL},
                 {DLX__QUANTIZATION_FP16, "fp16", NULL},
                 {DLX__QUANTIZATION_DYNAMIC_INT8, "int8", "dynamic"},
                 {DLX__QUANTIZATION_STATIC_INT8, "int8", "static"},
                 {DLX__QUANTIZATION_WEIGHT_ONLY_INT8, "int8", "weight-only"},
                 {DLX__QUANTIZATION_INT4, "int4", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *scheme = dlx__export_quantization_scheme(cases[i].of);
        assert_string_equal(dlx__export_quantization_dtype(cases[i].of), cases[i].dtype);
        assert_string_equal(scheme ? scheme : "", cases[i].scheme ? cases[i].scheme : "");
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[]", "object in braces"},
        {"{\"backend\": \"tpu\"}", "xnnpack, qnn, coreml, mps, vulkan, reference"},
        {"{\"quantization\": \"int2\"}", "weight_only_int8"},
        {"{\"quantization\": 4}", "quantization"},
        {"{\"memory_planning\": \"best\"}", "greedy, linear_scan"},
        {"{\"max_seq_len\": 0}", "max_seq_len"},
        {"{\"max_seq_len\": 1.5}", "max_seq_len"},
        {"{\"use_kv_cache\": 1}", "use_kv_cache"},
        {"{\"max_sequence\": 7}", "max_sequence"},
        {"{\"backend\": \"qnn\", \"backend\": \"xnnpack\"}", "backend"},
        {"{\"constant_methods\": {\"get_answer\": 42}}", "constant_methods"},
        {"{", "mend it"},
        {"", "found nothing; write {}"},
        {" \n", "found nothing; write {}"},
        {"{\"max_seq_len\": 64, \"max_seq_len\": 32}", "take one of the two out"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        assert_int_not_equal(read_into(&f, cases[i][0]), DLX_OK);
        assert_says(&f.err, cases[i][1]);
        assert_says(&f.err, "settings.json");
        assert_null(strstr(f.err.text, "fetch")); /* people write such files */
        dlx__arena_release(&f.arena);
    }
}

static void what_the_model_contradicts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"vocab_size\": 1001}", "vocab_size"},
        {"{\"num_layers\": 5}", "num_layers"},
        {"{\"num_kv_heads\": 8}", "num_kv_heads"},
        {"{\"enable_delegate\": false}", "enable_delegate"},
        {"{\"quantization\": \"int4\", \"calibration_data_path\": \"x\"}", "dlx quantize"},
    };
    const dlx__model m = some_model();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        assert_ok(read_into(&f, cases[i][0]), &f.err);
        assert_int_not_equal(dlx__export_config_check(&f.config, &m, "settings.json", &f.err),
                             DLX_OK);
        assert_says(&f.err, cases[i][1]);
        dlx__arena_release(&f.arena);
    }
}

/* What is not said stays so in a file that is written. */
static void what_is_not_said_is_not_written(void **state)
{
    (void)state;
    fixture f;
    dlx__buf text;
    dlx__buf_init(&text, NULL);
    assert_ok(read_into(&f, "{\"quantization\": null}"), &f.err);
    assert_false(f.config.says_backend || f.config.says_quantization || f.config.says_cache);
    assert_true(dlx__export_config_write(&f.config, &text) && dlx__buf_byte(&text, '\0'));
    assert_null(strstr(text.data, "quantization"));
    assert_null(strstr(text.data, "backend"));
    assert_null(strstr(text.data, "use_kv_cache"));
    dlx__buf_release(&text);
    dlx__arena_release(&f.arena);
}

static void what_fixed_shapes_cannot_have(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"dynamic_shapes\": true}", "settings.json: dynamic_shapes: expected false of qnn"},
        {"{\"memory_planning\": \"linear_scan\"}", "settings.json: memory_planning: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        assert_ok(read_into(&f, cases[i][0]), &f.err);
        assert_int_not_equal(
            dlx__export_config_fits(&f.config, "qnn", true, "settings.json", &f.err), DLX_OK);
        assert_says(&f.err, cases[i][1]);
        assert_ok(dlx__export_config_fits(&f.config, "xnnpack", false, "settings.json", &f.err),
                  &f.err);
        dlx__arena_release(&f.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_the_models),
        cmocka_unit_test(the_model_is_the_one_that_is_exported),
        cmocka_unit_test(written_and_read_is_the_same),
        cmocka_unit_test(every_name_is_known),
        cmocka_unit_test(what_a_quantization_is_here),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(what_the_model_contradicts),
        cmocka_unit_test(what_is_not_said_is_not_written),
        cmocka_unit_test(what_fixed_shapes_cannot_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
