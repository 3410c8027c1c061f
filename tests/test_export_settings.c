// labels: quick export
/*
 * test_export_settings.c - what an export is asked for: settings of a file against the caller's,
 * what is usual where neither says it, sizes of static graphs, and what cannot take effect. C19 of
 * TEST_PLAN.md.
 */
#include "support.h"

#include <dlx/export.h>

#include <jansson.h>

static const char *write_settings(const char *json)
{
    static char path[4097];
    snprintf(path, sizeof path, "%s", support_tmp("asked.json"));
    support_write(path, json);
    return path;
}

/* The report of an export that works. */
static json_t *exported(const dlx_model *m, const dlx_export_opts *opts)
{
    char *text;
    dlx_error err;
    assert_int_equal(system("rm -rf '" DLX_TMP_DIR "/asked.out' '" DLX_TMP_DIR "/asked.out.part'"),
                     0);
    if (dlx_export(m, support_tmp("asked.out"), opts, &text, &err) != DLX_OK)
        fail_msg("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(m, text);
    assert_non_null(report);
    return report;
}

static void refuses(const dlx_model *m, const dlx_export_opts *opts, const char *said)
{
    dlx_error err = {.code = DLX_OK};
    assert_int_not_equal(dlx_export(m, support_tmp("refused.out"), opts, NULL, &err), DLX_OK);
    support_sentence(&err, said);
}

static void assert_text(const json_t *report, const char *key, const char *want)
{
    const char *found = json_string_value(json_object_get(report, key));
    if (!found || strcmp(found, want) != 0)
        fail_msg("%s: expected %s, found %s", key, want, found ? found : "nothing");
}

static void assert_size(const json_t *report, const char *key, json_int_t want)
{
    const json_int_t found = json_integer_value(json_object_get(report, key));
    if (found != want)
        fail_msg("%s: expected %lld, found %lld", key, (long long)want, (long long)found);
}

/* ---- the file's backend and the caller's ----------------------------------------------------- */

static const char *const backends[] = {"xnnpack", "qnn", "coreml"};

/* Nothing of the file's backend is left where the caller names another. */
static void nine_pairs_of_backends(void **state)
{
    (void)state;
    static const char *const usual[] = {"fp32", "int4", "fp16"}, *const plain[] = {"fp32", "fp32",
                                                                                   "fp16"};
    dlx_model *m = support_open("sdar-tiny-b4");
    for (size_t i = 0; i < 9; i++) {
        const char *of_file = backends[i / 3], *of_caller = backends[i % 3];
        char json[128];
        dlx_export_opts opts = {.size = sizeof opts, .backend = of_caller, .n_ctx = 32};
        for (int said = 0; said < 2; said++) {
            snprintf(json, sizeof json, "{\"backend\": \"%s\"%s}", of_file,
                     said ? ", \"quantization\": \"none\"" : "");
            opts.config = write_settings(json);
            json_t *report = exported(m, &opts);
            assert_text(report, "backend", of_caller);
            assert_text(report, "dtype", said ? plain[i % 3] : usual[i % 3]);
            assert_text(report, "scheme", "weight-only");
            json_decref(report);
        }
    }
    dlx_model_free(m);
}

/* The file alone, and with a type of the caller's. */
static void a_file_without_a_type(void **state)
{
    (void)state;
    static const char *const usual[] = {"fp32", "int4", "fp16"};
    dlx_model *m = support_open("sdar-tiny-b4");
    for (size_t i = 0; i < 3; i++) {
        char json[64];
        dlx_export_opts opts = {.size = sizeof opts, .n_ctx = 32};
        snprintf(json, sizeof json, "{\"backend\": \"%s\", \"quantization\": null}", backends[i]);
        opts.config = write_settings(json);
        json_t *report = exported(m, &opts);
        assert_text(report, "dtype", usual[i]);
        json_decref(report);
        opts.dtype = "fp16";
        report = exported(m, &opts);
        assert_text(report, "dtype", "fp16");
        json_decref(report);
    }
    dlx_model_free(m);
}

/* ---- what takes effect ----------------------------------------------------------------------- */

/* Where a backend has no use for a setting it is refused, by the file's word for it. */
static void what_cannot_take_effect(void **state)
{
    (void)state;
    static const struct {
        const char *backend, *json, *said;
    } cases[] = {
        {NULL, "{\"backend\": \"coreml\", \"dynamic_shapes\": true}",
         "asked.json: dynamic_shapes: expected false of coreml"},
        {"qnn", "{\"dynamic_shapes\": true}", "asked.json: dynamic_shapes: expected false of qnn"},
        {"coreml", "{\"memory_planning\": \"linear_scan\"}", "asked.json: memory_planning: "},
        {"qnn", "{\"enable_delegate\": false}", "asked.json: enable_delegate: "},
        {NULL, "{\"use_kv_cache\": false}", "asked.json: use_kv_cache: cache: "},
        {NULL, "{\"max_seq_len\": 100000}", "asked.json: max_seq_len: context: "},
        {"coreml", "{\"quantization\": \"dynamic_int8\"}", "asked.json: quantization: scheme "},
        {NULL, "{\"compute_unit\": \"all\"}", "asked.json: compute_unit: compute unit: "},
        {NULL, "{\"minimum_deployment_target\": \"iOS18\"}",
         "asked.json: minimum_deployment_target: target: "},
        {"coreml", "{\"minimum_deployment_target\": \"iOS17\"}",
         "asked.json: minimum_deployment_target: target: "},
        {NULL, "{\"backend\": \"mps\"}", "asked.json: backend: expected one of xnnpack"},
    };
    dlx_model *m = support_open("sdar-tiny-b4");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dlx_export_opts opts = {.size = sizeof opts,
                                      .backend = cases[i].backend,
                                      .config = write_settings(cases[i].json)};
        refuses(m, &opts, cases[i].said);
    }
    /* What the caller says is no word of the file. */
    dlx_error err;
    const dlx_export_opts own = {
        .size = sizeof own, .n_ctx = 100000, .config = write_settings("{\"max_seq_len\": 64}")};
    assert_int_equal(dlx_export(m, support_tmp("refused.out"), &own, NULL, &err), DLX_E_ARG);
    assert_int_equal(strncmp(err.text, "context: ", 9), 0);
    const dlx_export_opts taken = {
        .size = sizeof taken, .n_ctx = 32, .config = write_settings("{\"dynamic_shapes\": true}")};
    json_decref(exported(m, &taken));
    dlx_model_free(m);
}

