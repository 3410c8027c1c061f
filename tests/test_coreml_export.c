// labels: export
/*
 * test_coreml_export.c - Core ML packages of every checkpoint, type and form of the cache: files,
 * records of weights, sharing, the same bytes again; options, and what is refused. What is inside a
 * specification is read by `make conformance` with Core ML's own tools.
 */
#include "golden_folders.h"
#include "support.h"

#include "failing_mem.h"

#include <dlx/export.h>
#include <dlx/tools.h>
#include <jansson.h>

#define PACKAGE "coreml.mlpackage"

typedef struct bytes_of {
    uint8_t *data; /* to be freed */
    size_t n;
} bytes_of;

/* A file of the package. */
static bytes_of read_part(const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", support_tmp(PACKAGE), name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("expected a file %s", path);
    fseek(f, 0, SEEK_END);
    bytes_of b = {.n = (size_t)ftell(f)};
    rewind(f);
    b.data = malloc(b.n + 1);
    assert_non_null(b.data);
    assert_int_equal(fread(b.data, 1, b.n, f), b.n);
    fclose(f);
    return b;
}

static uint64_t le(const uint8_t *p, int n)
{
    uint64_t x = 0;
    for (int i = n; i-- > 0;)
        x = x << 8 | p[i];
    return x;
}

/* Walks the records from the first to the end of the file. */
static size_t count_records(const bytes_of *w)
{
    size_t n = 0;
    assert_int_equal(le(w->data + 4, 4), 2);
    for (uint64_t at = 64; at < w->n; n++) {
        assert_int_equal(le(w->data + at, 4), 0xDEADBEEF);
        assert_int_equal(le(w->data + at + 16, 8), at + 64);
        at = (at + 64 + le(w->data + at + 8, 8) + 63) / 64 * 64;
        assert_true(at <= w->n);
    }
    assert_int_equal(le(w->data, 4), n);
    return n;
}

static bool holds(const bytes_of *b, const char *text)
{
    const size_t n = strlen(text);
    for (size_t i = 0; i + n <= b->n; i++)
        if (memcmp(b->data + i, text, n) == 0)
            return true;
    return false;
}

static dlx_export_opts options(const char *dtype, const char *cache)
{
    return (dlx_export_opts){.size = sizeof(dlx_export_opts),
                             .backend = "coreml",
                             .dtype = dtype,
                             .cache = cache,
                             .n_ctx = 64};
}

static json_t *exported(const dlx_model *m, const dlx_export_opts *opts)
{
    char *text;
    dlx_error err;
    assert_ok(dlx_export(m, support_tmp(PACKAGE), opts, &text, &err), &err);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(m, text);
    return report;
}

static void check_package(const dlx_model *m, const dlx_export_opts *opts)
{
    json_t *report = exported(m, opts);
    bytes_of model = read_part("Data/com.apple.CoreML/model.mlmodel");
    bytes_of weights = read_part("Data/com.apple.CoreML/weights/weight.bin");
    bytes_of manifest = read_part("Manifest.json"), gguf = read_part("Data/dlx/model.gguf");
    const bool states = strcmp(opts->cache, "state") == 0;
    assert_true(count_records(&weights) > 8);
    assert_true(holds(&model, "output_best") && holds(&model, "output_lse"));
    assert_true(holds(&model, states ? "write_state" : "output_new_k_0"));
    assert_int_equal(holds(&model, "constexpr_blockwise_shift_scale"),
                     strcmp(opts->dtype, "fp16") != 0);
    assert_memory_equal(gguf.data, "GGUF", 4);
    json_t *json = json_loadb((char *)manifest.data, manifest.n, 0, NULL);
    assert_int_equal(json_object_size(json_object_get(json, "itemInfoEntries")), 3);
    json_decref(json);
    json_decref(exported(m, opts)); /* in place of the first, and the same */
    bytes_of again = read_part("Data/com.apple.CoreML/model.mlmodel");
    assert_int_equal(again.n, model.n);
    assert_memory_equal(again.data, model.data, model.n);
    bytes_of ids = read_part("Manifest.json");
    assert_int_equal(ids.n, manifest.n);
    assert_memory_equal(ids.data, manifest.data, ids.n);
    json_decref(report);
    free(model.data), free(weights.data), free(manifest.data), free(gguf.data);
    free(again.data), free(ids.data);
}

static void every_checkpoint_type_and_cache(void **state)
{
    (void)state;
    static const char *const dtypes[] = {"fp16", "int8", "int4"};
    static const char *const caches[] = {"io", "state", "none"};
    static const char *const more[] = AUTOREGRESSIVE_FOLDERS;
    const size_t n = sizeof golden_folders / sizeof *golden_folders;
    for (size_t i = 0; i < n + N_AUTOREGRESSIVE; i++) {
        const char *folder = i < n ? golden_folders[i] : more[i - n];
        dlx_model *m = support_open(folder);
        dlx_model_info info;
        dlx_model_get_info(m, &info);
        const bool whole = strcmp(info.family, "dream") == 0 || strcmp(info.family, "llada") == 0;
        for (size_t d = 0; d < 3; d++)
            for (size_t c = 0; c < (whole ? 3 : 2); c++) {
                const dlx_export_opts opts = options(dtypes[d], caches[c]);
                check_package(m, &opts);
            }
        dlx_model_free(m);
    }
}

