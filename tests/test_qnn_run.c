// labels: quick export
/*
 * test_qnn_run.c - sessions on folders of qnn, with a library in the place of ONNX Runtime that
 * computes nothing: a runtime that is missing, too old or broken, folders whose files are missing
 * or do not say what their graphs say, no memory anywhere, Ctrl-C between calls. What ONNX Runtime
 * computes is the business of integration/test_qnn_traces.c.
 */
#define _GNU_SOURCE
#include "support.h"

#include <dlx/export.h>
#include <dlx/tools.h>

#include "backends/backend.h"
#include "base/os.h"
#include "export/onnx_directory.h"
#include "failing_mem.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

static const dlx_runtimes mock = {
    .size = sizeof mock, .onnxruntime = DLX_MOCK_ORT, .qnn_provider = "none"};

static void put_ports(FILE *file, const char *side, const dlx__onnx_port *ports, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(file, "%s %s %d", side, ports[i].name, (int)ports[i].type);
        for (int k = 0; k < ports[i].n_dims; k++)
            fprintf(file, " %zu", ports[i].dims[k]);
        fputs("\n", file);
    }
}

/* A folder of the model, with the texts that the mock reads. */
static void write_folder(const char *golden, const char *cache, size_t n_rows)
{
    dlx_error err;
    dlx__onnx_directory d;
    char path[4200];
    dlx_model *m = support_open(golden);
    const dlx_export_opts opts = {.size = sizeof opts,
                                  .backend = "qnn",
                                  .profile = "f32",
                                  .cache = cache,
                                  .n_ctx = 64,
                                  .n_rows = n_rows};
    assert_int_equal(system("rm -rf '" DLX_TMP_DIR "/run.qnn'"), 0);
    if (dlx_export(m, support_tmp("run.qnn"), &opts, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    assert_ok(dlx__onnx_directory_open(&d, support_tmp("run.qnn"), NULL, &err), &err);
    for (size_t i = 0; i < d.n_entries; i++) {
        snprintf(path, sizeof path, "%s/%s.ports", support_tmp("run.qnn"), d.entries[i].file);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        put_ports(file, "in", d.entries[i].inputs, d.entries[i].n_inputs);
        put_ports(file, "out", d.entries[i].outputs, d.entries[i].n_outputs);
        fclose(file);
    }
    dlx__onnx_directory_release(&d);
    dlx_model_free(m);
}

static dlx_result open_both(dlx_model **m, dlx_session **s, const dlx_runtimes *runtimes,
                            const dlx_allocator *mem, dlx_error *err)
{
    const dlx_model_opts opts = {.size = sizeof opts, .runtimes = runtimes, .mem = mem};
    *s = NULL;
    dlx_result r = dlx_model_open(m, support_tmp("run.qnn"), &opts, err);
    if (r == DLX_OK)
        r = dlx_session_open(s, *m, NULL, err);
    return r;
}

static void refuses(const dlx_runtimes *runtimes, const char *said)
{
    dlx_model *m;
    dlx_session *s;
    dlx_error err = {.code = DLX_OK};
    const dlx_result r = open_both(&m, &s, runtimes, NULL, &err);
    if (r == DLX_OK || !strstr(err.text, said))
        fail_msg("expected '%s', found %d: %s", said, (int)r, err.text);
    dlx_session_free(s);
    dlx_model_free(m);
}

/* ---- the runtime ------------------------------------------------------------------------------
 */

static void a_runtime_that_is_not_there(void **state)
{
    (void)state;
    char *text;
    dlx_error err;
    const dlx_runtimes absent = {.size = sizeof absent, .onnxruntime = "/nowhere/libort.so"};
    write_folder("sdar-tiny-b4", NULL, 0);
    refuses(&absent, "/nowhere/libort.so: cannot be loaded");
    assert_ok(dlx_doctor_at(&absent, &text, &err), &err);
    assert_non_null(strstr(text, "/nowhere/libort.so"));
    dlx_free(NULL, text);
    assert_ok(dlx_doctor_at(&mock, &text, &err), &err);
    assert_non_null(
        strstr(text, "ONNX Runtime 1.24.0, its CPU provider: the QNN provider was not"));
    dlx_free(NULL, text);
}

static void a_runtime_of_another_version(void **state)
{
    (void)state;
    static const char *const good[] = {"1.22.0", "1.23.4", "1.24.0", "1.40.0"};
    static const char *const bad[] = {"1.21.9", "0.9", "2.0.0", "nonsense"};
    dlx_model *m;
    dlx_session *s;
    dlx_error err;
    for (size_t i = 0; i < 4; i++) {
        setenv("MOCK_ORT_VERSION", bad[i], 1);
        refuses(&mock, "expected ONNX Runtime 1.22 or newer, found ");
        refuses(&mock, bad[i]);
        setenv("MOCK_ORT_VERSION", good[i], 1);
        assert_ok(open_both(&m, &s, &mock, NULL, &err), &err);
        assert_non_null(strstr(dlx_session_runtime(s), good[i]));
        assert_non_null(strstr(dlx_session_runtime(s), "CPU provider"));
        dlx_session_free(s);
        dlx_model_free(m);
    }
    setenv("MOCK_ORT_VERSION", "", 1);
    refuses(&mock, DLX_MOCK_ORT ": expected the library of ONNX Runtime, found one without OrtGet");
    unsetenv("MOCK_ORT_VERSION");
}

static void a_runtime_that_fails(void **state)
{
    (void)state;
    dlx_model *m;
    dlx_session *s;
    dlx_error err;
    static const dlx_token ids[] = {1, 2, 3, 4, 5};
    static float logits[5 * 320];
    setenv("MOCK_ORT_FAILS", "env", 1);
    refuses(&mock, "ONNX Runtime could not begin: no environment"); /* in one line */
    setenv("MOCK_ORT_FAILS", "session", 1);
    refuses(&mock, "denoise.onnx: ONNX Runtime could not load it: no such graph");
    unsetenv("MOCK_ORT_FAILS");
    assert_ok(open_both(&m, &s, &mock, NULL, &err), &err);
    setenv("MOCK_ORT_FAILS", "run", 1);
    assert_int_equal(dlx_logits(s, ids, 5, logits, &err), DLX_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "could not run it: it did not run"));
    setenv("MOCK_ORT_FAILS", "best", 1);
    dlx_gen_opts gen;
    dlx_gen_init(m, &gen);
    gen.max_tokens = 8;
    assert_int_equal(dlx_generate(s, ids, 4, &gen, NULL, &err), DLX_E_MISMATCH);
    assert_non_null(strstr(err.text, "expected an id below 320"));
    unsetenv("MOCK_ORT_FAILS");
    assert_ok(dlx_logits(s, ids, 5, logits, &err), &err); /* it goes on */
    dlx_session_free(s);
    dlx_model_free(m);
}

/* ---- folders ----------------------------------------------------------------------------------
 */

/* Replaces a text in a file of the folder. */
static void change(const char *name, const char *from, const char *to)
{
    char path[4200], *text, *at;
    size_t n;
    dlx_error err;
    snprintf(path, sizeof path, "%s/%s", support_tmp("run.qnn"), name);
    assert_ok(dlx__os_read_file(&text, &n, path, 1 << 24, NULL, &err), &err);
    at = strstr(text, from);
    if (!at)
        fail_msg("%s: no %s", name, from);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(text, 1, (size_t)(at - text), file);
    fputs(to, file);
    fputs(at + strlen(from), file);
    fclose(file);
    free(text);
}

static void files_that_are_missing(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"weights.bin", "weights.bin"},
                                           {"model.gguf", "model.gguf"},
                                           {"prefill.onnx.ports", "prefill.onnx: ONNX Runtime"}};
    char path[4200];
    for (size_t i = 0; i < 3; i++) {
        write_folder("sdar-tiny-b4", NULL, 0);
        snprintf(path, sizeof path, "%s/%s", support_tmp("run.qnn"), names[i][0]);
        assert_int_equal(unlink(path), 0);
        refuses(&mock, names[i][1]);
    }
    write_folder("sdar-tiny-b4", NULL, 0);
    snprintf(path, sizeof path, "%s/weights.bin", support_tmp("run.qnn"));
    assert_int_equal(truncate(path, 4096), 0);
    refuses(&mock, "as the manifest says, found 4096; export it again");
}

