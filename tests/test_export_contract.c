// labels: quick export
/*
 * test_export_contract.c - what the Python original got wrong about programs (C11, C12, C19, C23 of
 * TEST_PLAN.md), seen in the files themselves; test_program_traces.c runs them.
 */
#include "support.h"

#include <dlx/export.h>
#include <dlx/tools.h>

#include <jansson.h>
#include <math.h>

/* The report on a program of this model; to be released. */
static json_t *exported(const dlx_model *m, const dlx_export_opts *opts)
{
    char *text;
    char path[4097];
    dlx_error err;
    snprintf(path, sizeof path, "%s", support_tmp("contract.pte"));
    const dlx_program_opts program = {.size = sizeof program, .data_path = opts->data_path};
    if (dlx_export(m, path, opts, NULL, &err) != DLX_OK ||
        dlx_inspect_program(path, &program, &text, &err) != DLX_OK)
        fail_msg("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(NULL, text);
    assert_non_null(report);
    return report;
}

static json_t *method(const json_t *report, const char *name)
{
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(report, "methods"), i, m)
    {
        if (strcmp(json_string_value(json_object_get(m, "name")), name) == 0)
            return m;
    }
    fail_msg("expected a method %s", name);
    return NULL;
}

static json_int_t told(const json_t *report, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(report, "metadata"), name));
}

/* Dimension d of value i of a method's list. */
static json_int_t dim(const json_t *m, const char *list, size_t i, size_t d)
{
    const json_t *value = json_array_get(json_object_get(m, list), i);
    return json_integer_value(json_array_get(json_object_get(value, "shape"), d));
}

static bool is_dynamic(const json_t *m, const char *list, size_t i)
{
    return json_is_true(json_object_get(json_array_get(json_object_get(m, list), i), "dynamic"));
}

/* Keys that nobody wrote and rows that pad are no part of a pass: its lengths follow the call. The
 * only mask is that of prompts, as wide as what is kept and the rows. */
static void c11_a_pass_is_as_long_as_what_it_is_given(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    const dlx_export_opts in = {.size = sizeof in, .n_ctx = 64, .n_rows = 16};
    const dlx_export_opts out = {.size = sizeof out, .cache = "io", .n_ctx = 64, .n_rows = 16};
    json_t *inside = exported(m, &in), *outside = exported(m, &out);
    const json_t *forward = method(inside, "forward"), *masked = method(inside, "forward_masked");
    assert_int_equal(json_array_size(json_object_get(forward, "inputs")), 2);
    assert_true(is_dynamic(forward, "inputs", 0) && is_dynamic(forward, "outputs", 0));
    assert_true(is_dynamic(masked, "inputs", 2));
    assert_int_equal(dim(masked, "inputs", 2, 0), 16);
    assert_int_equal(dim(masked, "inputs", 2, 1), 64 + 16);
    forward = method(outside, "forward");
    for (size_t i = 2; i < json_array_size(json_object_get(forward, "inputs")); i++)
        assert_true(is_dynamic(forward, "inputs", i)); /* [kv, positions kept, c] */
    json_decref(inside);
    json_decref(outside);
    dlx_model_free(m);
}

/* Every id that ends an answer is in the file, as the model has them. */
static void c12_a_program_tells_every_stop_id(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "dream-tied",
                                          "llada-tiny"};
    const dlx_export_opts opts = {.size = sizeof opts, .n_ctx = 64};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        dlx_model *m = support_open(folders[f]);
        dlx_model_info info;
        dlx_model_get_info(m, &info);
        json_t *report = exported(m, &opts);
        const json_t *ids = json_object_get(json_object_get(report, "metadata"), "get_eos_ids");
        assert_true(info.n_stop_ids > 0);
        for (size_t i = 0; i < info.n_stop_ids; i++)
            assert_int_equal(json_integer_value(json_is_array(ids) ? json_array_get(ids, i) : ids),
                             info.stop_ids[i]);
        assert_int_equal(json_is_array(ids) ? json_array_size(ids) : 1, info.n_stop_ids);
        assert_int_equal(told(report, "get_mask_token_id"), info.mask_id);
        json_decref(report);
        dlx_model_free(m);
    }
}

/* Does a delegate of forward multiply by weights of this type? */
static bool multiplies_by(const json_t *report, const char *type)
{
    size_t i;
    json_t *node;
    const json_t *delegate =
        json_array_get(json_object_get(method(report, "forward"), "delegates"), 0);
    json_array_foreach(json_object_get(delegate, "nodes"), i, node)
    {
        const char *weights = json_string_value(json_object_get(node, "weights"));
        if (weights && strcmp(weights, type) == 0)
            return true;
    }
    return false;
}

