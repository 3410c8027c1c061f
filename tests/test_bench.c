/*
 * test_bench.c - measuring through the public interface: what a report holds, what is refused and
 * how, and models with random weights. Times are not judged here. labels: quick
 */
#include "failing_mem.h"
#include "support.h"

#include <dlx/tools.h>

#include <jansson.h>
#include <math.h>

static dlx_model *open_shape(const char *shape, const char *type, const char *family)
{
    dlx_shape_opts o = {.size = sizeof o, .type = type, .family = family};
    dlx_model *model;
    dlx_error err = {.code = DLX_OK};
    if (dlx_model_open_shape(&model, shape, &o, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return model;
}

static json_t *bench(const dlx_model *model, const dlx_bench_opts *opts)
{
    char *text;
    dlx_error err = {.code = DLX_OK};
    if (dlx_bench(model, opts, &text, &err) != DLX_OK)
        fail_msg("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(model, text);
    assert_non_null(report);
    return report;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("no number \"%s\"", key);
    return json_number_value(value);
}

static const char *text(const json_t *object, const char *key)
{
    const char *found = json_string_value(json_object_get(object, key));
    if (!found || !*found)
        fail_msg("no text \"%s\"", key);
    return found;
}

/* ---- reports --------------------------------------------------------------------------------- */

static void check_pass(const json_t *p, size_t rows, size_t context, int threads)
{
    assert_int_equal((int)number(p, "rows"), rows);
    assert_int_equal((int)number(p, "context"), context);
    assert_int_equal((int)number(p, "threads"), threads);
    assert_string_equal(text(p, "type"), "q8_0");
    assert_true(number(p, "ms_best") > 0 && number(p, "ms_median") >= number(p, "ms_best"));
    assert_true(number(p, "ms_head") > 0 && number(p, "ms_head") <= number(p, "ms_best"));
    double fraction = number(p, "fraction_of_roof");
    assert_true(fraction > 0 && fraction < 2);
    assert_true(fabs(fraction - number(p, "ms_roof") / number(p, "ms_best")) < 1e-6);
    assert_true(number(p, "bytes") > 0 && number(p, "ops") > 0 && number(p, "samples") >= 2);
}

static void check_probe(const json_t *p, int threads)
{
    assert_int_equal((int)number(p, "threads"), threads);
    assert_true(number(p, "read_gbs") > 0 && number(p, "read_gbs_median") > 0);
    assert_true(number(p, "read_gbs") >= number(p, "read_gbs_median"));
    assert_true(number(p, "read_layer_gbs") > 0 && number(p, "read_weights_gbs") > 0);
    const json_t *peaks = json_object_get(p, "peaks_gops");
    assert_true(number(p, "peak_gops") == number(peaks, "int8"));
    assert_true(number(peaks, "f32") > 0 && number(peaks, "bf16") > 0 && number(peaks, "int4") > 0);
    text(p, "instruction_set");
}

static void a_report_holds_passes_probe_machine_and_build(void **state)
{
    (void)state;
    static const size_t rows[] = {1, 5}, contexts[] = {0, 30};
    static const int threads[] = {1, 2};
    dlx_model *model = open_shape("tiny", NULL, NULL);
    dlx_bench_opts o = {.size = sizeof o,
                        .rows = rows,
                        .n_rows = 2,
                        .contexts = contexts,
                        .n_contexts = 2,
                        .threads = threads,
                        .n_threads = 2,
                        .n_rounds = 2};
    json_t *report = bench(model, &o);
    const json_t *passes = json_object_get(report, "passes");
    assert_int_equal(json_array_size(passes), 8);
    for (size_t i = 0; i < 8; i++)
        check_pass(json_array_get(passes, i), rows[i % 2], contexts[i / 2 % 2], threads[i / 4]);
    const json_t *probes = json_object_get(report, "probes");
    assert_int_equal(json_array_size(probes), 2);
    check_probe(json_array_get(probes, 0), 1);
    check_probe(json_array_get(probes, 1), 2);
    assert_true(json_equal(json_object_get(report, "probe"), json_array_get(probes, 1)));
    assert_true(json_is_null(json_object_get(report, "generate")));
    assert_true(number(report, "load_seconds") > 0 && number(report, "first_pass_seconds") > 0);
    assert_true(number(report, "peak_rss_bytes") > number(report, "weights_bytes"));
    dlx_model_info info;
    dlx_model_get_info(model, &info);
    assert_true(number(report, "weights_bytes") == (double)info.weight_bytes);
    assert_true(number(report, "kv_bytes") == (double)(info.kv_bytes_per_token * 35));
    text(json_object_get(report, "machine"), "cpu");
    text(json_object_get(report, "machine"), "kernels");
    text(json_object_get(report, "build"), "compiler");
    assert_int_equal(strlen(text(report, "date")), strlen("2026-11-24"));
    assert_true(json_is_true(json_object_get(report, "complete")));
    json_decref(report);
    dlx_model_free(model);
}

/* ---- generation ------------------------------------------------------------------------------ */

static const size_t one_row[] = {1};
static const size_t short_context[] = {32};

static dlx_bench_opts brief(void)
{
    return (dlx_bench_opts){.size = sizeof(dlx_bench_opts),
                            .rows = one_row,
                            .n_rows = 1,
                            .contexts = short_context,
                            .n_contexts = 1,
                            .n_rounds = 1};
}

/* Every family reveals as many tokens a pass as it is told to. */
static void a_forced_schedule_reveals_k_tokens_a_pass(void **state)
{
    (void)state;
    static const char *const families[] = {"fast-dllm-v2", "dream", "llada", "sdar"};
    static dlx_token prompt[32]; /* whole blocks, so that no more is decoded than asked */
    for (size_t f = 0; f < 4; f++) {
        dlx_model *model = open_shape("tiny", "bf16", families[f]);
        dlx_session *session = support_session(model, "cpu", 64);
        for (size_t k = 1; k <= 4; k *= 2) {
            dlx_gen_opts gen;
            dlx_gen_result result;
            dlx_error err = {.code = DLX_OK};
            dlx_gen_init(model, &gen);
            gen.max_tokens = 32;
            assert_ok(dlx_bench_force(model, k, &gen, &err), &err);
            for (size_t i = 0; i < 32; i++) /* another one, so that its K/V are computed anew */
                prompt[i] = (dlx_token)(i + k);
            assert_ok(dlx_generate(session, prompt, 32, &gen, &result, &err), &err);
            assert_int_equal(result.n_ids, 32);
            /* One pass for the prompt; Fast-dLLM v2 takes the first token of a block from it. */
            if (result.passes + 1 < 32 / k || result.passes > 32 / k + 2)
                fail_msg("%s, %zu a pass: %zu passes for 32 tokens", families[f], k, result.passes);
        }
        dlx_session_free(session);
        dlx_model_free(model);
    }
}

/* The baseline: one token a pass, whatever is asked for. */
static void autoregressive_shapes_take_a_pass_a_token(void **state)
{
    (void)state;
    static const char *const families[] = {"llama", "qwen2", "qwen3"};
    static const dlx_token prompt[] = {1, 2, 3};
    for (size_t f = 0; f < 3; f++) {
        dlx_model *model = open_shape("tiny", "q8_0", families[f]);
        dlx_session *session = support_session(model, "cpu", 64);
        dlx_gen_opts gen;
        dlx_gen_result result;
        dlx_error err = {.code = DLX_OK};
        dlx_gen_init(model, &gen);
        gen.max_tokens = 16;
        assert_int_equal(dlx_bench_force(model, 2, &gen, &err), DLX_E_ARG);
        support_sentence(&err, "writes one; choose 1");
        assert_ok(dlx_bench_force(model, 1, &gen, &err), &err);
        assert_int_equal(gen.n_stop_ids, 0);
        assert_ok(dlx_generate(session, prompt, 3, &gen, &result, &err), &err);
        assert_int_equal(result.n_ids, 16);
        assert_int_equal(result.passes, 16);
        assert_int_equal(result.rows, 3 + 15);
        dlx_session_free(session);
        dlx_model_free(model);
    }
}

static void an_answer_is_told_in_figures(void **state)
{
    (void)state;
    dlx_model *model = open_shape("tiny", NULL, NULL);
    dlx_gen_opts gen;
    dlx_error err = {.code = DLX_OK};
    dlx_gen_init(model, &gen);
    gen.max_tokens = 16;
    assert_ok(dlx_bench_force(model, 2, &gen, &err), &err);
    dlx_bench_run run = {.gen = &gen};
    dlx_bench_opts o = brief();
    o.runs = &run;
    o.n_runs = 1;
    o.n_rounds = 3;
    json_t *report = bench(model, &o);
    const json_t *g = json_object_get(report, "generate");
    assert_int_equal((int)number(g, "tokens"), 16);
    assert_int_equal((int)number(g, "prompt_tokens"), 32);
    assert_int_equal((int)number(g, "decode_passes"), 8);
    assert_true(number(g, "passes") >= 8 && number(g, "passes") <= 9);
    assert_true(number(g, "passes_per_token") == 0.5);
    assert_true(number(g, "rows_per_pass") >= 4 && number(g, "rows_per_pass") <= 8);
    assert_true(number(g, "tokens_per_second") == 16 / number(g, "seconds_best"));
    assert_true(number(g, "decode_tokens_per_second") > number(g, "tokens_per_second"));
    assert_true(number(g, "prefill_seconds") > 0);
    assert_true(number(g, "prefill_seconds") < number(g, "seconds_best"));
    assert_true(number(g, "first_token_seconds") < number(g, "seconds_best"));
    assert_true(number(g, "seconds_median") >= number(g, "seconds_best"));
    json_decref(report);
    dlx_model_free(model);
}

static void schedules_that_do_not_divide_are_refused(void **state)
{
    (void)state;
    dlx_gen_opts gen;
    dlx_error err = {.code = DLX_OK};
    dlx_model *model = open_shape("tiny", NULL, NULL);
    dlx_gen_init(model, &gen);
    assert_int_equal(dlx_bench_force(model, 3, &gen, &err), DLX_E_ARG);
    support_sentence(&err, "block of 4");
    assert_int_equal(dlx_bench_force(model, 0, &gen, &err), DLX_E_ARG);
    support_sentence(&err, "at least 1");
    dlx_model_free(model);
    model = open_shape("tiny", NULL, "dream");
    dlx_gen_init(model, &gen);
    gen.max_tokens = 30;
    assert_int_equal(dlx_bench_force(model, 4, &gen, &err), DLX_E_ARG);
    support_sentence(&err, "answer of 30");
    dlx_model_free(model);
}

/* Two settings and the exact decode, on two prompts. */
static void settings_are_held_against_the_exact_decode(void **state)
{
    (void)state;
    dlx_model *model = support_open("llada-tiny");
    dlx_gen_opts exact, dual;
    dlx_gen_init(model, &exact);
    exact.max_tokens = 32;
    exact.block_length = 8;
    exact.steps = 16;
    dual = exact;
    dual.cache = "dual";
    static const dlx_token a[] = {1, 2, 3}, b[] = {7, 8, 9, 10, 11};
    dlx_bench_prompt prompts[] = {{a, 3}, {b, 5}};
    dlx_bench_run runs[] = {{.name = "one thread", .gen = &exact, .n_threads = 1},
                            {.name = "dual", .gen = &dual},
                            {.name = "truth", .gen = &exact, .backend = "reference"}};
    dlx_bench_opts o = brief();
    o.n_rounds = 2;
    o.runs = runs;
    o.n_runs = 3;
    o.exact = &exact;
    o.prompts = prompts;
    o.n_prompts = 2;
    json_t *report = bench(model, &o);
    const json_t *list = json_object_get(report, "runs");
    assert_int_equal(json_array_size(list), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *g = json_array_get(list, i);
        double agreement = number(g, "agreement");
        assert_true(agreement >= 0 && agreement <= 1);
        assert_true(agreement == number(g, "same_tokens") / number(g, "compared_tokens"));
        assert_int_equal((int)number(g, "prompt_tokens"), 8);
        if (i != 1)
            assert_true(agreement == 1 && number(g, "identical_answers") == 2);
    }
    assert_string_equal(text(json_array_get(list, 1), "name"), "dual");
    assert_true(number(json_array_get(list, 1), "rows_per_pass") <
                number(json_array_get(list, 0), "rows_per_pass"));
    assert_string_equal(text(json_array_get(list, 3), "name"), "exact");
    assert_true(json_equal(json_array_get(list, 0), json_object_get(report, "generate")));
    json_decref(report);
    dlx_model_free(model);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refuse(const dlx_model *model, const dlx_bench_opts *o, dlx_result code,
                   const char *part)
{
    char *json;
    dlx_error err = {.code = DLX_OK};
    dlx_result r = dlx_bench(model, o, &json, &err);
    assert_null(json);
    if (r != code)
        fail_msg("expected result %d about '%s', got %d: %s", code, part, r, err.text);
    support_sentence(&err, part);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    static const size_t no_rows[] = {4, 0};
    static const int bad_threads[] = {0, 10000};
    dlx_model *model = open_shape("tiny", NULL, NULL);
    dlx_bench_opts o = brief();
    o.rows = no_rows;
    o.n_rows = 2;
    refuse(model, &o, DLX_E_ARG, "found 0");
    for (size_t i = 0; i < 2; i++) {
        o = brief();
        o.threads = &bad_threads[i];
        o.n_threads = 1;
        refuse(model, &o, DLX_E_ARG, "1 to 1024");
    }
    o = brief();
    o.n_rounds = 1000000;
    refuse(model, &o, DLX_E_ARG, "1000000");
    o = brief();
    o.backend = "abacus";
    refuse(model, &o, DLX_E_ARG, "abacus");
    dlx_gen_opts gen;
    dlx_gen_init(model, &gen);
    gen.cache = "dual";
    dlx_bench_run run = {.name = "wrong", .gen = &gen};
    o = brief();
    o.runs = &run;
    o.n_runs = 1;
    refuse(model, &o, DLX_E_ARG, "wrong: ");
    dlx_model_free(model);
}

static void a_context_larger_than_the_memory_is_refused_with_the_numbers(void **state)
{
    (void)state;
    static const size_t vast[] = {2000000000};
    dlx_model *model = open_shape("tiny", NULL, NULL);
    dlx_bench_opts o = brief();
    o.contexts = vast;
    refuse(model, &o, DLX_E_NOMEM, "2000000001 positions");
    refuse(model, &o, DLX_E_NOMEM, "GiB");
    dlx_model_free(model);
}

static void unknown_shapes_types_and_families_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *shape, *type, *family, *part;
    } bad[] = {{"qwen9", NULL, NULL, "qwen2.5-0.5b"},
               {NULL, NULL, NULL, "none"},
               {"tiny", "q3_k", NULL, "q4_k"},
               {"tiny", "int8", NULL, "take bf16 here"},
               {"tiny", NULL, "gpt", "fast-dllm-v2"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dlx_shape_opts o = {.size = sizeof o, .type = bad[i].type, .family = bad[i].family};
        dlx_model *model;
        dlx_error err = {.code = DLX_OK};
        assert_true(dlx_model_open_shape(&model, bad[i].shape, &o, &err) < 0);
        assert_null(model);
        support_sentence(&err, bad[i].part);
    }
}

/* ---- random weights -------------------------------------------------------------------------- */

static void every_type_and_family_gives_finite_logits(void **state)
{
    (void)state;
    static const dlx_token ids[] = {1, 2, 3, 4, 5};
    enum { V = 512 };
    static float logits[5 * V], again[5 * V];
    for (const char *const *type = dlx_type_names(); *type; type++) {
        for (size_t f = 0; dlx_family_name(f); f++) {
            for (int turn = 0; turn < 2; turn++) {
                dlx_model *model = open_shape("tiny", *type, dlx_family_name(f));
                dlx_session *session = support_session(model, "cpu", 16);
                dlx_error err = {.code = DLX_OK};
                assert_ok(dlx_logits(session, ids, 5, turn ? again : logits, &err), &err);
                dlx_session_free(session);
                dlx_model_free(model);
            }
            float least = logits[0], most = logits[0];
            for (size_t i = 0; i < 5 * V; i++) {
                assert_true(isfinite(logits[i]));
                least = fminf(least, logits[i]);
                most = fmaxf(most, logits[i]);
            }
            assert_true(most - least > 0.5f && most - least < 100);
            assert_memory_equal(logits, again, sizeof logits);
        }
    }
}

static void shapes_are_those_that_were_published(void **state)
{
    (void)state;
    static const struct {
        const char *name, *family;
        double n_params;
    } known[] = {{"qwen2.5-0.5b", "fast-dllm-v2", 494032768.0}, /* of the models' index files */
                 {"dream-7b", "dream", 15231233024.0 / 2},
                 {"llada-8b", "llada", 16031162368.0 / 2},
                 {"sdar-4b", "sdar", 8822848512.0 / 2},
                 {"sdar-8b", "sdar", 16381470720.0 / 2}};
    char *json;
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx_shapes(&json, &err), &err);
    json_t *list = json_loads(json, 0, NULL);
    dlx_free(NULL, json);
    size_t n = 0;
    for (; dlx_shape_names()[n]; n++)
        assert_string_equal(text(json_array_get(list, n), "name"), dlx_shape_names()[n]);
    assert_int_equal(json_array_size(list), n);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        for (size_t j = 0; j < n; j++) {
            const json_t *shape = json_array_get(list, j);
            if (strcmp(text(shape, "name"), known[i].name) != 0)
                continue;
            assert_string_equal(text(shape, "family"), known[i].family);
            assert_true(number(shape, "n_params") == known[i].n_params);
        }
    }
    json_decref(list);
}

/* ---- stopping, memory ------------------------------------------------------------------------ */

/* Stops when a piece of work is announced whose name holds the text. */
static bool stop_before(void *user, const char *what, size_t done, size_t all)
{
    assert_true(done <= all && *what);
    return !strstr(what, user);
}

static dlx_result stopped_before(const dlx_model *model, dlx_bench_opts *o, char *what,
                                 json_t **report)
{
    char *json;
    dlx_error err = {.code = DLX_OK};
    o->on_progress = stop_before;
    o->user = what;
    dlx_result r = dlx_bench(model, o, &json, &err);
    *report = json ? json_loads(json, 0, NULL) : NULL;
    dlx_free(model, json);
    if (r != DLX_OK)
        support_sentence(&err, r == DLX_CANCELLED ? "stopped" : "memory");
    return r;
}

/* However early it is stopped: a report of what there is, or none. */
static void a_stopped_benchmark_reports_what_it_has(void **state)
{
    (void)state;
    static const struct {
        char what[16];
        bool report;
        size_t n_passes;
    } cases[] = {{"loading", false, 0}, {"filling", false, 0},   {"warming up", false, 0},
                 {"probing", true, 0},  {"1 row over", true, 0}, {"generating", true, 1}};
    dlx_model *model = open_shape("tiny", NULL, NULL);
    dlx_gen_opts gen;
    dlx_gen_init(model, &gen);
    gen.max_tokens = 8;
    dlx_bench_run run = {.gen = &gen};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[16];
        json_t *report;
        dlx_bench_opts o = brief();
        o.runs = &run;
        o.n_runs = 1;
        memcpy(what, cases[i].what, sizeof what);
        assert_int_equal(stopped_before(model, &o, what, &report), DLX_CANCELLED);
        assert_int_equal(report != NULL, cases[i].report);
        if (report) {
            assert_true(json_is_false(json_object_get(report, "complete")));
            assert_int_equal(json_array_size(json_object_get(report, "passes")), cases[i].n_passes);
        }
        json_decref(report);
    }
    dlx_model_free(model);
}