/* Before the runtime opens anything: a pipe would be waited for, a link may lead anywhere. */
static void files_that_are_none(void **state)
{
    (void)state;
    static const char *const names[] = {"weights.bin", "prefill.onnx", "model.gguf"};
    char path[4200];
    alarm(60);
    for (size_t i = 0; i < 3; i++) {
        write_folder("sdar-tiny-b4", NULL, 0);
        snprintf(path, sizeof path, "%s/%s", support_tmp("run.qnn"), names[i]);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        refuses(&mock, "expected a file, found a pipe or a device");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/etc/hostname", path), 0);
        refuses(&mock, "found a link, which may lead out of it");
    }
    alarm(0);
}

/* Manifest and graph that agree and are wrong for the model, and those that do not agree. */
static void shapes_that_lie(void **state)
{
    (void)state;
    static const char *const graphs[][3] = {
        {"in mask 1 1 1 4 68", "in mask 1 1 1 4 67", "expected the input mask as float32"},
        {"in mask 1", "in mask 10", "expected the input mask as float32 [1, 1, 4, 68], found type"},
        {"in cos 1 1 1 4 32", "in cos 1 1 1 4 -1", "expected the input cos"},
        {"out output_best 6 4", "out output_best 6 4 4", "expected the output output_best"},
        {"in input_ids 6 1 4\n", "", "inputs, as its manifest says, found"},
        {"in input_ids", "in other_ids", "expected the inputs of its manifest, found another"},
    };
    static const char *const manifests[][3] = {
        {"\"shape\": [1, 1, 4, 68]", "\"shape\": [1, 1, 4, 69]",
         "expected mask as float32 [1, 1, 4, 68] for"},
        {"\"family\": \"sdar\"", "\"family\": \"dream\"", "expected a program of sdar"},
        {"\"rows\": 4,", "\"rows\": 5,", "for its model, rows and positions"},
        {"\"head_rows\": 4", "\"head_rows\": 3", "for its model, rows and positions"},
        {"\"past_k_0\"", "\"past_k_9\"", "a tensor that this version knows, found past_k_9"},
    };
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
        write_folder("sdar-tiny-b4", NULL, 0);
        change("denoise.onnx.ports", graphs[i][0], graphs[i][1]);
        refuses(&mock, graphs[i][2]);
    }
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        write_folder("sdar-tiny-b4", NULL, 0);
        change("qnn_manifest.json", manifests[i][0], manifests[i][1]);
        refuses(&mock, manifests[i][2]);
    }
    write_folder("sdar-tiny-b4", NULL, 0); /* both, alike */
    change("denoise.onnx.ports", "past_v_0", "past_v_7");
    change("qnn_manifest.json", "past_v_0", "past_v_7");
    refuses(&mock, "expected a tensor that this version knows, found past_v_7");
}