static void names_of_files_do_not_steer_the_terminal(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"backend\": \"mps\"}", "{\"max_seq_len\": 100000}",
                                        "{\"backend\": \"qnn\", \"dynamic_shapes\": true}"};
    dlx_model *m = support_open("sdar-tiny-b4");
    char path[4097];
    snprintf(path, sizeof path, "%s", support_tmp("a\x1b[31m\xC2\x9B.json"));
    for (size_t i = 0; i < 3; i++) {
        dlx_error err;
        const dlx_export_opts opts = {.size = sizeof opts, .config = path};
        support_write(path, texts[i]);
        assert_int_not_equal(dlx_export(m, support_tmp("refused.out"), &opts, NULL, &err), DLX_OK);
        assert_null(strchr(err.text, '\x1b'));
        assert_null(strstr(err.text, "\xC2\x9B"));
    }
    remove(path);
    dlx_model_free(m);
}

/* Of families that need none K and V are kept where the file says so, and the caller may not. */
static void a_cache_that_is_asked_for(void **state)
{
    (void)state;
    static const char *const kept[] = {"state", "io", "io"};
    dlx_model *m = support_open("llada-tiny");
    for (size_t i = 0; i < 3; i++) {
        dlx_export_opts opts = {.size = sizeof opts,
                                .backend = backends[i],
                                .n_ctx = 32,
                                .config = write_settings("{\"use_kv_cache\": true}")};
        json_t *report = exported(m, &opts);
        assert_text(report, "cache", kept[i]);
        json_decref(report);
        opts.cache = "none";
        report = exported(m, &opts);
        assert_text(report, "cache", "none");
        json_decref(report);
        opts.cache = NULL;
        opts.config = write_settings("{}");
        report = exported(m, &opts);
        assert_text(report, "cache", "none");
        json_decref(report);
    }
    dlx_model_free(m);
}

