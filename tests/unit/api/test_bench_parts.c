/* test_bench_parts.c - the arithmetic under a benchmark: percentiles, and what a pass costs at
 * least. labels: quick */
#include "api/bench.h"
#include "api/shapes.h"
#include "dtype/convert.h"
#include "unit.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void percentiles_lie_between_neighbours(void **state)
{
    (void)state;
    double x[] = {4, 1, 3, 2};
    assert_true(dlx__percentile(x, 4, 0.0) == 1);
    assert_true(dlx__percentile(x, 4, 0.5) == 2.5);
    assert_true(dlx__percentile(x, 4, 1.0) == 4);
    assert_true(fabs(dlx__percentile(x, 4, 0.1) - 1.3) < 1e-12);
    double one[] = {7};
    assert_true(dlx__percentile(one, 1, 0.0) == 7 && dlx__percentile(one, 1, 0.9) == 7);
    assert_true(dlx__percentile(one, 0, 0.5) == 0);
}

static void samples_beyond_the_room_are_dropped(void **state)
{
    (void)state;
    double room[2];
    dlx__samples s = {.at = room, .capacity = 2};
    dlx__samples_add(&s, 5);
    dlx__samples_add(&s, 3);
    dlx__samples_add(&s, 1);
    assert_int_equal(s.n, 2);
    assert_true(dlx__samples_least(&s) == 3 && dlx__samples_most(&s) == 5);
    assert_true(dlx__samples_median(&s) == 4);
}

/* The shape "tiny" by hand: two layers of width 64, 4 heads and 2 of keys and values, each of 16,
 * feed-forward 128, vocabulary 512, no biases, q and k normed, in blocks of 4. */
enum { D = 64, Q = 64, KV = 32, FF = 128, V = 512, HD = 16, LAYERS = 2, HEADS = 4 };
enum { MATRIX = 2 * D * Q + 2 * D * KV + 3 * D * FF, VECTORS = 2 * D + 2 * HD };

static dlx_model *tiny(const char *type, const char *family)
{
    dlx_shape_opts o = {.size = sizeof o, .type = type, .family = family};
    dlx_model *model;
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx_model_open_shape(&model, "tiny", &o, &err), &err);
    return model;
}

static const dlx__arithmetic
    as_stored = {.kv_type = DLX__KV_F32, .scheme = DLX__SCHEME_DYNAMIC},
    by_row = {.kv_type = DLX__KV_F32, .scheme = DLX__SCHEME_DYNAMIC_ROW},
    recorded = {.kv_type = DLX__KV_F32, .scheme = DLX__SCHEME_STATIC},
    recorded16 = {.kv_type = DLX__KV_F32, .scheme = DLX__SCHEME_STATIC16},
    weight_only = {.kv_type = DLX__KV_F32, .scheme = DLX__SCHEME_WEIGHT_ONLY},
    int8 = {.int8 = true, .kv_type = DLX__KV_F32, .scheme = DLX__SCHEME_DYNAMIC},
    int8_only = {.int8 = true, .kv_type = DLX__KV_F32, .scheme = DLX__SCHEME_WEIGHT_ONLY},
    halves = {.bf16 = true, .halves = true, .kv_type = DLX__KV_BF16, .scheme = DLX__SCHEME_DYNAMIC},
    halves_f16 = {.bf16 = true,
                  .halves = true,
                  .kv_type = DLX__KV_F16,
                  .scheme = DLX__SCHEME_DYNAMIC},
    kept_bf16 = {.kv_type = DLX__KV_BF16, .scheme = DLX__SCHEME_DYNAMIC},
    in_vain = {.bf16 = true, .kv_type = DLX__KV_F32, .scheme = DLX__SCHEME_DYNAMIC};

static void a_pass_reads_each_weight_once(void **state)
{
    (void)state;
    dlx_model *model = tiny("bf16", NULL);
    dlx__work w;
    dlx__work_of_pass(&w, &model->core, &as_stored, NULL, 3, 8);
    double matrices = LAYERS * MATRIX + D * V; /* the head */
    double vectors = LAYERS * VECTORS + D;
    assert_true(w.bytes == 2 * matrices + 4 * vectors + 2.0 * 3 * D);
    assert_int_equal(dlx__layer_bytes(&model->core, &as_stored), 2 * MATRIX + 4 * VECTORS);
    dlx_model_free(model);
}

