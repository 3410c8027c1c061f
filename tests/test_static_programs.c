// labels: quick export
/*
 * test_static_programs.c - dlx_export with schemes: which go with which types, what a static
 * program needs of the model's file, and what is told and written of it.
 */
#include "failing_mem.h"
#include "gguf_copy.h"
#include "support.h"

#include <dlx/export.h>
#include <dlx/tools.h>

#include "backends/backend.h"

#include <jansson.h>
#include <math.h>

#define RANGED "ranged.gguf"

static const char *const FOLDERS[] = {"fast-dllm-v2-tiny", "dream-tied", "llada-gqa-sharded",
                                      "sdar-tiny-b4", "ar-llama-tiny"};

/* The product with this weight; NULL: none. */
static const dlx__node *product_of(const dlx__graph *g, const dlx__tensor *weight)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->nodes[i].op == DLX__OP_LINEAR && g->nodes[i].weight == weight)
            return &g->nodes[i];
    return NULL;
}

typedef struct recording {
    const dlx__model *m;
    bool results; /* what products write, and least and greatest of what they read */
} recording;

/* Ranges of all products, as if calibration had seen them. */
static dlx_result record(dlx__gguf_writer *w, void *user, dlx_error *err)
{
    const recording *of = user;
    dlx__gguf_tensors list;
    dlx__gguf_string names[64];
    float largest[64];
    dlx__range in[64], out[64];
    dlx__recorded_ranges ranges = {names, largest, in, out, 0};
    if (!of->results)
        ranges.in = ranges.out = NULL;
    DLX__TRY(dlx__gguf_tensors_init(&list, of->m, err));
    for (size_t i = 0; i < list.n; i++) {
        if (!product_of(&of->m->graph, list.items[i].tensor))
            continue;
        names[ranges.n] = (dlx__gguf_string){list.items[i].name, strlen(list.items[i].name)};
        largest[ranges.n] = 4;
        in[ranges.n] = (dlx__range){-4, 3};
        out[ranges.n++] = (dlx__range){-3, 4};
    }
    const dlx_result r = dlx__recorded_put(w, DLX__SCHEME_STATIC, "rtn", &ranges, err);
    dlx__gguf_tensors_release(&list);
    return r;
}