/* ---- sizes of static graphs ------------------------------------------------------------------ */

/* What is reported is what the files take. */
static void a_canvas_has_its_rows(void **state)
{
    (void)state;
    static const size_t lengths[] = {16, 8};
    dlx_model *m = support_open("llada-tiny");
    for (size_t i = 1; i < 3; i++) {
        dlx_export_opts opts = {
            .size = sizeof opts, .backend = backends[i], .canvases = lengths, .n_canvases = 2};
        json_t *report = exported(m, &opts);
        assert_size(report, "n_rows", 16);
        assert_size(report, "n_ctx", 16);
        json_decref(report);
        opts.cache = "io"; /* positions that are kept go beyond a canvas */
        opts.n_ctx = 64;
        report = exported(m, &opts);
        assert_size(report, "n_rows", 16);
        assert_size(report, "n_ctx", 64);
        json_decref(report);
        opts.n_rows = 32;
        refuses(m, &opts, "rows: a pass has the rows of its canvas");
        opts.n_rows = 0;
        opts.canvases = NULL;
        refuses(m, &opts, "canvas: expected a list of 2 lengths, found none");
    }
    dlx_model_free(m);
}

static void rows_are_those_of_prompts(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    dlx_export_opts opts = {
        .size = sizeof opts, .backend = "coreml", .cache = "state", .n_ctx = 32, .n_rows = 8};
    refuses(m, &opts, "rows: with states there is one function");
    opts.n_rows = 0;
    json_t *report = exported(m, &opts);
    assert_size(report, "n_rows", 4); /* of a block */
    json_decref(report);
    opts.cache = "io";
    opts.n_rows = 6;
    report = exported(m, &opts);
    assert_size(report, "n_rows", 8); /* whole blocks */
    json_decref(report);
    dlx_model_free(m);
}

/* Weights alone have none of what programs have. */
static void what_weights_alone_have_not(void **state)
{
    (void)state;
    static const size_t lengths[] = {16};
    const struct {
        dlx_export_opts opts;
        const char *said;
    } cases[] = {
        {{.backend = "qnn", .canvases = lengths, .n_canvases = 1}, "canvas: only programs"},
        {{.backend = "qnn", .soc = "SM8650"}, "soc: only programs"},
        {{.backend = "coreml", .target = "ios18"}, "target: only programs"},
        {{.backend = "coreml", .compute_unit = "all"}, "compute unit: only programs"},
    };
    dlx_model *m = support_open("llada-tiny");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx_error err;
        dlx_export_opts opts = cases[i].opts;
        opts.size = sizeof opts;
        assert_int_equal(dlx_export_weights(m, support_tmp("refused.gguf"), &opts, NULL, &err),
                         DLX_E_ARG);
        support_sentence(&err, cases[i].said);
    }
    dlx_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nine_pairs_of_backends),
        cmocka_unit_test(a_file_without_a_type),
        cmocka_unit_test(what_cannot_take_effect),
        cmocka_unit_test(a_cache_that_is_asked_for),
        cmocka_unit_test(a_canvas_has_its_rows),
        cmocka_unit_test(rows_are_those_of_prompts),
        cmocka_unit_test(what_weights_alone_have_not),
        cmocka_unit_test(names_of_files_do_not_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