/* A byte a weight and a float an output; the embedding's rows as they are stored. */
static void weights_made_int8_are_read_as_such(void **state)
{
    (void)state;
    dlx_model *model = tiny("bf16", NULL);
    dlx__work w;
    dlx__work_of_pass(&w, &model->core, &int8, NULL, 3, 8);
    double outputs = LAYERS * (Q + 2 * KV + D + 2 * FF + D) + V;
    double matrices = LAYERS * MATRIX + D * V, vectors = LAYERS * VECTORS + D;
    assert_true(w.bytes == matrices + 4 * outputs + 4 * vectors + 2.0 * 3 * D);
    dlx_model_free(model);
}

static void products_count_by_type_and_attention_as_float(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const dlx__arithmetic *a;
        dlx__peak peak;
        const char *as;
    } types[] = {{"bf16", &as_stored, DLX__PEAK_F32, "bf16"},
                 {"bf16", &halves, DLX__PEAK_BF16, "bf16"},
                 {"bf16", &in_vain, DLX__PEAK_F32, "bf16"},
                 {"bf16", &int8, DLX__PEAK_INT8, "int8"},
                 {"f32", &int8, DLX__PEAK_INT8, "int8"},
                 {"q4_0", &int8, DLX__PEAK_INT4, "q4_0"},
                 {"q8_0", &as_stored, DLX__PEAK_INT8, "q8_0"},
                 {"q5_1", &as_stored, DLX__PEAK_INT8, "q5_1"},
                 {"q4_0", &as_stored, DLX__PEAK_INT4, "q4_0"},
                 {"f16", &halves, DLX__PEAK_F32, "f16"},
                 {"q8_0", &by_row, DLX__PEAK_INT8, "q8_0"},
                 {"q4_0", &recorded, DLX__PEAK_INT4, "q4_0"},
                 {"q4_0", &weight_only, DLX__PEAK_F32, "q4_0"},
                 {"q8_0", &recorded16, DLX__PEAK_F32, "q8_0"},
                 {"bf16", &int8_only, DLX__PEAK_F32, "int8"},
                 {"bf16", &recorded16, DLX__PEAK_F32, "bf16"}};
    for (size_t i = 0; i < DLX__LEN(types); i++) {
        dlx_model *model = tiny(types[i].type, NULL);
        dlx__work w;
        dlx__work_of_pass(&w, &model->core, types[i].a, NULL, 6, 8);
        const dlx__dtype stored = dlx__model_tensor(&model->core, DLX__ROLE_Q, 0)->dtype;
        assert_string_equal(dlx__multiplied_as(stored, types[i].a), types[i].as);
        /* rows at 8 .. 13 in blocks of 4: four see 12 positions, two see all 14 */
        double attention = 4.0 * LAYERS * HEADS * HD * (4 * 12 + 2 * 14);
        double products = 2.0 * 6 * (LAYERS * MATRIX + D * V);
        const dlx__peak attends = types[i].a->halves ? DLX__PEAK_BF16 : DLX__PEAK_F32;
        for (int p = 0; p < DLX__N_PEAKS; p++)
            assert_true(w.ops[p] == (p == (int)attends ? attention : 0) +
                                        (p == (int)types[i].peak ? products : 0));
        assert_true(dlx__work_ops(&w) == attention + products);
        dlx_model_free(model);
    }
}

static void bidirectional_rows_see_everything(void **state)
{
    (void)state;
    dlx_model *model = tiny("f32", "llada");
    dlx__work w;
    dlx__work_of_pass(&w, &model->core, &as_stored, NULL, 6, 8);
    double products = 2.0 * 6 * (LAYERS * MATRIX + D * V);
    const double attention = 4.0 * LAYERS * HEADS * HD * 6 * 14;
    assert_true(w.ops[DLX__PEAK_F32] == products + attention);
    dlx__work_of_pass(&w, &model->core, &halves, NULL, 6, 8);
    assert_true(w.ops[DLX__PEAK_F32] == products && w.ops[DLX__PEAK_BF16] == attention);
    /* pairs are multiplied where both are so */
    dlx__work_of_pass(&w, &model->core, &halves_f16, NULL, 6, 8);
    assert_true(w.ops[DLX__PEAK_F32] == products + attention);
    dlx__work_of_pass(&w, &model->core, &kept_bf16, NULL, 6, 8);
    assert_true(w.ops[DLX__PEAK_F32] == products + attention);
    dlx_model_free(model);
}