static const char *ranged_file(const char *folder, bool results)
{
    dlx__model m;
    dlx_error err;
    if (dlx__model_open(&m, support_golden(folder), DLX__NEED_WEIGHTS, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    recording of = {&m, results};
    if (gguf_copy(&m, support_tmp(RANGED), DLX__F32, record, &of, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    dlx__model_release(&m);
    return support_tmp(RANGED);
}

static dlx_model *open_path(const char *path, const dlx_model_opts *opts)
{
    dlx_model *m;
    dlx_error err;
    if (dlx_model_open(&m, path, opts, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return m;
}

/* The report of what was written. */
static json_t *written(const dlx_model *m, const char *name, const dlx_export_opts *opts,
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

static void assert_text(const json_t *report, const char *key, const char *want)
{
    assert_string_equal(json_string_value(json_object_get(report, key)), want);
}

/* Every family, with keys and values in each form: sound to the reader that checks everybody's. */
static void programs_of_every_family(void **state)
{
    (void)state;
    static const char *const caches[] = {"state", "io", "none"};
    static const char *const schemes[] = {"static", "weight-only"};
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        const bool whole = strstr(FOLDERS[f], "dream") || strstr(FOLDERS[f], "llada");
        dlx_model *m = open_path(ranged_file(FOLDERS[f], true), NULL);
        for (size_t i = 0; i < (whole ? 6 : 4); i++) {
            const dlx_export_opts opts = {.size = sizeof opts,
                                          .dtype = "int8",
                                          .scheme = schemes[i % 2],
                                          .cache = caches[i / 2],
                                          .n_ctx = 64};
            dlx_error err;
            char *json;
            json_t *report = written(m, "static.pte", &opts, false);
            assert_text(report, "scheme", schemes[i % 2]);
            assert_text(json_object_get(report, "config"), "quantization",
                        i % 2 ? "weight_only_int8" : "static_int8");
            json_decref(report);
            if (dlx_inspect_program(support_tmp("static.pte"), NULL, &json, &err) != DLX_OK)
                fail_msg("%s %s %s: %s", FOLDERS[f], opts.scheme, opts.cache, err.text);
            dlx_free(NULL, json);
        }
        dlx_model_free(m);
    }
}

/* The weights of a static program as a file, and those of a program of that file: the same, with
 * the ranges and the scheme that go with them. */
static void rounded_once(void **state)
{
    (void)state;
    const dlx_export_opts opts = {.size = sizeof opts, .dtype = "int8", .scheme = "static"};
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        dlx__model a, b;
        dlx_error err;
        dlx_model *m = open_path(ranged_file(FOLDERS[f], true), NULL);
        json_t *report = written(m, "once.gguf", &opts, true);
        assert_text(report, "scheme", "static");
        json_decref(report);
        dlx_model_free(m);
        m = open_path(support_tmp("once.gguf"), NULL);
        json_decref(written(m, "twice.gguf", &opts, true));
        dlx_model_free(m);
        if (dlx__model_open(&a, support_tmp("once.gguf"), DLX__NEED_WEIGHTS, NULL, &err) !=
                DLX_OK ||
            dlx__model_open(&b, support_tmp("twice.gguf"), DLX__NEED_WEIGHTS, NULL, &err) != DLX_OK)
            fail_msg("%s", err.text);
        assert_int_equal(a.scheme, DLX__SCHEME_STATIC_AFFINE);
        assert_int_equal(dlx__scheme_check(a.scheme, &a.graph, &err), DLX_OK);
        for (size_t i = 0; i < a.graph.n; i++) {
            const dlx__node *x = &a.graph.nodes[i], *y = &b.graph.nodes[i];
            if (x->op != DLX__OP_LINEAR)
                continue;
            assert_true(x->in_range.min == -4 && x->out_range.max == 4);
            assert_true(x->in_range.max == y->in_range.max && x->out_range.min == y->out_range.min);
            const float *p = x->weight->data, *q = y->weight->data;
            for (size_t k = 0; k < dlx__tensor_elems(x->weight); k++)
                assert_true(fabsf(p[k] - q[k]) <= 1e-6f * fabsf(p[k]));
        }
        dlx__model_release(&a);
        dlx__model_release(&b);
    }
}

/* Of static weights too, whose biases are whole numbers with units. */
static void both_reports_weigh_the_same(void **state)
{
    (void)state;
    static const char *const folders[] = {"dream-tied", "fast-dllm-v2-tiny", "ar-llama-tiny"};
    const dlx_export_opts opts = {.size = sizeof opts, .dtype = "int8", .scheme = "static"};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        dlx_model *m = open_path(ranged_file(folders[f], true), NULL);
        json_t *told = written(m, "weighed.pte", &opts, false);
        json_t *rounded = written(m, "weighed.gguf", &opts, true);
        assert_true(json_is_integer(json_object_get(told, "weight_bytes")));
        assert_true(json_equal(json_object_get(told, "weight_bytes"),
                               json_object_get(rounded, "weight_bytes")));
        json_decref(told);
        json_decref(rounded);
        dlx_model_free(m);
    }
}

enum { N_IDS = 16 };

static float *logits_of(const char *name, const char *backend, dlx_token first, size_t *n)
{
    dlx_model *m = open_path(support_tmp(name), NULL);
    dlx_session *session = support_session(m, backend, 64);
    dlx_model_info info;
    dlx_token ids[N_IDS];
    dlx_error err;
    for (dlx_token i = 0; i < N_IDS; i++)
        ids[i] = (first + 37 * i) % 250;
    dlx_model_get_info(m, &info);
    *n = N_IDS * info.n_vocab_rows;
    float *x = malloc(*n * sizeof *x);
    assert_non_null(x);
    if (dlx_logits(session, ids, N_IDS, x, &err) != DLX_OK)
        fail_msg("%s", err.text);
    dlx_session_free(session);
    dlx_model_free(m);
    return x;
}

static double distance(const char *folder, dlx_token first)
{
    double most = 0, worst = 0;
    size_t n;
    float *want = logits_of("computed.gguf", "reference", first, &n);
    float *found = logits_of("computed.pte", NULL, first, &n);
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)want[i]));
        worst = fmax(worst, fabs((double)want[i] - (double)found[i]));
    }
    free(want);
    free(found);
    print_message("%s: %.1e\n", folder, worst / most);
    return worst / most;
}