/* What is asked for is in the file: each option by itself, none by its default. */
static void c19_every_option_takes_effect(void **state)
{
    (void)state;
    static const char *const types[][2] = {
        {"fp16", "fp16"}, {"int8", "qcint8"}, {"int4", "qbint4"}};
    dlx_model *m = support_open("sdar-tiny-b4");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const dlx_export_opts opts = {.size = sizeof opts, .dtype = types[i][0], .n_ctx = 32};
        json_t *report = exported(m, &opts);
        assert_true(multiplies_by(report, types[i][1]));
        json_decref(report);
    }
    char data[4097];
    snprintf(data, sizeof data, "%s", support_tmp("contract.ptd"));
    const dlx_export_opts opts = {.size = sizeof opts,
                                  .cache = "io",
                                  .n_ctx = 48,
                                  .n_rows = 24,
                                  .block_length = 8,
                                  .data_path = data};
    json_t *report = exported(m, &opts);
    assert_false(multiplies_by(report, "qbint4"));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(report, "metadata"), "get_cache_layout")),
        "io");
    assert_int_equal(told(report, "get_max_context_len"), 48);
    assert_int_equal(told(report, "get_max_seq_len"), 24);
    assert_int_equal(told(report, "get_block_size"), 8);
    assert_true(json_integer_value(json_object_get(json_object_get(report, "data"), "bytes")) > 0);
    json_decref(report);
    dlx_model_free(m);
}

/* --ctx is what the caches hold, and the file says all that is needed to decode with it. */
static void c23_the_context_sizes_the_cache(void **state)
{
    (void)state;
    static const char *const names[] = {"get_vocab_size",    "get_n_layers",     "get_block_size",
                                        "get_mask_token_id", "get_shift_logits", "get_sampler",
                                        "get_threshold",     "get_model_type",   "use_kv_cache"};
    dlx_model *m = support_open("sdar-tiny-b4");
    for (size_t n_ctx = 32; n_ctx <= 128; n_ctx *= 2) {
        const dlx_export_opts opts = {.size = sizeof opts, .n_ctx = n_ctx, .n_rows = 16};
        json_t *report = exported(m, &opts);
        const json_t *forward = method(report, "forward");
        assert_int_equal(json_array_size(json_object_get(forward, "state")), 2 * 3);
        for (size_t i = 0; i < 2 * 3; i++)
            assert_int_equal(dim(forward, "state", i, 1), n_ctx);
        assert_int_equal(told(report, "get_max_context_len"), n_ctx);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            assert_non_null(json_object_get(json_object_get(report, "metadata"), names[i]));
        json_decref(report);
    }
    dlx_model_free(m);
}

/* Names that are none, or the same twice: nothing is written, and a sentence says which. */
static void names_that_are_none(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    dlx_error err;
    char *path = NULL;
    const char *same[][2] = {{"a.pte", "a.pte"}, {"a.pte", "./a.pte"}, {"x//b.pte", "x/./b.pte"}};
    const dlx_export_opts empty = {.size = sizeof empty, .data_path = ""};
    assert_int_equal(dlx_export(NULL, "a.pte", NULL, NULL, &err), DLX_E_ARG);
    support_sentence(&err, "no model was given");
    assert_int_equal(dlx_export(m, NULL, NULL, NULL, &err), DLX_E_ARG);
    support_sentence(&err, "no path was named");
    assert_int_equal(dlx_export(m, "", NULL, NULL, &err), DLX_E_ARG);
    assert_int_equal(dlx_export_weights(m, NULL, NULL, NULL, &err), DLX_E_ARG);
    support_sentence(&err, "no path was named");
    assert_int_equal(dlx_export(m, "a.pte", &empty, NULL, &err), DLX_E_ARG);
    support_sentence(&err, "data path");
    assert_int_equal(dlx_export_path(NULL, &path, &err), DLX_E_ARG);
    support_sentence(&err, "no file of settings");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const dlx_export_opts opts = {.size = sizeof opts, .data_path = same[i][1]};
        assert_int_equal(dlx_export(m, same[i][0], &opts, NULL, &err), DLX_E_ARG);
        support_sentence(&err, "the same file");
    }
    dlx_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c11_a_pass_is_as_long_as_what_it_is_given),
        cmocka_unit_test(c12_a_program_tells_every_stop_id),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(c19_every_option_takes_effect),
        cmocka_unit_test(c23_the_context_sizes_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