static void what_does_not_go(void **state)
{
    (void)state;
    dlx_model *m;
    dlx_session *s;
    dlx_error err;
    static const dlx_token ids[65] = {1};
    static float logits[65 * 320];
    write_folder("dream-tiny", NULL, 32); /* a canvas of 32 in a context of 64 */
    assert_ok(open_both(&m, &s, &mock, NULL, &err), &err);
    assert_int_equal(dlx_logits(s, ids, 33, logits, &err), DLX_E_ARG);
    assert_non_null(strstr(err.text, "at most 32 rows, found 33; export it with --canvas 33"));
    assert_ok(dlx_logits(s, ids, 32, logits, &err), &err);
    dlx_gen_opts gen;
    dlx_gen_init(m, &gen);
    gen.cache = "prefix";
    gen.max_tokens = 16;
    gen.sampler = "entropy";
    assert_int_equal(dlx_generate(s, ids, 4, &gen, NULL, &err) == DLX_OK, false);
    dlx_session_free(s);
    const dlx_session_opts wide = {.size = sizeof wide, .n_ctx = 65};
    assert_int_equal(dlx_session_open(&s, m, &wide, &err), DLX_E_ARG);
    assert_non_null(strstr(err.text, "a context of at most 64 positions"));
    const dlx_session_opts other = {.size = sizeof other, .backend = "cpu"};
    assert_int_equal(dlx_session_open(&s, m, &other, &err), DLX_E_ARG);
    assert_non_null(strstr(err.text, "a program for qnn, which the backend cpu cannot run"));
    dlx_model_free(m);
}