/* Two functions over one file: a weight that both use is in it once. */
static void functions_share_their_weights(void **state)
{
    (void)state;
    dlx_model *m = support_open("dream-tiny");
    static const size_t canvases[] = {16, 32};
    dlx_export_opts opts = options("int8", "none");
    opts.canvases = canvases;
    opts.n_canvases = 1;
    json_decref(exported(m, &opts));
    bytes_of one = read_part("Data/com.apple.CoreML/weights/weight.bin");
    opts.n_canvases = 2;
    json_decref(exported(m, &opts));
    bytes_of two = read_part("Data/com.apple.CoreML/weights/weight.bin");
    bytes_of model = read_part("Data/com.apple.CoreML/model.mlmodel");
    assert_int_equal(one.n, two.n);
    assert_memory_equal(one.data, two.data, one.n);
    assert_true(holds(&model, "denoise_16") && holds(&model, "denoise_32"));
    free(one.data), free(two.data), free(model.data);
    dlx_model_free(m);
}

/* C19: what was asked for is in the package, not what a constructor put in its place. */
static void c19_options_take_effect(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    dlx_export_opts opts = options("fp16", "io");
    opts.compute_unit = "cpu-and-gpu";
    opts.target = "macos26";
    json_t *report = exported(m, &opts);
    assert_string_equal(json_string_value(json_object_get(report, "target")), "macos26");
    assert_string_equal(json_string_value(json_object_get(report, "compute_unit")), "cpu-and-gpu");
    bytes_of model = read_part("Data/com.apple.CoreML/model.mlmodel");
    assert_int_equal(model.data[1], 10); /* specificationVersion is the first field */
    assert_true(holds(&model, "CoreML9") && holds(&model, "cpu-and-gpu"));
    assert_false(holds(&model, "CoreML8"));
    free(model.data);
    json_decref(report);
    dlx_model_free(m);
}

/* In the words of the Python original. */
static void c19_options_of_the_original_take_effect(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    char path[4096];
    snprintf(path, sizeof path, "%s", support_tmp("coreml-config.json"));
    support_write(path,
                  "{\"backend\": \"coreml\", \"quantization\": \"int4\", \"max_seq_len\": 64, "
                  "\"compute_unit\": \"cpu_and_ane\", "
                  "\"minimum_deployment_target\": \"iOS18\"}");
    const dlx_export_opts opts = {.size = sizeof opts, .config = path};
    json_t *report = exported(m, &opts);
    bytes_of model = read_part("Data/com.apple.CoreML/model.mlmodel");
    assert_string_equal(json_string_value(json_object_get(report, "backend")), "coreml");
    assert_string_equal(json_string_value(json_object_get(report, "dtype")), "int4");
    assert_string_equal(json_string_value(json_object_get(report, "cache")), "io");
    assert_true(holds(&model, "cpu-and-ne"));
    assert_int_equal(model.data[1], 9);
    const json_t *config = json_object_get(report, "config");
    assert_string_equal(json_string_value(json_object_get(config, "compute_unit")), "cpu-and-ne");
    assert_string_equal(json_string_value(json_object_get(config, "minimum_deployment_target")),
                        "ios18");
    free(model.data);
    json_decref(report);
    support_write(path, "{\"backend\": \"coreml\"}"); /* quantization none is fp16 there */
    report = exported(m, &opts);
    assert_string_equal(json_string_value(json_object_get(report, "dtype")), "fp16");
    json_decref(report);
    dlx_model_free(m);
}

static void refuse(const dlx_model *m, const dlx_export_opts *opts, const char *words)
{
    dlx_error err;
    assert_int_not_equal(dlx_export(m, support_tmp("refused.mlpackage"), opts, NULL, &err), DLX_OK);
    assert_says(&err, words);
    FILE *f = fopen(support_tmp("refused.mlpackage/Manifest.json"), "rb");
    assert_null(f);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const size_t canvases[] = {16, 32};
    dlx_model *sdar = support_open("sdar-tiny-b4"), *dream = support_open("dream-tiny");
    dlx_export_opts o = options("fp32", "io");
    refuse(sdar, &o, "Core ML computes floats in fp16: take fp16");
    o = options("int8", "io");
    o.scheme = "dynamic";
    refuse(sdar, &o, "take weight-only");
    o = options("fp16", "none");
    refuse(sdar, &o, "take state or io");
    o = options("fp16", "io");
    o.target = "ios17";
    refuse(sdar, &o, "expected ios18, macos15 or later");
    o.target = NULL;
    o.compute_unit = "ane_only";
    refuse(sdar, &o, "Core ML knows no other sets");
    o = options("fp16", "state");
    o.canvases = canvases;
    o.n_canvases = 2;
    refuse(dream, &o, "with states there is one function");
    o = options("fp16", "io");
    o.data_path = "x.ptd";
    refuse(sdar, &o, "a file of its own already");
    o.data_path = NULL;
    o.no_denoise = true;
    refuse(sdar, &o, "choose ids inside");
    o = (dlx_export_opts){.size = sizeof o, .target = "ios18"};
    refuse(sdar, &o, "only packages for Core ML have one");
    dlx_model_free(sdar);
    dlx_model_free(dream);
}

