// labels: export
/*
 * test_rounded.c - dlx_export_weights: the weights of a program as a GGUF file. Nothing is
 * lost of weights that the program can hold, and what is lost of others is told.
 */
#include "failing_mem.h"
#include "support.h"

#include <dlx/export.h>
#include <dlx/quant.h>

#include "base/mem.h"
#include "dtype/convert.h"
#include "model/bind.h"
#include "model/model.h"

#include <jansson.h>
#include <math.h>

#define RECORDS DLX_SOURCE_DIR "/models/records"
#define ROUNDED "rounded.gguf"

static dlx_model *open_path(const char *path)
{
    dlx_model *m;
    dlx_error err;
    if (dlx_model_open(&m, path, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return m;
}

/* The report on a program, or on its weights alone. */
static json_t *report_on(const dlx_model *m, const char *name, const dlx_export_opts *opts,
                         bool weights)
{
    char *text;
    dlx_error err;
    const dlx_result r = weights ? dlx_export_weights(m, support_tmp(name), opts, &text, &err)
                                 : dlx_export(m, support_tmp(name), opts, &text, &err);
    if (r != DLX_OK)
        fail_msg("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(m, text);
    assert_non_null(report);
    return report;
}

/* The report of rounding a model's file. */
static json_t *round_file(const dlx_model *m, const char *dtype)
{
    const dlx_export_opts opts = {.size = sizeof opts, .dtype = dtype};
    return report_on(m, ROUNDED, &opts, true);
}

static int count_of(const json_t *report, const char *key)
{
    return (int)json_integer_value(json_object_get(report, key));
}

static void open_core(dlx__model *m, const char *path)
{
    dlx_error err;
    if (dlx__model_open(m, path, DLX__NEED_WEIGHTS, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
}

/* All numbers of a tensor; to be freed. */
static float *floats_of(const dlx__tensor *t)
{
    const size_t n = dlx__tensor_elems(t);
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    dlx__to_f32(x, t->data, t->dtype, n);
    return x;
}

/* The largest difference of two tensors as a part of the first one's largest number. */
static double distance(const dlx__tensor *a, const dlx__tensor *b)
{
    double most = 0, worst = 0;
    float *x = floats_of(a), *y = floats_of(b);
    for (size_t i = 0; i < dlx__tensor_elems(a); i++) {
        most = fmax(most, fabs((double)x[i]));
        worst = fmax(worst, fabs((double)x[i] - (double)y[i]));
    }
    free(x);
    free(y);
    return most > 0 ? worst / most : worst;
}

/*
 * The largest distances between the tensors of a file and of the rounded one: matrices of products,
 * the embedding, all others.
 */
typedef struct distances {
    double products, table, others;
} distances;

static distances compare_with(const char *path)
{
    dlx__model a, b;
    distances d = {0};
    open_core(&a, path);
    open_core(&b, support_tmp(ROUNDED));
    for (int role = 0; role < DLX__N_ROLES; role++)
        for (size_t layer = 0; layer < (dlx__role_per_layer((dlx__role)role) ? a.hp.n_layers : 1);
             layer++) {
            const dlx__tensor *x = dlx__model_tensor(&a, (dlx__role)role, layer);
            if (!x && role == DLX__ROLE_HEAD)
                x = dlx__model_tensor(&a, DLX__ROLE_EMBED, 0); /* tied */
            const dlx__tensor *y = dlx__model_tensor(&b, (dlx__role)role, layer);
            if (!x || !y)
                continue;
            double *of = role == DLX__ROLE_EMBED ? &d.table
                         : x->n_dims == 2        ? &d.products
                                                 : &d.others;
            *of = fmax(*of, distance(x, y));
        }
    dlx__model_release(&a);
    dlx__model_release(&b);
    return d;
}

/* ---- weights that a program can hold ------------------------------------------------------- */

static void quantize(const dlx_model *m, const dlx_quantize_opts *opts)
{
    dlx_error err;
    if (dlx_quantize(m, support_tmp("stored.gguf"), opts, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
}

/* The file's matrices go into the program as they are, whatever method made them. */
static void nothing_is_rounded_twice(void **state)
{
    (void)state;
    static const struct {
        dlx_quantize_opts how;
        const char *dtype;
    } cases[] = {
        {{.type = "q4_0", .scales = "portable"}, "int4"},
        {{.type = "q4_0", .scales = "portable", .method = "awq"}, "int4"},
        {{.type = "q4_0", .scales = "portable", .method = "gptq"}, "int4"},
        {{.type = "q4_0", .scales = "portable", .method = "awq-gptq"}, "int4"},
        {{.type = "q8_0", .per_channel = true}, "int8"},
        {{.type = "q8_0", .per_channel = true, .method = "gptq"}, "int8"},
    };
    dlx_model *records = open_path(RECORDS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx_quantize_opts how = cases[i].how;
        how.size = sizeof how;
        how.calibrate = RECORDS "/calibration.jsonl";
        how.n_texts = 2;
        quantize(records, &how);
        dlx_model *stored = open_path(support_tmp("stored.gguf"));
        json_t *report = round_file(stored, cases[i].dtype);
        assert_int_equal(count_of(report, "rounded_again"), 0);
        const distances d = compare_with(support_tmp("stored.gguf"));
        assert_true(d.products == 0 && d.others == 0);
        assert_true(d.table <= 0x1p-11); /* fp16 */
        json_decref(report);
        dlx_model_free(stored);
    }
    dlx_model_free(records);
}

/* Signed scales, or several a row: rounded again, counted, and not far. */
static void what_is_rounded_again_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *type, *dtype;
        int n; /* 6 layers of 7 matrices, and the head */
    } cases[] = {{"q4_0", "int4", 43}, {"q8_0", "int8", 43}, {"q4_k", "int4", 43},
                 {"bf16", "int4", 0},  {"q8_0", "fp16", 0},  {"q4_0", "fp32", 0}};
    dlx_model *records = open_path(RECORDS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dlx_quantize_opts how = {.size = sizeof how, .type = cases[i].type};
        quantize(records, &how);
        dlx_model *stored = open_path(support_tmp("stored.gguf"));
        json_t *report = round_file(stored, cases[i].dtype);
        assert_int_equal(count_of(report, "rounded_again"), cases[i].n);
        json_decref(report);
        const double off = compare_with(support_tmp("stored.gguf")).products;
        assert_true(strcmp(cases[i].dtype, "fp32") == 0 ? off == 0 : off > 0 && off < 0.3);
        dlx_model_free(stored);
    }
    dlx_model_free(records);
}

/* ---- the file ------------------------------------------------------------------------------ */

/* A tied head is int8 and its table fp16: two tensors. Where both are alike they stay one. */
static void a_tied_head_is_another_tensor(void **state)
{
    (void)state;
    static const char *const dtypes[] = {"fp32", "fp16", "int8", "int4"};
    dlx_model *m = support_open("dream-tied");
    for (size_t i = 0; i < 4; i++) {
        dlx__model rounded;
        json_decref(round_file(m, dtypes[i]));
        open_core(&rounded, support_tmp(ROUNDED));
        assert_int_equal(rounded.hp.tied, i < 2);
        assert_int_equal(rounded.scheme, i < 2 ? DLX__SCHEME_NONE : DLX__SCHEME_DYNAMIC_AFFINE);
        dlx__model_release(&rounded);
        const distances d = compare_with(support_golden("dream-tied"));
        assert_true(i == 0 ? d.table == 0 : d.table > 0 && d.table < 0x1p-10);
        assert_true(i < 2 || (d.products > 1e-3 && d.products < 0.3));
        assert_true(d.others == 0);
    }
    dlx_model_free(m);
}

/* Rows that are no whole groups are int8 here too; q and k lie as GGUF wants them. */
static void every_family(void **state)
{
    (void)state;
    static const char *const folders[] = {"fast-dllm-v2-tiny", "llada-tiny", "sdar-tiny-b4-tied",
                                          "ar-llama-tiny", "ar-qwen3-tiny"};
    static const int n_fallbacks[] = {0, 0, 18, 2, 0};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        dlx_model *m = support_open(folders[f]);
        json_t *report = round_file(m, "fp32");
        const distances same = compare_with(support_golden(folders[f]));
        assert_true(same.products == 0 && same.table == 0 && same.others == 0);
        json_decref(report);
        report = round_file(m, "int4");
        assert_int_equal(count_of(report, "fallbacks"), n_fallbacks[f]);
        const distances d = compare_with(support_golden(folders[f]));
        assert_true(d.products > 1e-3 && d.products < 0.3 && d.others == 0);
        json_decref(report);
        dlx_model_free(m);
    }
}

/* Of these weights both reports say one number: that of the parts that are weights. */
static void both_reports_weigh_the_same(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4-tied", "dream-tied", "llada-tiny",
                                          "fast-dllm-v2-tiny", "ar-qwen2-tiny"};
    static const char *const dtypes[] = {"fp32", "fp16", "int8", "int8", "int4"};
    static const char *const parts[] = {"embedding", "attention", "feed_forward",
                                        "head",      "norms",     "biases"};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        dlx_model *m = support_open(folders[f]);
        for (size_t i = 0; i < 5; i++) {
            const dlx_export_opts program = {.size = sizeof program,
                                             .dtype = dtypes[i],
                                             .scheme = i == 3 ? "weight-only" : NULL,
                                             .n_ctx = 64,
                                             .no_denoise = true};
            const dlx_export_opts alone = {
                .size = sizeof alone, .dtype = dtypes[i], .scheme = program.scheme};
            json_t *told = report_on(m, "weighed.pte", &program, false);
            json_t *rounded = report_on(m, ROUNDED, &alone, true);
            json_int_t sum = 0;
            for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
                sum +=
                    json_integer_value(json_object_get(json_object_get(told, "parts"), parts[k]));
            assert_int_equal(count_of(told, "weight_bytes"), sum);
            assert_int_equal(count_of(rounded, "weight_bytes"), sum);
            json_decref(told);
            json_decref(rounded);
        }
        dlx_model_free(m);
    }
}

/* The file's own scheme is in force where none is named, and it is another arithmetic. */
static void the_scheme_is_in_the_file(void **state)
{
    (void)state;
    static const dlx_token ids[] = {5, 9, 100, 33, 12, 7, 61, 2};
    enum { N_IDS = sizeof ids / sizeof *ids };
    static const char *const schemes[] = {NULL, "dynamic-affine", "weight-only"};
    dlx_model *m = support_open("sdar-tiny-b4");
    json_decref(round_file(m, "int8"));
    dlx_model *rounded = open_path(support_tmp(ROUNDED));
    dlx_model_info info;
    dlx_model_get_info(rounded, &info);
    float *x[3];
    const size_t n_bytes = N_IDS * info.n_vocab_rows * sizeof **x;
    for (size_t i = 0; i < 3; i++) {
        const dlx_session_opts opts = {.size = sizeof opts,
                                       .backend = "reference",
                                       .n_ctx = 32,
                                       .n_threads = 1,
                                       .scheme = schemes[i]};
        dlx_session *session;
        dlx_error err;
        x[i] = malloc(n_bytes);
        if (dlx_session_open(&session, rounded, &opts, &err) != DLX_OK ||
            dlx_logits(session, ids, N_IDS, x[i], &err) != DLX_OK)
            fail_msg("%s", err.text);
        dlx_session_free(session);
    }
    assert_memory_equal(x[0], x[1], n_bytes);
    assert_memory_not_equal(x[0], x[2], n_bytes);
    for (size_t i = 0; i < 3; i++)
        free(x[i]);
    dlx_model_free(rounded);
    dlx_model_free(m);
}

/* ---- refusals ------------------------------------------------------------------------------ */

static bool stop_at_once(void *user, double done, double seconds_left)
{
    (void)seconds_left;
    *(double *)user = done;
    return false;
}

static void a_stopped_file_is_not_there(void **state)
{
    (void)state;
    dlx_model *m = support_open("dream-tied");
    dlx_error err;
    double last = 1;
    const dlx_export_opts opts = {
        .size = sizeof opts, .dtype = "int4", .on_progress = stop_at_once, .user = &last};
    remove(support_tmp("stopped.gguf"));
    assert_int_equal(dlx_export_weights(m, support_tmp("stopped.gguf"), &opts, NULL, &err),
                     DLX_CANCELLED);
    assert_true(last < 1);
    assert_null(fopen(support_tmp("stopped.gguf"), "rb"));
    dlx_model_free(m);
}

static void what_has_no_use_is_refused(void **state)
{
    (void)state;
    const dlx_export_opts cases[] = {
        {.cache = "io"},          {.n_ctx = 64},        {.n_rows = 8},
        {.block_length = 4},      {.data_path = "x"},   {.dtype = "fp8"},
        {.backend = "reference"}, {.no_denoise = true},
    };
    static const char *const parts[] = {"cache", "context", "rows",      "block length",
                                        "data",  "dtype",   "reference", "denoise"};
    dlx_model *m = support_open("sdar-tiny-b4");
    dlx_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(dlx_export_weights(m, support_tmp("refused.gguf"), &cases[i], NULL, &err),
                         DLX_E_ARG);
        support_sentence(&err, parts[i]);
    }
    dlx_model_free(m);
}

/* Whichever allocation fails: a sentence, and nothing is left behind. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    const dlx_export_opts opts = {.size = sizeof opts, .dtype = "int4"};
    size_t n = 0;
    for (dlx_result r = DLX_E_NOMEM; r != DLX_OK;) {
        failing_mem f;
        dlx_model *m;
        dlx_error err;
        failing_mem_init(&f, 0);
        const dlx_model_opts open = {.size = sizeof open, .mem = &f.mem};
        if (dlx_model_open(&m, support_golden("dream-tied"), &open, &err) != DLX_OK)
            fail_msg("%s", err.text);
        const long n_alive = f.n_alive;
        f.fail_at = f.n_calls + ++n;
        r = dlx_export_weights(m, support_tmp("starved.gguf"), &opts, NULL, &err);
        assert_true(r == DLX_OK || r == DLX_E_NOMEM);
        assert_int_equal(f.n_alive, n_alive);
        dlx_model_free(m);
        assert_int_equal(f.n_alive, 0);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_rounded_twice),
        cmocka_unit_test(what_is_rounded_again_is_told),
        cmocka_unit_test(a_tied_head_is_another_tensor),
        cmocka_unit_test(every_family),
        cmocka_unit_test(both_reports_weigh_the_same),
        cmocka_unit_test(the_scheme_is_in_the_file),
        cmocka_unit_test(a_stopped_file_is_not_there),
        cmocka_unit_test(what_has_no_use_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