/* Without a runtime to compile with the graphs alone are written, and why is told. */
static void nothing_to_compile_with(void **state)
{
    (void)state;
    char *report;
    dlx_error err;
    dlx_model *m;
    dlx__onnx_directory d;
    const dlx_runtimes places[] = {{.onnxruntime = "/nowhere/libort.so"}, mock};
    static const char *const said[] = {"/nowhere/libort.so: cannot be loaded", "was not wanted"};
    dlx_export_opts opts = {.size = sizeof opts, .backend = "qnn", .n_ctx = 64, .compile = true};
    for (size_t i = 0; i < 2; i++) {
        const dlx_model_opts open = {.size = sizeof open, .runtimes = &places[i]};
        assert_ok(dlx_model_open(&m, support_golden("sdar-tiny-b4"), &open, &err), &err);
        opts.soc = NULL;
        assert_int_equal(dlx_export(m, support_tmp("run.qnn"), &opts, NULL, &err), DLX_E_ARG);
        assert_says(&err, "compile: expected the chip that it is for");
        opts.soc = "SM8650";
        assert_int_equal(system("rm -rf '" DLX_TMP_DIR "/run.qnn'"), 0);
        assert_ok(dlx_export(m, support_tmp("run.qnn"), &opts, &report, &err), &err);
        if (!strstr(report, "nothing was compiled for SM8650: ") || !strstr(report, said[i]))
            fail_msg("%s", report);
        assert_ok(dlx__onnx_directory_open(&d, support_tmp("run.qnn"), NULL, &err), &err);
        for (size_t k = 0; k < d.n_entries; k++)
            assert_int_equal(d.entries[k].n_contexts, 0);
        dlx__onnx_directory_release(&d);
        dlx_free(m, report);
        dlx_model_free(m);
    }
}

/* ---- memory, and the end ----------------------------------------------------------------------
 */

static dlx_result visit(const dlx_allocator *mem, dlx_error *err)
{
    dlx_model *m = NULL;
    dlx_session *s = NULL;
    static const dlx_token ids[] = {1, 2, 3, 4, 5};
    static float logits[5 * 320];
    dlx_gen_opts gen;
    dlx_result r = open_both(&m, &s, &mock, mem, err);
    if (r == DLX_OK)
        r = dlx_logits(s, ids, 5, logits, err);
    if (r == DLX_OK) {
        dlx_gen_init(m, &gen);
        gen.max_tokens = 8;
        r = dlx_generate(s, ids, 4, &gen, NULL, err);
    }
    dlx_session_free(s);
    dlx_model_free(m);
    return r;
}

static void no_memory_at_any_point(void **state)
{
    (void)state;
    dlx__os_library library;
    dlx_error err;
    write_folder("sdar-tiny-b4", NULL, 0);
    assert_ok(dlx__os_library_open(&library, DLX_MOCK_ORT, &err), &err);
    long (*alive)(void) = (long (*)(void))dlx__os_library_find(library, "mock_ort_alive");
    failing_mem f;
    failing_mem_init(&f, 0);
    const long before = alive();
    assert_ok(visit(&f.mem, &err), &err);
    const size_t n_calls = f.n_calls;
    assert_int_equal(f.n_alive, 0);
    assert_int_equal(alive(), before);
    for (size_t at = 1; at <= n_calls; at += 1 + n_calls / 400) {
        failing_mem_init(&f, at);
        err.text[0] = 0;
        const dlx_result r = visit(&f.mem, &err);
        if (r != DLX_OK && (r != DLX_E_NOMEM || !strstr(err.text, "memory")))
            fail_msg("allocation %zu: %d, %s", at, (int)r, err.text);
        assert_int_equal(f.n_alive, 0);
        assert_int_equal(alive(), before);
    }
    dlx__os_library_close(library);
}

static bool count_pieces(void *user, const char *what, size_t done, size_t all)
{
    (void)what, (void)done, (void)all;
    ++*(int *)user;
    return true;
}