/* The stock runtime computes the integers of the reference backend. What float32 adds up in another
 * order may be rounded to the other side, so of three sequences two have to agree. */
static void a_program_computes_what_its_weights_do(void **state)
{
    (void)state;
    if (dlx__backend_find("xnnpack")->probe(NULL) != DLX_OK)
        skip(); /* make executorch */
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        const dlx_export_opts program = {
            .size = sizeof program, .dtype = "int8", .scheme = "static", .n_ctx = 64};
        const dlx_export_opts weights = {
            .size = sizeof weights, .dtype = "int8", .scheme = "static"};
        dlx_model *m = open_path(ranged_file(FOLDERS[f], true), NULL);
        json_decref(written(m, "computed.pte", &program, false));
        json_decref(written(m, "computed.gguf", &weights, true));
        dlx_model_free(m);
        int n_near = 0;
        for (dlx_token first = 0; first < 3; first++)
            n_near += distance(FOLDERS[f], 11 + 53 * first) <= 1e-4;
        assert_true(n_near >= 2);
    }
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void schemes_that_do_not_go(void **state)
{
    (void)state;
    static const struct {
        const char *dtype, *scheme, *part;
        dlx_result code;
    } cases[] = {
        {"fp32", "dynamic", "take int8, or weight-only", DLX_E_UNSUPPORTED},
        {"fp16", "static", "take int8, or weight-only", DLX_E_UNSUPPORTED},
        {NULL, "static", "scheme static with dtype fp32", DLX_E_UNSUPPORTED},
        {"int4", "static", "rounded as they come", DLX_E_UNSUPPORTED},
        {"int4", "weight-only", "int8 rows alone", DLX_E_UNSUPPORTED},
        {"int8", "static16", "expected weight-only, dynamic or static", DLX_E_ARG},
        {"int8", "none", "found none", DLX_E_ARG},
        {"fp32", "weight-only", NULL, DLX_OK},
        {"fp16", "weight-only", NULL, DLX_OK},
        {"int8", "dynamic", NULL, DLX_OK},
        {"int4", "dynamic", NULL, DLX_OK},
    };
    dlx_model *m = open_path(ranged_file("sdar-tiny-b4", true), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dlx_export_opts opts = {
            .size = sizeof opts, .dtype = cases[i].dtype, .scheme = cases[i].scheme, .n_ctx = 64};
        dlx_error err;
        remove(support_tmp("refused.pte"));
        assert_int_equal(dlx_export(m, support_tmp("refused.pte"), &opts, NULL, &err),
                         cases[i].code);
        if (cases[i].part) {
            support_sentence(&err, cases[i].part);
            assert_null(fopen(support_tmp("refused.pte"), "rb"));
        }
    }
    dlx_model_free(m);
}

/* A file without ranges, and an older one that has them of what products read alone. */
static void ranges_are_needed(void **state)
{
    (void)state;
    const dlx_export_opts opts = {
        .size = sizeof opts, .dtype = "int8", .scheme = "static", .n_ctx = 64};
    for (int older = 0; older < 2; older++) {
        dlx_error err;
        dlx_model *m = older ? open_path(ranged_file("sdar-tiny-b4", false), NULL)
                             : support_open("sdar-tiny-b4");
        assert_int_equal(dlx_export(m, support_tmp("refused.pte"), &opts, NULL, &err), DLX_E_ARG);
        support_sentence(&err, older ? "only what it reads" : "found none recorded");
        support_sentence(&err, "dlx quantize MODEL OUT.gguf --scheme static --calibrate");
        if (older) /* it runs as before */
            dlx_session_free(support_session(m, "cpu", 32));
        dlx_model_free(m);
    }
}