/* Up to the probe, whose memory is large; it has a test of its own. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t at = 1;; at++) {
        failing_mem f;
        failing_mem_init(&f, at);
        dlx_shape_opts s = {.size = sizeof s, .mem = &f.mem};
        dlx_bench_opts o = brief();
        dlx_model *model;
        dlx_error err = {.code = DLX_OK};
        char what[] = "warming up";
        json_t *report = NULL;
        dlx_result r = dlx_model_open_shape(&model, "tiny", &s, &err);
        if (r == DLX_OK) {
            r = stopped_before(model, &o, what, &report);
            dlx_model_free(model);
        } else {
            support_sentence(&err, "memory");
        }
        assert_null(report);
        assert_int_equal(f.n_alive, 0);
        if (r == DLX_CANCELLED)
            break;
        assert_int_equal(r, DLX_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_holds_passes_probe_machine_and_build),
        cmocka_unit_test(a_forced_schedule_reveals_k_tokens_a_pass),
        cmocka_unit_test(autoregressive_shapes_take_a_pass_a_token),
        cmocka_unit_test(an_answer_is_told_in_figures),
        cmocka_unit_test(schedules_that_do_not_divide_are_refused),
        cmocka_unit_test(settings_are_held_against_the_exact_decode),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(a_context_larger_than_the_memory_is_refused_with_the_numbers),
        cmocka_unit_test(unknown_shapes_types_and_families_are_refused),
        cmocka_unit_test(every_type_and_family_gives_finite_logits),
        cmocka_unit_test(shapes_are_those_that_were_published),
        cmocka_unit_test(a_stopped_benchmark_reports_what_it_has),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