/* An answer that a canvas has no room for is made shorter, or refused before anything is timed. */
static void a_benchmark_keeps_to_the_room(void **state)
{
    (void)state;
    dlx_model *m;
    dlx_error err;
    dlx_gen_opts gen;
    char *text;
    int n_pieces = 0;
    const dlx_model_opts with = {.size = sizeof with, .runtimes = &mock};
    write_folder("llada-tiny", NULL, 16);
    assert_ok(dlx_model_open(&m, support_tmp("run.qnn"), &with, &err), &err);
    dlx_gen_init(m, &gen);
    gen.max_tokens = 32;
    const dlx_bench_run run = {.gen = &gen};
    dlx_bench_opts opts = {.size = sizeof opts,
                           .n_rounds = 1,
                           .runs = &run,
                           .n_runs = 1,
                           .on_progress = count_pieces,
                           .user = &n_pieces};
    assert_int_equal(dlx_bench(m, &opts, &text, &err), DLX_E_ARG);
    support_sentence(&err, "at most 16 positions, which the program has room for, found 33");
    assert_int_equal(n_pieces, 0);
    opts.shorten = true;
    assert_ok(dlx_bench(m, &opts, &text, &err), &err);
    json_t *report = json_loads(text, 0, NULL);
    const json_t *pass = json_array_get(json_object_get(report, "passes"), 0);
    const json_int_t n_tokens =
        json_integer_value(json_object_get(json_object_get(report, "generate"), "tokens"));
    assert_true(json_is_null(json_object_get(pass, "ms_head"))); /* it is in the pass */
    assert_true(n_tokens > 0 && n_tokens <= 15);
    json_decref(report);
    dlx_free(m, text);
    dlx_model_free(m);
}

static bool stop_at(void *user)
{
    return --*(int *)user < 0;
}

/* A pass of several calls ends between them, and the next one is as if nothing had been. */
static void it_stops_between_calls(void **state)
{
    (void)state;
    dlx__model model;
    dlx__backend *b;
    dlx_error err;
    const dlx__backend_class *qnn = dlx__backend_find("qnn");
    dlx__row_stat stats[2];
    static const size_t rows[] = {22, 23};
    static dlx_token ids[24];
    const dlx__runtime_paths paths = {.onnxruntime = DLX_MOCK_ORT, .qnn_provider = "none"};
    write_folder("sdar-tiny-b4", NULL, 8);
    assert_ok(dlx__model_open(&model, support_golden("sdar-tiny-b4"), DLX__NEED_NAMES, NULL, &err),
              &err);
    const dlx__backend_opts opts = {
        .n_ctx = 64, .n_streams = 1, .path = support_tmp("run.qnn"), .runtimes = &paths};
    assert_ok(qnn->load(&b, &model, &opts, &err), &err);
    for (int n = 0; n < 5; n++) { /* a step polls, then each of three calls */
        int left = n;
        const dlx__step step = {.ids = ids,
                                .n = 24,
                                .n_keep = 24,
                                .visibility = DLX__VISIBLE_BLOCK_CAUSAL,
                                .block = 4,
                                .stop = stop_at,
                                .stop_user = &left};
        const dlx__head head = {.rows = rows,
                                .n = 2,
                                .n_ids = model.hp.n_vocab,
                                .suppress = (dlx_token[]){(dlx_token)model.hp.mask_id.value},
                                .n_suppress = 1,
                                .best_only = true,
                                .stats = stats};
        dlx_result r = qnn->step(b, &step, &err);
        assert_int_equal(r, n == 0 ? DLX_CANCELLED : DLX_OK);
        if (r == DLX_OK)
            r = qnn->head(b, &head, &err);
        assert_int_equal(r, n < 4 ? DLX_CANCELLED : DLX_OK);
    }
    assert_true(stats[0].finite && stats[1].finite);
    qnn->close(b);
    dlx__model_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_runtime_that_is_not_there),
        cmocka_unit_test(a_runtime_of_another_version),
        cmocka_unit_test(a_runtime_that_fails),
        cmocka_unit_test(files_that_are_missing),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(shapes_that_lie),
        cmocka_unit_test(what_does_not_go),
        cmocka_unit_test(nothing_to_compile_with),
        cmocka_unit_test(no_memory_at_any_point),
        cmocka_unit_test(it_stops_between_calls),
        cmocka_unit_test(a_benchmark_keeps_to_the_room),
    };
    unsetenv("MOCK_ORT_VERSION");
    unsetenv("MOCK_ORT_FAILS");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