/* ---- settings, graphs, memory -------------------------------------------------------------- */

/* The original's words; another type of weights has its own usual scheme. */
static void settings_of_the_original(void **state)
{
    (void)state;
    static const struct {
        const char *quantization, *dtype, *scheme, *want;
    } cases[] = {{"static_int8", NULL, NULL, "static"},
                 {"weight_only_int8", NULL, NULL, "weight-only"},
                 {"dynamic_int8", NULL, NULL, "dynamic"},
                 {"static_int8", NULL, "dynamic", "dynamic"},
                 {"static_int8", "fp16", NULL, "weight-only"}};
    dlx_model *m = open_path(ranged_file("sdar-tiny-b4", true), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128], path[4096];
        snprintf(text, sizeof text, "{\"quantization\": \"%s\"}", cases[i].quantization);
        snprintf(path, sizeof path, "%s", support_tmp("static.json"));
        support_write(path, text);
        const dlx_export_opts opts = {.size = sizeof opts,
                                      .config = path,
                                      .dtype = cases[i].dtype,
                                      .scheme = cases[i].scheme,
                                      .n_ctx = 64};
        json_t *report = written(m, "settings.pte", &opts, false);
        assert_text(report, "scheme", cases[i].want);
        json_decref(report);
    }
    dlx_model_free(m);
}

/* Nothing of the weights is read for it. */
static void a_graph_without_weights(void **state)
{
    (void)state;
    const dlx_model_opts shapes = {.size = sizeof shapes, .load = DLX_LOAD_SHAPES};
    const dlx_export_opts opts = {
        .size = sizeof opts, .dtype = "int8", .scheme = "static", .n_ctx = 64};
    dlx_model *m = open_path(ranged_file("dream-tied", true), &shapes);
    char *text;
    dlx_error err;
    if (dlx_export_graph(m, &opts, &text, &err) != DLX_OK)
        fail_msg("%s", err.text);
    assert_non_null(strstr(text, "rows static"));
    assert_non_null(strstr(text, "qcint32[96] -> qint8"));
    dlx_free(m, text);
    dlx_model_free(m);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    const dlx_export_opts opts = {
        .size = sizeof opts, .dtype = "int8", .scheme = "static", .cache = "none", .n_ctx = 64};
    size_t n = 0;
    ranged_file("dream-tied", true);
    for (dlx_result r = DLX_E_NOMEM; r != DLX_OK;) {
        failing_mem f;
        dlx_error err;
        failing_mem_init(&f, 0);
        const dlx_model_opts open = {.size = sizeof open, .mem = &f.mem};
        dlx_model *m = open_path(support_tmp(RANGED), &open);
        const long n_alive = f.n_alive;
        f.fail_at = f.n_calls + ++n;
        r = dlx_export(m, support_tmp("starved.pte"), &opts, NULL, &err);
        assert_true(r == DLX_OK || r == DLX_E_NOMEM);
        assert_int_equal(f.n_alive, n_alive);
        dlx_model_free(m);
        assert_int_equal(f.n_alive, 0);
    }
    assert_true(n > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_of_every_family),
        cmocka_unit_test(rounded_once),
        cmocka_unit_test(both_reports_weigh_the_same),
        cmocka_unit_test(a_program_computes_what_its_weights_do),
        cmocka_unit_test(schemes_that_do_not_go),
        cmocka_unit_test(ranges_are_needed),
        cmocka_unit_test(settings_of_the_original),
        cmocka_unit_test(a_graph_without_weights),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