static void the_roof_is_the_slower_of_memory_and_arithmetic(void **state)
{
    (void)state;
    dlx__rates rates = {.read = {[DLX__READ_WEIGHTS] = 10}, .peak = {100, 200, 400, 800}};
    dlx__work w = {.bytes = 50, .ops = {[DLX__PEAK_F32] = 100, [DLX__PEAK_INT8] = 400}};
    assert_true(dlx__work_roof(&w, &rates) == 5); /* 50 / 10 against 1 + 1 */
    w.ops[DLX__PEAK_INT4] = 8000;
    assert_true(dlx__work_roof(&w, &rates) == 12);
}

/* A row of every type has the spread that was asked for, around 0. */
static void random_rows_have_their_spread(void **state)
{
    (void)state;
    enum { N = 1 << 14 };
    static uint8_t row[N * 4], again[N * 4];
    static float x[N];
    for (int t = 0; t < DLX__N_DTYPES; t++) {
        const char *name = dlx__dtype_of((dlx__dtype)t)->name;
        double sum = 0, squares = 0, wanted = 0.5 / sqrt(3.0);
        dlx__random_row(row, (dlx__dtype)t, N, 0.5f, 42);
        dlx__random_row(again, (dlx__dtype)t, N, 0.5f, 42);
        assert_memory_equal(row, again, dlx__dtype_bytes((dlx__dtype)t, N));
        dlx__to_f32(x, row, (dlx__dtype)t, N);
        for (size_t i = 0; i < N; i++) {
            sum += (double)x[i];
            squares += (double)x[i] * (double)x[i];
        }
        double rms = sqrt(squares / N), mean = sum / N;
        if (!(rms > 0.85 * wanted && rms < 1.15 * wanted && fabs(mean) < 0.15 * wanted))
            fail_msg("%s: root mean square %g, mean %g, wanted %g around 0", name, rms, mean,
                     wanted);
    }
}

/* ---- the report ------------------------------------------------------------------------------ */

static size_t json_calls, json_fails_at; /* 0: never */

static void *json_take(size_t n)
{
    json_calls++;
    return json_fails_at && json_calls >= json_fails_at ? NULL : malloc(n ? n : 1);
}

static double at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* Measurements by hand: two threads, one pass, one setting and the exact decode. */
typedef struct measured {
    double pass[3], head[3], rates[2], run[2][2];
    dlx__bench_pass one_pass;
    dlx__bench_team team;
    dlx__bench_gen gens[2];
    dlx_gen_opts gen;
    dlx_bench_opts opts;
    dlx__bench b;
} measured;

static void measured_init(measured *m, const dlx_model *model)
{
    *m = (measured){.pass = {0.003, 0.002, 0.004},
                    .head = {0.001, 0.0005, 0.002},
                    .rates = {1e9, 2e9},
                    .run = {{0.5, 0.25}, {1.0, 2.0}}};
    m->one_pass = (dlx__bench_pass){.rows = 4,
                                    .context = 8,
                                    .work = {.bytes = 2e6, .ops = {1e6}},
                                    .seconds = {m->pass, 3, 3},
                                    .head_seconds = {m->head, 3, 3}};
    m->team = (dlx__bench_team){
        .n_threads = 2, .passes = &m->one_pass, .n_passes = 1, .instruction_set = "abacus"};
    for (int i = 0; i < DLX__N_READS; i++)
        m->team.read[i] = (dlx__samples){m->rates, 2, 2};
    for (int i = 0; i < DLX__N_PEAKS; i++)
        m->team.peak[i] = (dlx__samples){m->rates, 2, 2};
    for (int i = 0; i < 2; i++) {
        m->gens[i] = (dlx__bench_gen){.run = {.name = i ? "exact" : "fast", .backend = "cpu"},
                                      .seconds = {m->run[i], 2, 2},
                                      .first_seconds = {m->run[i], 2, 2},
                                      .prefill_seconds = {m->run[i], 2, 2},
                                      .decode_seconds = {m->run[i], 2, 2},
                                      .tokens = 10,
                                      .passes = 6,
                                      .rows = 60,
                                      .decode_passes = 5,
                                      .decode_rows = 40,
                                      .n_same = 9,
                                      .n_compared = 12,
                                      .n_identical = 1};
    }
    m->opts = (dlx_bench_opts){.exact = &m->gen};
    m->b = (dlx__bench){.model = model,
                        .opts = &m->opts,
                        .teams = &m->team,
                        .n_teams = 1,
                        .gens = m->gens,
                        .n_gens = 2,
                        .n_prompts = 2};
}