static bool stop(void *user, double done, double seconds_left)
{
    (void)user;
    (void)seconds_left;
    return done < 0.5;
}

/* Stopped halfway, and out of memory at any place: a sentence, and what was there before. */
static void failures_leave_what_was_there(void **state)
{
    (void)state;
    dlx_error err;
    dlx_export_opts opts = options("int4", "io");
    dlx_model *m = support_open("sdar-tiny-b4");
    json_decref(exported(m, &opts));
    bytes_of before = read_part("Manifest.json");
    opts.on_progress = stop;
    opts.dtype = "fp16";
    assert_int_equal(dlx_export(m, support_tmp(PACKAGE), &opts, NULL, &err), DLX_CANCELLED);
    bytes_of after = read_part("Manifest.json");
    assert_int_equal(after.n, before.n);
    assert_memory_equal(after.data, before.data, before.n);
    free(after.data);
    dlx_model_free(m);
    opts.on_progress = NULL;
    opts.n_threads = 1;
    failing_mem mem;
    failing_mem_init(&mem, 0);
    const dlx_model_opts with = {.size = sizeof with, .mem = &mem.mem};
    assert_ok(dlx_model_open(&m, support_golden("sdar-tiny-b4"), &with, &err), &err);
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i += i < 40 ? 1 : 17) {
        mem.fail_at = mem.n_calls + i;
        const long alive = mem.n_alive;
        r = dlx_export(m, support_tmp(PACKAGE), &opts, NULL, &err);
        assert_int_equal(mem.n_alive, alive);
        if (r == DLX_OK)
            break;
        assert_int_equal(r, DLX_E_NOMEM);
        after = read_part("Manifest.json");
        assert_memory_equal(after.data, before.data, before.n);
        free(after.data);
    }
    mem.fail_at = 0;
    dlx_model_free(m);
    free(before.data);
}

/* A file may not grow beyond what the system lets it: a disk that is full fails in the same way.
 * What was under the name stays. */
static void a_full_disk_leaves_what_was_there(void **state)
{
    (void)state;
    char command[4 * sizeof DLX_TMP_DIR + sizeof DLX_BINARY + sizeof DLX_TESTS_DIR + 256];
    char told[1024] = "";
    if (!DLX_BINARY[0])
        skip();
    dlx_model *m = support_open("sdar-tiny-b4");
    const dlx_export_opts opts = options("int4", "io");
    json_decref(exported(m, &opts));
    dlx_model_free(m);
    bytes_of before = read_part("Manifest.json");
    snprintf(command, sizeof command,
             "trap '' XFSZ; ulimit -f 200; '%s' export '%s/golden/sdar-tiny-b4' '%s/" PACKAGE
             "' --backend coreml -q 2>'%s/told-coreml.txt'",
             DLX_BINARY, DLX_TESTS_DIR, DLX_TMP_DIR, DLX_TMP_DIR);
    assert_int_not_equal(system(command), 0);
    FILE *f = fopen(support_tmp("told-coreml.txt"), "rb");
    assert_non_null(f);
    assert_true(fread(told, 1, sizeof told - 1, f) > 0);
    fclose(f);
    if (!strstr(told, "weight.bin: cannot write it: the file would be too large"))
        fail_msg("%s", told);
    bytes_of after = read_part("Manifest.json");
    assert_int_equal(after.n, before.n);
    assert_memory_equal(after.data, before.data, before.n);
    free(before.data);
    free(after.data);
}

static void a_package_is_not_run_here(void **state)
{
    (void)state;
#ifdef __APPLE__
    skip();
#else
    char *text;
    dlx_error err;
    assert_ok(dlx_doctor(&text, &err), &err);
    assert_non_null(strstr(text, "only macOS and iOS have Core ML"));
    dlx_free(NULL, text);
    dlx_model *m = support_open("sdar-tiny-b4");
    const dlx_export_opts opts = options("fp16", "io");
    json_decref(exported(m, &opts));
    dlx_model_free(m);
    assert_ok(dlx_model_open(&m, support_tmp(PACKAGE), NULL, &err), &err);
    assert_int_equal(dlx_bench(m, NULL, &text, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "only macOS and iOS have Core ML");
    assert_null(text);
    dlx_model_free(m);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_checkpoint_type_and_cache),
        cmocka_unit_test(functions_share_their_weights),
        cmocka_unit_test(c19_options_take_effect),
        cmocka_unit_test(c19_options_of_the_original_take_effect),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(failures_leave_what_was_there),
        cmocka_unit_test(a_full_disk_leaves_what_was_there),
        cmocka_unit_test(a_package_is_not_run_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