static void a_report_does_its_sums(void **state)
{
    (void)state;
    measured m;
    dlx_model *model = tiny("q8_0", NULL);
    measured_init(&m, model);
    json_t *report = dlx__bench_report(&m.b, true);
    const json_t *pass = json_array_get(json_object_get(report, "passes"), 0);
    assert_true(at(pass, "ms_best") == 2 && at(pass, "ms_median") == 3);
    assert_true(at(pass, "ms_head") == 0.5);
    assert_true(at(pass, "ms_roof") == 1 && at(pass, "fraction_of_roof") == 0.5);
    const json_t *probe = json_object_get(report, "probe");
    assert_true(at(probe, "read_gbs") == 2 && at(probe, "read_gbs_median") == 1.5);
    assert_true(at(json_object_get(probe, "peaks_gops"), "int8") == 2);
    const json_t *fast = json_object_get(report, "generate");
    assert_true(at(fast, "tokens_per_second") == 40 && at(fast, "seconds_median") == 0.375);
    assert_true(at(fast, "passes_per_token") == 0.5 && at(fast, "rows_per_pass") == 8);
    assert_true(at(fast, "agreement") == 0.75 && at(fast, "identical_answers") == 1);
    const json_t *exact = json_array_get(json_object_get(report, "runs"), 1);
    assert_true(at(exact, "agreement") == 1 && at(exact, "identical_answers") == 2);
    json_decref(report);
    dlx_model_free(model);
}

/* A backend that says nothing keeps float32, and what it does not do is refused with the list. */
static void types_that_a_backend_lacks_are_refused(void **state)
{
    (void)state;
    dlx_model *model = tiny("bf16", NULL);
    const dlx__backend_class silent = {.name = "silent", .plain = true};
    const dlx__backend_class half = {.name = "half",
                                     .kv_types = 1u << DLX__KV_F32 | 1u << DLX__KV_F16};
    dlx__arithmetic a;
    dlx_error err = {.code = DLX_OK};
    dlx__arithmetic_names names = {.kv_type = NULL};
    assert_ok(dlx__api_arithmetic(&a, &model->core, &silent, names, &err), &err);
    assert_int_equal(a.kv_type, DLX__KV_F32);
    assert_int_equal(a.scheme, DLX__SCHEME_WEIGHT_ONLY);
    names.kv_type = "f16";
    assert_int_equal(dlx__api_arithmetic(&a, &model->core, &silent, names, &err), DLX_E_ARG);
    assert_string_equal(err.text,
                        "kv_type: expected one of float32 of the silent backend, found f16");
    assert_ok(dlx__api_arithmetic(&a, &model->core, &half, names, &err), &err);
    assert_int_equal(a.kv_type, DLX__KV_F16);
    names.kv_type = "int8";
    assert_int_equal(dlx__api_arithmetic(&a, &model->core, &half, names, &err), DLX_E_ARG);
    assert_non_null(strstr(err.text, "float32, f16 of the half backend, found int8"));
    names.kv_type = NULL;
    names.compute = "bf16"; /* of which it has no type */
    assert_ok(dlx__api_arithmetic(&a, &model->core, &half, names, &err), &err);
    assert_int_equal(a.kv_type, DLX__KV_F32);
    dlx_model_free(model);
}

/* Without memory for some part there is no report, rather than one without that part. */
static void a_report_is_whole_or_missing(void **state)
{
    (void)state;
    dlx_model *model = tiny("q8_0", NULL);
    json_t *report = NULL;
    for (json_fails_at = 1; !report; json_fails_at++) {
        measured m;
        measured_init(&m, model);
        json_calls = 0;
        json_set_alloc_funcs(json_take, free);
        report = dlx__bench_report(&m.b, true);
        json_set_alloc_funcs(malloc, free);
        assert_true(json_fails_at < 2000);
    }
    assert_true(json_fails_at > 100);
    assert_int_equal(json_object_size(report), 20);
    assert_int_equal(json_array_size(json_object_get(report, "runs")), 2);
    json_decref(report);
    dlx_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_lie_between_neighbours),
        cmocka_unit_test(samples_beyond_the_room_are_dropped),
        cmocka_unit_test(a_pass_reads_each_weight_once),
        cmocka_unit_test(weights_made_int8_are_read_as_such),
        cmocka_unit_test(products_count_by_type_and_attention_as_float),
        cmocka_unit_test(bidirectional_rows_see_everything),
        cmocka_unit_test(the_roof_is_the_slower_of_memory_and_arithmetic),
        cmocka_unit_test(random_rows_have_their_spread),
        cmocka_unit_test(a_report_does_its_sums),
        cmocka_unit_test(types_that_a_backend_lacks_are_refused),
        cmocka_unit_test(a_report_is_whole_or_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
